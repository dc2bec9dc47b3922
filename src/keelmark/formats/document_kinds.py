"""What a document is for, told by its name, its front matter, its title and its headings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import DocumentKind, Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["kind_by_name", "kind_of", "looks_like_document"]

_K = DocumentKind
_GAP = r"[-_ .]?"

# Names without folder and suffix, in lower case; the first that matches counts.
_BY_NAME: tuple[tuple[str, DocumentKind], ...] = (
    (r"(un)?licen[sc]es?([-_.].*)?|copying([-_.].*)?|.*[-_.]licen[sc]e", _K.LICENCE),
    (r"security([-_]policy)?|\.?security\.txt|vulnerability[-_]disclosure.*", _K.SECURITY_POLICY),
    (r"(.*[-_])?model[-_]?(cards?|description)([-_].*)?|modelcard.*", _K.MODEL_CARD),
    (r"(.*[-_])?(data|dataset)[-_]?cards?([-_].*)?|datasheet([-_].*)?|data[-_]statement", _K.DATA_CARD),
    (r"(.*[-_])?prompt[-_]?(cards?|register)([-_].*)?", _K.PROMPT_CARD),
    ((r"user[-_]?notices?|transparency[-_]?(notice|note|statement)|usage[-_]?notice|notice[-_]to[-_]users|"
     r"(user|customer)[-_]?guidance|acceptable[-_]?use([-_]policy)?|safe[-_]?use([-_].*)?"), _K.USER_NOTICE),
    (r"privacy([-_]?(policy|notice|statement))?|data[-_]?(use|usage|protection)[-_]?(notice|policy)", _K.PRIVACY_NOTICE),
    (r"(.*[-_])?incident[-_]?(response|management)?([-_]?(plan|playbook|policy|process|runbook))?", _K.INCIDENT_PLAN),
    (r"(.*[-_])?(runbook|playbook)s?([-_].*)?", _K.RUNBOOK),
    (r"(.*[-_])?threat[-_]?(model|analysis|assessment)(l?ing)?([-_].*)?", _K.THREAT_MODEL),
    (r"adr[-_]?\d+.*", _K.DECISION_RECORD),
    (r"(.*[-_])?(tech(nical)?[-_]?debt|debt[-_]?register)([-_].*)?|debt", _K.DEBT_REGISTER),
    ((r"((ai|system|model|product|asset|service)[-_])?(life[-_]?cycle|decommission(ing)?|end[-_]of[-_]life|retirement|sunset(ting)?)([-_]?(plan|policy))?|"
     r"eol"), _K.LIFECYCLE_PLAN),
    (r"(.*[-_])?(eval(uation)?|benchmark|red[-_]?team(ing)?|safety[-_]eval(uation)?)s?[-_](report|results?|summary)([-_].*)?", _K.EVALUATION_REPORT),
    (r"(s?bom|ml[-_]?bom|ai[-_]?bom)([-_.].*)?", _K.BOM),
    (r"change[-_]?log|changes|history|release[-_]?notes|news", _K.CHANGELOG),
    (r"contributing([-_.].*)?", _K.CONTRIBUTING),
    (r"code[-_]of[-_]conduct", _K.CODE_OF_CONDUCT),
    (r"readme([-_.].*)?", _K.README),
)  # fmt: skip
_NAMES = tuple((re2.compile(rf"(?i){pattern}"), kind) for pattern, kind in _BY_NAME)

# Titles: the words at the start or at the end of a short heading, so that prose about a thing is not taken for it.
_BY_TITLE: tuple[tuple[str, DocumentKind], ...] = (
    (r"threat model(l?ing)?", _K.THREAT_MODEL),
    (r"(ai )?incident (response|management)( (plan|playbook|policy|process|procedure))?|incident plan", _K.INCIDENT_PLAN),
    (r"(operations )?runbook|playbook", _K.RUNBOOK),
    (r"model card", _K.MODEL_CARD),
    (r"data ?(set)? ?card|datasheet( for [\w -]+)?|data statement", _K.DATA_CARD),
    (r"prompt (card|register)", _K.PROMPT_CARD),
    (r"(user|transparency) notice|notice to users|transparency note|what users? (should|must) know", _K.USER_NOTICE),
    (r"privacy (notice|policy|statement)|data use notice", _K.PRIVACY_NOTICE),
    (r"security policy|vulnerability disclosure policy", _K.SECURITY_POLICY),
    (r"adr[ -]?\d+.*|architecture decision record.*", _K.DECISION_RECORD),
    (r"technical debt( register)?|debt register|tech debt", _K.DEBT_REGISTER),
    (r"(system |model )?life ?-?cycle( plan)?|decommissioning plan|end[ -]of[ -]life( plan| policy)?", _K.LIFECYCLE_PLAN),
    (r"(model |safety |llm )?evaluation (report|results)|red[ -]team(ing)? (report|results)|benchmark (report|results)",
     _K.EVALUATION_REPORT),
)  # fmt: skip
_TITLES = tuple(
    (re2.compile(rf"(?i)^(?:{pattern})$|^(?:{pattern})\s*[:(\x{{2013}}\x{{2014}}-].*$|^.*[:)\x{{2013}}\x{{2014}}-]\s*(?:{pattern})$|^\S+(?:\s\S+){{0,2}}\s(?:{pattern})$"), kind)
    for pattern, kind in _BY_TITLE
)  # fmt: skip
_HOW_TO = re2.compile(
    r"(?i)^(how|why|writing|creating|introduction|about|guide|what is|our|the need|example)\b"
)

_MODEL_KEYS = {
    "library_name",
    "pipeline_tag",
    "base_model",
    "model-index",
    "model_name",
    "inference",
    "widget",
}
_DATA_KEYS = {"task_categories", "dataset_info", "annotations_creators", "size_categories", "source_datasets",
              "language_creators", "task_ids", "multilinguality"}  # fmt: skip
_DECISION_HEADINGS = ({"context", "decision", "consequences"}, {"decision outcome", "considered options"})
_MODEL_HEADINGS = {"intended use", "intended uses", "training data", "evaluation", "limitations", "model details",
                   "out-of-scope use", "bias, risks, and limitations", "training procedure", "uses",
                   "intended uses & limitations", "model description"}  # fmt: skip
_SUFFIXES = (".md", ".markdown", ".rst", ".txt", ".mdx", ".adoc")


def _stem(name: str) -> str:
    lower = name.lower()
    for suffix in _SUFFIXES:
        if lower.endswith(suffix) and lower != "security.txt":
            return lower.removesuffix(suffix)
    return lower


def kind_by_name(path: str) -> DocumentKind | None:
    """The kind that the name of a file tells; None when it tells none."""
    *folders, name = path.lower().split("/")
    stem = _stem(name)
    for pattern, kind in _NAMES:
        if pattern.fullmatch(stem):
            return kind
    if folders[-1:] == ["licenses"] and not stem.startswith(("authors", "notice", "thanks", "readme")):
        return DocumentKind.LICENCE
    if (
        folders
        and folders[-1] in {"adr", "adrs", "decisions", "decision-records"}
        and stem not in {"index", "template"}
    ):
        return DocumentKind.DECISION_RECORD
    if folders and folders[-1] in {"runbooks", "playbooks"}:
        return DocumentKind.RUNBOOK
    return None


def looks_like_document(path: str) -> bool:
    """Whether a plain text file is called like a document for people."""
    return kind_by_name(path) is not None


def kind_of(path: str, keys: Mapping[str, object], title: str, sections: Sequence[Section]) -> DocumentKind:
    """The kind of a document.

    Args:
        path: Its path.
        keys: Front matter.
        title: Its title.
        sections: Its sections.
    """
    named = kind_by_name(path)
    if named not in {None, DocumentKind.README}:
        return named or DocumentKind.OTHER
    told = _by_front_matter(keys)
    if told is not None:
        return told
    headings = {section.title.strip().lower() for section in sections}
    if any(wanted <= headings for wanted in _DECISION_HEADINGS) and named is None:
        return DocumentKind.DECISION_RECORD
    by_title = _by_title(title)
    if by_title is not None:
        return by_title
    if named is None and len(headings & _MODEL_HEADINGS) >= 4:
        return DocumentKind.MODEL_CARD
    return named or DocumentKind.OTHER


def _by_front_matter(keys: Mapping[str, object]) -> DocumentKind | None:
    if _DATA_KEYS & set(keys):
        return DocumentKind.DATA_CARD
    has_licence = "license" in keys or "licence" in keys
    if _MODEL_KEYS & set(keys) and (
        has_licence or "tags" in keys or "model-index" in keys or "base_model" in keys
    ):
        return DocumentKind.MODEL_CARD
    if has_licence and "tags" in keys and "title" not in keys:
        return DocumentKind.MODEL_CARD
    return None


def _by_title(title: str) -> DocumentKind | None:
    if not title or len(title) > 100 or _HOW_TO.match(title):
        return None
    for pattern, kind in _TITLES:
        if pattern.match(title.strip()):
            return kind
    return None

"""Documents for people: Markdown, reStructuredText and plain text, with front matter, sections, contacts and dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Document, DocumentKind, Gap, GapReason, Reading, Section
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.document_kinds import kind_of, looks_like_document
from keelmark.formats.licence_texts import detect, spdx_of
from keelmark.formats.prompt_names import is_instruction_file, is_instruction_text, is_prompt_file
from keelmark.formats.sections import Bounds as SectionBounds
from keelmark.formats.sections import sections_of, words_of
from keelmark.formats.yaml_tree import Mapping, Node, Sequence
from keelmark.formats.yaml_values import flatten, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one document."""

    max_metadata: int = 64
    max_value_chars: int = 500
    max_contacts: int = 20
    max_dates: int = 50
    max_lines: int = 200_000


SECTION_BOUNDS = SectionBounds()
_MARKUP = (".md", ".markdown", ".rst", ".mdx", ".adoc")
_NO_SUFFIX = re2.compile(
    r"(?i)(un)?licen[sc]e([-_.][a-z0-9-]+)?|[a-z0-9]+([-_.][a-z0-9]+)*[-_]licen[sc]e|copying([-_.][a-z0-9-]+)?|notice|readme|changelog|changes|contributing|security|authors|maintainers"
)
_FORM = re2.compile(r"(?i)(?:^|/)(?:ISSUE_TEMPLATE/|PULL_REQUEST_TEMPLATE)")
_MAIL = re2.compile(
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}\b"
)
_REPORT_LINK = re2.compile(
    r"https?://[^\s)>\]\"'`]*(?:security/advisories|hackerone\.com|bugcrowd\.com|intigriti\.com|yeswehack\.com|"
    r"responsible-disclosure|vulnerability|/security/report|report-a-|/bugbounty|security/policy)[^\s)>\]\"'`]*"
)
_CONTACT_LINE = re2.compile(r"(?mi)^Contact:[ \t]*(\S+)")
_NO_MAIL = (".png", ".svg", ".jpg", ".gif", "example.com", "example.org")
_DATE = re2.compile(
    r"(?mi)(?:^|[|*_>\s(-])((?:(?:last|next|date of|date)[ -]+)?(?:last |next )?(?:reviewed|review(?: date| due)?|updated?|"
    r"revised|revision|modified|tested|test|exercised|exercise|approved|effective(?: date)?|expires|expiry|valid until|"
    r"valid from|created|published|date|as of|trained|training cutoff|knowledge cutoff|released?))"
    r"(?: on| at| by)?[\s*_|:=`]{1,12}(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))"
)
_VERSION_DATE = re2.compile(
    r"(?m)^#{1,3}[ \t]*\[?v?([0-9][^\]\s]{0,40})\]?[^\n]{0,40}?(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))"
)
_ISO = re2.compile(r"^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))")
_DATE_KEY = re2.compile(r"(?i)date|reviewed|updated|modified|expires|created|valid|approved|published")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "document"
    version: int = 2
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        name = source.name.lower()
        if is_instruction_text(source.path, source.head):
            return False
        if is_prompt_file(source.path) or is_instruction_file(source.path) or _FORM.search(source.path):
            return False
        if name.endswith(_MARKUP):
            return source.is_text
        if name.endswith(".txt"):
            return looks_like_document(source.path) and source.is_text
        return bool(_NO_SUFFIX.fullmatch(source.name)) and not _is_source(source) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        content = source.text.replace("\r\n", "\n").replace("\r", "\n")
        if "\x00" in content:
            raise ParseError("binary content where text was expected", path=source.path)
        if content.count("\n") > self.bounds.max_lines:
            raise LimitExceededError(
                f"document has more than {self.bounds.max_lines} lines", path=source.path
            )
        front, start, gaps = _front_matter(content, source.path)
        lines = content.split("\n")
        body = "\n".join(lines[start:])
        found = sections_of(lines, start=start, is_rst=source.suffix == ".rst")
        if len(found) >= SECTION_BOUNDS.max_sections:
            detail = f"sections behind the first {len(found)} were not told apart"
            gaps = (*gaps, Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail, matters=False))
        title = _title(front, found)
        kind = kind_of(source.path, front.entries if front else {}, title, found)
        document = Document(
            kind=kind,
            title=title[:200],
            words=words_of(body),
            sections=found,
            metadata=_metadata(front, self.bounds),
            licence=_licence(kind, front, content),
            contacts=_contacts(content, self.bounds),
            dates=_dates(kind, front, body, self.bounds),
        )
        return (Reading(format=self.name, document=document, gaps=gaps),)


def _is_source(source: Source) -> bool:
    # `license.py` or `readme.html` are called like a document and are none.
    return source.suffix in {".py", ".js", ".ts", ".go", ".rs", ".html", ".json", ".yml", ".yaml", ".toml", ".xml",
                             ".png", ".svg", ".pdf", ".sh", ".java", ".key", ".lic", ".tsx", ".jsx"}  # fmt: skip


def _front_matter(content: str, path: str) -> tuple[Mapping | None, int, tuple[Gap, ...]]:
    """The front matter, the index of the first line below it, and what could not be read of it."""
    if not content.startswith(("---\n", "\ufeff---\n")):
        return None, 0, ()
    lines = content.split("\n")
    end = next((n for n in range(1, min(len(lines), 5_000)) if lines[n].rstrip() in {"---", "..."}), 0)
    if end == 0:
        return None, 0, ()
    try:
        root = yaml_tree.parse("\n".join(["", *lines[1:end]]), path=path)
    except (ParseError, LimitExceededError) as error:
        detail = f"front matter: {error.message}"
        gap = Gap(path=path, reason=GapReason.MALFORMED, detail=detail, line=error.line or 1, matters=False)
        return None, end + 1, (gap,)
    # A horizontal rule may open a text as well: then what follows is no mapping.
    return (root, end + 1, ()) if isinstance(root, Mapping) else (None, 0, ())


def _title(front: Mapping | None, sections: tuple[Section, ...]) -> str:
    first = next((section.title for section in sections if section.level == 1), "")
    if first:
        return first
    for key in ("title", "pretty_name", "model_name", "name"):
        stated = text(front.find(key)) if front else ""
        if stated:
            return stated
    return next((section.title for section in sections if section.title), "")


def _metadata(front: Mapping | None, bounds: Bounds) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for key, value in _pairs(front):
        if len(found) >= bounds.max_metadata:
            break
        found.append((key, value[: bounds.max_value_chars]))
    return tuple(found)


def _pairs(node: Node | None, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in node.entries.items() if isinstance(node, Mapping) else ():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from _pairs(value, name)
        elif isinstance(value, Sequence) and len(texts(value)) == len(value.items):
            yield name, ", ".join(texts(value))
        else:
            yield from ((path, item) for path, item, _ in flatten(value, name))


def _licence(kind: DocumentKind, front: Mapping | None, content: str) -> str:
    for key in ("license", "licence", "license_name"):
        node = front.find(key) if front else None
        named = [spdx_of(name) for name in texts(node)]
        if named and all(named):
            return " OR ".join(named)
    return detect(content) if kind is DocumentKind.LICENCE else ""


def _contacts(content: str, bounds: Bounds) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for address in _CONTACT_LINE.findall(content):
        found[str(address).removeprefix("mailto:")[:300]] = None
    for address in _MAIL.findall(content):
        if not address.lower().endswith(_NO_MAIL) and not address.lower().startswith("git@"):
            found[str(address)] = None
    for link in _REPORT_LINK.findall(content):
        found[str(link).rstrip(".,;")[:300]] = None
    return tuple(found)[: bounds.max_contacts]


def _dates(
    kind: DocumentKind, front: Mapping | None, body: str, bounds: Bounds
) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for key, value in _pairs(front):
        match = _ISO.match(value)
        if match and _DATE_KEY.search(key):
            found[key, match.group(1)] = None
    for label, day in _DATE.findall(body):
        found[" ".join(label.lower().split()), day] = None
    if kind is DocumentKind.CHANGELOG:
        for version, day in _VERSION_DATE.findall(body):
            found[version, day] = None
    return tuple(found)[: bounds.max_dates]


READER: Reader = _Reader()

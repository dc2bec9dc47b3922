"""The model card says one thing and the file another.

## What it finds

Plain contradictions between a model card and the weights it stands beside:

- the count of parameters, where the card states exactly one and the header of the only model states another (more than
  a tenth apart);
- the architecture, where the front matter names one and the file names another;
- the format, where the front matter names one and no file of weights has it;
- the licence, where the front matter names one and the licence text or the header beside it is another.

What the card leaves open, and cards that speak of several models, are not judged.

## Why it matters

Either the card describes another model, or the file is not the one that was described. Decisions that rest on the card
rest on nothing.

## How to fix

Find out which of the two is right, and mend the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each
from keelmark.development.checks._files import weights_here
from keelmark.development.checks._models import cards_of
from keelmark.development.checks._packages import folder_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.facts import Document, ModelFile
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="model-card-contradicts-file",
    title="The model card says one thing and the file another",
    severity=Severity.MEDIUM,
    recommendations=("DEV-3.a", "SD-4.d"),
    tags=("atlas:AML.M0023", "en-304-223:5.2.4-1"),
)

TOLERANCE = 0.1

_COUNT = re2.compile(
    r"(?i)\b([0-9][0-9.,]*)\s*(b|bn|billion|m|mn|million|k|thousand)?[ -]*(?:trainable |total |model )?param(?:eter)?s?\b"
    r"|\bparam(?:eter)?s?(?: count)?\*{0,2}\s*[:=|]\s*\*{0,2}\s*([0-9][0-9.,]*)\s*(b|bn|billion|m|mn|million|k|thousand)?\b"
)
_SCALE = {
    "b": 1e9,
    "bn": 1e9,
    "billion": 1e9,
    "m": 1e6,
    "mn": 1e6,
    "million": 1e6,
    "k": 1e3,
    "thousand": 1e3,
    "": 1.0,
}
_FORMATS = {
    "safetensors": ("safetensors",),
    "gguf": ("gguf",),
    "onnx": ("onnx",),
    "pickle": ("pickle", "joblib"),
    "joblib": ("joblib", "pickle"),
    "pytorch": ("torch-zip", "torch-legacy", "torchscript", "safetensors"),
    "torch": ("torch-zip", "torch-legacy", "torchscript", "safetensors"),
    "torchscript": ("torchscript",),
    "keras": ("keras", "hdf5"),
    "tflite": ("tflite",),
}
_PLAIN = re2.compile(r"[^a-z0-9]+")


def check(project: Project) -> Iterator[Finding]:
    """Answer for each card that stands with weights."""
    weights = weights_here(project)
    cards = cards_of(project)
    if not cards or not weights:
        yield CARD.not_applicable("no model card stands with weights in the folder")
        return
    compared = 0
    defects: list[Defect] = []
    for card in cards:
        beside = _beside(card, weights)
        if not beside:
            continue
        compared += 1
        for what, said, found in _contradictions(project, card, beside):
            defects.append(
                Defect(
                    message=f"{card.file.path} says {what} {said}, {beside[0].file.path} says {found}",
                    many="statements of model cards contradict the files",
                    at=card.at(0, anchor=what),
                    fix="Find out which of the two is right, and mend the other.",
                    subject=f"{card.file.path} {what}",
                    severity=None if card.is_product or card.file.role == "documentation" else Severity.LOW,
                )
            )
    yield from fail_each(CARD, defects)
    if not compared:
        yield CARD.not_applicable("no model card stands with weights in the folder")
    elif not defects:
        yield CARD.passed("nothing in the model card contradicts the files", at=cards[0].at(0))


def _beside(card: Seen[Document], weights: Sequence[Seen[ModelFile]]) -> list[Seen[ModelFile]]:
    """Weights that a card speaks of: in its folder or below; all when it stands at the top or among the documents."""
    folder = folder_of(card.file.path)
    if not folder or folder.split("/")[0] in {"doc", "docs"}:
        return list(weights)
    return [seen for seen in weights if seen.file.path.startswith(f"{folder}/")]


def _contradictions(
    project: Project, card: Seen[Document], beside: list[Seen[ModelFile]]
) -> Iterator[tuple[str, str, str]]:
    stated = {key.lower(): value.strip() for key, value in card.fact.metadata}
    count, measured = _stated_count(card.fact), _parameters(beside)
    if count is not None and measured and abs(count - measured) > TOLERANCE * max(count, measured):
        yield "parameters", f"{count:,.0f}", f"{measured:,}"
    architectures = {_bare(seen.fact.architecture) for seen in beside if seen.fact.architecture}
    named = _bare(stated.get("architecture", "") or stated.get("model_type", ""))
    if named and architectures and not any(named in other or other in named for other in architectures):
        yield (
            "architecture",
            stated.get("architecture") or stated["model_type"],
            ", ".join(sorted(architectures)),
        )
    form = stated.get("format", "").lower() or stated.get("model_format", "").lower()
    formats = {seen.fact.format for seen in beside}
    if form in _FORMATS and not formats.intersection(_FORMATS[form]):
        yield "format", form, ", ".join(sorted(formats))
    yield from _licences(project, card, beside, stated)


def _licences(
    project: Project, card: Seen[Document], beside: list[Seen[ModelFile]], stated: dict[str, str]
) -> Iterator[tuple[str, str, str]]:
    said = stated.get("license") or stated.get("licence") or ""
    own = _licence(said)
    if not own or own == "other":
        return
    folder = folder_of(card.file.path)
    # Code and weights may have different licences; only what stands in one folder with card and weights must agree.
    together = any(folder_of(seen.file.path) == folder for seen in beside)
    texts = [
        text.fact.licence
        for text in project.documents(DocumentKind.LICENCE)
        if together and folder_of(text.file.path) == folder and text.fact.licence
    ]
    headers = [
        value
        for seen in beside
        for key, value in seen.fact.metadata
        if key.lower() in {"general.license", "license", "licence"} and value
    ]
    for other in (*headers, *texts):
        if _licence(other) and _licence(other) != own:
            yield "licence", said, other
            return


def _licence(text: str) -> str:
    """An SPDX id in the form in which ids are compared; `-only` and `-or-later` say nothing of the family."""
    return _bare(text.lower().removesuffix("-only").removesuffix("-or-later").removesuffix("+"))


def _bare(text: str) -> str:
    return str(_PLAIN.sub("", text.lower()))


def _stated_count(card: Document) -> float | None:
    """The one count of parameters that a card states; None when it states none, or several."""
    texts = [f"{key}: {value}" for key, value in card.metadata if "param" in key.lower()]
    texts += [f"{part.title}\n{part.text}" for part in card.sections]
    found: set[float] = set()
    for text in texts:
        for first, unit, second, other in _COUNT.findall(text):
            digits, scale = (first, unit) if first else (second, other)
            number = _number(digits, has_scale=bool(scale))
            # A small bare number counts something else: "3 parameters of the request".
            if number is not None and (scale or number >= 1000):
                found.add(number * _SCALE[scale.lower()])
    return found.pop() if len(found) == 1 else None


def _number(text: str, *, has_scale: bool) -> float | None:
    clean = text.rstrip(".,")
    clean = clean.replace(",", "") if "." in clean or not has_scale else clean.replace(",", ".")
    try:
        return float(clean)
    except ValueError:
        return None


def _parameters(beside: list[Seen[ModelFile]]) -> int:
    """Parameters of the only model beside a card, its shards added up; 0 when there are several or it is not known."""
    if len({(folder_of(seen.file.path), seen.fact.format) for seen in beside}) != 1:
        return 0
    sharded = all("-of-" in seen.file.path for seen in beside)
    if len(beside) > 1 and not sharded:
        return 0
    counts = [seen.fact.parameters for seen in beside]
    return sum(count or 0 for count in counts) if all(counts) else 0

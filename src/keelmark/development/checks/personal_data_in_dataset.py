"""A dataset holds personal data without a recorded reason.

## What it finds

Personal data found in a dataset of the product (mail addresses, phone numbers, bank accounts, payment cards, identity
numbers; those with a checksum are checked) for which keelmark.yaml and the data card name no basis. How many records
were looked at is part of the finding.

## Why it matters

What is in the training data can come out of the model. Personal data needs a basis, and often should not be there at
all.

## How to fix

Remove or replace the personal data; where it must stay, record the basis in `datasets` of keelmark.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Dataset
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="personal-data-in-dataset",
    title="A dataset holds personal data without a recorded reason",
    severity=Severity.MEDIUM,
    recommendations=("G2.e", "SD-2.e", "OM-2.b"),
    settles=("G2.e",),
    tags=("cwe:359", "owasp-llm:LLM02", "en-304-223:5.2.4-2"),
    reads_single_files=True,
)

# Classes whose loss hurts people directly.
_GRAVE = ("card", "iban", "ssn", "national", "passport", "health", "biometric", "account")

_WORDS = {"iban": "bank account number (IBAN)"}


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    data = [Seen(f, r, r.dataset) for f, r in project.readings if r.dataset is not None]
    product = [seen for seen in data if seen.is_product]
    if not product:
        yield CARD.not_applicable("no dataset was found")
        return
    bases = project.declaration.datasets if project.declaration else ()
    for seen in product:
        basis = next(
            (entry.personal_data_basis for entry in bases if matches(entry.path, seen.file.path)), ""
        )
        yield _answer(seen, basis)


def _answer(seen: Seen[Dataset], basis: str) -> Finding:
    data = seen.fact
    if data.personal and not (basis and basis != "none"):
        kinds = ", ".join(f"{_words(entry.kind)} ({entry.count:,})" for entry in data.personal)
        first = data.personal[0]
        is_grave = any(word in entry.kind.lower() for entry in data.personal for word in _GRAVE)
        return CARD.failed(
            f"{counted(data.read_rows, 'record')} looked at, with personal data: {kinds}",
            at=Location(path=seen.file.path, line=first.line, anchor=first.kind),
            fix="Remove or replace it; where it must stay, record the basis in `datasets` of keelmark.yaml.",
            subject=",".join(entry.kind for entry in data.personal),
            severity=Severity.HIGH if is_grave else CARD.severity,
        )
    if data.personal:
        return CARD.passed(f"personal data is declared with its basis: {basis}", at=seen.at(0))
    if not data.read_rows:
        return CARD.unknown(
            f"the records of {seen.file.path} were not looked at ({data.format})", at=seen.at(0)
        )
    if not data.is_complete:
        return CARD.unknown(f"no personal data in the first {counted(data.read_rows, 'record')}; the rest was not looked at",
                            at=seen.at(0))  # fmt: skip
    if hidden := next((gap for gap in seen.file.gaps if gap.matters), None):
        reason = hidden.detail or hidden.reason.value
        return CARD.unknown(
            f"no personal data in what could be read of {seen.file.path} ({reason})", at=seen.at(0)
        )
    return CARD.passed(f"no personal data in {counted(data.read_rows, 'record')}", at=seen.at(0))


def _words(kind: str) -> str:
    """A kind as people call it."""
    return _WORDS.get(kind, kind.replace("-", " "))

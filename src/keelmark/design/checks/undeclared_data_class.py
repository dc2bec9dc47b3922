"""Data of a class that nobody declared lies in the folder.

## What it finds

Personal data in datasets of the product whose class (personal, payment, health, biometric) is not among the declared
`data_classes`. The comparison needs a declaration: without one the answer is unknown.

## Why it matters

What the data is worth decides who attacks. A threat model that does not know of it protects the wrong thing.

## How to fix

Remove the data, or declare its class with the basis for it and weigh it in the threat model.

```yaml
data_classes:
  - {name: personal, where: [data/customers.csv], basis: contract, retention_days: 365}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._data_classes import classes_found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project
    from keelmark.design.checks._data_classes import FoundClass

CARD = Card(
    id="undeclared-data-class",
    title="Data of a class that nobody declared lies in the folder",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.e",),
    settles=("SD-2.e",),
    tags=("cwe:359", "owasp-llm:LLM02", "en-304-223:5.1.3-1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every class that was found."""
    datasets = [
        (file, reading.dataset)
        for file, reading in project.readings
        if reading.dataset is not None and file.role.value == "product"
    ]
    if not datasets:
        yield CARD.not_applicable("no dataset was found")
        return
    found = classes_found(project)
    declaration = project.declaration
    if declaration is None:
        yield _without_declaration(found)
        return
    declared = {entry.name.lower() for entry in declaration.data_classes}
    missing = [entry for entry in found if not declared.intersection(entry.accepted)]
    for entry in missing:
        yield CARD.failed(
            f"{entry.words} were found and the class `{entry.name}` is not declared",
            at=entry.at,
            fix=f"Remove the data, or declare `{entry.name}` in `data_classes` of keelmark.yaml and weigh it in the threat model.",
            subject=entry.name,
        )
    unread = [file.path for file, dataset in datasets if not dataset.is_complete]
    if not missing and unread:
        yield CARD.unknown(
            f"not every record of {unread[0]} was looked at", fix="Declare its classes of data."
        )
    elif not missing:
        place = declaration.at("data_classes", path=project.declaration_path)
        classes = ", ".join(sorted(declared)) or "none"
        yield CARD.passed(f"classes found are among those declared ({classes})", at=place)


def _without_declaration(found: Sequence[FoundClass]) -> Finding:
    names = ", ".join(entry.name for entry in found)
    what = f"personal data was found ({names})" if found else "no personal data was found"
    return CARD.unknown(
        f"{what}, and no declaration says which classes of data the system handles",
        fix="Declare `data_classes` in keelmark.yaml.",
        at=tuple(entry.at for entry in found),
    )

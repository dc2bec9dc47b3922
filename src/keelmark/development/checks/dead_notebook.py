"""A notebook that does not run as it stands.

## What it finds

Notebooks of the product whose kept output is an error, whose cells were run in another order than they stand, or whose
code is not valid. Notebooks in documentation and examples are left alone when they merely ran out of order.

## Why it matters

What it shows cannot be made again. Numbers in a card or a decision that come from it rest on a state that is gone.

## How to fix

Restart the kernel, run all cells, mend what fails, and save; or remove the notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen
from keelmark.development.checks._answers import Defect, fail_each, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Notebook
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="dead-notebook",
    title="A notebook that does not run as it stands",
    severity=Severity.LOW,
    recommendations=("DEV-4.a", "DEV-2.h"),
    tags=("cwe:1164",),
    reads_single_files=True,
)

_LESSER = frozenset({FileRole.DOCUMENTATION, FileRole.EXAMPLE})
_LEFT_OUT = frozenset({FileRole.TEST, FileRole.VENDORED, FileRole.GENERATED})


def check(project: Project) -> Iterator[Finding]:
    """Answer for each notebook."""
    notebooks = [
        Seen(file, reading, reading.notebook)
        for file, reading in project.readings
        if reading.notebook is not None and file.role not in _LEFT_OUT
    ]
    bad = [(seen, why) for seen in notebooks if (why := _why(seen))]
    yield from fail_each(
        CARD,
        (
            Defect(
                message=f"{seen.file.path} does not run as it stands: {why}",
                many="notebooks do not run as they stand",
                at=seen.at(0),
                fix="Restart the kernel, run all cells, mend what fails, and save; or remove it.",
                subject=seen.file.path,
            )
            for seen, why in bad
        ),
    )
    if not notebooks:
        yield CARD.not_applicable("no notebook was found")
    elif not bad:
        yield CARD.passed(
            f"{plural(len(notebooks), 'notebook')} without kept errors, in order",
            at=tuple(seen.at(0) for seen in notebooks[:10]),
        )


def _why(seen: Seen[Notebook]) -> str:
    book = seen.fact
    reasons = []
    if book.unparsed:
        reasons.append(f"cell {book.unparsed[0]} is no valid code")
    if book.errors:
        reasons.append(f"cell {book.errors[0]} ended with an error")
    if book.is_executed_in_order is False and seen.file.role not in _LESSER:
        reasons.append("its cells were run in another order")
    return ", ".join(reasons)

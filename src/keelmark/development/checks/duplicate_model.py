"""The same weights lie in two places.

## What it finds

Files of weights of the product that are equal byte by byte. One network in several formats is no duplicate, and neither
are tiny files.

## Why it matters

Only one of them is updated. The other is loaded by somebody, with the weakness that the update mended.

## How to fix

Keep one, and let every user name that path.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import MAX_PLACES, listed, plural
from keelmark.development.checks._files import weights_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="duplicate-model",
    title="The same weights lie in two places",
    severity=Severity.LOW,
    recommendations=("DEV-4.a", "DEV-2.d"),
    tags=("cwe:1041", "en-304-223:5.2.1-1"),
)

# Smaller files are equal by chance: an empty estimator, a header.
MIN_BYTES = 64


def check(project: Project) -> Iterator[Finding]:
    """Answer for each group of equal files."""
    weights = [
        seen.file for seen in weights_here(project) if seen.file.digest and seen.file.size >= MIN_BYTES
    ]
    groups: dict[str, list[str]] = defaultdict(list)
    for file in weights:
        groups[file.digest].append(file.path)
    equal = {digest: sorted(paths) for digest, paths in groups.items() if len(paths) > 1}
    for digest, paths in sorted(equal.items(), key=lambda pair: pair[1]):
        yield CARD.failed(
            f"the same weights lie at {listed(paths)}",
            at=tuple(Location(path=path) for path in paths[:MAX_PLACES]),
            fix="Keep one, and let every user name that path.",
            subject=paths[0],
            evidence=[("sha256", digest)],
        )
    if not weights:
        yield CARD.not_applicable("no weights were found")
    elif not equal:
        yield CARD.passed(f"{plural(len(weights), 'file')} of weights, each different from the others")

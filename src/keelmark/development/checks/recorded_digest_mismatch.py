"""A file is not the one whose digest was recorded.

## What it finds

Files whose SHA-256 differs from the one that a checksum file, a signature or keelmark.yaml records for them. Digests of
other algorithms cannot be recomputed here and are left out; a recorded file that is not in the folder is left out as
well, because a release has files that a checkout has not.

A pass settles that digests are recorded only when every file of weights and every dataset of the product is covered.

## Why it matters

Either the file was replaced, or the record is old and protects nothing.

## How to fix

Find out who changed the file and why. Restore it, or record the new digest after it was assessed again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import Defect, fail_each, listed, plural
from keelmark.development.checks._files import recorded_digests, weights_here
from keelmark.development.checks._models import datasets_of, own_weights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="recorded-digest-mismatch",
    title="A file is not the one whose digest was recorded",
    severity=Severity.HIGH,
    recommendations=("DEV-3.g", "DEV-2.g", "DEP-2.j"),
    settles=("DEV-3.g",),
    tags=("cwe:354", "owasp-llm:LLM03", "atlas:AML.T0018", "atlas:AML.M0014", "en-304-223:5.2.4-1.2"),
    audience=Audience.SECURITY_ENGINEER,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each recorded digest that can be compared."""
    records = recorded_digests(project)
    defects: list[Defect] = []
    equal: list[str] = []
    for path, entries in sorted(records.items()):
        file = project.by_path.get(path)
        if file is None or any(reading.pointers for reading in file.readings):
            continue
        for entry in entries:
            agrees = entry.agrees(file)
            if agrees:
                equal.append(path)
            elif agrees is False:
                defects.append(
                    Defect(
                        message=f"{path} is not the file whose digest {entry.where.path} records",
                        many="files are not the ones whose digests are recorded",
                        at=entry.where,
                        fix="Find out who changed it; restore it, or record the new digest after it was assessed again.",
                        subject=path,
                        evidence=(("recorded", entry.digest), ("measured", file.digest)),
                    )
                )
    yield from fail_each(CARD, defects)
    if defects:
        return
    wanted = {
        *(seen.file.path for seen in weights_here(project)),
        *(asset.path for asset in (*own_weights(project), *datasets_of(project))),
    }
    if equal:
        bare = sorted(wanted - set(equal))
        rest = f"; none is recorded for {listed(bare, most=3)}" if bare else ""
        found = CARD.passed(
            f"{plural(len(set(equal)), 'file')} with the recorded digest{rest}",
            evidence=[("files", listed(sorted(set(equal))))],
        )
        # Only a record of everything settles that digests are recorded.
        yield replace(found, settles=()) if bare else found
    elif wanted:
        found = CARD.not_applicable("no digest is recorded that could be compared")
        yield replace(found, settles=())
    else:
        yield CARD.not_applicable("neither weights nor datasets were found, and no digest is recorded")

"""A part of the project could not be looked at.

## What it finds

Files with code, data or configuration that were not read although they could hide a defect. Files that are broken (code
that does not parse, a manifest that is no TOML) fail; limits of the reading (too large, out of time, no reader, a link
that leaves the folder) are named as not known. Models are the business of `unread-model`, pointers of `asset-not-here`,
and what a person excluded is in the report already.

## Why it matters

Every other answer speaks only of what was read. A file that no tool can read is where a fault hides best.

## How to fix

Mend the file, or remove it. For a limit: raise it (`--max-files`, `--max-seconds`), or exclude the file in
keelmark.yaml for a time, with a reason and an owner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole, GapReason
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import MAX_PLACES, Defect, fail_each, listed, plural
from keelmark.development.checks._files import BROKEN, is_model_path
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Gap
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="unread-part",
    title="A part of the project could not be looked at",
    severity=Severity.MEDIUM,
    recommendations=("DEV-2.d", "SD-3.n"),
    tags=("en-304-223:5.2.1-1",),
    reads_single_files=True,
)

_ELSEWHERE = frozenset({GapReason.EXCLUDED, GapReason.NOT_HERE})
_LESSER = frozenset(
    {FileRole.TEST, FileRole.EXAMPLE, FileRole.DOCUMENTATION, FileRole.VENDORED, FileRole.GENERATED}
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every gap that matters."""
    gaps = {
        (gap.path, gap.reason): gap
        for gap in reversed(project.gaps)
        if gap.matters and gap.reason not in _ELSEWHERE and not is_model_path(project, gap.path)
    }
    found = sorted(gaps.values(), key=lambda gap: (gap.path, gap.line))
    broken = [gap for gap in found if gap.reason in BROKEN]
    yield from fail_each(CARD, (_defect(gap) for gap in broken))
    limits = [gap for gap in found if gap.reason not in BROKEN]
    if limits:
        reasons = sorted({gap.reason.value for gap in limits})
        yield CARD.unknown(
            f"{plural(len(limits), 'part')} not looked at ({', '.join(reasons)}): {listed([gap.path for gap in limits])}",
            fix="Mend what can be mended, raise the limit, or exclude it for a time in keelmark.yaml.",
            at=tuple(Location(path=gap.path, line=gap.line) for gap in limits[:MAX_PLACES]),
        )
    if not found and project.files:
        yield CARD.passed(f"nothing that matters was left out of {plural(len(project.files), 'file')}")
    elif not found:
        yield CARD.not_applicable("no file was found")


def _defect(gap: Gap) -> Defect:
    return Defect(
        message=f"{gap.path} is broken and could not be read in full: {gap.detail or gap.reason.value}",
        many="files are broken and could not be read in full",
        at=Location(path=gap.path, line=gap.line),
        fix="Mend the file, or remove it.",
        subject=gap.path,
        severity=Severity.LOW if role_of(gap.path) in _LESSER else None,
    )

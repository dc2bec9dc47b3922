"""A pointer stands for data or a model, and nothing ties it to the real bytes.

## What it finds

Pointers of Git LFS, DVC and git-annex. One that records no digest fails, and so does one whose file is here with another
digest. One whose bytes are elsewhere is not known: it is named, with the place that keeps it, because nothing can be
said of bytes that nobody looked at. What the lock of a pipeline records and the folder lacks is named as well.

## Why it matters

A pointer without a digest accepts whatever the store sends. And a report that is silent about absent data reads as if
it had been examined.

## How to fix

Track the file anew, so that its digest is recorded. Fetch the bytes (`git lfs pull`, `dvc pull`) before the assessment
that decides on a release.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen
from keelmark.development.checks._answers import Defect, fail_each, listed, plural
from keelmark.development.checks._files import absent_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Pointer
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="asset-not-here",
    title="A pointer stands for data or a model, and nothing ties it to the real bytes",
    severity=Severity.MEDIUM,
    recommendations=("DEV-2.d", "DEV-2.g", "SD-3.h"),
    tags=("cwe:353", "atlas:AML.M0014", "en-304-223:5.2.1-1"),
)

MAX_NAMED = 20


def check(project: Project) -> Iterator[Finding]:
    """Answer for each pointer."""
    pointers = [
        Seen(file, reading, pointer) for file, reading in project.readings for pointer in reading.pointers
    ]
    defects = [defect for seen in pointers if (defect := _defect(project, seen)) is not None]
    yield from fail_each(CARD, defects)
    absent = [seen for seen in pointers if not _is_here(project, seen)]
    for seen in absent[:MAX_NAMED]:
        yield CARD.unknown(
            f"{seen.fact.target} is not in the folder, only its {seen.fact.kind.value} pointer; {_kept(seen.fact)}",
            fix="Fetch it (git lfs pull, dvc pull) and assess again.",
            at=seen.at(anchor=seen.fact.target),
            subject=seen.fact.target,
        )
    if len(absent) > MAX_NAMED:
        yield CARD.unknown(f"{len(absent) - MAX_NAMED} more files are only pointers")
    outputs = _outputs(project, {seen.fact.target for seen in pointers})
    yield from outputs
    if not pointers and not outputs:
        yield CARD.not_applicable("no pointer of Git LFS, DVC or git-annex was found")
    elif not defects and not absent and not outputs:
        yield CARD.passed(
            f"{plural(len(pointers), 'pointer')} with a digest, and the files are here",
            at=tuple(seen.at(anchor=seen.fact.target) for seen in pointers[:10]),
        )


def _outputs(project: Project, named: set[str]) -> list[Finding]:
    """One open answer for each lock of a pipeline that records files which are not here."""
    locks: dict[str, list[str]] = defaultdict(list)
    for path, (file, _) in sorted(absent_outputs(project).items()):
        if path not in named:
            locks[file.path].append(path)
    return [
        CARD.unknown(
            f"{lock} records {plural(len(paths), 'file')} that {'is' if len(paths) == 1 else 'are'} not in the folder: "
            f"{listed(paths)}",
            fix="Fetch them (dvc pull) and assess again.",
            at=Location(path=lock, anchor=paths[0]),
            subject=lock,
        )
        for lock, paths in locks.items()
    ]


def _is_here(project: Project, seen: Seen[Pointer]) -> bool:
    """Whether the bytes are in the folder: another file than the pointer itself."""
    return seen.fact.target != seen.file.path and project.has_path(seen.fact.target)


def _kept(pointer: Pointer) -> str:
    size = f", {pointer.size} bytes" if pointer.size is not None else ""
    return f"kept at {pointer.source}{size}" if pointer.source else f"where it is kept is not said{size}"


def _defect(project: Project, seen: Seen[Pointer]) -> Defect | None:
    pointer = seen.fact
    at = Location(path=seen.file.path, line=pointer.line, anchor=pointer.target)
    if not pointer.digest:
        return Defect(
            message=f"{seen.file.path} points to {pointer.target} without a digest",
            many="pointers record no digest",
            at=at,
            fix="Track the file anew (dvc add, git lfs track and add), so that its digest is recorded.",
            subject=pointer.target,
            severity=None if seen.is_product else Severity.LOW,
        )
    file = project.by_path.get(pointer.target) if _is_here(project, seen) else None
    if (
        file is None
        or not file.digest
        or pointer.algorithm != "sha256"
        or file.digest == pointer.digest.lower()
    ):
        return None
    return Defect(
        message=f"{pointer.target} is not the file that {seen.file.path} records",
        many="files are not the ones that their pointers record",
        at=at,
        fix="Fetch the recorded file again, or track the new one after finding out who changed it.",
        subject=pointer.target,
        severity=Severity.HIGH if seen.is_product else Severity.LOW,
    )

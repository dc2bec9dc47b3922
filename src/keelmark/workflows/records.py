"""What a run leaves in the transparency log: its findings, and each waiver and attestation that is new there.

There is nothing to record where no log was begun, unless it is asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.log import LogEntry, LogKind
from keelmark.errors import StoreError
from keelmark.store.log_files import LogFiles
from keelmark.trust.leaf import digest_of
from keelmark.workflows.log import LOG_FOLDER, find_log, record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from keelmark.core.assessment import Assessment
    from keelmark.core.clock import Clock
    from keelmark.core.declaration import Declaration

__all__ = ["document_of", "log_place", "record_assessment", "statements_of"]


def log_place(root: Path, *, wanted: bool | None) -> Path | None:
    """Folder of the log in which a project records; None when it does not.

    Args:
        root: The project.
        wanted: True begins a log, False does not record, None records where there is a log.
    """
    place = root / LOG_FOLDER
    if wanted is None:
        try:
            return place if find_log(root) == place else None
        except StoreError:
            return None
    return place if wanted else None


def record_assessment(
    root: Path,
    assessment: Assessment,
    declaration: Declaration | None,
    *,
    wanted: bool | None,
    clock: Clock,
) -> None:
    """Record a run. Nothing is signed here: a signed log keeps the entries until the next signature.

    Raises:
        StoreError: There is a log, and it could not be written.
    """
    place = log_place(root, wanted=wanted)
    if place is None:
        return
    findings = LogEntry(
        kind=LogKind.FINDINGS, subjects=_tree(assessment), record=document_of(assessment.findings)
    )
    record(place, [findings, *statements_of(place, assessment, declaration)], key=None, clock=clock)


def statements_of(
    place: Path, assessment: Assessment, declaration: Declaration | None
) -> tuple[LogEntry, ...]:
    """The waivers and attestations in force that the log does not have yet."""
    if declaration is None:
        return ()
    today = assessment.today
    stated: list[tuple[LogKind, object]] = [
        *((LogKind.WAIVER, each) for each in declaration.waivers if each.is_current(today)),
        *((LogKind.ATTESTATION, each) for each in declaration.attestations if each.is_current(today)),
    ]
    found = (
        LogEntry(kind=kind, subjects=_tree(assessment), record=document_of(each)) for kind, each in stated
    )
    return tuple(_new(place, found))


def document_of(value: object) -> bytes:
    """A value as JSON in ASCII: foreign text may hold lone surrogates, which no charset has."""
    return json.dumps(msgspec.to_builtins(value), sort_keys=True, separators=(",", ":")).encode()


def _new(place: Path, entries: Iterable[LogEntry]) -> Iterable[LogEntry]:
    files = LogFiles(place)
    for entry in entries:
        digest = digest_of(entry.record)
        found = files.record(digest)
        if found is None or digest_of(found) != digest:
            yield entry


def _tree(assessment: Assessment) -> tuple[str, ...]:
    return (f"sha256:{assessment.tree_digest}",) if assessment.tree_digest else ()

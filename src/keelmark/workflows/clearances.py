"""Clearances: a named person vouches for one finding in one file, for a time, and signs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.log import LogEntry, LogKind
from keelmark.core.outcome import Severity
from keelmark.core.scan import Clearance
from keelmark.errors import ParseError, UsageError
from keelmark.trust import dsse
from keelmark.workflows.log import record
from keelmark.workflows.scan import ScanSettings, scan
from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.clock import Clock
    from keelmark.core.scan import ScanFinding
    from keelmark.trust.keys import PrivateKey, PublicKey

__all__ = ["PAYLOAD_TYPE", "Statement", "clear", "read_clearances"]

PAYLOAD_TYPE = "application/vnd.keelmark.clearances.v1+json"
_MAX_BYTES = 16 * 1024**2


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    clearances: list[Clearance]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a person states about one finding.

    Attributes:
        artefact: The file.
        subject: The exact name the finding is about.
        reason: Why it is harmless.
        owner: Who says so.
        expires: Last day it counts.
    """

    artefact: Path
    subject: str
    reason: str
    owner: str
    expires: date


def read_clearances(file: Path, *, keys: Sequence[PublicKey]) -> tuple[Clearance, ...]:
    """The clearances of a file that one of the keys signed.

    Raises:
        UsageError: The file cannot be read.
        ParseError: It is no envelope, or what it holds are no clearances.
        TrustError: None of the keys signed it.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"`{file}` cannot be read: {error.strerror}") from error
    envelope = dsse.parse(data)
    dsse.verify(envelope, payload_type=PAYLOAD_TYPE, keys=keys)
    try:
        return tuple(msgspec.json.decode(envelope.payload, type=_Document).clearances)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ParseError(f"signed, but no clearances: {error}", path=str(file)) from error


def clear(
    statement: Statement, *, key: PrivateKey, to: Path, clock: Clock, log: Path | None = None
) -> ScanFinding:
    """Add one clearance to a file and sign it anew; the finding that it clears.

    Args:
        statement: What is stated.
        key: Signs; it must have signed the file before, so that nobody signs what others stated.
        to: The file; made when it is not there.
        clock: Says which day it is.
        log: Folder of the log that records it; None records nothing.

    Raises:
        UsageError: The scan of the artefact has no such finding, it is critical, or the statement is incomplete.
        TrustError: The file was signed with another key.
        StoreError: It could not be recorded.
    """
    today = clock.now().date()
    if not statement.reason.strip() or not statement.owner.strip():
        raise UsageError("a clearance needs a reason and an owner")
    if statement.expires < today:
        raise UsageError(f"`{statement.expires.isoformat()}` has passed", hint="name a day to come")
    report = scan([statement.artefact], ScanSettings(with_digest=True), clock=clock)
    found = [finding for finding in report.findings if finding.hazard.subject == statement.subject]
    if not found:
        named = sorted({finding.hazard.subject for finding in report.findings if finding.hazard.subject})
        raise UsageError(
            f"no finding in `{statement.artefact}` is about `{statement.subject}`",
            hint=f"findings are about: {', '.join(named[:8])}" if named else "it has no findings",
        )
    if any(finding.severity is Severity.CRITICAL for finding in found):
        raise UsageError(
            f"`{statement.subject}` is known to do harm and cannot be cleared",
            hint="take the model from its publisher again",
        )
    digest = report.files[0].digest
    added = Clearance(
        digest=digest,
        subject=statement.subject,
        reason=statement.reason.strip(),
        owner=statement.owner.strip(),
        expires=statement.expires,
    )
    before = read_clearances(to, keys=[key.public]) if to.exists() else ()
    kept = [each for each in before if (each.digest, each.subject) != (digest, statement.subject)]
    payload = msgspec.json.encode(_Document(clearances=[*kept, added]))
    envelope = dsse.encode(dsse.sign(PAYLOAD_TYPE, payload, keys=[key]))
    if log is not None:
        entry = LogEntry(kind=LogKind.WAIVER, subjects=(f"sha256:{digest}",), record=envelope)
        record(log, [entry], key=None, clock=clock)
    write_whole(to, envelope)
    return found[0]

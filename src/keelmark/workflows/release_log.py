"""What releases leave in the transparency log, and the evidence in it that a later release may rest on.

Evidence of an earlier run is used again only when nobody else can have written it: its record is signed with the key of
this release. What merely lies in the folder, such as `.keelmark/evidence.db`, or waits in the log for a checkpoint, may
have come with it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.assessment import Assessment
from keelmark.core.clock import Clock
from keelmark.core.log import LogEntry, LogKind
from keelmark.core.release import EnvelopeLimit, LogReference
from keelmark.errors import KeelmarkError, StoreError, UsageError
from keelmark.store.log_files import JOURNAL, LogFiles
from keelmark.trust import dsse, note
from keelmark.trust.keys import PrivateKey, Signer
from keelmark.trust.leaf import digest_of
from keelmark.workflows.log import record, rows
from keelmark.workflows.records import document_of, log_place, statements_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.declaration import Declaration
    from keelmark.trust.keys import PublicKey

__all__ = ["Evidence", "ReleaseLog", "kept_evidence", "open_log"]

_EVIDENCE = "application/vnd.keelmark.release-evidence.v1+json"
_LOOKED_AT = 200
"""How many of the newest entries may hold evidence that still fits; older ones are of earlier days as a rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a release rests on, as it is recorded.

    Attributes:
        rules: State of the rules that judged.
        assessment: What they said.
        threats: Digest of the threat analysis.
        computed: Limits of growth that it found.
    """

    rules: str
    assessment: Assessment
    threats: str
    computed: tuple[EnvelopeLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLog:
    """The log of a project and who signs it; nothing is recorded where there is no place.

    Attributes:
        place: Its folder; None when nothing is recorded.
        key: Signs its checkpoints; None leaves the entries to the next signature.
        signer: Signs the evidence.
        clock: Says what time it is.
        report: Is told what was mended.
    """

    place: Path | None
    key: PrivateKey | None
    signer: Signer
    clock: Clock
    report: Callable[[str], None] | None = None

    def keep_evidence(
        self, evidence: Evidence, declaration: Declaration | None, *, kept: int | None = None
    ) -> LogReference | None:
        """Record evidence; where it stands.

        Args:
            evidence: The evidence.
            declaration: What people declared.
            kept: Where it is recorded already; None when it is not.

        Raises:
            StoreError: It could not be recorded.
        """
        if self.place is None:
            return None
        if kept is not None:
            return self._reference(kept)
        assessment = evidence.assessment
        signed = dsse.encode(dsse.sign(_EVIDENCE, document_of(evidence), keys=[self.signer]))
        entry = LogEntry(kind=LogKind.FINDINGS, subjects=_digests(assessment.tree_digest), record=signed)
        (index, *_) = self._record([entry, *statements_of(self.place, assessment, declaration)])
        return self._reference(index)

    def keep_release(self, envelope: bytes, *, digest: str, supersedes: str) -> None:
        """Record a complete release, and that it replaces another one.

        Args:
            envelope: The release.
            digest: Of its statement.
            supersedes: Digest of the statement of the one before; "" for none.

        Raises:
            StoreError: It could not be recorded.
        """
        entries = [LogEntry(kind=LogKind.RELEASE, subjects=_digests(digest), record=envelope)]
        if supersedes:
            subjects = _digests(digest, supersedes)
            entries.append(LogEntry(kind=LogKind.SUPERSESSION, subjects=subjects, record=envelope))
        self._record(entries)

    def keep_first_signature(self, envelope: bytes, *, digest: str) -> None:
        """Record a release that waits for its second signature.

        Raises:
            StoreError: It could not be recorded.
        """
        self._record([LogEntry(kind=LogKind.SIGNATURE, subjects=_digests(digest), record=envelope)])

    def keep_revocation(self, envelope: bytes, *, digest: str) -> None:
        """Record a revocation.

        Raises:
            StoreError: It could not be recorded.
        """
        self._record([LogEntry(kind=LogKind.REVOCATION, subjects=_digests(digest), record=envelope)])

    def _reference(self, index: int) -> LogReference | None:
        if self.place is None:
            return None
        files = LogFiles(self.place)
        journal = files.journal()
        origin = files.head.origin if files.head else journal.base.origin if journal else ""
        root = base64.b64encode(files.head.root).decode() if files.head else ""
        return LogReference(origin=origin, index=index, size=files.size, root=root)

    def _record(self, entries: Sequence[LogEntry]) -> tuple[int, ...]:
        if self.place is None:
            return ()
        return record(self.place, entries, key=self.key, clock=self.clock, report=self.report)


def open_log(
    root: Path,
    *,
    wanted: bool | None,
    signer: Signer,
    log_key: PrivateKey | None,
    clock: Clock,
    report: Callable[[str], None] | None = None,
) -> ReleaseLog:
    """The log in which a release is recorded.

    Args:
        root: The project.
        wanted: True begins a log, False does not record, None records where there is a log.
        signer: Who signs the release; signs the log too when it is new or was signed with that key before.
        log_key: Signs the log instead.
        clock: Says what time it is.
        report: Is told what was mended.

    Raises:
        StoreError: The log is damaged.
    """
    place = log_place(root, wanted=wanted)
    if place is None:
        return ReleaseLog(place=None, key=None, signer=signer, clock=clock)
    key = log_key
    if key is None and isinstance(signer, PrivateKey) and _signs(place, signer):
        key = signer
    if key is None and report is not None:
        report(
            "the log is not signed with this key: its new entries wait for keelmark log sign, or give --log-key"
        )
    return ReleaseLog(place=place, key=key, signer=signer, clock=clock, report=report)


def kept_evidence(
    place: Path, key: PublicKey, fits: Callable[[Evidence], bool]
) -> tuple[int, Evidence] | None:
    """The newest evidence in a log that this key signed and that still fits, and its index; None when there is none."""
    try:
        files = LogFiles(place)
        for row in reversed(rows(place, limit=_LOOKED_AT)):
            evidence = _opened(files, row.leaf.record, key) if row.leaf.kind is LogKind.FINDINGS else None
            if evidence is not None and fits(evidence):
                return row.index, evidence
    except StoreError:
        return None  # A damaged log is no evidence; whoever records in it next is told.
    return None


def _opened(files: LogFiles, digest: str, key: PublicKey) -> Evidence | None:
    data = files.record(digest)
    if data is None or digest_of(data) != digest:
        return None
    try:
        envelope = dsse.parse(data)
        dsse.verify(envelope, payload_type=_EVIDENCE, keys=[key])
        return msgspec.json.decode(envelope.payload, type=Evidence)
    except (KeelmarkError, msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return None  # The record of a run that was no release, or was signed by somebody else.


def _signs(place: Path, signer: PrivateKey) -> bool:
    """Whether a log is this signer's: new, or signed with this key before."""
    try:
        note.verifier("log", signer.public)
    except UsageError:
        return False  # Logs are not signed with keys of this kind.
    files = LogFiles(place)
    if files.note is None or files.head is None:
        journal = files.journal() if (place / JOURNAL).exists() else None
        return journal is None or not journal.size
    return bool(note.signed_by(files.note, [note.verifier(files.head.origin, signer.public)]))


def _digests(*digests: str) -> tuple[str, ...]:
    return tuple(f"sha256:{digest}" for digest in digests if digest)

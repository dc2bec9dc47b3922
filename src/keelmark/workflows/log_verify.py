"""Whether a log, or a proof from one, verifies: fails when anything contradicts, passes only when a known key signed."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.log import Leaf
from keelmark.core.outcome import Outcome
from keelmark.errors import ParseError, TrustError
from keelmark.store.log_check import LogCheck, Problem, check_log
from keelmark.trust import checkpoint, log_proof, note
from keelmark.trust import leaf as leaves
from keelmark.workflows.log import read_checkpoint
from keelmark.workflows.log_keys import read_file, verifiers_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keelmark.trust.note import Signed

__all__ = ["LogReport", "Signer", "check_proof", "verify"]

_MAX_PROOF_BYTES = 1024**2
_MAX_RECORD_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signed a checkpoint, and, if it is a witness, when it saw it (seconds since 1970)."""

    name: str
    is_witness: bool
    time_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """Whether a log or a proof verifies.

    Attributes:
        outcome: Pass; fail; unknown when nothing contradicts, and something cannot be told.
        origin: Name of the log.
        size: Entries under the checkpoint.
        root: Root of the tree, in base64.
        total: Entries found, those not under the checkpoint included.
        records: Records whose digest was taken.
        signers: Known keys whose signatures hold.
        problems: What does not hold.
        unknown: What cannot be told, and why.
        notes: What is worth knowing.
        index: Entry that a proof is about.
        leaf: That entry.
    """

    outcome: Outcome
    origin: str = ""
    size: int = 0
    root: str = ""
    total: int = 0
    records: int = 0
    signers: tuple[Signer, ...] = ()
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    index: int | None = None
    leaf: Leaf | None = None


def verify(
    place: Path, *, against: Path | None = None, keys: Sequence[str] = (), with_records: bool = True
) -> LogReport:
    """Verify a whole log.

    Args:
        place: Folder of the log.
        against: Checkpoint of the same log from earlier, which the log must go on from.
        keys: Verifier keys, or files with public keys; one of them must have signed the checkpoint.
        with_records: Whether the records must be there, and are read.

    Raises:
        StoreError: There is no log.
        UsageError: A key or the earlier checkpoint cannot be read.
    """
    earlier = read_checkpoint(against) if against else None
    earlier_head = checkpoint.head_of(earlier.text) if earlier else None
    found = check_log(place, earlier=earlier_head, with_records=with_records)
    signers: tuple[Signer, ...] = ()
    unknown: list[str] = []
    if found.note is None or found.head is None:
        unknown.append("there is no checkpoint, so nothing says what the log should hold")
    else:
        signers = _signers(found, keys, unknown)
    if earlier is not None and keys and earlier_head is not None:
        _check_earlier(earlier, verifiers_of(keys, origin=earlier_head.origin), found)
    if found.torn:
        unknown.append(f"{found.torn} bytes at the end of the journal are torn")
    pending = found.total - (found.head.size if found.head else 0)
    if pending > 0 and found.head is not None:
        found.notes.append(f"{pending} entries are not under the checkpoint yet")
    return _report(found, signers, unknown)


def check_proof(file: Path, *, keys: Sequence[str] = (), record: Path | None = None) -> LogReport:
    """Check a proof without the log.

    Args:
        file: The proof.
        keys: Verifier keys, or files with public keys; one of them must have signed the checkpoint.
        record: The record that the entry is about.

    Raises:
        UsageError: A file cannot be read.
        ParseError: It is no proof.
    """
    proof = log_proof.parse(read_file(file, _MAX_PROOF_BYTES))
    found, unknown = LogCheck(note=proof.checkpoint), list[str]()
    proved: log_proof.Proved | None = None
    signers: tuple[Signer, ...] = ()
    try:
        proved = log_proof.check(proof)
        found.head, found.total = proved.head, proved.head.size
    except (TrustError, ParseError) as error:
        found.add("proof", error.message)
    if proved:
        signers = _signers(found, keys, unknown)
    if proved and proved.earlier:
        found.notes.append(f"the log goes on from the one of {proved.earlier.size} entries")
    if proved and proof.earlier and proved.earlier and keys:
        _check_earlier(proof.earlier.checkpoint, verifiers_of(keys, origin=proved.earlier.origin), found)
    if proved and record is not None:
        digest = leaves.digest_of(read_file(record, _MAX_RECORD_BYTES))
        if digest == proved.leaf.record:
            found.records = 1
        else:
            found.add(str(record), f"has the digest {digest}, and the entry speaks of {proved.leaf.record}")
    return _report(found, signers, unknown, index=proof.index, leaf=proved.leaf if proved else None)


def _signers(found: LogCheck, keys: Sequence[str], unknown: list[str]) -> tuple[Signer, ...]:
    assert found.note is not None
    assert found.head is not None
    if not keys:
        signed = "no key was given" if found.note.signatures else "the checkpoint is not signed"
        unknown.append(f"{signed}, so nobody can tell who made it")
        return ()
    known = verifiers_of(keys, origin=found.head.origin)
    try:
        return tuple(map(_signer, note.verify(found.note, known)))
    except TrustError as error:
        found.add("checkpoint", error.message)
        return ()


def _check_earlier(earlier: note.Note, known: Sequence[note.Verifier], found: LogCheck) -> None:
    try:
        if not note.signed_by(earlier, known):
            found.notes.append("none of the keys signed the earlier checkpoint")
    except TrustError as error:
        found.add("earlier checkpoint", error.message)


def _signer(signed: Signed) -> Signer:
    return Signer(
        name=signed.verifier.name,
        is_witness=signed.verifier.kind == note.COSIGNATURE,
        time_s=signed.time_s,
    )


def _report(
    found: LogCheck,
    signers: tuple[Signer, ...],
    unknown: Sequence[str],
    *,
    index: int | None = None,
    leaf: Leaf | None = None,
) -> LogReport:
    outcome = Outcome.FAIL if found.problems else Outcome.UNKNOWN if unknown else Outcome.PASS
    head = found.head
    return LogReport(
        outcome=outcome,
        origin=head.origin if head else "",
        size=head.size if head else 0,
        root=base64.b64encode(head.root).decode() if head else "",
        total=found.total,
        records=found.records,
        signers=signers,
        problems=tuple(found.problems),
        unknown=tuple(unknown),
        notes=tuple(found.notes),
        index=index,
        leaf=leaf,
    )

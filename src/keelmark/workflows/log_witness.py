"""A witness: somebody else who remembers how long each log was, and signs only what goes on from there.

A log alone can be rewritten by whoever holds its key. It cannot be once a witness has signed, unless the witness helps:

1. The checkpoint must be signed by the key of the log.
2. It must be no shorter than the one seen last, and go on from it.
3. What was seen is durable before the signature is given out.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.log import TreeHead
from keelmark.errors import ParseError, StoreError, TrustError, UsageError
from keelmark.store.durable import read_bounded, write_files
from keelmark.store.log_files import LogFiles
from keelmark.trust import checkpoint, log_proof, note
from keelmark.trust.merkle import is_consistent
from keelmark.workflows.log import find_log, read_checkpoint
from keelmark.workflows.log_keys import read_file, verifiers_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keelmark.core.clock import Clock
    from keelmark.trust.keys import PrivateKey

__all__ = ["Witnessed", "witness"]

_MAX_STATE_BYTES = 16 * 1024**2
_MAX_LOGS = 10_000
_MAX_PROOF_BYTES = 1024**2

_Path = tuple[bytes, ...]


class _Seen(msgspec.Struct, forbid_unknown_fields=True):
    size: int
    root: str


class _State(msgspec.Struct, forbid_unknown_fields=True):
    logs: dict[str, _Seen]
    format: str = "keelmark-witness/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What a witness signed.

    Attributes:
        head: The head of the log.
        before: Size that was seen last; None when the log is new to the witness.
        note: The checkpoint with the signature of the witness added.
        vkey: Verifier key of the witness.
    """

    head: TreeHead
    before: int | None
    note: str
    vkey: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A checkpoint that is shown, and how to prove that it goes on from an earlier one."""

    note: note.Note
    head: TreeHead
    path_since: Callable[[TreeHead], _Path]


def witness(
    source: Path,
    *,
    key: PrivateKey,
    name: str,
    log_keys: Sequence[str],
    state: Path,
    clock: Clock,
) -> Witnessed:
    """Sign a checkpoint that goes on from the one seen last.

    Args:
        source: A project, the folder of a log, a checkpoint, or a proof that holds an earlier checkpoint.
        key: Key of the witness, Ed25519.
        name: Name of the witness.
        log_keys: Keys of the log; one of them must have signed the checkpoint.
        state: File in which the witness keeps what it saw; made when it is not there.
        clock: Says when it was seen.

    Raises:
        TrustError: The checkpoint is not signed by the log, or does not go on from the one seen last.
        UsageError: A file cannot be read, or a proof is needed.
        StoreError: What was seen cannot be kept.
    """
    own = note.verifier(name, key.public, is_witness=True)
    if not log_keys:
        raise UsageError("a witness must know the key of the log", hint="--log-key KEY")
    shown = _shown(source)
    note.verify(shown.note, verifiers_of(log_keys, origin=shown.head.origin))
    lock = _locked(state)
    try:
        seen = _read_state(state)
        last = seen.logs.get(shown.head.origin)
        before = _goes_on(shown, last) if last else None
        root = base64.b64encode(shown.head.root).decode()
        seen.logs[shown.head.origin] = _Seen(size=shown.head.size, root=root)
        if len(seen.logs) > _MAX_LOGS:
            raise UsageError(f"a witness remembers no more than {_MAX_LOGS} logs")
        write_files(state.parent, [(state.name, msgspec.json.encode(seen, order="sorted") + b"\n")])
    except OSError as error:
        raise StoreError(f"what was seen cannot be kept in `{state.name}`: {error}") from error
    finally:
        os.close(lock)
    line = note.cosign(shown.note.text, name=name, key=key, time_s=int(clock.now().timestamp()))
    others = [each for each in shown.note.signatures if (each.name, each.key_id) != (own.name, own.key_id)]
    signed = note.Note(text=shown.note.text, signatures=(*others, line))
    return Witnessed(
        head=shown.head,
        before=before.size if before else None,
        note=note.encode(signed).decode(),
        vkey=own.vkey,
    )


def _shown(source: Path) -> _Shown:
    if source.is_dir():
        return _shown_log(find_log(source))
    if read_file(source, _MAX_PROOF_BYTES).lstrip().startswith(b"{"):
        return _shown_proof(source)
    found = read_checkpoint(source)

    def path_since(before: TreeHead) -> _Path:
        raise UsageError(
            f"a checkpoint alone does not show that it goes on from the one of {before.size} entries",
            hint="name the log itself, or a proof: keelmark log prove --consistent-with EARLIER",
        )

    return _Shown(note=found, head=checkpoint.head_of(found.text), path_since=path_since)


def _shown_log(place: Path) -> _Shown:
    files = LogFiles(place)
    if files.note is None or files.head is None:
        raise UsageError("the log has no checkpoint yet", hint="sign one: keelmark log sign")
    size = files.head.size
    return _Shown(
        note=files.note, head=files.head, path_since=lambda before: files.consistency(before.size, size)
    )


def _shown_proof(source: Path) -> _Shown:
    proof = log_proof.parse(read_file(source, _MAX_PROOF_BYTES))
    head = log_proof.check(proof).head

    def path_since(before: TreeHead) -> _Path:
        earlier = checkpoint.head_of(proof.earlier.checkpoint.text) if proof.earlier else None
        if proof.earlier is None or earlier is None or earlier.size != before.size:
            raise UsageError(
                f"the proof does not begin at {before.size} entries, which were seen last",
                hint="keelmark log prove --consistent-with, with the checkpoint that was signed last",
            )
        return proof.earlier.path

    return _Shown(note=proof.checkpoint, head=head, path_since=path_since)


def _goes_on(shown: _Shown, last: _Seen) -> TreeHead:
    """What was seen last, when the head goes on from it."""
    head = shown.head
    before = TreeHead(origin=head.origin, size=last.size, root=base64.b64decode(last.root))
    if head.size < before.size:
        raise TrustError(
            f"log is truncated: {before.size} entries were seen, and the checkpoint speaks of {head.size}",
            hint="do not sign; ask the keeper of the log",
        )
    path = () if before.size in {0, head.size} else shown.path_since(before)
    if not is_consistent(
        path, before=before.size, before_root=before.root, after=head.size, after_root=head.root
    ):
        raise TrustError(
            f"the log of {head.size} entries does not go on from the one of {before.size} that was seen",
            hint="entries were changed or removed; do not sign, and ask the keeper of the log",
        )
    return before


def _read_state(state: Path) -> _State:
    try:
        found = msgspec.json.decode(read_bounded(state, _MAX_STATE_BYTES), type=_State)
        for seen in found.logs.values():
            base64.b64decode(seen.root, validate=True)
    except FileNotFoundError:
        return _State(logs={})
    except (msgspec.DecodeError, binascii.Error, ValueError, RecursionError) as error:
        # A witness that begins anew would sign whatever it is shown.
        raise ParseError(
            f"`{state.name}` does not say what was seen", hint="restore it from a back-up; do not remove it"
        ) from error
    return found


def _locked(state: Path) -> int:
    """Two runs of one witness must not both sign."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(state.with_name(f"{state.name}.lock"), flags, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise StoreError(f"what was seen cannot be kept beside `{state.name}`: {error}") from error
    return descriptor

"""The transparency log of a project: record, sign, prove, show."""

from __future__ import annotations

import os
import secrets
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.log import Leaf, LogEntry, TreeHead
from keelmark.errors import ParseError, StoreError, TrustError, UsageError
from keelmark.store.durable import make_folder, sync_folder
from keelmark.store.log import FileLog
from keelmark.store.log_files import JOURNAL, LogFiles
from keelmark.trust import checkpoint, log_proof, note
from keelmark.trust import leaf as leaves
from keelmark.workflows.log_keys import read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from keelmark.core.clock import Clock
    from keelmark.trust.keys import PrivateKey

__all__ = [
    "LOG_FOLDER",
    "LogRow",
    "find_log",
    "prove",
    "publish",
    "read_checkpoint",
    "record",
    "rows",
]

LOG_FOLDER = Path(".keelmark/log")

_MAX_NAME = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One entry of the log; those that are not under the checkpoint yet say so."""

    index: int
    leaf: Leaf
    is_published: bool


def record(
    place: Path,
    entries: Sequence[LogEntry],
    *,
    key: PrivateKey | None,
    clock: Clock,
    report: Callable[[str], None] | None = None,
    accept_lag: bool = False,
) -> tuple[int, ...]:
    """Record entries durably, and put them under a checkpoint.

    A log that came with a folder, and that this key never signed, is not gone on from: whatever somebody laid in it would be
    signed, too. Without a key the checkpoint is not signed. A signed checkpoint is never replaced by one that is not: the entries are
    durable then, and wait for the next signature.

    Args:
        place: Folder of the log, such as `root / LOG_FOLDER`; made when it is not there.
        entries: What is recorded.
        key: Signs the checkpoint.
        clock: Says what time it is.
        report: Is told when a torn tail was cut off.
        accept_lag: Record although the clock lies far behind the last entry.

    Raises:
        StoreError: They could not be recorded.
        TrustError: The log has entries, and its checkpoint is not signed with this key.
        UsageError: A subject is no digest, or the key signs no logs.
        LimitExceededError: An entry is too large.
    """
    with _writer(place, key=key, clock=clock, accept_lag=accept_lag) as log:
        if log.cut_off and report is not None:
            report(
                f"{log.cut_off} torn bytes at the end of the log were cut off and kept in {place.name}/torn"
            )
        if key is not None:
            _check_owner(log, key)
        indexes = log.append(entries)
        if key is not None or not (log.note and log.note.signatures):
            log.publish(lambda head: _note_of(head, key))
        return tuple(indexes)


def _check_owner(log: FileLog, key: PrivateKey) -> None:
    known = [note.verifier(log.origin, key.public)]
    if log.note is not None and note.signed_by(log.note, known):
        return
    if log.total:
        raise TrustError(
            f"log `{log.origin}` is not signed with this key",
            hint="if all its entries are yours, sign them once: keelmark log sign --key KEY",
        )
    # Signed while it is empty, so that entries of a run that is killed are known to be ours.
    log.publish(lambda head: _note_of(head, key))


def publish(place: Path, *, key: PrivateKey, clock: Clock) -> TreeHead:
    """Put all entries of a log under a signed checkpoint, whoever made them.

    Raises:
        StoreError: There is no log, or it cannot be written.
        UsageError: The key signs no logs.
    """
    find_log(place)
    with _writer(place, key=key, clock=clock) as log:
        return log.publish(lambda head: _note_of(head, key))


def find_log(path: Path) -> Path:
    """Folder of the log that is meant: of this project, or this folder itself.

    Raises:
        StoreError: There is none.
    """
    for place in (path / LOG_FOLDER, path):
        if os.path.lexists(place / JOURNAL) or os.path.lexists(place / "checkpoint"):
            return place
    raise StoreError(
        "there is no log here",
        hint="it is made with the first entry, in .keelmark/log; name the project, or the folder of the log",
        path=path.name or None,
    )


def prove(
    place: Path, *, index: int | None = None, record: str | None = None, consistent_with: Path | None = None
) -> bytes:
    """A proof that an outsider can check without the log, as JSON.

    Args:
        place: Folder of the log.
        index: The entry.
        record: Digest of the entry's record, instead; the first entry with it.
        consistent_with: An earlier checkpoint, which the log is proved to go on from.

    Raises:
        UsageError: There is no such entry under the checkpoint.
        StoreError: The log cannot be read.
        TrustError: The log does not go on from the earlier checkpoint, or does not give its own root.
    """
    files = LogFiles(place)
    if files.note is None or files.head is None:
        raise StoreError("log has no checkpoint yet", hint="sign one: keelmark log sign")
    at = _index_of(files, record) if index is None else index
    if not 0 <= at < files.size:
        raise UsageError(
            f"there is no entry {at} under the checkpoint", hint=f"it speaks of {files.size}, counted from 0"
        )
    proof = log_proof.Proof(
        index=at,
        entry=next(files.entries(at, at + 1)),
        path=files.inclusion(at, files.size),
        checkpoint=files.note,
        earlier=_earlier(files, read_checkpoint(consistent_with)) if consistent_with else None,
    )
    log_proof.check(proof)
    return log_proof.encode(proof)


def rows(place: Path, *, limit: int = 50) -> tuple[LogRow, ...]:
    """The newest entries of a log, oldest first.

    Raises:
        StoreError: The log cannot be read.
    """
    files = LogFiles(place)
    journal = files.journal()
    end = max(files.size, journal.size if journal else 0)
    since = max(0, end - limit)
    newest = deque(_from(files, since), maxlen=limit)
    if journal is not None and journal.size > files.size:
        begin = max(since, files.size)
        if journal.base.size <= begin:
            newest.extend(enumerate(journal.entries(begin), begin))
    try:
        return tuple(
            LogRow(index=at, leaf=leaves.parse(entry), is_published=at < files.size) for at, entry in newest
        )
    except ParseError as error:
        raise StoreError(f"log is damaged: {error.message}", hint="keelmark log verify says where") from error


def read_checkpoint(file: Path) -> note.Note:
    """A checkpoint that the command line names.

    Raises:
        UsageError: It cannot be read, or is none.
    """
    try:
        found = note.parse(read_file(file, note.NoteBounds().max_bytes))
        checkpoint.head_of(found.text)
    except ParseError as error:
        raise UsageError(f"`{file}` is no checkpoint: {error.message}") from error
    return found


def _from(files: LogFiles, since: int) -> Iterator[tuple[int, bytes]]:
    return enumerate(files.entries(since, files.size), since)


def _index_of(files: LogFiles, digest: str | None) -> int:
    if digest is None:
        raise UsageError("no entry is named", hint="keelmark log prove --leaf N, or --record DIGEST")
    wanted = digest if ":" in digest else f"sha256:{digest}"
    for at, entry in _from(files, 0):
        # Cheap first: almost no entry is the one that is looked for.
        if wanted.encode() in entry and leaves.parse(entry).record == wanted:
            return at
    raise UsageError(f"no entry under the checkpoint has the record `{digest}`", hint="keelmark log show")


def _earlier(files: LogFiles, earlier: note.Note) -> log_proof.Earlier:
    before = checkpoint.head_of(earlier.text)
    if before.size > files.size:
        raise TrustError(
            f"log is truncated: {before.size} entries were stated, and its checkpoint speaks of {files.size}"
        )
    return log_proof.Earlier(checkpoint=earlier, path=files.consistency(before.size, files.size))


def _note_of(head: TreeHead, key: PrivateKey | None) -> bytes:
    text = checkpoint.text_of(head)
    signatures = () if key is None else (note.sign(text, name=head.origin, key=key),)
    return note.encode(note.Note(text=text, signatures=signatures))


def _writer(place: Path, *, key: PrivateKey | None, clock: Clock, accept_lag: bool = False) -> FileLog:
    if key is not None:
        note.verifier("log", key.public)  # A key that signs no logs is refused before anything is written.
    try:
        _make_place(place)
    except OSError as error:
        raise StoreError(f"log cannot be made: {error}", hint="check who may write the folder") from error
    return FileLog(place, clock=clock, origin=_new_origin(place), accept_lag=accept_lag)


def _make_place(place: Path) -> None:
    # The folder may be somebody else's: a link laid in it must not make us write elsewhere.
    make_folder(place.parent)
    if not os.path.lexists(place / JOURNAL):
        sync_folder(place.parent.parent)
    if place.parent.name == LOG_FOLDER.parent.name:
        with suppress(FileExistsError):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(place.parent / ".gitignore", flags, 0o666)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write("*\n")


def _new_origin(place: Path) -> str:
    """A name for a log that no other log has: outsiders tell logs apart by it."""
    whole = place.absolute()
    folder = whole.parents[1].name if place.parent.name == LOG_FOLDER.parent.name else whole.name
    name = "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "-" for char in folder)
    return f"keelmark-log/{name[:_MAX_NAME] or 'project'}/{secrets.token_hex(8)}"

"""Request logs and their published heads, as whoever only reads them finds them."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.log import LogKind
from keelmark.core.request_log import ChainHead
from keelmark.errors import ParseError, StoreError
from keelmark.store.log_files import LogFiles
from keelmark.store.request_chain import HEAD
from keelmark.store.request_log_files import segments_of
from keelmark.trust import leaf as leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["REQUESTS_FOLDER", "encode_head", "find_requests", "published_heads", "workers_of"]

REQUESTS_FOLDER = Path(".keelmark/requests")

_FORM = "keelmark-requests-head/v1"
_MAX_WORKERS = 4_096
_MAX_HEADS = 5_000_000


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A head as it is recorded in the transparency log: canonical JSON, fields in the order of their names."""

    chain: str
    form: str
    lines: int
    log: str
    segment: int
    time: datetime
    worker: str


def encode_head(head: ChainHead) -> bytes:
    """A head as it is recorded in the transparency log."""
    return msgspec.json.encode(
        _Head(
            chain=head.chain,
            form=_FORM,
            lines=head.lines,
            log=head.log,
            segment=head.segment,
            time=head.time,
            worker=head.worker,
        )
    )


def published_heads(place: Path) -> tuple[dict[str, list[ChainHead]], list[str]]:
    """Heads in a transparency log, by name of the request log; and what is wrong with some.

    Heads that are durable and not under a checkpoint yet count, too.

    Raises:
        StoreError: The log cannot be read.
    """
    files = LogFiles(place)
    found: dict[str, list[ChainHead]] = {}
    wrong: list[str] = []
    count = 0
    for at, entry in _entries(files):
        if b'"kind":"requests"' not in entry:
            continue
        count += 1
        if count > _MAX_HEADS:
            raise StoreError(f"transparency log has more than {_MAX_HEADS} heads of requests")
        try:
            head = _head(files, entry)
        except (StoreError, ParseError) as error:
            wrong.append(f"entry {at}: {error.message}")
            continue
        if head is not None:
            found.setdefault(head.log, []).append(head)
    return found, wrong


def find_requests(path: Path) -> Path:
    """Folder of the request log that is meant: of this project, or this folder itself.

    Raises:
        StoreError: There is none.
    """
    for place in (path / REQUESTS_FOLDER, path):
        if place.is_dir() and workers_of(place):
            return place
    raise StoreError(
        "there is no request log here",
        hint="keelmark serve makes it, in .keelmark/requests; name the project, or the folder of the log",
        path=path.name or None,
    )


def workers_of(place: Path) -> tuple[Path, ...]:
    """Folders of the logs below a place, or the place itself when it is one.

    Raises:
        StoreError: It cannot be read.
    """
    if _is_log(place):
        return (place,)
    try:
        with os.scandir(place) as listed:
            folders = [Path(entry.path) for entry in listed if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise StoreError(f"request log cannot be read: {error.strerror}") from error
    found = sorted(folder for folder in folders if _is_log(folder))
    if len(found) > _MAX_WORKERS:
        raise StoreError(f"more than {_MAX_WORKERS} request logs lie here")
    return tuple(found)


def _is_log(place: Path) -> bool:
    return os.path.lexists(place / HEAD) or bool(segments_of(place))


def _entries(files: LogFiles) -> Iterator[tuple[int, bytes]]:
    yield from enumerate(files.entries(0, files.size))
    journal = files.journal()
    if journal is not None and journal.size > files.size >= journal.base.size:
        yield from enumerate(journal.entries(files.size), files.size)


def _head(files: LogFiles, entry: bytes) -> ChainHead | None:
    """The head that an entry of the kind `requests` is about; None when its record is something else."""
    leaf = leaves.parse(entry)
    if leaf.kind is not LogKind.REQUESTS:
        return None
    data = files.record(leaf.record)
    if data is None:
        raise StoreError("the record of a head is missing")
    if leaves.digest_of(data) != leaf.record:
        raise StoreError("the record of a head was changed")
    try:
        head = msgspec.json.decode(data, type=_Head)
        bytes.fromhex(head.chain)
    except (msgspec.MsgspecError, ValueError):
        return None
    if head.form != _FORM:
        return None
    return ChainHead(
        log=head.log,
        worker=head.worker,
        lines=head.lines,
        chain=head.chain,
        segment=head.segment,
        time=head.time,
    )

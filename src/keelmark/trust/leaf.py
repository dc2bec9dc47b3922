"""Leaves of the log as bytes: canonical JSON, so that the same leaf always has the same hash.

Canonical here is what RFC 8785 makes of objects of short ASCII texts and small numbers: keys sorted, nothing between.
Reading refuses every other spelling.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.log import Leaf, LogBounds, LogEntry, LogKind
from keelmark.errors import LimitExceededError, ParseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_SUBJECTS", "body_of", "digest_of", "encode", "is_digest", "parse", "stamped"]

MAX_SUBJECTS = 256

_RECORD = "sha256"
_RECORD_DIGITS = 64
_BOUNDS = LogBounds()
_HEX = "0123456789abcdef"


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    record: str
    size: int
    subjects: list[str]
    time: str
    v: int
    clock: str | None = None


def digest_of(record: bytes) -> str:
    """The digest by which a record is known."""
    return f"sha256:{hashlib.sha256(record).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether this is an algorithm, a colon, and 32 to 128 hexadecimal digits in lower case."""
    algorithm, _, digits = text.partition(":")
    is_named = (
        2 <= len(algorithm) <= 16 and algorithm.isascii() and algorithm.isalnum() and algorithm.islower()
    )
    # Whatever is no digit stops the strip and stays.
    return is_named and 32 <= len(digits) <= 128 and not digits.strip(_HEX)


def body_of(entry: LogEntry) -> tuple[str, bytes]:
    """The digest of the entry's record, and all of its leaf but the time: `stamped` makes the leaf of it.

    Raises:
        UsageError: A subject is no digest.
        LimitExceededError: There are too many subjects, or the record is too large.
    """
    if len(entry.subjects) > MAX_SUBJECTS:
        raise LimitExceededError(
            f"an entry has {len(entry.subjects)} subjects, more than {MAX_SUBJECTS}",
            hint="record the digest of a list of them",
        )
    if len(entry.record) > _BOUNDS.max_record_bytes:
        raise LimitExceededError(f"a record has more than {_BOUNDS.max_record_bytes} bytes")
    for subject in entry.subjects:
        if not is_digest(subject):
            raise UsageError(f"`{subject}` is no digest", hint="write it like sha256:9f31...")
    record = digest_of(entry.record)
    return record, _body(entry.kind, record, len(entry.record), sorted(set(entry.subjects)))


def stamped(bodies: Iterable[bytes], *, time: datetime, clock: datetime | None = None) -> list[bytes]:
    """Leaves as bytes, all of one time.

    Args:
        bodies: From `body_of`.
        time: When they were logged.
        clock: What the clock said, when that was earlier than the leaf before.
    """
    head = b"{" if clock is None else b'{"clock":"%s",' % _text(clock)
    tail = b',"time":"%s","v":1}' % _text(time)
    return [head + body + tail for body in bodies]


def encode(leaf: Leaf) -> bytes:
    """The leaf as bytes."""
    body = _body(leaf.kind, leaf.record, leaf.size, leaf.subjects)
    return stamped([body], time=leaf.time, clock=leaf.clock)[0]


def parse(data: bytes) -> Leaf:
    """The leaf of these bytes.

    Raises:
        ParseError: It is none, or spelled otherwise than Keelmark spells it.
    """
    try:
        wire = _DECODER.decode(data)
        leaf = Leaf(
            kind=LogKind(wire.kind),
            time=_moment(wire.time),
            subjects=tuple(wire.subjects),
            record=wire.record,
            size=wire.size,
            clock=_moment(wire.clock) if wire.clock is not None else None,
        )
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ParseError("no leaf of this log") from error
    algorithm, _, digits = leaf.record.partition(":")
    is_known = wire.v == 1 and leaf.size >= 0 and algorithm == _RECORD and len(digits) == _RECORD_DIGITS
    if not is_known or not all(map(is_digest, (leaf.record, *leaf.subjects))) or encode(leaf) != data:
        raise ParseError("leaf is spelled otherwise than this log spells it")
    return leaf


def _body(kind: LogKind, record: str, size: int, subjects: Iterable[str]) -> bytes:
    # Kinds and digests hold no character that JSON would escape.
    listed = ",".join([f'"{subject}"' for subject in subjects])
    return f'"kind":"{kind}","record":"{record}","size":{size},"subjects":[{listed}]'.encode()


def _text(moment: datetime) -> bytes:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z").encode()


def _moment(text: str) -> datetime:
    # Whatever else the reader takes is refused when the leaf is spelled again and differs.
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is UTC else moment.replace(tzinfo=UTC)


_DECODER = msgspec.json.Decoder(_Wire)

"""Events of streams: cut anywhere they are the same, and those that a plain reading of the standard finds."""

from __future__ import annotations

import re

from tools.fuzz.core import pieces, promise

from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import Event, EventReader, event_bytes

__all__ = ["SEEDS", "WORDS", "one"]

_MAX_BYTES, _FEW_BYTES = 1024**2, 24
_LINE_END = re.compile(rb"\r\n|\n|\r")

SEEDS = (
    b'data: {"a": 1}\n\ndata: [DONE]\n\n',
    b"\xef\xbb\xbfevent: x\nid: 1\ndata: a\ndata: b\n\n: says nothing\n\ndata\n\n",
    b"data: a\r\n\r\ndata: b\r\rdata: c\n\n",
    b"id: 1\ndata: x\n\nid\ndata: y\n\nid: a\0b\ndata: z\n\nretry: 5\n\n",
    b"event: only a name\n\ndata:  two blanks\n\ndata:x\n\nunknown: x\n\ndata: not closed\n",
    b"event: \xff\ndata: x\n\n",
    b"data: \xff\n\n",
    b"data: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n\n",
    b"data: aaaaaaaaaa\ndata: aaaaaaaaaa\n\ndata: aaaaaaaaaaaaaaa",
)
WORDS = (
    b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"data: ", b"data:", b"data\n", b"event: x\n", b"event:\n", b"id: 2\n", b"id\n", b": x\n", b" ", b"\0",
    b"\xef\xbb\xbf", b"\xff", b"\xe2\x80\xa8", b"data: x\n\n", b"retry: 1\n",
)  # fmt: skip


def one(data: bytes) -> None:
    """One stream."""
    whole = _read([data], _MAX_BYTES)
    promise(whole == _read(pieces(data), _MAX_BYTES), "cut bytes are other events", whole)
    promise(whole == _plainly(data), "the standard reads other events", whole, _plainly(data))
    few = _read([data], _FEW_BYTES)
    promise(
        few == _read(pieces(data), _FEW_BYTES),
        "cut bytes meet the bound elsewhere",
        few,
        _read(pieces(data), _FEW_BYTES),
    )
    if not isinstance(whole, str):
        _check_written(whole)


def _read(parts: list[bytes], most: int) -> list[Event] | str:
    """Events, or the reason why there are none."""
    reader = EventReader(max_bytes=most)
    found: list[Event] = []
    try:
        for part in parts:
            found += reader.feed(part)
        if reader.fault is not None:
            return reader.fault.reason
    except AnswerError as error:
        return error.reason
    return found


def _plainly(data: bytes) -> list[Event] | str:
    """The whole stream as the standard describes it, line by line."""
    lines = _LINE_END.split(data.removeprefix(b"\xef\xbb\xbf"))[:-1]
    found: list[Event] = []
    said: list[bytes] = []
    name = id_ = b""
    try:
        for line in lines:
            field, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if not line:
                if said:
                    found.append(Event(b"\n".join(said), name.decode(), id_.decode()))
                said, name = [], b""
            elif field == b"data":
                said.append(value)
            elif field == b"event":
                name = value
            elif field == b"id" and b"\0" not in value:
                id_ = value
                id_.decode()
    except UnicodeDecodeError:
        return "upstream-invalid"
    return found


def _check_written(events: list[Event]) -> None:
    """What is written is read again as one event, of the same data."""
    for event in events:
        again = _read([event_bytes(event.data, name=event.name, id=event.id)], _MAX_BYTES)
        lines = re.split(rb"\r\n|\n|\r", event.data)
        promise(
            not isinstance(again, str) and len(again) == 1 and again[0].data == b"\n".join(lines),
            "an event is written as another",
            event.data,
            again,
        )

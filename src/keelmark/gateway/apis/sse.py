"""Server-sent events: read as they come, at any split, inside bounds; and written.

The rules are those of the WHATWG standard: lines end with LF, CR or CRLF, a mark of UTF-8 may stand first, a line that
begins with a colon says nothing, several `data` lines are one text, an event without data is none, and what was not
closed by an empty line is no event. Stricter than the standard: names and ids must be UTF-8.

However the bytes are cut, the events are the same, and so is what is wrong with them: those that stand before are given first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.gateway.apis.refused import AnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Event", "EventReader", "event_bytes"]

_MARK = b"\xef\xbb\xbf"


class Event:
    """One event.

    Args:
        data: Its lines, with LF between them.
        name: What `event` says; "" when it says nothing.
        id: The last id that was said, with this event or before; "" for none.
    """

    __slots__ = ("data", "id", "name")

    def __init__(self, data: bytes, name: str = "", id: str = "") -> None:  # noqa: A002 - as the standard calls it
        self.data = data
        self.name = name
        self.id = id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return (self.data, self.name, self.id) == (other.data, other.name, other.id)

    __hash__ = None  # type: ignore[assignment]  # never a key

    def __repr__(self) -> str:
        return f"Event({len(self.data)} bytes, name={self.name!r}, id={self.id!r})"


class EventReader:
    """Reads events from bytes as they come.

    Args:
        max_bytes: Of one event, its lines together.

    Attributes:
        fault: What is wrong behind the last events that were given; raised when more is fed. None while nothing is.
    """

    __slots__ = ("_after_cr", "_data", "_held", "_id", "_is_begun", "_line", "_max_bytes", "_name", "fault")

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._held = 0
        self._name = b""
        self._id = ""
        self._after_cr = False
        self._is_begun = False
        self.fault: AnswerError | None = None

    @property
    def _is_level(self) -> bool:
        """Whether nothing came behind the last whole event."""
        return not (self._line or self._data or self._name)

    @property
    def is_partial(self) -> bool:
        """Whether something came behind the last whole event."""
        return bool(self._line or self._data)

    def feed(self, data: bytes) -> list[Event]:
        """The events that are whole with these bytes, in order.

        Raises:
            AnswerError: One is larger than the bound, or no UTF-8; with events before it, they are given, and this is `fault`.
        """
        if self.fault is not None:
            raise self.fault
        if self._after_cr or b"\r" in data:
            data = self._without_cr(data)
        if not self._is_begun:
            data = self._without_mark(data)
        # As most upstreams send it: one event of one line, whole.
        if (
            data[:6] == b"data: "
            and data[-2:] == b"\n\n"
            and self._is_level
            and data.find(b"\n") == len(data) - 2
        ):
            self._weigh(len(data) - 2)
            return [Event(data[6:-2], "", self._id)]
        last = data.rfind(b"\n")
        if last < 0:
            self._line += data
            self._weigh(len(self._line))
            return []
        lines = data[:last].split(b"\n")
        if self._line:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        self._line += data[last + 1 :]
        found: list[Event] = []
        try:
            for event in self._events(lines):
                found.append(event)  # noqa: PERF402 - what was found before a fault is kept
            self._weigh(len(self._line))
        except AnswerError as error:
            if not found:
                raise
            self.fault = error
        return found

    def _events(self, lines: list[bytes]) -> Iterator[Event]:
        for line in lines:
            if line:
                self._weigh(len(line))
                self._take(line)
                continue
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                yield Event(data, _text(self._name) if self._name else "", self._id)
                self._data = []
                self._held = 0
            self._name = b""

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value[:1] == b" ":
            value = value[1:]
        if name == b"data":
            self._data.append(value)
            self._held += len(value) + 1
        elif name == b"event":
            self._name = value
        elif name == b"id" and b"\0" not in value:
            self._id = _text(value)

    def _weigh(self, more: int) -> None:
        if self._held + more > self._max_bytes:
            raise AnswerError("upstream-too-large", "event is too large")

    def _without_mark(self, data: bytes) -> bytes:
        """The same without a mark that stands first; nothing while it cannot be told whether one does."""
        data = bytes(self._line) + data
        self._line.clear()
        if len(data) < len(_MARK) and _MARK.startswith(data):
            return data  # It is kept as the line that it begins, and comes back here.
        self._is_begun = True
        return data.removeprefix(_MARK)

    def _without_cr(self, data: bytes) -> bytes:
        """The same with LF alone; the LF of a CRLF that was cut in two is dropped."""
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
        elif not data:
            return data
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def event_bytes(data: bytes, *, name: str = "", id: str = "") -> bytes:  # noqa: A002 - as the standard calls it
    """One event as it is sent. Names and ids of more than one line are cut: they would be read as further fields."""
    head = b""
    if name:
        head = b"event: %b\n" % name.splitlines()[0].encode()
    if id:
        head += b"id: %b\n" % id.splitlines()[0].encode()
    if b"\n" in data or b"\r" in data:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return head + b"".join(b"data: %b\n" % line for line in lines) + b"\n"
    return b"%bdata: %b\n\n" % (head, data)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AnswerError("upstream-invalid", "event has a name or id that is no UTF-8") from error

"""What streams of all interfaces share: texts that pass a screen part by part, and values screened as a whole."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from keelmark.gateway.apis.interface import TextKind
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import Event, EventReader
from keelmark.gateway.apis.strict_json import decode_foreign
from keelmark.gateway.apis.texts import set_at, strings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.call import ToolUse, Usage
    from keelmark.core.exchange import TextScreen
    from keelmark.gateway.apis.bounds import AnswerBounds
    from keelmark.gateway.apis.interface import Screens

__all__ = ["Channel", "EventStream", "screened"]


class Channel:
    """One text of a stream on its way through its screen.

    Args:
        screen: Of this text alone.
        kind: What it is.
        keeps: Whether the whole text is wanted in the end.
    """

    __slots__ = ("_is_closed", "_keeps", "_screen", "given", "is_unchanged", "kind", "pending")

    def __init__(self, screen: TextScreen, kind: TextKind, *, keeps: bool = False) -> None:
        self._screen = screen
        self._is_closed = False
        self._keeps = keeps
        self.kind = kind
        self.pending: list[str] = []
        self.given: list[str] = []
        self.is_unchanged = True

    def feed(self, text: str) -> str:
        """What may leave after this part.

        Raises:
            AnswerError: The text had ended.
            ScreenedError: It must not go on.
        """
        if self._is_closed:
            raise AnswerError("upstream-invalid", "text goes on behind its end")
        out = self._screen.feed(text)
        self._note(text, out)
        return out

    def close(self) -> str:
        """The rest; nothing when it was closed before.

        Raises:
            ScreenedError: It must not leave.
        """
        was_closed, self._is_closed = self._is_closed, True
        if was_closed:
            return ""
        out = self._screen.close()
        self._note("", out)
        if self.pending:
            self.is_unchanged = False
        return out

    @property
    def is_level(self) -> bool:
        """Whether all that came has left, as it came."""
        return self.is_unchanged and not self.pending

    @property
    def text(self) -> str:
        """All that left; "" unless it is kept."""
        return "".join(self.given)

    def _note(self, text: str, out: str) -> None:
        """Remember what left, and of what came as much as did not leave yet."""
        if out and self._keeps:
            self.given.append(out)
        if out == text and not self.pending:
            return
        if not self.is_unchanged:
            return
        waiting = "".join((*self.pending, text))
        if waiting.startswith(out):
            rest = waiting[len(out) :]
            self.pending = [rest] if rest else []
        else:
            self.is_unchanged = False
            self.pending = []


class EventStream(ABC):
    """Events of one answer, one after the other; what each interface makes of one stands in `take`.

    Args:
        screens: What texts and tools are shown to.
        bounds: What the answer may hold.
    """

    keeps_texts = False

    def __init__(self, screens: Screens, bounds: AnswerBounds) -> None:
        self.usage: Usage | None = None
        self.finish = ""
        self.tool_uses: list[ToolUse] = []
        self.is_done = False
        self.disclosed: dict[str, str] | None = None
        self.made: Callable[[Any], None] | None = None
        self.fingerprint = ""
        self.answered: Callable[[Any], None] | None = None
        self.screens = screens
        self.bounds = bounds
        self.channels: dict[Any, Channel] = {}
        self._reader = EventReader(max_bytes=bounds.max_event_bytes)
        self._held = 0

    def feed(self, data: bytes) -> bytes:
        """What may leave after these bytes of the upstream.

        Raises:
            AnswerError: They are not what the interface promises.
            ScreenedError: The answer must be stopped.
        """
        if self.is_done:
            return b""
        reader = self._reader
        events = reader.feed(data)
        # Nothing leaves behind the end.
        out = self.take(events[0]) if len(events) == 1 else b"".join(map(self._take_before_end, events))
        if reader.fault is not None and not self.is_done:
            raise reader.fault
        return out

    def close(self) -> bytes:
        """What may leave when the upstream says no more.

        Raises:
            AnswerError: It broke off before the end.
        """
        if not self.is_done:
            raise AnswerError("upstream-failed", "stream broke off before its end")
        return b""

    @abstractmethod
    def take(self, event: Event) -> bytes:
        """What may leave after one event."""
        ...

    def _take_before_end(self, event: Event) -> bytes:
        return b"" if self.is_done else self.take(event)

    def value_of(self, event: Event) -> dict[str, Any]:
        """The object that an event holds.

        Raises:
            AnswerError: It holds none.
        """
        try:
            value = decode_foreign(event.data, max_depth=self.bounds.max_depth)
        except ValueError as error:
            raise AnswerError("upstream-invalid", f"event holds {error}") from error
        if type(value) is not dict:
            raise AnswerError("upstream-invalid", "event holds no object")
        return value

    def channel(self, key: Any, kind: TextKind, choice: int) -> Channel:
        """The text with that key, begun when it is new.

        Raises:
            AnswerError: There are too many.
        """
        found = self.channels.get(key)
        if found is None:
            if len(self.channels) >= self.bounds.max_channels:
                raise AnswerError("upstream-too-large", "stream holds too many texts")
            found = self.channels[key] = Channel(
                self.screens.text(kind, choice), kind, keeps=self.keeps_texts
            )
        return found

    def hold(self, size: int) -> None:
        """Count what waits in memory for the end of its text.

        Raises:
            AnswerError: It is too much.
        """
        self._held += size
        if self._held > self.bounds.max_held_bytes:
            raise AnswerError("upstream-too-large", "stream holds back too much")


def screened(value: Any, screens: Screens, kind: TextKind = TextKind.OTHER, choice: int = 0) -> Any:
    """A value whose texts have all passed a screen; changed in place, unless it is a text itself.

    Raises:
        ScreenedError: One of them must not leave.
    """
    holder = [value]
    for place, text in list(strings_of(holder, ())):
        screen = screens.text(kind, choice)
        new = screen.feed(text) + screen.close()
        if new != text:
            set_at(holder, place, new)
    return holder[0]

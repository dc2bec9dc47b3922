"""Notes what a model made, as it leaves the screens, so that it can be registered when the answer is over.

It stands around the screens of an answer: what they take out is not noted, and what they stop never reaches the note. What is
noted is bounded, and lives no longer than the request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from keelmark.core.call import ToolDefinition, ToolUse
    from keelmark.core.exchange import Exchange, TextScreen

__all__ = ["MADE", "AnswerScreen", "Made", "NotedScreens"]

MADE: Final = "made_texts"
"""Fact: what the model made, `Made`; there only where it is registered."""

_KINDS: Final = frozenset({"content", "refusal", "reasoning", "tool"})
_MAX_TEXTS = 256


class AnswerScreen(Protocol):
    """What shows the texts and tools of one answer to screens."""

    def text(self, kind: Any, choice: int) -> TextScreen:
        """A new screen, for one text."""
        ...

    def tool(self, use: ToolUse) -> None:
        """A model asks for a tool."""
        ...

    def offered(self, tool: ToolDefinition) -> None:
        """A server offers a tool."""
        ...


@dataclass(slots=True)
class Made:
    """Texts of one answer, each in the parts in which it left.

    Attributes:
        texts: Kind and parts of each.
        characters: Of all of them.
        is_cut: Whether there were more than may be noted.
    """

    texts: list[tuple[str, list[str]]] = field(default_factory=list)
    characters: int = 0
    is_cut: bool = False


class NotedScreens:
    """Screens of one answer, and a note of what leaves them.

    Args:
        screens: That decide what leaves.
        exchange: Takes the note among its facts.
        max_characters: Most that is noted of one answer.
    """

    __slots__ = ("_made", "_max", "_screens", "offered", "tool")

    def __init__(self, screens: AnswerScreen, exchange: Exchange, *, max_characters: int) -> None:
        self._screens, self._max = screens, max_characters
        self._made = exchange.facts[MADE] = Made()
        self.tool, self.offered = screens.tool, screens.offered

    def text(self, kind: Any, choice: int) -> TextScreen:
        """A new screen, for one text; what models wrote is noted, what others wrote is not."""
        screen, made = self._screens.text(kind, choice), self._made
        if kind not in _KINDS:
            return screen
        if len(made.texts) >= _MAX_TEXTS:
            made.is_cut = True
            return screen
        parts: list[str] = []
        made.texts.append((str(kind), parts))
        return _Noted(screen, made, parts, self._max)


class _Noted:
    __slots__ = ("_made", "_max", "_parts", "_screen")

    def __init__(self, screen: TextScreen, made: Made, parts: list[str], most: int) -> None:
        self._screen, self._made, self._parts, self._max = screen, made, parts, most

    def feed(self, text: str) -> str:
        """Take the next part; the text that may leave now."""
        out = self._screen.feed(text)
        if out:
            self._note(out)
        return out

    def close(self) -> str:
        """The rest, when no more comes."""
        out = self._screen.close()
        if out:
            self._note(out)
        return out

    def _note(self, out: str) -> None:
        made = self._made
        if made.characters + len(out) > self._max:
            made.is_cut = True
            return
        made.characters += len(out)
        self._parts.append(out)

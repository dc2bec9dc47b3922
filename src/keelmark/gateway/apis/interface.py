"""What every interface of the gateway can do, and how answers and streams are screened.

The rules of answers and streams, each with a test:

1. Every text that a model or tool wrote passes a screen before any byte of it leaves; what a screen holds back comes out
   with the next part of the same text, or before the end of it is told.
2. Calls of tools leave only as a whole, after they were shown.
3. Events and fields that are not known do not leave; order and ids of the others are kept.
4. What leaves is encoded anew from values, and well formed for the official clients, also when the answer is stopped.
5. What cannot be read raises `AnswerError`; a stream that ends before its end is one of these.
6. A model is called by the name that the caller used, whatever its upstream calls it.
7. Numbers about tokens that would show a text (log probabilities) leave only beside the text itself, unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from keelmark.core.call import ToolDefinition, ToolUse, Usage
from keelmark.gateway.apis.strict_json import encode
from keelmark.gateway.apis.texts import Place, leads, set_at

if TYPE_CHECKING:
    from keelmark.core.call import Api, Call
    from keelmark.core.exchange import Decision, Request, TextScreen
    from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds

__all__ = [
    "Answer",
    "AnswerText",
    "Interface",
    "Screens",
    "Stream",
    "TextKind",
    "apply",
]


class TextKind(StrEnum):
    """What a text of an answer is."""

    CONTENT = "content"
    REFUSAL = "refusal"
    REASONING = "reasoning"
    TOOL = "tool"
    OTHER = "other"


class Screens(Protocol):
    """What an answer is shown to, part by part."""

    def text(self, kind: TextKind, choice: int) -> TextScreen:
        """A new screen, for one text."""
        ...

    def tool(self, use: ToolUse) -> None:
        """A model asks for a tool.

        Raises:
            ScreenedError: It must not be told.
        """
        ...

    def offered(self, tool: ToolDefinition) -> None:
        """A server offers a tool.

        Raises:
            ScreenedError: It must not be told.
        """
        ...


class AnswerText(Struct, kw_only=True):
    """One text of a whole answer.

    Attributes:
        text: As it stands there now.
        place: Keys and indexes that lead to it.
        kind: What it is.
        choice: Index of the answer it belongs to.
    """

    text: str
    place: Place
    kind: TextKind = TextKind.CONTENT
    choice: int = 0


class Answer(Struct, kw_only=True):
    """One whole answer, read.

    Attributes:
        body: The decoded body, without what is not known.
        texts: All its texts, in order.
        tool_uses: Tools that it asks for.
        tools: Tools that it offers (MCP).
        usage: Tokens as the upstream counts them; None when it does not say.
        finish: Why the first choice ended, as the upstream says; "" when it does not.
        changed: Called with the text that was changed, to take out what would show the old one.
    """

    body: Any
    texts: list[AnswerText] = field(default_factory=list)
    tool_uses: tuple[ToolUse, ...] = ()
    tools: tuple[ToolDefinition, ...] = ()
    usage: Usage | None = None
    finish: str = ""
    changed: Callable[[AnswerText], None] | None = None

    def replace(self, text: AnswerText, new: str) -> None:
        """Put a changed text where one of the texts stands.

        Raises:
            ValueError: Another text stands there.
        """
        set_at(self.body, text.place, new, expected=text.text)
        text.text = new
        if self.changed is not None:
            self.changed(text)

    def encode(self) -> bytes:
        """The body as it leaves."""
        return encode(self.body)


class Stream(Protocol):
    """One answer in parts.

    Attributes:
        usage: Tokens as the upstream counts them, once it said so.
        finish: Why it ended, once it said so.
        tool_uses: Tools that it asked for so far.
        is_done: Whether the end was told.
        disclosed: What the answer says of being made by a model, in its own field; None where it does not.
        fingerprint: What each answer must say of the system that made it before anything leaves; "" when that is not compared.
        answered: Called with the whole response at its end, where callers can go on from it; None for nothing.
        made: Called with each whole item that a model made before it leaves, which it may change; None for nothing.
    """

    usage: Usage | None
    finish: str
    tool_uses: list[ToolUse]
    is_done: bool
    disclosed: dict[str, str] | None
    fingerprint: str
    answered: Callable[[Any], None] | None
    made: Callable[[Any], None] | None

    def feed(self, data: bytes) -> bytes:
        """What may leave after these bytes of the upstream.

        Raises:
            AnswerError: They are not what the interface promises, or say that the upstream failed.
            ScreenedError: The answer must be stopped: nothing more may leave but what `refuse` gives.
        """
        ...

    def close(self) -> bytes:
        """What may leave when the upstream says no more.

        Raises:
            AnswerError: It broke off before the end.
            ScreenedError: As above.
        """
        ...

    def refuse(self, decision: Decision) -> bytes:
        """The event that tells the caller why nothing more comes, and the end; nothing that was held back."""
        ...


class Interface(Protocol):
    """One interface."""

    @property
    def api(self) -> Api:
        """Which one."""
        ...

    @property
    def passed(self) -> tuple[str, ...]:
        """Names of headers of the request that go on to the upstream."""
        ...

    @property
    def returned(self) -> tuple[str, ...]:
        """Names of headers of the answer that go back to the caller."""
        ...

    def parse(self, request: Request, bounds: ApiBounds) -> Call | Decision:
        """The call that a request makes, or why it is refused. Never raises."""
        ...

    def answer(self, call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
        """Read a whole answer.

        Raises:
            AnswerError: It is not what the interface promises.
        """
        ...

    def stream(self, call: Call, screens: Screens, bounds: AnswerBounds) -> Stream:
        """Begin to read an answer in parts."""
        ...


def apply(answer: Answer, screens: Screens) -> None:
    """Show a whole answer to screens, and put changed texts back. Texts that went out with what would show another are forgotten.

    Raises:
        ScreenedError: It must not leave.
    """
    for tool in answer.tools:
        screens.offered(tool)
    for use in answer.tool_uses:
        screens.tool(use)
    is_changed = False
    for text in answer.texts:
        screen = screens.text(text.kind, text.choice)
        new = screen.feed(text.text) + screen.close()
        if new != text.text and (not is_changed or leads(answer.body, text.place)):
            answer.replace(text, new)
            is_changed = True
    if is_changed:
        answer.texts = [text for text in answer.texts if leads(answer.body, text.place)]

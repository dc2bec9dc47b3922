"""Texts of a call: where they stand, whom they come from, how many tokens they may be; and putting changed ones back.

**Trust.** The role of a message, or the kind of a block, says where its text comes from. Nothing inside of a text does:
`<document>` in a message of the user is what the user wrote, and `</document>` in a document ends nothing. A caller that
puts retrieved text into messages of the user says so by the header `x-keelmark-provenance`: `retrieved` for all messages
of the user, or `2=retrieved, 5=tool-result` by the index of the message. The header only ever lowers trust.

**Tokens.** The estimate is made from the whole canonical body: one for each byte that is neither an ASCII letter nor a
blank, and one for `letters_per_token` of the others. A token of the common tokenizers covers at least one byte, and of plain
words in Latin letters more than two; what stands around the texts counts too. So it leans up: about twice what English
takes. Rare words made of random letters alone can come to more, so the estimate serves to reserve; what counts in the
end is what the upstream measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Provenance, Span
from keelmark.gateway.apis.refused import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.call import Call
    from keelmark.gateway.apis.bounds import ApiBounds

__all__ = [
    "PROVENANCE_HEADER",
    "Collected",
    "Place",
    "estimate",
    "leads",
    "lowered",
    "replace_text",
    "set_at",
    "strings_of",
]

Place = tuple[str | int, ...]

PROVENANCE_HEADER = "x-keelmark-provenance"
_ALL = -1
_TRUST = {provenance: rank for rank, provenance in enumerate(Provenance)}
_LOWERS = {Provenance.TOOL.value: Provenance.TOOL, Provenance.RETRIEVED.value: Provenance.RETRIEVED}
_MAX_MARKS = 1000
_MAX_INDEX_DIGITS = 6
# Words of the interfaces, not texts: nobody has to look at them. By the word, and not by its key: keys of arguments and
# results are free, and `id` or `name` may hold anything.
_WORDS = frozenset({
    "application/json", "array", "assistant", "audio", "boolean", "code_interpreter_call", "completed", "custom",
    "file_citation", "file_search_call", "function", "image", "image_url", "in_progress", "input_text", "integer",
    "json_schema", "message", "null", "number", "object", "output_text", "reasoning", "resource", "resource_link",
    "server_tool_use", "string", "text", "text/plain", "tool_result", "tool_use", "url_citation", "user",
    "web_search_call", "web_search_result", "web_search_tool_result",
})  # fmt: skip


class Collected:
    """Texts of one request, as they are found.

    Args:
        bounds: What the request may ask for.
        marks: What the header of provenance says, by index of the message.
    """

    __slots__ = ("bounds", "is_tainted", "marks", "media", "media_bytes", "spans")

    def __init__(self, bounds: ApiBounds, marks: dict[int, Provenance] | None = None) -> None:
        self.bounds = bounds
        self.spans: list[Span] = []
        self.marks = marks
        self.is_tainted = False
        self.media = 0
        self.media_bytes = 0

    def add(self, text: str, provenance: Provenance, place: Place) -> None:
        """Note one text."""
        if text:
            self.spans.append(Span(text=text, provenance=provenance, place=place))
            if provenance is Provenance.TOOL or provenance is Provenance.RETRIEVED:
                self.is_tainted = True

    def add_all(self, value: Any, provenance: Provenance, place: Place) -> None:
        """Note every text inside of a value."""
        for found, text in strings_of(value, place):
            self.add(text, provenance, found)

    def of_message(self, index: int, provenance: Provenance) -> Provenance:
        """The provenance of a message, lowered where the header says so."""
        if self.marks is None:
            return provenance
        mark = self.marks.get(index)
        if mark is None and provenance is Provenance.USER:
            mark = self.marks.get(_ALL)
        return mark if mark is not None and _TRUST[mark] > _TRUST[provenance] else provenance


def lowered(header: str | None) -> dict[int, Provenance] | None:
    """What the header of provenance says, by index of the message; -1 for all messages of the user.

    Raises:
        RefusedError: It says something else.
    """
    if header is None:
        return None
    marks: dict[int, Provenance] = {}
    pairs = header.split(",")
    if len(pairs) > _MAX_MARKS:
        raise RefusedError("bad-request", PROVENANCE_HEADER)
    for pair in pairs:
        index, mark, word = pair.strip().rpartition("=")
        provenance = _LOWERS.get(word.strip())
        at = index.strip()
        is_index = at.isascii() and at.isdecimal() and len(at) <= _MAX_INDEX_DIGITS
        if provenance is None or (mark and not is_index):
            raise RefusedError("bad-request", PROVENANCE_HEADER)
        key = int(at) if mark else _ALL
        if key in marks:
            raise RefusedError("bad-request", PROVENANCE_HEADER)
        marks[key] = provenance
    return marks


def estimate(size: int, others: int, *, letters_per_token: int) -> int:
    """Tokens of a body, at most, for plain text.

    Args:
        size: Bytes of the canonical body.
        others: Those among them that are neither an ASCII letter nor a blank.
        letters_per_token: How many of the rest make a token.
    """
    return others + (size - others) // letters_per_token + 1


def strings_of(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Every text inside of a value with its place, in order; keys and words of the interfaces are none.

    The value is bounded in depth where it was decoded.
    """
    if type(value) is str:
        if value:
            yield place, value
        return
    steps = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, held in steps:
        if type(held) is str:
            if held and held not in _WORDS:
                yield (*place, key), held
        elif type(held) is dict or type(held) is list:
            yield from strings_of(held, (*place, key))


def replace_text(call: Call, span: Span, text: str) -> None:
    """Put a changed text where a span of the call stands, in its body and among its spans.

    Args:
        call: Its body and spans are changed.
        span: One of its spans.
        text: What stands there from now on.

    Raises:
        ValueError: The span is none of this call, or its place holds another text.
    """
    if not any(each is span for each in call.spans):
        raise ValueError("span is none of the call")
    set_at(call.body, span.place, text, expected=span.text)
    changed = Span(text=text, provenance=span.provenance, place=span.place)
    call.spans = tuple(changed if each is span else each for each in call.spans)


def leads(value: Any, place: Place) -> bool:
    """Whether a place leads to a text, whichever."""
    try:
        for step in place:
            value = value[step]
    except (IndexError, KeyError, TypeError):
        return False
    return type(value) is str


def set_at(value: Any, place: Place, text: str, *, expected: str | None = None) -> None:
    """Put a text at a place.

    Args:
        value: The value that the place leads through; changed.
        place: Keys and indexes; at least one.
        text: What stands there from now on.
        expected: The text that must stand there.

    Raises:
        ValueError: The place does not lead to that text.
    """
    try:
        for step in place[:-1]:
            value = value[step]
        if expected is not None and value[place[-1]] != expected:
            raise ValueError("another text stands at the place")
        value[place[-1]] = text
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError("place does not lead to a text") from error

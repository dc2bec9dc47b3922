"""Whole answers of `/v1/messages`, and of its count of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import ToolUse, Usage
from keelmark.gateway.apis.interface import Answer, AnswerText, TextKind
from keelmark.gateway.apis.openai_answer import add_strings, kept, object_of
from keelmark.gateway.apis.refused import AnswerError

if TYPE_CHECKING:
    from keelmark.core.call import Call
    from keelmark.gateway.apis.bounds import AnswerBounds

__all__ = ["HEAD", "OPAQUE", "answer_of", "count_answer_of", "usage_of"]

HEAD = frozenset({
    "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage", "stop_details", "container",
})  # fmt: skip
"""Fields of a message that are handed on."""

OPAQUE = frozenset({"redacted_thinking"})
"""Kinds of blocks that the upstream encrypted for itself."""

_TEXTS = {"text": TextKind.CONTENT, "thinking": TextKind.REASONING}
_BLOCKS = {
    "text": frozenset({"type", "text", "citations"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": frozenset({"type", "id", "name", "input", "caller"}),
}
_TOP = frozenset({"input_tokens"})


def usage_of(usage: Any, before: Usage | None = None) -> Usage | None:
    """Counts as Anthropic spells them; what came from a cache went in too.

    Args:
        usage: As the upstream says it.
        before: What it said before; numbers that are not said again stay.
    """
    if type(usage) is not dict:
        return before
    into, out = usage.get("input_tokens"), usage.get("output_tokens")
    total = -1 if before is None else before.input_tokens
    if type(into) is int and into >= 0:
        cached = (usage.get("cache_creation_input_tokens"), usage.get("cache_read_input_tokens"))
        total = into + sum(each for each in cached if type(each) is int and each > 0)
    known = -1 if before is None else before.output_tokens
    return Usage(input_tokens=total, output_tokens=out if type(out) is int and out >= 0 else known)


def answer_of(call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a whole answer.

    Raises:
        AnswerError: It is not what the interface promises.
    """
    value = kept(object_of(body, bounds), HEAD, "answer")
    if "model" in value:
        value["model"] = call.model
    content = value.get("content")
    if type(content) is not list:
        raise AnswerError("upstream-invalid", "answer has no content")
    finish = value.get("stop_reason")
    answer = Answer(
        body=value, usage=usage_of(value.get("usage")), finish=finish if type(finish) is str else ""
    )
    for index, block in enumerate(content):
        kind = block.get("type") if type(block) is dict else None
        if type(kind) is not str:
            raise AnswerError("upstream-invalid", "content has a block without a kind")
        names = _BLOCKS.get(kind)
        if names is not None:
            block = content[index] = kept(block, names, "block")  # noqa: PLW2901 - the block without what is not known
        _read_block(block, kind, index, answer)
    if type(value.get("stop_sequence")) is str:
        answer.texts.append(
            AnswerText(text=value["stop_sequence"], place=("stop_sequence",), kind=TextKind.OTHER)
        )
    return answer


def count_answer_of(_: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a count of tokens.

    Raises:
        AnswerError: It is none.
    """
    value = kept(object_of(body, bounds), _TOP, "answer")
    if type(value.get("input_tokens")) is not int:
        raise AnswerError("upstream-invalid", "answer has no count")
    return Answer(body=value)


def _read_block(block: dict[str, Any], kind: str, index: int, answer: Answer) -> None:
    if kind in OPAQUE:
        return
    text_kind = _TEXTS.get(kind)
    if text_kind is not None:
        held = block.get(kind)
        if type(held) is not str:
            raise AnswerError("upstream-invalid", "block has no text")
        if held:
            answer.texts.append(AnswerText(text=held, place=("content", index, kind), kind=text_kind))
        if block.get("citations"):
            add_strings(answer, block["citations"], ("content", index, "citations"), TextKind.OTHER)
    elif kind == "tool_use":
        name, arguments = block.get("name"), block.get("input")
        if type(name) is not str or type(arguments) is not dict:
            raise AnswerError("upstream-invalid", "tool use has no name or input")
        identity = block.get("id")
        use = ToolUse(name=name, arguments=arguments, id=identity if type(identity) is str else "")
        answer.tool_uses = (*answer.tool_uses, use)
        add_strings(answer, arguments, ("content", index, "input"), TextKind.TOOL)
    else:
        # What tools of the upstream say: known by nobody here, so every text of it is looked at.
        add_strings(answer, block, ("content", index), TextKind.OTHER)

"""Whole answers of `/v1/chat/completions` and `/v1/completions`, and what all answers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import ToolUse, Usage
from keelmark.gateway.apis.interface import Answer, AnswerText, TextKind
from keelmark.gateway.apis.refused import AnswerError, RefusedError
from keelmark.gateway.apis.strict_json import JsonBounds, decode, decode_foreign
from keelmark.gateway.apis.texts import Place, strings_of

if TYPE_CHECKING:
    from keelmark.core.call import Call
    from keelmark.gateway.apis.bounds import AnswerBounds

__all__ = [
    "TEXTS",
    "TOP",
    "add_strings",
    "arguments_of",
    "chat_answer",
    "completions_answer",
    "kept",
    "object_of",
    "usage_of",
]

TOP = frozenset({
    "id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint",
})  # fmt: skip
"""Fields of an answer that are handed on."""

TEXTS = {
    "content": TextKind.CONTENT,
    "refusal": TextKind.REFUSAL,
    "reasoning_content": TextKind.REASONING,
    "reasoning": TextKind.REASONING,
}
"""Fields of a message that are texts."""

_MESSAGE = frozenset({"role", "tool_calls", "function_call", "annotations", *TEXTS})
_CHOICE = frozenset({"index", "message", "finish_reason", "logprobs", "text"})
_MAX_CHOICES = 4096


def object_of(body: bytes, bounds: AnswerBounds) -> dict[str, Any]:
    """An answer, which must be an object and say of no failure.

    Raises:
        AnswerError: It is none, or too large.
    """
    if len(body) > bounds.max_bytes:
        raise AnswerError("upstream-too-large", "answer is too large")
    try:
        value = decode_foreign(body, max_depth=bounds.max_depth)
    except ValueError as error:
        raise AnswerError("upstream-invalid", str(error)) from error
    if type(value) is not dict:
        raise AnswerError("upstream-invalid", "answer is no object")
    if value.get("error"):
        raise AnswerError("upstream-failed", "upstream says that it failed")
    return value


def kept(value: Any, names: frozenset[str], what: str) -> dict[str, Any]:
    """An object without the fields that are not known.

    Raises:
        AnswerError: It is none.
    """
    if type(value) is not dict:
        raise AnswerError("upstream-invalid", f"{what} is no object")
    if value.keys() <= names:
        return value
    return {name: held for name, held in value.items() if name in names}


def usage_of(usage: Any) -> Usage | None:
    """Counts as interfaces spell them."""
    if type(usage) is not dict:
        return None
    into, out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(
        input_tokens=into if type(into) is int and into >= 0 else -1,
        output_tokens=out if type(out) is int and out >= 0 else -1,
    )


def arguments_of(text: Any, bounds: AnswerBounds) -> Any:
    """Arguments of a tool, decoded as strictly as bodies: they leave as they came. None when they could not be."""
    if type(text) is not str or len(text) > bounds.max_held_bytes:
        return None
    try:
        return decode(text.encode(), JsonBounds(max_bytes=4 * bounds.max_held_bytes)).value if text else {}
    except RefusedError:
        return None


def add_strings(answer: Answer, value: Any, place: Place, kind: TextKind, *, choice: int = 0) -> None:
    """Note every text inside of a value."""
    answer.texts.extend(
        AnswerText(text=text, place=found, kind=kind, choice=choice)
        for found, text in strings_of(value, place)
    )


def chat_answer(call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a whole answer of chat.

    Raises:
        AnswerError: It is not what the interface promises.
    """
    answer = _opened(call, body, bounds)
    uses: list[ToolUse] = []
    for at, choice in enumerate(answer.body["choices"]):
        message = kept(choice.get("message"), _MESSAGE, "message")
        choice["message"] = message
        place: Place = ("choices", at, "message")
        for name, kind in TEXTS.items():
            held = message.get(name)
            if type(held) is str:
                if held:
                    answer.texts.append(AnswerText(text=held, place=(*place, name), kind=kind, choice=at))
            elif held is not None:
                raise AnswerError("upstream-invalid", f"`{name}` is no text")
        if message.get("annotations"):
            add_strings(answer, message["annotations"], (*place, "annotations"), TextKind.OTHER, choice=at)
        if message.get("tool_calls") or message.get("function_call"):
            uses.extend(_uses(message, at, answer, bounds))
    answer.tool_uses = tuple(uses)
    return answer


def completions_answer(call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a whole answer of completions.

    Raises:
        AnswerError: It is not what the interface promises.
    """
    answer = _opened(call, body, bounds)
    for at, choice in enumerate(answer.body["choices"]):
        held = choice.get("text")
        if type(held) is not str:
            raise AnswerError("upstream-invalid", "choice has no text")
        if held:
            answer.texts.append(AnswerText(text=held, place=("choices", at, "text"), choice=at))
    return answer


def _opened(call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """The answer with its choices, and nothing that is not known."""
    value = kept(object_of(body, bounds), TOP, "answer")
    if "model" in value:
        value["model"] = call.model
    choices = value.get("choices")
    if type(choices) is not list or len(choices) > _MAX_CHOICES:
        raise AnswerError("upstream-invalid", "answer has no choices")
    value["choices"] = read = [kept(choice, _CHOICE, "choice") for choice in choices]
    finish = read[0].get("finish_reason") if read else None

    def changed(text: AnswerText) -> None:
        read[text.choice].pop("logprobs", None)

    return Answer(
        body=value,
        usage=usage_of(value.get("usage")),
        finish=finish if type(finish) is str else "",
        changed=changed,
    )


def _uses(message: dict[str, Any], at: int, answer: Answer, bounds: AnswerBounds) -> list[ToolUse]:
    """Tools that a message asks for; their arguments are texts too."""
    calls = message.get("tool_calls") or []
    if type(calls) is not list:
        raise AnswerError("upstream-invalid", "tool calls are no list")
    here: Place = ("choices", at, "message")
    asked: list[tuple[Any, Place]] = [(use, (*here, "tool_calls", index)) for index, use in enumerate(calls)]
    if message.get("function_call"):
        asked.append(({"function_call": message["function_call"]}, here))
    uses = []
    for use, place in asked:
        key = _kind_of(use)
        named = use[key]
        field = "input" if key == "custom" else "arguments"
        held, identity = named.get(field), use.get("id")
        if type(named.get("name")) is not str or type(held) is not str:
            raise AnswerError("upstream-invalid", "tool call has no name or arguments")
        arguments = held if key == "custom" else arguments_of(held, bounds)
        identity = identity if type(identity) is str else ""
        uses.append(ToolUse(name=named["name"], arguments=arguments, id=identity))
        if held:
            where: Place = (*place, key, field)
            answer.texts.append(AnswerText(text=held, place=where, kind=TextKind.TOOL, choice=at))
    return uses


def _kind_of(use: Any) -> str:
    """The field of a tool call that names the tool."""
    if type(use) is dict:
        for key in ("function", "custom", "function_call"):
            if type(use.get(key)) is dict:
                return key
    raise AnswerError("upstream-invalid", "tool call is of no known kind")

"""Streams of `/v1/responses`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.gateway.apis.interface import TextKind, apply
from keelmark.gateway.apis.openai_answer import kept
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.responses_answer import (
    CALLS,
    HEAD,
    PARTS,
    echo,
    item_tool,
    read_response,
    usage_of,
)
from keelmark.gateway.apis.sse import Event, event_bytes
from keelmark.gateway.apis.streaming import Channel, EventStream, screened
from keelmark.gateway.apis.strict_json import encode
from keelmark.gateway.refusals import REFUSALS, refusal_of
from keelmark.operation.credentials.disclosure import FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.call import Call
    from keelmark.core.exchange import Decision
    from keelmark.gateway.apis.bounds import AnswerBounds
    from keelmark.gateway.apis.interface import Screens

__all__ = ["ResponsesStream"]

# Texts that come in parts: what each is called, and the field of the whole when it ends.
_TEXTS = {
    "response.output_text": ("text", TextKind.CONTENT),
    "response.refusal": ("refusal", TextKind.REFUSAL),
    "response.reasoning_text": ("text", TextKind.REASONING),
    "response.reasoning_summary_text": ("text", TextKind.REASONING),
    "response.code_interpreter_call_code": ("code", TextKind.TOOL),
}
_ARGUMENTS = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
}
_PART_TEXTS = {
    "output_text": "response.output_text",
    "refusal": "response.refusal",
    "reasoning_text": "response.reasoning_text",
    "summary_text": "response.reasoning_summary_text",
}
_BEGUN = ("response.created", "response.in_progress", "response.queued")
_ENDED = ("response.completed", "response.incomplete", "response.failed")
_PROGRESS = tuple(
    f"response.{tool}.{state}"
    for tool, states in (
        ("web_search_call", ("in_progress", "searching", "completed")),
        ("file_search_call", ("in_progress", "searching", "completed")),
        ("code_interpreter_call", ("in_progress", "interpreting", "completed")),
        ("image_generation_call", ("in_progress", "generating", "completed")),
        ("mcp_call", ("in_progress", "completed", "failed")),
        ("mcp_list_tools", ("in_progress", "completed", "failed")),
    )
    for state in states
)
_PLACE = ("item_id", "output_index", "content_index", "summary_index", "annotation_index")
_MAX_ITEMS = 4096


class ResponsesStream(EventStream):
    """A stream of one response. Events are numbered anew, since some are taken out and others are put in.

    Args:
        call: What was asked.
        screens: What texts and tools are shown to.
        bounds: What the answer may hold.
    """

    keeps_texts = True

    def __init__(self, call: Call, screens: Screens, bounds: AnswerBounds) -> None:
        super().__init__(screens, bounds)
        self._call = call
        self._number = 0
        self._told_arguments: dict[int, str] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self._whole: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, list[str]] = {}
        self._takes: dict[str, Callable[[dict[str, Any], str], bytes]] = {
            "response.output_item.added": self._item_added,
            "response.output_item.done": self._item_done,
            "response.content_part.added": self._part_added,
            "response.content_part.done": self._part_done,
            "response.reasoning_summary_part.added": self._part_added,
            "response.reasoning_summary_part.done": self._part_done,
            "response.output_text.annotation.added": self._annotation,
            "error": self._error,
            **dict.fromkeys(_BEGUN, self._begun),
            **dict.fromkeys(_ENDED, self._ended),
            **dict.fromkeys(_PROGRESS, self._progress),
            **{f"{name}.delta": self._text_delta for name in _TEXTS},
            **{f"{name}.done": self._text_done for name in _TEXTS},
            **{f"{name}.delta": self._arguments_delta for name in _ARGUMENTS},
            **{f"{name}.done": self._arguments_done for name in _ARGUMENTS},
        }

    def take(self, event: Event) -> bytes:
        """What may leave after one event."""
        if event.data == b"[DONE]":
            return b""
        value = self.value_of(event)
        kind = value.get("type")
        take = self._takes.get(kind) if type(kind) is str else None
        return b"" if take is None else take(value, str(kind))

    def refuse(self, decision: Decision) -> bytes:
        """The event that tells the caller why nothing more comes."""
        self.is_done = True
        message = f"{refusal_of(decision).message} ({decision.reason})"
        code = decision.reason if decision.reason in REFUSALS else "refused"
        return self._bytes({"type": "error", "code": code, "message": message, "param": None})

    def _bytes(self, value: dict[str, Any]) -> bytes:
        value["sequence_number"] = self._number
        self._number += 1
        return event_bytes(encode(value), name=value["type"])

    def _begun(self, value: dict[str, Any], kind: str) -> bytes:
        response = kept(value.get("response"), HEAD, "response")
        response["output"] = []
        echo(response, self._call)
        answer = read_response(response, self.bounds, said=self._call.body)
        apply(answer, self.screens)
        self._disclose(answer.body)
        return self._bytes({"type": kind, "response": answer.body})

    def _ended(self, value: dict[str, Any], kind: str) -> bytes:
        response = kept(value.get("response"), HEAD, "response")
        output = response.get("output")
        if type(output) is not list:
            raise AnswerError("upstream-invalid", "response has no output")
        before = b"".join(self._closed(key) for key in list(self.channels))
        rest = [item for index, item in enumerate(output) if index not in self._whole]
        # What was told item by item is told again as it was; the rest is read like a whole answer.
        response["output"] = rest
        echo(response, self._call)
        answer = read_response(response, self.bounds, said=self._call.body)
        apply(answer, self.screens)
        self.tool_uses.extend(answer.tool_uses)
        if self.made is not None:
            for item in answer.body["output"]:
                self.made(item)
        others = iter(answer.body["output"])
        answer.body["output"] = [
            self._whole[index] if index in self._whole else next(others) for index in range(len(output))
        ]
        self.usage = usage_of(response.get("usage"))
        self.finish = kind.rpartition(".")[2]
        self.is_done = True
        if self.answered is not None:
            self.answered(answer.body)
        self._disclose(answer.body)
        return before + self._bytes({"type": kind, "response": answer.body})

    def _disclose(self, response: dict[str, Any]) -> None:
        if self.disclosed is not None:
            response[FIELD] = self.disclosed

    def _progress(self, value: dict[str, Any], kind: str) -> bytes:
        return self._bytes({"type": kind, **_placed(value)})

    def _error(self, _: dict[str, Any], __: str) -> bytes:
        raise AnswerError("upstream-failed", "upstream says that it failed")

    def _item_added(self, value: dict[str, Any], kind: str) -> bytes:
        index, item = self._item(value)
        if index in self._items:
            raise AnswerError("upstream-invalid", "item begins twice")
        self._items[index] = item
        return self._bytes({
            "type": kind, "output_index": index, "item": screened(_emptied(item), self.screens),
        })  # fmt: skip

    def _item(self, value: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        index, item = value.get("output_index"), value.get("item")
        if type(index) is not int or not 0 <= index < _MAX_ITEMS or type(item) is not dict:
            raise AnswerError("upstream-invalid", "item has no index")
        if type(item.get("type")) is not str:
            raise AnswerError("upstream-invalid", "item has no kind")
        return index, item

    def _item_done(self, value: dict[str, Any], kind: str) -> bytes:
        index, item = self._item(value)
        before = b"".join(self._closed(key) for key in list(self.channels) if key[1] == index)
        # Texts that were told in parts are as they were told; others are screened as a whole.
        answer = read_response({"output": [item]}, self.bounds)
        told = self._told(index, answer.body["output"][0])
        if index in self._told_arguments:
            answer.tool_uses = ()
        answer.texts = [text for text in answer.texts if text.place not in told]
        apply(answer, self.screens)
        self.tool_uses.extend(answer.tool_uses)
        whole = self._whole[index] = answer.body["output"][0]
        if self.made is not None:
            self.made(whole)
        if whole["type"] in CALLS and index in self._arguments:
            # They were not told by themselves before they were whole.
            raise AnswerError("upstream-invalid", "arguments of a tool have no end")
        for key in [key for key in self.channels if key[1] == index]:
            del self.channels[key]
        return before + self._bytes({"type": kind, "output_index": index, "item": whole})

    def _told(self, index: int, item: dict[str, Any]) -> set[tuple[str | int, ...]]:
        """Put texts that were told in parts into an item; their places."""
        told: set[tuple[str | int, ...]] = set()
        if item["type"] in CALLS and index in self._told_arguments:
            item[CALLS[item["type"]]] = self._told_arguments[index]
            told.add(("output", 0, CALLS[item["type"]]))
        for name in ("content", "summary"):
            parts = item.get(name)
            for at, part in enumerate(parts if type(parts) is list else ()):
                # Items of tools of the upstream may hold anything there.
                kind = part.get("type") if type(part) is dict else None
                if type(kind) is not str or (found := PARTS.get(kind)) is None:
                    continue
                channel = self.channels.get((_PART_TEXTS[kind], index, at))
                if channel is None:
                    continue
                part[found[0]] = channel.text
                if not channel.is_unchanged and part.get("logprobs"):
                    part["logprobs"] = []
                told.add(("output", 0, name, at, found[0]))
        return told

    def _part_added(self, value: dict[str, Any], kind: str) -> bytes:
        return self._bytes({"type": kind, **_placed(value), "part": _emptied_part(value.get("part"))})

    def _part_done(self, value: dict[str, Any], kind: str) -> bytes:
        part = value.get("part")
        part_kind = part.get("type") if type(part) is dict else None
        known = PARTS.get(part_kind) if type(part_kind) is str else None
        if known is None or type(part) is not dict:
            raise AnswerError("upstream-invalid", "part is of no known kind")
        channel, rest = self._whole_of(_PART_TEXTS[str(part_kind)], value, part.get(known[0]))
        done: dict[str, Any] = {"type": part_kind, known[0]: channel.text}
        if part.get("annotations") is not None:
            done["annotations"] = screened(part["annotations"], self.screens)
        if part.get("logprobs") is not None:
            done["logprobs"] = part["logprobs"] if channel.is_unchanged else []
        return rest + self._bytes({"type": kind, **_placed(value), "part": done})

    def _annotation(self, value: dict[str, Any], kind: str) -> bytes:
        annotation = screened(value.get("annotation"), self.screens)
        return self._bytes({"type": kind, **_placed(value), "annotation": annotation})

    def _text_delta(self, value: dict[str, Any], kind: str) -> bytes:
        name = kind.removesuffix(".delta")
        part = value.get("delta")
        if type(part) is not str:
            raise AnswerError("upstream-invalid", "delta holds no text")
        channel = self.channel(self._key(name, value), _TEXTS[name][1], 0)
        given = channel.feed(part)
        if not given:
            return b""
        event = {"type": kind, **_placed(value), "delta": given}
        if "logprobs" in value:
            is_same = given == part and channel.is_level
            event["logprobs"] = value["logprobs"] if is_same else []
        return self._bytes(event)

    def _text_done(self, value: dict[str, Any], kind: str) -> bytes:
        name = kind.removesuffix(".done")
        field = _TEXTS[name][0]
        channel, rest = self._whole_of(name, value, value.get(field))
        event = {"type": kind, **_placed(value), field: channel.text}
        if "logprobs" in value:
            event["logprobs"] = value["logprobs"] if channel.is_unchanged else []
        return rest + self._bytes(event)

    def _whole_of(self, name: str, value: dict[str, Any], text: Any) -> tuple[Channel, bytes]:
        """The text that ends, and the event that tells what was held back of it."""
        key = self._key(name, value)
        if key not in self.channels:
            # Told as a whole alone.
            if type(text) is not str:
                raise AnswerError("upstream-invalid", "part has no text")
            channel = self.channel(key, _TEXTS[name][1], 0)
            channel.feed(text)
            channel.close()
            return channel, b""
        return self.channels[key], self._closed(key)

    def _closed(self, key: tuple[str, int, int]) -> bytes:
        """The event that tells what was held back of a text, when something was."""
        rest = self.channels[key].close()
        if not rest:
            return b""
        name, index, at = key
        event: dict[str, Any] = {"type": f"{name}.delta", "output_index": index, "delta": rest}
        event["item_id"] = (self._items.get(index) or {}).get("id") or ""
        if name == "response.reasoning_summary_text":
            event["summary_index"] = at
        elif name != "response.code_interpreter_call_code":
            event["content_index"] = at
        if name == "response.output_text":
            event["logprobs"] = []
        return self._bytes(event)

    def _key(self, name: str, value: dict[str, Any]) -> tuple[str, int, int]:
        index = value.get("output_index")
        at = value.get("summary_index" if "summary_text" in name else "content_index", 0)
        if "summary_index" in value and at != "summary_index":
            at = value["summary_index"]
        if type(index) is not int or type(at) is not int:
            raise AnswerError("upstream-invalid", "text has no place")
        return name, index, at

    def _arguments_delta(self, value: dict[str, Any], _: str) -> bytes:
        index, part = value.get("output_index"), value.get("delta")
        if type(index) is not int or type(part) is not str:
            raise AnswerError("upstream-invalid", "delta holds no text")
        self.hold(len(part) + 16)
        self._arguments.setdefault(index, []).append(part)
        return b""

    def _arguments_done(self, value: dict[str, Any], kind: str) -> bytes:
        name = kind.removesuffix(".done")
        field = _ARGUMENTS[name]
        index = value.get("output_index")
        if type(index) is not int:
            raise AnswerError("upstream-invalid", "arguments have no place")
        parts = self._arguments.pop(index, [])
        held = value.get(field)
        if type(held) is not str or (parts and "".join(parts) != held):
            raise AnswerError("upstream-invalid", "arguments are not what was told in parts")
        item = self._items.get(index) or {}
        if item.get("type") in CALLS:
            use = item_tool({**item, CALLS[item["type"]]: held}, self.bounds)
            self.screens.tool(use)
            self.tool_uses.append(use)
        told = screened(held, self.screens, TextKind.TOOL) if held else held
        self._told_arguments[index] = told
        place = _placed(value)
        before = b""
        if parts and told:
            before = self._bytes({"type": f"{name}.delta", **place, "delta": told})
        event = {"type": kind, **place, field: told}
        if type(value.get("name")) is str:
            event["name"] = value["name"]
        return before + self._bytes(event)


def _placed(value: dict[str, Any]) -> dict[str, Any]:
    """Fields that say where an event belongs."""
    return {name: value[name] for name in _PLACE if name in value}


def _emptied(item: dict[str, Any]) -> dict[str, Any]:
    """An item that begins, without texts: those come in parts, or when it ends."""
    kind = item["type"]
    if kind in CALLS:
        return {**item, CALLS[kind]: ""}
    return {
        name: [] if name in ("content", "summary", "results", "outputs", "tools") and held else held
        for name, held in item.items()
        if name not in ("result", "output", "arguments", "code") or held is None
    }


def _emptied_part(part: Any) -> dict[str, Any]:
    kind = part.get("type") if type(part) is dict else None
    known = PARTS.get(kind) if type(kind) is str else None
    if known is None:
        raise AnswerError("upstream-invalid", "part is of no known kind")
    empty: dict[str, Any] = {"type": kind, known[0]: ""}
    if kind == "output_text":
        empty |= {"annotations": [], "logprobs": []}
    return empty

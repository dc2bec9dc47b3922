"""Streams of `/v1/chat/completions` and `/v1/completions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import ToolUse
from keelmark.errors import ScreenedError
from keelmark.gateway.apis.interface import TextKind
from keelmark.gateway.apis.openai_answer import TEXTS, TOP, arguments_of, kept, usage_of
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.sse import Event, event_bytes
from keelmark.gateway.apis.streaming import Channel, EventStream
from keelmark.gateway.apis.strict_json import encode
from keelmark.gateway.refusals import body_of
from keelmark.operation.credentials.disclosure import FIELD

if TYPE_CHECKING:
    from keelmark.core.call import Api, Call
    from keelmark.core.exchange import Decision
    from keelmark.gateway.apis.bounds import AnswerBounds
    from keelmark.gateway.apis.interface import Screens

__all__ = ["ChatStream", "CompletionsStream"]

_DONE = b"[DONE]"
_END = b"data: [DONE]\n\n"
_MAX_TOOL_INDEX = 1024
_LOGPROBS_BYTES = 256


class _Choice:
    """One of the answers of a stream: what of it waits."""

    __slots__ = ("logprobs", "role", "texts", "tools")

    def __init__(self) -> None:
        self.texts: dict[str, Channel] = {}
        self.tools: dict[Any, dict[str, Any]] = {}
        self.logprobs: list[Any] = []


class ChatStream(EventStream):
    """A stream of chat.

    Args:
        call: What was asked.
        screens: What texts and tools are shown to.
        bounds: What the answer may hold.
    """

    texts = TEXTS

    def __init__(self, call: Call, screens: Screens, bounds: AnswerBounds) -> None:
        super().__init__(screens, bounds)
        self._api: Api = call.api
        self._model = call.model
        self._hides_usage = call.hides_usage
        self._max_choices = call.choices
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}
        self._is_stated = False

    def take(self, event: Event) -> bytes:
        """What may leave after one event."""
        if event.data == _DONE:
            return self._end()
        value = self.value_of(event)
        if value.get("error"):
            raise AnswerError("upstream-failed", "upstream says that it failed")
        choices = value.get("choices")
        if type(choices) is not list:
            raise AnswerError("upstream-invalid", "event has no choices")
        if self.fingerprint and not self._is_ours(value, choices):
            return b""
        return self._left(value, choices)

    def _left(self, value: dict[str, Any], choices: list[Any]) -> bytes:
        """What of an event may leave now."""
        head = kept(value, TOP, "event")
        if "model" in head:
            head["model"] = self._model
        self._head = head
        if head.get("usage") is not None:
            self.usage = usage_of(head["usage"]) or self.usage
        if self._hides_usage:
            head.pop("usage", None)
            if not choices:
                return b""
        before: list[bytes] = []
        left = [left for choice in choices if (left := self._taken(choice, before)) is not None]
        if not left and choices and head.get("usage") is None:
            return b"".join(before)
        head["choices"] = left
        if self.disclosed is not None and left:
            # Said once, at the beginning: readers keep the fields of the first event.
            head[FIELD], self.disclosed = self.disclosed, None
        own = b"data: %b\n\n" % encode(head)
        return b"".join((*before, own)) if before else own

    def refuse(self, decision: Decision) -> bytes:
        """The event that tells the caller why nothing more comes. The mark of the end is left out: it stands behind whole answers."""
        self.is_done = True
        return event_bytes(body_of(decision, api=self._api))

    def holder(self, choice: dict[str, Any]) -> dict[str, Any]:
        """The part of a choice that holds its texts."""
        delta = choice.get("delta")
        if delta is None:
            return {}
        if type(delta) is not dict:
            raise AnswerError("upstream-invalid", "delta is no object")
        return delta

    def put(self, held: dict[str, Any]) -> dict[str, Any]:
        """Texts as they stand in a choice."""
        return {"delta": held}

    def _end(self) -> bytes:
        """What may leave at the end."""
        if self.fingerprint and not self._is_stated:
            raise ScreenedError("release-changed")
        self.is_done = True
        return self._flushed() + _END

    def _is_ours(self, value: dict[str, Any], choices: list[Any]) -> bool:
        """Whether it is known by now which system writes; what comes before and says nothing of it does not leave.

        Raises:
            ScreenedError: It is another one, or begins without saying.
        """
        stated = value.get("system_fingerprint")
        if stated == self.fingerprint:
            self._is_stated = True
        elif stated is not None or (choices and not self._is_stated):
            raise ScreenedError("release-changed")
        return self._is_stated

    def _taken(self, choice: Any, before: list[bytes]) -> dict[str, Any] | None:
        """What of a choice may leave now; what must leave before it is added to `before`."""
        index = choice.get("index") if type(choice) is dict else None
        if type(index) is not int or not 0 <= index < self._max_choices:
            raise AnswerError("upstream-invalid", "choice has no index, or one that was not asked for")
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
        held = self.holder(choice)
        out = self._texts(index, state, held)
        if held.get("tool_calls"):
            self._collect(state, held["tool_calls"])
        if held.get("function_call"):
            self._merge(state, "function_call", {"function": held["function_call"]})
        if choice.get("logprobs") is not None:
            state.logprobs.append(choice["logprobs"])
            self.hold(_LOGPROBS_BYTES)
        finish = choice.get("finish_reason")
        if finish is not None:
            if type(finish) is not str:
                raise AnswerError("upstream-invalid", "finish reason is no text")
            self.finish = self.finish or finish
            before.extend(self._ended(index, state))
        shown = self._shown(state) if state.logprobs else None
        if not out and finish is None and shown is None:
            return None
        return {"index": index, **self.put(out), "logprobs": shown, "finish_reason": finish}

    def _texts(self, index: int, state: _Choice, held: dict[str, Any]) -> dict[str, Any]:
        """What of the texts in an event may leave now, and whose they are."""
        out: dict[str, Any] = {}
        for name, part in held.items():
            kind = self.texts.get(name)
            if kind is None:
                if name == "role" and type(part) is str:
                    out[name] = part
            elif part:
                if type(part) is not str:
                    raise AnswerError("upstream-invalid", f"`{name}` is no text")
                channel = state.texts.get(name)
                if channel is None:
                    channel = state.texts[name] = self.channel((index, name), kind, index)
                given = channel.feed(part)
                if given:
                    out[name] = given
            elif not state.texts:
                # As the first event of many upstreams has it; later ones would say nothing.
                out[name] = None if part is None else ""
        return out

    def _shown(self, state: _Choice) -> dict[str, Any] | None:
        """Log probabilities that may leave: those beside a text that left as it came."""
        if not all(channel.is_level for channel in state.texts.values()):
            if not all(channel.is_unchanged for channel in state.texts.values()):
                state.logprobs.clear()
            return None
        merged: dict[str, Any] = {}
        for each in state.logprobs:
            if type(each) is not dict:
                raise AnswerError("upstream-invalid", "log probabilities are no object")
            for name, rows in each.items():
                if type(rows) is list:
                    merged.setdefault(name, [])
                    merged[name] = (merged[name] or []) + rows
                else:
                    merged.setdefault(name, None)
        state.logprobs.clear()
        return merged

    def _ended(self, index: int, state: _Choice) -> list[bytes]:
        """Events that stand before the end of a choice: what was held back of its texts, and its tools."""
        out = []
        for name, channel in state.texts.items():
            rest = channel.close()
            if rest:
                out.append(self._event(index, {name: rest}))
        for key, use in state.tools.items():
            self._show(use)
            delta = {"function_call": use["function"]} if key == "function_call" else {"tool_calls": [use]}
            out.append(self._event(index, delta))
        state.tools.clear()
        return out

    def _flushed(self) -> bytes:
        """What is left of choices whose end was not told."""
        return b"".join(part for index, state in self._choices.items() for part in self._ended(index, state))

    def _event(self, index: int, held: dict[str, Any]) -> bytes:
        choice = {"index": index, **self.put(held), "logprobs": None, "finish_reason": None}
        head = {name: each for name, each in self._head.items() if name not in ("usage", "choices")}
        return b"data: %b\n\n" % encode({**head, "choices": [choice]})

    def _collect(self, state: _Choice, calls: Any) -> None:
        if type(calls) is not list:
            raise AnswerError("upstream-invalid", "tool calls are no list")
        for at, call in enumerate(calls):
            if type(call) is not dict:
                raise AnswerError("upstream-invalid", "tool call is no object")
            index = call.get("index", at)
            if type(index) is not int or not 0 <= index < _MAX_TOOL_INDEX:
                raise AnswerError("upstream-invalid", "tool call has no index")
            self._merge(state, index, call)

    def _merge(self, state: _Choice, key: Any, part: dict[str, Any]) -> None:
        """Add a part of a tool call to what is known of it."""
        whole = state.tools.get(key)
        if whole is None:
            whole = state.tools[key] = {} if key == "function_call" else {"index": key}
            self.hold(64)
        for name in ("id", "type"):
            if type(part.get(name)) is str and part[name]:
                whole[name] = part[name]
        for kind in ("function", "custom"):
            held = part.get(kind)
            if held is None:
                continue
            if type(held) is not dict:
                raise AnswerError("upstream-invalid", "tool call is no object")
            known = whole.setdefault(kind, {})
            for name in ("name", "arguments", "input"):
                more = held.get(name)
                if type(more) is str:
                    known[name] = known.get(name, "") + more
                    self.hold(len(more))
                elif more is not None:
                    raise AnswerError("upstream-invalid", "tool call holds no text")

    def _show(self, whole: dict[str, Any]) -> None:
        """Show a whole tool call, and its texts."""
        kind = "custom" if "custom" in whole else "function"
        known = whole.get(kind) or {}
        field = "input" if kind == "custom" else "arguments"
        if not known.get("name"):
            raise AnswerError("upstream-invalid", "tool call has no name")
        held = known.setdefault(field, "")
        use = ToolUse(
            name=known["name"],
            arguments=held if kind == "custom" else arguments_of(held, self.bounds),
            id=whole.get("id", ""),
        )
        self.screens.tool(use)
        if held:
            screen = self.screens.text(TextKind.TOOL, 0)
            known[field] = screen.feed(held) + screen.close()
        self.tool_uses.append(use)


class CompletionsStream(ChatStream):
    """A stream of completions: texts stand in the choice itself."""

    texts = {"text": TextKind.CONTENT}  # noqa: RUF012 - replaced as a whole, never changed

    def holder(self, choice: dict[str, Any]) -> dict[str, Any]:
        """The part of a choice that holds its texts."""
        return {"text": choice.get("text")}

    def put(self, held: dict[str, Any]) -> dict[str, Any]:
        """Texts as they stand in a choice."""
        return {"text": held.get("text") or ""}

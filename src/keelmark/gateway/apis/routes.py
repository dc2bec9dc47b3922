"""Which interface a request speaks: by method and path alone, from one fixed table.

1. A path that stands nowhere is `no-such-path`; one that takes other methods is `bad-method`.
2. What has a body says `application/json`, in UTF-8 if it says so at all, and no encoding of it.
3. Neither `host` nor any other header leads anywhere.
4. A query is refused: no interface here reads one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from keelmark.core.call import Api, Call
from keelmark.core.exchange import Decision, Request, deny
from keelmark.gateway.apis import (
    chat,
    completions,
    embeddings,
    mcp,
    mcp_answer,
    messages,
    messages_answer,
    models,
    openai_answer,
    predict,
    responses,
    responses_answer,
)
from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds
from keelmark.gateway.apis.interface import Answer, Interface, Screens, Stream
from keelmark.gateway.apis.refused import AnswerError, RefusedError
from keelmark.gateway.apis.stream_chat import ChatStream, CompletionsStream
from keelmark.gateway.apis.stream_messages import MessagesStream
from keelmark.gateway.apis.stream_responses import ResponsesStream

__all__ = ["Matched", "allowed", "find", "parse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Where a request leads.

    Attributes:
        interface: That it speaks.
        path: Below the address of the upstream, as clients of the interface write that (those of OpenAI with `/v1`, those
            of Anthropic without); "" when the way is the model's or the server's own.
        name: Of the model or server, as the path names it; "" when the body does.
    """

    interface: Interface
    path: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    """One interface, put together from its parts.

    Attributes:
        api: Which one.
        read: Makes a call of a request.
        read_answer: Reads a whole answer.
        open_stream: Begins to read an answer in parts; None where there is none.
        passed: Names of headers that go on.
        returned: Names of headers that go back.
    """

    api: Api
    read: Callable[[Request, ApiBounds], Call]
    read_answer: Callable[[Call, bytes, AnswerBounds], Answer]
    open_stream: Callable[[Call, Screens, AnswerBounds], Stream] | None = None
    passed: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()

    def parse(self, request: Request, bounds: ApiBounds) -> Call | Decision:
        """The call that a request makes, or why it is refused."""
        try:
            return self.read(request, bounds)
        except RefusedError as error:
            return deny(error.reason, error.detail)

    def answer(self, call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
        """Read a whole answer.

        Raises:
            AnswerError: It is not what the interface promises.
        """
        return self.read_answer(call, body, bounds)

    def stream(self, call: Call, screens: Screens, bounds: AnswerBounds) -> Stream:
        """Begin to read an answer in parts.

        Raises:
            AnswerError: There is no such answer.
        """
        if self.open_stream is None:
            raise AnswerError("upstream-invalid", "interface has no streams")
        return self.open_stream(call, screens, bounds)


_ANTHROPIC = ("anthropic-version", "anthropic-beta")
_FIXED: dict[str, tuple[str, _Spoken, str]] = {
    "/v1/chat/completions": (
        "POST",
        _Spoken(
            api=Api.CHAT, read=chat.call_of, read_answer=openai_answer.chat_answer, open_stream=ChatStream
        ),
        "/chat/completions",
    ),
    "/v1/completions": (
        "POST",
        _Spoken(
            api=Api.COMPLETIONS,
            read=completions.call_of,
            read_answer=openai_answer.completions_answer,
            open_stream=CompletionsStream,
        ),
        "/completions",
    ),
    "/v1/embeddings": (
        "POST",
        _Spoken(api=Api.EMBEDDINGS, read=embeddings.call_of, read_answer=embeddings.answer_of),
        "/embeddings",
    ),
    "/v1/responses": (
        "POST",
        _Spoken(
            api=Api.RESPONSES,
            read=responses.call_of,
            read_answer=responses_answer.answer_of,
            open_stream=ResponsesStream,
        ),
        "/responses",
    ),
    "/v1/messages": (
        "POST",
        _Spoken(
            api=Api.MESSAGES,
            read=messages.call_of,
            read_answer=messages_answer.answer_of,
            open_stream=MessagesStream,
            passed=_ANTHROPIC,
        ),
        "/v1/messages",
    ),
    "/v1/messages/count_tokens": (
        "POST",
        _Spoken(
            api=Api.MESSAGES,
            read=messages.count_call_of,
            read_answer=messages_answer.count_answer_of,
            passed=_ANTHROPIC,
        ),
        "/v1/messages/count_tokens",
    ),
    "/v1/models": (
        "GET",
        _Spoken(api=Api.MODELS, read=models.call_of, read_answer=models.answer_of),
        "/models",
    ),
}
_NAME = r"([A-Za-z0-9][A-Za-z0-9._-]{0,127})"
# A model may have the slash of its owner in its name.
_MODEL = re.compile(
    r"/v1/models/((?:[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}/){0,2}[A-Za-z0-9][A-Za-z0-9._:@-]{0,127})"
)
_ByName = Callable[[Request, ApiBounds, str], Call]
_ReadAnswer = Callable[[Call, bytes, AnswerBounds], Answer]
_NAMED: tuple[tuple[re.Pattern[str], frozenset[str], Api, _ByName, _ReadAnswer], ...] = tuple(
    (re.compile(pattern), frozenset(methods), api, read, read_answer)
    for pattern, methods, api, read, read_answer in (
        (rf"/v1/predict/{_NAME}", {"POST"}, Api.PREDICT, predict.call_of, predict.answer_of),
        (rf"/v1/models/{_NAME}:predict", {"POST"}, Api.PREDICT, predict.call_of, predict.answer_of),
        (rf"/v2/models/{_NAME}/infer", {"POST"}, Api.PREDICT, predict.infer_call_of, predict.answer_of),
        (_MODEL, {"GET"}, Api.MODELS, models.call_of, models.answer_of),
        (rf"/mcp/{_NAME}", {"POST"}, Api.MCP, mcp.call_of, mcp_answer.answer_of),
        (rf"/mcp/{_NAME}", {"GET", "DELETE"}, Api.MCP, mcp.session_call_of, mcp_answer.answer_of),
    )
)


def find(request: Request) -> Matched | Decision:
    """Where a request leads, or why it leads nowhere."""
    fixed = _FIXED.get(request.path)
    if fixed is not None:
        if request.method != fixed[0]:
            return deny("bad-method")
        found = _MATCHED[request.path]
    else:
        named = _named(request)
        if isinstance(named, Decision):
            return named
        found = named
    if request.query:
        return deny("bad-request", "this path takes no query")
    return found if request.method != "POST" else _with_body(request) or found


def allowed(path: str) -> str:
    """Methods that a path takes, as `allow` says them; nothing for a path that leads nowhere."""
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed[0]
    found = (methods for pattern, methods, *_ in _NAMED if pattern.fullmatch(path))
    return ", ".join(sorted(set().union(*found)))


def parse(request: Request, bounds: ApiBounds) -> Call | Decision:
    """The call that a request makes by whichever interface, or why it is refused."""
    found = find(request)
    return found if isinstance(found, Decision) else found.interface.parse(request, bounds)


_MATCHED = {path: Matched(interface=spoken, path=below) for path, (_, spoken, below) in _FIXED.items()}


def _with_body(request: Request) -> Decision | None:
    """Why the body cannot be read; None when it can."""
    if "content-encoding" in request.headers:
        return deny("bad-media-type", "the body must not be encoded")
    kind = request.headers.get("content-type")
    if kind == "application/json":
        return None
    name, _, rest = (kind or "").partition(";")
    rest = rest.strip().lower()
    if name.strip().lower() != "application/json" or rest not in {"", "charset=utf-8", 'charset="utf-8"'}:
        return deny("bad-media-type")
    return None


def _named(request: Request) -> Matched | Decision:
    """Paths that name a model or a server."""
    is_known = False
    for pattern, methods, api, read, read_answer in _NAMED:
        named = pattern.fullmatch(request.path)
        if named is None:
            continue
        if request.method in methods:
            return _matched(api, read, read_answer, named[1])
        is_known = True
    return deny("bad-method" if is_known else "no-such-path")


@functools.lru_cache(maxsize=1024)
def _matched(
    api: Api,
    read: _ByName,
    read_answer: _ReadAnswer,
    name: str,
) -> Matched:
    is_mcp = api is Api.MCP
    spoken = _Spoken(
        api=api,
        read=functools.partial(_by_name, read, name),
        read_answer=read_answer,
        open_stream=mcp_answer.McpStream if is_mcp else None,
        passed=mcp.PASSED if is_mcp else (),
        returned=mcp.RETURNED if is_mcp else (),
    )
    return Matched(interface=spoken, path="", name=name)


def _by_name(read: _ByName, name: str, request: Request, bounds: ApiBounds) -> Call:
    return read(request, bounds, name)

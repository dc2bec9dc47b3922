"""The way of one request: ask the stages, ask the model, screen what comes back, hand it on, and leave a record.

The promises, each with a test:

1. Nothing is sent to a model before all stages allowed it.
2. Nothing of an answer leaves before the screens let it; where the audit is strict, not before its admission is on disk.
3. What upstreams say of errors stays here: callers get a reason of ours.
4. Whatever was reserved is given back once, and one record is left, however the request ended.
5. The caller's credential goes no further; the upstream's is added here and nowhere shown.
6. An answer that was begun and cannot go on says so in its own form, and ends; it never looks whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api
from keelmark.core.exchange import ALLOW, Exchange, deny
from keelmark.errors import ScreenedError, StoreError
from keelmark.gateway.apis.bounds import AnswerBounds
from keelmark.gateway.apis.interface import Screens, apply
from keelmark.gateway.apis.refused import AnswerError
from keelmark.gateway.apis.routes import allowed
from keelmark.gateway.forwarding import listing, passed_on, returned, sent
from keelmark.gateway.http.link import UpstreamError
from keelmark.gateway.http.reply import GoneError
from keelmark.gateway.http.upstream import Upstream
from keelmark.gateway.pipeline import Pipeline, close
from keelmark.gateway.refusals import body_of, refusal_of
from keelmark.operation.behaviour.event_of import ANSWER_BODY, SENT_BODY
from keelmark.operation.credentials.disclosure import Disclosure
from keelmark.operation.credentials.images import Images

if TYPE_CHECKING:
    from keelmark.core.call import Call
    from keelmark.core.clock import Clock
    from keelmark.core.exchange import Decision, Request
    from keelmark.gateway.apis.interface import Answer, Interface, Stream
    from keelmark.gateway.http.link import Answer as Upstreamed
    from keelmark.gateway.http.reply import Reply

__all__ = ["Answers", "Line", "UpstreamEnd"]

_OK, _REDIRECTS, _GONE = 200, 300, 499
_BAD_METHOD, _TOO_MANY, _SERVER_ERROR = 405, 429, 500
_UNAUTHORISED = (401, 403, 407)
_JSON, _EVENTS = b"application/json", b"text/event-stream"
_MAX_RETRY_S = 3600
_POOL_BYTES, _ID_DIGITS = 4096, 32
_MAX_KEPT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamEnd:
    """One upstream, with what every request to it carries.

    Attributes:
        upstream: Its connections.
        headers: Lines that every request carries, its credential among them.
    """

    upstream: Upstream
    headers: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Everything that answers one request, as one configuration states it; swapped as a whole.

    Attributes:
        pipeline: The stages.
        upstreams: By name.
        screens: Opens the screens for one answer.
        bounds: Of answers.
        disclosure: Says of answers that a model made them; None where that is switched off.
        images: Signs images of answers; None where they are not signed.
        answered: Called with each whole response that callers can go on from; None for nothing.
    """

    pipeline: Pipeline
    upstreams: Mapping[str, UpstreamEnd]
    screens: Callable[[Exchange], Screens]
    bounds: AnswerBounds = field(default_factory=AnswerBounds)
    disclosure: Disclosure | None = None
    images: Images | None = None
    answered: Callable[[Exchange, Any], None] | None = None


class _Ids:
    """Random ids of 128 bit; the system is asked for many at once, since a question costs more than all else of an id."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool, self._at = "", 0

    def __call__(self) -> str:
        if self._at >= len(self._pool):
            self._pool, self._at = os.urandom(_POOL_BYTES).hex(), 0
        self._at += _ID_DIGITS
        return self._pool[self._at - _ID_DIGITS : self._at]


class Answers:
    """Answers requests: the handler of the server.

    Args:
        line: What is in force; a request stays with the one it began with.
        record: Leaves the record of a request that is over; it never raises.
        clock: Says what time it is.
        keeps_content: Whether what was sent and answered is noted for the record, up to a bound.
        now_ns: Nanoseconds that never go back.
        new_id: Makes ids of requests.
    """

    def __init__(
        self,
        line: Line,
        *,
        record: Callable[[Exchange], None],
        clock: Clock,
        keeps_content: bool = False,
        now_ns: Callable[[], int] = time.perf_counter_ns,
        new_id: Callable[[], str] | None = None,
    ) -> None:
        self.line = line
        self._record, self._clock, self._now_ns = record, clock, now_ns
        self._keeps_content = keeps_content
        self._new_id = new_id or _Ids()

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer one request."""
        line = self.line
        exchange = Exchange(
            id=self._new_id(), request=request, started=self._clock.now(), started_ns=self._now_ns()
        )
        try:
            decision = await line.pipeline.decide(exchange)
            if decision is ALLOW:
                await self._serve(exchange, reply, line)
            else:
                _refuse(exchange, reply, decision)
        except (asyncio.CancelledError, GoneError):
            exchange.facts["aborted"] = True
            exchange.status = exchange.status or _GONE
            raise
        except Exception:
            exchange.decision, exchange.decided_by = deny("stage-failed"), exchange.decided_by or "gateway"
            if reply.is_begun:
                raise
            _refuse(exchange, reply, exchange.decision)
        finally:
            close(exchange)
            self._record(exchange)

    async def _serve(self, exchange: Exchange, reply: Reply, line: Line) -> None:
        call = exchange.call
        assert call is not None
        try:
            if call.action is Action.LIST_MODELS:
                body = listing(exchange.facts.get("visible_models", ()), wanted=call.model)
                if body is None:
                    _refuse(exchange, reply, deny("no-such-model"))
                    return
                await _admitted(exchange)
                _send(exchange, reply, body)
            else:
                await self._ask(exchange, reply, call, line)
        except (UpstreamError, AnswerError, ScreenedError) as error:
            _stop(exchange, reply, error.reason)

    async def _ask(self, exchange: Exchange, reply: Reply, call: Call, line: Line) -> None:
        interface: Interface = exchange.facts["interface"]
        end = line.upstreams[exchange.route.upstream]
        method, path, body = sent(exchange)
        exchange.request_digest = hashlib.sha256(body).hexdigest()
        if self._keeps_content:
            exchange.facts[SENT_BODY] = body
        headers = b"%bx-request-id: %b\r\n%b" % (
            end.headers,
            exchange.id.encode("ascii"),
            passed_on(interface, exchange.request),
        )
        answer = await end.upstream.send(method, path, headers, body, may_repeat=not call.api.is_server)
        exchange.marks.append(self._now_ns())
        try:
            kind = answer.headers.get("content-type", "")
            if not _OK <= answer.status < _REDIRECTS:
                _refuse(exchange, reply, _said(answer))
            elif kind.startswith("text/event-stream"):
                await self._parts(exchange, reply, answer, line)
            elif call.stream and not call.api.is_server:
                raise AnswerError("upstream-invalid", "answer is no stream")
            else:
                await self._whole(exchange, reply, answer, line)
        finally:
            answer.close()

    async def _whole(self, exchange: Exchange, reply: Reply, answer: Upstreamed, line: Line) -> None:
        call, interface = exchange.call, exchange.facts["interface"]
        assert call is not None
        found: Answer = interface.answer(call, await answer.body(), line.bounds)
        exchange.marks.append(self._now_ns())
        exchange.usage = found.usage
        _compare(exchange, found.body)
        apply(found, line.screens(exchange))
        exchange.marks.append(self._now_ns())
        images = line.images if call.action is Action.INFER else None
        if images is not None and images.stands_in(found.body, found.texts):
            await asyncio.to_thread(images.sign_whole, exchange, found)
        if line.answered is not None:
            line.answered(exchange, found.body)
        await _admitted(exchange)
        more = returned(interface, answer)
        if line.disclosure is not None:
            line.disclosure.mark(exchange, found.body)
            more += line.disclosure.headers(exchange)
        body = found.encode()
        if self._keeps_content:
            exchange.facts[ANSWER_BODY] = body
        _send(exchange, reply, body, status=answer.status, more=more)

    async def _parts(self, exchange: Exchange, reply: Reply, answer: Upstreamed, line: Line) -> None:
        stream = _opened(exchange, line)
        more = returned(exchange.facts["interface"], answer)
        if line.disclosure is not None:
            more += line.disclosure.headers(exchange)
        signs = stream.made is not None
        await _admitted(exchange)
        exchange.status = _OK
        digest, kept = hashlib.sha256(), bytearray()

        async def leave(out: bytes) -> None:
            if not reply.is_begun:
                reply.begin(_OK, (*_headers(exchange, _EVENTS), *more))
            digest.update(out)
            exchange.facts["bytes_out"] = exchange.facts.get("bytes_out", 0) + len(out)
            if self._keeps_content and len(kept) < _MAX_KEPT:
                kept.extend(out)
                exchange.facts[ANSWER_BODY] = bytes(kept)
            await reply.write(out)

        try:
            while part := await answer.next_part():
                # To sign an image takes longer than others may wait.
                out = await asyncio.to_thread(stream.feed, part) if signs else stream.feed(part)
                if out:
                    await leave(out)
            await leave(stream.close())
        except (UpstreamError, AnswerError, ScreenedError) as error:
            if not reply.is_begun:
                raise
            exchange.decision = deny(error.reason)
            exchange.decided_by = "screen-output" if isinstance(error, ScreenedError) else "upstream"
            await leave(stream.refuse(exchange.decision))
        finally:
            exchange.usage = stream.usage
            exchange.answer_digest = digest.hexdigest()
        reply.finish()


def _opened(exchange: Exchange, line: Line) -> Stream:
    """What reads an answer in parts."""
    call, interface = exchange.call, exchange.facts["interface"]
    assert call is not None
    stream: Stream = interface.stream(call, line.screens(exchange), line.bounds)
    stream.fingerprint = exchange.route.fingerprint
    if line.disclosure is not None:
        stream.disclosed = line.disclosure.field(exchange)
    if call.api is Api.RESPONSES:
        if line.answered is not None:
            stream.answered = partial(line.answered, exchange)
        if line.images is not None:
            stream.made = partial(line.images.sign_item, exchange)
    return stream


async def _admitted(exchange: Exchange) -> None:
    """Wait until the admission is on disk, where that is asked for.

    Raises:
        ScreenedError: It could not be written, so that nothing may leave.
    """
    waiting: Any = exchange.facts.get("admitted")
    if waiting is None:
        return
    try:
        await waiting
    except StoreError as error:
        raise ScreenedError("log-unavailable") from error


def _compare(exchange: Exchange, body: Any) -> None:
    """Compare what an answer says of the system that made it with what the route states.

    Raises:
        ScreenedError: It is another one, or does not say.
    """
    wanted = exchange.route.fingerprint
    if wanted and (type(body) is not dict or body.get("system_fingerprint") != wanted):
        raise ScreenedError("release-changed")


def _said(answer: Upstreamed) -> Decision:
    """What a refusal of an upstream is worth to the caller; its words stay here."""
    if answer.status == _TOO_MANY:
        wait = answer.headers.get("retry-after", "")
        return deny("upstream-busy", retry_after_s=min(int(wait), _MAX_RETRY_S) if wait.isdecimal() else 1.0)
    if answer.status >= _SERVER_ERROR or answer.status in _UNAUTHORISED or answer.status < 400:
        return deny("upstream-failed")
    return deny("upstream-refused")


def _stop(exchange: Exchange, reply: Reply, reason: str) -> None:
    exchange.decided_by = exchange.decided_by or "upstream"
    if reply.is_begun:
        reply.abort()
        return
    _refuse(exchange, reply, deny(reason))


def _refuse(exchange: Exchange, reply: Reply, decision: Decision) -> None:
    exchange.decision = decision
    refusal = refusal_of(decision)
    exchange.status = refusal.status
    call, interface = exchange.call, exchange.facts.get("interface")
    api = call.api if call is not None else interface.api if interface is not None else None
    body = body_of(decision, api=api, id=call.id if call is not None else None)
    more = []
    if decision.retry_after_s:
        more.append((b"retry-after", b"%d" % max(1, round(decision.retry_after_s + 0.49))))
    if refusal.status == _UNAUTHORISED[0]:
        more.append((b"www-authenticate", b"Bearer"))
    if refusal.status == _BAD_METHOD:
        more.append((b"allow", allowed(exchange.request.path).encode("ascii")))
    reply.send(refusal.status, body, (*_headers(exchange, _JSON), *more))


def _send(
    exchange: Exchange,
    reply: Reply,
    body: bytes,
    *,
    status: int = _OK,
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    exchange.status = status
    exchange.answer_digest = hashlib.sha256(body).hexdigest()
    exchange.facts["bytes_out"] = len(body)
    reply.send(status, body, (*_headers(exchange, _JSON), *more))


def _headers(exchange: Exchange, kind: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"content-type", kind),
        (b"x-request-id", exchange.id.encode("ascii")),
        (b"cache-control", b"no-store"),
    )

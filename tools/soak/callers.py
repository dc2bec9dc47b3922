"""Callers of the gateway while it is soaked: some ask and read answers, some ask for streams and go away."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
from collections import Counter
from typing import cast

__all__ = ["Asking", "Callers", "Leaving"]

_LENGTH = re.compile(rb"content-length: (\d+)")
_LINGER = struct.pack("ii", 1, 0)
_FILLING = (
    "The parcel came on Monday without the watering can, although the bill lists it beside the shears and the gloves. "
    "I wrote to the shop twice, and nobody could tell me whether it was forgotten or sent apart. My neighbour got hers "
    "the same week; she says that large things travel with another carrier. Please look at the order and tell me when "
    "it may arrive, what I have to do should it not, and whether the shears can go back when they do not fit my hand. "
)  # fmt: skip
_ASK = (
    '{"model":"small","messages":[{"role":"system","content":"You answer customers of a garden shop, shortly."},'
    '{"role":"user","content":"This is case %08x. %s Shelf %d, row %d."}],"max_tokens":256%s}'
)
_HEAD = (
    "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer %s\r\n"
    "content-type: application/json\r\ncontent-length: %d\r\n\r\n"
)


class Callers:
    """All callers of one gateway. No two requests say the same.

    Args:
        port: Of the gateway.
        key: That they show.
        seed: Of what is random.

    Attributes:
        answered: Whole answers that name what was asked.
        left: At which point streams were left, and how often.
        failures: What was not as it should be, and how often.
    """

    def __init__(self, port: int, key: str, *, seed: int = 5) -> None:
        self.port, self._key = port, key
        self.random = random.Random(seed)  # noqa: S311 - places to break off at, no secrets
        self.answered = 0
        self.left: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._case = 0

    def request(self, *, is_stream: bool) -> tuple[bytes, bytes]:
        """The next request, and what its answer, or each event of it, must name."""
        self._case += 1
        case, at = self._case, self._case * 37 % len(_FILLING)
        text = _FILLING[at:] + _FILLING[:at]
        body = _ASK % (case, text, case % 997, case % 89, ',"stream":true' if is_stream else "")
        return (_HEAD % (self._key, len(body)) + body).encode(), b"chatcmpl-%08x" % case

    async def ask(self, count: int, *, at_once: int) -> None:
        """So many requests over so many connections."""
        todo = _Todo(count)
        await asyncio.gather(*(Asking(self, todo).run() for _ in range(at_once)))

    async def leave(self, count: int, *, at_once: int) -> None:
        """So many streams that are left before their end, so many at once."""
        todo = _Todo(count)

        async def one_after_the_other() -> None:
            while todo.take():
                await Leaving(self).run()

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))


class _Todo:
    """What is still to be done by several."""

    def __init__(self, count: int) -> None:
        self.left = count

    def take(self) -> bool:
        """Whether there is one more."""
        self.left -= 1
        return self.left >= 0


class Asking(asyncio.Protocol):
    """A caller that reads each answer, then asks again."""

    def __init__(self, callers: Callers, todo: _Todo) -> None:
        self._callers, self._todo = callers, todo
        self._said, self._wanted, self._expected = b"", -1, b""
        self._done: asyncio.Future[None]

    async def run(self) -> None:
        """Ask until nothing is left to be asked; a connection that the gateway ends between two answers is opened anew."""
        loop = asyncio.get_running_loop()
        while self._todo.left > 0:
            self._done = loop.create_future()
            await loop.create_connection(lambda: self, "127.0.0.1", self._callers.port)
            await self._done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first time."""
        self._transport = cast("asyncio.Transport", transport)
        self._expected = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        del error
        if self._expected:
            self._callers.failures["connection lost before the answer"] += 1
        if not self._done.done():
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._said = self._said + data if self._said else data
        if self._wanted < 0:
            end = self._said.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(self._said, 0, end)
            self._wanted = end + 4 + (int(length[1]) if length else 0)
        if len(self._said) >= self._wanted:
            self._judge()

    def _judge(self) -> None:
        said = self._said
        if not said.startswith(b"HTTP/1.1 200 ") or len(said) != self._wanted:
            self._callers.failures[said[9:12].decode("latin-1") + " " + said[-160:].decode("latin-1")] += 1
        elif self._expected not in said:
            self._callers.failures["the answer of another request"] += 1
        else:
            self._callers.answered += 1
        self._expected = b""
        if b"connection: close" in said[:200]:
            return
        self._next()

    def _next(self) -> None:
        self._said, self._wanted = b"", -1
        if not self._todo.take():
            self._transport.close()
            return
        request, self._expected = self._callers.request(is_stream=False)
        self._transport.write(request)


class Leaving(asyncio.Protocol):
    """A caller of one stream that goes away: inside of its request, before the head, after some events, inside of one."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._said = b""
        random_ = callers.random
        self._point = random_.choice(("in the request", "before the head", "after events", "inside an event"))
        self._events, self._bytes = random_.randint(0, 9), random_.randint(1, 150)
        self._is_reset = random_.random() < 0.5
        self._gone: asyncio.Future[None]

    async def run(self) -> None:
        """From the connection to its end."""
        loop = asyncio.get_running_loop()
        self._gone = loop.create_future()
        await loop.create_connection(lambda: self, "127.0.0.1", self._callers.port)
        await self._gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast("asyncio.Transport", transport)
        request, self._expected = self._callers.request(is_stream=True)
        if self._point == "in the request":
            self._transport.write(request[: self._callers.random.randrange(1, len(request))])
            self._later()
            return
        self._transport.write(request)
        if self._point == "before the head":
            self._later()

    def data_received(self, data: bytes) -> None:
        """A part of the stream."""
        self._said += data
        if not b"HTTP/1.1 200 ".startswith(self._said[:13]):
            self._callers.failures[self._said[9:300].decode("latin-1")] += 1
            self._leave()
        elif self._point == "after events" and self._said.count(b"data: ") > self._events:
            self._judge()
            self._leave()
        elif self._point == "inside an event" and self._said.count(b"data: ") >= self._events:
            at = self._said.rfind(b"data: ")
            if len(self._said) - at >= self._bytes or self._said.endswith(b"0\r\n\r\n"):
                self._leave()
        elif self._said.endswith(b"0\r\n\r\n"):
            self._leave()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        del error
        if not self._gone.done():
            self._callers.failures["the gateway broke a stream off"] += 1
            self._gone.set_result(None)

    def _judge(self) -> None:
        if self._said.count(b'"id":"chatcmpl-') != self._said.count(b'"id":"' + self._expected):
            self._callers.failures["the stream of another request"] += 1

    def _later(self) -> None:
        """Between now and a little after the head might have come."""
        delay_s = self._callers.random.random() * 0.004
        asyncio.get_running_loop().call_later(delay_s, self._leave)

    def _leave(self) -> None:
        if self._gone.done():
            return
        self._gone.set_result(None)
        self._callers.left[self._point] += 1
        if self._is_reset:
            sock = self._transport.get_extra_info("socket")
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self._transport.abort()

"""Probes against a whole gateway in its default configuration: what each gets, and that the model never hears of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from tests.e2e.test_e2e_gateway import CHAT, Gateway, serving

from keelmark.core.clock import FixedClock, SystemClock
from keelmark.deployment.access.key_changes import KeyRequest
from keelmark.store.api_keys import KeyFile, read_pepper
from keelmark.workflows.access_keys import add, find_pepper, revoke

BODY = json.dumps(CHAT).encode()
PATH = "/v1/chat/completions"
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """API keys in every state."""

    good: str
    narrow: str
    expired: str
    early: str
    revoked: str


@dataclass(slots=True, kw_only=True)
class Served:
    """A gateway in a thread of its own."""

    gateway: Gateway
    keys: Keys
    seen: int = 0

    def raw(self, data: bytes) -> bytes:
        """Everything that comes back for these bytes, until the gateway closes."""
        with socket.create_connection(("127.0.0.1", self.gateway.port), timeout=_TIMEOUT_S) as line:
            with contextlib.suppress(OSError):
                line.sendall(data)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := line.recv(65536):
                    parts.append(part)
        return b"".join(parts)

    def reached(self) -> int:
        """How many requests came to the model since this was asked the last time."""
        before, self.seen = self.seen, len(self.gateway.model.requests)
        return self.seen - before


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    ready: Future[tuple[Gateway, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main(place: Path) -> None:
        over = asyncio.Event()
        try:
            async with serving(place) as gateway:
                ready.set_result((gateway, asyncio.get_running_loop(), over))
                await over.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    with tempfile.TemporaryDirectory(prefix="kg") as place:
        thread = threading.Thread(target=lambda: asyncio.run(main(Path(place))))
        thread.start()
        gateway, loop, over = ready.result(_TIMEOUT_S)
        try:
            yield Served(gateway=gateway, keys=_keys(gateway))
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join(_TIMEOUT_S)


def _keys(gateway: Gateway) -> Keys:
    access = gateway.root / ".keelmark" / "access"
    pepper = find_pepper(access / "pepper", None)
    assert pepper is not None
    assert read_pepper(access / "pepper")
    place, now = KeyFile(access / "keys.json"), SystemClock().now()

    def made(*, at=now, scopes=("infer:*",), begin=None) -> str:
        asked = KeyRequest(name="n", owner="o", scopes=scopes, days=1, not_before=begin)
        return add(place, asked, pepper=pepper, clock=FixedClock(at)).key.reveal().decode()

    keys = Keys(
        good=gateway.api_key,
        narrow=made(scopes=("infer:other",)),
        expired=made(at=now - timedelta(days=3)),
        early=made(begin=now.astimezone(UTC) + timedelta(hours=12)),
        revoked=made(),
    )
    revoke(place, keys.revoked[3:].partition(".")[0], reason="lost", clock=SystemClock())
    return keys


def request(  # noqa: PLR0913 - each part of a request
    body: bytes = BODY, *headers: str, start: str = f"POST {PATH} HTTP/1.1", host: str = "host: a", key: str = "good",
    kind: str = "content-type: application/json", length: str = "content-length: {}", close: bool = True,
) -> Callable[[Keys], bytes]:  # fmt: skip
    """One request; what is empty is left out."""

    def made(keys: Keys) -> bytes:
        lines = [start, host, kind, f"authorization: Bearer {getattr(keys, key)}" if key else ""]
        lines += [length.format(len(body)), "connection: close" if close else "", *headers]
        return "\r\n".join([*filter(None, lines), "", ""]).encode("latin-1") + body

    return made


def chat(**changes: object) -> bytes:
    return json.dumps({**CHAT, **changes}).encode()


def get(path: str, *, key: str = "", method: str = "GET") -> Callable[[Keys], bytes]:
    return request(b"", start=f"{method} {path} HTTP/1.1", key=key, kind="", length="")


def chunked(body: bytes, *headers: str, start: str = f"POST {PATH} HTTP/1.1") -> Callable[[Keys], bytes]:
    return request(body, "transfer-encoding: chunked", *headers, length="", start=start)


SECOND = b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"
OK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
# Name, bytes, status, reason. What is refused never reaches the model; what is answered reaches it once.
PROBES: dict[str, tuple[Callable[[Keys], bytes], int, str]] = {
    # Who asks
    "a right key": (request(), 200, ""),
    "no credential": (request(key=""), 401, "no-credential"),
    "an empty bearer": (request(BODY, "authorization: Bearer ", key=""), 401, "bad-credential"),
    "a key of the right form": (request(BODY, "authorization: Bearer km_aaaaaaaaaaaa." + "b" * 50, key=""), 401, "bad-credential"),
    "a key with another end": (lambda keys: request(BODY, f"authorization: Bearer {keys.good[:-1]}x", key="")(keys), 401, "bad-credential"),
    "an expired key": (request(key="expired"), 401, "bad-credential"),
    "a key that is not yet in force": (request(key="early"), 401, "bad-credential"),
    "a revoked key": (request(key="revoked"), 401, "bad-credential"),
    "a key for something else": (request(key="narrow"), 403, "missing-scope"),
    "a bearer and a key": (request(BODY, "x-api-key: km_x"), 400, "ambiguous-request"),
    "a bearer twice": (request(BODY, "authorization: Bearer x"), 400, "ambiguous-request"),
    "another scheme": (request(BODY, "authorization: Basic YTpi", key=""), 401, "bad-credential"),
    "a key in the address": (lambda keys: request(start=f"POST {PATH}?api_key={keys.good} HTTP/1.1", key="")(keys), 400, "bad-request"),
    "a key in a cookie": (lambda keys: request(BODY, f"cookie: api_key={keys.good}", key="")(keys), 401, "no-credential"),
    "a key in the body": (lambda keys: request(chat(api_key=keys.good), key="")(keys), 400, "unknown-field"),
    # Where to
    "another host": (request(host="host: evil.example.org"), 200, ""),
    "headers of proxies": (request(BODY, "x-forwarded-host: b", "x-original-url: /admin", "x-rewrite-url: /admin"), 200, ""),
    "two hosts": (request(BODY, "host: b"), 400, "ambiguous-request"),
    "no host": (request(host=""), 400, "ambiguous-request"),
    "an absolute address": (request(start=f"POST http://127.0.0.1:1{PATH} HTTP/1.1"), 400, "bad-request"),
    "dot segments": (request(start="POST /v1/models/../chat/completions HTTP/1.1"), 400, "bad-request"),
    "encoded dot segments": (request(start="POST /v1/models/%2e%2e/chat/completions HTTP/1.1"), 400, "bad-request"),
    "two slashes": (request(start="POST //v1/chat/completions HTTP/1.1"), 400, "bad-request"),
    "encoded slashes twice": (request(start="POST /v1/%252fchat/completions HTTP/1.1"), 404, "no-such-path"),
    "a backslash": (request(start="POST /v1\\chat/completions HTTP/1.1"), 400, "bad-request"),
    "an encoded null": (request(start="POST /v1/chat/completions%00 HTTP/1.1"), 400, "bad-request"),
    "a parameter of the path": (request(start="POST /v1/chat/completions;x=1 HTTP/1.1"), 404, "no-such-path"),
    "another case": (request(start="POST /V1/Chat/Completions HTTP/1.1"), 404, "no-such-path"),
    "a method that is none": (request(start=f"BREW {PATH} HTTP/1.1"), 400, "bad-request"),
    "a method not for this": (get(PATH, key="good"), 405, "bad-method"),
    "a trace": (get(PATH, method="TRACE"), 405, "bad-method"),
    "a tunnel": (request(b"", start="CONNECT a:1 HTTP/1.1", kind="", length="", key=""), 405, "bad-method"),
    "a websocket": (request(BODY, "upgrade: websocket", "connection: upgrade", close=False), 400, "ambiguous-request"),
    "HTTP/2 over the open": (request(BODY, "upgrade: h2c", "connection: upgrade, http2-settings", close=False), 400, "ambiguous-request"),
    "HTTP/2 at once": (lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 20, 400, "bad-request"),
    "HTTP/0.9": (lambda _: b"GET /v1/models\r\n\r\n", 400, "bad-request"),
    # Nothing is open
    "open: /v1/models": (get("/v1/models"), 401, "no-credential"),
    **{f"open: {path}": (get(path), 404, "no-such-path")
       for path in ("/", "/metrics", "/healthz", "/readyz", "/openapi.json", "/docs", "/admin", "/v1/state", "/v1/reload", "/.env", "/favicon.ico")},
    # In more than one way
    "both lengths": (request(OK, "transfer-encoding: chunked"), 400, "ambiguous-request"),
    "a length twice": (request(BODY, f"content-length: {len(BODY)}"), 400, "ambiguous-request"),
    "two lengths": (request(BODY, "content-length: 1"), 400, "ambiguous-request"),
    "a list of lengths": (request(length="content-length: {0}, {0}"), 400, "ambiguous-request"),
    "a length with a sign": (request(length="content-length: +{}"), 400, "ambiguous-request"),
    "a length below zero": (request(length="content-length: -1"), 400, "ambiguous-request"),
    "a length in hexadecimal": (request(length="content-length: 0x10"), 400, "ambiguous-request"),
    "another coding": (request(OK, "transfer-encoding: xchunked", length=""), 400, "ambiguous-request"),
    "two codings": (request(OK, "transfer-encoding: chunked, chunked", length=""), 400, "ambiguous-request"),
    "a coding twice": (chunked(OK, "transfer-encoding: identity"), 400, "ambiguous-request"),
    "chunks in HTTP/1.0": (chunked(OK, start=f"POST {PATH} HTTP/1.0"), 400, "ambiguous-request"),
    "good chunks": (chunked(OK), 200, ""),
    "a chunk without end": (chunked(b"ffffffffffffffffff\r\n" + BODY), 400, "bad-request"),
    "a chunk of no number": (chunked(b"zz\r\n" + BODY), 400, "bad-request"),
    "a chunk with a bare end of line": (chunked(OK.replace(b"\r\n", b"\n")), 400, "bad-request"),
    "a folded header": (request(BODY, "x-a: b\r\n c"), 400, "bad-request"),
    "a blank before the colon": (request(BODY, "content-length : 3"), 400, "bad-request"),
    "bare ends of lines": (lambda keys: request()(keys).replace(b"\r\n", b"\n"), 400, "bad-request"),
    "a null in a header": (request(BODY, "x-a: b\x00c"), 400, "bad-request"),
    # Bodies
    "a key twice": (request(b'{"model":"small","model":"unreleased","messages":[{"role":"user","content":"Hi"}]}'), 400, "bad-json"),
    "a key twice, escaped": (request(b'{"model":"small","mod\\u0065l":"x","messages":[{"role":"user","content":"Hi"}]}'), 400, "bad-json"),
    "a key twice, further in": (request(b'{"model":"small","messages":[{"role":"user","content":"Hi","content":"Ho"}]}'), 400, "bad-json"),
    "not a number": (request(b'{"model":"small","temperature":NaN,"messages":[{"role":"user","content":"Hi"}]}'), 400, "bad-json"),
    "a number without bound": (request(b'{"model":"small","temperature":1e999,"messages":[{"role":"user","content":"Hi"}]}'), 400, "bad-json"),
    "bad UTF-8": (request(BODY.replace(b"Hi", b"\xff\xfe")), 400, "bad-json"),
    "a byte order mark": (request(b"\xef\xbb\xbf" + BODY), 400, "bad-json"),
    "half a character": (request(BODY.replace(b"Hi", b"\\ud800")), 400, "bad-json"),
    "something behind the body": (request(BODY + b"{}"), 400, "bad-json"),
    "nothing": (request(b""), 400, "bad-json"),
    "a list": (request(b"[]"), 400, "bad-field"),
    "too deep": (request(b'{"model":"small","messages":[{"role":"user","content":"Hi"}],"metadata":' + b"[" * 5000 + b"]" * 5000 + b"}"), 400, "too-deep"),
    "another kind": (request(kind="content-type: text/plain"), 415, "bad-media-type"),
    "no kind": (request(kind=""), 415, "bad-media-type"),
    "another charset": (request(kind="content-type: application/json; charset=utf-16"), 415, "bad-media-type"),
    "a compressed body": (request(BODY, "content-encoding: gzip"), 400, "ambiguous-request"),
    "a field that nobody knows": (request(chat(template="{{ 7 * 7 }}")), 400, "unknown-field"),
    "a model that is no name": (request(chat(model=["small"])), 400, "bad-field"),
    "no messages": (request(chat(messages=[])), 400, "bad-field"),
    "a role that is none": (request(chat(messages=[{"role": "root", "content": "Hi"}])), 400, "bad-field"),
    "a picture from an address": (request(chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]}])), 400, "bad-field"),
    # Too much
    "too many answers": (request(chat(n=1000)), 400, "too-many-choices"),
    "too many tokens": (request(chat(max_tokens=10**9)), 400, "too-many-tokens"),
    "a body that says it is too long": (request(BODY, length="content-length: 99999999"), 413, "too-large"),
    "chunks that are too long": (chunked(b"%x\r\n" % (2 * 1024**2) + b"a" * 1024**2 * 2), 413, "too-large"),
    "a long header": (request(BODY, "x-a: " + "b" * 70_000), 431, "headers-too-large"),
    "many headers": (request(BODY, *(f"x-{number}: a" for number in range(200))), 431, "headers-too-large"),
    "a long address": (get("/" + "a" * 10_000), 431, "headers-too-large"),
    # Of which there is no release
    "a model without a release": (request(chat(model="unreleased")), 403, "not-released"),
    "a model that there is not": (request(chat(model="none")), 404, "no-such-model"),
}  # fmt: skip


def test_there_are_enough_probes() -> None:
    assert len(PROBES) >= 35


@pytest.mark.parametrize("name", PROBES)
def test_probe(served: Served, name: str) -> None:
    made, status, reason = PROBES[name]
    served.reached()
    # What is told behind a request that is refused is not taken for another one.
    said = served.raw(made(served.keys) + (SECOND if status != 200 else b""))
    heads = re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)
    assert [int(each) for each in heads][:1] == [status], said[:500]
    assert len(heads) == 1, said
    assert reason.encode() in said
    assert served.reached() == (1 if status == 200 else 0)
    assert served.keys.good[-20:].encode() not in said
    assert b"upstream-credential" not in said

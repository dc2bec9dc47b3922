"""Probes against `keelmark serve` as a process, in its default configuration: a list of what each gets, and how often the upstream heard.

The first list is that of the worker in a test, asked of a real process; the second one adds what only other interfaces,
keys with a history and headers in other spellings show. What needs more than one request stands in the next module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from tests.e2e.gateway import upstreams
from tests.e2e.gateway.gateways import CREDENTIAL, SCOPES, Gateway, make_project, serving, short_folder
from tests.e2e.test_e2e_gateway_probes import BODY, OK, PATH, PROBES, SECOND, chat, chunked, get, request
from tests.e2e.test_e2e_gateway_probes import Keys as PlainKeys

from keelmark.core.clock import FixedClock, SystemClock
from keelmark.deployment.access.key_changes import KeyRequest
from keelmark.workflows import access_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys(PlainKeys):
    """API keys in every state, also those that were replaced."""

    replaced: str
    replaced_still: str
    replacement: str


Made = Callable[[Keys], bytes]


def prompt(**changes: object) -> bytes:
    return json.dumps({"model": "small", "prompt": "Hi", **changes}).encode()


def message(**changes: object) -> bytes:
    said = [{"role": "user", "content": "Hi"}]
    return json.dumps({"model": "friendly", "max_tokens": 9, "messages": said, **changes}).encode()


def rpc(method: str, **parameters: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()


def post(path: str, body: bytes, *headers: str, key: str = "good") -> Made:
    return request(body, *headers, start=f"POST {path} HTTP/1.1", key=key)


def mcp(body: bytes, *headers: str, server: str = "words") -> Made:
    return post(f"/mcp/{server}", body, "accept: application/json, text/event-stream", *headers)


def raw(text: str) -> Made:
    """Bytes as they stand, with the good key in place of KEY."""
    return lambda keys: text.replace("KEY", keys.good).replace("\n", "\r\n").encode("latin-1")


def bare(old: bytes, new: bytes) -> Made:
    return lambda keys: request()(keys).replace(old, new)


INNER = b'{"model":"small","messages":[{"role":"user","content":"Hi"}],"metadata":%b}'
NESTED = b'{"a":1,"\\u0061":2}'
LONG = BODY + b" " * (1024**2 - len(BODY))
HEAD = f"POST {PATH} HTTP/1.1\nhost: a\ncontent-type: application/json\nauthorization: Bearer KEY\n"
# Name, bytes, status, reason, and how often the upstream hears of it.
MORE: dict[str, tuple[Made, int, str, int]] = {
    # Keys with a history
    "a key that was replaced at once": (request(key="replaced"), 401, "bad-credential", 0),
    "a key that was replaced, inside of its overlap": (request(key="replaced_still"), 200, "", 1),
    "the key that replaced it": (request(key="replacement"), 200, "", 1),
    "a key in capitals": (lambda keys: request(BODY, f"authorization: Bearer {keys.good.upper()}", key="")(keys), 401, "bad-credential", 0),
    "the id of a key alone": (lambda keys: request(BODY, f"authorization: Bearer {keys.good.partition('.')[0]}.", key="")(keys), 401, "bad-credential", 0),
    "a secret with the id of another key": (
        lambda keys: request(BODY, f"authorization: Bearer {keys.narrow.partition('.')[0]}.{keys.good.partition('.')[2]}", key="")(keys),
        401, "bad-credential", 0,
    ),
    "the credential of the upstream": (request(BODY, f"authorization: Bearer {CREDENTIAL}", key=""), 401, "bad-credential", 0),
    "a token that nobody signed": (
        request(BODY, "authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.", key=""), 401, "bad-credential", 0,
    ),
    "a name that a proxy would state": (request(BODY, "x-forwarded-user: root", "x-remote-user: root", key=""), 401, "no-credential", 0),
    "a certificate that a proxy would state": (request(BODY, "x-client-cert: root", "x-ssl-client-verify: SUCCESS", key=""), 401, "no-credential", 0),
    # Every other interface asks for a key, too
    **{f"no key: {path}": (post(path, body, key=""), 401, "no-credential", 0) for path, body in (
        ("/v1/completions", prompt()), ("/v1/embeddings", b'{"model":"small","input":"Hi"}'),
        ("/v1/responses", b'{"model":"small","input":"Hi"}'), ("/v1/messages", message()),
        ("/mcp/words", rpc("tools/list")), ("/v1/models/rings:predict", b'{"instances":[1]}'),
    )},
    **{f"not on this port: {path}": (post(path, b"{}"), 404, "no-such-path", 0) for path in (
        "/v1/reload", "/v1/drain", "/v1/disconnect", "/v1/reconnect", "/v1/keys/revoke", "/v1/approvals/a", "/v1/admin/keys")},
    **{f"not on this port, read: {path}": (get(path, key="good"), 404, "no-such-path", 0)
       for path in ("/metrics", "/openapi.json", "/docs", "/redoc", "/healthz", "/v1/state", "/debug/pprof")},
    # What the caller may not see is not there
    "a model of which a policy says no": (request(chat(model="forbidden")), 404, "no-such-model", 0),
    "the same, asked for by its name": (get("/v1/models/forbidden", key="good"), 404, "no-such-model", 0),
    "a model by another interface": (request(chat(model="friendly")), 404, "no-such-model", 0),
    "a server that there is not": (mcp(rpc("tools/list"), server="nowhere"), 404, "no-such-model", 0),
    "a trained model that there is not": (post("/v1/models/none:predict", b'{"instances":[1]}'), 404, "no-such-model", 0),
    # Paths and methods
    "dot segments to the control plane": (post("/v1/../v1/disconnect", b"{}"), 400, "bad-request", 0),
    "dot segments behind a server": (mcp(rpc("tools/list"), server="words/../other"), 400, "bad-request", 0),
    "an encoded slash in a server": (mcp(rpc("tools/list"), server="words%2fadmin"), 404, "no-such-path", 0),
    "more path behind a server": (mcp(rpc("tools/list"), server="words/admin"), 404, "no-such-path", 0),
    "a query": (post(f"{PATH}?model=unreleased", BODY), 400, "bad-request", 0),
    "a fragment": (post(f"{PATH}#x", BODY), 400, "bad-request", 0),
    "another port in an absolute address": (get("http://127.0.0.1:22/", key="good"), 400, "bad-request", 0),
    **{f"method {name}": (get(PATH, key="good", method=name), 405, "bad-method", 0) for name in ("PUT", "DELETE", "PATCH", "OPTIONS")},
    "a method in a header": (request(b"", "x-http-method-override: POST", start=f"GET {PATH} HTTP/1.1", length="", kind=""), 405, "bad-method", 0),
    "a websocket": (
        raw(f"GET {PATH} HTTP/1.1\nhost: a\nauthorization: Bearer KEY\nupgrade: websocket\nconnection: upgrade\n"
            "sec-websocket-version: 13\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\n\n"), 400, "ambiguous-request", 0,
    ),
    "HTTP/2 at once, with frames": (lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" * 9, 400, "bad-request", 0),
    "TLS on a plain port": (lambda _: bytes.fromhex("16030100c8010000c40303") + b"\0" * 190, 400, "bad-request", 0),
    # Two readings of one request
    "chunks, then a request in their trailer": (chunked(OK[:-2] + b"GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"), 400, "bad-request", 0),
    "a length of 0 with a body behind it": (request(BODY, length="content-length: 0"), 400, "bad-json", 0),
    "a coding with a tab before its end": (request(OK, "transfer-encoding: chunked\t,", length=""), 400, "ambiguous-request", 0),
    "a coding behind a vertical tab": (request(OK, "transfer-encoding: \x0bchunked", length=""), 400, "", 0),
    "a coding in a folded header": (request(OK, "transfer-encoding:\r\n chunked", length=""), 400, "bad-request", 0),
    "a coding with a blank before the colon": (request(OK, "transfer-encoding : chunked", length=""), 400, "bad-request", 0),
    "a header without a name": (request(BODY, ": x"), 400, "bad-request", 0),
    "a bare return in a header": (request(BODY, "x-a: b\rcontent-length: 0"), 400, "bad-request", 0),
    "a bare line feed in a header": (request(BODY, "x-a: b\ncontent-length: 0"), 400, "bad-request", 0),
    "a bare line feed behind the first line": (bare(b"HTTP/1.1\r\n", b"HTTP/1.1\n"), 400, "bad-request", 0),
    "two blanks in the first line, which RFC 9112 lets servers take": (bare(b"POST ", b"POST  "), 200, "", 1),
    "a blank before the first header": (bare(b"\r\nhost", b"\r\n host"), 400, "bad-request", 0),
    "a version that is none": (bare(b"HTTP/1.1", b"HTTP/1.7"), 400, "bad-request", 0),
    "a chunk size with a sign": (chunked(b"+" + OK), 400, "bad-request", 0),
    "a chunk size in another base": (chunked(b"0x" + OK), 400, "bad-request", 0),
    "a chunk size that wraps": (chunked(b"10000000000000000" + OK), 400, "bad-request", 0),
    "a chunk that is longer than it says": (chunked(b"3\r\n" + BODY + b"\r\n0\r\n\r\n"), 400, "bad-request", 0),
    # Bodies in more than one reading
    "a key twice, escaped and nested": (request(INNER % NESTED), 400, "bad-json", 0),
    "minus infinity": (request(INNER % b'{"a":-Infinity}'), 400, "bad-json", 0),
    "half a character in a key": (request(INNER % b'{"\\udc00":1}'), 400, "bad-json", 0),
    "an overlong character": (request(BODY.replace(b"Hi", b"\xc0\xaf")), 400, "bad-json", 0),
    "UTF-16": (request(BODY.decode().encode("utf-16")), 400, "bad-json", 0),
    "a comma at the end": (request(BODY[:-1] + b",}"), 400, "bad-json", 0),
    "a comment": (request(b"/**/" + BODY), 400, "bad-json", 0),
    "a null byte behind the body": (request(BODY + b"\0"), 400, "bad-json", 0),
    "a number of 5,000 digits": (request(INNER % (b"1" * 5_000)), 400, "", 0),
    "deep objects": (request(INNER % (b'{"a":' * 900 + b"1" + b"}" * 900)), 400, "too-deep", 0),
    "two calls in one body": (mcp(b"[" + rpc("tools/list") + b"," + rpc("tools/list") + b"]"), 400, "", 0),
    # Too much, by every interface
    "as long a body as may be": (request(LONG), 200, "", 1),
    "a byte more": (request(LONG + b" "), 413, "too-large", 0),
    "too many tokens by their other name": (request(chat(max_completion_tokens=10**9)), 400, "too-many-tokens", 0),
    "fewer tokens than none": (request(chat(max_tokens=-1)), 400, "bad-field", 0),
    "tokens as a text": (request(chat(max_tokens="9")), 400, "bad-field", 0),
    "tokens as true": (request(chat(max_tokens=True)), 400, "bad-field", 0),
    "too many tokens of completions": (post("/v1/completions", prompt(max_tokens=10**9)), 400, "too-many-tokens", 0),
    "too many tokens of responses": (post("/v1/responses", b'{"model":"small","input":"Hi","max_output_tokens":1000000000}'), 400, "too-many-tokens", 0),
    "too many tokens of messages": (post("/v1/messages", message(max_tokens=10**9)), 400, "too-many-tokens", 0),
    "too many completions": (post("/v1/completions", prompt(n=1000)), 400, "too-many-choices", 0),
    "the best of too many completions": (post("/v1/completions", prompt(best_of=1000)), 400, "too-many-choices", 0),
    "no answers": (request(chat(n=0)), 400, "bad-field", 0),
    "a header of 40 KB": (request(BODY, "cookie: " + "a" * 40_000), 431, "headers-too-large", 0),
    "101 headers": (request(BODY, *(f"x-{number}: 1" for number in range(101))), 431, "headers-too-large", 0),
    # Tools
    "a tool that nobody released": (
        request(chat(tools=[{"type": "function", "function": {"name": "erase", "parameters": {"type": "object"}}}])), 403, "tool-not-allowed", 0,
    ),
    "a tool that says something else": (
        request(chat(tools=[{"type": "function", "function": {"name": "look", "description": "x", "parameters": {"type": "object"}}}])), 403, "tool-changed", 0,
    ),
    "a call of a tool that nobody allows": (mcp(rpc("tools/call", name="erase", arguments={})), 403, "tool-not-allowed", 0),
    "a call with other arguments": (mcp(rpc("tools/call", name="look", arguments={"word": 1})), 403, "tool-arguments", 0),
    "a right call": (mcp(rpc("tools/call", name="look", arguments={"word": "keel"})), 200, "", 1),
    "a method of MCP that is none": (mcp(rpc("admin/shutdown")), 400, "", 0),
    # Other interfaces, in order
    "a message": (post("/v1/messages", message()), 200, "", 1),
    "what a model says of itself": (get("/v1/models/small", key="good"), 200, "", 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def probed() -> Iterator[tuple[Gateway, Keys]]:
    with (
        short_folder() as place,
        upstreams.running() as upstream,
        serving(make_project(place, upstream), upstream) as gateway,
    ):
        keys = _keys(gateway)
        yield gateway, keys
        # Whatever was sent, one process answered it all, and everything is on record.
        assert gateway.process.poll() is None
        assert not [line for line in gateway.told if "Traceback" in line or "Error" in line]


def _keys(gateway: Gateway) -> Keys:
    project, now = gateway.project, SystemClock().now()

    def made(*, days_ago: float = 0, scopes=SCOPES, begin=None) -> str:
        asked = KeyRequest(name="n", owner="o", scopes=scopes, days=1, not_before=begin)
        clock = FixedClock(now - timedelta(days=days_ago))
        return access_keys.add(project.keys, asked, pepper=project.pepper, clock=clock).key.reveal().decode()

    def replaced(key: str, hours: float) -> str:
        new = access_keys.rotate(
            project.keys, _id(key), overlap=timedelta(hours=hours), days=1, pepper=project.pepper, clock=SystemClock()
        )  # fmt: skip
        return new.key.reveal().decode()

    keys = Keys(
        good=gateway.api_key, narrow=made(scopes=("infer:other",)), expired=made(days_ago=3),
        early=made(begin=now + timedelta(hours=12)), revoked=made(), replaced=made(), replaced_still=made(),
        replacement="",
    )  # fmt: skip
    replaced(keys.replaced, 0)
    object.__setattr__(keys, "replacement", replaced(keys.replaced_still, 24))
    access_keys.revoke(project.keys, _id(keys.revoked), reason="lost", clock=SystemClock())
    return keys


def _id(key: str) -> str:
    return key[3:].partition(".")[0]


def _probe(probed: tuple[Gateway, Keys], row: tuple[Made, int, str, int]) -> None:
    made, status, reason, times = row
    gateway, keys = probed
    gateway.upstream.requests.clear()
    # What is told behind a request that is refused is not taken for another one.
    said = gateway.raw(made(keys) + (SECOND if status != 200 else b""))
    heads = re.findall(rb"HTTP/1\.[01] (\d{3}) ", said)
    assert [int(each) for each in heads] == [status], said[:500]
    assert reason.encode() in said, said[:500]
    asked = gateway.upstream.requests
    assert len(asked) == times
    # Each side keeps its own credential, and hears nothing of the other's.
    assert keys.good[-20:].encode() not in said
    assert CREDENTIAL.encode() not in said
    assert not any(keys.good[-20:] in str(each) for each in asked)
    assert all(CREDENTIAL in str(each.headers) for each in asked)


@pytest.mark.parametrize("name", PROBES)
def test_a_process_answers_as_a_worker(probed: tuple[Gateway, Keys], name: str) -> None:
    made, status, reason = PROBES[name]
    _probe(probed, (made, status, reason, int(status == 200)))


@pytest.mark.parametrize("name", MORE)
def test_probe_of_a_process(probed: tuple[Gateway, Keys], name: str) -> None:
    _probe(probed, MORE[name])

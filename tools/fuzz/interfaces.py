"""Requests of every interface: a call or a refusal that the table knows, whatever the body; and what goes on is let in again alike.

The first byte of an input chooses the path, the second one bounds and headers; the rest is the body.
"""

from __future__ import annotations

import json

from tests.unit.gateway.apis.apis_seeds import REQUESTS
from tools.fuzz.core import promise

from keelmark.core.call import Api, Call
from keelmark.core.exchange import Decision, Outcome, Request
from keelmark.gateway.apis import routes
from keelmark.gateway.apis.bounds import ApiBounds
from keelmark.gateway.apis.strict_json import JsonBounds, decode, encode
from keelmark.gateway.apis.texts import PROVENANCE_HEADER
from keelmark.gateway.refusals import REFUSALS, body_of

__all__ = ["SEEDS", "WORDS", "one"]

_PATHS = sorted(REQUESTS)
_JSON = JsonBounds(max_bytes=8192, max_nodes=2000)
_STRICT = ApiBounds(json=_JSON)
_LOOSE = ApiBounds(
    json=_JSON,
    remote_urls=True,
    stored=True,
    token_inputs=True,
    hosted_tools=("web_search", "code"),
    extra_fields=("x", "data"),
    mcp_methods=("x/y",),
)
_HEADERS: tuple[dict[str, str], ...] = (
    {},
    {PROVENANCE_HEADER: "retrieved"},
    {PROVENANCE_HEADER: "system"},
    {"anthropic-version": "2023-06-01", "anthropic-beta": "x"},
    {"mcp-session-id": "s", "mcp-protocol-version": "2025-06-18"},
)
_GROWS = frozenset({"too-large", "too-many-tokens"})

SEEDS = tuple(
    bytes((number, loose)) + json.dumps(body, separators=(",", ":")).encode()
    for number, path in enumerate(_PATHS)
    for loose in (0, 1)
    for body in REQUESTS[path]
)
WORDS = (
    b"null", b"true", b"0", b"-1", b"1.5", b"1e30", b'""', b"[]", b"{}", b"[[]]", b"[{}]", b'{"type":"text","text":"x"}', b'"user"', b'"system"',
    b'"developer"', b'"tool"', b'"assistant"', b'"n":', b'"stream":true,', b'"max_tokens":', b'"model":"m",', b'"type":', b'"content":', b'"x":',
    b'"data":', b'"tools":', b'"messages":', b'"input":', b'"id":', b"\\u0000", b"\\ud83d\\ude00", b"\xe2\x80\x8b", b"https://a.example",
    b"data:image/png;base64,", b'"shape":[2,', b'"previous_response_id":"r",', b'"chat_template":"x",', b'"encoding_format":"base64",',
)  # fmt: skip


def one(data: bytes) -> None:
    """One request."""
    if len(data) < 2:
        return
    path = _PATHS[data[0] % len(_PATHS)]
    bounds = _LOOSE if data[1] & 1 else _STRICT
    headers = {"content-type": "application/json", **_HEADERS[(data[1] >> 1) % len(_HEADERS)]}
    request = Request(method="POST", path=path, headers=headers, body=data[2:])
    found = routes.parse(request, bounds)
    if isinstance(found, Decision):
        _check_refusal(found, api=routes.find(request))
        return
    _check_call(found)
    body = encode(found.body)
    promise(decode(body, JsonBounds()).value == found.body, "what goes on is no strict JSON", body)
    again = routes.parse(Request(method="POST", path=path, headers=headers, body=body), bounds)
    if isinstance(again, Decision):
        promise(again.reason in _GROWS, "what goes on is not let in again", again, body)
    else:
        promise(again.body == found.body, "what goes on is read otherwise", found.body, again.body)
        promise(again.spans == found.spans, "texts that go on are others", found.spans, again.spans)


def _check_refusal(found: Decision, *, api: object) -> None:
    promise(found.outcome is Outcome.DENY, "a refusal lets in", found)
    promise(found.reason in REFUSALS, "the reason stands in no table", found)
    promise(found.detail.isprintable(), "a refusal says what a caller wrote", found)
    spoken = api.interface.api if isinstance(api, routes.Matched) else None
    promise(json.loads(body_of(found, api=spoken)), "a refusal has no body", found)


def _check_call(call: Call) -> None:
    promise(isinstance(call.model, str) and call.model, "no model is named", call)
    promise(call.input_tokens > 0 or call.api is Api.MCP, "nothing goes in", call)
    for span in call.spans:
        value = call.body
        for step in span.place:
            value = value[step]
        promise(value == span.text, "a text stands elsewhere", span)
    is_untrusted = any(span.provenance.is_untrusted for span in call.spans)
    promise(call.is_tainted or not is_untrusted, "untrusted text does not taint", call)

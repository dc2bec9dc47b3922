"""The head of a request, read in one way only.

The parser (llhttp) refuses what breaks the grammar: both lengths at once, a length twice, folded lines, blanks before a
colon, lines without CR, control characters. What is refused here beside it:

1. A header of which there can only be one, and that came twice.
2. HTTP/1.1 without exactly one `host`; versions other than 1.0 and 1.1.
3. A target that is no plain path: absolute addresses, `//`, dot segments, backslashes, control characters, before and
   after decoding; it is decoded once.
4. An encoding of the transfer other than `chunked`, or of the content.
5. `upgrade`, and an expectation other than `100-continue`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["headers_of", "path_of"]

# Everything that decides about the request may come once. Others are lists by their own grammar.
_SINGLE = frozenset({
    "anthropic-version", "authorization", "content-encoding", "content-length", "content-type", "expect", "host",
    "last-event-id", "mcp-protocol-version", "mcp-session-id", "proxy-authorization", "transfer-encoding", "upgrade",
    "x-api-key",
})  # fmt: skip
# As clients write them; others are put into lower case one by one.
_USUAL = {
    written.encode("ascii"): name
    for name in (
        *_SINGLE, "accept", "accept-encoding", "accept-language", "connection", "traceparent", "tracestate", "user-agent",
        "x-request-id", "x-stainless-arch", "x-stainless-async", "x-stainless-lang", "x-stainless-os",
        "x-stainless-package-version", "x-stainless-read-timeout", "x-stainless-retry-count", "x-stainless-runtime",
        "x-stainless-runtime-version", "x-stainless-timeout",
    )
    for written in (name, name.title())
}  # fmt: skip
# What is looked at more closely where it is there at all.
_RARE = frozenset({"transfer-encoding", "upgrade", "content-encoding", "expect"})
_PLAIN = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]+)+/?|/")
_ESCAPED = re.compile(r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)+/?")
_BAD = re.compile(r"[\x00-\x1f\x7f\\?#]|//")
_QUERY = re.compile(r"[\x21\x23-\x7e]*")


def headers_of(pairs: Sequence[tuple[bytes, bytes]], *, version: str) -> dict[str, str] | None:
    """Headers by name in lower case; None when they can be read in more than one way.

    Args:
        pairs: Names and values in the order they came.
        version: Of HTTP.
    """
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = _USUAL.get(raw_name) or raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1").strip(" \t")
        if name in headers:
            if name in _SINGLE:
                return None
            value = f"{headers[name]}, {value}"
        headers[name] = value
    if "host" not in headers and version != "1.0":
        return None
    if not _RARE.isdisjoint(headers) and not _is_plain(headers, version):
        return None
    return headers


def _is_plain(headers: Mapping[str, str], version: str) -> bool:
    """Whether headers that say how the rest is to be read say it in the one way that is understood here."""
    coding = headers.get("transfer-encoding")
    is_chunked_alone = coding is None or (
        coding.lower() == "chunked" and "content-length" not in headers and version != "1.0"
    )
    return (
        is_chunked_alone
        and "upgrade" not in headers
        and headers.get("content-encoding", "identity").lower() == "identity"
        and headers.get("expect", "100-continue").lower() == "100-continue"
    )


@lru_cache(maxsize=256)  # Clients ask for the same few. The bound of targets bounds what is remembered.
def path_of(target: bytes) -> tuple[str, str] | None:
    """Path, decoded once, and raw query of a target; None when it is no plain path."""
    whole, mark, query = target.decode("latin-1").partition("?")
    if mark and not _QUERY.fullmatch(query):
        return None
    if _PLAIN.fullmatch(whole):
        path = whole
    elif _ESCAPED.fullmatch(whole):
        try:
            path = unquote_to_bytes(whole).decode("utf-8")
        except UnicodeDecodeError:
            return None
        if _BAD.search(path):
            return None
    else:
        return None
    if "/." in path and any(part in {".", ".."} for part in path.split("/")):
        return None
    return path, query

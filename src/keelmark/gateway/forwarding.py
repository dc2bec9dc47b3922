"""What of a request goes on to an upstream, and what of its answer's head comes back: named things alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.call import Api
from keelmark.gateway.apis import models
from keelmark.gateway.apis.strict_json import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.exchange import Exchange, Request
    from keelmark.gateway.apis.interface import Interface
    from keelmark.gateway.http.link import Answer

__all__ = ["listing", "passed_on", "returned", "sent"]

_MAX_VALUE = 1024


def sent(exchange: Exchange) -> tuple[str, str, bytes]:
    """Method, path and body as the upstream gets them: the model by the name it knows it by, the body encoded anew."""
    call, route, request = exchange.call, exchange.route, exchange.request
    assert call is not None
    if call.api is Api.MCP:
        return request.method, route.path, encode(call.body) if request.method == "POST" else b""
    if call.api is Api.PREDICT:
        return "POST", route.path, encode(call.body)
    call.body["model"] = route.upstream_name
    return "POST", exchange.facts["path"], encode(call.body)


def listing(names: Iterable[str], *, wanted: str = "") -> bytes | None:
    """The listing of models, or one of them; None when there is no such model for the caller."""
    if not wanted:
        return models.listing(names)
    return encode(models.model_row(wanted)) if wanted in names else None


def passed_on(interface: Interface, request: Request) -> bytes:
    """Headers of a request that the interface hands on, as lines."""
    if not interface.passed:
        return b""
    return b"".join(
        f"{name}: {value}\r\n".encode("ascii")
        for name in interface.passed
        if (value := request.headers.get(name)) and _is_plain(value)
    )


def returned(interface: Interface, answer: Answer) -> tuple[tuple[bytes, bytes], ...]:
    """Headers of an answer that the interface hands back."""
    if not interface.returned:
        return ()
    return tuple(
        (name.encode("ascii"), value.encode("ascii"))
        for name in interface.returned
        if (value := answer.headers.get(name)) and _is_plain(value)
    )


def _is_plain(value: str) -> bool:
    return len(value) <= _MAX_VALUE and value.isascii() and value.isprintable()

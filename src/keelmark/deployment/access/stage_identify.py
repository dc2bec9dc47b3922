"""The stage that finds out who calls, by the one credential that the request carries.

1. A credential is `authorization: Bearer ...` (an API key or a token), `x-api-key: ...` (an API key), or the client
   certificate that the server verified. Nothing else is looked at: not the query, not cookies, not the body.
2. More than one credential is `ambiguous-request`: which of them counts must not be a matter of taste.
3. None is `no-credential`. Every other failure is `bad-credential`, with the same words whatever was wrong.
4. There is no default key and nobody is let through unnamed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keelmark.core.exchange import ALLOW, Decision, deny
from keelmark.core.principal import Principal
from keelmark.deployment.access.keys import KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from datetime import datetime
    from typing import Protocol

    from keelmark.core.exchange import Exchange

    class Keys(Protocol):
        """Knows API keys."""

        def verify(self, text: str, *, now: datetime, now_ns: int) -> Principal | None:
            """Who calls with a key."""
            ...

    class Tokens(Protocol):
        """Knows tokens."""

        def verify(
            self, token: str, *, now: datetime, now_ns: int
        ) -> Principal | Awaitable[Principal | None] | None:
            """Who calls with a token, at once or later."""
            ...


__all__ = ["Identify"]

_NONE: Final = deny("no-credential")
_BAD: Final = deny("bad-credential")
_SEVERAL: Final = deny("ambiguous-request", "more than one credential")
_BEARER: Final = "bearer "


class Identify:
    """Names the caller of an exchange.

    Args:
        keys: Knows API keys; None when none are used.
        tokens: Knows tokens; None when none are used.
        certificates: Names of certificates to callers.
    """

    __slots__ = ("_certificates", "_keys", "_tokens")

    name: Final = "identify"

    def __init__(
        self,
        *,
        keys: Keys | None = None,
        tokens: Tokens | None = None,
        certificates: Mapping[str, Principal] | None = None,
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._certificates = dict(certificates or {})

    def __call__(self, exchange: Exchange) -> Decision | Awaitable[Decision]:
        """Find out who calls."""
        request = exchange.request
        headers = request.headers
        bearer = headers.get("authorization")
        key = headers.get("x-api-key")
        if request.certificate and (named := self._certificates.get(request.certificate)) is not None:
            # A certificate in the table is a credential; any other only says that the connection is allowed.
            return _named(exchange, named) if bearer is None and key is None else _SEVERAL
        if bearer is None:
            if key is None:
                return _BAD if request.certificate else _NONE
            return self._by_key(exchange, key)
        if key is not None:
            return _SEVERAL
        if bearer[:7].lower() != _BEARER:
            return _BAD
        text = bearer[7:]
        if text[:3] == KEY_PREFIX:
            return self._by_key(exchange, text)
        return self._by_token(exchange, text)

    def _by_key(self, exchange: Exchange, text: str) -> Decision:
        if self._keys is None:
            return _BAD
        if "," in text:
            return _SEVERAL  # the header came twice
        return _named(exchange, self._keys.verify(text, now=exchange.started, now_ns=exchange.started_ns))

    def _by_token(self, exchange: Exchange, text: str) -> Decision | Awaitable[Decision]:
        if "," in text:
            return _SEVERAL
        if self._tokens is None:
            return _BAD
        found = self._tokens.verify(text, now=exchange.started, now_ns=exchange.started_ns)
        if found is None or isinstance(found, Principal):
            return _named(exchange, found)
        return _later(exchange, found)


async def _later(exchange: Exchange, found: Awaitable[Principal | None]) -> Decision:
    return _named(exchange, await found)


def _named(exchange: Exchange, principal: Principal | None) -> Decision:
    if principal is None:
        return _BAD
    exchange.principal = principal
    return ALLOW

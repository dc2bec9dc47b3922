"""One Redis or Valkey server, asked by one thread after the other, each question at most once.

Nothing that an error says holds the address or the password of the server.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from keelmark.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keelmark.core.secret import Secret

__all__ = ["RedisServer", "client_of"]

_PAUSE_S = 2.0
_Client = TypeVar("_Client")


def client_of(
    connect: Callable[..., _Client], url: Secret, *, retry: object, what: str, timeout_s: float
) -> _Client:
    """A client that asks nothing twice: it is never known whether the first question arrived.

    Args:
        connect: Makes a client of an address: `from_url` of either kind.
        url: `redis://`, `rediss://` or `unix://`, with the password where there is one.
        retry: How often that kind of client tries: never again.
        what: What is kept there, for messages.
        timeout_s: What one question may take.

    Raises:
        ConfigurationError: It is no such address.
    """
    try:
        return connect(
            url.reveal().decode("utf-8"),
            retry=retry,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
        )
    except (ValueError, RedisError):
        raise ConfigurationError(
            f"the address of the {what} is none of Redis",
            hint="redis://HOST:PORT/0, rediss:// for TLS, or unix:///PATH",
        ) from None


class RedisServer:
    """A server that runs scripts. After a failure it is not asked for two seconds: who waits for it would wait in vain.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with the password where there is one.
        what: What is kept there, for messages.
        timeout_s: What one question may take.
        pause_s: How long it is not asked after a failure.
        now: Seconds that never go back.

    Raises:
        ConfigurationError: It is no such address.
    """

    __slots__ = ("_away_until", "_client", "_digests", "_now", "_pause_s", "_what")

    def __init__(
        self,
        url: Secret,
        *,
        what: str,
        timeout_s: float,
        pause_s: float = _PAUSE_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        retry = Retry(NoBackoff(), 0)
        self._client: Redis = client_of(Redis.from_url, url, retry=retry, what=what, timeout_s=timeout_s)
        self._what, self._pause_s, self._now = what, pause_s, now
        self._away_until = now()
        self._digests: dict[str, str] = {}

    def run(self, script: str, keys: Sequence[str], *arguments: str | bytes | int) -> Any:
        """What a script answers.

        Raises:
            StoreError: It cannot be told whether it ran.
        """
        if self._now() < self._away_until:
            raise StoreError(f"{self._what}: the server was away a moment ago")
        try:
            return self._run(script, keys, arguments)
        except (RedisError, OSError) as error:
            self._away_until = self._now() + self._pause_s
            # The words of the client may name the address: only the kind of the error is told.
            raise StoreError(f"{self._what}: {type(error).__name__}") from None

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _run(self, script: str, keys: Sequence[str], arguments: tuple[str | bytes | int, ...]) -> Any:
        """A script that the server does not know was not run, and is sent whole."""
        if script not in self._digests:
            self._digests[script] = str(self._client.script_load(script))
        try:
            return self._client.evalsha(self._digests[script], len(keys), *keys, *arguments)
        except NoScriptError:
            return self._client.eval(script, len(keys), *keys, *arguments)

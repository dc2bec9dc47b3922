"""Counters that workers share, in Redis or Valkey: one script does all of a trip at one moment.

The promises, each with a test:

1. A trip happens as a whole or not at all, by the clock of the server, and at most once: nothing is sent a second time.
2. No ask is granted beyond the amount of a counter, whoever else asks.
3. Places that a worker does not speak of for as long as they live are free.
4. A trip that was overtaken by a later one of the same worker does nothing.
5. Nothing that an error says holds the password of the server.
6. Who is cancelled while it waits for the server hears of it, whatever the client makes of it.
"""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from keelmark.core.leases import LeaseAnswer, LeaseGrant, LeaseTrip, LeaseVerdict
from keelmark.errors import StoreError
from keelmark.store.redis_server import client_of

if TYPE_CHECKING:
    from keelmark.core.secret import Secret

__all__ = ["RedisLeases", "answer_of"]

_SCRIPT = "leases.lua.txt"
_MOST = 2**53
"""Scripts of the server count in doubles, which are exact up to here."""


class RedisLeases:
    """A `LimitStore` on one server.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with the password where there is one.
        timeout_s: What one question may take.

    Raises:
        ConfigurationError: It is no such address.
    """

    __slots__ = ("_client", "_digest", "_script")

    def __init__(self, url: Secret, *, timeout_s: float) -> None:
        retry = Retry(NoBackoff(), 0)
        self._client: Redis = client_of(
            Redis.from_url, url, retry=retry, what="shared limits", timeout_s=timeout_s
        )
        self._script = files(__package__).joinpath(_SCRIPT).read_text("utf-8")
        self._digest = ""

    async def trip(self, trip: LeaseTrip) -> LeaseAnswer:
        """Do all of a trip at one moment, by the clock of the server, at most once.

        Raises:
            StoreError: It cannot be told whether it was done.
        """
        task = asyncio.current_task()
        cancelled = task.cancelling() if task is not None else 0
        keys = [each.key.encode("utf-8", "surrogatepass") for each in trip.counters]
        try:
            found = await self._run(keys, msgspec.json.encode(_payload(trip)))
        except (RedisError, OSError) as error:
            # The words of the client may name the address: only the kind of the error is told.
            raise StoreError(f"shared limits: {type(error).__name__}") from None
        finally:
            # The client sends with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes just as
            # what it waits for ends (CPython gh-86296): who keeps asking would never stop.
            if task is not None and task.cancelling() > cancelled:
                raise asyncio.CancelledError
        return answer_of(found, trip)

    async def close(self) -> None:
        """Release the connection."""
        await self._client.aclose()

    async def _run(self, keys: list[bytes], payload: bytes) -> Any:
        """Run the script; one that the server does not know was not run, and is sent whole."""
        if not self._digest:
            self._digest = await self._client.script_load(self._script)
        try:
            return await self._client.evalsha(self._digest, len(keys), *keys, payload)
        except NoScriptError:
            return await self._client.eval(self._script, len(keys), *keys, payload)


def _payload(trip: LeaseTrip) -> dict[str, Any]:
    return {
        "worker": trip.worker,
        "number": trip.number,
        "share": trip.share,
        "counters": [
            {
                "places": each.is_places,
                "amount": each.amount,
                "width": each.width_ms,
                "slots": each.slots,
                "life": each.life_ms,
                "gives": each.gives,
                "holds": each.holds,
            }
            for each in trip.counters
        ],
        "asks": [[(place + 1, amount) for place, amount in ask] for ask in trip.asks],
    }


def answer_of(found: Any, trip: LeaseTrip) -> LeaseAnswer:
    """What the server answered to a trip: whole numbers within their bounds, one verdict for each ask, one grant for each counter.

    Args:
        found: As the client decoded it.
        trip: What was asked.

    Raises:
        StoreError: It is anything else.
    """
    last = len(trip.counters)
    try:
        said, given = _rows(found, 2)
        verdicts = tuple(
            LeaseVerdict(short=_whole(short, 0, last) - 1, wait_ms=_whole(wait_ms, -1))
            for short, wait_ms in (_rows(each, 2) for each in _rows(said, len(trip.asks)))
        )
        grants = tuple(
            LeaseGrant(slot=_whole(slot), extra=_whole(extra), used=_whole(used, -_MOST))
            for slot, extra, used in (_rows(each, 3) for each in _rows(given, last))
        )
    except ValueError:
        raise StoreError("shared limits: the server gave an answer that cannot be read") from None
    return LeaseAnswer(verdicts=verdicts, grants=grants)


def _rows(value: Any, count: int) -> list[Any]:
    if type(value) is not list or len(value) != count:
        raise ValueError("no list of that length")
    return value


def _whole(value: Any, least: int = 0, most: int = _MOST) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError("no whole number within its bounds")
    return value

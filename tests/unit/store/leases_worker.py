"""One worker of a gateway as far as its limits go: a process of its own, which tests start.

Says `ready`, waits for a line, asks for all at once, says how many were admitted, and ends with its input.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import time

from keelmark.core.secret import Secret
from keelmark.deployment.protection.limit_settings import SharedLimitSettings
from keelmark.deployment.protection.limits import LimitRule, LimitSettings, Measure, Reservation, Subject
from keelmark.deployment.protection.shared_limits import SharedLimits
from keelmark.store.leases_redis import RedisLeases


async def main(url: str, measure: str, count: int, *, is_held: bool) -> None:
    rule = LimitRule(subject=Subject.ALL, measure=Measure(measure), amount=10, window_s=3600)
    shared = SharedLimitSettings(timeout_s=0.9, lease_s=1.0) if is_held else SharedLimitSettings(timeout_s=4)
    limits = SharedLimits(
        LimitSettings(rules=(rule,), shared=shared),
        RedisLeases(Secret(url.encode()), timeout_s=4),
        worker=os.urandom(16).hex(),
        now_ns=time.monotonic_ns,
    )
    keeping = asyncio.create_task(limits.keep())
    await asyncio.sleep(0)

    async def one() -> bool:
        said = limits.reserve(((), (), (), (), ("all",)), (1, 0, 0, 1))
        return isinstance(await said if inspect.isawaitable(said) else said, Reservation)

    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    found = await asyncio.gather(*(one() for _ in range(count)))
    print(sum(found), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await limits.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), is_held=sys.argv[4] == "hold"))

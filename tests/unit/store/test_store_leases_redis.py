"""Shared counters in a real server: the script does what the words say, for one process and for several."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.deployment.protection.lease_simulator import LeaseSimulator

from keelmark.core.leases import LeaseAnswer, LeaseCounter, LeaseTrip
from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError, StoreError
from keelmark.store.leases_redis import RedisLeases

SERVER = shutil.which("redis-server") or shutil.which("valkey-server")
needs_server = pytest.mark.skipif(
    SERVER is None, reason="redis-server is not installed: apt-get install redis-server"
)
WORKER = Path(__file__).with_name("leases_worker.py")
PASSWORD = "correct-horse-battery"


class Redis:
    """A server of its own on a socket in a folder."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "s"
        self.url = f"unix://:{PASSWORD}@{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            SERVER, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no",
            "--dir", str(self.socket.parent), "--requirepass", PASSWORD,
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None, "redis-server ended by itself"
            assert time.monotonic() < end, "redis-server did not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        """Whether it takes connections; its socket is there a moment before it does."""
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(str(self.socket))
            except OSError:
                return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.socket.unlink(missing_ok=True)

    def leases(self) -> RedisLeases:
        return RedisLeases(Secret(self.url.encode()), timeout_s=2.0)


@pytest.fixture
def redis(tmp_path_factory):
    # Paths of sockets may have no more than about a hundred characters.
    folder = tmp_path_factory.mktemp("r")
    server = Redis(folder)
    server.start()
    yield server
    server.stop()


def window(amount: int, *, gives=(), key: str = "w") -> LeaseCounter:
    return LeaseCounter(
        key=key, is_places=False, amount=amount, width_ms=1_000_000, slots=61, gives=tuple(gives)
    )


def places(amount: int, *, holds: int = 0, life_ms: int = 60_000, key: str = "p") -> LeaseCounter:
    return LeaseCounter(key=key, is_places=True, amount=amount, life_ms=life_ms, holds=holds)


def trip(*counters: LeaseCounter, asks=(), number: int = 1, worker: str = "a", share: int = 0) -> LeaseTrip:
    return LeaseTrip(worker=worker, number=number, share=share, counters=counters, asks=tuple(asks))


def done(redis: Redis, *trips: LeaseTrip) -> list[LeaseAnswer]:
    async def main() -> list[LeaseAnswer]:
        leases = redis.leases()
        try:
            return [await leases.trip(each) for each in trips]
        finally:
            await leases.close()

    return asyncio.run(main())


@needs_server
def test_an_ask_is_granted_as_a_whole_or_not_at_all(redis: Redis) -> None:
    first, second = done(
        redis,
        trip(window(10), places(1), asks=[((0, 6), (1, 1)), ((0, 5), (1, 1))]),
        trip(window(10), places(1, holds=1), asks=[((0, 4),), ((0, 1),), ((0, 11),)], number=2),
    )
    assert [each.short for each in first.verdicts] in ([-1, 0], [-1, 1])
    assert [each.used for each in first.grants] == [6, 1]
    assert [each.short for each in second.verdicts] == [-1, 0, 0]
    assert second.verdicts[1].wait_ms > 59_000_000
    assert second.verdicts[2].wait_ms == -1
    assert [each.used for each in second.grants] == [10, 1]


@needs_server
def test_slices_are_of_what_is_left_and_none_where_little_is(redis: Redis) -> None:
    answers = done(redis, *(trip(window(100), asks=[((0, 1),)], number=n, share=50) for n in range(1, 4)))
    assert [each.grants[0].extra for each in answers] == [4, 4, 4]
    answers = done(redis, trip(window(10, key="x"), asks=[((0, 1),)], share=50))
    assert answers[0].grants[0].extra == 0


@needs_server
def test_what_is_given_back_counts_no_more_and_never_below_nothing(redis: Redis) -> None:
    [first] = done(redis, trip(window(10), asks=[((0, 8),)]))
    slot = first.grants[0].slot
    answers = done(
        redis,
        trip(window(10, gives=[(slot, 5)]), number=2),
        trip(window(10, gives=[(slot, 50), (slot - 1, 7)]), number=3),
        trip(window(10, gives=[(slot, -4)]), number=4),
        trip(window(10, gives=[(slot, -(2**52)), (slot, -(2**52))]), number=5),
    )
    assert [each.grants[0].used for each in answers] == [3, 0, 4, 2**52]


@needs_server
def test_amounts_are_counted_exactly_up_to_their_bound(redis: Redis) -> None:
    most = 2**52
    answers = done(
        redis,
        trip(window(most), asks=[((0, most - 1),)]),
        trip(window(most), asks=[((0, 1),)], number=2),
        trip(window(most), asks=[((0, 1),)], number=3),
    )
    assert [each.verdicts[0].short for each in answers] == [-1, -1, 0]
    assert answers[-1].grants[0].used == most


@needs_server
def test_places_of_which_nobody_speaks_any_more_are_free(redis: Redis) -> None:
    async def main() -> None:
        leases = redis.leases()
        await leases.trip(trip(places(2, life_ms=40), asks=[((0, 2),)]))
        said = await leases.trip(trip(places(2), asks=[((0, 1),)], worker="b"))
        assert said.verdicts[0].short == 0
        end = time.monotonic() + 10
        while said.verdicts[0].short == 0:  # The clock is that of the server: it has to be waited for.
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
            said = await leases.trip(trip(places(2), asks=[((0, 2),)], worker="b", number=2))
        assert said.grants[0].used == 2
        await leases.close()

    asyncio.run(main())


@needs_server
def test_a_trip_that_was_overtaken_does_nothing(redis: Redis) -> None:
    done(redis, trip(places(5), window(5), asks=[((0, 3), (1, 3))], number=7))
    with pytest.raises(StoreError, match="shared limits"):
        done(redis, trip(window(5), places(5), asks=[((0, 1),)], number=6))
    [now] = done(redis, trip(places(5, holds=3), window(5), number=8))
    assert [each.used for each in now.grants] == [3, 3]


@needs_server
def test_a_server_that_forgot_the_script_is_told_again(redis: Redis) -> None:
    async def main() -> None:
        leases = redis.leases()
        await leases.trip(trip(window(5), asks=[((0, 1),)]))
        await leases._client.script_flush()
        said = await leases.trip(trip(window(5), asks=[((0, 1),)], number=2))
        assert said.grants[0].used == 2
        await leases.close()

    asyncio.run(main())


@needs_server
def test_nothing_stays_for_ever(redis: Redis) -> None:
    async def main() -> None:
        leases = redis.leases()
        await leases.trip(trip(window(5), places(5), asks=[((0, 1), (1, 1))]))
        assert 0 < await leases._client.pttl("w") <= 62 * 1_000_000
        assert 0 < await leases._client.pttl("p") <= 120_000
        await leases.trip(trip(places(5), number=2))
        assert not await leases._client.exists("p")
        await leases.close()

    asyncio.run(main())


@needs_server
@pytest.mark.parametrize("seed", range(6))
def test_the_script_and_the_simulator_agree(redis: Redis, seed: int) -> None:
    """Over random trips of three workers: the same verdicts, extras and amounts, as long as no slot ends between them."""
    chance = random.Random(seed)
    simulator = LeaseSimulator()

    async def main() -> None:
        leases = redis.leases()
        seconds, micros = await leases._client.time()
        simulator.now_ms = seconds * 1000 + micros // 1000
        slot = simulator.now_ms // 1_000_000_000
        held = dict.fromkeys("abc", 0)
        for number in range(1, 120):
            worker = chance.choice("abc")
            wide = LeaseCounter(
                key="w", is_places=False, amount=60, width_ms=1_000_000_000, slots=61,
                gives=tuple((slot - chance.randrange(2), chance.randint(-2, 9)) for _ in range(chance.randrange(3))),
            )  # fmt: skip
            asks = [
                tuple((at, chance.randint(1, 70 if chance.random() < 0.1 else 5)) for at in (0, 1))
                for _ in range(chance.randrange(4))
            ]
            counters = (wide, places(12, holds=min(held[worker], chance.randrange(5))))
            each = trip(*counters, asks=asks, number=number, worker=worker, share=chance.choice([0, 50, 500]))
            ours, theirs = simulator.do(each), await leases.trip(each)
            assert [one.short for one in theirs.verdicts] == [one.short for one in ours.verdicts]
            assert theirs.grants == ours.grants
            for one, other in zip(theirs.verdicts, ours.verdicts, strict=True):
                assert abs(one.wait_ms - other.wait_ms) < 60_000
            held[worker] = counters[1].holds + sum(
                part[1][1] for part, verdict in zip(asks, theirs.verdicts, strict=True) if verdict.short < 0
            )
        await leases.close()

    asyncio.run(main())


@needs_server
@pytest.mark.parametrize("measure", ["requests", "places"])
def test_two_hundred_at_once_in_two_processes_on_a_budget_of_ten_admit_ten(
    redis: Redis, measure: str
) -> None:
    workers = [_worker(redis.url, measure, "100", "settle") for _ in range(2)]
    for each in workers:
        assert each.stdout.readline() == b"ready\n"
    for each in workers:
        each.stdin.write(b"go\n")
        each.stdin.flush()
    admitted = [int(each.stdout.readline()) for each in workers]
    for each in workers:
        each.stdin.close()
        assert each.wait(20) == 0
        each.stdout.close()
    assert sum(admitted) == 10


@needs_server
def test_places_of_a_killed_process_come_back(redis: Redis) -> None:
    first = _worker(redis.url, "places", "10", "hold")
    assert first.stdout.readline() == b"ready\n"
    first.stdin.write(b"go\n")
    first.stdin.flush()
    assert first.stdout.readline() == b"10\n"
    with contextlib.closing(first.stdin), contextlib.closing(first.stdout):
        first.send_signal(signal.SIGKILL)
        first.wait()
    end = time.monotonic() + 30
    admitted = 0
    while admitted == 0:
        assert time.monotonic() < end
        second = _worker(redis.url, "places", "10", "settle")
        out, _ = second.communicate(b"go\n", timeout=20)
        admitted = int(out.split()[1])
    assert admitted == 10


@needs_server
def test_a_server_that_goes_away_and_comes_back(redis: Redis) -> None:
    async def main() -> None:
        leases = redis.leases()
        await leases.trip(trip(window(5), asks=[((0, 1),)]))
        redis.stop()
        with pytest.raises(StoreError) as caught:
            await leases.trip(trip(window(5), asks=[((0, 1),)], number=2))
        assert PASSWORD not in str(caught.value)
        assert caught.value.__cause__ is None
        redis.start()
        said = await leases.trip(trip(window(5), asks=[((0, 1),)], number=3))
        assert said.grants[0].used == 1
        await leases.close()

    asyncio.run(main())


def test_a_server_that_is_not_there_is_an_error_without_its_address(tmp_path: Path) -> None:
    async def main() -> None:
        leases = RedisLeases(Secret(f"unix://:{PASSWORD}@{tmp_path}/none".encode()), timeout_s=0.2)
        with pytest.raises(StoreError) as caught:
            await leases.trip(trip(window(5)))
        assert PASSWORD not in f"{caught.value!r}{caught.value}{leases!r}"
        await leases.close()

    asyncio.run(main())


@pytest.mark.parametrize("url", ["", f"http://:{PASSWORD}@h/", "redis", f"redis://:{PASSWORD}@h:port/"])
def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisLeases(Secret(url.encode()), timeout_s=1)
    assert PASSWORD not in str(caught.value)


def _worker(url: str, measure: str, count: str, end: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(WORKER), url, measure, count, end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    "found", [None, b"OK", [], [[]], [[], []], [[[0]], [[0, 0, 0]]], [[], [[0, 0]]], [[[0, 0]], [[0, 0, 0]]]]
)
def test_an_answer_that_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch, found: object) -> None:
    async def run(*_):
        return found

    async def main() -> None:
        monkeypatch.setattr(RedisLeases, "_run", run)
        leases = RedisLeases(Secret(b"redis://localhost"), timeout_s=1)
        with pytest.raises(StoreError, match="shared limits"):
            await leases.trip(trip(window(5)))
        await leases.close()

    asyncio.run(main())


@needs_server
def test_who_is_cancelled_at_any_moment_of_a_trip_hears_of_it(redis: Redis) -> None:
    async def asking(leases: RedisLeases) -> None:
        for number in range(1, 1_000_000):
            await leases.trip(trip(window(10), number=number))

    async def steps_of_one_trip() -> int:
        """How often the loop turns for one trip, with a connection that is there."""
        leases = redis.leases()
        await leases.trip(trip(window(10)))
        task, turns = asyncio.create_task(leases.trip(trip(window(10), number=2))), 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await leases.close()
        return turns

    async def cancelled_after(turns: int) -> bool:
        leases = redis.leases()
        await leases.trip(trip(window(10)))
        task = asyncio.create_task(asking(leases))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        _, left = await asyncio.wait([task], timeout=2)
        for each in left:
            each.cancel()
        await leases.close()
        return not left

    async def main() -> list[int]:
        turns = await steps_of_one_trip()
        return [each for each in range(min(turns, 60) + 10) if not await cancelled_after(each)]

    assert asyncio.run(main()) == []

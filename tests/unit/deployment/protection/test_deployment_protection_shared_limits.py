"""The laws of limits hold for all workers together, whatever the store, the callers and the clocks do."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.deployment.protection.lease_simulator import LeaseSimulator

from keelmark.deployment.protection.limit_settings import (
    MAX_AMOUNT,
    LimitRule,
    LimitSettings,
    Measure,
    SharedLimitSettings,
    Subject,
    Unreachable,
)
from keelmark.deployment.protection.limits import NEVER, Refused, Reservation
from keelmark.deployment.protection.shared_limits import SharedLimits
from keelmark.errors import ConfigurationError


@dataclass
class Cluster:
    """Workers around one store, all on one clock."""

    rules: tuple[LimitRule, ...]
    workers: int = 2
    shared: SharedLimitSettings = field(default_factory=SharedLimitSettings)
    max_counters: int = 1000
    store: LeaseSimulator = field(default_factory=LeaseSimulator)
    members: list[SharedLimits] = field(default_factory=list)
    tasks: list[asyncio.Task] = field(default_factory=list)

    @property
    def settings(self) -> LimitSettings:
        return LimitSettings(rules=self.rules, shared=self.shared, max_counters=self.max_counters)

    async def __aenter__(self):
        for number in range(self.workers):
            self.add(f"w{number}")
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def add(self, name: str) -> SharedLimits:
        member = SharedLimits(
            self.settings, self.store, worker=name, now_ns=lambda: self.store.now_ms * 1_000_000
        )
        self.members.append(member)
        self.tasks.append(asyncio.create_task(member.keep()))
        return member

    async def kill(self, number: int) -> None:
        self.tasks[number].cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.tasks[number]

    async def beat(self, *numbers: int) -> None:
        """What the clock of the loop would start."""
        for number in numbers or range(len(self.members)):
            await self.members[number]._turn(is_beat=True)

    def used(self) -> int:
        return sum(sum(slots.values()) for slots in self.store.windows.values())

    def taken(self) -> int:
        return sum(
            count
            for held in self.store.places.values()
            for count, ends, _ in held.values()
            if ends > self.store.now_ms
        )


def rule(measure: Measure, amount: int, *, window_s: int = 60, subject: Subject = Subject.ALL) -> LimitRule:
    return LimitRule(subject=subject, measure=measure, amount=amount, window_s=window_s)


async def ask(member: SharedLimits, *, tokens: int = 0, key: str = "a") -> Reservation | Refused:
    said = member.reserve(((key,), (), (), (), ("all",)), (1, tokens, 0, 1))
    return await said if inspect.isawaitable(said) else said


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("measure", [Measure.REQUESTS, Measure.PLACES])
@pytest.mark.parametrize("workers", [1, 2, 7])
def test_two_hundred_at_once_on_a_shared_budget_of_ten_admit_ten(measure: Measure, workers: int) -> None:
    async def main() -> None:
        async with Cluster((rule(measure, 10),), workers=workers) as cluster:
            said = await asyncio.gather(*(ask(cluster.members[n % workers]) for n in range(200)))
            assert sum(isinstance(each, Reservation) for each in said) == 10
            assert all(each.measure is measure for each in said if isinstance(each, Refused))

    asyncio.run(main())


def test_what_was_leased_is_spent_without_asking_again() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.REQUESTS, 10_000),), workers=1) as cluster:
            [member] = cluster.members
            for _ in range(400):
                assert isinstance(await ask(member), Reservation)
            assert len(cluster.store.trips) == 1
            assert cluster.used() == 1 + 9_999 * 5 // 100

    asyncio.run(main())


def test_what_was_not_used_goes_back_with_the_end_of_the_lease_or_of_the_worker() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.TOKENS, 1000),)) as cluster:
            first, second = cluster.members
            assert isinstance(await ask(first, tokens=10), Reservation)
            assert isinstance(await ask(second, tokens=10), Reservation)
            assert cluster.used() > 20
            cluster.store.now_ms += 6_000
            await cluster.beat(0)
            await second.close()
            assert cluster.used() == 20
            assert cluster.store.is_closed

    asyncio.run(main())


def test_tokens_are_settled_in_the_store() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.TOKENS, 100),)) as cluster:
            first, second = cluster.members
            held = await ask(first, tokens=99)
            assert (await ask(second, tokens=10)).measure is Measure.TOKENS
            held.settle(tokens=20)
            held.settle(tokens=0)
            await settled()
            assert cluster.used() == 20
            cluster.store.now_ms += 60
            more = await ask(second, tokens=70)
            assert isinstance(more, Reservation)
            more.settle(tokens=5000)
            await cluster.beat(1)
            assert cluster.used() == 5020

    asyncio.run(main())


def test_one_request_takes_all_it_needs_or_nothing() -> None:
    async def main() -> None:
        rules = (rule(Measure.REQUESTS, 1000), rule(Measure.TOKENS, 50), rule(Measure.PLACES, 100))
        async with Cluster(rules, workers=1) as cluster:
            [member] = cluster.members
            held = await ask(member, tokens=40)
            assert (await ask(member, tokens=40)).measure is Measure.TOKENS
            held.cancel()
            await member.close()
            assert (cluster.used(), cluster.taken()) == (0, 0)

    asyncio.run(main())


def test_places_of_a_worker_that_died_come_back_when_its_lease_ends() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.PLACES, 4),)) as cluster:
            first, second = cluster.members
            for _ in range(4):
                assert isinstance(await ask(first), Reservation)
            await cluster.kill(0)
            assert (await ask(second)).measure is Measure.PLACES
            cluster.store.now_ms += 4_900
            assert isinstance(await ask(second), Refused)
            cluster.store.now_ms += 200
            for _ in range(4):
                assert isinstance(await ask(second), Reservation)
            assert isinstance(await ask(second), Refused)

    asyncio.run(main())


def test_places_in_use_are_kept_for_as_long_as_the_worker_lives() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.PLACES, 1),)) as cluster:
            first, second = cluster.members
            held = await ask(first)
            for _ in range(20):
                cluster.store.now_ms += 3_000
                await cluster.beat(0)
                assert isinstance(await ask(second), Refused)
            held.settle()
            await settled()
            cluster.store.now_ms += 60
            assert isinstance(await ask(second), Reservation)
            assert cluster.taken() == 1

    asyncio.run(main())


def test_the_store_hears_of_places_however_many_requests_wait() -> None:
    async def main() -> None:
        shared = SharedLimitSettings(lease_s=0.03, timeout_s=0.01)
        async with Cluster(
            (rule(Measure.PLACES, 1, subject=Subject.KEY),), workers=1, shared=shared
        ) as cluster:
            assert isinstance(await ask(cluster.members[0], key="kept"), Reservation)
            end = asyncio.get_running_loop().time() + 0.08

            async def more(number: int) -> None:
                while asyncio.get_running_loop().time() < end:
                    cluster.store.now_ms += 1
                    await ask(cluster.members[0], key=f"{number}")

            await asyncio.gather(*(more(number) for number in range(20)))
            told = [
                trip for trip in cluster.store.trips for each in trip.counters if each.key.endswith(":kept")
            ]
            assert len(told) >= 3

    asyncio.run(main())


def test_a_worker_that_stood_still_uses_nothing_of_its_old_lease() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.PLACES, 100), rule(Measure.REQUESTS, 1000))) as cluster:
            first, second = cluster.members
            (await ask(first)).settle()
            cluster.store.now_ms += 5_001
            for _ in range(100):
                assert isinstance(await ask(second), Reservation)
            assert (await ask(first)).measure is Measure.PLACES

    asyncio.run(main())


def test_a_store_that_is_away_denies_and_is_asked_again_after_a_pause() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.REQUESTS, 1000),), workers=1) as cluster:
            [member] = cluster.members
            cluster.store.fails_before = True
            said = await asyncio.gather(*(ask(member) for _ in range(5)))
            assert all(each == Refused(measure=None, retry_after_s=0.5) for each in said)
            assert not member.is_reached
            cluster.store.fails_before = False
            assert (await ask(member)).measure is None
            cluster.store.now_ms += 501
            assert isinstance(await ask(member), Reservation)
            assert member.is_reached

    asyncio.run(main())


def test_nothing_is_admitted_before_and_after_the_worker_keeps_in_touch() -> None:
    async def main() -> None:
        cluster = Cluster((rule(Measure.REQUESTS, 1000),), workers=1)
        async with cluster:
            waiting = asyncio.create_task(ask(cluster.members[0]))
            await asyncio.sleep(0)
        assert (await waiting).measure is None
        assert (await ask(cluster.members[0])).measure is None

    asyncio.run(main())


def test_while_the_store_is_away_each_worker_counts_by_itself_where_that_is_good_enough() -> None:
    async def main() -> None:
        shared = SharedLimitSettings(
            unreachable=Unreachable.LOCAL, reason="an outage costs more than it protects"
        )
        async with Cluster((rule(Measure.REQUESTS, 3),), shared=shared) as cluster:
            cluster.store.fails_before = True
            for member in cluster.members:
                await ask(member)
                said = [await ask(member) for _ in range(5)]
                assert sum(isinstance(each, Reservation) for each in said) == 3

    asyncio.run(main())


def test_what_cannot_be_told_counts_as_taken() -> None:
    async def main() -> None:
        rules = (rule(Measure.TOKENS, 100), rule(Measure.PLACES, 3))
        shared = SharedLimitSettings(share_percent=0)
        async with Cluster(rules, workers=1, shared=shared) as cluster:
            [member] = cluster.members
            held = await ask(member, tokens=60)
            cluster.store.fails_after = True
            held.settle(tokens=10)
            await settled()
            cluster.store.fails_after = False
            cluster.store.now_ms += 501
            await cluster.beat()
            assert cluster.used() == 10
            cluster.store.fails_after = True
            assert (await ask(member, tokens=20)).measure is None
            cluster.store.fails_after = False
            cluster.store.now_ms += 501
            await cluster.beat()
            assert cluster.used() == 30
            cluster.store.now_ms += 5_001
            assert cluster.taken() == 0

    asyncio.run(main())


def test_a_caller_that_goes_away_while_it_waits_leaves_nothing_reserved() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.PLACES, 5), rule(Measure.TOKENS, 100))) as cluster:
            member = cluster.members[0]
            for steps in range(6):
                waiting = asyncio.create_task(ask(member, tokens=50))
                for _ in range(steps):
                    await asyncio.sleep(0)
                waiting.cancel()
                said = (await asyncio.gather(waiting, return_exceptions=True))[0]
                if isinstance(said, Reservation):
                    said.cancel()
                await settled()
            await member.close()
            assert (cluster.used(), cluster.taken()) == (0, 0)

    asyncio.run(main())


def test_what_was_refused_is_not_asked_again_at_once() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.REQUESTS, 1),), workers=1) as cluster:
            [member] = cluster.members
            assert isinstance(await ask(member), Reservation)
            first = await ask(member)
            trips = len(cluster.store.trips)
            for _ in range(100):
                assert (await ask(member)).retry_after_s == first.retry_after_s
            assert len(cluster.store.trips) == trips
            assert 60 <= first.retry_after_s <= 67
            cluster.store.now_ms += round(first.retry_after_s * 1000) + 1
            assert isinstance(await ask(member), Reservation)

    asyncio.run(main())


def test_what_never_fits_is_not_asked_for() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.TOKENS, 10),), workers=1) as cluster:
            said = await ask(cluster.members[0], tokens=11)
            assert said == Refused(measure=Measure.TOKENS, retry_after_s=NEVER)
            assert not cluster.store.trips

    asyncio.run(main())


def test_counters_are_bounded_and_none_that_is_waited_for_is_forgotten() -> None:
    async def main() -> None:
        rules = (rule(Measure.PLACES, 5, subject=Subject.KEY),)
        async with Cluster(rules, workers=1, max_counters=3) as cluster:
            [member] = cluster.members
            said = await asyncio.gather(*(ask(member, key=str(number)) for number in range(10)))
            assert sum(isinstance(each, Reservation) for each in said) == 3
            assert sum(each == Refused(measure=None) for each in said) == 7
            for each in said:
                if isinstance(each, Reservation):
                    each.settle()
            await cluster.beat()
            await cluster.beat()
            assert isinstance(await ask(member, key="new"), Reservation)
            assert len(list(member.used())) <= 3

    asyncio.run(main())


def test_other_amounts_are_put_in_force_and_what_was_counted_stays() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.REQUESTS, 2),), workers=1) as cluster:
            [member] = cluster.members
            for _ in range(2):
                assert isinstance(await ask(member), Reservation)
            cluster.rules = (rule(Measure.REQUESTS, 3),)
            member.use(cluster.settings)
            cluster.store.now_ms += 60
            assert isinstance(await ask(member), Reservation)
            assert isinstance(await ask(member), Refused)
            assert [used for _, _, used in member.used()] == [3]
            cluster.shared = SharedLimitSettings(name="other")
            with pytest.raises(ConfigurationError, match="restart"):
                member.use(cluster.settings)

    asyncio.run(main())


@pytest.mark.parametrize(
    "shared",
    [
        SharedLimitSettings(lease_s=0.1, timeout_s=0.2),
        SharedLimitSettings(timeout_s=0),
        SharedLimitSettings(share_percent=51),
        SharedLimitSettings(lease_s=float("nan")),
        SharedLimitSettings(unreachable=Unreachable.LOCAL),
        SharedLimitSettings(unreachable=Unreachable.LOCAL, reason=" "),
    ],
)
def test_settings_that_cannot_work_are_refused(shared: SharedLimitSettings) -> None:
    with pytest.raises(ConfigurationError):
        shared.check()


def test_amounts_that_the_store_cannot_count_are_refused() -> None:
    rules = (rule(Measure.MONEY, MAX_AMOUNT + 1),)
    with pytest.raises(ConfigurationError, match="amount"):
        SharedLimits(LimitSettings(rules=rules), LeaseSimulator(), worker="w", now_ns=lambda: 0)


def test_names_of_any_length_and_content_make_keys() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.REQUESTS, 5, subject=Subject.KEY),), workers=1) as cluster:
            for key in ("x" * 5000, "}{", "ä\ud800" * 100, ""):
                assert isinstance(await ask(cluster.members[0], key=key), Reservation)
            keys = [each.key for trip in cluster.store.trips for each in trip.counters]
            assert len(set(keys)) == 4
            assert all(len(key) < 200 and key.startswith("keelmark:{gateway}:") for key in keys)

    asyncio.run(main())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "settle", "cancel", "beat", "wait", "fail", "kill"]),
        st.integers(0, 2),
        st.integers(1, 40),
        st.integers(0, 9_000),
    ),
    max_size=50,
)


@dataclass
class Run:
    """Callers, workers and a store that do as a list of steps says; what was admitted is counted beside them."""

    cluster: Cluster
    under_way: list[tuple[int, int, int, Reservation]] = field(default_factory=list)
    admitted: list[tuple[int, int]] = field(default_factory=list)
    dead: set[int] = field(default_factory=set)

    async def step(self, what: str, number: int, amount: int, pause: int) -> None:
        match what:
            case "ask" if number not in self.dead:
                held = await ask(self.cluster.members[number], tokens=amount)
                if isinstance(held, Reservation):
                    now = self.cluster.store.now_ms
                    self.under_way.append((number, amount, now, held))
                    self.admitted.append((now, amount))
            case "settle" | "cancel" if self.under_way:
                _, reserved, at, held = self.under_way.pop(amount % len(self.under_way))
                really = min(reserved, pause % 41) if what == "settle" else 0
                held.settle(tokens=really)
                self.admitted.remove((at, reserved))
                self.admitted.append((at, really))
            case "wait":
                # In steps in which every worker that lives beats, as the clock of its loop would make it.
                for gone in range(0, pause, 1_500):
                    self.cluster.store.now_ms += min(pause - gone, 1_500)
                    await self.beat()
            case "fail":
                store = self.cluster.store
                store.fails_before, store.fails_after = amount % 3 == 1, amount % 3 == 2
                await self.beat()
                store.fails_before = store.fails_after = False
                store.now_ms += 501
                await self.beat()
            case "kill" if len(self.dead) < 2:
                await self.cluster.kill(number)
                self.dead.add(number)
                self.under_way = [each for each in self.under_way if each[0] not in self.dead]
            case _:
                await self.beat()
        await settled()

    async def beat(self) -> None:
        await self.cluster.beat(*({0, 1, 2} - self.dead))


@settings(max_examples=120, deadline=None)
@given(
    steps=STEPS,
    tokens=st.integers(1, 100),
    places=st.integers(1, 6),
    window_s=st.sampled_from([2, 10, 60]),
    share=st.sampled_from([0.0, 5.0, 50.0]),
)
def test_all_workers_together_never_admit_more(
    steps, *, tokens: int, places: int, window_s: int, share: float
):
    async def main() -> None:
        rules = (rule(Measure.TOKENS, tokens, window_s=window_s), rule(Measure.PLACES, places))
        async with Cluster(rules, workers=3, shared=SharedLimitSettings(share_percent=share)) as cluster:
            run = Run(cluster)
            for each in steps:
                await run.step(*each)
                now = cluster.store.now_ms
                recent = (amount for at, amount in run.admitted if now - at <= window_s * 1000)
                assert sum(recent) <= tokens
                assert len(run.under_way) <= places
            for _, _, _, held in run.under_way:
                held.settle()
            cluster.store.now_ms += 5_001
            await run.beat()
            await run.beat()
            assert cluster.taken() == 0

    asyncio.run(main())


@settings(max_examples=150, deadline=None)
@given(
    window_s=st.sampled_from([1, 2, 10, 60]),
    phase=st.integers(0, 2000),
    spent_after=st.floats(0.5, 4),
    asked_after=st.floats(0.8, 1.2),
)
def test_a_lease_that_is_spent_late_lengthens_no_window(
    window_s: int, phase: int, spent_after: float, asked_after: float
) -> None:
    async def main() -> None:
        rules = (rule(Measure.REQUESTS, 40, window_s=window_s),)
        async with Cluster(rules, shared=SharedLimitSettings(share_percent=50)) as cluster:
            cluster.store.now_ms += phase
            admitted: list[int] = []

            async def all_from(member: SharedLimits) -> None:
                while isinstance(await ask(member), Reservation):
                    admitted.append(cluster.store.now_ms)

            assert isinstance(await ask(cluster.members[0]), Reservation)
            life_ms = min(5_000, window_s * 100)
            cluster.store.now_ms += round(spent_after * life_ms)
            await all_from(cluster.members[0])
            cluster.store.now_ms += round(asked_after * window_s * 1000)
            await all_from(cluster.members[1])
            last = cluster.store.now_ms
            assert sum(last - at <= window_s * 1000 for at in admitted) <= 40

    asyncio.run(main())


def test_a_store_that_fails_in_an_unknown_way_denies_and_does_not_end_the_worker() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.REQUESTS, 10),), workers=1) as cluster:
            [member] = cluster.members
            trip, cluster.store.trip = cluster.store.trip, None
            assert (await ask(member)).measure is None
            cluster.store.trip = trip
            cluster.store.now_ms += 501
            assert isinstance(await ask(member), Reservation)

    asyncio.run(main())


def test_how_many_may_wait_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keelmark.deployment.protection.shared_limits._MAX_WAITING", 5)

    async def main() -> None:
        async with Cluster((rule(Measure.REQUESTS, 100),), workers=1) as cluster:
            said = await asyncio.gather(*(ask(cluster.members[0]) for _ in range(8)))
            assert sum(each == Refused(measure=None, retry_after_s=0.5) for each in said) == 3

    asyncio.run(main())


def test_what_is_granted_to_a_caller_that_went_away_meanwhile_is_given_back() -> None:
    async def main() -> None:
        async with Cluster((rule(Measure.PLACES, 5),), workers=1) as cluster:
            [member] = cluster.members
            is_asked, goes_on = asyncio.Event(), asyncio.Event()
            trip = cluster.store.trip

            async def slow(each):
                is_asked.set()
                await goes_on.wait()
                return await trip(each)

            cluster.store.trip = slow
            waiting = asyncio.create_task(ask(member))
            await is_asked.wait()
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            goes_on.set()
            await settled()
            assert cluster.taken() == 0

    asyncio.run(main())


def test_a_store_that_does_not_answer_is_not_waited_for() -> None:
    async def main() -> None:
        shared = SharedLimitSettings(timeout_s=0.01)
        async with Cluster((rule(Measure.REQUESTS, 5),), workers=1, shared=shared) as cluster:

            async def never(each):
                await asyncio.Event().wait()

            cluster.store.trip = never
            assert (await ask(cluster.members[0])).measure is None

    asyncio.run(main())


def test_one_that_was_forgotten_tells_what_it_owes_after_the_new_one_of_its_name() -> None:
    async def main() -> None:
        rules = (rule(Measure.TOKENS, 100, subject=Subject.KEY),)
        shared = SharedLimitSettings(share_percent=0)
        async with Cluster(rules, workers=1, shared=shared, max_counters=1) as cluster:
            [member] = cluster.members
            held = await ask(member, tokens=50, key="a")
            assert isinstance(await ask(member, tokens=1, key="b"), Reservation)
            held.settle(tokens=70)
            assert isinstance(await ask(member, tokens=5, key="a"), Reservation)
            await settled()
            await cluster.beat()
            await cluster.beat()
            [used] = [
                sum(slots.values()) for key, slots in cluster.store.windows.items() if key.endswith(":a")
            ]
            assert used == 75
            assert all(
                len({each.key for each in trip.counters}) == len(trip.counters)
                for trip in cluster.store.trips
            )

    asyncio.run(main())

"""Limits that several workers share: leased in slices from a store, spent without asking it.

The laws of `limits` hold for all workers together, and besides, each with a test:

1. What was leased and not used goes back: at the next beat, or at once where little is left.
2. Where little is left a slice is what one request needs, so that a budget of ten admits ten, whoever asks.
3. Places of a worker that died are free again when its lease ends. What it leased of a window stays counted: it may have
   been used.
4. A store that cannot be reached denies, unless the settings say `local`.
5. What cannot be told counts as taken: after a trip that failed nothing is asked for or given back a second time.
6. A worker that stood still longer than its lease uses nothing of it any more; requests under way then are counted again
   with the next beat.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from keelmark.core.leases import LeaseTrip
from keelmark.deployment.protection.leased import Leased, LeasedPlaces, LeasedWindow, life_ms_of
from keelmark.deployment.protection.limit_settings import (
    MAX_AMOUNT,
    LimitSettings,
    Measure,
    Unreachable,
    identity,
    strictest,
)
from keelmark.deployment.protection.limits import (
    MEASURES,
    NEVER,
    Limits,
    Refused,
    Reservation,
    later,
    rows_of,
)
from keelmark.errors import ConfigurationError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from keelmark.core.leases import LeaseAnswer, LeaseCounter, LimitStore
    from keelmark.deployment.protection.limit_settings import LimitRule
    from keelmark.deployment.protection.limits import Amounts, Names

__all__ = ["SharedLimits"]

_MAX_ASKS, _MAX_COUNTERS = 128, 512
_MAX_WAITING = 10_000
_PAUSE_S = 0.5
_LONGEST_KEY = 160
_LOOKED_AT_ALWAYS, _LOOKED_AT_WHEN_FULL = 2, 16
_Held = tuple[Leased, int, int, int]


class _Ask:
    """One request that waits for the store.

    Args:
        held: What it took of what was free here.
        wanted: What it needs besides: counters, amounts, places of measures.
        future: Gets the outcome.
    """

    __slots__ = ("future", "held", "wanted")

    def __init__(
        self,
        held: list[_Held],
        wanted: list[tuple[Leased, int, int]],
        future: asyncio.Future[Reservation | Refused],
    ) -> None:
        self.held, self.wanted, self.future = held, wanted, future


class SharedLimits:
    """Counters of several workers. Called in one event loop, in which `keep` has to run.

    Args:
        settings: The rules, and how they are shared.
        store: Counts for all.
        worker: Random name, new with each start.
        now_ns: Nanoseconds that never go back.

    Raises:
        ConfigurationError: The settings cannot work.
    """

    def __init__(
        self, settings: LimitSettings, store: LimitStore, *, worker: str, now_ns: Callable[[], int]
    ) -> None:
        self._store, self._worker, self._now_ns = store, worker, now_ns
        self._counters: dict[tuple[str, str, str, int], OrderedDict[str, Leased]] = {}
        self._news: dict[Leased, None] = {}
        self._urgent: dict[Leased, None] = {}
        self._asks: list[_Ask] = []
        self._wake = asyncio.Event()
        self._number = self._down_until_ns = self._asking = 0
        self._is_kept = self._is_down = False
        self._local: Limits | None = None
        self.use(settings)

    def use(self, settings: LimitSettings) -> None:
        """Put other rules in force; what is leased for those that count the same stays.

        Raises:
            ConfigurationError: They cannot work; the old ones are still in force.
        """
        shared = settings.shared
        shared.check()
        if shared != getattr(self, "_shared", shared):
            raise ConfigurationError("`limits.shared` changes with a restart only")
        if any(rule.amount > MAX_AMOUNT for rule in settings.rules):
            raise ConfigurationError(f"`limits.rules` can be shared up to an amount of {MAX_AMOUNT}")
        self._shared, self._rules = shared, strictest(settings.rules)
        self._rows = rows_of(self._rules)
        self._room = settings.max_counters // max(1, len(self._rules))
        self._tables = [self._counters.setdefault(identity(rule), OrderedDict()) for rule in self._rules]
        for rule, table in zip(self._rules, self._tables, strict=True):
            for leased in table.values():
                leased.rule = rule
        lives = [life_ms_of(rule, shared.lease_s) for rule in self._rules]
        self._beat_s = min(lives, default=1000) / 3000
        if shared.unreachable is Unreachable.LOCAL:
            self._local = Limits(settings, now_ns=self._now_ns, earlier=self._local)
        else:
            self._local = None

    # For the stage

    def reserve(
        self, names: Names, amounts: Amounts
    ) -> Reservation | Refused | Awaitable[Reservation | Refused]:
        """Reserve all that a request wants, or say what there is no room for; awaited only when more must be leased."""
        now_ns = self._now_ns()
        if now_ns < self._down_until_ns or not self._is_kept:
            return self._alone(names, amounts)
        found = self._counted(names, amounts)
        if found is None:
            return Refused(measure=None)
        refused: Refused | None = None
        is_enough = True
        for leased, amount, measure in found:
            if amount > leased.rule.amount:
                refused = Refused(measure=MEASURES[measure], retry_after_s=NEVER)
            elif leased.free(now_ns) < amount:
                is_enough = False
                if leased.is_refused(amount, now_ns):
                    wait_s = max(0, leased.retry_at_ns - now_ns) / 1e9
                    refused = later(refused, Refused(measure=MEASURES[measure], retry_after_s=wait_s))
        if refused is not None:
            return refused
        if is_enough:
            return Reservation(
                [(leased, amount, leased.take(amount), measure) for leased, amount, measure in found]
            )
        return self._asked(found, now_ns)

    def used(self) -> Iterator[tuple[LimitRule, str, int]]:
        """What all workers together used of each limit, as last heard: rule, name and amount."""
        for rule, table in zip(self._rules, self._tables, strict=True):
            for name, leased in table.items():
                yield rule, name, leased.used

    @property
    def is_reached(self) -> bool:
        """Whether the store answered when it was last asked."""
        return self._is_kept and self._now_ns() >= self._down_until_ns

    # For the worker

    async def keep(self) -> None:
        """Ask the store for what requests wait for, and tell it at each beat what is held; until it is cancelled."""
        self._is_kept = True
        clock = asyncio.get_running_loop().time
        beat = clock() + self._beat_s
        try:
            while True:
                if not self._asks and not self._urgent:
                    self._wake.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout_at(beat):
                            await self._wake.wait()
                is_beat = clock() >= beat
                # INVARIANT: the store hears of places at each beat, however many requests wait, or it would forget them.
                await self._turn(is_beat=is_beat)
                if is_beat:
                    beat = clock() + self._beat_s
        finally:
            self._is_kept = False
            asks, self._asks = self._asks, []
            self._refuse_all(asks)

    async def close(self) -> None:
        """Give back what is not used, when no request is under way any more; then release the store."""
        news = list(self._news)
        self._news.clear()
        with contextlib.suppress(StoreError, TimeoutError):
            for start in range(0, len(news), _MAX_COUNTERS):
                await self._trip([], news[start : start + _MAX_COUNTERS], gives_up=True)
        await self._store.close()

    # Inside

    def _alone(self, names: Names, amounts: Amounts) -> Reservation | Refused:
        if self._local is not None:
            return self._local.reserve(names, amounts)
        return Refused(measure=None, retry_after_s=_PAUSE_S)

    def _counted(self, names: Names, amounts: Amounts) -> list[tuple[Leased, int, int]] | None:
        """The counters that a request touches, with amounts and places of measures; None when there is no room for one."""
        self._asking += 1
        found = []
        for number, subject, measure, only, _ in self._rows:
            amount = amounts[measure]
            if amount <= 0:
                continue
            for name in names[subject]:
                if only and only != name:
                    continue
                leased = self._tables[number].get(name) or self._new(number, name)
                if leased is None:
                    return None
                leased.asked_by = self._asking
                found.append((leased, amount, measure))
        return found

    async def _asked(self, found: list[tuple[Leased, int, int]], now_ns: int) -> Reservation | Refused:
        """Take what is free, and wait for the rest."""
        if len(self._asks) >= _MAX_WAITING:
            return Refused(measure=None, retry_after_s=_PAUSE_S)
        held: list[_Held] = []
        wanted: list[tuple[Leased, int, int]] = []
        for leased, amount, measure in found:
            if leased.free(now_ns) >= amount:
                held.append((leased, amount, leased.take(amount), measure))
            else:
                wanted.append((leased, amount, measure))
        for leased, _, _ in wanted:
            leased.pins += 1
        ask = _Ask(held, wanted, asyncio.get_running_loop().create_future())
        self._asks.append(ask)
        self._wake.set()
        try:
            return await ask.future
        except asyncio.CancelledError:
            # What was granted in the meantime would be lost: nobody hears of it any more.
            if not ask.future.cancelled() and isinstance(granted := ask.future.result(), Reservation):
                granted.cancel()
            raise

    async def _turn(self, *, is_beat: bool) -> None:
        """All that is due now: what requests wait for, and what the store should hear."""
        asks, self._asks = self._asks[:_MAX_ASKS], self._asks[_MAX_ASKS:]
        news, self._urgent = list(self._urgent), {}
        if is_beat:
            news = list(self._news)
            self._news = {leased: None for leased in news if leased.has_news}
        if is_beat and self._is_down and not asks and not news:
            await self._attempt([], [])
        for start in range(0, max(len(news), min(1, len(asks))), _MAX_COUNTERS):
            due, asks = asks, []
            if not await self._attempt(due, news[start : start + _MAX_COUNTERS]):
                break

    async def _attempt(self, asks: list[_Ask], news: list[Leased]) -> bool:
        """One trip; whether it came back."""
        gone = [ask for ask in asks if ask.future.cancelled()]
        live = [ask for ask in asks if not ask.future.cancelled()]
        self._refuse_all(gone)
        if asks and not live and not news:
            return True
        if self._now_ns() < self._down_until_ns:
            self._refuse_all(live)
            return False
        try:
            await self._trip(live, news, gives_up=False)
        except Exception:  # noqa: BLE001 - the edge: whatever fails denies, and the next trip may go well
            self._is_down = True
            self._down_until_ns = self._now_ns() + round(_PAUSE_S * 1e9)
            self._refuse_all(live)
            return False
        except BaseException:
            self._refuse_all(live)
            raise
        self._is_down = False
        return True

    def _refuse_all(self, asks: list[_Ask]) -> None:
        for ask in asks:
            self._over(ask, Refused(measure=None, retry_after_s=_PAUSE_S))

    def _over(self, ask: _Ask, outcome: Reservation | Refused) -> None:
        """Tell a request; what it no longer waits for is given back."""
        if isinstance(outcome, Refused):
            Reservation(ask.held).cancel()
        ask.held = []
        for leased, _, _ in ask.wanted:
            leased.pins -= 1
        ask.wanted = []
        if not ask.future.done():
            ask.future.set_result(outcome)
        elif isinstance(outcome, Reservation):
            outcome.cancel()

    async def _trip(self, asks: list[_Ask], news: list[Leased], *, gives_up: bool) -> None:
        sent_ns = self._now_ns()
        places: dict[Leased, int] = {}
        told: list[LeaseCounter] = []
        asked = dict.fromkeys(leased for ask in asks for leased, _, _ in ask.wanted)
        keys = set()
        for leased in (*asked, *news):
            # One that was forgotten and is back may stand beside the new one of its name: it waits for the next beat.
            if leased.key in keys:
                continue
            keys.add(leased.key)
            places[leased] = len(told)
            told.append(leased.told(now_ns=sent_ns, gives_up=gives_up or leased in asked))
        self._number += 1
        trip = LeaseTrip(
            worker=self._worker,
            number=self._number,
            share=round(self._shared.share_percent * 10),
            counters=tuple(told),
            asks=tuple(tuple((places[leased], amount) for leased, amount, _ in ask.wanted) for ask in asks),
        )
        async with asyncio.timeout(self._shared.timeout_s):
            answer = await self._store.trip(trip)
        self._take_in(asks, list(places), answer, sent_ns)

    def _take_in(self, asks: list[_Ask], touched: list[Leased], answer: LeaseAnswer, sent_ns: int) -> None:
        direct = dict.fromkeys(touched, 0)
        for ask, verdict in zip(asks, answer.verdicts, strict=True):
            if verdict.short < 0:
                for leased, amount, _ in ask.wanted:
                    direct[leased] += amount
        slots = {
            leased: leased.granted(grant, direct=direct[leased], sent_ns=sent_ns)
            for leased, grant in zip(touched, answer.grants, strict=True)
        }
        now_ns = self._now_ns()
        for ask, verdict in zip(asks, answer.verdicts, strict=True):
            if verdict.short < 0:
                granted = [(each, amount, slots[each], measure) for each, amount, measure in ask.wanted]
                self._over(ask, Reservation([*ask.held, *granted]))
                continue
            leased = touched[verdict.short]
            amount = next(amount for each, amount, _ in ask.wanted if each is leased)
            leased.refuse(amount, wait_ms=verdict.wait_ms, now_ns=now_ns)
            wait_s = NEVER if verdict.wait_ms < 0 else verdict.wait_ms / 1000
            self._over(ask, Refused(measure=leased.rule.measure, retry_after_s=wait_s))
        for leased in touched:
            if leased.has_news:
                self._news[leased] = None

    def _changed(self, leased: Leased, is_waited_for: bool) -> None:  # noqa: FBT001 - a callback
        self._news[leased] = None
        if is_waited_for:
            self._urgent[leased] = None
            self._wake.set()

    def _new(self, number: int, name: str) -> Leased | None:
        """A counter for a name that has none; None when there is no room."""
        table, rule = self._tables[number], self._rules[number]
        looks = _LOOKED_AT_WHEN_FULL if len(table) >= self._room else _LOOKED_AT_ALWAYS
        for _ in range(min(looks, len(table))):
            first = next(iter(table))
            if table[first].is_idle and table[first].asked_by != self._asking:
                del table[first]
            else:
                table.move_to_end(first)
        if len(table) >= self._room:
            return None
        table[name] = leased = self._leased(rule, name)
        return leased

    def _leased(self, rule: LimitRule, name: str) -> Leased:
        key = _key(self._shared.name, rule, name)
        life_ms = life_ms_of(rule, self._shared.lease_s)
        if rule.measure is Measure.PLACES:
            return LeasedPlaces(key, rule, life_ms=life_ms, changed=self._changed)
        grace_ms = round(self._shared.timeout_s * 1000) + 1
        return LeasedWindow(key, rule, life_ms=life_ms, grace_ms=grace_ms, changed=self._changed)


def _key(gateway: str, rule: LimitRule, name: str) -> str:
    """Name of a counter in the store: all of a gateway in one slot of a cluster, so that a trip can touch them together."""
    words = ":".join(map(str, (*identity(rule), name)))
    if len(words) > _LONGEST_KEY:
        words = "sha256:" + hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
    return f"keelmark:{{{gateway}}}:{words}"

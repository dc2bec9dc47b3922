"""A store of shared counters in memory, written from the words of `core/leases` and not from the script: tests compare the two."""

from __future__ import annotations

from dataclasses import dataclass, field

from keelmark.core.leases import LeaseAnswer, LeaseCounter, LeaseGrant, LeaseTrip, LeaseVerdict
from keelmark.errors import StoreError


@dataclass
class LeaseSimulator:
    """Counts by a clock that the test turns, and fails when it is told to."""

    now_ms: int = 10**12
    windows: dict[str, dict[int, int]] = field(default_factory=dict)
    places: dict[str, dict[str, tuple[int, int, int]]] = field(default_factory=dict)
    trips: list[LeaseTrip] = field(default_factory=list)
    fails_before: bool = False
    fails_after: bool = False
    is_closed: bool = False

    async def trip(self, trip: LeaseTrip) -> LeaseAnswer:
        if self.fails_before:
            raise StoreError("away")
        answer = self.do(trip)
        if self.fails_after:
            raise StoreError("away")
        return answer

    async def close(self) -> None:
        self.is_closed = True

    def do(self, trip: LeaseTrip) -> LeaseAnswer:
        self.trips.append(trip)
        for each in trip.counters:
            if each.is_places and self.places.get(each.key, {}).get(trip.worker, (0, 0, 0))[2] > trip.number:
                raise StoreError("a later trip was done")
        used = [self._opened(trip.worker, each) for each in trip.counters]
        taken = [0] * len(used)
        verdicts = [self._verdict(trip, ask, used, taken) for ask in trip.asks]
        grants = []
        for at, each in enumerate(trip.counters):
            extra = 0
            if taken[at]:
                extra = max(0, (each.amount - used[at] - taken[at]) * trip.share // 1000)
            if each.is_places:
                mine = each.holds + taken[at] + extra
                self.places.setdefault(each.key, {})[trip.worker] = (
                    mine,
                    self.now_ms + each.life_ms,
                    trip.number,
                )
                if not mine:
                    del self.places[each.key][trip.worker]
            elif extra:
                self._take(each, extra)
            slot = 0 if each.is_places else self.now_ms // each.width_ms
            grants.append(LeaseGrant(slot=slot, extra=extra, used=used[at] + taken[at] + extra))
        return LeaseAnswer(verdicts=tuple(verdicts), grants=tuple(grants))

    def _verdict(self, trip: LeaseTrip, ask, used: list[int], taken: list[int]) -> LeaseVerdict:
        waits = [
            (-1 if amount > trip.counters[at].amount else self._wait(trip.counters[at], excess), at)
            for at, amount in ask
            if (excess := used[at] + taken[at] + amount - trip.counters[at].amount) > 0
        ]
        if not waits:
            for at, amount in ask:
                taken[at] += amount
                if not trip.counters[at].is_places:
                    self._take(trip.counters[at], amount)
            return LeaseVerdict()
        never = [at for wait, at in waits if wait < 0]
        longest = max(wait for wait, _ in waits)
        short = never[0] if never else next(at for wait, at in waits if wait == longest)
        return LeaseVerdict(short=short, wait_ms=-1 if never else longest)

    def _opened(self, worker: str, counter: LeaseCounter) -> int:
        if counter.is_places:
            others = self.places.get(counter.key, {})
            return counter.holds + sum(
                count for name, (count, ends, _) in others.items() if name != worker and ends > self.now_ms
            )
        oldest = self.now_ms // counter.width_ms - counter.slots
        slots = {slot: amount for slot, amount in self.windows.get(counter.key, {}).items() if slot > oldest}
        for slot, amount in counter.gives:
            if slot in slots:
                slots[slot] = max(0, slots[slot] - amount)
        self.windows[counter.key] = slots
        return sum(slots.values())

    def _take(self, counter: LeaseCounter, amount: int) -> None:
        slots, slot = self.windows[counter.key], self.now_ms // counter.width_ms
        slots[slot] = slots.get(slot, 0) + amount

    def _wait(self, counter: LeaseCounter, excess: int) -> int:
        if counter.is_places:
            return 0
        for slot, amount in sorted(self.windows[counter.key].items()):
            excess -= amount
            if excess <= 0:
                return (slot + counter.slots) * counter.width_ms - self.now_ms
        return 0

"""One shared counter as a worker sees it: what it leased, what of that is free, what it owes the store.

For windows, a lease is an amount that the store counts as used in one slot; what is not used until the lease ends is given
back in that slot. For places, the worker tells the store all that it has; what it does not tell is free for others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.leases import LeaseCounter
from keelmark.deployment.protection.counters import SLOTS
from keelmark.deployment.protection.limit_settings import MAX_AMOUNT, Measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.leases import LeaseGrant
    from keelmark.deployment.protection.limit_settings import LimitRule

__all__ = ["Leased", "LeasedPlaces", "LeasedWindow", "life_ms_of"]

_MAX_GIVES = 256
_SHORTEST_LIFE_MS = 50
_LONGEST_REFUSAL_NS = 50_000_000


def life_ms_of(rule: LimitRule, lease_s: float) -> int:
    """How long a lease of a rule is used: at most a tenth of its window, so that the window is hardly longer than stated."""
    longest = round(lease_s * 1000)
    if rule.measure is Measure.PLACES:
        return longest
    return max(_SHORTEST_LIFE_MS, min(longest, rule.window_s * 100))


class _Shared:
    """What windows and places have in common.

    Args:
        key: Name in the store.
        rule: What it counts.
        life_ms: How long a lease is used.
        changed: Called with the counter when it has something to tell the store; with True when others wait for it.
    """

    __slots__ = (
        "_changed",
        "_refused",
        "_refused_until_ns",
        "asked_by",
        "is_scarce",
        "key",
        "life_ms",
        "pins",
        "retry_at_ns",
        "rule",
        "used",
    )

    def __init__(
        self, key: str, rule: LimitRule, *, life_ms: int, changed: Callable[[Leased, bool], None]
    ) -> None:
        self.key, self.rule, self.life_ms = key, rule, life_ms
        self._changed: Callable[[Leased, bool], None] = changed
        self.is_scarce = False
        self.pins = 0  # Requests that wait for it: it must not be forgotten meanwhile.
        self.asked_by = self.used = self.retry_at_ns = self._refused = self._refused_until_ns = 0

    def refuse(self, amount: int, *, wait_ms: int, now_ns: int) -> None:
        """Remember for a moment that there is no room, so that the store is not asked for each request again."""
        self.is_scarce = True
        wait_ns = max(0, wait_ms) * 1_000_000
        self.retry_at_ns = now_ns + wait_ns
        self._refused = amount
        self._refused_until_ns = now_ns + min(wait_ns or _LONGEST_REFUSAL_NS, _LONGEST_REFUSAL_NS)

    def is_refused(self, amount: int, now_ns: int) -> bool:
        """Whether so much was refused a moment ago."""
        return now_ns < self._refused_until_ns and amount >= self._refused


class LeasedWindow(_Shared):
    """What was leased of a window.

    Args:
        key: Name in the store.
        rule: What it counts.
        life_ms: How long a lease is used.
        grace_ms: How long after its grant an amount that was asked for may still be used.
        changed: Called when it has something to tell the store.
    """

    __slots__ = ("_until_ns", "gives", "slot", "slots", "spare", "width_ms")

    def __init__(
        self,
        key: str,
        rule: LimitRule,
        *,
        life_ms: int,
        grace_ms: int,
        changed: Callable[[Leased, bool], None],
    ) -> None:
        super().__init__(key, rule, life_ms=life_ms, changed=changed)
        self.width_ms = max(1, -(-rule.window_s * 1000 // (SLOTS - 1)))
        # What is granted now may be used until the lease ends: it has to count that much longer than the window is long.
        self.slots = SLOTS + -(-max(life_ms, grace_ms) // self.width_ms)
        self.gives: dict[int, int] = {}
        self.spare = self.slot = self._until_ns = 0

    def free(self, now_ns: int) -> int:
        """How much can be taken without asking."""
        return self.spare if now_ns < self._until_ns else 0

    def take(self, amount: int) -> int:
        """Take of what is free; the slot it counts in."""
        self.spare -= amount
        return self.slot

    def give(self, slot: int, amount: int) -> None:
        """Take back; less than zero where more was used than reserved."""
        if slot == self.slot and self.spare + amount >= 0 and self._until_ns:
            self.spare += amount
        elif amount:
            self._owe(slot, amount)
        if amount > 0:
            self._refused_until_ns = 0
        self._changed(self, self.is_scarce)

    def told(self, *, now_ns: int, gives_up: bool) -> LeaseCounter:
        """What the store is told; nothing of it is told again.

        Args:
            now_ns: Now.
            gives_up: Whether what is free is given back as well.
        """
        if self.spare and (gives_up or self.is_scarce or now_ns >= self._until_ns):
            self._owe(self.slot, self.spare)
            self.spare = 0
        gives, self.gives = self.gives, {}
        return LeaseCounter(
            key=self.key,
            is_places=False,
            amount=self.rule.amount,
            width_ms=self.width_ms,
            slots=self.slots,
            gives=tuple(gives.items()),
        )

    def granted(self, grant: LeaseGrant, *, direct: int, sent_ns: int) -> int:
        """Take in what the store granted; the slot in which what was asked for counts."""
        self.used = grant.used
        if direct:
            self.is_scarce = not grant.extra
        if grant.extra:
            if self.spare:
                self._owe(self.slot, self.spare)
            self.slot, self.spare = grant.slot, grant.extra
            self._until_ns = sent_ns + self.life_ms * 1_000_000
        return grant.slot

    @property
    def has_news(self) -> bool:
        """Whether the store should hear of it at the next beat."""
        return bool(self.gives or self.spare)

    @property
    def is_idle(self) -> bool:
        """Whether it can be forgotten."""
        return not (self.gives or self.spare or self.pins)

    def _owe(self, slot: int, amount: int) -> None:
        if len(self.gives) >= _MAX_GIVES and slot not in self.gives:
            self.gives.pop(next(iter(self.gives)))  # Then it stays counted, until the window passes.
        self.gives[slot] = max(-MAX_AMOUNT, self.gives.get(slot, 0) + amount)


class LeasedPlaces(_Shared):
    """Places that this worker has; the store knows of them all.

    Args:
        key: Name in the store.
        rule: What it counts.
        life_ms: How long the store keeps them for this worker unless it hears of them again.
        changed: Called when it has something to tell the store.
    """

    __slots__ = ("_until_ns", "_was_taken", "busy", "total")

    def __init__(
        self, key: str, rule: LimitRule, *, life_ms: int, changed: Callable[[Leased, bool], None]
    ) -> None:
        super().__init__(key, rule, life_ms=life_ms, changed=changed)
        self.busy = self.total = self._until_ns = 0
        self._was_taken = False

    def free(self, now_ns: int) -> int:
        """How many can be taken without asking; none once the store may have given them to others."""
        return self.total - self.busy if now_ns < self._until_ns else 0

    def take(self, amount: int) -> int:
        """Take free places."""
        self.busy += amount
        self._was_taken = True
        return 0

    def give(self, slot: int, amount: int) -> None:
        """Free places."""
        del slot
        self.busy -= amount
        self._refused_until_ns = 0
        self._changed(self, self.is_scarce)

    def told(self, *, now_ns: int, gives_up: bool) -> LeaseCounter:
        """What the store is told: all places that are kept, which are no more than those taken when nobody needs the rest."""
        if gives_up or self.is_scarce or not self._was_taken or now_ns >= self._until_ns:
            self.total = self.busy
        self._was_taken = False
        return LeaseCounter(
            key=self.key,
            is_places=True,
            amount=self.rule.amount,
            life_ms=self.life_ms,
            holds=self.total,
        )

    def granted(self, grant: LeaseGrant, *, direct: int, sent_ns: int) -> int:
        """Take in what the store granted; `direct` of it is in use at once."""
        self.used = grant.used
        if direct:
            self.is_scarce = not grant.extra
        self.total += direct + grant.extra
        self.busy += direct
        self._was_taken = self._was_taken or direct > 0
        self._until_ns = sent_ns + self.life_ms * 1_000_000
        return 0

    @property
    def has_news(self) -> bool:
        """Whether the store should hear of it at the next beat: it forgets places it does not hear of."""
        return bool(self.total or self.busy)

    @property
    def is_idle(self) -> bool:
        """Whether it can be forgotten."""
        return not (self.total or self.busy or self.pins)


Leased = LeasedWindow | LeasedPlaces

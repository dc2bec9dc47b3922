"""Counters of one process: what was admitted in a window, and what is under way.

Time goes in slots, sixty to a window. What was admitted in a slot counts until the whole slot is older than the window, so
that the window is never shorter than stated, and at most a sixtieth longer. There is no edge at which two budgets meet.
"""

from __future__ import annotations

__all__ = ["SLOTS", "Counter", "Places", "Window"]

SLOTS = 60
"""Slots that count, the one of now included."""


class Window:
    """What was admitted in the last window, slot by slot; slots in which nothing happened take no room."""

    __slots__ = ("asked_by", "at", "slots", "used", "width_ns")

    def __init__(self, window_s: int) -> None:
        self.width_ns = max(1, -(-window_s * 1_000_000_000 // (SLOTS - 1)))
        self.slots: dict[int, int] = {}
        self.used = self.at = self.asked_by = 0

    def forward(self, now_ns: int) -> int:
        """Go on to the slot of now, which is given back; what is older than the window counts no more."""
        now = now_ns // self.width_ns
        if now > self.at:
            self.at = now
            slots, oldest = self.slots, now - SLOTS + 1
            # INVARIANT: slots stand in the order of time, since each is begun when it is the one of now.
            while slots and (first := next(iter(slots))) < oldest:
                self.used -= slots.pop(first)
        return self.at

    def take(self, amount: int) -> None:
        """Count an amount now."""
        self.slots[self.at] = self.slots.get(self.at, 0) + amount
        self.used += amount

    def give(self, slot: int, amount: int) -> None:
        """Count less of what was taken in a slot, as far as that still counts."""
        if slot in self.slots:
            self.slots[slot] -= amount
            self.used -= amount

    def wait_ns(self, excess: int, now_ns: int) -> int:
        """How long until so much no longer counts."""
        for slot, amount in self.slots.items():
            excess -= amount
            if excess <= 0:
                return (slot + SLOTS) * self.width_ns - now_ns
        return 0

    @property
    def is_idle(self) -> bool:
        """Whether it can be forgotten."""
        return not self.used


class Places:
    """What is under way now."""

    __slots__ = ("asked_by", "used")

    def __init__(self) -> None:
        self.used = self.asked_by = 0

    def forward(self, now_ns: int) -> int:
        """Places know no time."""
        del now_ns
        return 0

    def take(self, amount: int) -> None:
        """Take places."""
        self.used += amount

    def give(self, slot: int, amount: int) -> None:
        """Free places."""
        del slot
        self.used -= amount

    def wait_ns(self, excess: int, now_ns: int) -> int:
        """Nobody knows when a place gets free."""
        del excess, now_ns
        return 0

    @property
    def is_idle(self) -> bool:
        """Whether it can be forgotten."""
        return not self.used


Counter = Window | Places

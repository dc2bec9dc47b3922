"""Words of limits that several processes share: what a worker asks of the store of counters, and what that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["LeaseAnswer", "LeaseCounter", "LeaseGrant", "LeaseTrip", "LeaseVerdict", "LimitStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCounter:
    """One counter that a trip touches.

    Attributes:
        key: Its name in the store.
        is_places: Whether it counts what is under way, and not what was admitted in a window.
        amount: Most of it.
        width_ms: How long a slot of the window is.
        slots: How many slots count.
        life_ms: How long places stay leased unless the worker says so again.
        gives: Slots with what is given back of each; less than zero where more was used than reserved.
        holds: Places that the worker has, all of them; those it had before and are not among them are free.
    """

    key: str
    is_places: bool
    amount: int
    width_ms: int = 1
    slots: int = 1
    life_ms: int = 0
    gives: tuple[tuple[int, int], ...] = ()
    holds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTrip:
    """All that a worker has to say at once; it happens as a whole.

    Attributes:
        worker: Who asks: random, new with each start.
        number: Of the trip; grows. The store refuses one that is older than the last it saw of the worker.
        share: Thousandths of what is left that are leased beyond what is asked for.
        counters: What is touched.
        asks: Each a number of pairs of counter (by place in `counters`) and amount: all of it is granted or nothing.
    """

    worker: str
    number: int
    share: int
    counters: tuple[LeaseCounter, ...]
    asks: tuple[tuple[tuple[int, int], ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseVerdict:
    """What became of one ask.

    Attributes:
        short: Place in `counters` of the one that has no room; -1 when it was granted.
        wait_ms: When there may be room; 0 when nobody knows, -1 for never.
    """

    short: int = -1
    wait_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseGrant:
    """How one counter stands after the trip.

    Attributes:
        slot: In which everything was granted.
        extra: Leased beyond what was asked for.
        used: Of all workers together.
    """

    slot: int = 0
    extra: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAnswer:
    """What the store says: one verdict for each ask, one grant for each counter."""

    verdicts: tuple[LeaseVerdict, ...]
    grants: tuple[LeaseGrant, ...]


class LimitStore(Protocol):
    """Counts for several workers."""

    async def trip(self, trip: LeaseTrip) -> LeaseAnswer:
        """Do all of a trip at one moment, by the clock of the store, at most once.

        Raises:
            StoreError: It cannot be told whether it was done.
        """
        ...

    async def close(self) -> None:
        """Release the connection."""
        ...

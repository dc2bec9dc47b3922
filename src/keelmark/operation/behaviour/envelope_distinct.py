"""How many different callers there were in the last days, in bounded memory.

1. Up to a bound they are counted exactly: a digest of 64 bits of each, with the last day on which it called.
2. Beyond it, by a HyperLogLog for each day (Flajolet et al., 2007). What it estimates is off by 0.8 % as a rule; three times
   that is added, so that the measure is hardly ever too small.
3. No name is kept, and none can be told from what is written down without trying names.
"""

from __future__ import annotations

import base64
import hashlib
import math

import msgspec

__all__ = ["Distinct", "DistinctState", "digest_of"]

_BITS = 14
_REGISTERS = 1 << _BITS
_REST = 64 - _BITS
_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)
_MARGIN = 1 + 3 * 1.04 / math.sqrt(_REGISTERS)
_ONE = 1 << (_REST + 1)


class DistinctState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is written down.

    Attributes:
        seen: Digest, and the day on which it was last seen.
        sketches: Day, and its registers in base64; none while `seen` is used.
    """

    seen: tuple[tuple[int, int], ...] = ()
    sketches: tuple[tuple[int, str], ...] = ()


class Distinct:
    """Counts different names over the last days.

    Args:
        days: How many, the one of today included.
        max_exact: Names up to which it is exact.
    """

    __slots__ = (
        "_counted", "_days", "_max", "_merged", "_met", "_seen", "_sketches", "_sum", "_today", "_zeros",
    )  # fmt: skip

    def __init__(self, *, days: int = 30, max_exact: int = 20_000) -> None:
        self._days, self._max = days, max_exact
        self._today = 0
        self._seen: dict[int, int] = {}
        self._sketches: dict[int, bytearray] = {}
        self._met: set[str] = set()  # Names of today that were added: those who call often cost no digest.
        self._counted = 0
        self._merge()

    @property
    def is_exact(self) -> bool:
        """Whether it still counts one by one."""
        return not self._sketches

    def turn(self, day: int) -> None:
        """Go on to a day; what is older than all days counts no more."""
        if day == self._today:
            return
        self._today, oldest = day, day - self._days + 1
        self._seen = {digest: last for digest, last in self._seen.items() if oldest <= last <= day}
        self._sketches = {each: found for each, found in self._sketches.items() if oldest <= each <= day}
        self._met.clear()
        self._merge()

    def count(self) -> int:
        """How many there were."""
        return self._counted

    def with_one(self, name: str) -> int:
        """How many there would be with one of this name."""
        if name in self._met:
            return self._counted
        digest = digest_of(name)
        if self.is_exact:
            return self._counted + (digest not in self._seen)
        index, rank = _place(digest)
        before = self._merged[index]
        if rank <= before:
            return self._counted
        return self._estimate(self._sum - (_ONE >> before) + (_ONE >> rank), self._zeros - (before == 0))

    def add(self, name: str) -> int | None:
        """Count one of this name, today; its digest where that was new today, else None."""
        if name in self._met:
            return None
        if len(self._met) >= self._max:
            self._met.clear()
        self._met.add(name)
        digest = digest_of(name)
        return digest if self.add_digest(digest) else None

    def add_digest(self, digest: int) -> bool:
        """Count one with this digest, today; whether that was new today, as far as it is remembered."""
        if self.is_exact:
            is_new = self._seen.get(digest) != self._today
            self._seen[digest] = self._today
            self._counted = len(self._seen)
            if self._counted > self._max:
                for each, day in self._seen.items():
                    self._sketch(each, day)
                self._seen = {}
                self._merge()
            return is_new
        index, rank = _place(digest)
        is_new = self._sketch(digest, self._today)
        if rank > (before := self._merged[index]):
            self._merged[index] = rank
            self._sum += (_ONE >> rank) - (_ONE >> before)
            self._zeros -= before == 0
            self._counted = self._estimate(self._sum, self._zeros)
        return is_new

    def state(self) -> DistinctState:
        """What is written down."""
        return DistinctState(
            tuple(self._seen.items()),
            tuple((day, base64.b64encode(found).decode("ascii")) for day, found in self._sketches.items()),
        )

    def restore(self, state: DistinctState, *, day: int) -> bool:
        """Go on from what was written down, on a day; False, with nothing changed, when it does not fit together.

        Args:
            state: What `state` gave.
            day: Today.
        """
        try:
            sketches = {
                each: bytearray(base64.b64decode(text, validate=True)) for each, text in state.sketches
            }
        except ValueError:
            return False
        seen = dict(state.seen)
        largest = _REST + 1
        if any(len(found) != _REGISTERS or max(found) > largest for found in sketches.values()):
            return False
        if len(seen) > self._max or (seen and sketches) or not all(0 <= each < 1 << 64 for each in seen):
            return False
        self._seen, self._sketches, self._today = seen, sketches, -1
        self.turn(day)
        return True

    def _sketch(self, digest: int, day: int) -> bool:
        found = self._sketches.get(day)
        if found is None:
            found = self._sketches[day] = bytearray(_REGISTERS)
        index, rank = _place(digest)
        is_new = rank > found[index]
        found[index] = max(found[index], rank)
        return is_new

    def _merge(self) -> None:
        """The registers of all days together, with their sum: estimates then cost the same however many there are."""
        merged = bytearray(_REGISTERS)
        for found in self._sketches.values():
            merged = bytearray(map(max, merged, found))
        self._merged = merged
        self._zeros = merged.count(0)
        self._sum = sum(_ONE >> rank for rank in merged) if self._sketches else _ONE * _REGISTERS
        self._counted = len(self._seen) if self.is_exact else self._estimate(self._sum, self._zeros)

    @staticmethod
    def _estimate(total: int, zeros: int) -> int:
        estimate = _ALPHA * _REGISTERS * _REGISTERS * _ONE / total
        if zeros and estimate <= 2.5 * _REGISTERS:
            estimate = _REGISTERS * math.log(_REGISTERS / zeros)
        return math.ceil(estimate * _MARGIN)


def digest_of(name: str) -> int:
    """64 bits that stand for a name."""
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _place(digest: int) -> tuple[int, int]:
    """Register, and rank: zeros before the first one in the rest, and one more."""
    rest = digest & ((1 << _REST) - 1)
    return digest >> _REST, _REST - rest.bit_length() + 1

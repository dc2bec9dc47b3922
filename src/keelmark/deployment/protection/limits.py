"""Limits of requests, tokens, money and places: reserved before, settled after.

The laws, each with a test:

1. In no span of time as long as the window of a rule is more admitted than its amount, whatever is reserved, settled or
   cancelled in which order.
2. All that one request takes is reserved together, or nothing of it.
3. What was reserved is given back or settled once. What nobody counted settles as reserved.
4. How much is remembered is bounded, and so is what a request costs. Where a rule has no room for another counter, the
   request is refused; names under one rule never take the room of another.
5. What was counted stays when amounts change.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from keelmark.deployment.protection.counters import Counter, Places, Window
from keelmark.deployment.protection.limit_settings import (
    EVERY,
    LimitRule,
    LimitSettings,
    Measure,
    Subject,
    identity,
    strictest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "MEASURES",
    "NEVER",
    "SUBJECTS",
    "Amounts",
    "Giving",
    "KeptLimits",
    "LimitRule",
    "LimitSettings",
    "Limits",
    "Measure",
    "Names",
    "Refused",
    "Reservation",
    "Row",
    "Subject",
    "later",
    "rows_of",
]

SUBJECTS: Final = (Subject.KEY, Subject.TEAM, Subject.MODEL, Subject.TOOL, Subject.ALL)
"""The order of names."""
MEASURES: Final = (Measure.REQUESTS, Measure.TOKENS, Measure.MONEY, Measure.PLACES)
"""The order of amounts."""
Names = tuple[tuple[str, ...], ...]
"""Names that a request is counted under: for each of `SUBJECTS` its own."""
Amounts = tuple[int, int, int, int]
"""How much a request takes at most, for each of `MEASURES`."""
Row = tuple[int, int, int, str, int]
"""A rule as it is looked at for each request: number, place of subject and of measure, "" for every name, amount."""

NEVER = -1.0
"""It never fits, however long one waits."""
_TOKENS, _MONEY, _PLACES = MEASURES.index(Measure.TOKENS), MEASURES.index(Measure.MONEY), 3
_LOOKED_AT_ALWAYS, _LOOKED_AT_WHEN_FULL = 2, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a request has to wait.

    Attributes:
        measure: What there is no room for; None when it could not be counted at all.
        retry_after_s: When there may be room; 0 when that is not known, `NEVER` when there never will be.
    """

    measure: Measure | None
    retry_after_s: float = 0.0


class Giving(Protocol):
    """A counter that takes back what was taken of it."""

    def give(self, slot: int, amount: int) -> None:
        """Count less of what was taken in a slot."""
        ...


class Reservation:
    """What one request holds.

    Args:
        held: Counters, what was taken of each and in which slot, and the place of what it measures.
    """

    __slots__ = ("_held",)

    def __init__(self, held: Sequence[tuple[Giving, int, int, int]]) -> None:
        self._held: Sequence[tuple[Giving, int, int, int]] = held

    def settle(self, *, tokens: int | None = None, money: int | None = None) -> None:
        """Count what was really used, once; places are freed. None stays as it was reserved.

        Args:
            tokens: Going in and coming out. More than was reserved counts as well: it happened.
            money: Likewise.
        """
        held, self._held = self._held, ()
        for counter, amount, slot, measure in held:
            if measure == _PLACES:
                counter.give(slot, amount)
            elif measure == _TOKENS:
                if tokens is not None:
                    counter.give(slot, amount - tokens)
            elif measure == _MONEY and money is not None:
                counter.give(slot, amount - money)

    def cancel(self) -> None:
        """Give everything back, once, last first."""
        held, self._held = self._held, ()
        for counter, amount, slot, _ in reversed(held):
            counter.give(slot, amount)


def rows_of(rules: Sequence[LimitRule]) -> tuple[Row, ...]:
    """Rules as they are looked at for each request."""
    return tuple(
        (
            number,
            SUBJECTS.index(rule.subject),
            MEASURES.index(rule.measure),
            "" if rule.name == EVERY else rule.name,
            rule.amount,
        )
        for number, rule in enumerate(rules)
    )


def later(one: Refused | None, other: Refused) -> Refused:
    """Of two refusals the one that lasts longer."""
    if one is None or other.retry_after_s == NEVER:
        return other
    return one if one.retry_after_s in {NEVER, max(one.retry_after_s, other.retry_after_s)} else other


class Limits:
    """All counters of this process. Called by one thread.

    Args:
        settings: The rules.
        now_ns: Nanoseconds that never go back.
        earlier: Counters that were in use before; those that count the same go on.
    """

    __slots__ = ("_asking", "_now_ns", "_room", "_rows", "_rules", "_tables")

    def __init__(
        self, settings: LimitSettings, *, now_ns: Callable[[], int], earlier: Limits | None = None
    ) -> None:
        self._rules = strictest(settings.rules)
        self._rows = rows_of(self._rules)
        self._room = settings.max_counters // max(1, len(self._rules))
        self._now_ns, self._asking = now_ns, 0
        known = {} if earlier is None else earlier._tables_by_identity()  # noqa: SLF001 - of the same class
        self._tables: list[OrderedDict[str, Counter]] = [
            known.get(identity(rule), OrderedDict()) for rule in self._rules
        ]

    def reserve(self, names: Names, amounts: Amounts) -> Reservation | Refused:
        """Reserve all that a request wants, or say what there is no room for."""
        now_ns = self._now_ns()
        self._asking = asking = self._asking + 1
        held: list[tuple[Counter, int, int, int]] = []
        longest: Refused | None = None
        for number, subject, measure, only, most in self._rows:
            amount = amounts[measure]
            if amount <= 0:
                continue
            for name in names[subject]:
                if only and only != name:
                    continue
                counter = self._tables[number].get(name) or self._new(number, name, now_ns)
                if counter is None:
                    return Refused(measure=None)
                counter.asked_by = asking
                slot = counter.forward(now_ns)
                if counter.used + amount > most:
                    longest = later(longest, self._refused(counter, amount, number, now_ns))
                held.append((counter, amount, slot, measure))
        if longest is not None:
            return longest
        # INVARIANT: nothing was taken so far, and nothing is awaited here, so that all of it is taken or nothing.
        for counter, amount, _, _ in held:
            counter.take(amount)
        return Reservation(held)

    def used(self) -> Iterator[tuple[LimitRule, str, int]]:
        """What is used of each limit now: rule, name and amount."""
        now_ns = self._now_ns()
        for rule, table in zip(self._rules, self._tables, strict=True):
            for name, counter in table.items():
                counter.forward(now_ns)
                yield rule, name, counter.used

    def _refused(self, counter: Counter, amount: int, number: int, now_ns: int) -> Refused:
        rule = self._rules[number]
        if amount > rule.amount:
            return Refused(measure=rule.measure, retry_after_s=NEVER)
        wait_ns = counter.wait_ns(counter.used + amount - rule.amount, now_ns)
        return Refused(measure=rule.measure, retry_after_s=wait_ns / 1e9)

    def _new(self, number: int, name: str, now_ns: int) -> Counter | None:
        """A counter for a name that has none; None when there is no room."""
        table, rule = self._tables[number], self._rules[number]
        self._forget(table, now_ns)
        if len(table) >= self._room:
            return None
        table[name] = counter = Places() if rule.measure is Measure.PLACES else Window(rule.window_s)
        return counter

    def _forget(self, table: OrderedDict[str, Counter], now_ns: int) -> None:
        """Look at the few counters that were looked at longest ago, and forget those in which nothing counts."""
        looks = _LOOKED_AT_WHEN_FULL if len(table) >= self._room else _LOOKED_AT_ALWAYS
        for _ in range(min(looks, len(table))):
            name = next(iter(table))
            counter = table[name]
            counter.forward(now_ns)
            # One that this very request is about to take from must stay.
            if counter.is_idle and counter.asked_by != self._asking:
                del table[name]
            else:
                table.move_to_end(name)

    def _tables_by_identity(self) -> dict[tuple[str, str, str, int], OrderedDict[str, Counter]]:
        return {identity(rule): table for rule, table in zip(self._rules, self._tables, strict=True)}


class KeptLimits:
    """Keeps what was counted when settings are read again: what counts the same goes on where it was.

    Args:
        now_ns: Nanoseconds that never go back.
    """

    def __init__(self, *, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self.current = Limits(LimitSettings(rules=()), now_ns=now_ns)

    def of(self, settings: LimitSettings) -> Limits:
        """Counters for these rules; those that count the same go on."""
        self.current = Limits(settings, now_ns=self._now_ns, earlier=self.current)
        return self.current

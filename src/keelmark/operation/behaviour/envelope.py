"""Everything that is measured against the growth envelope of a release, as far as a gateway can measure it.

The rules, each with a test:

1. Numbers of limits are read strictly; one that cannot be read lets nothing through.
2. People are those who called in the last thirty days, and of one name for each way of proving it.
3. Money is what requests of the day can cost at most, and what they did cost once they are over. A model without a price
   leaves money unmeasured, and that is told.
4. Steps without a person are results of tools since a person last said something; over MCP, where no texts tell, calls of
   tools in a row in the conversation that the caller names in a header. A caller that names a new one for each call is
   not seen through.
5. What is remembered is bounded.
6. What was measured outlives a restart; what cannot be read changes nothing.
7. A dimension that a release limits and that is not measured here is named.
8. What several workers count is added up for each request. What they let through in the very same moment can be beyond a line by
   that much: by one request of each other worker, and what it costs.
"""

from __future__ import annotations

from collections import OrderedDict
from decimal import ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import re2

from keelmark.core.call import Action, Provenance
from keelmark.operation.behaviour.envelope_distinct import Distinct, DistinctState, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keelmark.core.call import Call
    from keelmark.core.release import EnvelopeLimit, GrowthLimits

__all__ = [
    "NUMBERED",
    "EnvelopeLine",
    "Measures",
    "Shared",
    "envelope_lines",
    "is_internal",
    "not_measured",
    "steps_of",
]

NUMBERED: Final = ("users", "requests_per_day", "tools", "autonomy", "spend_per_day")
"""Dimensions that are measured as numbers."""

_SPEND, _EXPOSURE, _INTERNAL = "spend_per_day", "exposure", "internal"
_DAY_S, _MINUTE_S = 86_400, 60
_MILLION = 1_000_000
_NUMBER = re2.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,3})?")
_EXACT = Context(prec=80)  # Of every number that the pattern takes.
_MAX_CONVERSATIONS, _MAX_NAMED = 10_000, 1_000
_MAX_TOOLS = 10_000
_SNAPSHOT_S = 5.0


class EnvelopeLine(msgspec.Struct, frozen=True):
    """One limit of the envelope.

    Attributes:
        dimension: One of `NUMBERED`.
        place: Of the dimension in `NUMBERED`.
        most: Largest whole measure inside; millionths where it is money.
        limit: As the release states it.
        reason: What becomes possible beyond it.
    """

    dimension: str
    place: int
    most: int
    limit: str
    reason: str


def envelope_lines(limits: GrowthLimits) -> tuple[EnvelopeLine, ...]:
    """The limit of each measured dimension: what the owner declared, else what the threat analysis found."""
    found: dict[str, EnvelopeLine] = {}
    for each in (*limits.declared, *limits.computed):
        name = each.dimension
        if each.limit and name in NUMBERED and name not in found:
            value = _EXACT.multiply(_number(each), Decimal(_MILLION if name == _SPEND else 1))
            most = int(value.to_integral_value(ROUND_FLOOR))
            found[name] = EnvelopeLine(name, NUMBERED.index(name), most, each.limit, each.reason)
    return tuple(found.values())


def is_internal(limits: GrowthLimits) -> bool:
    """Whether the release holds only for callers from inside: as declared, else as the threat analysis found."""
    if limits.exposure:
        return limits.exposure == _INTERNAL
    return any(each.dimension == _EXPOSURE and each.limit and _number(each) < 1 for each in limits.computed)


def not_measured(limits: GrowthLimits, *, unpriced: Iterable[str] = ()) -> tuple[str, ...]:
    """Dimensions that the release limits and that nothing here measures, with why where that is not plain.

    Args:
        limits: Of the release.
        unpriced: Models without a price.
    """
    stated = dict.fromkeys(each.dimension for each in (*limits.declared, *limits.computed) if each.limit)
    found = [
        name for name in stated if name not in NUMBERED and not (name == _EXPOSURE and is_internal(limits))
    ]
    if limits.exposure == "partners":
        found.append("exposure (who is a partner is not known)")
    missing = sorted(unpriced)
    if _SPEND in stated and missing:
        found.append(f"{_SPEND} (no price: {', '.join(missing)})")
    return tuple(dict.fromkeys(found))


def steps_of(call: Call) -> int:
    """How many steps were taken since a person last said something: results of tools in a row."""
    steps = 0
    for span in call.spans:
        if span.provenance is Provenance.USER:
            steps = 0
        elif span.provenance is Provenance.TOOL:
            steps += 1
    return steps


class Shared(Protocol):
    """What other workers count, and a place to tell them."""

    def turn(self, day: int) -> tuple[int, int, int]:
        """Go on to a day; requests, money and callers from outside that were counted here before, on that day."""
        ...

    def others(self) -> tuple[int, int]:
        """Requests and money of all others today."""
        ...

    def outside(self) -> int:
        """Callers from outside that all others met today."""
        ...

    def publish(self, requests: int, spent: int, outside: int) -> None:
        """What was counted here today."""
        ...

    def tell(self, kind: int, digest: int) -> None:
        """Tell the others of a name."""
        ...

    def heard(self) -> Iterable[tuple[int, int]]:
        """Kinds and digests of names that were told since the last time."""
        ...


class _Alone:
    """Nobody else counts."""

    def turn(self, day: int) -> tuple[int, int, int]:
        del day
        return 0, 0, 0

    def others(self) -> tuple[int, int]:
        return 0, 0

    def outside(self) -> int:
        return 0

    def publish(self, requests: int, spent: int, outside: int) -> None:
        pass

    def tell(self, kind: int, digest: int) -> None:
        pass

    def heard(self) -> Iterable[tuple[int, int]]:
        return ()


_USER, _TOOL = 1, 2


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    day: int
    requests: int
    spent: int
    outside: int
    users: DistinctState
    tools: tuple[int, ...]
    data_classes: tuple[str, ...]
    models: tuple[str, ...]


class Measures:
    """What was measured; outlives configurations.

    Args:
        users: Counts callers; None for those of thirty days.
        shared: What other workers count; None when there are none.
    """

    def __init__(self, *, users: Distinct | None = None, shared: Shared | None = None) -> None:
        self.users = users or Distinct()
        self.data_classes: dict[str, None] = {}
        self.models: dict[str, None] = {}
        self._shared: Shared = shared or _Alone()
        self._day = self._requests = self._spent = self._outside = 0
        self._minute_at = self._minute = self._second_at = self._second = 0
        self._tools: set[int] = set()
        self._met: set[str] = set()  # Tools of today: those that come again cost no digest.
        self._conversations: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._written, self._written_s = b"", -_SNAPSHOT_S

    def measured(
        self, user: str, tools: Sequence[str], *, steps: int, money: int, now_s: float
    ) -> tuple[int, int, int, int, int]:
        """What measures would be with one more request, in the order of `NUMBERED`; nothing is counted.

        Args:
            user: Who calls.
            tools: Offered or called.
            steps: Without a person.
            money: That it costs at most, in millionths.
            now_s: Seconds since 1970.
        """
        self._turn(now_s)
        self._listen()
        requests, spent = self._shared.others()
        known = len(self._tools)
        if tools:
            known += sum(name not in self._met and digest_of(name) not in self._tools for name in set(tools))
        return (
            self.users.with_one(user),
            self._requests + requests + 1,
            known,
            steps,
            self._spent + spent + money,
        )

    def count(
        self, user: str, tools: Sequence[str], *, money: int, now_s: float, is_outside: bool = False
    ) -> None:
        """Count a request that is let through."""
        self._turn(now_s)
        self._requests += 1
        self._spent += money
        self._outside += is_outside
        digest = self.users.add(user)
        if digest is not None:
            self._shared.tell(_USER, digest)
        for tool in tools:
            if tool not in self._met and len(self._tools) < _MAX_TOOLS:
                self._met.add(tool)
                digest = digest_of(tool)
                if digest not in self._tools:
                    self._tools.add(digest)
                    self._shared.tell(_TOOL, digest)
        second = int(now_s)
        if second != self._second_at:
            self._second_at, self._second = second, 0
            if second // _MINUTE_S != self._minute_at:
                self._minute_at, self._minute = second // _MINUTE_S, 0
        self._second += 1
        self._minute += 1
        self._shared.publish(self._requests, self._spent, self._outside)

    @property
    def day(self) -> int:
        """The day that counts belong to."""
        return self._day

    def settle(self, day: int, reserved: int, cost: int) -> None:
        """Count what a request did cost instead of what it could; that of another day stays as it was."""
        if day == self._day:
            self._spent += cost - reserved
            self._shared.publish(self._requests, self._spent, self._outside)

    def note_model(self, name: str) -> None:
        """Remember a model, with its revision."""
        _remember(self.models, name)

    def note_data_class(self, name: str) -> None:
        """Remember a class of data."""
        _remember(self.data_classes, name)

    def note_steps(self, user: str, conversation: str, steps: int) -> None:
        """Remember how far a conversation is."""
        self._conversations[user, conversation] = steps
        self._conversations.move_to_end((user, conversation))
        if len(self._conversations) > _MAX_CONVERSATIONS:
            self._conversations.popitem(last=False)

    def steps(self, call: Call, user: str, conversation: str) -> int:
        """Steps without a person, this request included; `conversation` is "" when the caller names none."""
        if not conversation or call.action in {Action.INFER, Action.PREDICT}:
            return steps_of(call)
        return self._conversations.get((user, conversation), 0) + (call.action is Action.CALL_TOOL)

    def now(self, *, now_s: float) -> Mapping[str, int]:
        """All measures, for people: money in millionths; what comes by the second and minute, of this worker alone."""
        self._turn(now_s)
        self._listen()
        second = int(now_s)
        requests, spent = self._shared.others()
        return {
            "users": self.users.count(),
            "requests_per_day": self._requests + requests,
            "requests_per_minute": self._minute if second // _MINUTE_S == self._minute_at else 0,
            "requests_per_second": self._second if second == self._second_at else 0,
            "tools": len(self._tools),
            "spend_per_day": self._spent + spent,
            "data_classes": len(self.data_classes),
            "models": len(self.models),
            "outside": self._outside + self._shared.outside(),
        }

    def snapshot(self, *, now_s: float | None = None) -> bytes:
        """What was measured, as it is written down.

        Args:
            now_s: With it, the same as before for five seconds, so that a hook that is called more often has nothing to
                write; None for what is true now.
        """
        if now_s is not None and 0 <= now_s - self._written_s < _SNAPSHOT_S:
            return self._written
        self._written = msgspec.json.encode(
            _Snapshot(
                self._day,
                self._requests,
                self._spent,
                self._outside,
                self.users.state(),
                tuple(sorted(self._tools)),
                tuple(self.data_classes),
                tuple(self.models),
            )
        )
        self._written_s = self._written_s if now_s is None else now_s
        return self._written

    def restore(self, data: bytes, *, now_s: float) -> bool:
        """Go on from what was written down; whether it could be read. What is of another day is left out.

        Args:
            data: What `snapshot` gave.
            now_s: Seconds since 1970.
        """
        try:
            found = msgspec.json.decode(data, type=_Snapshot)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        today = int(now_s // _DAY_S)
        named = max(len(found.data_classes), len(found.models))
        if found.day > today or min(found.requests, found.spent, found.outside) < 0:
            return False
        if named > _MAX_NAMED or len(found.tools) > _MAX_TOOLS:
            return False
        if not self.users.restore(found.users, day=today):
            return False
        self.data_classes, self.models = dict.fromkeys(found.data_classes), dict.fromkeys(found.models)
        self._begin(today)
        if found.day == today:
            # What is shared is newer than what was written down, unless it was lost.
            self._requests, self._spent = max(self._requests, found.requests), max(self._spent, found.spent)
            self._outside = max(self._outside, found.outside)
            self._tools |= set(found.tools)
        return True

    def _turn(self, now_s: float) -> None:
        day = int(now_s // _DAY_S)
        if day != self._day:
            self._begin(day)

    def _begin(self, day: int) -> None:
        """Begin a day, or go on with it after a restart."""
        self._listen()  # What others told since, before the day is over here, too.
        self._day = day
        self._tools, self._met = set(), set()
        self.users.turn(day)
        self._requests, self._spent, self._outside = self._shared.turn(day)
        self._listen()

    def _listen(self) -> None:
        for kind, digest in self._shared.heard():
            if kind == _USER:
                self.users.add_digest(digest)
            elif kind == _TOOL and len(self._tools) < _MAX_TOOLS:
                self._tools.add(digest)


def _remember(known: dict[str, None], name: str) -> None:
    if len(known) < _MAX_NAMED:
        known[name] = None


def _number(limit: EnvelopeLimit) -> Decimal:
    return Decimal(limit.limit) if _NUMBER.fullmatch(limit.limit) else Decimal(0)

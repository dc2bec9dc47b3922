"""What is limited, for whom, and where it is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from keelmark.errors import ConfigurationError

__all__ = [
    "EVERY",
    "MAX_AMOUNT",
    "LimitRule",
    "LimitSettings",
    "Measure",
    "SharedLimitSettings",
    "Subject",
    "Unreachable",
    "identity",
    "strictest",
]

EVERY = "*"
MAX_AMOUNT = 2**52
"""Largest amount that is counted exactly everywhere: scripts of the store count in doubles."""


class Subject(StrEnum):
    """Whom or what a rule counts."""

    KEY = "key"
    TEAM = "team"
    MODEL = "model"
    TOOL = "tool"
    ALL = "all"


class Measure(StrEnum):
    """What a rule counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    MONEY = "money"
    PLACES = "places"


class Unreachable(StrEnum):
    """What happens while the store of shared counters cannot be reached."""

    DENY = "deny"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """One limit.

    Attributes:
        subject: Whom or what it counts.
        name: Which of them; "*" for each of them by itself. API keys go by their id, others by `token:SUBJECT` and
            `certificate:ID`.
        measure: What is counted: `places` are requests at the same time, `money` goes in millionths of the currency.
        amount: Most of it.
        window_s: In any span of time this long; places have none.
    """

    subject: Subject
    measure: Measure
    amount: int
    name: str = EVERY
    window_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedLimitSettings:
    """Counters that several workers and machines share, in Redis or Valkey.

    Attributes:
        url: Where its address (`redis://`, `rediss://` or `unix://`) stands: `env:NAME` or `file:PATH`; "" for none: each
            worker counts by itself.
        name: Gateways that name the same share their counters.
        lease_s: How long a worker keeps what it leased and did not use; after so long, places of a worker that died are
            free again.
        share_percent: Of what is left, leased at once beyond what is asked for.
        timeout_s: What one question may take.
        unreachable: `deny` refuses; `local` lets each worker count by itself meanwhile, which needs a reason.
        reason: Why `local` is good enough.
    """

    url: str = ""
    name: str = "gateway"
    lease_s: float = 5.0
    share_percent: float = 5.0
    timeout_s: float = 0.25
    unreachable: Unreachable = Unreachable.DENY
    reason: str = ""

    def check(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigurationError: It cannot.
        """
        if not 0 < self.timeout_s < self.lease_s <= 3600 or not 0 <= self.share_percent <= 50:
            raise ConfigurationError(
                "`limits.shared` needs a timeout_s above 0, a lease_s above that up to 3600, and a share_percent up to 50"
            )
        if self.unreachable is Unreachable.LOCAL and not self.reason.strip():
            raise ConfigurationError(
                "`limits.shared.unreachable: local` needs a reason",
                hint="while the store is away, each worker admits as much as the rules allow to all of them together",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """All limits.

    Attributes:
        rules: Each of them must be kept.
        max_counters: Keys, teams, models and tools that are counted at the same time; each rule has an equal part of it,
            so that names of one kind cannot take the room of another.
        shared: Where the counters are that workers share.
    """

    rules: tuple[LimitRule, ...] = (
        LimitRule(subject=Subject.KEY, measure=Measure.REQUESTS, amount=600),
        LimitRule(subject=Subject.KEY, measure=Measure.PLACES, amount=64),
    )
    max_counters: int = 100_000
    shared: SharedLimitSettings = field(default_factory=SharedLimitSettings)


def strictest(rules: tuple[LimitRule, ...]) -> tuple[LimitRule, ...]:
    """The rules, with only the strictest of those that count the very same."""
    found: dict[tuple[str, str, str, int], LimitRule] = {}
    for rule in rules:
        key = identity(rule)
        if key not in found or rule.amount < found[key].amount:
            found[key] = rule
    return tuple(found.values())


def identity(rule: LimitRule) -> tuple[str, str, str, int]:
    """What a rule counts, whatever its amount: places have no window."""
    window_s = 0 if rule.measure is Measure.PLACES else rule.window_s
    return rule.subject.value, rule.name, rule.measure.value, window_s

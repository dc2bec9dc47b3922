"""Sentences that take a model away from its operator: other orders, lost limits, hidden prompts, output without end.

Quoting or describing an attack is not doing it: words that are led in by words about attacks, or put in quotes, weigh
less. The rules are data, in `steering_rules.yaml`; the numbers they reach stand in `docs/screens.md`.

1. The time is linear in the length of the text.
2. Each rule counts once; its hits in several views of a text are one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Any

import re2
import yaml

from keelmark.detectors.instructions import is_discussed
from keelmark.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "GROUPS",
    "HINTS_PREFIX",
    "Hit",
    "SteeringRule",
    "hints",
    "is_described",
    "look",
    "rules",
    "scores",
]

GROUPS = ("injection", "jailbreak", "extraction", "endless")
"""Names of the groups, as settings speak of them."""

HINTS_PREFIX = "steer:"
_DISCUSSED_WEIGHT = 0.25
_MAX_PLACES = 16
_PATTERN_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringRule:
    """One kind of sentence.

    Attributes:
        id: What it does.
        group: One of `GROUPS`.
        score: How sure one hit is.
        pattern: Finds it.
        trigger: What a text with a hit always has; for a sieve.
        is_plain: Whether quoting changes nothing.
        finds: Sentences that it finds.
        passes: Sentences that it does not find.
    """

    id: str
    group: str
    score: float
    pattern: Any
    trigger: str
    is_plain: bool = False
    finds: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A rule that a text fits.

    Attributes:
        rule: Its id.
        group: Its group.
        score: How sure; less than the score of the rule when the words are spoken about.
    """

    rule: str
    group: str
    score: float


@cache
def rules() -> tuple[SteeringRule, ...]:
    """The packaged rules, read and compiled at the first call.

    Raises:
        RuleError: The packaged data is damaged.
    """
    text = resources.files("keelmark.detectors").joinpath("steering_rules.yaml").read_text(encoding="utf-8")
    tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    words: dict[str, str] = {}
    for name, pattern in tree["words"].items():
        words[name] = _filled(pattern, words)
    found = tuple(_rule(entry, words) for entry in tree["rules"])
    if double := [name for name, count in Counter(rule.id for rule in found).items() if count > 1]:
        raise RuleError(f"two rules are called `{double[0]}`")
    return found


def _filled(pattern: str, words: Mapping[str, str]) -> str:
    for name, replacement in words.items():
        pattern = pattern.replace(f"%{name}%", replacement)
    return pattern


def _rule(entry: Mapping[str, Any], words: Mapping[str, str]) -> SteeringRule:
    pattern = "(?i)" + _filled(entry["pattern"], words)
    if entry["group"] not in GROUPS:
        raise RuleError(f"`{entry['group']}` is no group of rules")
    return SteeringRule(
        id=entry["id"],
        group=entry["group"],
        score=float(entry["score"]),
        pattern=re2.compile(pattern, _bounded()),
        trigger="(?i)" + _filled(entry["trigger"], words) if "trigger" in entry else _relaxed(pattern),
        is_plain=bool(entry.get("plain", False)),
        finds=tuple(entry["finds"]),
        passes=tuple(entry["passes"]),
    )


@cache
def _bounded() -> Any:
    """Options that bound what each pattern remembers: there are many, and a gateway runs for months."""
    options = re2.Options()
    options.max_mem = _PATTERN_BYTES
    options.log_errors = False
    return options


@cache
def _by_label() -> Mapping[str, SteeringRule]:
    return {HINTS_PREFIX + rule.id: rule for rule in rules()}


def _relaxed(pattern: str) -> str:
    """A pattern that occurs wherever the given one does, without counting: counters make the states of a sieve many."""
    return str(_COUNTED.sub(lambda match: "*" if match.group(1) == "0" else "+", pattern))


_COUNTED = re2.compile(r"\{(\d+),?\d*\}")


@cache
def hints() -> tuple[tuple[str, str], ...]:
    """Labels and patterns, for a sieve: a rule is looked for only where its label was found."""
    return tuple((HINTS_PREFIX + rule.id, rule.trigger) for rule in rules())


def look(text: str, labels: Iterable[str]) -> tuple[Hit, ...]:
    """The rules that a text fits.

    Args:
        text: One view of it, in plain letters.
        labels: What a sieve found in this view; others than those of `hints` are passed over.
    """
    by_label = _by_label()
    found: list[Hit] = []
    for label in labels:
        rule = by_label.get(label)
        if rule is None or rule.pattern.search(text) is None:
            continue
        if score := _score(text, rule):
            found.append(Hit(rule=rule.id, group=rule.group, score=score))
    return tuple(found)


def _score(text: str, rule: SteeringRule) -> float:
    best = 0.0
    for match in islice(rule.pattern.finditer(text), _MAX_PLACES):
        start, end = match.span()
        if rule.is_plain or not (
            is_described(text, start) if rule.group == "jailbreak" else is_discussed(text, start, end)
        ):
            return rule.score
        best = rule.score * _DISCUSSED_WEIGHT
    return best


# Such prompts tell a story: that somebody says, asks or refuses in it makes it no text about them.
_DESCRIBED = re2.compile(
    r"(?i)(such as|e\.g\.|for example|for instance|attacks?\b|adversar|detect|phrases?\b|strings?\b|regex|payload"
    r"|what (is|are|does)|why (do|does|would|are)|how (do|does|can|to|would)|is it (safe|a good|ok|legal)|explain|define|translate"
    r"|summari[sz]e|paraphrase|classif|article|research|paper\b|colleague|report\b|write (a|an) (short )?(guide|essay|test)|should (i|we)\b)"
)
_BEFORE = 90


def is_described(text: str, start: int) -> bool:
    """Whether the words before a place in its sentence speak about such prompts."""
    lead = text[max(0, start - _BEFORE) : start]
    for stop in (". ", "! ", "\n"):
        lead = lead.rpartition(stop)[2]
    return bool(_DESCRIBED.search(lead))


def scores(hits: Iterable[Hit]) -> dict[str, float]:
    """How sure the hits are together, for each group; the best hit of each rule counts."""
    best: dict[tuple[str, str], float] = {}
    for hit in hits:
        key = (hit.group, hit.rule)
        best[key] = max(best.get(key, 0.0), hit.score)
    doubt: dict[str, float] = {}
    for (group, _), score in best.items():
        doubt[group] = doubt.get(group, 1.0) * (1.0 - score)
    return {group: 1.0 - left for group, left in doubt.items()}

"""What a value carries while it travels: its origins, the checks it passed, and where it arrived."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from keelmark.core.facts import Sink, Trust

__all__ = ["EMPTY", "EXEMPT", "Cleaning", "Hit", "Summary", "Taint", "Value", "cleaned", "stepped"]

EXEMPT = ""
_MAX_CLEANINGS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """A check or conversion; `sinks` None means every sink, `by` EXEMPT means that there is no flow at all."""

    sinks: frozenset[Sink] | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """One origin inside a value.

    Attributes:
        source: Trust of the origin; None for a parameter that stands for what a caller hands in.
        parameter: Name of that parameter.
        is_rest: Whether the value is an argument of a command line after the program, so that no shell reads it.
        steps: Names on the way; two values that differ only in them are the same.
    """

    source: Trust | None
    origin: str
    line: int
    parameter: str = ""
    cleanings: tuple[Cleaning, ...] = ()
    is_rest: bool = False
    steps: tuple[str, ...] = field(default=(), compare=False)

    def cleaner(self, sink: Sink) -> str | None:
        """What makes the value harmless for a sink; None when nothing does."""
        found: str | None = None
        for cleaning in self.cleanings:
            if cleaning.sinks is None or sink in cleaning.sinks:
                if cleaning.by == EXEMPT:
                    return EXEMPT
                found = found or cleaning.by
        return found


Value = frozenset[Taint]
EMPTY: Value = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A value that arrived at a sink; `scope` is the function that holds the sink."""

    taint: Taint
    sink: Sink
    callee: str
    line: int
    scope: str


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a function does with its parameters.

    Attributes:
        returns: What its result carries.
        hits: What arrives at sinks, symbols for parameters included.
        checks: Parameters that are checked or refused, with the cleanings that hold afterwards.
        members: Attributes of `self` that parameters are stored in.
    """

    returns: Value = EMPTY
    hits: set[Hit] = field(default_factory=set)
    checks: dict[str, tuple[Cleaning, ...]] = field(default_factory=dict)
    members: dict[str, Value] = field(default_factory=dict)


def cleaned(value: Value, by: str, sinks: frozenset[Sink] | None = None) -> Value:
    """The value after a check or conversion."""
    if not value:
        return EMPTY
    cleaning = Cleaning(sinks=sinks, by=by[:120])
    return frozenset(
        taint
        if cleaning in taint.cleanings or len(taint.cleanings) >= _MAX_CLEANINGS
        else replace(taint, cleanings=(*taint.cleanings, cleaning))
        for taint in value
    )


def stepped(value: Value, step: str, max_steps: int) -> Value:
    """The value with one more name on its way."""
    if not value or not step:
        return value
    return frozenset(
        replace(taint, steps=(*taint.steps, step))
        if len(taint.steps) < max_steps and (not taint.steps or taint.steps[-1] != step)
        else taint
        for taint in value
    )

"""The system at another size: what `--at` asks for, and which threats then appear or leave the appetite.

An expression is a list of changes with commas between: `10x` multiplies all that grows with use (users, requests, tools,
autonomy, spending); `users=100000`, `users=10x`, `autonomy=20`, `data-value=3`, `capability=10`, `attack-cost=0.1` and
`exposure=public` set or multiply one dimension. What one dimension is set to counts before what `10x` makes of it.

A change of size changes the graph in two ways only:

1. More exposure: what persons send is no longer trusted, because anybody may be such a person.
2. More autonomy: an approval that is declared to depend on the case is no longer known to be there. Every other approval stays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.system_model import GROWING, Size
from keelmark.core.threat_model import Appetite
from keelmark.core.threats import ScenarioResult
from keelmark.design.threats.risk import Simulation, ratios
from keelmark.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from keelmark.core.declaration import DeclaredTool
    from keelmark.core.system_model import Link, SystemModel
    from keelmark.core.threats import ApplicableThreat, RiskFigures

    Reanalysis = Callable[[SystemModel], Sequence[ApplicableThreat]]

__all__ = [
    "EXPOSURES",
    "Change",
    "Figures",
    "Scenario",
    "approvals_by_case",
    "at_size",
    "compare",
    "growth_in",
    "parse_scenario",
    "worsening",
]

EXPOSURES = ("internal", "partners", "public")
"""Words of exposure, by their number."""

MAX_CHANGES = 12
MAX_LENGTH = 300
_MAX_NUMBER = 1e15
_MIN_COST = 1e-9
_DIMENSIONS = tuple(entry.name for entry in fields(Size))
_NUMBER = re2.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_ALWAYS = frozenset({"", "always", "never"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One dimension set to a value, or multiplied by a factor; exactly one of the two is given."""

    dimension: str
    value: float | None = None
    factor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A system that has grown: each dimension changes at most once."""

    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What turns threats into figures: simulated years, and how much loss is borne."""

    simulation: Simulation
    appetite: Appetite | None = None


def parse_scenario(text: str) -> Scenario:
    """The scenario that an expression describes.

    Raises:
        UsageError: It describes none; says which part.
    """
    parts = [part.strip() for part in text[: MAX_LENGTH + 1].split(",")]
    if len(text) > MAX_LENGTH or len(parts) > MAX_CHANGES:
        raise UsageError("the scenario is too long", hint=f"give at most {MAX_CHANGES} changes")
    changes: dict[str, Change] = {}
    general: dict[str, Change] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            factor = _factor(part, part)
            if general:
                raise _refused(part, "all that grows is changed twice")
            general = {dimension: Change(dimension=dimension, factor=factor) for dimension in GROWING}
            continue
        change = _change(name.strip().lower().replace("-", "_"), value.strip(), part)
        if change.dimension in changes:
            raise _refused(part, "one dimension is changed twice")
        changes[change.dimension] = change
    merged = {**general, **changes}
    ordered = tuple(merged[dimension] for dimension in _DIMENSIONS if dimension in merged)
    return Scenario(name=",".join(parts), changes=ordered)


def at_size(model: SystemModel, scenario: Scenario, *, by_case: frozenset[str] = frozenset()) -> SystemModel:
    """The system in the scenario. A dimension that is not known today stays so when it is only multiplied.

    Args:
        by_case: Names of tools of which an approval is declared that depends on the case.
    """
    then = _sized(model.size, scenario)
    grown = replace(model, size=then)
    if then.exposure is not None and then.exposure > (model.size.exposure or 0):
        grown = replace(grown, links=_untrusted(model))
    if by_case and _is_more(model.size.autonomy, then.autonomy, scenario):
        elements = tuple(
            replace(element, has_approval=None)
            if element.has_approval and by_case.intersection({element.id, element.name})
            else element
            for element in model.elements
        )
        grown = replace(grown, elements=elements)
    return grown


def growth_in(scenario: Scenario, now: Size, then: Size) -> dict[str, float]:
    """How many times larger each dimension is; a factor counts also where the size itself is not known."""
    stated = {change.dimension: change.factor for change in scenario.changes if change.factor is not None}
    return {**stated, **ratios(now, then)}


def compare(
    model: SystemModel,
    scenarios: Iterable[Scenario],
    again: Reanalysis,
    *,
    figures: Figures | None = None,
    by_case: frozenset[str] = frozenset(),
) -> tuple[ScenarioResult, ...]:
    """What each scenario changes against today.

    Args:
        again: The threats that apply to a system; pure.
        figures: Without them nothing is said of the appetite.
    """
    asked = tuple(scenarios)
    if not asked:
        return ()
    today = again(model)
    known = {found.threat.id for found in today}
    before = _figures(today, figures, {})
    results = []
    for scenario in asked:
        then = at_size(model, scenario, by_case=by_case)
        threats = again(then)
        risk = _figures(threats, figures, growth_in(scenario, model.size, then.size))
        results.append(
            ScenarioResult(
                name=scenario.name,
                size=then.size,
                appearing=tuple(found.threat.id for found in threats if found.threat.id not in known),
                worsening=worsening(before, risk),
                risk=risk,
            )
        )
    return tuple(results)


def worsening(before: RiskFigures | None, after: RiskFigures | None) -> tuple[str, ...]:
    """What leaves the appetite and did not before: ids of threats, and `total`."""
    earlier = before.exceeds if before else ()
    return tuple(name for name in (after.exceeds if after else ()) if name not in earlier)


def approvals_by_case(tools: Iterable[DeclaredTool]) -> frozenset[str]:
    """Names of tools that are declared to need an approval in some cases: neither always nor never."""
    return frozenset(tool.name for tool in tools if tool.approval.strip().lower() not in _ALWAYS)


def _figures(
    threats: Sequence[ApplicableThreat], figures: Figures | None, grown: dict[str, float]
) -> RiskFigures | None:
    if figures is None:
        return None
    return figures.simulation.figures(threats, figures.appetite, grown=grown)


def _sized(now: Size, scenario: Scenario) -> Size:
    values: dict[str, float | int | None] = {}
    for change in scenario.changes:
        if change.value is not None:
            is_step = change.dimension == "exposure"
            values[change.dimension] = int(change.value) if is_step else change.value
            continue
        today = getattr(now, change.dimension)
        values[change.dimension] = None if today is None else today * (change.factor or 1.0)
    return replace(now, **values)  # type: ignore[arg-type]  # names and types are those of the fields


def _untrusted(model: SystemModel) -> tuple[Link, ...]:
    persons = {element.id for element in model.elements if element.kind is ComponentKind.PERSON}
    return tuple(
        replace(link, trust=FlowTrust.USER)
        if link.source in persons and link.trust is FlowTrust.TRUSTED
        else link
        for link in model.links
    )


def _is_more(before: float | None, after: float | None, scenario: Scenario) -> bool:
    if before is not None and after is not None:
        return after > before
    changed = next((change for change in scenario.changes if change.dimension == "autonomy"), None)
    return changed is not None and (changed.factor is None or changed.factor > 1)


def _change(dimension: str, value: str, part: str) -> Change:
    if dimension not in _DIMENSIONS:
        names = ", ".join(name.replace("_", "-") for name in _DIMENSIONS)
        raise _refused(part, f"a dimension is one of {names}")
    if dimension == "exposure":
        if value.lower() not in EXPOSURES:
            raise _refused(part, f"exposure is one of {', '.join(EXPOSURES)}")
        return Change(dimension=dimension, value=float(EXPOSURES.index(value.lower())))
    if value[-1:].lower() == "x":
        return Change(dimension=dimension, factor=_factor(value, part))
    number = _number(value, part)
    if dimension in {"attack_cost", "data_value", "capability"}:
        number = max(number, _MIN_COST)
    return Change(dimension=dimension, value=number)


def _factor(text: str, part: str) -> float:
    if text[-1:].lower() != "x":
        raise _refused(part, "a change is a factor such as 10x, or a dimension with its size")
    factor = _number(text[:-1].strip(), part)
    if factor <= 0:
        raise _refused(part, "a factor is above 0")
    return factor


def _number(text: str, part: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _refused(part, "a number is written like 100000 or 0.1")
    number = float(text)
    assert math.isfinite(number)
    return min(number, _MAX_NUMBER)


def _refused(part: str, why: str) -> UsageError:
    return UsageError(f"`{part[:80]}` is no scenario: {why}", hint="for example --at 10x,exposure=public")

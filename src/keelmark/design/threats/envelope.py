"""How far a system can grow before another threat appears or its owner's appetite is exceeded, dimension by dimension.

Each dimension is tried alone: at the largest size first, where most have no limit, then at doublings of today's size, then
halved in on the size at which something happens. That this finds the right size rests on what holds elsewhere: threats only appear as a dimension grows, and risk never
falls. Attacks are tried cheaper and cheaper, not dearer, so their limit is the lowest cost at which nothing happens.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keelmark.core.system_model import GROWING
from keelmark.core.threats import ApplicableThreat, Beyond
from keelmark.design.threats.scenarios import EXPOSURES, Change, Scenario, at_size, growth_in

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from keelmark.core.declaration import GrowthEnvelope
    from keelmark.core.system_model import SystemModel
    from keelmark.design.threats.scenarios import Figures, Reanalysis

__all__ = ["DIMENSIONS", "Bounds", "TooWide", "envelope_of", "too_wide"]

_COUNTED = frozenset({"users", "requests_per_day", "tools", "autonomy"})
DIMENSIONS = (
    "users", "requests_per_day", "tools", "autonomy", "spend_per_day", "exposure", "data_value", "attack_cost", "capability",
)  # fmt: skip
"""Every dimension of size, in the order of reports."""
_MAX_NAMED = 3
_LARGE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the search: how often a size is doubled, and how near the limit is found."""

    max_doublings: int = 20
    max_halvings: int = 40
    precision: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class TooWide:
    """A declared limit that lies beyond the one that was computed."""

    dimension: str
    declared: float
    beyond: Beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effect:
    """What another size brings about: `threats` apply there, and dimensions have `grown` by these ratios."""

    appearing: tuple[str, ...] = ()
    worsening: tuple[str, ...] = ()
    threats: tuple[ApplicableThreat, ...] = ()
    grown: dict[str, float] = field(default_factory=dict)

    @property
    def is_quiet(self) -> bool:
        return not self.appearing and not self.worsening


def envelope_of(
    model: SystemModel,
    again: Reanalysis,
    *,
    figures: Figures | None = None,
    by_case: frozenset[str] = frozenset(),
    dimensions: Collection[str] = DIMENSIONS,
    bounds: Bounds | None = None,
) -> tuple[Beyond, ...]:
    """The limit of each dimension, in a fixed order.

    Args:
        again: The threats that apply to a system; pure.
        figures: Without them only the appearance of threats counts.
        by_case: Names of tools of which an approval is declared that depends on the case.
        dimensions: Those to look at.
    """
    search = _Search(model=model, again=again, figures=figures, by_case=by_case, bounds=bounds or Bounds())
    return tuple(search.limit(dimension) for dimension in DIMENSIONS if dimension in dimensions)


def too_wide(found: tuple[Beyond, ...], declared: GrowthEnvelope | None) -> tuple[TooWide, ...]:
    """Declared limits beyond the computed ones; a dimension of which nothing is known has none."""
    if declared is None:
        return ()
    limits = {name: getattr(declared, name) for name in GROWING}
    stated = {name: limit.limit for name, limit in limits.items() if limit is not None}
    if declared.exposure in EXPOSURES:
        stated["exposure"] = float(EXPOSURES.index(declared.exposure))
    return tuple(
        TooWide(dimension=beyond.dimension, declared=stated[beyond.dimension], beyond=beyond)
        for beyond in found
        if beyond.limit is not None and stated.get(beyond.dimension, 0.0) > beyond.limit
    )


class _Search:
    """Tries sizes of one dimension at a time against the system of today."""

    def __init__(
        self,
        *,
        model: SystemModel,
        again: Reanalysis,
        figures: Figures | None,
        by_case: frozenset[str],
        bounds: Bounds,
    ) -> None:
        self._model = model
        self._again = again
        self._figures = figures
        self._by_case = by_case
        self._bounds = bounds
        self._graphs = [model]
        self._today = today = again(model)
        self._known = {found.threat.id for found in today}
        self._before = self._exceeds(today, {})

    def limit(self, dimension: str) -> Beyond:
        """Where the first thing happens as one dimension grows."""
        now = getattr(self._model.size, dimension)
        if now is None:
            return Beyond(
                dimension=dimension, now=None, limit=None, tried=0.0, because="its size today is not known"
            )
        if self._before:
            named = ", ".join(f"`{name}`" for name in self._before[:_MAX_NAMED])
            return Beyond(
                dimension=dimension,
                now=float(now),
                limit=float(now),
                tried=float(now),
                threats=tuple(name for name in self._before if name != "total"),
                because=f"the appetite is exceeded at the present size ({named})",
            )
        return self._find(dimension, float(now))

    def _find(self, dimension: str, now: float) -> Beyond:
        """Try the largest size first: most dimensions end nothing. Then halve the doublings, then the sizes."""
        steps = len(EXPOSURES) - 1 - int(now) if dimension == "exposure" else self._bounds.max_doublings
        largest = _doubled(dimension, now, steps)
        effect = self._effect(dimension, largest) if steps > 0 else _Effect()
        if effect.is_quiet:
            return Beyond(
                dimension=dimension, now=now, limit=None, tried=largest, because="nothing was found to happen"
            )
        quiet, loud = 0, steps
        while loud - quiet > 1:
            middle = (quiet + loud) // 2
            tried = self._effect(dimension, _doubled(dimension, now, middle))
            if tried.is_quiet:
                quiet = middle
            else:
                loud, effect = middle, tried
        limit, effect = self._narrow(
            dimension, _doubled(dimension, now, quiet), _doubled(dimension, now, loud), effect
        )
        leaving = tuple(name for name in effect.worsening if name != "total")
        costing = self._costing(effect) if "total" in effect.worsening and not leaving else ()
        return Beyond(
            dimension=dimension,
            now=now,
            limit=limit,
            tried=largest,
            threats=tuple(dict.fromkeys((*effect.appearing, *leaving, *costing))),
            because=_words(dimension, limit, effect),
        )

    def _narrow(self, dimension: str, quiet: float, loud: float, effect: _Effect) -> tuple[float, _Effect]:
        for _ in range(self._bounds.max_halvings):
            middle = self._between(dimension, quiet, loud)
            if middle is None:
                break
            tried = self._effect(dimension, middle)
            if tried.is_quiet:
                quiet = middle
            else:
                loud, effect = middle, tried
        return quiet, effect

    def _between(self, dimension: str, quiet: float, loud: float) -> float | None:
        """A size in the middle, None when the two are near enough."""
        if dimension == "exposure":
            return None
        middle = (quiet + loud) / 2
        if dimension in _COUNTED:
            whole = float(int(middle))
            return whole if quiet < whole < loud else None
        if abs(loud - quiet) <= self._bounds.precision * max(quiet, loud):
            return None
        return middle

    def _effect(self, dimension: str, size: float) -> _Effect:
        scenario = Scenario(name=dimension, changes=(Change(dimension=dimension, value=size),))
        then = self._shared(at_size(self._model, scenario, by_case=self._by_case))
        threats = self._again(then)
        grown = growth_in(scenario, self._model.size, then.size)
        return _Effect(
            appearing=tuple(found.threat.id for found in threats if found.threat.id not in self._known),
            worsening=tuple(name for name in self._exceeds(threats, grown) if name not in self._before),
            threats=tuple(threats),
            grown=grown,
        )

    def _shared(self, then: SystemModel) -> SystemModel:
        """The same system with the very parts of an equal one that was tried before, so that its paths are found once."""
        for graph in self._graphs:
            if graph.elements == then.elements and graph.links == then.links:
                return replace(then, elements=graph.elements, links=graph.links)
        self._graphs.append(then)
        return then

    def _exceeds(self, threats: Sequence[ApplicableThreat], grown: dict[str, float]) -> tuple[str, ...]:
        if self._figures is None or self._figures.appetite is None:
            return ()
        return self._figures.simulation.exceeds(threats, self._figures.appetite, grown=grown)

    def _costing(self, effect: _Effect) -> tuple[str, ...]:
        """The threats that cost more than today, most first."""
        if self._figures is None:
            return ()
        simulation = self._figures.simulation
        before = simulation.figures(self._today)
        after = simulation.figures(effect.threats, grown=effect.grown)
        earlier = {key: loss.mean for key, loss in before.by_threat} if before else {}
        more = {key: loss.mean - earlier.get(key, 0.0) for key, loss in (after.by_threat if after else ())}
        rising = [key for key, rise in more.items() if rise > 0]
        return tuple(sorted(rising, key=lambda key: (-more[key], key))[:_MAX_NAMED])


def _doubled(dimension: str, now: float, steps: int) -> float:
    """The size after this many doublings; one step up where there are only steps, cheaper where it is a cost."""
    if dimension == "exposure":
        return now + steps
    if steps == 0:
        return now
    # From nothing there is nothing to double.
    factor = 2.0**steps
    return now / factor if dimension == "attack_cost" else (now or 0.5) * factor


def _words(dimension: str, limit: float, effect: _Effect) -> str:
    name = dimension.replace("_", " ")
    size = (
        EXPOSURES[int(limit)]
        if dimension == "exposure"
        else f"{limit:g}"
        if limit < _LARGE
        else f"{limit:.0f}"
    )
    where = f"{'below' if dimension == 'attack_cost' else 'beyond'} {size}"
    parts = []
    if effect.appearing:
        parts.append(f"{_listed(effect.appearing)} {'appears' if len(effect.appearing) == 1 else 'appear'}")
    threats = tuple(entry for entry in effect.worsening if entry != "total")
    if threats:
        parts.append(f"the annual loss of {_listed(threats)} leaves the appetite")
    if "total" in effect.worsening:
        parts.append("the annual loss of all threats together leaves the appetite")
    return f"{name} {where}: {'; '.join(parts)}"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_MAX_NAMED])
    return f"{shown} and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else shown

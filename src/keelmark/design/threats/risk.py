"""Risk in numbers: the annual loss of each threat and of all together, over thousands of simulated years.

The method is that of Open FAIR (The Open Group, Risk Taxonomy O-RT and Risk Analysis O-RA): risk is loss event frequency times
loss magnitude, both given as calibrated 90 % ranges (Hubbard and Seiersen, How to Measure Anything in Cybersecurity Risk). A
range is taken as the 5th and 95th percentile of a lognormal distribution; a year has as many events as a Poisson distribution
with the frequency of that year gives.

What changes the frequency of a threat:

1. Growth: for each dimension that the threat names, the ratio of sizes to the power of its exponent. Cheaper attacks count as
   more: their exponent is negative.
2. Controls: one that evidence PROVES leaves `1 - strength` of the events. A control that is failed, unknown, waived or only
   attested leaves all of them. Estimates are therefore made without the controls in mind.

What changes the loss of an event: the ratio of data values.

The random numbers stay the same between two runs, so these hold exactly, at each percentile and for the mean: more frequent,
larger, cheaper to attack, more capable, or a control less, never gives less risk. A range that only gets wider is another
matter: it raises high percentiles and may lower low ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from keelmark.core.system_model import Size
from keelmark.core.threats import ControlState, Loss, RiskFigures
from keelmark.design.threats.risk_draws import Draws, at_percentile, is_above, load_numpy
from keelmark.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keelmark.core.threat_model import Appetite, RiskEstimate
    from keelmark.core.threats import ApplicableThreat, AppliedControl, Threat
    from keelmark.design.threats.risk_draws import Numbers

__all__ = ["Settings", "Simulation", "frequency_factor", "ratios", "residual", "simulate"]

# A control lowers a frequency at most to this share of it, all controls of a threat together.
_LEAST = 0.001
_LARGEST = 1e9
_LOG_LARGEST = math.log(_LARGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Bounds of a simulation, and its seed."""

    years: int = 10_000
    seed: int = 1
    min_years: int = 100
    max_years: int = 1_000_000
    max_estimates: int = 500


def ratios(now: Size, then: Size) -> dict[str, float]:
    """How many times larger each dimension is; nothing for one that is not known at both sizes.

    Steps of exposure count as 1, 2 and 3.
    """
    found: dict[str, float] = {}
    for entry in fields(Size):
        before, after = getattr(now, entry.name), getattr(then, entry.name)
        if entry.name == "exposure" and before is not None and after is not None:
            before, after = before + 1, after + 1
        if before is not None and after is not None and before > 0 and after >= 0:
            found[entry.name] = after / before
    return found


def frequency_factor(threat: Threat, grown: Mapping[str, float]) -> float:
    """How many times more often a threat comes true when each dimension has grown by these ratios."""
    factor = 1.0
    for growth in threat.growth:
        ratio = grown.get(growth.dimension)
        if ratio is None:
            continue
        # INVARIANT: more of a dimension is never less risk, and cheaper attacks never are.
        is_cost = growth.dimension == "attack_cost"
        exponent = min(growth.exponent, 0.0) if is_cost else max(growth.exponent, 0.0)
        if exponent:
            factor *= _power(ratio, exponent)
    return min(factor, _LARGEST)


def residual(controls: Iterable[AppliedControl]) -> float:
    """The share of events that proven controls leave."""
    share = 1.0
    for applied in controls:
        if applied.state is ControlState.PROVEN:
            share *= 1.0 - min(max(applied.control.strength, 0.0), 1.0)
    return max(share, _LEAST)


def simulate(
    threats: Sequence[ApplicableThreat],
    estimates: Sequence[RiskEstimate],
    appetite: Appetite | None = None,
    *,
    grown: Mapping[str, float] | None = None,
    settings: Settings | None = None,
) -> RiskFigures | None:
    """Annual loss of the threats that apply; None when none of them has an estimate.

    Raises:
        UsageError: numpy is not installed, or the settings are out of bounds.
        ConfigurationError: A range is none.
    """
    return Simulation(estimates, settings=settings).figures(threats, appetite, grown=grown)


class Simulation:
    """The simulated years of a set of estimates, to be asked at many sizes.

    An estimate of a threat as a whole counts before those of its elements, which are added up where there is no such estimate.

    Raises:
        UsageError: The settings are out of bounds.
    """

    def __init__(self, estimates: Sequence[RiskEstimate], *, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        limits = self._settings
        if not limits.min_years <= limits.years <= limits.max_years:
            raise UsageError(
                f"{limits.years} years cannot be simulated",
                hint=f"give a number from {limits.min_years} to {limits.max_years}",
            )
        if len(estimates) > limits.max_estimates:
            raise UsageError(f"{len(estimates)} estimates are more than {limits.max_estimates}")
        self._estimates: dict[str, tuple[RiskEstimate, ...]] = {}
        for estimate in estimates:
            self._estimates[estimate.threat] = (*self._estimates.get(estimate.threat, ()), estimate)
        self._draws: dict[str, tuple[Draws, ...]] = {}

    @property
    def threats(self) -> frozenset[str]:
        """Ids of threats that have an estimate."""
        return frozenset(self._estimates)

    def figures(
        self,
        threats: Sequence[ApplicableThreat],
        appetite: Appetite | None = None,
        *,
        grown: Mapping[str, float] | None = None,
    ) -> RiskFigures | None:
        """Annual loss of these threats, with each dimension grown by these ratios; None when none has an estimate.

        Raises:
            UsageError: numpy is not installed.
            ConfigurationError: A range is none.
        """
        losses = self._losses(threats, grown)
        if not losses:
            return None
        numpy = load_numpy()
        total = self._total(losses)
        return RiskFigures(
            by_threat=tuple((key, _loss(numpy.sort(values))) for key, values in losses.items()),
            total=_loss(numpy.sort(total)),
            not_estimated=tuple(found.threat.id for found in threats if found.threat.id not in losses),
            years=self._settings.years,
            seed=self._settings.seed,
            exceeds=_exceeds(losses, total, appetite),
        )

    def exceeds(
        self,
        threats: Sequence[ApplicableThreat],
        appetite: Appetite,
        *,
        grown: Mapping[str, float] | None = None,
    ) -> tuple[str, ...]:
        """What exceeds the appetite, as `figures` says it, without the rest of the figures.

        Raises:
            UsageError: numpy is not installed.
            ConfigurationError: A range is none.
        """
        losses = self._losses(threats, grown)
        return _exceeds(losses, self._total(losses), appetite) if losses else ()

    def _losses(
        self, threats: Sequence[ApplicableThreat], grown: Mapping[str, float] | None
    ) -> dict[str, Numbers]:
        return {
            found.threat.id: self._years(found, grown or {})
            for found in threats
            if found.threat.id in self._estimates
        }

    def _total(self, losses: Mapping[str, Numbers]) -> Numbers:
        # In one order, so that the same losses have the same sum to the last digit.
        total: Numbers = load_numpy().zeros(self._settings.years)
        for key in sorted(losses):
            total = total + losses[key]
        return total

    def _years(self, found: ApplicableThreat, grown: Mapping[str, float]) -> Numbers:
        frequency = frequency_factor(found.threat, grown) * residual(found.controls)
        loss = min(grown.get("data_value", 1.0), _LARGEST)
        parts = [draws.losses(frequency=frequency, loss=loss) for draws in self._drawn(found.threat.id)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def _drawn(self, threat: str) -> tuple[Draws, ...]:
        if threat not in self._draws:
            estimates = self._estimates[threat]
            whole = tuple(estimate for estimate in estimates if not estimate.element)[:1]
            self._draws[threat] = tuple(
                Draws(
                    f"{estimate.threat}@{estimate.element}" if estimate.element else estimate.threat,
                    frequency=estimate.frequency,
                    loss=estimate.loss,
                    years=self._settings.years,
                    seed=self._settings.seed,
                )
                for estimate in whole or estimates
            )
        return self._draws[threat]


def _exceeds(losses: Mapping[str, Numbers], total: Numbers, appetite: Appetite | None) -> tuple[str, ...]:
    if appetite is None:
        return ()
    names = ["total"] if is_above(total, appetite.percentile, appetite.annual_loss) else []
    limit = appetite.per_threat
    if limit is not None:
        names += [key for key, values in losses.items() if is_above(values, appetite.percentile, limit)]
    return tuple(names)


def _loss(values: Numbers) -> Loss:
    """The figures of sorted years."""
    return Loss(
        mean=float(values.mean()),
        p50=at_percentile(values, 50),
        p90=at_percentile(values, 90),
        p95=at_percentile(values, 95),
        p99=at_percentile(values, 99),
    )


def _power(ratio: float, exponent: float) -> float:
    """The power, bounded, also where nothing is left of a dimension."""
    if ratio <= 0:
        return 0.0 if exponent > 0 else _LARGEST
    return math.exp(min(max(exponent * math.log(ratio), -_LOG_LARGEST), _LOG_LARGEST))

"""Laws of the simulation: exact at each percentile, because the random numbers stay the same."""

from __future__ import annotations

import builtins
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.outcome import Severity
from keelmark.core.system_model import Size
from keelmark.core.threat_model import Appetite, Range, RiskEstimate
from keelmark.core.threats import (
    ApplicableThreat,
    AppliedControl,
    Control,
    ControlState,
    Growth,
    Loss,
    PathPattern,
    RiskFigures,
    Step,
    Threat,
    ThreatState,
)
from keelmark.design.threats.risk import Settings, Simulation, frequency_factor, ratios, residual, simulate
from keelmark.design.threats.risk_draws import Draws, at_percentile, fit, is_above
from keelmark.errors import ConfigurationError, UsageError

FEW = Settings(years=400)
GROWTH = (
    Growth(dimension="users", exponent=1.0),
    Growth(dimension="attack_cost", exponent=-1.0),
    Growth(dimension="capability", exponent=0.5),
)


def _threat(
    key: str = "t", *, growth: tuple[Growth, ...] = GROWTH, controls: tuple[AppliedControl, ...] = ()
) -> ApplicableThreat:
    threat = Threat(
        id=key,
        title=key,
        text=key,
        severity=Severity.HIGH,
        patterns=(PathPattern(steps=(Step(),)),),
        growth=growth,
    )
    return ApplicableThreat(
        threat=threat, paths=(), controls=controls, state=ThreatState.OPEN, because="no control"
    )


def _control(state: ControlState, strength: float = 0.5) -> AppliedControl:
    control = Control(title="c", recommendations=("X1.a",), strength=strength)
    return AppliedControl(control=control, state=state, because="b")


def _estimate(
    low: float = 0.1, high: float = 4.0, least: float = 1_000.0, most: float = 100_000.0, *, key: str = "t"
) -> RiskEstimate:
    return RiskEstimate(
        threat=key, frequency=Range(low=low, high=high), loss=Range(low=least, high=most), basis="b"
    )


def _figures(
    estimate: RiskEstimate | None = None,
    *,
    controls: tuple[AppliedControl, ...] = (),
    grown: dict[str, float] | None = None,
) -> RiskFigures:
    found = simulate([_threat(controls=controls)], [estimate or _estimate()], grown=grown, settings=FEW)
    assert found is not None
    return found


def _numbers(loss: Loss) -> tuple[float, ...]:
    return (loss.mean, loss.p50, loss.p90, loss.p95, loss.p99)


def _never_less(small: RiskFigures, large: RiskFigures) -> bool:
    return all(
        before <= after for before, after in zip(_numbers(small.total), _numbers(large.total), strict=True)
    )


_LOW = st.floats(0.001, 50)
_RATIO = st.floats(1, 1_000)
_FACTOR = st.floats(1, 1e4)
_ESTIMATES = st.builds(
    lambda low, ratio, least, span: _estimate(low, low * ratio, least, least * span),
    _LOW,
    _RATIO,
    st.floats(1, 1e6),
    _RATIO,
)
laws = settings(max_examples=60, deadline=None)


@laws
@given(_ESTIMATES, _FACTOR, st.integers(1, 99))
def test_every_year_grows_with_frequency_and_loss(
    estimate: RiskEstimate, factor: float, percent: int
) -> None:
    draws = Draws("t", frequency=estimate.frequency, loss=estimate.loss, years=300, seed=3)
    share = percent / 100
    base = draws.losses(frequency=share, loss=share)
    assert np.all(draws.losses(frequency=share * factor, loss=share) >= base)
    assert np.all(draws.losses(frequency=share, loss=share * factor) >= base)


@laws
@given(_ESTIMATES, st.integers(1, 12))
def test_more_frequency_is_never_less_risk(estimate: RiskEstimate, doublings: int) -> None:
    factor = 2.0**doublings
    often = Range(low=estimate.frequency.low * factor, high=estimate.frequency.high * factor)
    assert _never_less(_figures(estimate), _figures(replace(estimate, frequency=often)))


@laws
@given(_ESTIMATES, st.integers(1, 12))
def test_larger_loss_is_never_less_risk(estimate: RiskEstimate, doublings: int) -> None:
    factor = 2.0**doublings
    dear = Range(low=estimate.loss.low * factor, high=estimate.loss.high * factor)
    assert _never_less(_figures(estimate), _figures(replace(estimate, loss=dear)))


@laws
@given(_ESTIMATES, st.floats(0.001, 1), st.floats(0.001, 1))
def test_cheaper_attacks_are_never_less_risk(estimate: RiskEstimate, cost: float, share: float) -> None:
    dear, cheap = {"attack_cost": cost}, {"attack_cost": cost * share}
    assert _never_less(_figures(estimate, grown=dear), _figures(estimate, grown=cheap))


@laws
@given(_ESTIMATES, _FACTOR, _FACTOR, st.sampled_from(["users", "capability", "data_value"]))
def test_growth_is_never_less_risk(
    estimate: RiskEstimate, base: float, factor: float, dimension: str
) -> None:
    small, large = {dimension: base}, {dimension: base * factor}
    assert _never_less(_figures(estimate, grown=small), _figures(estimate, grown=large))


@laws
@given(_ESTIMATES, st.lists(st.floats(0, 1), min_size=1, max_size=4), st.integers(0, 3))
def test_a_control_less_is_never_less_risk(
    estimate: RiskEstimate, strengths: list[float], index: int
) -> None:
    controls = tuple(_control(ControlState.PROVEN, strength) for strength in strengths)
    fewer = tuple(entry for place, entry in enumerate(controls) if place != index % len(controls))
    assert _never_less(_figures(estimate, controls=controls), _figures(estimate, controls=fewer))


@laws
@given(_ESTIMATES, st.floats(-3, 3), st.sampled_from(["users", "attack_cost"]), _FACTOR)
def test_no_exponent_turns_growth_into_safety(
    estimate: RiskEstimate, exponent: float, dimension: str, factor: float
) -> None:
    threat = _threat(growth=(Growth(dimension=dimension, exponent=exponent),)).threat
    ratio = 1 / factor if dimension == "attack_cost" else factor
    assert frequency_factor(threat, {dimension: ratio}) >= 1


@pytest.mark.parametrize("state", [state for state in ControlState if state is not ControlState.PROVEN])
def test_only_a_proven_control_lowers_risk(state: ControlState) -> None:
    assert _figures(controls=(_control(state, 0.9),)) == _figures()


def test_a_proven_control_lowers_risk_by_its_strength() -> None:
    assert residual((_control(ControlState.PROVEN, 0.75), _control(ControlState.FAILED, 0.9))) == 0.25
    with_control = _figures(controls=(_control(ControlState.PROVEN, 0.9),))
    assert with_control.total.mean < 0.3 * _figures().total.mean


def test_no_control_stops_everything() -> None:
    assert residual((_control(ControlState.PROVEN, 1.0),)) > 0


def test_range_is_the_5th_and_95th_percentile() -> None:
    median, sigma = fit(Range(low=2, high=32), what="x")
    assert median == pytest.approx(8)
    assert math.exp(math.log(median) - 1.6448536 * sigma) == pytest.approx(2)


def test_mean_is_that_of_the_distributions() -> None:
    draws = Draws("x", frequency=Range(low=2, high=2), loss=Range(low=10, high=1_000), years=50_000, seed=5)
    sigma = math.log(100) / (2 * 1.6448536)
    expected = 2 * 100 * math.exp(sigma * sigma / 2)
    assert draws.losses(frequency=1, loss=1).mean() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("rate", [0.01, 1.0, 20.0, 32.0, 33.0, 400.0])
def test_counts_of_events_are_poisson(rate: float) -> None:
    draws = Draws("x", frequency=Range(low=rate, high=rate), loss=Range(low=1, high=1), years=50_000, seed=5)
    counts = draws.losses(frequency=1, loss=1)
    assert counts.mean() == pytest.approx(rate, rel=0.1 if rate < 1 else 0.02)
    assert counts.var() == pytest.approx(rate, rel=0.1 if rate < 1 else 0.05)


def test_huge_frequencies_end() -> None:
    found = _figures(_estimate(1e6, 1e7), grown={"users": 1e9})
    assert math.isfinite(found.total.p99)


@pytest.mark.parametrize(
    "bounds",
    [(0, 1), (-1, 1), (2, 1), (math.nan, 1), (1, math.inf), (1e-9, 1e9)],
)
def test_what_is_no_range_is_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(ConfigurationError, match="frequency of `t`"):
        _figures(_estimate(*bounds))


def test_same_seed_same_figures_other_seed_others() -> None:
    assert _figures() == _figures()
    other = simulate([_threat()], [_estimate()], settings=replace(FEW, seed=2))
    assert other is not None
    assert other.total != _figures().total


def test_another_threat_leaves_the_first_as_it_was() -> None:
    both = simulate(
        [_threat(), _threat("u")], [_estimate(), _estimate(key="u")], settings=FEW
    )  # fmt: skip
    assert both is not None
    assert dict(both.by_threat)["t"] == dict(_figures().by_threat)["t"]
    assert both.total.mean == pytest.approx(sum(loss.mean for _, loss in both.by_threat))


def test_estimates_of_elements_add_up_unless_the_whole_is_estimated() -> None:
    parts = [replace(_estimate(), element="a"), replace(_estimate(), element="b")]
    of_parts = simulate([_threat()], parts, settings=FEW)
    with_whole = simulate([_threat()], [*parts, _estimate()], settings=FEW)
    assert of_parts is not None
    assert of_parts.total.mean > _figures().total.mean
    assert with_whole == _figures()


def test_what_has_no_estimate_is_named() -> None:
    found = simulate([_threat(), _threat("u")], [_estimate()], settings=FEW)
    assert found is not None
    assert found.not_estimated == ("u",)
    assert simulate([_threat("u")], [_estimate()], settings=FEW) is None


def test_what_exceeds_the_appetite_is_named() -> None:
    appetite = Appetite(annual_loss=1, per_threat=1, owner="board")
    found = simulate([_threat()], [_estimate()], appetite, settings=FEW)
    assert found is not None
    assert found.exceeds == ("total", "t")
    generous = Appetite(annual_loss=1e12, per_threat=1e12, owner="board")
    assert simulate([_threat()], [_estimate()], generous, settings=FEW).exceeds == ()  # type: ignore[union-attr]
    quiet = Appetite(annual_loss=1, owner="board", percentile=1)
    assert simulate([_threat()], [_estimate(0.001, 0.01)], quiet, settings=FEW).exceeds == ()  # type: ignore[union-attr]


def test_percentile_is_a_simulated_year() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0])
    assert [at_percentile(values, percent) for percent in (0, 25, 26, 50, 100)] == [1, 1, 2, 2, 4]


@laws
@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.integers(0, 100), st.integers(-1, 21))
def test_being_above_a_limit_is_what_the_percentile_says(values: list[int], percent: int, limit: int) -> None:
    numbers = np.sort(np.array(values, dtype=float))
    assert is_above(numbers, percent, limit) == (at_percentile(numbers, percent) > limit)


def test_ratios_leave_out_what_is_not_known() -> None:
    now = Size(users=10, exposure=0)
    then = Size(users=100, exposure=2, tools=5, attack_cost=0.1)
    assert ratios(now, then) == {
        "users": 10,
        "exposure": 3,
        "attack_cost": 0.1,
        "data_value": 1,
        "capability": 1,
    }


@pytest.mark.parametrize("years", [0, 99, 10**9])
def test_years_are_bounded(years: int) -> None:
    with pytest.raises(UsageError, match="cannot be simulated"):
        Simulation([_estimate()], settings=Settings(years=years))


def test_missing_numpy_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "numpy":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError) as caught:
        _figures()
    assert "keelmark[risk]" in caught.value.hint

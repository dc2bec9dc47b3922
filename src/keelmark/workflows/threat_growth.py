"""Adds to an analysis what it costs, what becomes possible at other sizes, and how far the system may grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.core.threats import RiskFigures
from keelmark.design.threats.envelope import envelope_of
from keelmark.design.threats.reanalysis import reanalysis
from keelmark.design.threats.risk import Settings, Simulation
from keelmark.design.threats.scenarios import Figures, approvals_by_case, compare, parse_scenario
from keelmark.errors import UsageError

if TYPE_CHECKING:
    from keelmark.core.threats import Analysis
    from keelmark.workflows.threats import ThreatRun

__all__ = ["Growth", "Settings", "with_growth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What is asked of the future.

    Attributes:
        scenarios: Expressions such as `10x` or `users=100000,attack-cost=0.1`.
        envelope: Whether to look for the limits of each dimension.
        figures: Whether to put losses into numbers; None where there are estimates and numpy.
        settings: Of the simulation.
    """

    scenarios: Sequence[str] = ()
    envelope: bool = True
    figures: bool | None = None
    settings: Settings | None = None


def with_growth(run: ThreatRun, asked: Growth) -> Analysis:
    """The analysis with risk, scenarios and envelope.

    Raises:
        UsageError: A scenario is none; figures are asked for without estimates, or without numpy.
        ConfigurationError: A declared range is none.
    """
    scenarios = [parse_scenario(text) for text in asked.scenarios]
    model = run.analysis.model
    declared = run.project.declaration
    by_case = approvals_by_case(declared.tools) if declared else frozenset()
    losses = _losses(run, asked)
    again = reanalysis(run.analysis, run.library, evidence=run.evidence)
    return replace(
        run.analysis,
        gaps=(*run.analysis.gaps, *losses.missing),
        risk=losses.now,
        scenarios=compare(model, scenarios, again, figures=losses.figures, by_case=by_case),
        envelope=envelope_of(model, again, figures=losses.figures, by_case=by_case) if asked.envelope else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Losses:
    """What turns threats into figures, the figures of today, and why there are none although there are estimates."""

    figures: Figures | None = None
    now: RiskFigures | None = None
    missing: tuple[Gap, ...] = ()


def _losses(run: ThreatRun, asked: Growth) -> _Losses:
    declaration = run.project.declaration
    declared = declaration.threat_model if declaration else None
    if asked.figures is False:
        return _Losses()
    if declared is None or not declared.estimates:
        if asked.figures:
            hint = (
                "write `threat_model: estimates:` in keelmark.yaml: frequency and loss of a threat as ranges"
            )
            raise UsageError("there are no estimates to simulate", hint=hint)
        return _Losses()
    simulation = Simulation(declared.estimates, settings=asked.settings)
    try:
        now = simulation.figures(run.analysis.threats, declared.appetite)
    except UsageError as error:
        if asked.figures:
            raise
        # numpy is not installed, and nobody insisted on figures.
        return _Losses(missing=(_not_known(run.project.declaration_path, error),))
    return _Losses(figures=Figures(simulation=simulation, appetite=declared.appetite), now=now)


def _not_known(path: str, error: UsageError) -> Gap:
    return Gap(path=path, reason=GapReason.UNSUPPORTED, detail=f"losses are not known: {error.message}")

"""Facts of a dossier about threats: which apply, what stops each, by which paths, and what they could cost."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from keelmark.deployment.release.dossier_facts import fact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.dossier import Fact
    from keelmark.core.threats import Analysis, ApplicableThreat, RiskFigures

__all__ = ["NOT_APPLICABLE", "threat_facts"]

NOT_APPLICABLE = "not-applicable"


def threat_facts(analysis: Analysis) -> tuple[Fact, ...]:
    """Everything that a threat analysis says, apart from the limits of growth that a release repeats."""
    return (
        *(each for threat in analysis.threats for each in _applicable(threat)),
        *(each for threat, why in analysis.not_applicable for each in _absent(threat, why)),
        fact("threat-paths/differences", texts=[each.text for each in analysis.discrepancies]),
        fact("threat-paths/not-looked-at", texts=[*analysis.model.unseen, *map(str, _gaps(analysis))]),
        *_figures(analysis.risk),
    )


def _applicable(applicable: ApplicableThreat) -> Iterable[Fact]:
    threat, disposition = applicable.threat, applicable.disposition
    yield fact(
        f"threats/{threat.id}",
        title=threat.title,
        severity=threat.severity,
        state=applicable.state,
        horizon=threat.horizon,
        treatment=disposition.treatment if disposition else None,
        until=disposition.expires if disposition else None,
        techniques=threat.techniques,
        tags=threat.tags,
    )
    yield fact(
        f"threat-controls/{threat.id}",
        controls=[
            {
                "title": each.control.title,
                "state": each.state,
                "recommendations": each.control.recommendations,
            }
            for each in applicable.controls
        ],
        first_to_do=threat.fix,
    )
    yield fact(
        f"threat-paths/{threat.id}",
        because=applicable.because,
        evidence=[each.because for each in applicable.controls],
        paths=[
            {
                "elements": [element.id for element in path.elements],
                "carries": [link.carries for link in path.links],
                "assumes": path.assumes,
            }
            for path in applicable.paths
        ],
        more_paths=applicable.more_paths,
    )


def _absent(threat: str, why: str) -> Iterable[Fact]:
    yield fact(f"threats/{threat}", state=NOT_APPLICABLE)
    yield fact(f"threat-paths/{threat}", because=why)


def _gaps(analysis: Analysis) -> Iterable[str]:
    return (f"{gap.path}: {gap.detail or gap.reason}" for gap in analysis.gaps)


def _figures(risk: RiskFigures | None) -> Iterable[Fact]:
    if risk is None:
        yield fact(
            "seeds/risk-simulation", used=False, why="no losses were simulated: nothing else draws at random"
        )
        return
    yield fact("seeds/risk-simulation", used=True, seed=risk.seed, years=risk.years)
    yield fact(
        "risk-figures/annual-loss",
        total=asdict(risk.total),
        by_threat={threat: asdict(loss) for threat, loss in risk.by_threat},
        not_estimated=risk.not_estimated,
        exceeds=risk.exceeds,
    )

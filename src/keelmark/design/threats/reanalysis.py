"""Which threats apply to the same system at another size, without looking at the folder again.

Evidence is that of today: a control does not get better or worse because the system grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.threats import ApplicableThreat, AppliedControl, ControlState, ThreatState
from keelmark.design.threats.analyse import applies_at
from keelmark.design.threats.controls import apply_control
from keelmark.design.threats.paths import match

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.system_model import SystemModel
    from keelmark.core.threats import Analysis, Control, Library, Threat
    from keelmark.design.threats.controls import Evidence
    from keelmark.design.threats.paths import Match

__all__ = ["reanalysis"]

MAX_GRAPHS = 8
"""Graphs of which the paths are kept; sizes that leave the graph as it is share one."""


def reanalysis(
    analysis: Analysis, library: Library, *, evidence: Evidence | None = None
) -> Callable[[SystemModel], tuple[ApplicableThreat, ...]]:
    """A function that says which threats apply to a system, in the order of the library.

    Args:
        analysis: Of today; what it says of a threat stands at every size.
        evidence: For threats that only apply at another size; without it nothing is known of their controls.
    """
    known = {found.threat.id: found for found in analysis.threats}
    graphs: dict[tuple[int, int], tuple[SystemModel, dict[str, Match]]] = {}

    def paths(threat: Threat, model: SystemModel) -> Match:
        key = (id(model.elements), id(model.links))
        if key not in graphs:
            if len(graphs) >= MAX_GRAPHS:
                graphs.clear()
            # The system is kept with what was found, so that its parts keep their identity.
            graphs[key] = (model, {})
        matches = graphs[key][1]
        if threat.id not in matches:
            matches[threat.id] = match(model, threat.patterns)
        return matches[threat.id]

    def again(model: SystemModel) -> tuple[ApplicableThreat, ...]:
        is_same = model.elements is analysis.model.elements and model.links is analysis.model.links
        found = []
        for threat in library.threats:
            today = known.get(threat.id)
            if applies_at(threat, model):
                continue
            if today is not None and is_same:
                found.append(today)
                continue
            matched = paths(threat, model)
            if matched.paths:
                found.append(today or _appearing(threat, matched, evidence))
        return tuple(found)

    return again


def _appearing(threat: Threat, matched: Match, evidence: Evidence | None) -> ApplicableThreat:
    return ApplicableThreat(
        threat=threat,
        paths=matched.paths,
        controls=tuple(_applied(control, evidence) for control in threat.controls),
        state=ThreatState.UNKNOWN,
        because="it does not apply today",
        more_paths=matched.more,
    )


def _applied(control: Control, evidence: Evidence | None) -> AppliedControl:
    if evidence is None:
        return AppliedControl(
            control=control, state=ControlState.UNKNOWN, because="its evidence was not looked at"
        )
    return apply_control(control, evidence)

"""Analyses the threats of one system: a pure function of facts, an assessment and the library."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.core.location import Location
from keelmark.core.threat_model import Disposition
from keelmark.core.threats import Analysis, ApplicableThreat, ThreatState
from keelmark.design.threats.controls import apply_control, evidence_of
from keelmark.design.threats.paths import match
from keelmark.design.threats.states import current, judge
from keelmark.design.threats.system import discrepancies_of, system_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.project import Project
    from keelmark.core.system_model import SystemModel
    from keelmark.core.threats import Library, Step, Threat
    from keelmark.design.threats.controls import Evidence

__all__ = ["analyse", "applies_at", "digest_of", "model_digest"]

_ORDER = {state: index for index, state in enumerate(ThreatState)}


def analyse(
    project: Project, assessment: Assessment, library: Library, *, declarative: frozenset[str] = frozenset()
) -> Analysis:
    """The threats of a system with their paths, controls and states; what is worst first.

    Args:
        project: The facts.
        assessment: What the rules said of them.
        library: What is known of threats.
        declarative: Rules that speak of declarations and documents alone; a pass of theirs proves no control.
    """
    model = system_of(project)
    dispositions = _dispositions(project)
    evidence = evidence_of(assessment, declarative=declarative)
    applicable, absent = [], []
    for threat in library.threats:
        found = _applicable(threat, model, evidence, _Decided(dispositions.get(threat.id), project.today))
        if isinstance(found, str):
            absent.append((threat.id, found))
        else:
            applicable.append(found)
    applicable.sort(key=lambda entry: (_ORDER[entry.state], -entry.threat.severity.weight, entry.threat.id))
    return Analysis(
        model=model,
        threats=tuple(applicable),
        not_applicable=tuple(absent),
        discrepancies=discrepancies_of(project),
        library=library.versions,
        digest=digest_of(
            model, library.versions, dispositions, applicable=tuple(entry.threat.id for entry in applicable)
        ),
        gaps=(*library.faults, *_gaps(project, model, library, dispositions)),
    )


def model_digest(project: Project, library: Library) -> str:
    """The digest of an analysis of the project; it is the same whatever evidence says."""
    model = system_of(project)
    applicable = [
        threat.id
        for threat in library.threats
        if not applies_at(threat, model) and match(model, threat.patterns).paths
    ]
    return digest_of(model, library.versions, _dispositions(project), applicable=tuple(applicable))


def _dispositions(project: Project) -> dict[str, Disposition]:
    declared = project.declaration.threat_model if project.declaration else None
    return {entry.threat: entry for entry in declared.dispositions} if declared else {}


@dataclass(frozen=True, slots=True)
class _Decided:
    """What people decided about a threat, and the day on which it is asked."""

    disposition: Disposition | None
    today: date


def _applicable(
    threat: Threat, model: SystemModel, evidence: Evidence, decided: _Decided
) -> ApplicableThreat | str:
    beyond = applies_at(threat, model)
    if beyond:
        return beyond
    found = match(model, threat.patterns)
    if not found.paths:
        return _why_absent(threat, model)
    controls = tuple(apply_control(control, evidence) for control in threat.controls)
    state, because = judge(controls, found.paths, decided.disposition, decided.today)
    return ApplicableThreat(
        threat=threat,
        paths=found.paths,
        controls=controls,
        state=state,
        because=because,
        disposition=current(decided.disposition, decided.today),
        more_paths=found.more,
    )


def applies_at(threat: Threat, model: SystemModel) -> str:
    """Why the system is still too small for the threat, "" when it is not; a size that is not known is large enough."""
    for growth in threat.growth:
        value = getattr(model.size, growth.dimension)
        if growth.above is not None and value is not None and value <= growth.above:
            return f"{growth.dimension.replace('_', ' ')} is {value:g}, and it applies above {growth.above:g}"
    return ""


def _why_absent(threat: Threat, model: SystemModel) -> str:
    kinds = {element.kind for element in model.elements}
    lacking = [
        next((step for step in pattern.steps if step.kinds and not kinds.intersection(step.kinds)), None)
        for pattern in threat.patterns
    ]
    first = lacking[0]
    reason = f"no {_kinds(first)} was found" if first and all(lacking) else "no path of it was found"
    return f"{reason}, but not everything could be looked at" if model.unseen else reason


def _kinds(step: Step) -> str:
    return " or ".join(kind.value.replace("-", " ") for kind in step.kinds)


def _gaps(
    project: Project, model: SystemModel, library: Library, dispositions: Mapping[str, Disposition]
) -> Iterator[Gap]:
    known = {threat.id for threat in library.threats}
    for name in sorted(set(dispositions) - known):
        yield Gap(
            path=project.declaration_path,
            reason=GapReason.UNSUPPORTED,
            detail=f"the library knows no threat `{name}`",
        )
    for words in model.unseen:
        path, _, detail = words.partition(": ")
        yield Gap(path=path, reason=GapReason.UNREADABLE, detail=detail or words)


def digest_of(
    model: SystemModel,
    versions: tuple[tuple[str, str, str], ...],
    dispositions: Mapping[str, Disposition],
    *,
    applicable: tuple[str, ...] = (),
) -> str:
    """SHA-256 over what the analysis rests on. Lines are left out, so that a moved line changes nothing."""
    plain = {
        "model": _plain(model),
        "library": _plain(versions),
        "dispositions": [_plain(dispositions[key]) for key in sorted(dispositions)],
        "applicable": sorted(applicable),
    }
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Location):
        return value.path
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    if isinstance(value, date):
        return value.isoformat()
    return value

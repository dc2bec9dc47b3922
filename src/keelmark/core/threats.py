"""Threats: what the library knows of them, and what an analysis of one system says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.facts import Gap
from keelmark.core.outcome import Severity
from keelmark.core.risk_map import RiskMap
from keelmark.core.system_model import Effect, Element, Link, Size, SystemModel
from keelmark.core.threat_model import Disposition

__all__ = [
    "Analysis",
    "ApplicableThreat",
    "AppliedControl",
    "Beyond",
    "Control",
    "ControlState",
    "Discrepancy",
    "Growth",
    "Horizon",
    "Library",
    "Loss",
    "Mitigation",
    "PathPattern",
    "RiskFigures",
    "ScenarioResult",
    "Step",
    "Technique",
    "Threat",
    "ThreatPath",
    "ThreatState",
]


class Horizon(StrEnum):
    """How near a threat is, after the maturity that MITRE ATLAS states of its techniques."""

    REALISED = "realised"
    DEMONSTRATED = "demonstrated"
    FEASIBLE = "feasible"


class ControlState(StrEnum):
    """Whether a control works, as far as evidence goes."""

    PROVEN = "proven"
    FAILED = "failed"
    ATTESTED = "attested"
    WAIVED = "waived"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


class ThreatState(StrEnum):
    """Where a threat that applies stands."""

    OPEN = "open"
    UNKNOWN = "unknown"
    MITIGATED = "mitigated"
    ACCEPTED = "accepted"
    TRANSFERRED = "transferred"
    AVOIDED = "avoided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """A technique of MITRE ATLAS.

    Attributes:
        id: `AML.T0051`, or `AML.T0051.000` for a sub-technique.
        tactics: Ids of tactics.
        mitigations: Ids of mitigations.
        horizon: From its maturity; None when the data does not say.
        parent: Id of the technique above it, "".
        platforms: Kinds of system: `Predictive AI`, `Generative AI`, `Agentic AI`, `Enterprise`; empty when the data does not say.
        incidents: Case studies of real attacks that used it.
        exercises: Case studies of exercises that used it.
        recommendations: Of the catalogue, where no mitigation leads to any.
    """

    id: str
    name: str
    text: str = ""
    tactics: tuple[str, ...] = ()
    mitigations: tuple[str, ...] = ()
    horizon: Horizon | None = None
    parent: str = ""
    platforms: tuple[str, ...] = ()
    incidents: int = 0
    exercises: int = 0
    recommendations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """A mitigation of MITRE ATLAS, with the recommendations of the catalogue that it leads to."""

    id: str
    name: str
    text: str = ""
    recommendations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One element on a path, as a pattern asks for it. An empty tuple asks for nothing.

    A property that is not known fits what is asked for: unknown is never harmless.

    Attributes:
        kinds: Kinds of element.
        trusts: Trust of the link that leads into the step (for the first step: that leaves it). What is untrusted stays so:
            a trusted link carries on what came in before, and a model turns it into model output.
        sinks: What that link does. A link that was seen to be cleaned for its sink does not fit.
        effects: What the element can do.
        unless: Properties of the element that, when known to be true, end the path: `has_approval`, `is_authenticated`,
            `is_limited`, `is_pinned`; or, when known to be false, with a minus before: `-executes`, `-is_shared`, `-is_trained`.
        far: Whether other elements may stand between the step before and this one. Text is carried on by all but people;
            it ends where it turns into an effect (a shell, a query) and was never text where code or weights flow.
        past: Properties of elements that stand between: where one of them is known to be true, the path ends.
        crosses: Whether the link must cross a trust boundary.
    """

    kinds: tuple[ComponentKind, ...] = ()
    trusts: tuple[FlowTrust, ...] = ()
    sinks: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    unless: tuple[str, ...] = ()
    far: bool = False
    past: tuple[str, ...] = ()
    crosses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPattern:
    """The path that makes a threat apply: its steps in order.

    Of several patterns of one threat a later one speaks only of ends that no earlier one reached.
    """

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Something that stops a threat or makes it dearer.

    Attributes:
        title: What it is.
        recommendations: Ids of the catalogue whose standing tells whether it is there.
        rules: Slugs of rules of which a failure shows that it is not.
        strength: Share of attempts that it stops when it works, 0 to 1; a judgement, for the figures only.
    """

    title: str
    recommendations: tuple[str, ...]
    rules: tuple[str, ...] = ()
    strength: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How a threat grows with the system.

    Attributes:
        dimension: A field of `Size`.
        above: The threat applies only from this size on; None when it applies at every size.
        exponent: Loss events grow with the dimension to this power; 0 for not at all.
    """

    dimension: str
    above: float | None = None
    exponent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One threat of the library.

    Attributes:
        id: Ours: `injected-text-drives-tool`.
        severity: What it does when nothing stops it.
        patterns: It applies when the system has a path of one of these.
        controls: What stops it.
        techniques: Ids of MITRE ATLAS.
        tags: `owasp-llm:LLM01`, `owasp-asi:ASI02`, `stride:T`, `cosai:riskPromptInjection`, ...
        growth: How it grows.
        horizon: The nearest of its techniques.
        fix: What to do first.
    """

    id: str
    title: str
    text: str
    severity: Severity
    patterns: tuple[PathPattern, ...]
    controls: tuple[Control, ...] = ()
    techniques: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    growth: tuple[Growth, ...] = ()
    horizon: Horizon = Horizon.DEMONSTRATED
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """All that is known of threats.

    Attributes:
        threats: Ours, which apply by paths.
        techniques: Of MITRE ATLAS, by id.
        mitigations: Of MITRE ATLAS, by id.
        versions: (source, version, date) of each source.
        faults: What in the sources is not as their schema says; reported, never guessed.
        tactics: Of MITRE ATLAS: name by id, in the order of its matrix.
        risk_map: The CoSAI Risk Map.
    """

    threats: tuple[Threat, ...]
    techniques: dict[str, Technique] = field(default_factory=dict)
    mitigations: dict[str, Mitigation] = field(default_factory=dict)
    versions: tuple[tuple[str, str, str], ...] = ()
    faults: tuple[Gap, ...] = ()
    tactics: dict[str, str] = field(default_factory=dict)
    risk_map: RiskMap = field(default_factory=RiskMap)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreatPath:
    """A path of the system that makes a threat apply.

    Attributes:
        elements: From where the attacker starts to where the harm is done.
        links: Between them, one fewer.
        assumes: Properties that are not known and were taken as the attacker would like them, in words.
    """

    elements: tuple[Element, ...]
    links: tuple[Link, ...]
    assumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedControl:
    """A control with what evidence says of it."""

    control: Control
    state: ControlState
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicableThreat:
    """A threat that a path of this system makes apply.

    Attributes:
        paths: Shortest first, bounded; `more_paths` counts the rest.
        state: Open while a control has failed and nobody decided otherwise; unknown while evidence is missing.
        because: Why it is in that state.
    """

    threat: Threat
    paths: tuple[ThreatPath, ...]
    controls: tuple[AppliedControl, ...]
    state: ThreatState
    because: str
    disposition: Disposition | None = None
    more_paths: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A difference between what is declared and what was found.

    Attributes:
        what: `element` or `link`.
        subject: Its id or ends.
        is_declared: Declared and not found; else found and not declared.
        text: In words, with the way out.
    """

    what: str
    subject: str
    is_declared: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Annual loss of simulated years, in money."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFigures:
    """Risk in numbers.

    Attributes:
        by_threat: Annual loss of each threat that has an estimate.
        total: Of all together.
        not_estimated: Threats that apply and have no estimate.
        years: Simulated years.
        seed: Of the simulation.
        exceeds: Names of what exceeds the appetite: `total`, or ids of threats.
    """

    by_threat: tuple[tuple[str, Loss], ...]
    total: Loss
    not_estimated: tuple[str, ...]
    years: int
    seed: int
    exceeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioResult:
    """The system at another size.

    Attributes:
        name: Of the scenario: `10x`, `attack-cost/10`, ...
        size: Of the system in it.
        appearing: Ids of threats that do not apply today.
        worsening: Ids of threats whose figures leave the appetite in it and do not today; `total` for all together.
        risk: None without estimates.
    """

    name: str
    size: Size
    appearing: tuple[str, ...]
    worsening: tuple[str, ...]
    risk: RiskFigures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """One limit of the growth envelope as the analysis finds it.

    Attributes:
        dimension: A field of `Size`.
        now: The size today; None when not known.
        limit: The largest size at which nothing below happens; None when nothing was found up to the largest size tried.
        tried: The largest size tried.
        threats: Ids of threats that appear or leave the appetite beyond it.
        because: In words.
    """

    dimension: str
    now: float | None
    limit: float | None
    tried: float
    threats: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What the threat model of one system says.

    Attributes:
        digest: SHA-256 over the model, the library's versions and the dispositions; briefings and releases speak of it.
        not_applicable: (id of threat, why) for the rest of the library.
        gaps: What keeps the analysis from being whole.
    """

    model: SystemModel
    threats: tuple[ApplicableThreat, ...]
    not_applicable: tuple[tuple[str, str], ...]
    discrepancies: tuple[Discrepancy, ...]
    library: tuple[tuple[str, str, str], ...]
    digest: str
    gaps: tuple[Gap, ...] = ()
    risk: RiskFigures | None = None
    scenarios: tuple[ScenarioResult, ...] = ()
    envelope: tuple[Beyond, ...] = ()

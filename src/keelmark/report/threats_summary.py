"""What every report of a threat analysis shares: headline, exit code, order, and paths in one line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.threats import ThreatState
from keelmark.report.words import Tone, count

if TYPE_CHECKING:
    from keelmark.core.threats import Analysis, ApplicableThreat, Beyond, ThreatPath

__all__ = [
    "STATE_WORDS",
    "Headline",
    "amount",
    "exit_code_of",
    "headline_of",
    "limit_text",
    "money",
    "path_text",
    "weightiest_first",
]

STATE_WORDS = {
    ThreatState.OPEN: "open",
    ThreatState.UNKNOWN: "not known",
    ThreatState.ACCEPTED: "accepted",
    ThreatState.TRANSFERRED: "transferred",
    ThreatState.AVOIDED: "avoided",
    ThreatState.MITIGATED: "mitigated",
}
"""States in the order in which people look at them."""

_EXPOSURES = ("internal", "partners", "public")
_OPEN_CODE, _UNKNOWN_CODE = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer in one line."""

    words: str
    sentence: str
    tone: Tone


def headline_of(analysis: Analysis) -> Headline:
    """What matters most: threats that are open, then those of which nobody knows."""
    states = Counter(threat.state for threat in analysis.threats)
    parts = [f"{states[state]} {words}" for state, words in STATE_WORDS.items() if states[state]]
    told = (
        f"{count(len(analysis.threats), 'threat')} by {count(_paths(analysis), 'path')}: {', '.join(parts)}"
    )
    if states[ThreatState.OPEN]:
        return Headline(words="OPEN THREATS", sentence=told, tone=Tone.BAD)
    if states[ThreatState.UNKNOWN] or analysis.model.unseen or not analysis.model.elements:
        sentence = told if analysis.threats else "no threat was found, and not everything could be looked at"
        return Headline(words="NOT ENOUGH EVIDENCE", sentence=sentence, tone=Tone.OPEN)
    sentence = told if analysis.threats else "no threat of the library has a path through this system"
    return Headline(words="EVERY THREAT IS ANSWERED", sentence=sentence, tone=Tone.GOOD)


def exit_code_of(analysis: Analysis) -> int:
    """0 every threat is answered, 1 one is open, 3 evidence is missing."""
    return {Tone.GOOD: 0, Tone.BAD: _OPEN_CODE, Tone.OPEN: _UNKNOWN_CODE}[headline_of(analysis).tone]


def weightiest_first(analysis: Analysis) -> list[ApplicableThreat]:
    """Threats by state, then by severity, then by name."""
    states = list(STATE_WORDS)
    return sorted(
        analysis.threats,
        key=lambda each: (states.index(each.state), -each.threat.severity.weight, each.threat.id),
    )


def path_text(path: ThreatPath) -> str:
    """`customer → api → agent → refund_order`, as plain foreign text."""
    return " → ".join(element.name for element in path.elements)


def limit_text(beyond: Beyond) -> str:
    """The largest size that holds, in words."""
    if beyond.limit is None:
        return f"none up to {amount(beyond.dimension, beyond.tried)}"
    return amount(beyond.dimension, beyond.limit)


def amount(dimension: str, value: float | None) -> str:
    """A size of a dimension in words."""
    if value is None:
        return "not known"
    if dimension == "exposure":
        return _EXPOSURES[min(max(int(value), 0), len(_EXPOSURES) - 1)]
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}"


def money(value: float) -> str:
    """An amount without decimals that nobody believes."""
    digits = max(1, 10 ** (len(str(int(abs(value)))) - 3))
    return f"{round(value / digits) * digits:,}"


def _paths(analysis: Analysis) -> int:
    return sum(len(threat.paths) + threat.more_paths for threat in analysis.threats)

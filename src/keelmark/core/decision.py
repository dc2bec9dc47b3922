"""The release decision: a pure judgement of findings."""

from __future__ import annotations

from dataclasses import dataclass

from keelmark.core.finding import Finding
from keelmark.core.outcome import Gate, Status, Verdict

__all__ = ["Decision", "Standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one recommendation stands.

    Attributes:
        gate: Gate in force, after profile and criticality.
        is_mandatory: Whether unknown keeps the release back.
        reason: Why it stands so, in one sentence.
        rules: Rules that answered for it.
    """

    recommendation: str
    status: Status
    gate: Gate
    is_mandatory: bool
    reason: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict with everything it rests on.

    Attributes:
        blocking: Open failures that block, heaviest first.
        missing: Mandatory recommendations that are unknown.
        standings: Every recommendation of the catalogue, in its order.
        is_critical: Whether principle P-8 applies; None when nobody answered its questions.
        profile: Profile in force.
    """

    verdict: Verdict
    blocking: tuple[Finding, ...]
    missing: tuple[Standing, ...]
    standings: tuple[Standing, ...]
    is_critical: bool | None
    profile: str

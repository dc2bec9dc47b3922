"""The gate: from findings to the verdict, as a pure function.

Rules of the gate, each with a test:

1. An open failure blocks when its first recommendation has the gate `block` and it is medium or worse, or when it is
   critical. What a rule itself holds for unlikely (low confidence) is shown and does not block.
2. A recommendation stands as failed while one failure is open, as waived while every failure is waived, as unknown
   while one answer is unknown, and as passed only when a rule passed that settles it.
3. Unknown is never pass. An unknown recommendation with the gate `block` keeps the release back.
4. An attestation settles what is unknown; it never covers a failure.
5. A recommendation does not apply when every rule that settles it says so, when the inventory shows that the system has
   no part it speaks of, or when a named person declared it with a reason and a review date. The first two hold only
   when everything that could hide such a part was looked at, or somebody answers until a day for what was left out.
6. A critical system (P-8), or the strict profile, turns every `warn` into `block`.
7. No findings at all is not enough evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from keelmark.core.catalogue import Catalogue
from keelmark.core.decision import Decision, Standing
from keelmark.core.declaration import Declaration, Profile
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.catalogue import Recommendation
    from keelmark.core.finding import Finding

__all__ = ["Policy", "blocks", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the gate judges by.

    Attributes:
        is_critical: Answer to P-8; None when nobody gave one.
        inapplicable: Recommendations that the inventory shows to be about parts this system does not have, with why.
        unseen: What was not looked at and could hide such a part, in words; "" when everything was looked at.
        apart: What was left out and somebody answers for until a day, in words; it is told and changes nothing.
        declarative: Rules that speak of keelmark.yaml alone: nothing unread can hide what they ask for.
    """

    catalogue: Catalogue
    today: date
    profile: Profile = Profile.DEFAULT
    is_critical: bool | None = None
    declaration: Declaration | None = None
    inapplicable: Mapping[str, str] = field(default_factory=dict)
    unseen: str = ""
    apart: str = ""
    declarative: frozenset[str] = frozenset()

    def gate_of(self, row: Recommendation) -> Gate:
        """The gate in force for a recommendation."""
        if row.gate is Gate.WARN and (self.is_critical or self.profile is Profile.STRICT):
            return Gate.BLOCK
        return row.gate


def blocks(finding: Finding, policy: Policy) -> bool:
    """Whether an open failure keeps the release back (rule 1)."""
    if not finding.is_open_failure:
        return False
    if finding.severity is Severity.CRITICAL:
        return True
    if finding.confidence is Confidence.LOW or finding.severity.weight < Severity.MEDIUM.weight:
        return False
    row = policy.catalogue.by_id[finding.recommendations[0]]
    return policy.gate_of(row) is Gate.BLOCK


def decide(findings: Sequence[Finding], policy: Policy) -> Decision:
    """The verdict over these findings."""
    answers: dict[str, list[Finding]] = {}
    for finding in findings:
        for recommendation in finding.recommendations:
            answers.setdefault(recommendation, []).append(finding)
    standings = tuple(
        _standing(row, answers.get(row.id, ()), policy) for row in policy.catalogue.by_id.values()
    )
    blocking = sorted((finding for finding in findings if blocks(finding, policy)), key=_weight)
    missing = tuple(row for row in standings if row.is_mandatory and row.status is Status.UNKNOWN)
    if blocking:
        verdict = Verdict.DO_NOT_RELEASE
    elif missing or not findings:
        verdict = Verdict.NOT_ENOUGH_EVIDENCE
    else:
        verdict = Verdict.RELEASE
    return Decision(
        verdict=verdict,
        blocking=tuple(blocking),
        missing=missing,
        standings=standings,
        is_critical=policy.is_critical,
        profile=policy.profile.value,
    )


_CONFIDENCE = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}


def _weight(finding: Finding) -> tuple[int, int, str, str]:
    place = str(finding.locations[0]) if finding.locations else ""
    return (-finding.severity.weight, _CONFIDENCE[finding.confidence], finding.rule, place)


def _standing(row: Recommendation, answers: Sequence[Finding], policy: Policy) -> Standing:
    status, reason = _status(row, answers, policy)
    gate = policy.gate_of(row)
    return Standing(
        recommendation=row.id,
        status=status,
        gate=gate,
        is_mandatory=gate is Gate.BLOCK,
        reason=reason,
        rules=tuple(sorted({finding.rule for finding in answers})),
    )


def _status(row: Recommendation, answers: Sequence[Finding], policy: Policy) -> tuple[Status, str]:
    failures = [finding for finding in answers if finding.outcome is Outcome.FAIL]
    if any(finding.waiver is None for finding in failures):
        count = sum(finding.waiver is None for finding in failures)
        return Status.FAIL, f"{count} open failure{'s' if count > 1 else ''}"
    if failures:
        owners = sorted({finding.waiver.owner for finding in failures if finding.waiver})
        return Status.WAIVED, f"{len(failures)} waived by {', '.join(owners)}"
    declared = _declared(row.id, policy)
    if declared is not None:
        return declared
    unknown = [finding for finding in answers if finding.outcome is Outcome.UNKNOWN]
    if unknown:
        return Status.UNKNOWN, unknown[0].message
    settling = [finding for finding in answers if row.id in finding.settles]
    passed = [finding for finding in settling if finding.outcome is Outcome.PASS]
    if passed:
        return Status.PASS, passed[0].message
    absent = settling[0].message if settling else policy.inapplicable.get(row.id, "")
    if absent:
        return _absence(absent, settling, policy)
    return Status.UNKNOWN, _why_unknown(row, answers)


def _absence(absent: str, settling: Sequence[Finding], policy: Policy) -> tuple[Status, str]:
    if settling and all(finding.rule in policy.declarative for finding in settling):
        return Status.NOT_APPLICABLE, absent
    if policy.unseen:
        # What was not looked at may hold the very part that was not found.
        return Status.UNKNOWN, f"{absent}, but {policy.unseen}"
    apart = f" (looked at everything apart from {policy.apart})" if policy.apart else ""
    return Status.NOT_APPLICABLE, f"{absent}{apart}"


def _declared(recommendation: str, policy: Policy) -> tuple[Status, str] | None:
    if policy.declaration is None:
        return None
    for attestation in policy.declaration.attestations:
        if attestation.recommendation == recommendation and attestation.is_current(policy.today):
            until = attestation.expires.isoformat()
            return Status.ATTESTED, f"attested by {attestation.by} until {until}: {attestation.statement}"
    for entry in policy.declaration.not_applicable:
        if entry.recommendation == recommendation and policy.today < entry.review:
            return Status.NOT_APPLICABLE, f"{entry.reason} ({entry.owner}, review {entry.review.isoformat()})"
    return None


def _why_unknown(row: Recommendation, answers: Sequence[Finding]) -> str:
    if any(finding.outcome is Outcome.PASS for finding in answers):
        return "what was checked passed, but does not settle it; a person can attest the rest"
    if row.where == ("person",):
        return "only a person can say"
    places = {
        "gateway": "the request path",
        "running_system": "the running system",
        "active_test": "a test or drill",
        "release_gate": "the build and release",
        "person": "a person",
        "project_folder": "the folder",
    }
    seen = ", ".join(places[where] for where in row.where if where in places)
    return f"nothing in the folder settles it; it shows in {seen}"

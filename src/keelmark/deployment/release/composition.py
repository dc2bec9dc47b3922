"""Puts a release together: pure, from an assessment that the gate let through and from what was measured.

The gate has the last word here, too: whatever calls this, a release of what may not be released is never made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.outcome import Verdict
from keelmark.core.release import (
    Contents,
    EnvelopeLimit,
    EvidenceReferences,
    GrowthLimits,
    LeftOut,
    Release,
    Signatory,
)
from keelmark.core.system_model import GROWING
from keelmark.deployment.release import predicate
from keelmark.deployment.release.subjects import Measured, assets_of, readable, subjects_of
from keelmark.deployment.release.validity import grounds_of, validity_of
from keelmark.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from keelmark.core.assessment import Assessment
    from keelmark.core.declaration import Declaration, Dimension, GrowthEnvelope
    from keelmark.core.threats import Analysis
    from keelmark.deployment.release.predicate import StatedRelease
    from keelmark.trust.keys import PublicKey

__all__ = [
    "Made",
    "check_signers",
    "compose",
    "findings_digest",
    "limits_of",
    "may_be_released",
    "not_assessed",
    "signatory",
]

_SHOWN_NOT_ASSESSED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Everything a release is put together from, beside the assessment.

    Attributes:
        measured: Every file and link.
        contents: What of the folder is covered.
        evidence: What it rests on.
        signers: Who will sign.
        days: How long it is to hold, at most.
        guidelines: Version of the catalogue.
        supersedes: Id of the release before; "" for none.
        computed: Limits of growth that the threat analysis found.
    """

    measured: Sequence[Measured]
    contents: Contents
    evidence: EvidenceReferences
    signers: tuple[Signatory, ...]
    days: int
    guidelines: str
    supersedes: str = ""
    computed: tuple[EnvelopeLimit, ...] = ()


def may_be_released(assessment: Assessment) -> bool:
    """Whether the verdict over a whole project is to release it, and nothing in the decision speaks against it."""
    if assessment.is_partial or assessment.is_interrupted or not assessment.tree_digest:
        return False
    decision = assessment.decision
    return decision.verdict is Verdict.RELEASE and not decision.blocking and not decision.missing


def signatory(name: str, key: PublicKey) -> Signatory:
    """A person with a key.

    Raises:
        UsageError: The name is empty.
    """
    if not name.strip():
        raise UsageError("a release needs to know who signs it", hint='--owner "Head of Platform"')
    return Signatory(
        name=readable(" ".join(name.split())),
        keyid=key.keyid,
        algorithm=key.algorithm,
        public_key=key.pem,
    )


def check_signers(signers: Sequence[Signatory], *, critical: bool | None) -> None:
    """Whether enough people sign, each once.

    Raises:
        UsageError: They do not.
    """
    for at, signer in enumerate(signers):
        for other in signers[:at]:
            if signer.keyid == other.keyid:
                raise UsageError(
                    "the same key cannot sign twice", hint="the second signer has a key of their own"
                )
            if predicate.same_person(signer.name, other.name):
                raise UsageError(
                    f"`{signer.name}` cannot sign twice", hint="the second signer is somebody else"
                )
    if len(signers) < predicate.signers_needed(critical=critical):
        why = "is critical" if critical else "may be critical: keelmark.yaml does not say"
        raise UsageError(
            f"the system {why}, and two people must sign its release",
            hint='name the second one and their public key: --second-owner "Risk owner" --second-key risk.pub',
        )


def compose(
    assessment: Assessment,
    declaration: Declaration | None,
    made: Made,
    *,
    now: datetime,
) -> StatedRelease:
    """The release, ready to be signed.

    Raises:
        UsageError: It may not be released, too few sign, or what it rests on has ended.
    """
    if not may_be_released(assessment):
        raise UsageError("the assessment does not allow a release", hint="keelmark assess says why")
    check_signers(made.signers, critical=assessment.decision.is_critical)
    grounds = grounds_of(assessment, declaration)
    validity = validity_of(grounds.ending, now=now, days=made.days)
    subjects = subjects_of(made.measured, assessment.inventory)
    release = Release(
        id="",
        system=readable(assessment.system),
        system_version=readable(declaration.system.version if declaration and declaration.system else ""),
        verdict=assessment.decision.verdict,
        profile=assessment.decision.profile,
        critical=assessment.decision.is_critical,
        guidelines=made.guidelines,
        keelmark=assessment.version,
        created=now,
        not_before=validity.not_before,
        expires=validity.expires,
        limited_by=validity.limited_by,
        signers=made.signers,
        contents=made.contents,
        evidence=made.evidence,
        envelope=_envelope(declaration.growth_envelope if declaration else None, made.computed),
        assets=assets_of(assessment.inventory),
        waivers=grounds.waivers,
        attestations=grounds.attestations,
        not_applicable=grounds.not_applicable,
        exclusions=grounds.exclusions,
        accepted_threats=grounds.accepted_threats,
        supersedes=made.supersedes,
    )
    return predicate.parse_release(predicate.payload_of(predicate.with_id(release, subjects), subjects))


def limits_of(analysis: Analysis) -> tuple[EnvelopeLimit, ...]:
    """The limits of growth that a threat analysis found."""
    return tuple(
        EnvelopeLimit(
            dimension=each.dimension,
            limit=_number(each.limit),
            now=_number(each.now),
            reason=readable(each.because),
        )
        for each in analysis.envelope
    )


def findings_digest(assessment: Assessment) -> str:
    """SHA-256 over all findings."""
    # ASCII, with escapes: foreign text may hold lone surrogates, which no charset has.
    written = json.dumps(msgspec.to_builtins(assessment.findings), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def not_assessed(
    measured: Iterable[Measured], assessed: frozenset[str], assessment: Assessment
) -> tuple[tuple[LeftOut, ...], int]:
    """Files that are covered and were not looked at, the first of them, and how many there are."""
    reasons = {
        gap.path: f"{gap.reason}: {gap.detail}" if gap.detail else str(gap.reason) for gap in assessment.gaps
    }
    found = [
        LeftOut(path=each.path, reason=readable(_reason(each, reasons)))
        for each in measured
        if each.path not in assessed
    ]
    return tuple(found[:_SHOWN_NOT_ASSESSED]), len(found)


def _reason(measured: Measured, reasons: dict[str, str]) -> str:
    path = measured.path
    while path:
        if path in reasons:
            return reasons[path]
        path = path.rpartition("/")[0]
    return "a link is not followed" if measured.is_link else "left out by the assessment"


def _envelope(declared: GrowthEnvelope | None, computed: tuple[EnvelopeLimit, ...]) -> GrowthLimits:
    if declared is None:
        return GrowthLimits(computed=computed)
    limits = ((name, getattr(declared, name)) for name in GROWING)
    return GrowthLimits(
        declared=tuple(_declared(name, limit) for name, limit in limits if limit is not None),
        computed=computed,
        exposure=readable(declared.exposure),
        data_classes=tuple(map(readable, declared.data_classes)),
    )


def _declared(name: str, dimension: Dimension) -> EnvelopeLimit:
    return EnvelopeLimit(
        dimension=name,
        limit=_number(dimension.limit),
        now=_number(dimension.now),
        reason=readable(dimension.beyond),
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))

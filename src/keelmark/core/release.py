"""Words of the release: what is signed, for how long, by whom, on which evidence; and what verifying it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from keelmark.core.outcome import Outcome, Verdict
from keelmark.core.signature import Difference, SignerIdentity

__all__ = [
    "AcceptedThreat",
    "Contents",
    "EnvelopeLimit",
    "EvidenceReferences",
    "GrowthLimits",
    "LeftOut",
    "LogReference",
    "ReinstatedRelease",
    "Release",
    "ReleaseState",
    "ReleaseVerification",
    "ReleasedAsset",
    "ReleasedStatement",
    "Revocation",
    "Signatory",
]


class ReleaseState(StrEnum):
    """What a release is worth, what weighs most first."""

    DAMAGED = "damaged"
    UNTRUSTED = "not signed by a trusted key"
    REVOKED = "revoked"
    CHANGED = "files changed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    INCOMPLETE = "incomplete"
    UNKNOWN = "cannot tell"
    VALID = "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who signs a release. The key stands here to compare with; whether it is trusted, only the verifier knows.

    Attributes:
        name: Role or person.
        keyid: SHA-256 of the key in DER form, hexadecimal.
        algorithm: Of the key.
        public_key: The public key in PEM form.
    """

    name: str
    keyid: str
    algorithm: str
    public_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What lies in the folder and is not part of the release, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What of the folder the release covers.

    Attributes:
        files: How many of the subjects, from the first on, are files and links; those behind them are parts of files.
        bytes: Bytes of the files.
        links: Paths of symbolic links, which are recorded by the text of their target and never followed.
        left_out: What is in the folder and not covered.
        commit: Commit that was checked out; "" when that is not known.
        not_assessed: What is covered and was not looked at by the assessment, the first of them.
        not_assessed_total: How many there are.
    """

    files: int
    bytes: int
    links: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    commit: str = ""
    not_assessed: tuple[LeftOut, ...] = ()
    not_assessed_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReference:
    """Where the transparency log records the evidence.

    Attributes:
        origin: Name of the log.
        index: Of the leaf that records the findings.
        size: Leaves under the checkpoint that was in force.
        root: Root of that checkpoint, in base64; "" when the log had none.
    """

    origin: str
    index: int
    size: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceReferences:
    """What the release rests on, by digest (SHA-256, hexadecimal).

    Attributes:
        run: Id of the assessment in `.keelmark/evidence.db`.
        assessed: When it began.
        tree: Over paths and digests of all files that were assessed.
        findings: Over all findings.
        json_report: The JSON report of that run.
        sarif_report: The SARIF report of that run.
        threats: The threat analysis; "" without one.
        log: None when there is no log.
    """

    run: str
    assessed: datetime
    tree: str
    findings: str
    json_report: str
    sarif_report: str
    threats: str = ""
    log: LogReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedAsset:
    """One model, dataset, prompt, tool or server of the inventory.

    Attributes:
        kind: As the inventory calls it.
        name: As the inventory calls it.
        path: File that holds it; "" when it runs elsewhere.
        digest: `sha256:...`; "" when there is nothing here to digest.
        revision: Of a hosted or hub model.
    """

    kind: str
    name: str
    path: str = ""
    digest: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedStatement:
    """What a named person answers for until a day: a waiver, an attestation, an exclusion, what does not apply.

    Attributes:
        about: Rule, recommendation or path.
        owner: Role or person.
        reason: Why, or what is stated.
        expires: First day on which it no longer counts; None for one that never ends.
        covers: How many findings it covers.
    """

    about: str
    owner: str
    reason: str
    expires: date | None = None
    covers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedThreat:
    """A threat that is accepted, transferred or avoided, not mitigated."""

    threat: str
    treatment: str
    owner: str
    reason: str
    expires: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeLimit:
    """One limit of growth. Numbers are texts: fractions have no single spelling in signed JSON.

    Attributes:
        dimension: `users`, `requests_per_day`, `tools`, `autonomy`, ...
        limit: Largest value at which the release holds; "" when none was found.
        now: Value today; "" when not known.
        reason: What happens beyond it.
    """

    dimension: str
    limit: str
    now: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthLimits:
    """The growth envelope inside which the release holds.

    Attributes:
        declared: What the owner declared.
        computed: What the threat analysis found.
        exposure: `internal`, `partners` or `public`, as declared.
        data_classes: Classes of data that may be handled, as declared.
    """

    declared: tuple[EnvelopeLimit, ...] = ()
    computed: tuple[EnvelopeLimit, ...] = ()
    exposure: str = ""
    data_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinstatedRelease:
    """An earlier release whose contents are in force again.

    Attributes:
        id: Of the release.
        digest: SHA-256 of its statement, hexadecimal.
    """

    id: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is stated about the subjects: the predicate.

    Attributes:
        id: Time and content in one word.
        system: Name as declared.
        system_version: As declared.
        critical: Whether principle P-8 applies; None when nobody said.
        guidelines: Version of the catalogue.
        keelmark: Version of the program.
        not_before: When it begins to hold.
        expires: When it no longer holds.
        limited_by: What makes it end then.
        signers: Everybody who must have signed.
        supersedes: Id of the release that this one replaces; "" for none.
        reinstates: The earlier release that was gone back to; None for one that rests on an assessment of its own.
    """

    id: str
    system: str
    system_version: str
    verdict: Verdict
    profile: str
    critical: bool | None
    guidelines: str
    keelmark: str
    created: datetime
    not_before: datetime
    expires: datetime
    limited_by: str
    signers: tuple[Signatory, ...]
    contents: Contents
    evidence: EvidenceReferences
    envelope: GrowthLimits
    assets: tuple[ReleasedAsset, ...] = ()
    waivers: tuple[ReleasedStatement, ...] = ()
    attestations: tuple[ReleasedStatement, ...] = ()
    not_applicable: tuple[ReleasedStatement, ...] = ()
    exclusions: tuple[ReleasedStatement, ...] = ()
    accepted_threats: tuple[AcceptedThreat, ...] = ()
    supersedes: str = ""
    reinstates: ReinstatedRelease | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A named person ends a release.

    Attributes:
        release: Id of the release.
        keyid: Of the key that signs the revocation.
    """

    release: str
    reason: str
    owner: str
    revoked: datetime
    keyid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseVerification:
    """Whether a release holds, here and now.

    Attributes:
        outcome: Pass: it does. Fail: it does not. Unknown: that cannot be told.
        state: What weighs most.
        reasons: Everything that keeps it from being a pass.
        differences: Each file that is not as released; empty when the signatures were not accepted.
        signers: Whose signatures hold, by the keys that were given.
        release: What was signed; None unless a trusted key signed it.
        files: Files and links that were compared.
        size: Bytes of them.
        ignored: What was passed over, with why.
        notes: What the reader should know though it changes nothing.
    """

    outcome: Outcome
    state: ReleaseState
    reasons: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    signers: tuple[SignerIdentity, ...] = ()
    release: Release | None = None
    files: int = 0
    size: int = 0
    ignored: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

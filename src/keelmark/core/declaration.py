"""What people declare in `keelmark.yaml`: the closed tree of words that only a person can say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from keelmark.core.location import Location
from keelmark.core.threat_model import DeclaredThreatModel

__all__ = [
    "Attestation",
    "Component",
    "ComponentKind",
    "Criticality",
    "DataClass",
    "Declaration",
    "DeclaredDataset",
    "DeclaredFlow",
    "DeclaredModel",
    "DeclaredPrompt",
    "DeclaredTool",
    "Dimension",
    "Exclusion",
    "FlowTrust",
    "GrowthEnvelope",
    "NotApplicable",
    "Profile",
    "Supplier",
    "System",
    "UserNotice",
    "Waiver",
]


class Profile(StrEnum):
    """How strict the decision is. There is no profile weaker than the default."""

    DEFAULT = "default"
    STRICT = "strict"


class ComponentKind(StrEnum):
    """Kinds of element in an AI system."""

    MODEL = "model"
    ADAPTER = "adapter"
    DATASET = "dataset"
    PROMPT = "prompt"
    RETRIEVAL_STORE = "retrieval-store"
    MEMORY = "memory"
    TOOL = "tool"
    MCP_SERVER = "mcp-server"
    AGENT = "agent"
    API = "api"
    USER_INTERFACE = "user-interface"
    DATABASE = "database"
    EVALUATOR = "evaluator"
    GATEWAY = "gateway"
    REGISTRY = "registry"
    PIPELINE = "pipeline"
    SERVICE = "service"
    PERSON = "person"


class FlowTrust(StrEnum):
    """How far what flows can be trusted."""

    TRUSTED = "trusted"
    USER = "user"
    THIRD_PARTY = "third-party"
    MODEL_OUTPUT = "model-output"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The system under assessment.

    Attributes:
        name: Its name.
        purpose: What it does and for whom, in a sentence or two.
        owner: The role or person accountable for its security (P-1).
        version: Its version, if it has one.
        contact: Where security reports go.
    """

    name: str
    purpose: str
    owner: str
    version: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criticality:
    """Questions of principle P-8: could a compromise cause severe harm of this kind? One yes makes it critical.

    Attributes:
        physical: Injury or damage to property.
        reputational: Lasting loss of trust.
        business: Loss that threatens operations.
        confidentiality: Disclosure of personal or secret information.
        legal: Breach of law or contract.
    """

    physical: bool
    reputational: bool
    business: bool
    confidentiality: bool
    legal: bool

    @property
    def is_critical(self) -> bool:
        """Whether one answer is yes."""
        return self.physical or self.reputational or self.business or self.confidentiality or self.legal


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One element of the system.

    Attributes:
        id: Short name, unique.
        kind: What it is.
        path: File or folder it stands for; a glob is allowed. "" for what runs elsewhere.
        supplier: Id of the supplier, if it comes from one.
        owner: Who looks after it.
        description: In a sentence.
        boundary: Id of the trust boundary around it.
        shared: Whether several tenants or users share its content; leave it out when not known.
    """

    id: str
    kind: ComponentKind
    path: str = ""
    supplier: str = ""
    owner: str = ""
    description: str = ""
    boundary: str = ""
    shared: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFlow:
    """What flows from one component to another.

    Attributes:
        source: Id of a component.
        target: Id of a component.
        carries: What flows.
        trust: How far it can be trusted.
        data_classes: Classes of data that flow.
    """

    source: str
    target: str
    carries: str = ""
    trust: FlowTrust = FlowTrust.TRUSTED
    data_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DataClass:
    """A class of data that the system handles.

    Attributes:
        name: `personal`, `payment`, `health`, `confidential`, `public`, ...
        where: Components or paths that hold it.
        basis: Why it may be processed (law, contract, consent).
        retention_days: How long it is kept; 0 when it is not kept.
    """

    name: str
    where: tuple[str, ...] = ()
    basis: str = ""
    retention_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Who provides a component.

    Attributes:
        id: Short name, unique.
        provides: Models, data, tools or services it provides (ids or names as found in the code).
        assessed_on: Day of the last look at its security posture.
        assessment: Where that assessment lies (path or title).
        conditions: Terms that matter: retention, training use, region.
    """

    id: str
    provides: tuple[str, ...] = ()
    assessed_on: date | None = None
    assessment: str = ""
    conditions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One measured limit of the growth envelope."""

    limit: float
    now: float | None = None
    unit: str = ""
    beyond: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthEnvelope:
    """How far the system may grow before its release no longer holds (SD-2.f).

    Attributes:
        users: People who can reach it.
        requests_per_day: Load.
        tools: Tools a model can call.
        autonomy: Steps a model may take without a person.
        exposure: `internal`, `partners` or `public`.
        data_classes: The classes of data it may handle.
        spend_per_day: Money, in the currency of the owner.
    """

    users: Dimension | None = None
    requests_per_day: Dimension | None = None
    tools: Dimension | None = None
    autonomy: Dimension | None = None
    spend_per_day: Dimension | None = None
    exposure: str = ""
    data_classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UserNotice:
    """What users are told (DEP-4.e, DEP-5).

    Attributes:
        path: The notice itself, in the folder.
        limitations: Known limitations and accepted risks it names.
        prohibited_uses: Uses it forbids.
        data_use: How user data is used, accessed and stored.
    """

    path: str = ""
    limitations: tuple[str, ...] = ()
    prohibited_uses: tuple[str, ...] = ()
    data_use: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredModel:
    """What is declared of one model.

    Attributes:
        path: File in the folder, or "" for a hosted model.
        id: Id of a hosted or hub model.
        origin: Where it comes from: URL, hub id, or the training pipeline.
        revision: Commit, dated snapshot or digest.
        licence: SPDX expression.
        sha256: Digest of the file.
        parameters: Count of trained numbers.
        card: Path of its model card.
    """

    path: str = ""
    id: str = ""
    origin: str = ""
    revision: str = ""
    licence: str = ""
    sha256: str = ""
    parameters: int | None = None
    card: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredDataset:
    """What is declared of one dataset.

    Attributes:
        path: File or folder; a glob is allowed.
        origin: Where it comes from: URL, system, or how it was made.
        collected_on: Day or last day of collection.
        licence: SPDX expression or the name of the terms.
        use: What it may be used for: `train`, `tune`, `evaluate`, `retrieve`.
        consent: How consent or reservation signals were honoured; why none are needed.
        sha256: Digest of the file.
        retention_days: How long it is kept.
        synthetic_share: Share of generated records, 0 to 1.
        personal_data_basis: Why personal data in it may be processed; "none" when it holds none.
        card: Path of its data card.
    """

    path: str
    origin: str = ""
    collected_on: date | None = None
    licence: str = ""
    use: tuple[str, ...] = ()
    consent: str = ""
    sha256: str = ""
    retention_days: int | None = None
    synthetic_share: float | None = None
    personal_data_basis: str = ""
    card: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPrompt:
    """One entry of the prompt register (DEV-3.c).

    Attributes:
        id: Name of the prompt as the inventory shows it.
        path: File that holds it.
        version: Its version.
        owner: Who answers for it.
        purpose: What it is for.
        sha256: Digest of its text as the inventory shows it.
    """

    id: str
    path: str = ""
    version: str = ""
    owner: str = ""
    purpose: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredTool:
    """What a tool may do (SD-3.o).

    Attributes:
        name: Name as the inventory shows it.
        scope: What it may touch, in words.
        effect: `none`, `read`, `write` or `external`.
        approval: `never`, `always`, or when a person must approve, in words.
    """

    name: str
    scope: str = ""
    effect: str = ""
    approval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A named person states what software cannot see. It is dated and expires.

    Attributes:
        recommendation: Id of the catalogue.
        statement: What is so.
        by: Role or person.
        on: Day of the statement.
        expires: First day on which it no longer counts; at most 366 days after `on`.
        evidence: Path in the folder or title of a record.
    """

    recommendation: str
    statement: str
    by: str
    on: date
    expires: date
    evidence: str = ""

    def is_current(self, today: date) -> bool:
        """Whether it counts on that day."""
        return self.on <= today < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A failure that a named person accepts for a time.

    Attributes:
        rule: Slug of the rule.
        reason: Why it is accepted.
        owner: Role or person who accepts it.
        expires: First day on which it no longer counts.
        path: Glob of paths it covers, "" for all.
        fingerprint: One finding only; "" for all of the rule and path.
    """

    rule: str
    reason: str
    owner: str
    expires: date
    path: str = ""
    fingerprint: str = ""

    def is_current(self, today: date) -> bool:
        """Whether it counts on that day."""
        return today < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """A recommendation that does not apply, and who says so (P-11).

    Attributes:
        recommendation: Id of the catalogue.
        reason: Why.
        owner: Role or person.
        review: Day on which it is looked at again; it no longer counts from that day on.
    """

    recommendation: str
    reason: str
    owner: str
    review: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Files that are left out of the assessment; each shows in every report.

    Attributes:
        path: Glob relative to the folder.
        reason: Why.
        owner: Role or person who answers for what is in them.
        expires: First day on which it no longer counts and the files are read again. Without one, or with one more than
            366 days ahead, nothing is called absent that the files could hold.
    """

    path: str
    reason: str
    owner: str
    expires: date | None = None

    def is_current(self, today: date) -> bool:
        """Whether it leaves anything out on that day."""
        return self.expires is None or today < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """All of `keelmark.yaml`.

    Attributes:
        version: Version of this schema; 1.
        profile: `default`, or `strict`, which treats every warning as blocking.
        provenance: Where each value stands: (dotted path, line); filled by the reader of the file.
        elsewhere: What stands in another file than the rest: (dotted path, file); filled by the reader of the files.
    """

    version: int
    system: System | None = None
    criticality: Criticality | None = None
    profile: Profile = Profile.DEFAULT
    components: tuple[Component, ...] = ()
    flows: tuple[DeclaredFlow, ...] = ()
    data_classes: tuple[DataClass, ...] = ()
    suppliers: tuple[Supplier, ...] = ()
    models: tuple[DeclaredModel, ...] = ()
    datasets: tuple[DeclaredDataset, ...] = ()
    prompts: tuple[DeclaredPrompt, ...] = ()
    tools: tuple[DeclaredTool, ...] = ()
    growth_envelope: GrowthEnvelope | None = None
    user_notice: UserNotice | None = None
    threat_model: DeclaredThreatModel | None = None
    attestations: tuple[Attestation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    not_applicable: tuple[NotApplicable, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    provenance: tuple[tuple[str, int], ...] = field(default=())
    elsewhere: tuple[tuple[str, str], ...] = field(default=())

    def line(self, dotted: str) -> int:
        """Line of a value in the file, 0 when it is not there."""
        return next((line for path, line in self.provenance if path == dotted), 0)

    def at(self, dotted: str, *, path: str) -> Location:
        """Where a value stands; `path` is the file of all that stands in no other one."""
        parts = dotted.replace("[", ".[").split(".")
        prefixes = {".".join(parts[:end]).replace(".[", "[") for end in range(1, len(parts) + 1)}
        other = next((file for key, file in self.elsewhere if key in prefixes), path)
        return Location(path=other, line=self.line(dotted))

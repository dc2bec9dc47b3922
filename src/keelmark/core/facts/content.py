"""Documents, datasets, secrets, MCP servers: what else lies in the folder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from keelmark.core.outcome import Confidence

__all__ = [
    "Dataset",
    "Document",
    "DocumentKind",
    "McpServer",
    "Notebook",
    "PersonalData",
    "Pipeline",
    "Secret",
    "Section",
    "Stage",
]


class DocumentKind(StrEnum):
    """What a document is for."""

    MODEL_CARD = "model-card"
    DATA_CARD = "data-card"
    PROMPT_CARD = "prompt-card"
    LICENCE = "licence"
    SECURITY_POLICY = "security-policy"
    USER_NOTICE = "user-notice"
    PRIVACY_NOTICE = "privacy-notice"
    INCIDENT_PLAN = "incident-plan"
    RUNBOOK = "runbook"
    THREAT_MODEL = "threat-model"
    DECISION_RECORD = "decision-record"
    DEBT_REGISTER = "debt-register"
    LIFECYCLE_PLAN = "lifecycle-plan"
    EVALUATION_REPORT = "evaluation-report"
    BOM = "bom"
    CHANGELOG = "changelog"
    CONTRIBUTING = "contributing"
    CODE_OF_CONDUCT = "code-of-conduct"
    README = "readme"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and the words below it, up to the next heading.

    Attributes:
        text: The words themselves, at most 2,000 characters.
    """

    title: str
    level: int
    line: int
    words: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text for people.

    Attributes:
        kind: What it is for.
        metadata: Front matter, flattened to (key, value), at most 64.
        licence: SPDX expression, when the text is a known licence or names one in its front matter.
        contacts: Mail addresses and report links.
        dates: ISO dates found with the label before them, (label, date).
    """

    kind: DocumentKind
    title: str = ""
    words: int = 0
    sections: tuple[Section, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    licence: str = ""
    contacts: tuple[str, ...] = ()
    dates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """One class of personal data found in a dataset, with the first place.

    Attributes:
        kind: `email`, `phone`, `iban`, `payment-card`, `us-ssn`, `national-id-xx`, `ip-address`, `person-name`,
            `date-of-birth`, `street-address`, `health`, `biometric`, `special-category`.
        confidence: Low when only the name of the column says so.
    """

    kind: str
    count: int
    line: int = 0
    column: str = ""
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A file of records.

    Attributes:
        format: `csv`, `tsv`, `jsonl`, `json`, `parquet`, `arrow`, `feather`, `hdf5`, `sqlite`, `numpy`, ...
        rows: Count of records; None when it was not counted.
        columns: Names, at most 200.
        personal: Classes of personal data found in what was read.
        read_rows: Records that were looked at for personal data; 0 when none.
        is_complete: Whether every record was looked at.
    """

    format: str
    rows: int | None = None
    columns: tuple[str, ...] = ()
    personal: tuple[PersonalData, ...] = ()
    read_rows: int = 0
    is_complete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """Something that looks like a credential.

    Attributes:
        kind: `openai-api-key`, `private-key`, `aws-access-key`, `generic-assignment`, ...
        preview: First characters and the length, never the value.
        digest: First 16 hexadecimal digits of the SHA-256 of the value, so that equal ones can be joined.
        dismissed: Why it is held to be no secret (placeholder, test value, checksum fails, ...), "" when it is one.
    """

    kind: str
    line: int
    column: int = 0
    preview: str = ""
    digest: str = ""
    confidence: Confidence = Confidence.HIGH
    dismissed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """One entry of an MCP client configuration.

    Attributes:
        transport: `stdio`, `http`, `sse`.
        command: Program and arguments, as written, for stdio.
        url: Address, credentials removed, for the others.
        is_pinned: Whether the package or image it starts is fixed to a version or digest.
        environment: Names of variables handed to it.
        literals: Names of variables or headers whose value is a literal credential.
        auto_approved: Names of tools it may call without asking.
    """

    name: str
    line: int
    transport: str = "stdio"
    command: str = ""
    url: str = ""
    is_pinned: bool = False
    environment: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    auto_approved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """A Jupyter notebook; its code is in the reading's module.

    Attributes:
        cells: Count of all cells.
        code_cells: Count of code cells.
        is_executed_in_order: Whether the execution counts rise; None when no cell was run.
        errors: Cells whose kept output is an error.
        unparsed: Cells whose code is not valid after magics are removed.
        kernel: Kernel name.
    """

    cells: int
    code_cells: int
    is_executed_in_order: bool | None = None
    errors: tuple[int, ...] = ()
    unparsed: tuple[int, ...] = ()
    kernel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a training pipeline."""

    name: str
    command: str
    line: int
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A training or data pipeline (DVC, MLproject, Kedro, ...).

    Attributes:
        digests: (path, algorithm:digest) recorded by a lock.
        remotes: Where the data is kept, credentials removed.
    """

    system: str
    is_lock: bool = False
    stages: tuple[Stage, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    remotes: tuple[str, ...] = ()

"""One file of the assessed folder and everything that was read from it."""

# ruff: noqa: TC004 - who reads these annotations at run time imports `whole`, which completes this module
from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keelmark.core.facts.code import Endpoint, Module, Prompt
    from keelmark.core.facts.content import Dataset, Document, McpServer, Notebook, Pipeline, Secret
    from keelmark.core.facts.dependency import Manifest
    from keelmark.core.facts.hazard import Hazard
    from keelmark.core.facts.infrastructure import ContainerFile, Resource, Service, Workflow
    from keelmark.core.facts.model import ModelFile, Pointer

__all__ = ["FileFacts", "FileRole", "Gap", "GapReason", "Reading"]


class FileRole(StrEnum):
    """What a file is for; a fault in a test weighs less than one in the product."""

    PRODUCT = "product"
    TEST = "test"
    EXAMPLE = "example"
    DOCUMENTATION = "documentation"
    GENERATED = "generated"
    VENDORED = "vendored"


class GapReason(StrEnum):
    """Why something was not looked at."""

    TOO_LARGE = "too large"
    TOO_MANY = "too many files"
    TOO_DEEP = "nested too deeply"
    OUT_OF_TIME = "out of time"
    UNREADABLE = "cannot be read"
    MALFORMED = "malformed"
    TRUNCATED = "breaks off"
    ENCRYPTED = "encrypted"
    SPECIAL_FILE = "no regular file"
    LINK = "symbolic link that leaves the folder"
    NOT_HERE = "only a pointer; the bytes are not in the folder"
    UNSUPPORTED = "no reader for this format yet"
    EXCLUDED = "excluded"
    CRASHED = "the reader failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that was not looked at, and why. Gaps are reported, never dropped.

    Attributes:
        matters: Whether the gap can hide a defect that blocks a release (a model, code or data that was not read).
        may_hide: Whether a part of the system can lie in it although no rule asks about the gap: program text that is
            only counted, product files that somebody left out. What was not found is then not known to be absent.
    """

    path: str
    reason: GapReason
    detail: str = ""
    line: int = 0
    matters: bool = True
    may_hide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one reader saw in one file. A file that matches several formats has several readings.

    Attributes:
        format: Name of the format: `python`, `requirements`, `safetensors`, `dockerfile`, ...
        environment: Variables that an `.env` file sets: (name, value of at most 200 characters, line).
        digests: Digests that the file records of other files: (path relative to the folder, `algorithm:hex`).
        components: What a bill of materials names: (type, name or package URL, version).
        hazards: What loading the artefact would do.
        covers: Members of an archive that this reading followed as its loader would; nobody has to open them again.
    """

    format: str
    module: Module | None = None
    models: tuple[ModelFile, ...] = ()
    pointers: tuple[Pointer, ...] = ()
    manifest: Manifest | None = None
    container: ContainerFile | None = None
    services: tuple[Service, ...] = ()
    workflow: Workflow | None = None
    resources: tuple[Resource, ...] = ()
    document: Document | None = None
    dataset: Dataset | None = None
    notebook: Notebook | None = None
    pipeline: Pipeline | None = None
    prompts: tuple[Prompt, ...] = ()
    mcp_servers: tuple[McpServer, ...] = ()
    secrets: tuple[Secret, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    environment: tuple[tuple[str, str, int], ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    components: tuple[tuple[str, str, str], ...] = ()
    hazards: tuple[Hazard, ...] = ()
    covers: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One file.

    Attributes:
        path: POSIX path relative to the assessed folder.
        size: Bytes.
        digest: SHA-256 of the content, hexadecimal; "" when the file could not be read whole.
        role: What the file is for.
        readings: What each reader saw.
        gaps: What was not looked at.
    """

    path: str
    size: int
    digest: str = ""
    role: FileRole = FileRole.PRODUCT
    readings: tuple[Reading, ...] = ()
    gaps: tuple[Gap, ...] = ()

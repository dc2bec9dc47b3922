"""What the system is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Absence", "Asset", "AssetKind", "Inventory"]


class AssetKind(StrEnum):
    """Kinds of asset that the inventory knows."""

    MODEL = "model"
    ABSENT_MODEL = "absent-model"
    ADAPTER = "adapter"
    TOKENIZER = "tokenizer"
    HOSTED_MODEL = "hosted-model"
    HUB_MODEL = "hub-model"
    DATASET = "dataset"
    ABSENT_DATA = "absent-data"
    PIPELINE = "pipeline"
    NOTEBOOK = "notebook"
    PROMPT = "prompt"
    TOOL = "tool"
    MCP_SERVER = "mcp-server"
    ENDPOINT = "endpoint"
    ROUTE = "route"
    DEPENDENCY = "dependency"
    MANIFEST = "manifest"
    LOCK = "lock"
    CONTAINER_FILE = "container-file"
    SERVICE = "service"
    WORKFLOW = "workflow"
    INFRASTRUCTURE = "infrastructure"
    DOCUMENT = "document"
    SIGNATURE = "signature"
    ENVIRONMENT_FILE = "environment-file"
    SOURCE = "source"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One thing of value in the system.

    Attributes:
        name: What people call it: file name, tool name, model id, package name.
        path: Where it stands, relative to the assessed folder; for absent files where it would stand.
        line: Line, 0 when the whole file is meant.
        format: Format or framework, `safetensors`, `fastapi`, `poetry-lock`, ...
        size: Bytes; None when it is no file or not here.
        digest: `sha256:...`, or the digest its pointer records; "" when not known.
        is_present: Whether the bytes are here.
        detail: Further facts in words, (key, value), in a fixed order.
    """

    kind: AssetKind
    name: str
    path: str = ""
    line: int = 0
    format: str = ""
    size: int | None = None
    digest: str = ""
    is_present: bool = True
    detail: tuple[tuple[str, str], ...] = ()

    def get(self, key: str) -> str:
        """The detail of that key, "" when there is none."""
        return next((value for name, value in self.detail if name == key), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A kind of thing that was looked for and is not in the folder: stated, so that silence is no answer."""

    what: str
    looked_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All assets, sorted by kind, path, line and name, and what was looked for and not found.

    Attributes:
        traits: What kind of system this is, as its assets show: `llm-application`, `agent`, `retrieval`, `model-api`,
            `trained-model`, `training-pipeline`, `model-package`, `mcp-server`, ... sorted.
    """

    assets: tuple[Asset, ...] = ()
    absent: tuple[Absence, ...] = ()
    traits: tuple[str, ...] = ()

    def of(self, *kinds: AssetKind) -> tuple[Asset, ...]:
        """The assets of these kinds."""
        return tuple(asset for asset in self.assets if asset.kind in kinds)

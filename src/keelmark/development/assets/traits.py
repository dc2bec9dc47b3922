"""What kind of system this is, as its assets and imports show. Tests, examples and vendored code do not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import Asset, AssetKind
from keelmark.core.facts import FileRole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.facts import FileFacts

__all__ = ["TRAITS", "traits_of"]

TRAITS = (
    "agent",
    "api",
    "dataset",
    "hosted-model",
    "hub-model",
    "llm-application",
    "mcp",
    "media-generation",
    "memory",
    "model-file",
    "retrieval",
    "training",
)

_BY_KIND = {
    AssetKind.TOOL: ("agent", "llm-application"),
    AssetKind.MCP_SERVER: ("mcp", "agent"),
    AssetKind.ROUTE: ("api",),
    AssetKind.MODEL: ("model-file",),
    AssetKind.ADAPTER: ("model-file",),
    AssetKind.ABSENT_MODEL: ("model-file",),
    AssetKind.HUB_MODEL: ("hub-model",),
    AssetKind.DATASET: ("dataset",),
    AssetKind.ABSENT_DATA: ("dataset",),
    AssetKind.PIPELINE: ("training",),
}

# Packages whose import in product code shows a trait. A package stands here only when it has hardly another use.
_BY_IMPORT = {
    "llm-application": (
        "anthropic", "autogen", "cohere", "crewai", "dspy", "groq", "guidance", "haystack", "instructor", "langchain",
        "langchain_core", "langgraph", "litellm", "llama_cpp", "llama_index", "mistralai", "ollama", "openai",
        "pydantic_ai", "semantic_kernel", "smolagents", "vllm",
    ),
    "agent": ("autogen", "crewai", "smolagents"),
    "retrieval": (
        "chromadb", "faiss", "lancedb", "llama_index", "pgvector", "pinecone", "pymilvus", "qdrant_client", "weaviate",
    ),
    "memory": ("letta", "mem0", "zep_cloud", "zep_python"),
    "mcp": ("fastmcp", "langchain_mcp_adapters", "mcp", "mcpadapt"),
    "media-generation": ("audiocraft", "bark", "diffusers", "TTS"),
    "training": ("accelerate", "deepspeed", "lightning", "peft", "pytorch_lightning", "trl"),
}  # fmt: skip

# Calls that train.
_TRAINING_CALLS = (
    ".fit",
    ".fit_transform",
    ".partial_fit",
    ".backward",
    ".train",
    "train_test_split",
    ".Trainer",
)


def traits_of(files: Sequence[FileFacts], assets: Sequence[Asset]) -> tuple[str, ...]:
    """The traits, sorted."""
    roles = {file.path: file.role for file in files}
    traits: set[str] = set()
    for asset in assets:
        if roles.get(asset.path, FileRole.PRODUCT) is FileRole.PRODUCT:
            traits.update(_BY_KIND.get(asset.kind, ()))
            if asset.kind is AssetKind.HOSTED_MODEL:
                traits.update(("hosted-model", "llm-application"))
            if asset.kind is AssetKind.PROMPT and asset.get("role") == "system" and not asset.format:
                traits.add("llm-application")
    for file in files:
        if file.role is FileRole.PRODUCT:
            traits.update(_shown_by(file))
    return tuple(sorted(traits))


def _shown_by(file: FileFacts) -> Iterator[str]:
    for reading in file.readings:
        if reading.module is None:
            continue
        tops = {entry.name.split(".", 1)[0] for entry in reading.module.imports}
        for trait, packages in _BY_IMPORT.items():
            if tops.intersection(packages):
                yield trait
        if any(call.name.endswith(_TRAINING_CALLS) for call in reading.module.calls):
            yield "training"

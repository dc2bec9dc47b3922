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

# The same for packages of npm, whose names say less by their first part.
_BY_PACKAGE = {
    "llm-application": (
        "@ai-sdk/anthropic", "@ai-sdk/google", "@ai-sdk/openai", "@anthropic-ai/sdk", "@google/genai",
        "@google/generative-ai", "@langchain/anthropic", "@langchain/core", "@langchain/google-genai",
        "@langchain/langgraph", "@langchain/ollama", "@langchain/openai", "@mistralai/mistralai", "cohere-ai", "groq-sdk",
        "langchain", "llamaindex", "ollama", "openai",
    ),
    "retrieval": ("@langchain/pinecone", "@pinecone-database/pinecone", "@qdrant/js-client-rest", "chromadb", "weaviate-client"),
    "mcp": ("@modelcontextprotocol/sdk", "fastmcp"),
}  # fmt: skip

# Hosts that answer with a model and with nothing else.
_MODEL_HOSTS = frozenset(
    {
        "api-inference.huggingface.co", "api.anthropic.com", "api.cohere.ai", "api.cohere.com", "api.deepseek.com",
        "api.groq.com", "api.mistral.ai", "api.openai.com", "api.together.xyz", "generativelanguage.googleapis.com",
        "openrouter.ai",
    }
)  # fmt: skip

# Resources of infrastructure as code that are a model or an agent of a provider.
_BY_RESOURCE = (
    (("aws_bedrockagent_agent.", "awscc_bedrock_agent."), ("agent", "llm-application", "hosted-model")),
    (("aws_bedrock_", "awscc_bedrock_", "aws_sagemaker_endpoint", "aws_sagemaker_model", "azurerm_cognitive_deployment.",
      "google_vertex_ai_endpoint", "Microsoft.CognitiveServices/accounts/deployments."), ("hosted-model",)),
)  # fmt: skip

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
            if asset.kind is AssetKind.ENDPOINT and asset.get("host") in _MODEL_HOSTS:
                traits.update(("hosted-model", "llm-application"))
            if asset.kind is AssetKind.INFRASTRUCTURE:
                traits.update(*(found for starts, found in _BY_RESOURCE if asset.name.startswith(starts)))
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
        is_npm = reading.module.language in {"javascript", "typescript"}
        tops = {
            _package(entry.name) if is_npm else entry.name.split(".", 1)[0]
            for entry in reading.module.imports
        }
        for trait, packages in (_BY_PACKAGE if is_npm else _BY_IMPORT).items():
            if tops.intersection(packages):
                yield trait
        if any(call.name.endswith(_TRAINING_CALLS) for call in reading.module.calls):
            yield "training"


def _package(name: str) -> str:
    """The package of npm that an import names: `@owner/package`, or what stands before a path or member."""
    parts = name.split("/")
    return (
        "/".join([parts[0], parts[1].split(".", 1)[0]])
        if name.startswith("@") and len(parts) > 1
        else parts[0].split(".", 1)[0]
    )

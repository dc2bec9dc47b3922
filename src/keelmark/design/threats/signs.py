"""What in the facts of code shows a part of an AI system: packages, calls, names. Each list has hardly another use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.system_model import Effect
from keelmark.design.tool_effects import commands, lasting

if TYPE_CHECKING:
    from keelmark.core.facts import AgentTool, Call, Module

__all__ = [
    "GENERATIVE_PACKAGES",
    "HUBS",
    "MCP_CLIENTS",
    "MEMORY_CALLS",
    "PUBLIC_ROUTES",
    "STORE_PACKAGES",
    "asks_model",
    "brings_text_of_others",
    "effect_of",
    "fetches",
    "imported_from",
    "is_generative",
    "is_ingest",
    "is_lookup",
    "is_relevant",
    "loads_model",
    "trains",
]

GENERATIVE_PACKAGES = (
    "openai", "anthropic", "langchain", "langchain_openai", "langchain_anthropic", "langchain_ollama", "langchain_groq",
    "langchain_google_genai", "langchain_community.chat_models", "langchain_community.llms", "langgraph", "litellm",
    "llama_index", "ollama", "mistralai", "cohere", "groq", "google.generativeai", "google.genai", "vertexai.generative_models",
    "vllm", "llama_cpp", "pydantic_ai", "crewai", "autogen", "autogen_agentchat", "autogen_ext", "smolagents", "dspy",
    "semantic_kernel", "agno", "phi.agent", "swarm", "agents", "instructor", "ai", "@ai-sdk", "@anthropic-ai/sdk",
    "@langchain", "@google/generative-ai", "@google/genai",
)  # fmt: skip
"""Packages that call or run a model that writes text."""

STORE_PACKAGES = (
    "chromadb", "faiss", "lancedb", "pgvector", "pinecone", "pymilvus", "qdrant_client", "weaviate", "langchain_chroma",
    "langchain_pinecone", "langchain_qdrant", "langchain_weaviate", "langchain_milvus", "langchain_postgres",
    "langchain_community.vectorstores", "langchain.vectorstores", "llama_index.vector_stores", "llama_index.core.VectorStoreIndex", "llama_index.VectorStoreIndex", "elasticsearch", "opensearchpy",
    "@pinecone-database/pinecone", "@qdrant/js-client-rest",
)  # fmt: skip
"""Packages that search texts by meaning."""

MCP_CLIENTS = (
    "mcp.client", "mcp.ClientSession", "fastmcp.Client", "fastmcp.client", "langchain_mcp_adapters", "mcpadapt",
    "mcp.StdioServerParameters", "agents.mcp", "pydantic_ai.mcp", "autogen_ext.tools.mcp", "agno.tools.mcp",
)  # fmt: skip
"""Imports of a program that uses tools of MCP servers."""

MEMORY_CALLS = re2.compile(
    r"(^|\.)(ConversationBuffer\w*Memory|ConversationSummary\w*Memory|ConversationTokenBufferMemory|MemorySaver|InMemorySaver"
    r"|SqliteSaver|PostgresSaver|AsyncPostgresSaver|RedisChatMessageHistory|PostgresChatMessageHistory|SQLChatMessageHistory"
    r"|InMemoryChatMessageHistory|FileChatMessageHistory|ChatMemoryBuffer|ChatSummaryMemoryBuffer|MemoryClient|mem0\.Memory)(\.from_\w+)?$"
)
"""Calls that make something remember conversations."""

PUBLIC_ROUTES = re2.compile(
    r"(?i)^/?(health\w*|ready\w*|live\w*|ping|metrics|version|docs|redoc|openapi\.json|favicon\.ico|robots\.txt|static.*|status)?/?$"
)
"""Ways in that lead to nothing of value."""

HUBS = frozenset(
    {
        "huggingface", "keras-hub", "openai-whisper", "sentence-transformers", "spacy", "tfhub", "timm", "torchhub",
        "ultralytics",
    }
)  # fmt: skip
"""Providers whose models are fetched and run here."""

_NO_TEXT = re2.compile(
    r"(?i)embed|rerank|whisper|moderation|bert\b|resnet|yolo|dall-?e|stable-diffusion|sentence-transformers|classif|minilm|mpnet"
    r"|speech|voice|sdxl|\b(clip|vit|tts|flux|e5|bge|gte)\b"
)
_TEXT = re2.compile(
    r"(?i)embed|rerank|whisper|tts|moderation|clip|vit|bert|resnet|yolo|dall-?e|stable-diffusion|sentence-transformers|classif|e5-|bge-|gte-|minilm|mpnet|speech|voice|sdxl|flux"
)
_TEXT = re2.compile(
    r"(?i)gpt|llama|mistral|mixtral|qwen|gemma|phi-|falcon|claude|command|t5|opt-|bloom|deepseek|chat|instruct|vicuna|alpaca|zephyr|smollm"
)
_TEXT_LOADERS = re2.compile(r"CausalLM|Seq2SeqLM|text-generation|ChatOpenAI|\bLLM\b")

_FETCHES = re2.compile(
    r"^(requests|httpx|aiohttp|urllib3)\.(\w+\.)*(get|request)$|^urllib\.request\.(urlopen|urlretrieve)$"
    r"|(^|\.)(WebBaseLoader|AsyncHtmlLoader|RecursiveUrlLoader|SitemapLoader|SeleniumURLLoader|YoutubeLoader|WikipediaLoader"
    r"|ArxivLoader|SimpleWebPageReader|BeautifulSoupWebReader|FireCrawlLoader|GitLoader|RSSFeedLoader|NewsURLLoader)(\.\w+)?$"
    r"|(^|\.)load_dataset$|^feedparser\.parse$"
)
_LOOKUP = re2.compile(
    r"(?i)(^|[._])(similarity_search\w*|max_marginal_relevance_search|as_retriever|get_relevant_documents|retrieve\w*|retriever"
    r"|search|search_\w+|vector_search|semantic_search|query_engine|as_query_engine|as_chat_engine|query_index|find_similar\w*|knn_search)$"
)
_INGEST = re2.compile(
    r"(?i)(^|[._/])(re)?(index|ingest|upsert|embed_documents|add_documents|add_texts|from_documents|from_texts|upload|upload_\w+"
    r"|add_\w*documents?|ingest_\w+|index_\w+)$"
)
_TRAINING = re2.compile(
    r"(^|\.)(fit|partial_fit|backward|Trainer|SFTTrainer|DPOTrainer|GRPOTrainer|Seq2SeqTrainer|fit_generator|train_on_batch)$"
)
# What prepares data is fitted too, and is no model.
_PREPARES = re2.compile(
    r"(?i)vectori[sz]er|scaler|encoder|imputer|tfidf|tokenizer|\bpca\b|binarizer|\bml\.feature"
)
_LOADS = re2.compile(
    r"^(joblib|cloudpickle|dill)\.load$|^pickle\.load$|^torch\.(load|jit\.load|hub\.load)$|InferenceSession$|load_model$|^mlflow\.\w+\.load_model$"
    r"|^(lightgbm|xgboost)\.Booster|^tensorflow\.saved_model\.load$|\.from_pretrained$|^transformers\.pipeline$|^ultralytics\.YOLO$|SentenceTransformer$"
)
_OUTSIDE = re2.compile(
    r"(?i)^(requests|httpx|aiohttp|urllib3?|smtplib|websockets?|paramiko|boto3|slack_sdk|twilio|stripe|tavily|langchain_tavily|duckduckgo_search|ddgs|wikipedia|serpapi)\.|^fetch$"
)
_READS_OUTSIDE = re2.compile(
    r"(?i)(^|_)(web|search|fetch|browse|browser|scrape|crawl|mail|email|inbox|url|page|news|wiki\w*|tweet|issue)s?(_|$)"
)


def is_relevant(module: Module) -> bool:
    """Whether a module holds something of AI: a model, tool, prompt, retrieval, training."""
    if (
        module.models
        or any(tool.framework != "manifest" for tool in module.tools)
        or any(prompt.role.value == "system" for prompt in module.prompts)
    ):
        return True
    return bool(imported_from(module, (*GENERATIVE_PACKAGES, *STORE_PACKAGES, *MCP_CLIENTS))) or any(
        loads_model(call) or trains(call) for call in module.calls
    )


def imported_from(module: Module, packages: tuple[str, ...]) -> str:
    """The first of these packages that the module imports, "" when it imports none."""
    for entry in module.imports:
        for package in packages:
            if entry.name == package or entry.name.startswith((f"{package}.", f"{package}/")):
                return package
    return ""


def is_generative(name: str, loader: str, *, is_hub: bool) -> bool:
    """Whether a model writes text that something reads; the rest judges, embeds or draws."""
    if _NO_TEXT.search(name) or re2.search(r"(?i)embed|rerank|classif|Sequence", loader):
        return False
    if _TEXT_LOADERS.search(loader):
        return True
    return bool(_TEXT.search(name)) if is_hub else True


def loads_model(call: Call) -> bool:
    """Whether a call loads a model."""
    return bool(_LOADS.search(call.name))


def trains(call: Call) -> bool:
    """Whether a call trains a model."""
    if not _TRAINING.search(call.name):
        return False
    return call.name.endswith(".backward") or not _PREPARES.search(call.name)


_ASKS = re2.compile(
    r"(^|\.)(a?invoke|a?stream|a?generate\w*|predict\w*|a?completions?|chat|create|parse|kickoff|run|arun|run_sync|forward|a?query|encode"
    r"|embed_\w+|streamText|generateText|generateObject|streamObject|transcribe|a?chat|stream_chat|astream_events|apredict)$"
)


def asks_model(call: Call) -> bool:
    """Whether a call asks a model, as far as its name tells."""
    if loads_model(call):
        return True
    package = call.name.startswith(tuple(f"{name}." for name in GENERATIVE_PACKAGES))
    return bool(_ASKS.search(call.name)) and (
        package or call.name.endswith(("invoke", "stream", "predict", "generate"))
    )


def fetches(call: Call) -> bool:
    """Whether a call brings in text of others."""
    return bool(_FETCHES.search(call.name))


def is_lookup(name: str) -> bool:
    """Whether a call looks texts up."""
    return bool(_LOOKUP.search(name)) and not name.startswith(("re.", "re2.", "regex."))


def is_ingest(name: str) -> bool:
    """Whether a call or route puts texts where they are looked up."""
    return bool(_INGEST.search(name.rstrip("/")))


def effect_of(
    tool: AgentTool, own: tuple[Call, ...], calls: tuple[Call, ...], sinks: frozenset[str]
) -> Effect | None:
    """The gravest thing that a tool was seen to do; None when its code does not tell.

    Args:
        tool: The tool.
        own: Calls of its own code.
        calls: Its calls, those of functions that it calls included.
        sinks: Where its arguments arrive unchecked.
    """
    names = (*tool.effects, *(call.name for call in calls))
    if commands(tool.effects) or sinks & {"command", "code", "deserialise"}:
        return Effect.EXECUTE
    if "url" in sinks or any(_OUTSIDE.match(name) for name in names):
        return Effect.EXTERNAL
    if lasting(tool.effects) or any(_changes(call) for call in own):
        return Effect.WRITE
    if _reads_outside(tool.name):
        return Effect.EXTERNAL if any(call.name.endswith("invoke") for call in calls) else Effect.READ
    # A name that promises a change, and code in which none was recognised: what it does is not known then.
    return None if _CHANGES_BY_NAME.search(_HUMP.sub(r"\1_\2", tool.name)) else Effect.READ


_HUMP = re2.compile(r"([a-z0-9])([A-Z])")
_CHANGES_BY_NAME = re2.compile(
    r"(?i)^(create|write|delete|move|edit|update|send|remove|post|pay|refund|cancel|transfer|book|deploy|execute|run)(_|$)"
    r"|(^|_)(commit|push|reset|checkout)(_|$)"
)
_CHANGING_SQL = re2.compile(r"(?i)^\s*(insert|update|delete|drop|alter|create|replace|merge|truncate)\b")


def _changes(call: Call) -> bool:
    if not call.name.endswith((".execute", ".executemany")):
        return False
    return any(
        isinstance(entry.literal, str) and _CHANGING_SQL.match(entry.literal) for entry in call.arguments[:1]
    )


def _reads_outside(name: str) -> bool:
    return bool(_READS_OUTSIDE.search(_HUMP.sub(r"\1_\2", name)))


def brings_text_of_others(tool: AgentTool, effect: Effect | None) -> bool:
    """Whether what a tool answers can be written by others; what was only described is held to be so."""
    is_described_only = effect is None and tool.framework == "manifest"
    return is_described_only or effect is Effect.EXTERNAL or bool(_reads_outside(tool.name))

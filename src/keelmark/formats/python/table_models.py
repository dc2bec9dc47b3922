"""Models as data: shapes of hosted ids, loaders of hubs, and what pins a revision."""

from __future__ import annotations

from dataclasses import dataclass

import re2

__all__ = [
    "CLIENTS",
    "LOADERS",
    "MODEL_KEYWORDS",
    "NO_MODELS",
    "Loader",
    "client_of",
    "is_hub_id",
    "is_known_on_hub",
    "pinned",
    "provider_of",
]

_SHAPES: tuple[tuple[str, str], ...] = (
    (
        "openai",
        (
            r"gpt-(3\.5|4|4o|4\.1|4\.5|5|oss)[\w.:-]*|o[134](-(mini|preview|pro))?(-\d{4}-\d{2}-\d{2})?|chatgpt-[\w.-]+"
            r"|text-embedding-(3-small|3-large|ada-002)|text-davinci-\d+|davinci-002|babbage-002|whisper-1|dall-e-[23]|gpt-image-1|tts-1(-hd)?"
        ),
    ),
    ("anthropic", r"claude-[\w.@:-]+"),
    (
        "google",
        r"(models/)?(gemini|gemma|imagen|palm)-[\w.-]+|(models/)?(text-embedding-00\d|embedding-001|chat-bison[\w@-]*)",
    ),
    ("mistral", r"(mistral|ministral|codestral|open-mistral|open-mixtral|magistral|pixtral)-[\w.-]+"),
    (
        "cohere",
        r"command(-r|-a|-light|-nightly|-r-plus)[\w.-]*|embed-(english|multilingual)-v[\w.-]+|rerank-[\w.-]+",
    ),
    ("deepseek", r"deepseek-(chat|reasoner|coder)"),
    ("xai", r"grok-[\w.-]+"),
    (
        "bedrock",
        r"(us\.|eu\.|apac\.|global\.)?(anthropic|amazon|meta|mistral|cohere|ai21|stability)\.[a-z][\w.-]+(:\d+)?",
    ),
    ("ollama", r"[a-z][\w.-]*:(latest|\d+(\.\d+)?[bm])[\w.-]*(@sha256:[0-9a-f]+)?"),
)
_COMPILED = tuple((provider, re2.compile(f"^({pattern})$")) for provider, pattern in _SHAPES)
_ROUTED = re2.compile(
    r"^(openai|anthropic|azure|azure_openai|bedrock|gemini|google|google_genai|google_vertexai|vertex_ai|groq|mistral|mistralai"
    r"|cohere|ollama|ollama_chat|together_ai|huggingface|openrouter|deepseek|xai|fireworks_ai|perplexity|replicate)[/:]"
    r"([A-Za-z0-9][\w./:@-]+)$"
)
_DATED = re2.compile(
    r"(20\d{2}-[01]\d-[0-3]\d|20\d{2}[01]\d[0-3]\d|-(?:0[1-9]|1[0-2])[0-3]\d\b|-2[3-9](?:0[1-9]|1[0-2])\b)|(?:gemini|embedding|bison)\S*[-@](00\d)$"
)
_DIGEST = re2.compile(r"@(sha256:[0-9a-f]{12,64})$")

# Root package of a client, and who serves it.
CLIENTS: dict[str, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "ollama": "ollama",
    "cohere": "cohere",
    "mistralai": "mistral",
    "groq": "groq",
    "together": "together",
    "replicate": "replicate",
    "litellm": "litellm",
    "voyageai": "voyage",
    "langchain_openai": "openai",
    "langchain_anthropic": "anthropic",
    "langchain_ollama": "ollama",
    "langchain_google_genai": "google",
    "langchain_google_vertexai": "google",
    "langchain_mistralai": "mistral",
    "langchain_cohere": "cohere",
    "langchain_groq": "groq",
    "langchain_aws": "bedrock",
    "langchain_deepseek": "deepseek",
    "langchain_xai": "xai",
}
_LONGER_CLIENTS: tuple[tuple[str, str], ...] = (
    ("google.generativeai", "google"),
    ("google.genai", "google"),
    ("vertexai", "google"),
    ("llama_index.llms.openai", "openai"),
    ("llama_index.llms.anthropic", "anthropic"),
    ("llama_index.llms.ollama", "ollama"),
    ("llama_index.embeddings.openai", "openai"),
    ("langchain.chat_models.ChatOpenAI", "openai"),
    ("langchain_community.chat_models.ChatOpenAI", "openai"),
    ("langchain_community.chat_models.ChatOllama", "ollama"),
    ("langchain_community.llms.Ollama", "ollama"),
    ("langchain_community.embeddings.OllamaEmbeddings", "ollama"),
    ("langchain.llms.OpenAI", "openai"),
)
MODEL_KEYWORDS = (
    "model",
    "model_name",
    "model_id",
    "modelId",
    "deployment_name",
    "azure_deployment",
    "llm",
    "embedding_model",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """A call that fetches a model from a hub.

    Attributes:
        position: Position of the id.
        keywords: Keywords of the id.
        executes: Whether loading runs code that comes with the model, whatever the arguments.
        needs: Keyword that must be true for anything to be fetched.
    """

    provider: str = "huggingface"
    position: int = 0
    keywords: tuple[str, ...] = (
        "model",
        "model_name",
        "model_name_or_path",
        "pretrained_model_name_or_path",
        "repo_id",
    )
    executes: bool = False
    needs: str = ""


LOADERS: dict[str, Loader] = {
    "from_pretrained": Loader(),
    "transformers.pipeline": Loader(position=1),
    "pipeline": Loader(position=1),
    "SentenceTransformer": Loader(keywords=("model_name_or_path",)),
    "CrossEncoder": Loader(keywords=("model_name", "model_name_or_path")),
    "HuggingFaceEmbedding": Loader(),
    "HuggingFaceEmbeddings": Loader(position=9),
    "HuggingFaceBgeEmbeddings": Loader(position=9),
    "HuggingFaceLLM": Loader(position=9),
    "HuggingFaceHub": Loader(position=9),
    "HuggingFaceEndpoint": Loader(position=9),
    "from_model_id": Loader(position=9, keywords=("model_id",)),
    "hf_hub_download": Loader(keywords=("repo_id",)),
    "snapshot_download": Loader(keywords=("repo_id",)),
    "InferenceClient": Loader(keywords=("model",)),
    "vllm.LLM": Loader(keywords=("model",)),
    "torch.hub.load": Loader(provider="torchhub", keywords=("repo_or_dir",), executes=True),
    "tensorflow_hub.load": Loader(provider="tfhub", keywords=("handle",)),
    "tensorflow_hub.KerasLayer": Loader(provider="tfhub", keywords=("handle",)),
    "spacy.load": Loader(provider="spacy", keywords=("name",)),
    "timm.create_model": Loader(provider="timm", keywords=("model_name",), needs="pretrained"),
    "from_preset": Loader(provider="keras-hub", keywords=("preset",)),
    "whisper.load_model": Loader(provider="openai-whisper", keywords=("name",)),
    "ultralytics.YOLO": Loader(provider="ultralytics", keywords=("model",), executes=True),
    "faster_whisper.WhisperModel": Loader(keywords=("model_size_or_path",)),
}

_HUB_ID = re2.compile(r"^[A-Za-z0-9][\w.-]{0,95}(/[\w.-]{1,96})?$")
# Owners whose names before the slash say that an id is one on the hub, and families that hosts of models keep there too.
_OWNERS = re2.compile(
    r"^(BAAI|sentence-transformers|cross-encoder|intfloat|jinaai|nomic-ai|thenlper|mixedbread-ai|Alibaba-NLP|Snowflake|hkunlp"
    r"|meta-llama|mistralai|Qwen|deepseek-ai|tiiuae|EleutherAI|bigscience|bigcode|HuggingFaceH4|HuggingFaceTB|HuggingFaceM4"
    r"|NousResearch|TheBloke|unsloth|laion|Salesforce|stabilityai|runwayml|CompVis|black-forest-labs|facebook|microsoft"
    r"|distilbert|FacebookAI|google-bert|google-t5|openai-community|allenai|teknium|lmsys|mosaicml|ibm-granite|pyannote)"
    r"/[A-Za-z0-9][\w.-]{1,95}$|^openai/(clip|whisper|imagegpt|shap-e)-[\w.-]+$|^google/(flan-t5|flan-ul2|vit|siglip|mt5|t5|pegasus"
    r"|electra|owlvit|byt5|bert|mobilenet)[\w.-]*$"
)
# What tests and templates write where an id would stand.
NO_MODELS = frozenset(
    {"default", "custom-model", "fake", "fake-model", "mock", "mock-model", "model", "model-name", "none", "test",
     "test-model", "dummy", "dummy-model", "your-model", "any-model", "some-model"}
)  # fmt: skip

_LOCAL_FOLDER = re2.compile(
    r"(?i)^(models?|checkpoints?|ckpts?|outputs?|results?|artifacts?|weights?|saved(_\w+)?|data|runs|exports?|tmp|cache|logs"
    r"|(my|trained|finetuned|fine_tuned|local)[_-]\w+)/"
)
_FILE = re2.compile(
    r"(?i)\.(bin|ckpt|gguf|h5|json|keras|onnx|pkl|pickle|joblib|pth|safetensors|tflite|txt|zip|engine)$"
)


def provider_of(name: str) -> str:
    """Who serves a hosted model id of a known shape; "" when the shape is not known."""
    if is_known_on_hub(name):
        return ""
    routed = _ROUTED.search(name)
    if routed:
        return str(routed.group(1))
    return next((provider for provider, pattern in _COMPILED if pattern.search(name)), "")


def client_of(callee: str) -> str:
    """Who serves the models of a client class or function; "" when it is no known client."""
    for prefix, provider in _LONGER_CLIENTS:
        if callee.startswith(prefix):
            return provider
    return CLIENTS.get(callee.partition(".")[0], "")


def pinned(name: str) -> str:
    """Dated snapshot or digest inside a hosted model id; "" when it floats."""
    digest = _DIGEST.search(name)
    if digest:
        return str(digest.group(1))
    dated = _DATED.search(name)
    return str(dated.group(1) or dated.group(2)).lstrip("-") if dated else ""


def is_known_on_hub(name: str) -> bool:
    """Whether a text is an id on the hub even where nothing loads it: a setting, a default."""
    return _OWNERS.search(name) is not None


def is_hub_id(name: str) -> bool:
    """Whether a text can be an id on a hub rather than a path on disk."""
    if not _HUB_ID.search(name) or _LOCAL_FOLDER.search(name) or _FILE.search(name):
        return False
    return not name.endswith((".pt", "/")) and ".." not in name

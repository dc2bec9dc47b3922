"""Sources as data: names whose value a stranger, a model or a document decides."""

from __future__ import annotations

import re2

from keelmark.core.facts import Trust

__all__ = [
    "FLASK_REQUEST",
    "MODEL_OUTPUT",
    "REQUEST_CALLS",
    "REQUEST_PARTS",
    "RETRIEVED",
    "SOURCE_ATTRIBUTES",
    "UPLOAD_CLASSES",
    "UPLOAD_CONTENT",
    "WEB_ROOTS",
    "source_of",
]

# Parts of a request object that the caller writes; the object itself and its server-side parts are not among them.
REQUEST_PARTS = frozenset(
    {
        "args",
        "body",
        "content",
        "cookies",
        "COOKIES",
        "data",
        "FILES",
        "files",
        "form",
        "GET",
        "get_data",
        "get_json",
        "headers",
        "json",
        "match_info",
        "META",
        "params",
        "path_params",
        "POST",
        "post",
        "query",
        "query_params",
        "query_string",
        "read",
        "receive_bytes",
        "receive_json",
        "receive_text",
        "rel_url",
        "stream",
        "text",
        "values",
        "view_args",
    }
)
FLASK_REQUEST = ("flask.request.", "quart.request.", "bottle.request.", "sanic.request.")
WEB_ROOTS = frozenset(
    {
        "flask",
        "quart",
        "bottle",
        "fastapi",
        "starlette",
        "django",
        "rest_framework",
        "aiohttp",
        "sanic",
        "tornado",
    }
    | {"streamlit", "gradio", "chainlit"}
)
UPLOAD_CLASSES = (
    "fastapi.UploadFile",
    "starlette.datastructures.UploadFile",
    "fastapi.datastructures.UploadFile",
)
UPLOAD_CONTENT = frozenset({"file", "read", "stream", "chunks", "readlines"})

SOURCE_ATTRIBUTES: dict[str, Trust] = {"sys.argv": Trust.USER_INPUT}

REQUEST_CALLS = frozenset(
    {
        "streamlit.text_input",
        "streamlit.text_area",
        "streamlit.chat_input",
        "streamlit.sidebar.text_input",
        "streamlit.sidebar.text_area",
        "streamlit.query_params.get",
        "streamlit.file_uploader",
    }
)

MODEL_OUTPUT = re2.compile(
    r"(^|\.)("
    r"chat\.completions\.(create|parse)|beta\.chat\.completions\.parse|responses\.(create|parse)"
    r"|(Anthropic|AsyncAnthropic|AnthropicBedrock|AnthropicVertex|client|Client)\.(beta\.)?messages\.create"
    r"|ChatCompletion\.a?create|openai\.Completion\.create|OpenAI\.completions\.create"
    r"|litellm\.(a?completion|a?text_completion|a?responses)|ollama\.(chat|generate)|ollama\.(Async)?Client\.(chat|generate)"
    r"|generate_content(_async)?|GenerativeModel\.start_chat\.send_message"
    r"|(Chat[A-Z]\w*|AzureChatOpenAI|OllamaLLM|Ollama|OpenAI|AzureOpenAI|LLMChain|HuggingFacePipeline|HuggingFaceEndpoint"
    r"|AgentExecutor|ConversationChain|RetrievalQA|Bedrock|BedrockLLM|VertexAI|Mistral\.chat|init_chat_model|create_react_agent"
    r"|create_agent)\.(a?invoke|a?run|a?predict|predict_messages|call_as_llm|complete|a?complete|chat|generate)"
    r"|InferenceClient\.(text_generation|chat_completion)|huggingface_hub\.InferenceClient\.\w+"
    r"|transformers\.pipeline|cohere\.Client(V2)?\.(chat|generate)|invoke_model|converse"
    r"|vllm\.LLM\.(generate|chat)|llama_cpp\.Llama(\.create_chat_completion|\.create_completion|\.__call__)?"
    r"|pydantic_ai\.Agent\.run(_sync)?|agents\.Runner\.run(_sync)?"
    r")$"
)
_MODEL_RECEIVER = re2.compile(
    r"(?i)(^|[._])\w*(llm|chain|agent|chat_model|gpt|claude|gemini|agent_executor)\d?(\(\))?"
    r"\.(a?invoke|a?predict|a?complete|generate_content|chat_completion|text_generation|run_sync|arun)$"
)
_MODEL_CHAIN = re2.compile(
    r"(chat\.completions\.create|\bmessages\.create|responses\.create|generate_content|create_chat_completion)$"
)

RETRIEVED = re2.compile(
    r"(^|\.)(similarity_search(_with_score|_by_vector)?|a?similarity_search|max_marginal_relevance_search"
    r"|a?get_relevant_documents|as_retriever\.a?invoke|as_retriever\.retrieve"
    r"|(requests|httpx|requests\.Session|httpx\.Client|httpx\.AsyncClient|aiohttp\.ClientSession)\.(get|post|request)"
    r"|urllib\.request\.urlopen|WebBaseLoader\.load|TavilySearchResults\.invoke|TavilyClient\.search"
    r"|wikipedia\.(page|summary)|WikipediaAPIWrapper\.run|DuckDuckGoSearchRun\.(run|invoke))$"
)
_RETRIEVER_RECEIVER = re2.compile(
    r"(?i)(^|[._])\w*(retriever|vector_?store|vector_?db)\.(a?invoke|retrieve|a?query|search|similarity_search)$"
)


def source_of(callee: str, text: str) -> Trust | None:
    """Trust of a call's result, by its resolved name or else by its text `receiver.method`."""
    if callee in REQUEST_CALLS:
        return Trust.REQUEST
    if callee == "builtins.input":
        return Trust.USER_INPUT
    if callee:
        if MODEL_OUTPUT.search(callee):
            return Trust.MODEL_OUTPUT
        if RETRIEVED.search(callee):
            return Trust.RETRIEVED
    if text:
        if _MODEL_CHAIN.search(text) or _MODEL_RECEIVER.search(text):
            return Trust.MODEL_OUTPUT
        if _RETRIEVER_RECEIVER.search(text) or RETRIEVED.search(text.rpartition(".")[2]):
            return Trust.RETRIEVED
    return None

"""What a JavaScript module says of models: hosted models, prompts, tools, endpoints."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import re2

from keelmark.core.facts import AgentTool, Call, Endpoint, ModelReference, Prompt, PromptRole
from keelmark.formats.dependencies.addresses import cleaned
from keelmark.formats.js_syntax import (
    BOUNDS,
    Tree,
    argument_nodes,
    entries,
    line_of,
    literal,
    scope_of,
    target_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from keelmark.formats.js_names import Names

__all__ = ["endpoints_of", "models_of", "prompts_of", "tools_of"]

_PROVIDERS = {
    "openai": "openai", "@ai-sdk/openai": "openai", "@langchain/openai": "openai", "@anthropic-ai/sdk": "anthropic",
    "@ai-sdk/anthropic": "anthropic", "@langchain/anthropic": "anthropic", "@google/generative-ai": "google",
    "@google/genai": "google", "@ai-sdk/google": "google", "@langchain/google-genai": "google",
    "@mistralai/mistralai": "mistral", "@ai-sdk/mistral": "mistral", "groq-sdk": "groq", "@ai-sdk/groq": "groq",
    "cohere-ai": "cohere", "ollama": "ollama", "@langchain/ollama": "ollama", "@huggingface/inference": "huggingface",
    "@huggingface/transformers": "huggingface", "@xenova/transformers": "huggingface", "replicate": "replicate",
    "together-ai": "together", "@azure/openai": "azure-openai", "@ai-sdk/gateway": "", "@ai-sdk/xai": "xai", "@ai-sdk/azure": "azure-openai",
    "@ai-sdk/amazon-bedrock": "bedrock", "@openrouter/ai-sdk-provider": "", "ai": "", "langchain": "", "@langchain/core": "",
}  # fmt: skip
_BY_NAME = (
    (re2.compile(r"^(gpt-|o[134](-|$)|text-embedding-|chatgpt-|dall-e|whisper-1|tts-1)"), "openai"),
    (re2.compile(r"^claude-"), "anthropic"),
    (re2.compile(r"^(models/)?gemini-"), "google"),
    (re2.compile(r"^(mistral|codestral|open-mi[sx]tral|ministral|pixtral)-"), "mistral"),
    (re2.compile(r"^command-"), "cohere"),
)  # fmt: skip
# The makers that gateways name before the slash.
_MAKERS = {"openai": "openai", "anthropic": "anthropic", "google": "google", "xai": "xai", "x-ai": "xai", "mistral": "mistral",
           "mistralai": "mistral", "meta": "meta", "meta-llama": "meta", "deepseek": "deepseek", "cohere": "cohere",
           "moonshotai": "moonshotai", "alibaba": "alibaba", "qwen": "alibaba", "amazon": "amazon",
           "perplexity": "perplexity", "zai": "zai"}  # fmt: skip
_GATEWAYS = ("@ai-sdk/gateway", "@openrouter/ai-sdk-provider")
_MODEL_METHODS = (".languageModel", ".chatModel", ".textEmbeddingModel", ".imageModel")
_BY_MAKER = re2.compile(r"^([a-z-]{3,12})/([A-Za-z0-9][\w.:-]{2,80})$")
_FAMILY = re2.compile(
    r"\d|gpt|claude|gemini|gemma|grok|llama|mistral|mixtral|codestral|command|sonar|deepseek|qwen|kimi|nova|glm|embed"
)
_MODEL_VARIABLE = re2.compile(r"(?i)(?:^|_)(?:default_?)?(?:[a-z]+_?)?model(?:_?(?:id|name))?$")
_MODEL_KEYS = {"model", "modelName", "modelId", "model_id"}
_MODEL_NAME = re2.compile(r"^[A-Za-z0-9@][\w./:@-]{2,120}$")
_REVISION = re2.compile(r"(?:^|[-@])(\d{4}-\d{2}-\d{2}|20\d{6}|0\d{3}|1\d{3}|\d{3})$")
_PROMPT_NAME = re2.compile(r"(?i)prompt|system_?message|system_?instruction|^instructions$")
# What LangChain makes of a text with places to be filled in.
_TEMPLATES = ("PromptTemplate.fromTemplate", "MessagePromptTemplate.fromTemplate")
_PLACE = re2.compile(r"\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_SYSTEM_KEYS = {"system", "systemPrompt", "systemInstruction", "instructions", "systemMessage"}
_WHITE = re2.compile(r"\s+")
_URL = re2.compile(r"^(?i:https?|wss?)://[^\s\"'`<>{}|\\^$]+")
_NAMESPACES = {"www.w3.org", "w3.org", "json-schema.org", "schemas.xmlsoap.org", "example.com", "www.example.com",
               "reactjs.org", "fb.me"}  # fmt: skip
_EFFECTS = re2.compile(
    r"^(child_process|fs|axios|node-fetch|fetch$|nodemailer|pg|mysql2?|mongodb|execa|eval$|vm|got|undici|http|https|shelljs|zx)\b"
)
_APPROVAL = re2.compile(r"(?i)\b\w*(?:confirm|approv|elicit|needsApproval|askUser|interrupt)\w*\s*[(:]")
MAX_PROMPT_CHARS = 8_000
MIN_PROMPT_CHARS = 40


def models_of(tree: Tree, names: Names, calls: Sequence[tuple[Node, Call]]) -> list[ModelReference]:
    """Hosted models named in options `model: "..."` and in provider functions such as `openai("gpt-4o")`."""
    found = _by_maker(tree, calls)
    packages = names.packages()
    known = [_PROVIDERS[package] for package in packages if package in _PROVIDERS]
    if not known:
        return found
    alone = (
        next((provider for provider in known if provider), "") if len({p for p in known if p}) == 1 else ""
    )
    for node in tree.of("pair"):
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        is_literal, name = literal(value)
        if is_literal and isinstance(name, str) and text_of(key).strip("\"'") in _MODEL_KEYS:
            provider = _provider(name) or alone
            if provider and _MODEL_NAME.match(name) and not _is_by_maker(name):
                found.append(_reference(provider, name, node, "model"))
    for node, call in calls:
        package = next((p for p in _PROVIDERS if call.name == p or call.name.startswith(f"{p}.")), "")
        first = call.arguments[0].literal if call.arguments else None
        if package.startswith("@ai-sdk/") and isinstance(first, str) and _MODEL_NAME.match(first):
            if _PROVIDERS[package] and not _is_by_maker(first):
                found.append(_reference(_PROVIDERS[package], first, node, call.name))
        elif call.name.endswith(("transformers.pipeline", ".from_pretrained")):
            # `pipeline(task, model)` and `AutoModel.from_pretrained(model)`.
            position = 1 if call.name.endswith(".pipeline") else 0
            named = [argument.literal for argument in call.arguments[position : position + 1]]
            found.extend(_reference("huggingface", n, node, call.name) for n in named if isinstance(n, str))
    return found


class _Keys:
    """Keys and values of objects, each object looked through once however many of its pairs ask."""

    def __init__(self) -> None:
        self._known: dict[int, dict[str, Node]] = {}

    def of(self, node: Node | None) -> dict[str, Node]:
        """Keys and first values of an object."""
        if node is None:
            return {}
        if node.id not in self._known:
            found: dict[str, Node] = {}
            for key, value in entries(node):
                found.setdefault(key, value)
            self._known[node.id] = found
        return self._known[node.id]


def _is_by_maker(name: str) -> bool:
    match = _BY_MAKER.match(name)
    return match is not None and match.group(1) in _MAKERS and bool(_FAMILY.search(match.group(2)))


def _by_maker(tree: Tree, calls: Sequence[tuple[Node, Call]]) -> list[ModelReference]:
    """Models called `maker/model`, as gateways name them: in lists with `id`, in constants, in `languageModel(...)`."""
    found: list[ModelReference] = []
    keys = _Keys()
    for node in tree.of("pair"):
        key = text_of(node.child_by_field_name("key")).strip("\"'")
        if key in {"id", "value", *_MODEL_KEYS}:
            is_entry = key in {"id", "value"}
            if not is_entry or not keys.of(node.parent).keys().isdisjoint({"name", "label", "provider"}):
                found.extend(_named(node, node.child_by_field_name("value"), key))
    for node in tree.of("variable_declarator"):
        variable = text_of(node.child_by_field_name("name"))
        if _MODEL_VARIABLE.search(variable):
            found.extend(_named(node, node.child_by_field_name("value"), variable))
    for node, call in calls:
        if call.name.startswith(_GATEWAYS) or call.name.endswith(_MODEL_METHODS):
            found.extend(_named(node, next(iter(argument_nodes(node)), None), call.name))
    return found


def _named(node: Node, value: Node | None, loader: str) -> Iterator[ModelReference]:
    _, name = literal(value)
    if isinstance(name, str) and _is_by_maker(name):
        yield _reference(_MAKERS[name.partition("/")[0]], name, node, loader)


def _provider(name: str) -> str:
    bare = name.rpartition("/")[2] if "/" in name and not name.startswith("models/") else name
    return next((provider for pattern, provider in _BY_NAME if pattern.search(bare)), "")


def _reference(provider: str, name: str, node: Node, loader: str) -> ModelReference:
    match = _REVISION.search(name)
    return ModelReference(
        provider=provider,
        name=name,
        line=line_of(node),
        revision=match.group(1) if match else "",
        loader=loader,
        anchor=text_of(node).split("\n", 1)[0][:120],
    )


def prompts_of(tree: Tree, names: Names, calls: Sequence[tuple[Node, Call]] = ()) -> list[Prompt]:
    """Texts that instruct a model: system messages and options, variables named so, and what becomes a template."""
    found: dict[int, Prompt] = {}
    uses_model = any(package in _PROVIDERS for package in names.packages())
    keys = _Keys()
    for node in tree.of("pair"):
        key = text_of(node.child_by_field_name("key")).strip("\"'")
        value = node.child_by_field_name("value")
        if value is None or value.type not in {"string", "template_string"}:
            continue
        if key == "content" and _role(keys.of(node.parent)) in {"system", "developer"}:
            found[value.start_byte] = _prompt(target_of(node) or "system", value, PromptRole.SYSTEM)
        elif key in _SYSTEM_KEYS and uses_model and len(text_of(value)) >= 20:
            found[value.start_byte] = _prompt(key, value, PromptRole.SYSTEM)
    for node in tree.of("variable_declarator"):
        name, value = text_of(node.child_by_field_name("name")), node.child_by_field_name("value")
        if value is None or value.type not in {"string", "template_string"} or value.start_byte in found:
            continue
        text = text_of(value)
        if _PROMPT_NAME.search(name) and len(text) >= MIN_PROMPT_CHARS and len(_WHITE.split(text)) >= 6:
            role = PromptRole.SYSTEM if "system" in name.lower() else PromptRole.UNKNOWN
            found[value.start_byte] = _prompt(name, value, role)
    for name, value in _handed(names, calls):
        found.setdefault(value.start_byte, _prompt(name, value, PromptRole.TEMPLATE))
    return [found[at] for at in sorted(found)]


def _handed(names: Names, calls: Sequence[tuple[Node, Call]]) -> Iterator[tuple[str, Node]]:
    """Texts that calls make templates of, under the names that they have in the module."""
    for node, call in calls:
        for argument in argument_nodes(node)[:1] if call.name.endswith(_TEMPLATES) else ():
            value = names.constant(argument)
            if value.type in {"string", "template_string"}:
                yield text_of(argument) if value is not argument else target_of(node) or "template", value


def _role(keys: dict[str, Node]) -> str:
    _, text = literal(keys.get("role"))
    return text if isinstance(text, str) else ""


def _prompt(name: str, node: Node, role: PromptRole) -> Prompt:
    is_literal, value = literal(node)
    text = value if is_literal and isinstance(value, str) else text_of(node)[1:-1]
    filled = [
        text_of(child)[2:-1].strip()[:80] for child in node.children if child.type == "template_substitution"
    ]
    if role is PromptRole.TEMPLATE and not filled:
        filled = _PLACE.findall(text[:MAX_PROMPT_CHARS])
    if role is PromptRole.UNKNOWN and filled:
        role = PromptRole.TEMPLATE
    return Prompt(
        name=name,
        line=line_of(node),
        text=text[:MAX_PROMPT_CHARS],
        digest=hashlib.sha256(text.encode()).hexdigest(),
        role=role,
        placeholders=tuple(dict.fromkeys(filled)),
        anchor=name,
    )


def tools_of(tree: Tree, names: Names, calls: Sequence[tuple[Node, Call]]) -> list[AgentTool]:
    """Functions handed to a model: MCP servers, the AI SDK, LangChain."""
    found: list[AgentTool] = []
    for node, call in calls:
        arguments = [names.constant(argument) for argument in argument_nodes(node)]
        if "modelcontextprotocol" in call.name and call.name.endswith((".tool", ".registerTool")):
            found.extend(_mcp(node, arguments, calls))
        elif call.name == "ai.tool" and arguments:
            found.append(_from_options(node, "ai-sdk", dict(entries(arguments[0])), calls))
        elif call.name == "@langchain/core/tools.tool" and len(arguments) > 1:
            found.append(_from_options(node, "langchain", dict(entries(arguments[1])), calls))
    found.extend(_listed(tree, names, calls))
    return found


def _listed(tree: Tree, names: Names, calls: Sequence[tuple[Node, Call]]) -> Iterator[AgentTool]:
    """Tools that an MCP server names when it is asked for its list."""
    for call in tree.of("call_expression"):
        if not text_of(call.child_by_field_name("function")).endswith(".setRequestHandler"):
            continue
        arguments = argument_nodes(call)
        if len(arguments) < 2 or text_of(arguments[0]) != "ListToolsRequestSchema":
            continue
        lists = [
            value
            for node in tree.of("pair")
            if arguments[1].start_byte <= node.start_byte < arguments[1].end_byte
            and text_of(node.child_by_field_name("key")).strip("\"'") == "tools"
            and (value := _bare(node.child_by_field_name("value"))) is not None
            and value.type == "array"
        ]
        for listed in lists[:1]:
            for element in listed.named_children[: BOUNDS.max_entries]:
                options = dict(entries(_bare(names.constant(element))))
                name = _text(options.get("name"))
                if name:
                    schema = _bare(options.get("inputSchema"))
                    schema = dict(entries(schema)).get("properties", schema)
                    yield _tool(element, name, "mcp", _text(options.get("description")), schema, calls)


def _bare(node: Node | None) -> Node | None:
    """A value without what only the type checker reads."""
    while node is not None and node.type in {
        "as_expression",
        "satisfies_expression",
        "parenthesized_expression",
    }:
        node = node.named_children[0] if node.named_children else None
    return node


def _mcp(node: Node, arguments: list[Node], calls: Sequence[tuple[Node, Call]]) -> Iterator[AgentTool]:
    _, name = literal(arguments[0]) if arguments else (False, None)
    if not isinstance(name, str):
        return
    description, schema = "", None
    for argument in arguments[1:-1]:
        is_literal, value = literal(argument)
        if is_literal and isinstance(value, str):
            description = value
        elif argument.type == "object" and schema is None:
            options = dict(entries(argument))
            if "inputSchema" in options or "description" in options:
                description = _text(options.get("description")) or description
                schema = options.get("inputSchema")
            else:
                schema = argument
    yield _tool(node, name, "mcp", description, schema, calls)


def _from_options(
    node: Node, framework: str, options: dict[str, Node], calls: Sequence[tuple[Node, Call]]
) -> AgentTool:
    schema = options.get("inputSchema") or options.get("parameters") or options.get("schema")
    name = _text(options.get("name")) or target_of(node) or scope_of(node).rpartition(".")[2]
    return _tool(node, name, framework, _text(options.get("description")), schema, calls)


def _tool(  # noqa: PLR0917 - a plain constructor
    node: Node,
    name: str,
    framework: str,
    description: str,
    schema: Node | None,
    calls: Sequence[tuple[Node, Call]],
) -> AgentTool:
    if schema is not None and schema.type == "call_expression":  # `z.object({...})`
        inner = argument_nodes(schema)
        schema = inner[0] if inner else None
    effects = [
        call.name
        for place, call in calls
        if node.start_byte < place.start_byte
        and place.end_byte <= node.end_byte
        and _EFFECTS.search(call.name)
    ]
    approvals = [match.group(0) for match in _APPROVAL.finditer(text_of(node))]
    return AgentTool(
        name=name[:200],
        framework=framework,
        line=line_of(node),
        description=description[:4_000],
        parameters=tuple(key for key, _ in entries(schema)),
        effects=tuple(dict.fromkeys(effects)),
        approvals=tuple(dict.fromkeys(approvals))[:5],
        anchor=text_of(node).split("\n", 1)[0][:120],
    )


def _text(node: Node | None) -> str:
    _, value = literal(node)
    return value if isinstance(value, str) else ""


def endpoints_of(tree: Tree) -> Iterator[Endpoint]:
    """Addresses in string constants, credentials removed; namespaces and examples are left out."""
    for kind in ("string", "template_string"):
        for node in tree.of(kind):
            match = _URL.match(text_of(node)[1:-1])
            if match is None or (node.parent is not None and node.parent.type == "import_statement"):
                continue
            url = cleaned(match.group(0))
            try:
                host = urlsplit(url).hostname or ""
            except ValueError:
                continue
            if host and host not in _NAMESPACES:
                yield Endpoint(url=url[:300], host=host, line=line_of(node))

"""What source code says, as far as rules need it; the same words for every language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "AgentTool",
    "Argument",
    "Call",
    "Endpoint",
    "Flow",
    "Import",
    "ModelReference",
    "Module",
    "Prompt",
    "PromptRole",
    "Route",
    "Sink",
    "Trust",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One imported name: `from a import b` is `a.b`, `import a.b` is `a.b`."""

    name: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a call.

    Attributes:
        name: Keyword, or "" when positional; `**` for an unpacked mapping, `*` for an unpacked sequence.
        position: Index among the positional arguments; -1 for keywords.
        is_literal: Whether `literal` holds the value that the source states.
        literal: The value when it is a constant (also through a constant of the same module), else None.
        items: Constants inside a list, tuple, set or the keys of a dict, as text.
        reference: Resolved dotted name when the argument is a name or attribute, else "".
        text: Source text, at most 200 characters.
    """

    name: str = ""
    position: int = -1
    is_literal: bool = False
    literal: str | int | float | bool | None = None
    items: tuple[str, ...] = ()
    reference: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call whose callee was resolved through imports and simple assignments.

    Attributes:
        name: Dotted name, `torch.load`; a method on an instance of a known class is `fastapi.FastAPI.add_middleware`.
            A method on an object of unknown class is `*.method`.
        scope: Qualified name of the enclosing function or class, "" at module level.
        target: Variable the result is assigned to, or "".
        is_decorator: Whether the call decorates a function or class.
        guards: Names of with-statements, conditions and checks around the call, as source text.
        is_endless: Whether a `while True` stands around the call in which no number is compared, so nothing counts
            its rounds.
    """

    name: str
    line: int
    column: int = 0
    arguments: tuple[Argument, ...] = ()
    scope: str = ""
    target: str = ""
    is_decorator: bool = False
    guards: tuple[str, ...] = ()
    anchor: str = ""
    is_endless: bool = False

    def argument(self, name: str, position: int = -2) -> Argument | None:
        """The argument given by keyword `name` or at `position`, or None."""
        for argument in self.arguments:
            if argument.name == name or (argument.position == position and not argument.name):
                return argument
        return None

    @property
    def has_unpacked(self) -> bool:
        """Whether `*args` or `**kwargs` may add arguments that are not seen."""
        return any(argument.name in {"*", "**"} for argument in self.arguments)


class Trust(StrEnum):
    """Where a value comes from, that is, how far it can be trusted."""

    REQUEST = "request"
    TOOL_ARGUMENT = "tool-argument"
    MODEL_OUTPUT = "model-output"
    RETRIEVED = "retrieved-document"
    USER_INPUT = "user-input"


class Sink(StrEnum):
    """What a value can do where it arrives."""

    COMMAND = "command"
    CODE = "code"
    SQL = "sql"
    PATH = "path"
    URL = "url"
    HTML = "html"
    TEMPLATE = "template"
    DESERIALISE = "deserialise"
    SYSTEM_PROMPT = "system-prompt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A value that travels from an untrusted source to a sink inside one module.

    Attributes:
        source: Trust of the origin.
        origin: What the origin is, in words: "parameter `path` of tool `read_file`".
        origin_line: Line of the origin.
        sink: Kind of the sink.
        callee: Resolved name of the call where the value arrives.
        line: Line of that call.
        steps: Variables and functions on the way, in order.
        cleaned_by: Check or conversion that makes the value harmless for this sink; "" when there is none. A flow
            that is cleaned is kept, so that rules can credit it.
    """

    source: Trust
    origin: str
    origin_line: int
    sink: Sink
    callee: str
    line: int
    steps: tuple[str, ...] = ()
    cleaned_by: str = ""
    scope: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way into the program over the network.

    Attributes:
        framework: `fastapi`, `flask`, `django`, `gradio`, `streamlit`, `mcp`, `express`, `starlette`, `aiohttp`, ...
        methods: HTTP methods in upper case; empty for frameworks without.
        path: URL path as written; "" if it could not be read.
        handler: Name of the handling function.
        guards: What authenticates or authorises the caller, as source text; empty when nothing was seen.
        limits: What limits rate or size, as source text.
        reaches: Resolved names of model calls, loaders and sinks called in the handler.
        owner: Variable of the app or router that carries the route.
    """

    framework: str
    line: int
    path: str = ""
    methods: tuple[str, ...] = ()
    handler: str = ""
    guards: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    reaches: tuple[str, ...] = ()
    owner: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTool:
    """A function that a model can call.

    Attributes:
        framework: `langchain`, `mcp`, `openai`, `crewai`, `pydantic-ai`, `smolagents`, `autogen`, ...
        description: The text that the model reads, at most 4,000 characters.
        parameters: Parameter names, those injected by the framework left out.
        effects: Resolved names of calls with an effect outside the process (commands, writes, network, mail, SQL).
        approvals: What asks a person before the effect, as source text.
        wired: Whether the tool was seen handed to a model or server.
        digest: Of the definition as the model reads it, by `core.tools`, hexadecimal; "" where the source does not state it in
            full, because a framework makes it when the program runs.
    """

    name: str
    framework: str
    line: int
    description: str = ""
    parameters: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    wired: bool = True
    anchor: str = ""
    digest: str = ""


class PromptRole(StrEnum):
    """Who speaks in a prompt."""

    SYSTEM = "system"
    USER = "user"
    TEMPLATE = "template"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A text that instructs a model.

    Attributes:
        name: Variable, key or file stem.
        text: At most 8,000 characters.
        digest: SHA-256 of the whole text, hexadecimal.
        placeholders: Names that are filled in at run time.
        untrusted: Placeholders that a flow fills with untrusted text, with the origin in words.
    """

    name: str
    line: int
    text: str
    digest: str
    role: PromptRole = PromptRole.UNKNOWN
    placeholders: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """A model that is named, not carried: hosted, or fetched from a hub.

    Attributes:
        provider: `openai`, `anthropic`, `huggingface`, `ollama`, `google`, `torchhub`, ...; "" if not known.
        name: Model id as written.
        revision: Pinned revision (commit, dated snapshot, digest), "" when it floats.
        loader: Resolved name of the call or the variable that names it.
        executes: Whether loading can run code that comes with the model.
    """

    provider: str
    name: str
    line: int
    revision: str = ""
    loader: str = ""
    executes: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address outside the program, without credentials."""

    url: str
    host: str
    line: int
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file (or the code cells of one notebook).

    Attributes:
        language: `python`, `javascript`, `typescript`, ...
        calls: Calls whose callee is imported, built in, or on the list of watched methods; at most a named bound.
        markers: Lines of comments that say TODO, FIXME, HACK or XXX.
        lines: Lines of the file.
    """

    language: str
    lines: int
    imports: tuple[Import, ...] = ()
    calls: tuple[Call, ...] = ()
    routes: tuple[Route, ...] = ()
    tools: tuple[AgentTool, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    flows: tuple[Flow, ...] = ()
    models: tuple[ModelReference, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    markers: tuple[int, ...] = ()

"""Words of one call to a model or tool, whatever interface it came in by: texts with their trust, tools, bounds, use.

Structs and not dataclasses, here and in `exchange`: several are made for each request, and this is many times faster.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

__all__ = [
    "Action",
    "Api",
    "Call",
    "Provenance",
    "Span",
    "ToolDefinition",
    "ToolUse",
    "Usage",
]


class Api(StrEnum):
    """The interface that a caller speaks."""

    CHAT = "openai-chat"
    COMPLETIONS = "openai-completions"
    EMBEDDINGS = "openai-embeddings"
    RESPONSES = "openai-responses"
    MODELS = "openai-models"
    MESSAGES = "anthropic-messages"
    PREDICT = "predict"
    MCP = "mcp"

    @property
    def is_server(self) -> bool:
        """Whether it names a server of tools, and not a model."""
        return self is Api.MCP


class Action(StrEnum):
    """What a caller asks to do; the actions that policies speak of."""

    INFER = "infer"
    EMBED = "embed"
    PREDICT = "predict"
    LIST_MODELS = "listModels"
    LIST_TOOLS = "listTools"
    CALL_TOOL = "callTool"
    READ_RESOURCE = "readResource"


class Provenance(StrEnum):
    """Where a text comes from, the most trusted first. What is not known counts as the least trusted that it may be."""

    SYSTEM = "system"
    USER = "user"
    MODEL = "model"
    TOOL = "tool-result"
    RETRIEVED = "retrieved"

    @property
    def is_untrusted(self) -> bool:
        """Whether others than the operator and the caller may have written it: it taints the conversation."""
        return self is Provenance.TOOL or self is Provenance.RETRIEVED


class Span(Struct, frozen=True, kw_only=True):
    """One text of a call.

    Attributes:
        text: As the model will read it.
        provenance: Where it comes from.
        place: Keys and indexes that lead to the text in the body, so that it can be put back with parts taken out.
    """

    text: str
    provenance: Provenance
    place: tuple[str | int, ...] = ()


class ToolDefinition(Struct, frozen=True, kw_only=True):
    """One tool that is offered to a model.

    Attributes:
        name: As calls name it.
        digest: SHA-256 over the canonical JSON of name, description and schema, hexadecimal.
        definition: The decoded definition.
    """

    name: str
    digest: str
    definition: Any = None


class ToolUse(Struct, frozen=True, kw_only=True):
    """One call of a tool: by a caller over MCP, or asked for by a model in its answer.

    Attributes:
        name: Of the tool.
        arguments: Decoded arguments; None when they could not be decoded.
        id: As the answer numbers it.
    """

    name: str
    arguments: Any
    id: str = ""


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens of one call; -1 where nobody said."""

    input_tokens: int = -1
    output_tokens: int = -1


class Call(Struct, kw_only=True):
    """What one request asks of a model or tool, parsed strictly.

    Attributes:
        api: Interface it came in by.
        action: What it asks to do.
        model: Name of the model, dataset or server as callers know it; "" for listings.
        body: The decoded JSON body, every key once; changed only to take text out or to set caps.
        spans: All its texts, in order.
        tools: Tools offered to the model.
        tool_uses: Tools that the call itself calls (MCP).
        stream: Whether the answer is asked for in parts.
        max_output_tokens: Cap that the caller set, or the gateway.
        choices: How many answers are asked for.
        input_tokens: Estimate of the tokens going in; never below what any known tokenizer makes of plain text.
        id: The caller's id of a JSON-RPC call, to answer with.
        continues: Id of the earlier answer that it goes on from, where that alone taints it; "" otherwise.
        hides_usage: Whether the counts of a stream were asked for by the gateway alone, and are kept from the caller.
    """

    api: Api
    action: Action
    model: str
    body: Any
    spans: tuple[Span, ...] = ()
    tools: tuple[ToolDefinition, ...] = ()
    tool_uses: tuple[ToolUse, ...] = ()
    stream: bool = False
    max_output_tokens: int = 0
    choices: int = 1
    input_tokens: int = 0
    id: str | int | None = None
    is_tainted: bool = False
    """Whether untrusted text is among the spans."""
    hides_usage: bool = False
    continues: str = ""

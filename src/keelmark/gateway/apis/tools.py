"""Tools that are offered to a model: read from the forms of all interfaces, each with one digest.

The digest is that of `core.tools`, which inventory and release speak of as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Provenance, ToolDefinition
from keelmark.core.tools import tool_digest
from keelmark.gateway.apis.fields import check_fields, is_bool, is_flat, is_list, is_object, is_text, text
from keelmark.gateway.apis.refused import RefusedError

if TYPE_CHECKING:
    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected, Place

__all__ = [
    "anthropic_tool",
    "check_count",
    "function_tool",
    "hosted_tool",
    "openai_tools",
    "tool_digest",
]

_MAX_NAME = 128

_WRAPPED: Table = {"type": is_text, "function": is_object, "custom": is_object}
_FUNCTION: Table = {
    "type": is_text,
    "name": text(_MAX_NAME),
    "description": is_text,
    "parameters": is_object,
    "strict": is_bool,
    "format": is_object,
    "defer_loading": is_bool,
}
_ANTHROPIC: Table = {
    "type": is_text,
    "name": text(_MAX_NAME),
    "description": is_text,
    "input_schema": is_object,
    "cache_control": is_flat,
    "strict": is_bool,
    "eager_input_streaming": is_bool,
    "defer_loading": is_bool,
    "input_examples": is_list,
    "allowed_callers": is_list,
}


def check_count(tools: Any, found: Collected) -> list[Any]:
    """The tools as a list.

    Raises:
        RefusedError: They are none, or too many.
    """
    if type(tools) is not list or len(tools) > found.bounds.max_tools:
        raise RefusedError("bad-field", "`tools`")
    return tools


def openai_tools(tools: Any, found: Collected) -> tuple[ToolDefinition, ...]:
    """The tools of a chat request.

    Raises:
        RefusedError: One is not well formed, or of a kind that is not allowed.
    """
    read = []
    for index, tool in enumerate(check_count(tools, found)):
        kind = tool.get("type") if type(tool) is dict else None
        if kind not in ("function", "custom") or type(tool.get(kind)) is not dict:
            raise RefusedError("bad-field", "`tools`")
        check_fields(tool, _WRAPPED)
        if len(tool) > 2:
            raise RefusedError("bad-field", "`tools`")
        read.append(function_tool(tool[kind], ("tools", index, kind), found))
    return tuple(read)


def function_tool(tool: dict[str, Any], place: Place, found: Collected) -> ToolDefinition:
    """One function in the form of OpenAI, its texts noted.

    Raises:
        RefusedError: It is not well formed.
    """
    check_fields(tool, _FUNCTION)
    # A custom tool has a grammar in the place of a schema.
    schema = tool.get("parameters")
    return _defined(tool, schema if schema is not None else tool.get("format"), place, found)


def anthropic_tool(tool: Any, place: Place, found: Collected) -> ToolDefinition:
    """One tool in the form of Anthropic, its texts noted.

    Raises:
        RefusedError: It is not well formed, or of a kind that is not allowed.
    """
    if type(tool) is not dict:
        raise RefusedError("bad-field", "`tools`")
    if tool.get("type") not in (None, "custom"):
        return hosted_tool(tool, place, found)
    check_fields(tool, _ANTHROPIC)
    return _defined(tool, tool.get("input_schema"), place, found)


def hosted_tool(tool: dict[str, Any], place: Place, found: Collected) -> ToolDefinition:
    """One tool that the upstream runs by itself; policies know it by its kind.

    Raises:
        RefusedError: Its kind is not allowed.
    """
    kind = tool.get("type")
    if type(kind) is not str or kind not in found.bounds.hosted_tools:
        raise RefusedError("bad-field", "`tools` of a kind that is not allowed here")
    found.add_all(tool, Provenance.SYSTEM, place)
    return ToolDefinition(name=kind, digest=tool_digest(kind, "", tool), definition=tool)


def _defined(tool: dict[str, Any], schema: Any, place: Place, found: Collected) -> ToolDefinition:
    name = tool.get("name")
    if type(name) is not str or not 0 < len(name) <= _MAX_NAME:
        raise RefusedError("bad-field", "`name` of a tool")
    found.add_all(tool, Provenance.SYSTEM, place)
    digest = tool_digest(name, tool.get("description") or "", schema)
    return ToolDefinition(name=name, digest=digest, definition=tool)

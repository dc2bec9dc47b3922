"""Definitions of tools in JSON files: what a model is told of a tool that is called elsewhere. Data, never called.

Two shapes are read: the list that model APIs take (`name`, `description`, `parameters` or `input_schema`, also inside
`function`), and the list that MCP servers answer with (`inputSchema`). An OpenAPI file has neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import AgentTool, Gap, GapReason, Module, Reading
from keelmark.core.tools import stated_digest
from keelmark.errors import ParseError
from keelmark.formats import json_text
from keelmark.formats.bytes_pattern import bytes_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one file of tool definitions.

    Attributes:
        max_bytes: Longer files are datasets of calls, not definitions that a product ships.
    """

    max_bytes: int = 2 * 1024**2
    max_tools: int = 500
    max_description_chars: int = 4_000
    max_parameters: int = 100


_DESCRIPTION = bytes_pattern(rb'"description"\s*:')
_SCHEMA = bytes_pattern(rb'"(parameters|inputSchema|input_schema)"\s*:\s*\{')
_SCHEMAS = ("parameters", "inputSchema", "input_schema")
_LISTS = ("tools", "functions")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "tool-manifest"
    version: int = 2
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if source.suffix != ".json" or not source.is_text or source.size > self.bounds.max_bytes:
            return False
        return bool(_DESCRIPTION.search(source.head)) and bool(_SCHEMA.search(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        try:
            entries = list(_entries(json_text.load(source)))
        except ParseError:
            return ()  # Other JSON is not this reader's; whoever owns the name says that it is broken.
        if not entries:
            return ()
        content = source.text
        gaps: tuple[Gap, ...] = ()
        if len(entries) > self.bounds.max_tools:
            detail = f"{len(entries)} tools; read were {self.bounds.max_tools}"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail),)
        tools = tuple(self._tool(entry, content) for entry in entries[: self.bounds.max_tools])
        module = Module(language="json", lines=content.count("\n"), tools=tools)
        return (Reading(format=self.name, module=module, gaps=gaps),)

    def _tool(self, entry: dict[str, Any], content: str) -> AgentTool:
        name = json_text.text(entry["name"])[:200]
        description = json_text.text(entry["description"])
        schema = _schema(entry)
        # What the model reads of the parameters steers it as much as the description of the tool.
        told = [
            json_text.text(json_text.mapping(value).get("description"))
            for value in json_text.mapping(schema, "properties").values()
        ]
        text = "\n".join([description, *(part for part in told if part)])
        return AgentTool(
            name=name,
            framework="mcp" if "inputSchema" in entry else "manifest",
            line=_line(content, name, description),
            description=text[: self.bounds.max_description_chars],
            parameters=tuple(json_text.mapping(schema, "properties"))[: self.bounds.max_parameters],
            # Nothing in the file shows which model gets it.
            wired=False,
            anchor=name,
            digest=stated_digest(entry),
        )


def _entries(root: Any) -> Iterator[dict[str, Any]]:
    listed = root
    if isinstance(root, dict):
        listed = next((root[key] for key in _LISTS if isinstance(root.get(key), list)), [root])
    for item in listed if isinstance(listed, list) else ():
        inner = json_text.mapping(item, "function") or json_text.mapping(item)
        if _is_tool(inner):
            yield inner


def _is_tool(entry: dict[str, Any]) -> bool:
    is_named = bool(json_text.text(entry.get("name"))) and bool(json_text.text(entry.get("description")))
    schema = _schema(entry)
    return is_named and (schema.get("type") == "object" or isinstance(schema.get("properties"), dict))


def _schema(entry: dict[str, Any]) -> dict[str, Any]:
    return next((json_text.mapping(entry, key) for key in _SCHEMAS if json_text.mapping(entry, key)), {})


def _line(content: str, name: str, description: str) -> int:
    """Line of the description, the text that steers the model; of the name when it is written another way."""
    for text in (description[:40], name):
        at = content.find(f'"{text}') if text else -1
        if at >= 0:
            return content.count("\n", 0, at) + 1
    return 1


READER: Reader = _Reader()

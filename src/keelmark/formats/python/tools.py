"""Tools: functions that a model can call, what they do outside the process, and what asks a person first."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import AgentTool
from keelmark.core.tools import stated_digest
from keelmark.formats.python.authentication import last_part
from keelmark.formats.python.effects import approvals_of, effects_of
from keelmark.formats.python.names import LOCAL, Function
from keelmark.formats.python.table_tools import (
    AGENT_KEYWORDS,
    READY_MADE,
    TOOL_BASES,
    TOOL_CLASSES,
    TOOL_TAKERS,
    decorator_framework,
    framework_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.python.index import DictSite, Index
    from keelmark.formats.python.names import CallSite, Scope

__all__ = ["ToolSite", "tools_of"]

_INJECTED = frozenset(
    {"ctx", "context", "config", "run_manager", "runtime", "tool_context", "state", "store", "callbacks"}
)
_MAX_PARAMETERS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSite:
    """A tool and the function behind it."""

    tool: AgentTool
    function: Function | None = None


def tools_of(index: Index) -> tuple[ToolSite, ...]:
    """Tools of the module, each function once, in order of the text."""
    finder = _Finder(index)
    found: dict[object, ToolSite] = {}
    for site in (
        *finder.decorated(),
        *finder.classes(),
        *finder.constructed(),
        *finder.listed(),
        *finder.schemas(),
    ):
        key = site.function or (site.tool.name, site.tool.line)
        found.setdefault(key, site)
    names = {site.tool.name for site in found.values() if site.function is not None}
    kept = [
        s
        for s in found.values()
        if s.function is not None or s.tool.name not in names or s.tool.name in READY_MADE
    ]
    kept.sort(key=lambda site: (site.tool.line, site.tool.name))
    return tuple(kept[: index.bounds.max_items])


class _Finder:
    def __init__(self, index: Index) -> None:
        self._index = index
        roots = [entry.name for entry in index.imports]
        self._default = next((found for name in roots if (found := framework_of(name))), "")

    def decorated(self) -> Iterator[ToolSite]:
        """Functions under `@tool`, `@mcp.tool()`, `@function_tool` and their kind."""
        for function in self._index.functions:
            for node, resolved in function.decorators:
                name = self._index.callee.get(node, "") if isinstance(node, ast.Call) else resolved
                framework = decorator_framework(name) or self._by_shape(node, name)
                if framework:
                    call = node if isinstance(node, ast.Call) else None
                    yield self._of_function(function, framework, call)
                    break

    def classes(self) -> Iterator[ToolSite]:
        """Subclasses of `BaseTool` and `Tool`."""
        for holder in self._index.classes:
            base = next(
                (name for name in holder.bases if last_part(name) in TOOL_BASES and framework_of(name)), ""
            )
            if not base:
                continue
            run = next(
                (holder.methods[n] for n in ("_run", "_arun", "forward", "run") if n in holder.methods), None
            )
            scope = self._index.module
            name = self._index.string(holder.values.get("name"), scope) or holder.qualname
            description = (
                self._index.string(holder.values.get("description"), scope)
                or ast.get_docstring(holder.node)
                or ""
            )
            yield self._made(
                name=name,
                framework=framework_of(base),
                line=holder.node.lineno,
                description=description,
                function=run,
            )

    def constructed(self) -> Iterator[ToolSite]:
        """`Tool(name=, func=)`, `StructuredTool.from_function(f)`, ready-made tools."""
        for site in self._index.sites:
            if not site.name or site.name.startswith(LOCAL):
                continue
            last = last_part(site.name)
            framework = framework_of(site.name)
            if not framework:
                continue
            if last in READY_MADE:
                yield self._made(name=last, framework=framework, line=site.node.lineno, effects=(site.name,))
                continue
            key = last if last in TOOL_CLASSES else ".".join(site.name.rsplit(".", 2)[-2:])
            if key in TOOL_CLASSES:
                yield from self._constructed(site, framework)

    def listed(self) -> Iterator[ToolSite]:
        """Plain functions in a list named `tools`, or handed to an agent."""
        for assignment in self._index.assignments:
            if (
                assignment.name.lower() in {"tools", "toolset", "available_tools", "agent_tools"}
                and self._default
            ):
                yield from self._elements(assignment.value, assignment.scope)
        for site in self._index.sites:
            if site.is_decorator or not TOOL_TAKERS.search(site.name or _text(site)):
                continue
            values = [keyword.value for keyword in site.node.keywords if keyword.arg in AGENT_KEYWORDS]
            if last_part(site.name or _text(site)) in {
                "bind_tools",
                "ToolNode",
                "create_react_agent",
                "from_tools",
            }:
                values.extend(site.node.args[:2])
            for value in values:
                yield from self._elements(value, site.scope)

    def schemas(self) -> Iterator[ToolSite]:
        """Function schemas of OpenAI and Anthropic, as dict literals."""
        for site in self._index.dicts:
            keys = site.keys
            inner = keys.get("function")
            if self._index.string(keys.get("type"), site.scope) == "function" and isinstance(inner, ast.Dict):
                yield from self._schema(inner, site, "openai")
            elif self._index.string(keys.get("type"), site.scope) == "function" and {
                "name",
                "parameters",
            } <= set(keys):
                yield from self._schema(site.node, site, "openai")
            elif {"name", "description", "input_schema"} <= set(keys):
                yield from self._schema(site.node, site, "anthropic")

    def _by_shape(self, node: ast.expr, name: str) -> str:
        """`@agent.tool` and `@mcp.tool()` on objects that come from elsewhere."""
        target = node.func if isinstance(node, ast.Call) else node
        if not isinstance(target, ast.Attribute) or target.attr not in {"tool", "tool_plain"}:
            return ""
        if name and not name.startswith("."):
            return ""
        owner = self._index.text.segment(target.value).lower()
        if "mcp" in owner or (owner.endswith("server") and self._default == "mcp"):
            return "mcp"
        return "pydantic-ai" if self._default == "pydantic-ai" and "agent" in owner else ""

    def _elements(self, value: ast.expr, scope: Scope) -> Iterator[ToolSite]:
        seen = scope.value(value.id) if isinstance(value, ast.Name) else value
        parts = seen.elts if isinstance(seen, ast.List | ast.Tuple) else []
        for part in parts[:200]:
            function = self._index.local_function(part, scope)
            if function is not None and isinstance(part, ast.Name | ast.Attribute):
                yield self._of_function(function, self._default or "unknown", None)

    def _constructed(self, site: CallSite, framework: str) -> Iterator[ToolSite]:
        node, index = site.node, self._index
        given = _keyword(node, "func", "function", "fn", "coroutine")
        candidates = [given] if given is not None else list(node.args[:2])
        function = next((f for item in candidates if (f := index.local_function(item, site.scope))), None)
        name = index.string(_keyword(node, "name"), site.scope)
        if function is None and not name and given is None:
            return
        name = name or (function.name if function else last_part(index.text.segment(given)))
        description = index.string(_keyword(node, "description"), site.scope)
        yield self._made(
            name=name,
            framework=framework,
            line=node.lineno,
            description=description,
            function=function,
            call=node,
        )

    def _schema(self, node: ast.Dict, site: DictSite, framework: str) -> Iterator[ToolSite]:
        keys = {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }
        stated = keys.get("name")
        name = self._index.string(stated, site.scope)
        # `self.name` in a schema is whatever tool the object describes, not one tool.
        is_own = isinstance(stated, ast.Attribute) and isinstance(stated.value, ast.Name)
        if not name or (is_own and site.scope.owner is not None):
            return
        schema = keys.get("parameters") or keys.get("input_schema")
        function = self._index.names.functions.get(name)
        tool = self._made(
            name=name,
            framework=framework,
            line=node.lineno,
            description=self._index.string(keys.get("description"), site.scope),
            function=function,
            parameters=_properties(schema),
            digest=_stated(node),
        )
        yield tool

    def _of_function(self, function: Function, framework: str, call: ast.Call | None) -> ToolSite:
        scope = function.scope.parent or function.scope
        given = _keyword(call, "name", "name_or_callable", "name_override") if call else None
        name = self._index.string(given, scope)
        if call is not None and not name and call.args and framework in {"langchain", "crewai", "mcp"}:
            name = self._index.string(call.args[0], scope)
        described = _keyword(call, "description") if call else None
        description = self._index.string(described, scope) or function.docstring
        return self._made(
            name=name or function.name,
            framework=framework,
            line=function.line,
            description=description,
            function=function,
            call=call,
        )

    def _made(  # noqa: PLR0913 - the parts of a tool, by keyword
        self,
        *,
        name: str,
        framework: str,
        line: int,
        description: str = "",
        function: Function | None = None,
        call: ast.Call | None = None,
        effects: tuple[str, ...] = (),
        parameters: tuple[str, ...] = (),
        digest: str = "",
    ) -> ToolSite:
        limit = self._index.bounds.max_description
        tool = AgentTool(
            name=name[:200],
            framework=framework,
            line=line,
            description=(description or (function.docstring if function else ""))[:limit],
            parameters=parameters or (_parameters(function) if function else ()),
            effects=effects or effects_of(self._index, function),
            approvals=approvals_of(self._index, function, call),
            anchor=self._index.text.anchor(line),
            digest=digest,
        )
        return ToolSite(tool=tool, function=function)


def _parameters(function: Function) -> tuple[str, ...]:
    names = (argument.arg for argument, _ in function.parameters)
    return tuple(name for name in names if name not in _INJECTED)[:_MAX_PARAMETERS]


def _properties(schema: ast.expr | None) -> tuple[str, ...]:
    if not isinstance(schema, ast.Dict):
        return ()
    for key, value in zip(schema.keys, schema.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == "properties" and isinstance(value, ast.Dict):
            names = [str(item.value) for item in value.keys if isinstance(item, ast.Constant)]
            return tuple(names)[:_MAX_PARAMETERS]
    return ()


def _stated(node: ast.Dict) -> str:
    """The digest of a definition that is written out in full; "" where anything in it is made when the program runs."""
    try:
        return stated_digest(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ""


def _keyword(node: ast.Call | None, *names: str) -> ast.expr | None:
    keywords = node.keywords if node is not None else []
    return next((keyword.value for keyword in keywords if keyword.arg in names), None)


def _text(site: CallSite) -> str:
    function = site.node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""

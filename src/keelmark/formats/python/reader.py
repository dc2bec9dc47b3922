"""The reader of Python source files."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason, Module, Reading, Trust
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.python.bounds import Bounds
from keelmark.formats.python.calls import calls_of
from keelmark.formats.python.endpoints import endpoints_of
from keelmark.formats.python.models import models_of
from keelmark.formats.python.prompts import prompts_of, with_flows
from keelmark.formats.python.routes import RouteSite, routes_of
from keelmark.formats.python.servers import handlers_of, servers_of
from keelmark.formats.python.taint.entries import Entry
from keelmark.formats.python.taint.flows import flows_of
from keelmark.formats.python.text import Text, parse
from keelmark.formats.python.tools import ToolSite, tools_of
from keelmark.formats.python.walker import index

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keelmark.core.facts import Flow
    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Function
    from keelmark.formats.source import Source

__all__ = ["READER", "PythonReader", "read_code"]

_SHEBANG = bytes_pattern(rb"^#![^\n]{0,80}\bpython[0-9.]*\b")


class PythonReader:
    """Reads `.py` files, and scripts whose first line asks for Python."""

    name = "python"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """Whether the name ends in `.py` or `.pyw`, or the first line is a Python shebang."""
        if source.suffix in {".py", ".pyw"}:
            return True
        return (
            not source.suffix
            and source.head.startswith(b"#!")
            and _SHEBANG.search(source.head[:120]) is not None
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read one module; code that is no Python, or too much of it, is a gap that matters."""
        try:
            module, gaps = read_code(source.text, source.lines, path=source.path, bounds=self._bounds)
        except ParseError as error:
            # Quotes inside f-strings are the usual sign of a newer grammar, and no fault of the file.
            is_newer = "f-string" in error.message
            detail = f"{error.message}; it may be valid for a newer Python" if is_newer else error.message
            reason = GapReason.UNSUPPORTED if is_newer else GapReason.MALFORMED
            gap = Gap(path=source.path, reason=reason, detail=detail[:400], line=error.line or 0)
            return (Reading(format="python", gaps=(gap,)),)
        except LimitExceededError as error:
            is_deep = "deep" in error.message
            reason = GapReason.TOO_DEEP if is_deep else GapReason.TOO_LARGE
            return (
                Reading(format="python", gaps=(Gap(path=source.path, reason=reason, detail=error.message),)),
            )
        return (Reading(format="python", module=module, gaps=gaps),)


def read_code(
    code: str, lines: Sequence[str], *, path: str = "", bounds: Bounds | None = None
) -> tuple[Module, tuple[Gap, ...]]:
    """Facts of one module, and what of it was not followed.

    Raises:
        ParseError: No Python; with the line.
        LimitExceededError: Too long, too many nodes, or nested too deeply.
    """
    limits = bounds or Bounds()
    text = Text(lines, bounds=limits)
    found = index(parse(code, path=path, bounds=limits), text, limits)
    try:
        return _module(found, path)
    except RecursionError as error:
        raise LimitExceededError("source is nested too deeply", path=path) from error


def _module(found: Index, path: str) -> tuple[Module, tuple[Gap, ...]]:
    routes = (*routes_of(found), *servers_of(found))
    tools = tools_of(found)
    flows, gaps = _flows(found, _entries(found, routes, tools), path)
    calls = calls_of(found)
    if len(calls) >= found.bounds.max_calls:
        detail = f"more calls than {found.bounds.max_calls}; the others were not kept"
        gaps = (*gaps, Gap(path=path, reason=GapReason.TOO_LARGE, detail=detail))
    module = Module(
        language="python",
        lines=len(found.text.lines) - (1 if found.text.lines and not found.text.lines[-1] else 0),
        imports=tuple(found.imports),
        calls=calls,
        routes=tuple(sorted((site.route for site in routes), key=lambda route: (route.line, route.path))),
        tools=tuple(site.tool for site in tools),
        prompts=with_flows(prompts_of(found), flows),
        flows=flows,
        models=models_of(found),
        endpoints=endpoints_of(found),
        markers=found.text.markers(),
    )
    return module, gaps


def _flows(
    found: Index, entries: dict[Function, Entry], path: str
) -> tuple[tuple[Flow, ...], tuple[Gap, ...]]:
    try:
        return flows_of(found, entries), ()
    except LimitExceededError as error:
        return (), (Gap(path=path, reason=GapReason.TOO_LARGE, detail=error.message),)


def _entries(found: Index, routes: Iterable[RouteSite], tools: Iterable[ToolSite]) -> dict[Function, Entry]:
    entries: dict[Function, Entry] = {}
    for function, label in handlers_of(found).items():
        entries[function] = Entry(trust=Trust.REQUEST, label=label, is_typed=False)
    for tool in tools:
        if tool.function is not None:
            entries[tool.function] = Entry(trust=Trust.TOOL_ARGUMENT, label=f"tool `{tool.tool.name}`")
    for site in routes:
        if site.function is not None:
            entries[site.function] = Entry(
                trust=Trust.REQUEST,
                label=f"route handler `{site.function.qualname}`",
                is_typed=site.route.framework not in {"flask", "quart", "bottle"},
                harmless=site.converted,
                first_is_request=site.first_is_request,
                returns_page=_returns_page(site.route.framework, site.function),
            )
    return entries


def _returns_page(framework: str, function: Function) -> bool:
    """Whether text that a handler returns is shown as HTML: always, or because its decorator says so."""
    if framework in {"flask", "quart", "bottle"}:
        return True
    return any(
        keyword.arg == "response_class" and ast.unparse(keyword.value).endswith("HTMLResponse")
        for node, _ in function.decorators
        if isinstance(node, ast.Call)
        for keyword in node.keywords
    )


READER = PythonReader()

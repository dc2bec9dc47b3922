"""JavaScript and TypeScript: imports, calls, routes, models, prompts, tools. Flows of values are not followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Call, Gap, GapReason, Module, Reading
from keelmark.errors import LimitExceededError
from keelmark.formats.js_ai import endpoints_of, models_of, prompts_of, tools_of
from keelmark.formats.js_names import Names
from keelmark.formats.js_syntax import (
    BOUNDS,
    Bounds,
    Tree,
    argument_nodes,
    argument_of,
    dotted,
    line_of,
    parse,
    scope_of,
    target_of,
    text_of,
)
from keelmark.formats.js_web import routes_of

if TYPE_CHECKING:
    from tree_sitter import Node

    from keelmark.formats.source import Reader, Source

__all__ = ["READER"]

_SUFFIXES = {".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript", ".ts": "typescript",
             ".mts": "typescript", ".cts": "typescript", ".tsx": "typescript"}  # fmt: skip
_GLOBALS = {"eval", "Function", "fetch", "setTimeout", "setInterval", "document.write", "document.writeln",
            "process.exit", "WebSocket", "importScripts"}  # fmt: skip
_METHODS = {"exec", "execSync", "execFile", "spawn", "spawnSync", "eval", "query", "raw", "$queryRawUnsafe",
            "$executeRawUnsafe", "writeFile", "writeFileSync", "readFile", "readFileSync", "unlink", "rm", "sendMail",
            "runInNewContext", "runInThisContext", "insertAdjacentHTML"}  # fmt: skip
_MARKER = re2.compile(r"\b(?:TODO|FIXME|HACK|XXX)\b")
_MINIFIED_CHARS_PER_LINE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "javascript"
    version: int = 2
    bounds: Bounds = BOUNDS

    def recognises(self, source: Source) -> bool:
        # Qt Linguist files and video streams share the suffix `.ts`.
        return source.suffix in _SUFFIXES and source.is_text and not source.head.lstrip().startswith(b"<?xml")

    def read(self, source: Source) -> tuple[Reading, ...]:
        language = _SUFFIXES[source.suffix]
        if source.size > self.bounds.max_bytes:
            raise LimitExceededError(f"source of {source.size} bytes is too long", path=source.path)
        lines = source.lines
        count = len(lines) - (1 if lines and not lines[-1] else 0)
        if source.size > 20_000 and source.size // max(count, 1) > _MINIFIED_CHARS_PER_LINE:
            gap = _gap(source, "minified source is counted, not analysed", reason=GapReason.UNSUPPORTED)
            return (Reading(format=language, module=Module(language=language, lines=count), gaps=(gap,)),)
        tree = parse(source.text, source.suffix, path=source.path, bounds=self.bounds)
        gaps = []
        if tree.fault_line:
            detail = f"{language}: a construct at this line was not understood; the rest was read"
            gaps.append(_gap(source, detail, line=tree.fault_line))
        names = Names(tree)
        calls = _calls(tree, names, self.bounds.max_calls)
        if len(calls) > self.bounds.max_calls:
            detail = f"more than {self.bounds.max_calls} calls"
            gaps.append(_gap(source, detail, reason=GapReason.TOO_MANY))
            calls = calls[: self.bounds.max_calls]
        module = _module(tree, names, calls, source, lines=count)
        return (Reading(format=language, module=module, gaps=tuple(gaps)),)


def _gap(source: Source, detail: str, *, reason: GapReason = GapReason.MALFORMED, line: int = 0) -> Gap:
    # A grammar is never complete: what it does not know is named, and the rest of the file was read.
    return Gap(path=source.path, reason=reason, detail=detail, line=line, matters=False)


def _module(
    tree: Tree, names: Names, calls: list[tuple[Node, Call]], source: Source, *, lines: int
) -> Module:
    limit = BOUNDS.max_facts
    return Module(
        language=_SUFFIXES[source.suffix],
        lines=lines,
        imports=tuple(names.imports),
        calls=tuple(call for _, call in calls),
        routes=tuple(routes_of(tree, names, calls, path=source.path))[:limit],
        tools=tuple(tools_of(tree, names, calls))[:limit],
        prompts=tuple(prompts_of(tree, names, calls))[:limit],
        models=tuple(models_of(tree, names, calls))[:limit],
        endpoints=tuple({endpoint.url: endpoint for endpoint in endpoints_of(tree)}.values())[:limit],
        markers=tuple(line_of(node) for node in tree.of("comment") if _MARKER.search(text_of(node))),
    )


def _calls(tree: Tree, names: Names, limit: int) -> list[tuple[Node, Call]]:
    nodes = sorted(
        (*tree.of("call_expression"), *tree.of("new_expression")), key=lambda node: node.start_byte
    )
    found: list[tuple[Node, Call]] = []
    # The parser finds a parent by going down from the root; the calls of one block share theirs.
    scopes: dict[int, str] = {}
    for node in nodes:
        if len(found) > limit:  # One more than allowed tells the caller that there were more.
            break
        callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        name = _name(callee, names)
        if name:
            block = node.parent.id if node.parent is not None else 0
            if block not in scopes:
                scopes[block] = scope_of(node)
            found.append((node, _call(node, name, names, scope=scopes[block])))
    return found


def _name(callee: Node | None, names: Names) -> str:
    resolved = names.resolve(callee)
    if resolved:
        return resolved
    written = dotted(callee)
    if written in _GLOBALS:
        return written
    method = written.rpartition(".")[2]
    return f"*.{method}" if "." in written and method in _METHODS else ""


def _call(node: Node, name: str, names: Names, *, scope: str) -> Call:
    arguments = tuple(
        argument_of(argument, position, names.resolve(argument), constant=names.constant(argument))
        for position, argument in enumerate(argument_nodes(node))
    )
    return Call(
        name=name,
        line=line_of(node),
        column=int(node.start_point.column),
        arguments=arguments,
        scope=scope,
        target=target_of(node),
        anchor=text_of(node).split("\n", 1)[0][:120],
    )


READER: Reader = _Reader()

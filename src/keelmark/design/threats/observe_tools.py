"""Tools of a model: what they can do, who asks them, whose text they bring in; and servers of tools that run elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.facts import FileRole, Sink, Trust
from keelmark.core.system_model import Effect
from keelmark.design.threats.builder import DEVELOPMENT, OUTSIDE
from keelmark.design.threats.observe_program import add_sink, serves_tools
from keelmark.design.threats.signs import MCP_CLIENTS, brings_text_of_others, effect_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.facts import AgentTool, Call, FileFacts, McpServer, Module
    from keelmark.core.project import Project, Seen
    from keelmark.design.threats.builder import Builder
    from keelmark.design.threats.scene import Scene

__all__ = ["add_servers", "add_tools"]

WORLD = "pages and services of others"
CLIENT = "assistant that uses "
MAX_DIRECT = 60

# What a server of tools can do, as the name of its package tells.
_SERVER_EFFECTS = (
    (re2.compile(r"(?i)shell|terminal|exec|command|docker|kubectl|python|code-?run|sandbox"), Effect.EXECUTE),
    (re2.compile(r"(?i)fetch|browser|playwright|puppeteer|search|slack|mail|http-|github|gitlab|jira|linear|notion"), Effect.EXTERNAL),
    (re2.compile(r"(?i)filesystem|file-system|postgres|mysql|sqlite|database|git\b|memory"), Effect.WRITE),
)  # fmt: skip


def add_tools(scene: Scene) -> None:
    """Add the tools of the unit, and those that are described in files it names."""
    found = [(seen, tool) for seen in scene.unit.modules for tool in seen.fact.tools]
    # One function that hands every call on is no tool beside those that it answers for.
    found = [(seen, tool) for seen, tool in found if tool.parameters[:2] != ("name", "arguments")] or found
    found.extend(_described(scene))
    callers = _callers(scene, len(found)) if found else ()
    for seen, tool in found:
        _add_tool(scene, seen, tool, callers)


def _callers(scene: Scene, tools: int) -> tuple[str, ...]:
    """Whose output calls the tools."""
    if serves_tools(scene):
        return (scene.builder.outside(f"{CLIENT}{scene.unit.name}", ComponentKind.AGENT),)
    if not scene.generative:
        return (scene.program,)
    if len(scene.generative) * tools > MAX_DIRECT:
        # Which of many models calls which of many tools cannot be told; the program stands between them.
        for model in scene.generative:
            scene.builder.link(
                model, scene.program, "calls of tools", trust=FlowTrust.MODEL_OUTPUT, sink="context"
            )
        return (scene.program,)
    return tuple(scene.generative)


def _described(scene: Scene) -> list[tuple[Seen[Module], AgentTool]]:
    """Tools of description files that code of the unit opens."""
    named = {
        argument.literal.rpartition("/")[2]
        for _, call in scene.unit.calls
        for argument in call.arguments
        if isinstance(argument.literal, str) and argument.literal.endswith(".json")
    }
    strings = named or set()
    return [
        (seen, tool)
        for seen in scene.project.modules
        if seen.is_product and seen.file.path not in scene.unit.paths
        for tool in seen.fact.tools
        if tool.framework == "manifest"
        and (seen.file.path.rpartition("/")[2] in strings or _has_function(scene, tool.name))
    ]


def _has_function(scene: Scene, name: str) -> bool:
    return any(scope == name for _, scope in scene.by_scope)


def _add_tool(scene: Scene, seen: Seen[Module], tool: AgentTool, callers: Sequence[str]) -> None:
    own, calls = _calls(scene, seen, tool)
    is_described = seen.file.path not in scene.unit.paths
    flows = [flow for part in scene.unit.modules for flow in part.fact.flows
             if flow.source is Trust.TOOL_ARGUMENT and flow.scope.rpartition(".")[2] == tool.name
             and (is_described or part.file.path == seen.file.path)]  # fmt: skip
    sinks = frozenset(flow.sink.value for flow in flows if not flow.cleaned_by)
    is_seen = bool(own) or (
        not is_described and tool.anchor.startswith(("@", "def ", "async def ", "class "))
    )
    effect = effect_of(tool, own, calls, sinks) if is_seen or sinks or tool.effects else None
    identifier = scene.builder.element(
        ComponentKind.TOOL,
        tool.name,
        key=(scene.unit.name, tool.name),
        path=seen.file.path,
        effect=effect,
        has_approval=True if tool.approvals else (None if is_described and not own else False),
        at=seen.at(tool.line),
    )
    for caller in callers:
        scene.builder.link(
            caller,
            identifier,
            "name and arguments of the call",
            trust=FlowTrust.MODEL_OUTPUT,
            at=seen.at(tool.line),
        )
        _add_answer(scene, caller, identifier, tool=tool, effect=effect)
        if is_described:
            scene.builder.link(identifier, caller, "description of the tool", trust=FlowTrust.THIRD_PARTY,
                               sink="tool-definition", at=seen.at(tool.line))  # fmt: skip
    for flow in flows:
        target = (
            add_sink(scene, identifier, seen, flow, trust=FlowTrust.MODEL_OUTPUT)
            if flow.sink is not Sink.SYSTEM_PROMPT
            else ""
        )
        if flow.sink is Sink.SQL and target:
            scene.builder.link(target, identifier, "rows that were found", at=seen.at(flow.line))


def _calls(scene: Scene, seen: Seen[Module], tool: AgentTool) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
    """What the tool calls itself, and what it calls through functions of the project too."""
    path = seen.file.path
    if path not in scene.unit.paths:
        path = next((where for where, scope in scene.by_scope if scope == tool.name), "")
    reached = scene.reached_from(((path, tool.name),))
    own = scene.by_scope.get((path, tool.name), ())
    return own, tuple(call for place in sorted(reached) for call in scene.by_scope.get(place, ()))


def _add_answer(
    scene: Scene, caller: str, identifier: str, *, tool: AgentTool, effect: Effect | None
) -> None:
    if brings_text_of_others(tool, effect):
        world = scene.builder.outside(WORLD)
        scene.builder.link(world, identifier, "what it answers", trust=FlowTrust.THIRD_PARTY,
                           assumed="" if effect is Effect.EXTERNAL else "what the tool answers with was not seen")  # fmt: skip
        scene.builder.link(identifier, caller, "answer of the tool", trust=FlowTrust.THIRD_PARTY, sink="context",
                           assumed="" if effect is Effect.EXTERNAL else "what the tool answers with was not seen")  # fmt: skip
    elif not caller.startswith(CLIENT):
        scene.builder.link(identifier, caller, "answer of the tool", sink="context")


def add_servers(project: Project, builder: Builder, scenes: Sequence[Scene]) -> None:
    """Add the tool servers of client configurations, with the agent that uses them."""
    for file in project.files:
        if file.role is not FileRole.PRODUCT:
            continue
        for reading in file.readings:
            for server in reading.mcp_servers:
                _add_server(builder, scenes, file, server)


def _add_server(builder: Builder, scenes: Sequence[Scene], file: FileFacts, server: McpServer) -> None:
    name = file.path.rpartition("/")[2]
    # Files that begin with a full stop are read by editors and their assistants; a program names them.
    users = [
        scene
        for scene in scenes
        if scene.generative
        and scene.unit.imports_any(MCP_CLIENTS)
        and (scene.names(name) or not any(part.startswith(".") for part in file.path.split("/")))
    ]
    readers = [model for scene in users for model in scene.generative]
    is_remote = server.transport != "stdio"
    identifier = builder.element(
        ComponentKind.MCP_SERVER,
        server.name,
        key=(file.path, server.name),
        path=file.path,
        boundary=OUTSIDE if is_remote else "" if readers else DEVELOPMENT,
        supplier=server.url or server.command.rpartition(" ")[0].rpartition(" ")[2],
        effect=next(
            (effect for sign, effect in _SERVER_EFFECTS if sign.search(f"{server.name} {server.command}")),
            None,
        ),
        has_approval=False if server.auto_approved else None,
        executes=not is_remote,
        # What answers at an address can change at any time, whatever the address is.
        is_pinned=None if is_remote and server.is_pinned else server.is_pinned,
    )
    if not readers:
        # A configuration that no program of the folder reads is for the assistants of those who develop it.
        readers = [builder.element(ComponentKind.AGENT, "assistant of the developers", key=("assistant",),
                                   boundary=DEVELOPMENT)]  # fmt: skip
    for reader in readers:
        builder.link(
            identifier,
            reader,
            "descriptions and answers of tools",
            trust=FlowTrust.THIRD_PARTY,
            sink="context",
        )
        builder.link(reader, identifier, "name and arguments of the call", trust=FlowTrust.MODEL_OUTPUT)

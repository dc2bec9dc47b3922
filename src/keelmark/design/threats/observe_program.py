"""The program of a unit: the element that its parts hang on, and what its own code does with text it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.facts import Sink, Trust
from keelmark.core.system_model import Effect
from keelmark.design.threats.signs import GENERATIVE_PACKAGES, MCP_CLIENTS

if TYPE_CHECKING:
    from keelmark.core.facts import Flow, Module
    from keelmark.core.project import Seen
    from keelmark.design.threats.scene import Scene

__all__ = ["add_program", "add_sink", "serves_tools"]

_AGENT_PACKAGES = (
    "crewai", "autogen", "autogen_agentchat", "smolagents", "langgraph", "agents", "swarm", "agno", "phi.agent", "pydantic_ai",
)  # fmt: skip

# What a sink is called, what it is, and the gravest thing that it does.
_SINKS: dict[Sink, tuple[str, ComponentKind, Effect]] = {
    Sink.COMMAND: ("shell", ComponentKind.SERVICE, Effect.EXECUTE),
    Sink.CODE: ("interpreter", ComponentKind.SERVICE, Effect.EXECUTE),
    Sink.DESERIALISE: ("loader of objects", ComponentKind.SERVICE, Effect.EXECUTE),
    Sink.TEMPLATE: ("template engine", ComponentKind.SERVICE, Effect.EXECUTE),
    Sink.SQL: ("SQL database", ComponentKind.DATABASE, Effect.WRITE),
    Sink.PATH: ("file system", ComponentKind.SERVICE, Effect.WRITE),
    Sink.URL: ("network address", ComponentKind.SERVICE, Effect.EXTERNAL),
    Sink.HTML: ("page", ComponentKind.USER_INTERFACE, Effect.NONE),
}

# Trust of a value in code as trust of a link. What somebody types into a program of their own attacks nobody.
_TRUST = {
    Trust.REQUEST: FlowTrust.USER,
    Trust.TOOL_ARGUMENT: FlowTrust.MODEL_OUTPUT,
    Trust.MODEL_OUTPUT: FlowTrust.MODEL_OUTPUT,
    Trust.RETRIEVED: FlowTrust.THIRD_PARTY,
}


def serves_tools(scene: Scene) -> bool:
    """Whether the unit is an MCP server: it offers tools and calls no model itself."""
    frameworks = {tool.framework for seen in scene.unit.modules for tool in seen.fact.tools}
    return frameworks == {"mcp"} and not scene.unit.imports_any(GENERATIVE_PACKAGES)


def add_program(scene: Scene) -> None:
    """Add the element of the program, and the flows of its own code."""
    unit = scene.unit
    is_agent = (
        any(seen.fact.tools for seen in unit.modules)
        or bool(unit.imports_any(_AGENT_PACKAGES))
        or bool(unit.imports_any(MCP_CLIENTS) and unit.imports_any(GENERATIVE_PACKAGES))
    )
    kind = ComponentKind.AGENT if is_agent else ComponentKind.SERVICE
    if serves_tools(scene):
        kind = ComponentKind.MCP_SERVER
    first = unit.modules[0].file.path
    scene.program = scene.builder.element(
        kind,
        unit.name,
        key=("program", unit.name),
        path=_folder(tuple(seen.file.path for seen in unit.modules)) or first,
    )
    tools = {tool.name for seen in unit.modules for tool in seen.fact.tools}
    for seen in unit.modules:
        for flow in seen.fact.flows:
            # A tool speaks for what it does itself.
            if flow.source is not Trust.TOOL_ARGUMENT or flow.scope.rpartition(".")[2] not in tools:
                _add_flow(scene, seen, flow)


def _add_flow(scene: Scene, seen: Seen[Module], flow: Flow) -> None:
    trust = _TRUST.get(flow.source)
    if trust is None or flow.sink is Sink.SYSTEM_PROMPT:
        return
    add_sink(scene, scene.program, seen, flow, trust=trust)


def add_sink(scene: Scene, source: str, seen: Seen[Module], flow: Flow, *, trust: FlowTrust) -> str:
    """Add the element where a value of an untrusted source arrives, and the link to it; its id."""
    name, kind, effect = _SINKS[flow.sink]
    target = scene.builder.element(
        kind,
        f"{name} of {scene.unit.name}",
        key=("sink", scene.unit.name, flow.sink.value),
        effect=effect,
        at=seen.at(flow.line),
    )
    scene.builder.link(
        source,
        target,
        f"{flow.origin} to {flow.callee}",
        trust=trust,
        sink=flow.sink.value,
        cleaned_by=flow.cleaned_by,
        at=seen.at(flow.line),
    )
    return target


def _folder(paths: tuple[str, ...]) -> str:
    shared = paths[0].split("/")[:-1] if len(paths) > 1 else paths[0].split("/")
    for path in paths[1:]:
        parts = path.split("/")[:-1]
        count = 0
        while count < min(len(shared), len(parts)) and shared[count] == parts[count]:
            count += 1
        shared = shared[:count]
    return "/".join(shared)

"""Derives the system as a graph from what was read: elements, and what flows between them.

What code shows is taken as shown; what an architecture cannot be without (an agent with tools sends them what its model says)
is stated in words on the link. What could not be looked at is named, and nothing is held to be absent for its sake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole
from keelmark.core.system_model import Size, SystemModel
from keelmark.design.threats.builder import Builder
from keelmark.design.threats.observe_data import add_data
from keelmark.design.threats.observe_models import add_models
from keelmark.design.threats.observe_program import add_program
from keelmark.design.threats.observe_supply import add_pipelines, add_services
from keelmark.design.threats.observe_tools import add_servers, add_tools
from keelmark.design.threats.observe_ways_in import add_ways_in
from keelmark.design.threats.scene import Scene
from keelmark.design.threats.units import ImportGraph, units_of
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from keelmark.core.project import Project

__all__ = ["observe"]

MAX_NAMED = 5


def observe(project: Project) -> SystemModel:
    """The system as its folder shows it."""
    graph = ImportGraph(project)
    builder = Builder()
    scenes = []
    for unit in units_of(project, graph):
        scene = Scene(project=project, graph=graph, unit=unit, builder=builder)
        add_program(scene)
        add_models(scene)
        add_tools(scene)
        add_data(scene)
        add_ways_in(scene)
        if builder.is_linked(scene.program):
            scenes.append(scene)
        else:
            builder.drop(
                scene.program
            )  # It imports a package of AI and does nothing with it that could be seen.
    add_servers(project, builder, scenes)
    add_services(project, builder, scenes)
    add_pipelines(project, builder, scenes)
    elements = builder.sorted_elements()
    return SystemModel(
        name=project.name,
        elements=elements,
        links=builder.sorted_links(),
        boundaries=builder.boundaries(),
        size=_size(elements_tools=sum(element.kind.value == "tool" for element in elements)),
        unseen=_unseen(project),
    )


def _size(*, elements_tools: int) -> Size:
    return Size(tools=float(elements_tools))


def _unseen(project: Project) -> tuple[str, ...]:
    """What could hide further parts, in words."""
    hiding = [
        gap for gap in project.gaps if (gap.matters or gap.may_hide) and role_of(gap.path) is FileRole.PRODUCT
    ]
    words = [f"{gap.path}: {gap.reason.value}" for gap in hiding[:MAX_NAMED]]
    if len(hiding) > MAX_NAMED:
        words.append(f"{len(hiding) - MAX_NAMED} more that were not looked at")
    if project.is_partial:
        words.append("only some files were looked at")
    return tuple(words)

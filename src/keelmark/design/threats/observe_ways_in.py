"""Ways into a unit: routes and pages, whether callers are identified and limited, and what they reach."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.facts import Sink
from keelmark.design.threats.builder import USER
from keelmark.design.threats.observe_program import serves_tools
from keelmark.design.threats.signs import PUBLIC_ROUTES, asks_model, is_ingest

if TYPE_CHECKING:
    from keelmark.core.facts import Module, Route
    from keelmark.core.project import Seen
    from keelmark.design.threats.scene import Scene

__all__ = ["add_ways_in"]

_PAGES = frozenset({"streamlit", "gradio", "chainlit", "nicegui", "panel", "dash", "taipy"})

_Routes = list[tuple["Seen[Module]", "Route"]]


def add_ways_in(scene: Scene) -> None:
    """Add the routes and pages of the unit, and who stands outside."""
    groups: dict[tuple[str, bool, bool, bool, bool, str], _Routes] = defaultdict(list)
    routes = [
        (seen, route)
        for seen in scene.unit.modules
        for route in seen.fact.routes
        if route.framework != "mcp" and not PUBLIC_ROUTES.search(route.path or "x")
    ]
    traced = [_reaches(scene, seen, route) for seen, route in routes]
    for (seen, route), is_traced in zip(routes, traced, strict=True):
        # Where no handler of the unit could be followed to a model, the modules that it imports tell.
        reaches = (
            is_traced if any(traced) else bool(scene.graph.closure(seen.file.path) & scene.model_modules)
        )
        store = _writes(scene, seen, route)
        key = (
            seen.file.path,
            bool(route.guards),
            bool(route.limits),
            reaches,
            route.framework in _PAGES,
            store,
        )
        groups[key].append((seen, route))
    for key in sorted(groups):
        _add_group(scene, key, groups[key])
    if not scene.is_reached and not serves_tools(scene) and _must_be_asked(scene):
        user = scene.builder.outside(USER, ComponentKind.PERSON)
        scene.builder.link(user, scene.program, "what it is asked", trust=FlowTrust.USER,
                           assumed="no way in was seen, and an agent is asked by somebody")  # fmt: skip
        _answer(scene, user)


def _must_be_asked(scene: Scene) -> bool:
    return bool(scene.generative) and scene.builder.elements[scene.program].kind is ComponentKind.AGENT


def _add_group(scene: Scene, key: tuple[str, bool, bool, bool, bool, str], routes: _Routes) -> None:
    path, has_guard, has_limit, reaches, is_page, store = key
    if not reaches and not store and not _has_flow(scene, routes):
        return
    user = scene.builder.outside(USER, ComponentKind.PERSON)
    names = list(dict.fromkeys(route.path or route.handler or route.framework for _, route in routes))
    identifier = scene.builder.element(
        ComponentKind.USER_INTERFACE if is_page else ComponentKind.API,
        names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more",
        key=(*map(str, key),),
        path=path,
        is_authenticated=True if has_guard else None,
        is_limited=True if has_limit else None,
        at=routes[0][0].at(routes[0][1].line),
    )
    scene.builder.link(
        user, identifier, "requests", trust=FlowTrust.USER, at=routes[0][0].at(routes[0][1].line)
    )
    if store:
        scene.builder.link(identifier, store, "texts to look up", trust=FlowTrust.USER, sink="index")
    if reaches or not store:
        scene.builder.link(identifier, scene.program, "what was sent", trust=FlowTrust.USER)
    if reaches:
        scene.is_reached = True
        _answer(scene, user)
        _add_pages(scene, routes)


def _answer(scene: Scene, user: str) -> None:
    for model in scene.generative or scene.judging:
        scene.builder.link(model, user, "answers", trust=FlowTrust.MODEL_OUTPUT)


def _add_pages(scene: Scene, routes: _Routes) -> None:
    """A handler that asks the model and writes HTML most likely writes the answer into it."""
    for seen, route in routes:
        for flow in seen.fact.flows:
            if flow.sink is not Sink.HTML or flow.scope.rpartition(".")[2] != route.handler:
                continue
            page = scene.builder.element(
                ComponentKind.USER_INTERFACE, "", key=("sink", scene.unit.name, flow.sink.value)
            )
            for model in scene.generative:
                scene.builder.link(
                    model, page, "answers in a page", trust=FlowTrust.MODEL_OUTPUT, sink="html", cleaned_by=flow.cleaned_by,
                    at=seen.at(flow.line), assumed="the handler asks the model and writes HTML",
                )  # fmt: skip


def _reaches(scene: Scene, seen: Seen[Module], route: Route) -> bool:
    """Whether the handler was seen to lead to a module that calls a model."""
    path = seen.file.path
    if route.framework in _PAGES:
        return bool(scene.graph.closure(path) & scene.model_modules)
    places = _places(scene, path, route)
    return any(asks_model(call) for place in places for call in scene.by_scope.get(place, ()))


def _places(scene: Scene, path: str, route: Route) -> frozenset[tuple[str, str]]:
    starts = [(path, route.handler)]
    for name in route.reaches:
        place = scene.place(name, path)
        if place[0]:
            starts.append(place)
    return scene.reached_from(tuple(starts))


def _writes(scene: Scene, seen: Seen[Module], route: Route) -> str:
    """The store that a route writes to, "" when it writes to none."""
    if not scene.stores or "GET" in route.methods:
        return ""
    places = _places(scene, seen.file.path, route)
    for path, scope in sorted(places):
        if path in scene.stores and is_ingest(scope):
            return scene.stores[path]
    return next(iter(scene.stores.values())) if is_ingest(route.path) else ""


def _has_flow(scene: Scene, routes: _Routes) -> bool:
    """Whether one of the handlers hands what was sent to something that can do harm."""
    handlers = {(seen.file.path, route.handler) for seen, route in routes}
    return any(
        (seen.file.path, flow.scope.rpartition(".")[2]) in handlers and flow.source.value == "request"
        for seen in scene.unit.modules
        for flow in seen.fact.flows
    )

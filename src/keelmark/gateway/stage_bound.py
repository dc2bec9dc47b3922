"""Reads a request strictly, inside caps, and finds the route that its model leads to.

Whether there is such a route is told only behind the stages that find out who asks and whether they may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.exchange import ALLOW, Decision
from keelmark.core.route import RouteKind
from keelmark.operation.inputs.taint import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keelmark.core.exchange import Exchange, Request
    from keelmark.core.route import Route
    from keelmark.gateway.apis.bounds import ApiBounds
    from keelmark.gateway.apis.routes import Matched
    from keelmark.operation.inputs.taint import TaintMemory

__all__ = ["BoundStage", "RouteTable"]


class RouteTable:
    """Routes by what callers name. A route answers only by the interfaces that it states.

    Args:
        routes: All of them.
    """

    __slots__ = ("_models", "_servers")

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._models: Mapping[str, Route] = {
            each.name: each for each in routes if each.kind is RouteKind.MODEL
        }
        self._servers: Mapping[str, Route] = {
            each.name: each for each in routes if each.kind is RouteKind.SERVER
        }

    @property
    def models(self) -> tuple[str, ...]:
        """Names of all models."""
        return tuple(self._models)

    @property
    def servers(self) -> tuple[str, ...]:
        """Names of all servers."""
        return tuple(self._servers)

    def find(self, kind: RouteKind, name: str) -> Route | None:
        """The route of a name."""
        return (self._models if kind is RouteKind.MODEL else self._servers).get(name)


class BoundStage:
    """The first stage.

    Args:
        find: Which interface a request speaks, or why none.
        routes: Where models and servers lead.
        bounds: What one request may ask for.
        memory: What is known of earlier answers.
    """

    name = "bound"

    __slots__ = ("_bounds", "_find", "_memory", "_routes")

    def __init__(
        self,
        find: Callable[[Request], Matched | Decision],
        routes: RouteTable,
        bounds: ApiBounds,
        *,
        memory: TaintMemory | None = None,
    ) -> None:
        self._find, self._routes, self._bounds, self._memory = find, routes, bounds, memory

    def __call__(self, exchange: Exchange) -> Decision:
        """Decide about the exchange."""
        matched = self._find(exchange.request)
        if isinstance(matched, Decision):
            return matched
        interface = matched.interface
        exchange.facts["interface"], exchange.facts["path"] = interface, matched.path
        call = interface.parse(exchange.request, self._bounds)
        if isinstance(call, Decision):
            return call
        exchange.call = call
        kind = RouteKind.SERVER if call.api.is_server else RouteKind.MODEL
        route = self._routes.find(kind, call.model)
        if route is not None and (kind is RouteKind.SERVER or call.api in route.apis):
            exchange.route = route
            if route.data_class:
                exchange.facts["data_class"] = route.data_class
        # Policies speak of it, so that it is known before they are asked.
        mark(exchange, memory=self._memory)
        return ALLOW

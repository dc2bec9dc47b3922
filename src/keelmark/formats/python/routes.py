"""Routes: functions that are reached over the network, with what authenticates and limits their callers."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Route
from keelmark.formats.python.authentication import last_part
from keelmark.formats.python.calls import name_of
from keelmark.formats.python.names import LOCAL, Function
from keelmark.formats.python.route_guards import RouteGuards
from keelmark.formats.python.table_routes import (
    DECORATORS,
    FRAMEWORK_ROOTS,
    HTTP_METHODS,
    OWNER_NAMES,
    REGISTRATIONS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Class, Scope

__all__ = ["RouteSite", "reaches_of", "routes_of"]

_MAX_REACHES = 64
_CONVERTED = re2.compile(r"<(int|float|uuid):(\w+)>")
_VIEW_BASES = re2.compile(r"^(rest_framework|django)\..*(APIView|ViewSet|View|ViewSetMixin)$")
_RESULTS = re2.compile(r"(HttpResponse|JsonResponse|StreamingHttpResponse|Response|render|redirect)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSite:
    """A route and its handler; `converted` are parameters that the framework turns into numbers or UUIDs."""

    route: Route
    function: Function | None = None
    converted: frozenset[str] = frozenset()
    first_is_request: bool = False


def routes_of(index: Index) -> tuple[RouteSite, ...]:
    """Routes of web frameworks, in order of the text."""
    finder = _Finder(index)
    found = [*finder.decorated(), *finder.registered(), *finder.views(), *finder.raw_handlers()]
    unique = {(site.route.line, site.route.handler, site.route.path): site for site in found}
    ordered = sorted(unique.values(), key=lambda site: (site.route.line, site.route.path))
    return tuple(ordered[: index.bounds.max_items])


def reaches_of(index: Index, function: Function | None) -> tuple[str, ...]:
    """Resolved calls of a handler, also through functions of the module one level below it."""
    if function is None:
        return ()
    names: dict[str, None] = {}
    for site in function.sites:
        called = index.names.function_of(site.name)
        for inner in called.sites if called is not None and called is not function else ():
            names[name_of(inner)] = None
        names[name_of(site)] = None
    names.pop("", None)
    return tuple(names)[:_MAX_REACHES]


class _Finder:
    def __init__(self, index: Index) -> None:
        self._index = index
        self._guards = RouteGuards(index)
        roots = {entry.name.partition(".")[0] for entry in index.imports}
        self._roots = [name for root, name in FRAMEWORK_ROOTS.items() if root in roots]
        self._is_django = bool(roots & {"django", "rest_framework"})

    def decorated(self) -> Iterator[RouteSite]:
        """Functions under `@app.get("/path")` and its kind."""
        for function in self._index.functions:
            scope = function.scope.parent or function.scope
            for node, _ in function.decorators:
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    framework = self._framework(node, scope)
                    if framework:
                        yield self._route(framework, node, function, scope)

    def registered(self) -> Iterator[RouteSite]:
        """Handlers that are handed to a call: `add_url_rule`, `path`, `Route`."""
        for site in self._index.sites:
            entry = REGISTRATIONS.get(site.name)
            if entry is None:
                continue
            node = site.node
            handler = (
                node.args[entry.handler]
                if len(node.args) > entry.handler
                else _keyword(node, *entry.keywords)
            )
            function = self._index.local_function(handler, site.scope)
            if entry.framework == "django" and function is None:
                continue  # the view stands elsewhere, and is a route there
            path = node.args[entry.path] if len(node.args) > entry.path else _keyword(node, "path", "rule")
            methods = entry.methods or self._methods(node, site.scope)
            yield self._made(
                framework=entry.framework,
                line=node.lineno,
                path=self._index.string(path, site.scope),
                methods=methods,
                owner=_owner(node),
                function=function,
                handler=last_part(self._index.resolve(handler, site.scope)),
                node=node,
                scope=site.scope,
            )

    def views(self) -> Iterator[RouteSite]:
        """Django views: functions that take a request and answer, and view classes."""
        if not self._is_django:
            return
        for function in self._index.functions:
            names = [argument.arg for argument, _ in function.parameters]
            is_plain = function.owner is None and names[:1] == ["request"]
            answers = any(_RESULTS.search(site.name) for site in function.sites)
            if is_plain and answers and "get_response" not in function.qualname:
                yield self._made(
                    framework="django", line=function.line, function=function, scope=function.scope
                )
        for holder in self._index.classes:
            if any(_VIEW_BASES.search(base) for base in holder.bases):
                yield from self._view_class(holder)

    def raw_handlers(self) -> Iterator[RouteSite]:
        """Methods of `http.server`, Tornado and Flask view classes."""
        kinds = {
            "http.server.BaseHTTPRequestHandler": "http.server",
            "http.server.SimpleHTTPRequestHandler": "http.server",
            "tornado.web.RequestHandler": "tornado",
            "flask.views.MethodView": "flask",
            "flask_restful.Resource": "flask",
            "flask_restx.Resource": "flask",
        }
        for holder in self._index.classes:
            framework = next((kinds[base] for base in holder.bases if base in kinds), "")
            for name, method in holder.methods.items() if framework else ():
                verb = name.removeprefix("do_").lower()
                if verb in HTTP_METHODS:
                    yield self._made(
                        framework=framework,
                        line=method.line,
                        methods=(verb.upper(),),
                        function=method,
                        scope=method.scope,
                        owner=holder.qualname,
                    )

    def _view_class(self, holder: Class) -> Iterator[RouteSite]:
        guard = self._guards.of_view(holder)
        verbs = tuple(name.upper() for name in holder.methods if name in HTTP_METHODS)
        first = next((holder.methods[name] for name in holder.methods if name in HTTP_METHODS), None)
        route = Route(
            framework="django",
            line=holder.node.lineno,
            methods=verbs,
            handler=holder.qualname,
            guards=(guard,) if guard else (),
            limits=("throttle_classes",) if "throttle_classes" in holder.values else (),
            reaches=tuple(
                dict.fromkeys(n for m in holder.methods.values() for n in reaches_of(self._index, m))
            )[:64],
            owner=holder.qualname,
            anchor=self._index.text.anchor(holder.node.lineno),
        )
        yield RouteSite(route=route, function=first, first_is_request=True)

    def _framework(self, node: ast.Call, scope: Scope) -> str:
        assert isinstance(node.func, ast.Attribute)
        verb, name = node.func.attr, self._index.callee.get(node, "")
        if verb not in DECORATORS or name.startswith(LOCAL):
            return ""
        root = name.partition(".")[0]
        if root in FRAMEWORK_ROOTS and root:
            return FRAMEWORK_ROOTS[root]
        path = self._index.string(node.args[0], scope) if node.args else ""
        owner = last_part(self._index.text.segment(node.func.value))
        is_carrier = owner.lower() in OWNER_NAMES or owner.lower().endswith(
            ("_app", "_router", "_bp", "router", "_api")
        )
        if (
            not path.startswith("/")
            or (name and not name.startswith(".") and not is_carrier)
            or not is_carrier
        ):
            return ""
        known = [framework for framework in self._roots if framework != "mcp"]
        return known[0] if known else ("flask" if verb == "route" else "fastapi")

    def _route(self, framework: str, node: ast.Call, function: Function, scope: Scope) -> RouteSite:
        assert isinstance(node.func, ast.Attribute)
        path = node.args[0] if node.args else _keyword(node, "path", "rule")
        verb = node.func.attr
        methods = (verb.upper(),) if verb in HTTP_METHODS else self._methods(node, scope)
        return self._made(
            framework=framework,
            line=node.lineno,
            path=self._index.string(path, scope),
            methods=methods,
            owner=_owner(node),
            function=function,
            node=node,
            scope=scope,
        )

    def _methods(self, node: ast.Call, scope: Scope) -> tuple[str, ...]:
        value = _keyword(node, "methods")
        parts = value.elts if isinstance(value, ast.List | ast.Tuple | ast.Set) else []
        return tuple(text.upper() for part in parts if (text := self._index.string(part, scope)))

    def _made(  # noqa: PLR0913 - the parts of a route, by keyword
        self,
        *,
        framework: str,
        line: int,
        scope: Scope,
        function: Function | None,
        path: str = "",
        methods: tuple[str, ...] = (),
        owner: str = "",
        handler: str = "",
        node: ast.Call | None = None,
    ) -> RouteSite:
        guards, limits = self._guards.of_route(framework, owner, function=function, node=node, scope=scope)
        route = Route(
            framework=framework,
            line=line,
            path=path[:400],
            methods=methods,
            handler=function.qualname if function is not None else handler,
            guards=guards,
            limits=limits,
            reaches=reaches_of(self._index, function),
            owner=owner,
            anchor=self._index.text.anchor(line),
        )
        converted = frozenset(match.group(2) for match in _CONVERTED.finditer(path))
        is_first = framework in {"starlette", "aiohttp", "django", "sanic"}
        return RouteSite(route=route, function=function, converted=converted, first_is_request=is_first)


def _keyword(node: ast.Call, *names: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg in names), None)


def _owner(node: ast.Call) -> str:
    value = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(value, ast.Attribute) and value.attr == "router":
        value = value.value
    if isinstance(value, ast.Name):
        return value.id
    return value.attr if isinstance(value, ast.Attribute) else ""

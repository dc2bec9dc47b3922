"""What stands before a route: dependencies, decorators, middleware and functions that run before each request."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from keelmark.formats.python.authentication import Authentication, dependencies, is_limit_name, last_part

if TYPE_CHECKING:
    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import CallSite, Class, Function, Scope

__all__ = ["RouteGuards"]

_APPS = ("fastapi.FastAPI", "starlette.applications.Starlette", "flask.Flask", "quart.Quart")
_CARRIERS = (*_APPS, "fastapi.APIRouter", "flask.Blueprint", "fastapi.routing.APIRouter")
_BEFORE_REQUESTS = frozenset({"middleware", "before_request", "before_app_request"})
_MAX_GUARDS = 8


class RouteGuards:
    """Guards and limits of one module, by the variable that carries them; `*` is the whole application."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._authentication = Authentication(index)
        self._guards: dict[str, list[str]] = defaultdict(list)
        self._limits: dict[str, list[str]] = defaultdict(list)
        for site in index.sites:
            self._note(site)
        for function in index.functions:
            self._note_function(function)

    def of_route(
        self, framework: str, owner: str, *, function: Function | None, node: ast.Call | None, scope: Scope
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Guards and limits of a route, as source text."""
        guards = [*self._guards["*"], *(self._guards[owner] if owner else ())]
        limits = [*self._limits["*"], *(self._limits[owner] if owner else ())]
        if node is not None:
            self._read_dependencies(node, scope, guards, limits)
        if function is not None:
            self._read_function(function, guards, limits, node)
        if framework == "django" and function is not None and function.owner is not None:
            guard = self._authentication.by_permissions(function.owner)
            guards.extend([guard] if guard else [])
        return tuple(dict.fromkeys(guards))[:_MAX_GUARDS], tuple(dict.fromkeys(limits))[:_MAX_GUARDS]

    def of_view(self, holder: Class) -> str:
        """Guard of a Django view class."""
        guard = self._authentication.by_permissions(holder)
        if guard:
            return guard
        for node in holder.node.decorator_list:
            if self._is_guard(node, self._index.module):
                return self._text(node)
        return next(
            (text for method in holder.methods.values() if (text := self._authentication.in_body(method))), ""
        )

    def _text(self, node: ast.AST | None) -> str:
        return self._index.text.segment(node, limit=120)

    def _is_guard(self, node: ast.expr, scope: Scope) -> bool:
        """Whether a decorator authenticates: `@login_required`, `@auth.login_required`, `@method_decorator(login_required)`."""
        if isinstance(node, ast.Call) and last_part(self._index.callee.get(node, "")) == "method_decorator":
            return bool(node.args) and self._authentication.by_expression(node.args[0], scope)
        target = node.func if isinstance(node, ast.Call) else node
        name = last_part(self._index.resolve(target, scope))
        if name == "permission_classes" and isinstance(node, ast.Call):
            return "AllowAny" not in self._text(node)
        text = self._text(target)
        return self._authentication.by_expression(node, scope) or self._authentication.is_name(
            last_part(text)
        )

    def _read_dependencies(self, node: ast.Call, scope: Scope, guards: list[str], limits: list[str]) -> None:
        value = next((keyword.value for keyword in node.keywords if keyword.arg == "dependencies"), None)
        if isinstance(value, ast.Name):
            value = scope.value(value.id) or value
        for item in value.elts if isinstance(value, ast.List | ast.Tuple) else ():
            self._read_dependency(item, scope, guards, limits)

    def _read_dependency(self, item: ast.expr, scope: Scope, guards: list[str], limits: list[str]) -> None:
        text = self._text(item)
        if is_limit_name(text):
            limits.append(text)
        elif self._authentication.by_dependency(item, scope) or (
            isinstance(item, ast.Name) and self._authentication.is_name(item.id)
        ):
            guards.append(text)

    def _read_function(
        self, function: Function, guards: list[str], limits: list[str], route: ast.Call | None
    ) -> None:
        scope = function.scope.parent or function.scope
        for node, _ in function.decorators:
            if node is route:
                continue
            text = self._text(node)
            if is_limit_name(text):
                limits.append(text)
            elif not _is_route_decorator(node) and self._is_guard(node, scope):
                guards.append(text)
        for argument, default in function.parameters:
            for item in dependencies(argument, default):
                self._read_dependency(item, scope, guards, limits)
            annotation = argument.annotation
            if isinstance(annotation, ast.Name):
                self._read_alias(annotation, scope, guards)
        inside = self._authentication.in_body(function)
        if inside:
            guards.append(inside)

    def _read_alias(self, annotation: ast.Name, scope: Scope, guards: list[str]) -> None:
        """`CurrentUser = Annotated[User, Depends(get_current_user)]`, here or in another module."""
        value = scope.value(annotation.id)
        metadata: list[ast.expr] = []
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Tuple):
            metadata = value.slice.elts[1:]
        if any(self._authentication.by_dependency(item, scope) for item in metadata):
            guards.append(self._text(value))
        elif annotation.id in {"CurrentUser", "CurrentUserDep", "CurrentActiveUser", "CurrentSuperuser"}:
            guards.append(annotation.id)

    def _note(self, site: CallSite) -> None:
        node, name = site.node, site.name
        if name in _CARRIERS and site.target:
            key = "*" if name in _APPS else site.target
            self._read_dependencies(node, site.scope, self._guards[key], self._limits[key])
            self._read_middleware_list(node, site)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else last_part(name)
        if method == "include_router" and node.args:
            router = last_part(self._text(node.args[0]))
            self._read_dependencies(node, site.scope, self._guards[router], self._limits[router])
        elif method == "add_middleware" and node.args:
            self._read_middleware(node.args[0], site)
        elif name.endswith((".Limiter", "Limiter.init_app")) and "default_limits" in self._text(node):
            self._limits["*"].append(self._text(node))

    def _read_middleware_list(self, node: ast.Call, site: CallSite) -> None:
        value = next((keyword.value for keyword in node.keywords if keyword.arg == "middleware"), None)
        for item in value.elts if isinstance(value, ast.List | ast.Tuple) else ():
            if isinstance(item, ast.Call) and item.args:
                self._read_middleware(item.args[0], site)

    def _read_middleware(self, node: ast.expr, site: CallSite) -> None:
        text = self._text(site.node)
        if is_limit_name(self._text(node)):
            self._limits["*"].append(text)
        elif self._authentication.by_expression(node, site.scope):
            self._guards["*"].append(text)

    def _note_function(self, function: Function) -> None:
        for node, _ in function.decorators:
            target = node.func if isinstance(node, ast.Call) else node
            is_before = isinstance(target, ast.Attribute) and target.attr in _BEFORE_REQUESTS
            if is_before and isinstance(target, ast.Attribute) and self._authentication.by_function(function):
                is_app = target.attr != "before_request" or self._is_app(target.value, function)
                key = "*" if is_app else last_part(self._text(target.value))
                self._guards[key].append(f"@{self._text(node)} {function.name}")

    def _is_app(self, node: ast.expr, function: Function) -> bool:
        return not self._index.resolve(node, function.scope.parent or function.scope).startswith(
            "flask.Blueprint"
        )


def _is_route_decorator(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and bool(node.args)
        and isinstance(node.func, ast.Attribute)
        and (isinstance(node.args[0], ast.Constant) and str(node.args[0].value).startswith("/"))
    )

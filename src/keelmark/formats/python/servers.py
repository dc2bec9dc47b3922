"""Ways in that are no HTTP handlers: Gradio, Streamlit, Chainlit, MCP servers, LangServe, BentoML, Ray Serve."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Route
from keelmark.formats.python.authentication import Authentication, last_part
from keelmark.formats.python.names import NO_VALUE
from keelmark.formats.python.routes import RouteSite, reaches_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import CallSite, Function

__all__ = ["handlers_of", "servers_of"]

_MCP_RUN = re2.compile(r"(FastMCP|MCPServer)\.(run|run_async)$")
_MCP_NETWORK = re2.compile(
    r"(FastMCP|MCPServer)\.(run_http_async|run_sse_async|run_streamable_http_async|streamable_http_app|sse_app|http_app)$"
    r"|(^|\.)(SseServerTransport|StreamableHTTPSessionManager)$"
)
_MCP_AUTH = frozenset({"auth", "token_verifier", "auth_server_provider", "auth_provider"})
_GRADIO_EVENTS = frozenset({"click", "submit", "change", "input", "chat", "upload", "then"})
_GRADIO_ARGUMENTS = frozenset({"server_name", "server_port", "show_api", "share", "allowed_paths"})
_STREAMLIT_AUTH = re2.compile(
    r"^(streamlit\.login|streamlit_authenticator\.|streamlit\.experimental_user|streamlit\.user)"
)
_CHAINLIT_AUTH = frozenset({"password_auth_callback", "header_auth_callback", "oauth_callback"})


def servers_of(index: Index) -> tuple[RouteSite, ...]:
    """Ways in over the network, in order of the text."""
    roots = {entry.name.partition(".")[0] for entry in index.imports}
    found: list[Route] = []
    if "gradio" in roots or any(_launches_page(site) for site in index.sites):
        found.extend(_gradio(index))
    if "streamlit" in roots:
        found.extend(_streamlit(index))
    if roots & {"mcp", "fastmcp"}:
        found.extend(_mcp(index))
    if "langserve" in roots:
        found.extend(_langserve(index))
    sites = [RouteSite(route=route) for route in found]
    if roots & {"chainlit", "bentoml", "ray"}:
        sites.extend(_decorated(index))
    return tuple(sorted(sites, key=lambda site: site.route.line))


def handlers_of(index: Index) -> dict[Function, str]:
    """Functions that a page calls with what its user typed: Gradio's `fn`, Chainlit's `on_message`."""
    found: dict[Function, str] = {}
    for site in index.sites:
        method = site.node.func.attr if isinstance(site.node.func, ast.Attribute) else ""
        is_widget = site.name in {"gradio.Interface", "gradio.ChatInterface"}
        if not is_widget and not (site.name.startswith("gradio.") and method in _GRADIO_EVENTS):
            continue
        handler = _keyword(site.node, "fn") or (site.node.args[0] if site.node.args else None)
        function = index.local_function(handler, site.scope)
        if function is not None:
            found[function] = f"Gradio function `{function.name}`"
    return found


def _route(
    index: Index, site: CallSite, framework: str, guards: list[str], *, owner: str = "", path: str = ""
) -> Route:
    return Route(
        framework=framework,
        line=site.node.lineno,
        guards=tuple(dict.fromkeys(guard for guard in guards if guard)),
        anchor=index.text.anchor(site.node.lineno),
        reaches=_all_reached(index),
        owner=owner,
        path=path,
    )


def _all_reached(index: Index) -> tuple[str, ...]:
    names = dict.fromkeys(
        site.name for site in index.sites if "." in site.name and not site.name.startswith("<")
    )
    return tuple(names)[:64]


def _keyword(node: ast.Call, *names: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg in names), None)


def _given(index: Index, site: CallSite, *names: str) -> str:
    """Source of a keyword that is given and not None."""
    for keyword in site.node.keywords:
        if keyword.arg in names and index.constant(keyword.value, site.scope) is not None:
            return f"{keyword.arg}={index.text.segment(keyword.value, limit=100)}"
    return ""


def _launches_page(site: CallSite) -> bool:
    """Whether a page of another module is launched: only Gradio takes these arguments."""
    is_launch = isinstance(site.node.func, ast.Attribute) and site.node.func.attr == "launch"
    return is_launch and any(keyword.arg in _GRADIO_ARGUMENTS for keyword in site.node.keywords)


def _gradio(index: Index) -> Iterator[Route]:
    for site in index.sites:
        method = site.node.func.attr if isinstance(site.node.func, ast.Attribute) else ""
        is_own = not site.name or site.name.startswith(("gradio.", "<local>"))
        if method == "launch" and (is_own or _launches_page(site)):
            guards = [_given(index, site, "auth", "auth_dependency")]
            yield _route(index, site, "gradio", guards, owner=index.text.segment(site.node.func)[:-7][:80])
        elif site.name == "gradio.mount_gradio_app":
            path = index.string(
                _keyword(site.node, "path") or (site.node.args[2] if len(site.node.args) > 2 else None),
                site.scope,
            )
            yield _route(index, site, "gradio", [_given(index, site, "auth", "auth_dependency")], path=path)


def _streamlit(index: Index) -> Iterator[Route]:
    shown = [site for site in index.sites if site.name.startswith("streamlit.") and not site.is_decorator]
    first = next((site for site in shown if site.scope.qualname in {"", "main", "app", "run"}), None)
    if first is None:
        return
    judge = Authentication(index)
    guards = [
        index.text.segment(site.node, limit=100) for site in index.sites if _STREAMLIT_AUTH.search(site.name)
    ]
    for site in index.sites:
        function = index.names.function_of(site.name)
        if function is not None and judge.is_name(function.name) and judge.by_function(function):
            guards.append(index.text.segment(site.node, limit=100))
    yield _route(index, first, "streamlit", guards[:8])


def _mcp(index: Index) -> Iterator[Route]:
    constructed = [site for site in index.sites if last_part(site.name) in {"FastMCP", "MCPServer"}]
    guards = [text for site in constructed if (text := _given(index, site, *_MCP_AUTH))]
    for site in index.sites:
        if _MCP_RUN.search(site.name):
            value = _keyword(site.node, "transport") or (site.node.args[0] if site.node.args else None)
            transport = index.constant(value, site.scope) if value is not None else "stdio"
            if transport is not NO_VALUE and transport in {
                "http",
                "sse",
                "streamable-http",
                "streamable_http",
            }:
                yield _route(
                    index, site, "mcp", guards, path=index.string(_keyword(site.node, "path"), site.scope)
                )
        elif _MCP_NETWORK.search(site.name):
            path = index.string(site.node.args[0] if site.node.args else None, site.scope)
            yield _route(index, site, "mcp", guards, path=path)


def _langserve(index: Index) -> Iterator[Route]:
    judge = Authentication(index)
    for site in index.sites:
        if not site.name.endswith("langserve.add_routes"):
            continue
        value = _keyword(site.node, "dependencies")
        items = value.elts if isinstance(value, ast.List | ast.Tuple) else []
        guards = [index.text.segment(item) for item in items if judge.by_dependency(item, site.scope)]
        guards.append(_given(index, site, "per_req_config_modifier"))
        yield _route(
            index, site, "langserve", guards, path=index.string(_keyword(site.node, "path"), site.scope)
        )


def _decorated(index: Index) -> Iterator[RouteSite]:
    names = {name for function in index.functions for _, name in function.decorators}
    guards = tuple(sorted(f"@{last_part(name)}" for name in names if last_part(name) in _CHAINLIT_AUTH))
    kinds = {
        "chainlit.on_message": "chainlit",
        "bentoml.api": "bentoml",
        "bentoml.Service.api": "bentoml",
    }
    for function in index.functions:
        framework = next((kinds[name] for _, name in function.decorators if name in kinds), "")
        framework = framework or next(
            (kinds[name] for node, _ in function.decorators if (name := _called(index, node)) in kinds), ""
        )
        if framework:
            yield _handled(index, framework, function, guards if framework == "chainlit" else ())
    for holder in index.classes:
        for node in holder.node.decorator_list:
            call = holder.methods.get("__call__")
            if (
                call is not None
                and (_called(index, node) or index.resolve(node, index.module)) == "ray.serve.deployment"
            ):
                yield _handled(index, "ray-serve", call, ())


def _called(index: Index, node: ast.expr) -> str:
    return index.callee.get(node, "") if isinstance(node, ast.Call) else ""


def _handled(index: Index, framework: str, function: Function, guards: tuple[str, ...]) -> RouteSite:
    inside = Authentication(index).in_body(function)
    route = Route(
        framework=framework,
        line=function.line,
        handler=function.qualname,
        guards=guards or ((inside,) if inside else ()),
        reaches=reaches_of(index, function),
        anchor=index.text.anchor(function.line),
    )
    return RouteSite(route=route, function=function, first_is_request=framework == "ray-serve")

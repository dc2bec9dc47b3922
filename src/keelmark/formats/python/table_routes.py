"""Web frameworks as data: how routes are written."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DECORATORS", "FRAMEWORK_ROOTS", "HTTP_METHODS", "OWNER_NAMES", "REGISTRATIONS", "Registration"]

HTTP_METHODS = frozenset({"get", "post", "put", "delete", "patch", "head", "options"})

# Methods that, as a decorator with a path, make a function a handler.
DECORATORS = HTTP_METHODS | {"route", "api_route", "websocket", "websocket_route", "api_view"}

# Root package of the object that carries the decorator.
FRAMEWORK_ROOTS: dict[str, str] = {
    "fastapi": "fastapi",
    "starlette": "starlette",
    "flask": "flask",
    "flask_restx": "flask",
    "flask_smorest": "flask",
    "flask_openapi3": "flask",
    "apiflask": "flask",
    "quart": "quart",
    "sanic": "sanic",
    "bottle": "bottle",
    "aiohttp": "aiohttp",
    "litestar": "litestar",
    "robyn": "robyn",
    "falcon": "falcon",
    "mcp": "mcp",
    "fastmcp": "mcp",
}

OWNER_NAMES = frozenset(
    {"app", "router", "bp", "blueprint", "api", "application", "server", "routes", "web_app"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A call that makes a function a handler.

    Attributes:
        path: Position of the path.
        handler: Position of the handler.
        keywords: Keywords of the handler.
        methods: Methods, when the name of the call says them.
    """

    framework: str
    path: int = 0
    handler: int = 1
    keywords: tuple[str, ...] = ("endpoint", "handler", "view_func")
    methods: tuple[str, ...] = ()


def _aiohttp() -> dict[str, Registration]:
    found = {}
    for method in ("get", "post", "put", "delete", "patch"):
        entry = Registration(framework="aiohttp", methods=(method.upper(),))
        found[f"aiohttp.web.{method}"] = entry
        found[f"aiohttp.web.Application.router.add_{method}"] = entry
    return found


REGISTRATIONS: dict[str, Registration] = {
    **_aiohttp(),
    "aiohttp.web.Application.router.add_route": Registration(framework="aiohttp", path=1, handler=2),
    "fastapi.FastAPI.add_api_route": Registration(framework="fastapi"),
    "fastapi.APIRouter.add_api_route": Registration(framework="fastapi"),
    "fastapi.FastAPI.add_route": Registration(framework="fastapi"),
    "fastapi.FastAPI.add_api_websocket_route": Registration(framework="fastapi"),
    "starlette.routing.Route": Registration(framework="starlette"),
    "starlette.routing.WebSocketRoute": Registration(framework="starlette"),
    "starlette.applications.Starlette.add_route": Registration(framework="starlette"),
    "flask.Flask.add_url_rule": Registration(framework="flask", handler=2),
    "flask.Blueprint.add_url_rule": Registration(framework="flask", handler=2),
    "django.urls.path": Registration(framework="django", keywords=("view",)),
    "django.urls.re_path": Registration(framework="django", keywords=("view",)),
    "django.conf.urls.url": Registration(framework="django", keywords=("view",)),
}

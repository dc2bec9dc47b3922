"""Routes of JavaScript servers: Express and its relatives, Fastify, Next.js."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Call, Route
from keelmark.formats.js_syntax import (
    BOUNDS,
    Tree,
    argument_nodes,
    dotted,
    entries,
    line_of,
    literal,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node

    from keelmark.formats.js_names import Names

__all__ = ["routes_of"]

# What makes an app or a router, and the framework it belongs to.
_OWNERS = {
    "express": "express", "express.Router": "express", "express.default": "express", "fastify": "fastify",
    "fastify.fastify": "fastify", "hono.Hono": "hono", "koa-router": "koa", "@koa/router": "koa", "polka": "polka",
    "restify.createServer": "restify", "fastify.default": "fastify",
}  # fmt: skip
_METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "all", "del"}
_GUARD = re2.compile(
    r"(?i)auth(?:[^o]|$|oriz|oris)|jwt|passport|verif|protect|guard|api_?-?key|logged_?in|requires?_?(?:user|login|role|admin|scope)|"
    r"clerk|permission|rbac|bearer|is_?admin|session_?check|check_?(?:token|session|access)"
)
_LIMIT = re2.compile(r"(?i)rate_?-?limit|limiter|throttle|slow_?down|body_?limit|\blimit:")
_INLINE_LIMIT = re2.compile(r"(?i)\b\w*rate_?limit\w*(?:\.(?:limit|check|consume))?\(")
_INLINE_GUARD = re2.compile(
    r"getServerSession\(|\bauth\(\)|currentUser\(|getSession\(|getToken\(|verifyIdToken\(|jwt\.verify\(|jwtVerify\(|"
    r"supabase\.auth\.getUser\(|headers\.authorization|headers\.get\([\"'](?i:authorization|x-api-key)[\"']\)|headers\[[\"'](?i:authorization|x-api-key)[\"']\]|"
    r"(?:get|require|ensure|assert|load)(?:Server|Current|Authenticated|SignedIn|LoggedIn|Session)(?:User|Session|Profile|Account|Identity)\(|"
    r"req\.isAuthenticated\(|validateRequest\(|requireAuth\(|verifyToken\(|withAuth\("
)
_NEXT_ROUTE = re2.compile(r"(?:^|.*/)app/(.*/)?route\.(?:js|ts|jsx|tsx|mjs)")
_NEXT_PAGE = re2.compile(r"(?:^|.*/)pages/(api/.+)\.(?:js|ts|jsx|tsx|mjs)")
_HTTP = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
# The route of the library that signs people in: NextAuth and Auth.js catch everything below it.
_SIGN_IN = re2.compile(r"/auth/\[\.\.\.[A-Za-z-]+\]$")
_GROUP = re2.compile(r"\([^)/]*\)/")


def routes_of(tree: Tree, names: Names, calls: Sequence[tuple[Node, Call]], *, path: str) -> list[Route]:
    """Routes that a module declares, with what guards each and what each calls."""
    shared = _shared(tree, names)
    found: list[Route] = []
    for node in tree.of("call_expression"):
        if len(found) >= BOUNDS.max_facts:
            break
        found.extend(_declared(node, names, calls, shared))
    found.extend(_next(tree, calls, path))
    return found


def _framework(node: Node | None, names: Names) -> str:
    if node is None:
        return ""
    full = names.resolve(node)
    return _OWNERS.get(full, "")


def _member(node: Node) -> tuple[Node | None, str]:
    callee = node.child_by_field_name("function")
    if callee is None or callee.type != "member_expression":
        return None, ""
    return callee.child_by_field_name("object"), text_of(callee.child_by_field_name("property"))


def _shared(tree: Tree, names: Names) -> dict[str, list[tuple[int, str, str]]]:
    """Middleware by owner: (byte at which it is installed, path it is limited to, source text)."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    for node in tree.of("call_expression"):
        owner, method = _member(node)
        if method not in {"use", "addHook", "register"} or not _framework(owner, names):
            continue
        arguments = argument_nodes(node)
        _, first = literal(arguments[0]) if arguments else (False, None)
        prefix = first if isinstance(first, str) and method == "use" else ""
        for argument in arguments[1 if isinstance(first, str) else 0 :]:
            entry = (node.start_byte, prefix, text_of(argument)[:200])
            found.setdefault(dotted(owner), []).append(entry)
    return found


def _declared(
    node: Node,
    names: Names,
    calls: Sequence[tuple[Node, Call]],
    shared: dict[str, list[tuple[int, str, str]]],
) -> Iterator[Route]:
    owner, method = _member(node)
    framework = _framework(owner, names)
    arguments = argument_nodes(node)
    if not framework or not arguments:
        return
    if method == "route" and arguments[0].type == "object":
        yield _from_object(node, arguments[0], dotted(owner), shared=shared, calls=calls)
        return
    _, path = literal(arguments[0])
    if method not in _METHODS or not isinstance(path, str) or len(arguments) < 2:
        return
    handler = arguments[-1]
    around = [text_of(argument)[:200] for argument in arguments[1:-1]]
    around += _installed(shared, dotted(owner), node.start_byte, path)
    yield Route(
        framework=framework,
        line=line_of(node),
        path=path[:300],
        methods=() if method == "all" else ({"del": "DELETE"}.get(method, method.upper()),),
        handler=dotted(handler),
        guards=(*_matching(around, _GUARD), *_inline(handler)),
        limits=_matching(around, _LIMIT),
        reaches=_reaches(node, calls),
        owner=dotted(owner),
        anchor=text_of(node).split("\n", 1)[0][:120],
    )


def _installed(
    shared: dict[str, list[tuple[int, str, str]]], owner: str, before: int, path: str
) -> list[str]:
    # Middleware works for what is declared after it, below its own path.
    return [text for at, prefix, text in shared.get(owner, ()) if at < before and path.startswith(prefix)]


def _from_object(
    node: Node,
    options: Node,
    owner: str,
    *,
    shared: dict[str, list[tuple[int, str, str]]],
    calls: Sequence[tuple[Node, Call]],
) -> Route:
    values = dict(entries(options))
    _, url = literal(values.get("url") or values.get("path"))
    method = values.get("method")
    listed = method.named_children if method is not None and method.type == "array" else [method]
    methods = tuple(
        str(value).upper() for is_constant, value in map(literal, listed) if is_constant and value
    )
    path = url if isinstance(url, str) else ""
    hooks = [
        f"{key}: {text_of(values[key])}"[:200]
        for key in ("preHandler", "onRequest", "preValidation")
        if key in values
    ]
    around = hooks + _installed(shared, owner, node.start_byte, path)
    return Route(
        framework="fastify",
        line=line_of(node),
        path=path,
        methods=methods,
        handler=dotted(values.get("handler")),
        guards=(*_matching(around, _GUARD), *_inline(values.get("handler"))),
        limits=_matching(around, _LIMIT),
        reaches=_reaches(node, calls),
        owner=owner,
        anchor=text_of(node).split("\n", 1)[0][:120],
    )


def _next(tree: Tree, calls: Sequence[tuple[Node, Call]], path: str) -> Iterator[Route]:
    route, page = _NEXT_ROUTE.fullmatch(path), _NEXT_PAGE.fullmatch(path)
    if not route and not page:
        return
    address = "/" + (
        _GROUP.sub("", route.group(1) or "").rstrip("/") if route else page.group(1).removesuffix("/index")
    )
    for node in tree.of("export_statement"):
        for name, handler in _exported(node):
            is_page = bool(page) and name == "default"
            if is_page or (route and name in _HTTP):
                yield Route(
                    framework="next",
                    line=line_of(node),
                    path=address,
                    methods=() if is_page else (name,),
                    handler=name,
                    guards=("authenticates itself",) if _SIGN_IN.search(address) else _inline(handler),
                    limits=tuple(match.group(0) for match in _INLINE_LIMIT.finditer(text_of(handler)))[:3],
                    reaches=_reaches(handler, calls),
                    anchor=text_of(node).split("\n", 1)[0][:120],
                )


def _exported(node: Node) -> Iterator[tuple[str, Node]]:
    if any(child.type == "default" for child in node.children):
        yield "default", node
        return
    declaration = node.child_by_field_name("declaration")
    if declaration is None:
        # `export { GET, POST } from "./auth"`: the handlers stand elsewhere, the route is here.
        for clause in (child for child in node.children if child.type == "export_clause"):
            for item in clause.named_children:
                yield text_of(item.child_by_field_name("alias") or item.child_by_field_name("name")), node
        return
    if declaration.type == "function_declaration":
        yield text_of(declaration.child_by_field_name("name")), declaration
    for child in declaration.named_children:
        if child.type == "variable_declarator":
            yield text_of(child.child_by_field_name("name")), child


def _matching(texts: Sequence[str], pattern: re2._Regexp) -> tuple[str, ...]:
    return tuple(text for text in texts if pattern.search(text))


def _inline(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(dict.fromkeys(match.group(0) for match in _INLINE_GUARD.finditer(text_of(node))))[:5]


def _reaches(node: Node, calls: Sequence[tuple[Node, Call]]) -> tuple[str, ...]:
    inside = [
        call.name
        for place, call in calls
        if node.start_byte < place.start_byte and place.end_byte <= node.end_byte
    ]
    return tuple(dict.fromkeys(inside))[:30]

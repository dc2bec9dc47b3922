"""Addresses outside the program that code calls or keeps in settings, without credentials."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import re2

from keelmark.core.facts import Endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Scope

__all__ = ["endpoints_of"]

_NAMES = re2.compile(r"(?i)(url|uri|host|endpoint|base|server|webhook|proxy|api)")
_LISTS = re2.compile(
    r"(?i)(ur[li]s?$|host|endpoint|mirror|model|weight|checkpoint|ckpt|dataset|download|archive)"
)
_KEYS = frozenset({"api_base", "base_url", "endpoint", "server_url", "url"})
_SCHEMES = ("http://", "https://", "ws://", "wss://")
# Namespaces and licences look like addresses and are never called.
_NO_ENDPOINT = re2.compile(
    r"^(https?://)(www\.)?(w3\.org|json-schema\.org|schemas\.|purl\.org|xmlns\.|ns\.adobe|opensource\.org|creativecommons\.org"
    r"|docs\.|schema\.org|(www\.)?apache\.org/licenses)"
)
_SILENT = re2.compile(
    r"^(argparse|logging|warnings|click|typer|pytest|unittest|sphinx|setuptools|builtins)\.|\.(add_argument|info|debug|warning|error"
    r"|markdown|write|caption|link_button|set_page_config)$"
)
_MAX_URL = 500
_MAX_PARTS = 200


def endpoints_of(index: Index) -> tuple[Endpoint, ...]:
    """Every address once, in order of the text."""
    found: dict[str, Endpoint] = {}
    for node, scope, purpose in _candidates(index):
        endpoint = _endpoint(_text(index, node, scope), node.lineno, purpose)
        if endpoint is not None:
            found.setdefault(endpoint.url, endpoint)
    ordered = sorted(found.values(), key=lambda endpoint: (endpoint.line, endpoint.url))
    return tuple(ordered[: index.bounds.max_items])


def _candidates(index: Index) -> Iterator[tuple[ast.expr, Scope, str]]:
    yield from _kept(index)
    for site in index.sites:
        if _SILENT.search(site.name):
            continue
        for argument in site.node.args:
            yield argument, site.scope, site.name
        for keyword in site.node.keywords:
            yield keyword.value, site.scope, site.name or keyword.arg or ""


def _kept(index: Index) -> Iterator[tuple[ast.expr, Scope, str]]:
    """What names and mappings hold."""
    for assignment in index.assignments:
        if _NAMES.search(assignment.name):
            yield assignment.value, assignment.scope, assignment.name
        if _LISTS.search(assignment.name):
            for part in _parts(assignment.value):
                yield part, assignment.scope, assignment.name
    for found in index.dicts:
        for key in _KEYS & found.keys.keys():
            yield found.keys[key], found.scope, key


def _parts(value: ast.expr) -> list[ast.expr]:
    """Values of a mapping or list that a name holds: where weights and data are fetched from."""
    if isinstance(value, ast.Dict):
        return value.values[:_MAX_PARTS]
    return value.elts[:_MAX_PARTS] if isinstance(value, ast.List | ast.Tuple) else []


def _text(index: Index, node: ast.expr, scope: Scope) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr) and node.values:
        first = index.string(node.values[0], scope)
        # Only when the host is whole: `https://host/` and then something.
        return first if first.count("/") >= 3 else ""
    return ""


def _endpoint(text: str, line: int, purpose: str) -> Endpoint | None:
    if not text.startswith(_SCHEMES) or len(text) > _MAX_URL or any(mark in text for mark in " \n\t<>*^"):
        return None
    if _NO_ENDPOINT.search(text):
        return None
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    if not host or "{" in host or "%" in host:
        return None
    shown = f"[{host}]" if ":" in host else host
    url = urlunsplit((parts.scheme, f"{shown}{port}", parts.path, "", ""))
    return Endpoint(url=url, host=host, line=line, purpose=purpose.removeprefix("<local>.")[:120])

"""Where the values of a program come from, followed through its names: the network, an encoding, a secret of the machine.

Nothing is run: an expression is what its parts are, a name is what was bound to it last.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import TYPE_CHECKING

import re2

from keelmark.formats.attack_lasting import LASTING
from keelmark.formats.attack_names import (
    DECODES,
    FETCHES,
    LISTS,
    PASSES,
    PASSING_FIELDS,
    PASSING_METHODS,
    RUNS,
    SECRET_FOLDER,
    SECRET_PATH,
    SESSIONS,
    SHELLS,
    TOKEN_PATH,
    TOKENS,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HOST", "Bounds", "Origin", "Origins"]

# What is asked for, and by which address; that of this machine is no other.
HOST = re2.compile(r"https?://(?:[^/@\s]*@)?([^/:?\s]+)")
"""The machine of an address."""
_CLOUD = re2.compile(r"169\.254\.169\.254|169\.254\.170\.2|metadata\.google\.internal")
_HERE = ("localhost", "127.", "0.0.0.0", "[")  # noqa: S104 - names to compare with


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of all texts together.

    Attributes:
        max_found: Attacks kept.
        max_depth: Expressions inside of expressions that are followed.
        max_code: Letters of code shown.
        max_text: Letters of one text that is put together.
    """

    max_found: int = 20
    max_depth: int = 40
    max_code: int = 200
    max_text: int = 64 * 1024


class Origin(Flag):
    """Where a value comes from."""

    NONE = 0
    FETCHED = auto()
    DECODED = auto()
    SECRET = auto()
    SOCKET = auto()
    SESSION = auto()
    TOKEN = auto()
    CLOUD = auto()
    OPEN = auto()
    LASTING = auto()


@dataclass(slots=True)
class Origins:
    """Follows values through the names of a program.

    Args:
        bounds: Bounds of all texts together.
    """

    bounds: Bounds = field(default_factory=Bounds)
    _modules: dict[str, str] = field(default_factory=dict)
    _origins: dict[str, Origin] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _lasting_path: str = ""

    def _bind(self, target: ast.expr, value: ast.expr, *, adds: bool = False) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._bind(element, value)
            return
        name = ast.unparse(target) if isinstance(target, ast.Name | ast.Attribute) else ""
        if not name:
            return
        before = self._origins.get(name, Origin.NONE) if adds else Origin.NONE
        self._origins[name] = before | self._origin(value)
        text = self._text(value)
        if text is None:
            self._texts.pop(name, None)
        else:
            self._texts[name] = ((self._texts.get(name, "") if adds else "") + text)[: self.bounds.max_text]
        self._modules.pop(name, None)
        dotted = self._dotted(value)
        if isinstance(value, ast.Name | ast.Attribute) and (dotted in RUNS or dotted in SHELLS):
            self._modules[name] = dotted
        elif isinstance(value, ast.Call) and (module := self._imported(value)):
            self._modules[name] = module

    def _path(self, nodes: Sequence[ast.expr]) -> str:
        """The texts of which a path is made, wherever they stand in the expression."""
        parts = [
            part for node in nodes for part in ast.walk(node) if isinstance(part, ast.Constant | ast.Name)
        ]
        parts.sort(key=lambda part: (part.lineno, part.col_offset))
        found = [self._text(part) or "" for part in parts]
        return "/".join(filter(None, found))[: self.bounds.max_text]

    def _origin(self, node: ast.expr, depth: int = 0) -> Origin:
        """Where a value comes from, as far as it can be told."""
        if depth > self.bounds.max_depth:
            return Origin.NONE
        deeper = depth + 1
        match node:
            case ast.Name(id=name):
                return self._origins.get(name, Origin.NONE)
            case ast.Call():
                return self._origin_of_call(node, deeper)
            case ast.Attribute(value=value, attr=attr):
                if self._dotted(node) == "os.environ":
                    return Origin.SECRET
                known = (
                    self._origins.get(ast.unparse(node), Origin.NONE)
                    if isinstance(value, ast.Name)
                    else Origin.NONE
                )
                return known | (self._origin(value, deeper) if attr in PASSING_FIELDS else Origin.NONE)
            case ast.Subscript(value=value):
                # One variable of the environment may be anybody's; all of them are the secrets of the machine.
                return self._origin(value, deeper) & ~Origin.SECRET
            case ast.BinOp(op=ast.Div()):
                return self._of_all(_parts(node), deeper) | self._of_path([node])
            case ast.ListComp() | ast.GeneratorExp():
                return self._of_comprehension(node, deeper)
            case _:
                return self._of_all(_parts(node), deeper)

    def _of_all(self, parts: Sequence[ast.expr], depth: int) -> Origin:
        found = Origin.NONE
        for part in parts:
            found |= self._origin(part, depth)
        return found

    def _of_comprehension(self, node: ast.ListComp | ast.GeneratorExp, depth: int) -> Origin:
        # Letters made of numbers, one by one.
        is_spelled = isinstance(node.elt, ast.Call) and self._dotted(node.elt.func) == "chr"
        sources = self._of_all([generator.iter for generator in node.generators], depth)
        return sources | (Origin.DECODED if is_spelled else Origin.NONE)

    def _origin_of_call(self, node: ast.Call, depth: int) -> Origin:
        dotted = self._dotted(node.func)
        given = self._of_all([*node.args, *(keyword.value for keyword in node.keywords)], depth)
        if dotted in FETCHES or self._is_session(node.func):
            return Origin.FETCHED | self._of_address(node) | (given & Origin.CLOUD)
        if dotted in TOKENS or dotted.endswith("HfFolder.get_token"):
            return Origin.TOKEN
        if dotted in SESSIONS:
            return Origin.SESSION
        if dotted in {"socket.socket", "socket.create_connection"}:
            return Origin.SOCKET
        if dotted in DECODES:
            return given | Origin.DECODED
        if dotted == "map" and node.args and isinstance(node.args[0], ast.Name) and node.args[0].id == "chr":
            return given | Origin.DECODED
        if dotted in {"open", "io.open", "pathlib.Path", "Path", "os.path.expanduser", "os.path.join"}:
            kept = Origin.SECRET | Origin.TOKEN | Origin.LASTING
            path = node.args[:1] if dotted.endswith("open") else node.args
            return (Origin.SECRET if self._is_secret_path(node) else given & kept) | self._of_path(path)
        if dotted in LISTS:
            is_kept = SECRET_FOLDER.search(self._path(node.args)) is not None
            return Origin.SECRET if is_kept else given & Origin.SECRET
        if dotted in PASSES:
            return given
        return self._of_method(node, dotted, given, depth)

    def _of_method(self, node: ast.Call, dotted: str, given: Origin, depth: int) -> Origin:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        value = node.func.value if isinstance(node.func, ast.Attribute) else node
        if method == "json":
            # Values of an answer are data; those that a secret comes with are not.
            return self._origin(value, depth) & (Origin.SECRET | Origin.TOKEN | Origin.CLOUD)
        if method in PASSING_METHODS or method == "fileno":
            return self._origin(value, depth) | (given if method in {"join", "format"} else Origin.NONE)
        return self._origins.get(f"{dotted}()", Origin.NONE)

    def _of_address(self, node: ast.Call) -> Origin:
        address = self._text(node.args[0]) or "" if node.args else ""
        if _CLOUD.search(address) is not None:
            return Origin.CLOUD
        match = HOST.search(address) if address.startswith("http://") else None
        return Origin.OPEN if match is not None and not match.group(1).startswith(_HERE) else Origin.NONE

    def _of_path(self, nodes: Sequence[ast.expr]) -> Origin:
        path = self._path(nodes)
        if LASTING.search(path) is not None:
            self._lasting_path = path
            return Origin.LASTING
        if SECRET_PATH.search(path) is not None:
            return Origin.SECRET
        return Origin.TOKEN if TOKEN_PATH.search(path) is not None else Origin.NONE

    def _is_secret_path(self, node: ast.Call) -> bool:
        words = [self._text(argument) or "" for argument in node.args]
        inner = [
            self._text(part.args[0]) or "" for part in node.args if isinstance(part, ast.Call) and part.args
        ]
        return any(SECRET_PATH.search(each) for each in ("/".join(filter(None, words)), *inner))

    def _is_session(self, func: ast.expr) -> bool:
        return (
            isinstance(func, ast.Attribute)
            and func.attr in {"get", "post", "put", "request", "urlopen"}
            and bool(self._origin(func.value) & Origin.SESSION)
        )

    def _text(self, node: ast.expr, depth: int = 0) -> str | None:
        """The text of an expression where it stands there; unknown parts of a longer one are left out."""
        if depth > self.bounds.max_depth:
            return None
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Constant(value=bytes(raw)):
                return raw.decode("latin-1")
            case ast.Name(id=name):
                return self._texts.get(name)
            case ast.BinOp(left=left, op=ast.Add() | ast.Div(), right=right):
                return self._joined([left, right], depth)
            case ast.JoinedStr(values=values):
                return self._joined(values, depth)
            case ast.FormattedValue(value=value):
                return self._text(value, depth + 1)
            case ast.Subscript(
                value=value,
                slice=ast.Slice(lower=None, upper=None, step=ast.UnaryOp(operand=ast.Constant(value=1))),
            ):
                backwards = self._text(value, depth + 1)
                return None if backwards is None else backwards[::-1]
            case ast.Call(
                func=ast.Attribute(attr="join", value=ast.Constant(value=str(between))),
                args=[ast.List(elts=parts)],
            ):
                return self._joined(parts, depth, between=between, unknown="")
            case _:
                return None

    def _joined(
        self, parts: Sequence[ast.expr], depth: int, *, between: str = "", unknown: str = "{}"
    ) -> str | None:
        """The texts of parts one behind the other, in bounds; None when none is known."""
        found: list[str] = []
        length, is_known = 0, False
        for part in parts:
            text = self._text(part, depth + 1)
            is_known = is_known or text is not None
            found.append(unknown if text is None else text)
            length += len(found[-1]) + len(between)
            if length > self.bounds.max_text:
                break
        return between.join(found)[: self.bounds.max_text] if is_known else None

    def _dotted(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Call):
            base = self._imported(node)
        else:
            base = self._modules.get(node.id, node.id) if isinstance(node, ast.Name) else ""
        return ".".join([base, *reversed(parts)]).removeprefix("builtins.") if base else ""

    def _imported(self, node: ast.Call) -> str:
        """The module that a call imports; "" when it imports none."""
        func = node.func
        name = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
        if name not in {"__import__", "import_module"} or not node.args:
            return ""
        return self._text(node.args[0]) or ""


def _parts(node: ast.expr) -> list[ast.expr]:
    """The parts of an expression that its value is made of."""
    match node:
        case ast.JoinedStr(values=parts) | ast.List(elts=parts) | ast.Tuple(elts=parts):
            return parts
        case ast.Dict(values=parts, keys=keys):
            return [*parts, *(key for key in keys if key is not None)]
        case (
            ast.FormattedValue(value=value)
            | ast.Starred(value=value)
            | ast.NamedExpr(value=value)
            | ast.Await(value=value)
        ):
            return [value]
        case ast.BinOp(left=left, right=right) | ast.IfExp(body=left, orelse=right):
            return [left, right]
        case _:
            return []

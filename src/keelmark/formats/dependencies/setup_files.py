"""`setup.cfg`, and `setup.py` through its syntax tree alone; nothing is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Manifest, Reading, Requirement
from keelmark.errors import ParseError
from keelmark.formats.dependencies.limits import malformed, reading, text_of
from keelmark.formats.dependencies.pep508 import parse
from keelmark.formats.python.text import parse as parse_code
from keelmark.formats.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["READERS", "SetupCfgReader", "SetupPyReader"]

_SECTION = re2.compile(r"^\[([^\]]+)\]")
_KEY = re2.compile(r"^([A-Za-z0-9_.][A-Za-z0-9_. -]*?)\s*[=:]\s*(.*)$")
_MAX_PYTHON_BYTES = 1024 * 1024
_MAX_RESOLVE_DEPTH = 20


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    source: Source
    requirements: list[Requirement] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)

    def take(self, text: str, *, line: int, group: str, table: str) -> None:
        """Read one requirement; what is none becomes a gap."""
        try:
            self.requirements.append(parse(text, line=line, group=group, table=table))
        except ParseError as error:
            self.gaps.append(malformed(self.source, error.message, line=line))

    def computed(self, what: str, line: int) -> None:
        """Note that a value is computed at build time and cannot be read."""
        detail = f"{what} is computed when the package is built"
        gap = Gap(
            path=self.source.path, reason=GapReason.UNSUPPORTED, detail=detail, line=line, matters=False
        )
        self.gaps.append(gap)


class SetupCfgReader:
    """Reads `setup.cfg`."""

    name = "setup-cfg"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name, when it describes a package and not only the settings of tools."""
        return source.name == "setup.cfg" and source.is_text and _describes(source.head)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the metadata and the options that ask for packages."""
        found = _Found(source)
        values: dict[tuple[str, str], str] = {}
        for section, key, line, value in _values(text_of(source)):
            _setting(found, section, key, line=line, value=value)
            values.setdefault((section, key), value)
        manifest = Manifest(
            format="setup-cfg",
            ecosystem="pypi",
            is_lock=False,
            requirements=tuple(found.requirements),
            name=values.get(("metadata", "name"), ""),
            version=_literal(values.get(("metadata", "version"), "")),
            licence=values.get(("metadata", "license"), ""),
            runtime=values.get(("options", "python_requires"), ""),
            includes=tuple(found.includes),
        )
        return (reading(source, manifest, found.gaps),)


def _describes(head: bytes) -> bool:
    return any(mark in head for mark in (b"[metadata]", b"[options]", b"[options.extras_require]"))


def _literal(value: str) -> str:
    return "" if value.startswith(("attr:", "file:")) else value


def _values(text: str) -> Iterator[tuple[str, str, int, str]]:
    """Yield (section, key, line, value); each line of a value that spans several comes by itself."""
    section = key = ""
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith(("#", ";")):
            continue
        if raw[:1] in {" ", "\t"} and key:
            yield section, key, number, line
            continue
        header = _SECTION.match(line)
        if header:
            section, key = header.group(1).strip(), ""
            continue
        match = _KEY.match(line)
        if match:
            key = match.group(1).strip()
            key = key.replace("-", "_") if section in {"options", "metadata"} else key
            if match.group(2):
                yield section, key, number, match.group(2).strip()


def _setting(found: _Found, section: str, key: str, *, line: int, value: str) -> None:
    groups = {"install_requires": "", "setup_requires": "build-system", "tests_require": "test"}
    if section == "options" and key in groups:
        group = groups[key]
    elif section == "options.extras_require":
        group = key
    else:
        return
    if value.startswith("file:"):
        found.includes += [part.strip() for part in value[5:].split(",") if part.strip()]
        return
    # A single-line list is separated by semicolons only when no marker uses them.
    found.take(value.partition(" #")[0].strip(), line=line, group=group, table=f"{section}.{key}")


class SetupPyReader:
    """Reads the arguments of `setup(...)` that are constants, lists of constants, or names of such."""

    name = "setup-py"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name, when it calls `setup`."""
        return source.name == "setup.py" and source.is_text and b"setup(" in source.head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the call of `setup`.

        Raises:
            ParseError: No Python, or nested too deeply.
        """
        tree = _tree(text_of(source)[:_MAX_PYTHON_BYTES], path=source.path)
        names = _constants(tree)
        call = next((node for node in ast.walk(tree) if _is_setup(node)), None)
        found = _Found(source)
        arguments = (
            {item.arg: item.value for item in call.keywords if item.arg} if isinstance(call, ast.Call) else {}
        )
        for key, group in (
            ("install_requires", ""),
            ("setup_requires", "build-system"),
            ("tests_require", "test"),
        ):
            _take_list(found, arguments.get(key), names, group=group, table=key)
        _take_extras(found, arguments.get("extras_require"), names)
        manifest = Manifest(
            format="setup-py",
            ecosystem="pypi",
            is_lock=False,
            requirements=tuple(found.requirements),
            name=_string(arguments.get("name"), names),
            version=_string(arguments.get("version"), names),
            licence=_string(arguments.get("license"), names),
            runtime=_string(arguments.get("python_requires"), names),
        )
        return (reading(source, manifest, found.gaps),)


def _tree(text: str, *, path: str) -> ast.Module:
    try:
        return parse_code(text, path=path)
    except ParseError as error:
        raise ParseError("no Python that can be read", path=path, line=error.line) from error


def _is_setup(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (isinstance(function, ast.Name) and function.id == "setup") or (
        isinstance(function, ast.Attribute) and function.attr == "setup"
    )


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Names that the module assigns exactly once, at its top level."""
    found: dict[str, ast.expr] = {}
    twice: set[str] = set()
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(node, ast.Assign):
                twice |= {target.id} & found.keys()
                found[target.id] = node.value
    changed = {
        node.target.id
        for node in tree.body
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)
    }
    return {name: value for name, value in found.items() if name not in twice | changed}


def _resolved(node: ast.expr | None, names: dict[str, ast.expr]) -> ast.expr | None:
    for _ in range(_MAX_RESOLVE_DEPTH):
        if not isinstance(node, ast.Name):
            return node
        node = names.get(node.id)
    return None


def _string(node: ast.expr | None, names: dict[str, ast.expr]) -> str:
    node = _resolved(node, names)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _items(
    node: ast.expr | None, names: dict[str, ast.expr], *, depth: int = 0
) -> list[tuple[str, int]] | None:
    """(text, line) of a list, tuple or sum of such; None when any part is computed."""
    node = _resolved(node, names)
    if depth > _MAX_RESOLVE_DEPTH:
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left = _items(node.left, names, depth=depth + 1)
        right = _items(node.right, names, depth=depth + 1)
        return None if left is None or right is None else left + right
    if not isinstance(node, ast.List | ast.Tuple):
        return None
    found = []
    for item in node.elts:
        text = _string(item, names)
        if not text:
            return None
        found.append((text, item.lineno))
    return found


def _take_list(
    found: _Found, node: ast.expr | None, names: dict[str, ast.expr], *, group: str, table: str
) -> None:
    if node is None:
        return
    single = _string(node, names)
    items = (
        [(line, node.lineno) for line in single.splitlines() if line.strip()]
        if single
        else _items(node, names)
    )
    if items is None:
        found.computed(table, node.lineno)
        return
    for text, line in items:
        found.take(text, line=line, group=group, table=table)


def _take_extras(found: _Found, node: ast.expr | None, names: dict[str, ast.expr]) -> None:
    if node is None:
        return
    table = _resolved(node, names)
    if not isinstance(table, ast.Dict):
        found.computed("extras_require", node.lineno)
        return
    for key, value in zip(table.keys, table.values, strict=True):
        extra = _string(key, names)
        # `{":python_version<'3.8'": [...]}` limits run-time packages; it names no extra.
        _take_list(found, value, names, group=extra.partition(":")[0], table=f"extras_require.{extra}")


READERS = (SetupCfgReader(), SetupPyReader())

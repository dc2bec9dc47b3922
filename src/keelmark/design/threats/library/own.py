"""Reads `threats.yaml`, the threats of our own: closed keys, closed words, every fault with its line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.outcome import Severity
from keelmark.core.system_model import Effect, Size
from keelmark.core.threats import Control, Growth, Horizon, PathPattern, Step, Threat
from keelmark.errors import ParseError
from keelmark.formats import yaml_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from enum import StrEnum

__all__ = ["FILE", "SINKS", "OwnLibrary", "parse_own", "read_own"]

FILE = "threats.yaml"
SINKS = frozenset(
    {
        "code", "command", "context", "deserialise", "html", "index", "inference", "memory", "path", "sql",
        "system-prompt", "template", "tool-definition", "training", "url", "weights",
    }
)  # fmt: skip
"""What a link can do at its target."""

_UNLESS = frozenset(
    {
        "has_approval", "is_authenticated", "is_limited", "is_pinned", "is_trained", "-executes", "-is_shared",
        "-is_trained",
    }
)  # fmt: skip
_DIMENSIONS = frozenset(entry.name for entry in fields(Size))

EnumT = TypeVar("EnumT", bound="StrEnum")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLibrary:
    """Our threats, and which edition of them."""

    threats: tuple[Threat, ...]
    version: str
    date: str


@cache
def read_own() -> OwnLibrary:
    """The packaged threats.

    Raises:
        ParseError: The packaged file is damaged; with the line.
    """
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return parse_own(text)


def parse_own(text: str) -> OwnLibrary:
    """The threats that a text states.

    Raises:
        ParseError: A key, word or value is not one that belongs there; with the line.
    """
    root = _Table(_mapping(yaml_tree.parse(text, path=FILE)))
    threats = tuple(root.each("threats", _threat))
    version, date = root.text("version"), root.text("date")
    root.close()
    seen: set[str] = set()
    for threat in threats:
        if threat.id in seen:
            msg = f"threat `{threat.id}` stands twice"
            raise ParseError(msg, path=FILE)
        seen.add(threat.id)
    return OwnLibrary(threats=threats, version=version, date=date)


def _threat(node: yaml_tree.Node) -> Threat:
    table = _Table(_mapping(node))
    threat = Threat(
        id=table.text("id"),
        title=table.text("title"),
        text=table.text("text"),
        severity=table.word("severity", Severity),
        patterns=tuple(table.each("paths", _pattern)),
        controls=tuple(table.each("controls", _control)),
        techniques=table.texts("atlas"),
        tags=table.texts("tags"),
        growth=tuple(table.each("growth", _growth)),
        horizon=table.word("horizon", Horizon),
        fix=table.text("fix"),
    )
    table.close()
    if not threat.patterns:
        msg = f"threat `{threat.id}` has no path"
        raise _fault(msg, node)
    return threat


def _pattern(node: yaml_tree.Node) -> PathPattern:
    if not isinstance(node, yaml_tree.Sequence) or not node.items:
        msg = "a path is a list of steps"
        raise _fault(msg, node)
    return PathPattern(steps=tuple(map(_step, node.items)))


def _step(node: yaml_tree.Node) -> Step:
    table = _Table(_mapping(node))
    step = Step(
        kinds=table.words("kinds", ComponentKind),
        trusts=table.words("trusts", FlowTrust),
        sinks=table.texts("sinks", known=SINKS),
        effects=table.words("effects", Effect),
        unless=table.texts("unless", known=_UNLESS),
        far=table.flag("far"),
        past=table.texts("past", known=_UNLESS),
        crosses=table.flag("crosses"),
    )
    table.close()
    return step


def _control(node: yaml_tree.Node) -> Control:
    table = _Table(_mapping(node))
    control = Control(
        title=table.text("title"),
        recommendations=table.texts("recommendations"),
        rules=table.texts("rules"),
        strength=table.number("strength"),
    )
    table.close()
    if not 0 <= control.strength <= 1:
        msg = "`strength` is a share from 0 to 1"
        raise _fault(msg, node)
    return control


def _growth(node: yaml_tree.Node) -> Growth:
    table = _Table(_mapping(node))
    dimension = table.text("dimension")
    if dimension not in _DIMENSIONS:
        msg = f"`{dimension}` is no dimension of size"
        raise _fault(msg, node)
    has_bound = "above" in table.left
    growth = Growth(
        dimension=dimension,
        above=table.number("above") if has_bound else None,
        exponent=table.number("exponent") if "exponent" in table.left else 0.0,
    )
    table.close()
    return growth


class _Table:
    """A mapping of which each key is taken once; what is left over is a fault."""

    def __init__(self, node: yaml_tree.Mapping) -> None:
        for key, line in node.duplicates:
            msg = f"key `{key}` stands twice"
            raise ParseError(msg, path=FILE, line=line)
        self._node = node
        self.left = dict(node.entries)

    def text(self, key: str) -> str:
        node = self.left.pop(key, None)
        value = node.text.strip() if isinstance(node, yaml_tree.Scalar) else ""
        if not value:
            msg = f"`{key}` must be a text"
            raise _fault(msg, node or self._node)
        return " ".join(value.split())

    def number(self, key: str) -> float:
        node = self.left.pop(key, None)
        value = node.value if isinstance(node, yaml_tree.Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            msg = f"`{key}` must be a number"
            raise _fault(msg, node or self._node)
        return float(value)

    def flag(self, key: str) -> bool:
        node = self.left.pop(key, None)
        if node is None:
            return False
        if not isinstance(node, yaml_tree.Scalar) or not isinstance(node.value, bool):
            msg = f"`{key}` must be true or false"
            raise _fault(msg, node)
        return node.value

    def texts(self, key: str, *, known: frozenset[str] | None = None) -> tuple[str, ...]:
        return tuple(self.each(key, lambda node: _known_text(node, known)))

    def word(self, key: str, words: type[EnumT]) -> EnumT:
        return _word(self.left.pop(key, self._node), words)

    def words(self, key: str, words: type[EnumT]) -> tuple[EnumT, ...]:
        return tuple(self.each(key, lambda node: _word(node, words)))

    def each(self, key: str, read: Callable[[yaml_tree.Node], ValueT]) -> Iterator[ValueT]:
        node = self.left.pop(key, None)
        if node is None:
            return iter(())
        if not isinstance(node, yaml_tree.Sequence):
            msg = f"`{key}` must be a list"
            raise _fault(msg, node)
        return map(read, node.items)

    def close(self) -> None:
        for key, node in self.left.items():
            msg = f"key `{key}` is not known here"
            raise _fault(msg, node)


def _known_text(node: yaml_tree.Node, known: frozenset[str] | None) -> str:
    text = node.text.strip() if isinstance(node, yaml_tree.Scalar) else ""
    if not text:
        msg = "a text is missing"
        raise _fault(msg, node)
    if known is not None and text not in known:
        msg = f"`{text}` is not one of {', '.join(sorted(known))}"
        raise _fault(msg, node)
    return text


def _word(node: yaml_tree.Node, words: type[EnumT]) -> EnumT:
    text = node.text if isinstance(node, yaml_tree.Scalar) else ""
    try:
        return words(text)
    except ValueError as error:
        msg = f"`{text}` is not one of {', '.join(words)}"
        raise _fault(msg, node) from error


def _mapping(node: yaml_tree.Node | None) -> yaml_tree.Mapping:
    if not isinstance(node, yaml_tree.Mapping):
        msg = "a mapping was expected"
        raise ParseError(msg, path=FILE, line=node.line if node else None)
    return node


def _fault(message: str, node: yaml_tree.Node) -> ParseError:
    return ParseError(message, path=FILE, line=node.line)

"""Reads records of foreign YAML: what is not as it should be becomes a fault with its line, never a guess and never a crash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats import yaml_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "Faults", "each", "root_of", "text_of", "texts_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one foreign file; the largest known one has 0.9 MB and 20,000 nodes."""

    max_bytes: int = 8 * 1024**2
    max_nodes: int = 400_000
    max_depth: int = 40
    max_records: int = 5_000
    max_edges: int = 100_000
    max_text: int = 20_000
    max_faults: int = 200


class Faults:
    """Collects what is wrong with one file, up to a bound; the rest is counted."""

    def __init__(self, path: str, *, bounds: Bounds) -> None:
        self.bounds = bounds
        self._path = path
        self._gaps: list[Gap] = []
        self._more = 0

    def add(self, detail: str, line: int) -> None:
        """Note one fault."""
        if len(self._gaps) >= self.bounds.max_faults:
            self._more += 1
            return
        self._gaps.append(self._gap(detail[:500], line))

    def gaps(self) -> tuple[Gap, ...]:
        """All that were noted, in order."""
        rest = (self._gap(f"{self._more} further faults", 0),) if self._more else ()
        return (*self._gaps, *rest)

    def _gap(self, detail: str, line: int) -> Gap:
        return Gap(path=self._path, reason=GapReason.MALFORMED, detail=detail, line=line, matters=False)


def root_of(data: bytes, *, path: str, bounds: Bounds) -> yaml_tree.Mapping:
    """The mapping that a file holds.

    Raises:
        ParseError: No UTF-8, no YAML, or no mapping; with the line.
        LimitExceededError: A bound was reached.
    """
    if len(data) > bounds.max_bytes:
        raise LimitExceededError(f"{len(data)} bytes are more than {bounds.max_bytes}", path=path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ParseError("the text is no UTF-8", path=path, line=line) from error
    limits = yaml_tree.Bounds(
        max_bytes=bounds.max_bytes, max_nodes=bounds.max_nodes, max_depth=bounds.max_depth
    )
    root = yaml_tree.parse(text, path=path, bounds=limits)
    if not isinstance(root, yaml_tree.Mapping):
        raise ParseError("a mapping was expected", path=path, line=root.line if root else 1)
    return root


def text_of(node: yaml_tree.Node | None, *, bounds: Bounds) -> str:
    """The text of a scalar, or of the paragraphs of a list, cut at the bound; "" for anything else."""
    if isinstance(node, yaml_tree.Scalar):
        return "" if node.value is None else node.text.strip()[: bounds.max_text]
    if isinstance(node, yaml_tree.Sequence):
        parts = (part.text.strip() for part in node.items if isinstance(part, yaml_tree.Scalar))
        return "\n\n".join(parts)[: bounds.max_text]
    return ""


def texts_of(node: yaml_tree.Node | None, *, what: str, faults: Faults) -> tuple[str, ...]:
    """The texts of a list without repetition; what is none is a fault. Nothing for a missing list."""
    if node is None or (isinstance(node, yaml_tree.Scalar) and node.value is None):
        return ()
    if not isinstance(node, yaml_tree.Sequence):
        faults.add(f"{what} is no list", node.line)
        return ()
    found: dict[str, None] = {}
    for item in node.items:
        if isinstance(item, yaml_tree.Scalar) and item.text.strip():
            found[item.text.strip()] = None
        else:
            faults.add(f"{what} holds an entry that is no text", item.line)
    return tuple(found)


def each(node: yaml_tree.Node | None, *, what: str, faults: Faults) -> Iterator[yaml_tree.Mapping]:
    """The mappings of a list; anything else is a fault, and so is what lies beyond the bound."""
    if not isinstance(node, yaml_tree.Sequence):
        if node is not None:
            faults.add(f"{what} is no list", node.line)
        return
    for index, item in enumerate(node.items):
        if index >= faults.bounds.max_records:
            faults.add(
                f"{what}: only the first {faults.bounds.max_records} of {len(node.items)} were read",
                item.line,
            )
            return
        if not isinstance(item, yaml_tree.Mapping):
            faults.add(f"{what} holds an entry that is no record", item.line)
            continue
        for key, line in item.duplicates:
            faults.add(f"key `{key}` stands twice in a record of {what}", line)
        yield item

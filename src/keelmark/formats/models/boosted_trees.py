"""Whether the trees of XGBoost and LightGBM point inside of themselves, and a walk over the UBJSON form.

A tree is arrays of equal length; children are places in them. Native prediction follows them without a check, so that
a place outside reads memory that is not the model's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.core.facts import Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.cursor import BreaksOffError, Cursor

if TYPE_CHECKING:
    from keelmark.formats.models.hazard_list import HazardList

__all__ = ["check_lightgbm", "check_trees", "walk_ubjson"]

_MAX_CHECKED_BYTES = 16 * 1024**2
_WHOLE = bytes_pattern(rb"-?\d{1,10}")
_MAX_ITEMS = 5_000_000
_MAX_DEPTH = 64
_NUMBERS = {
    ord("i"): 1,
    ord("U"): 1,
    ord("I"): 2,
    ord("l"): 4,
    ord("L"): 8,
    ord("d"): 4,
    ord("D"): 8,
    ord("C"): 1,
}
_EMPTY = frozenset(b"ZNTF")
_OBJECT, _OBJECT_END, _ARRAY, _ARRAY_END = ord("{"), ord("}"), ord("["), ord("]")
_TEXTS, _TYPE, _COUNT = frozenset(b"SH"), ord("$"), ord("#")


class _Param(msgspec.Struct):
    num_nodes: str = "0"


class _Tree(msgspec.Struct):
    left_children: list[int] = []
    right_children: list[int] = []
    split_indices: list[int] = []
    tree_param: _Param | None = None


class _Model(msgspec.Struct):
    trees: list[_Tree] = []


class _Booster(msgspec.Struct):
    model: _Model | None = None
    gbtree: _Booster | None = None


class _Learner(msgspec.Struct):
    gradient_booster: _Booster
    learner_model_param: dict[str, Any] = {}


class _Document(msgspec.Struct):
    learner: _Learner


def check_trees(data: memoryview, found: HazardList) -> None:
    """Compare each tree of a JSON model with itself; models that are too large to hold are left to the header.

    Nothing is said about a document that is none: whoever read its header did.
    """
    if len(data) > _MAX_CHECKED_BYTES:
        return
    try:
        learner = msgspec.json.decode(data, type=_Document).learner
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    booster = learner.gradient_booster.gbtree or learner.gradient_booster
    features = str(learner.learner_model_param.get("num_feature", ""))
    if features.startswith("-") or len(features) > 10:
        _contradiction(f"the model states {features[:40]} features", "num_feature", found)
    for index, tree in enumerate(booster.model.trees if booster.model else ()):
        fault = _fault(tree)
        if fault:
            _contradiction(f"tree {index} {fault}", f"tree {index}", found)


def _fault(tree: _Tree) -> str:
    nodes = len(tree.left_children)
    if len(tree.right_children) != nodes or len(tree.split_indices) != nodes:
        return "has arrays of different lengths"
    stated = tree.tree_param.num_nodes if tree.tree_param else str(nodes)
    if not stated.isdigit() or len(stated) > 10 or int(stated) != nodes:
        return f"states {stated[:20]} nodes and holds {nodes}"
    for children in (tree.left_children, tree.right_children):
        if children and (min(children) < -1 or max(children) >= nodes):
            return "has a child outside of its arrays"
    if tree.split_indices and min(tree.split_indices) < 0:
        return "splits by a feature that does not exist"
    return ""


def _contradiction(detail: str, subject: str, found: HazardList) -> None:
    found.add(Technique.CONTRADICTORY_HEADER, f"the model contradicts itself: {detail}", subject=subject)


def check_lightgbm(data: memoryview, found: HazardList) -> None:
    """Compare each tree of a text model of LightGBM with its number of leaves.

    A child is a place among the splits, or, when negative, one among the leaves.
    """
    if len(data) > _MAX_CHECKED_BYTES:
        return
    for index, block in enumerate(bytes(data).replace(b"\r", b"").split(b"\nTree=")[1:]):
        lines = dict(line.partition(b"=")[::2] for line in block.split(b"\n") if b"=" in line)
        stated = lines.get(b"num_leaves", b"").strip()
        if not stated.isdigit() or len(stated) > 10:
            continue
        leaves = int(stated)
        for name in (b"left_child", b"right_child"):
            children = [int(item) for item in lines.get(name, b"").split() if _WHOLE.fullmatch(item)]
            if leaves > 1 and (
                len(children) != leaves - 1 or min(children) < -leaves or max(children) >= leaves - 1
            ):
                _contradiction(f"tree {index} has a child outside of its arrays", f"tree {index}", found)


class AbsurdLengthError(BreaksOffError):
    """More is announced than is left."""

    def __init__(self, length: int, left: int) -> None:
        super().__init__(f"{length} bytes or values announced where {left} bytes are left")
        self.length = length


def walk_ubjson(data: memoryview) -> int:
    """Step over one value of UBJSON; the place behind it.

    Raises:
        ParseError: No UBJSON, or it breaks off.
        LimitExceededError: Nested too deeply, or too many items.
    """
    walk = _Ubjson(data)
    walk.value(walk.marker())
    return walk.cursor.position


class _Ubjson:
    def __init__(self, data: memoryview) -> None:
        self.cursor = Cursor(data, order="big")
        self._items = 0
        self._depth = 0

    def marker(self) -> int:
        """The next mark; those without meaning are stepped over."""
        mark = self.cursor.unsigned(1)
        while mark == ord("N"):
            mark = self.cursor.unsigned(1)
        return mark

    def value(self, mark: int) -> None:
        self._items += 1
        if self._items > _MAX_ITEMS:
            raise LimitExceededError("model holds more values than are read")
        if mark in _NUMBERS:
            self.cursor.skip(_NUMBERS[mark])
        elif mark in _TEXTS:
            self.cursor.skip(self._length())
        elif mark in {_OBJECT, _ARRAY}:
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise LimitExceededError("model is nested too deeply")
            self._container(is_object=mark == _OBJECT)
            self._depth -= 1
        elif mark not in _EMPTY:
            raise ParseError(f"byte {mark:#04x} starts no value")

    def _length(self) -> int:
        mark = self.cursor.unsigned(1)
        if mark not in {ord("i"), ord("U"), ord("I"), ord("l"), ord("L")}:
            raise ParseError("length is no number")
        length = self.cursor.unsigned(1) if mark == ord("U") else self.cursor.signed(_NUMBERS[mark])
        if length < 0:
            raise ParseError("length is negative")
        if length > self.cursor.left:
            raise AbsurdLengthError(length, self.cursor.left)
        return length

    def _container(self, *, is_object: bool) -> None:
        kind = count = -1
        mark = self.marker()
        if mark == _TYPE:
            kind, mark = self.cursor.unsigned(1), self.cursor.unsigned(1)
        if mark == _COUNT:
            count = self._length()
            if kind in _NUMBERS and not is_object:
                self.cursor.skip(count * _NUMBERS[kind])
                return
            if count > self.cursor.left:
                raise ParseError(f"{count} values announced where {self.cursor.left} bytes are left")
        elif kind >= 0:
            raise ParseError("type without a count")
        self._entries(mark, kind, count, is_object=is_object)

    def _entries(self, mark: int, kind: int, count: int, *, is_object: bool) -> None:
        end = _OBJECT_END if is_object else _ARRAY_END
        index = 0
        while index != count:
            if count >= 0 and (kind < 0 or is_object):
                mark = self.marker()
            if count < 0 and mark == end:
                return
            if is_object:
                # A key is a length and a text, without a mark of its own.
                self.cursor.position -= 1
                self.cursor.skip(self._length())
                mark = kind if kind >= 0 else self.marker()
            self.value(kind if kind >= 0 else mark)
            index += 1
            if count < 0:
                mark = self.marker()

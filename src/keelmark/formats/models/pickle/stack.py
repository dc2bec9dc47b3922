"""The stack of a pickle with its marks, and the plain values on it, as the unpickler of CPython keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.models.pickle.endless import multiplies
from keelmark.formats.models.pickle.known import CALLED_BY_LOADERS, HOOKS
from keelmark.formats.models.pickle.values import NUMBER, Global, Made, Opaque, Row, Table

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.inspection import Inspection
    from keelmark.formats.models.pickle.stream import Argument

__all__ = ["DATA", "MORE", "Stack"]

DATA = Opaque("data")
"""A plain value that was left out."""
MORE = Opaque("more")
"""Stands for any number of plain values that were left out."""

_MAX_ITEMS = 64
_MAX_MARKS = 100_000
# Whatever stands before them.
_ALWAYS_KEPT = HOOKS | CALLED_BY_LOADERS
_DEEP = 100_000
_TEXT, _BYTES, _SET = Opaque("text"), Opaque("bytes"), Opaque("set")
_LIST, _DICT, _TUPLE = Opaque("list"), Opaque("dict"), Opaque("tuple")
_BYTEARRAY = Global("builtins", "bytearray")


class Stack:
    """Values above marks. What is filled and is no plain container goes to `changes`.

    Lists and dictionaries keep their first items. On a stack of very many values, plain ones are known by their kind
    alone.
    """

    def __init__(self, result: Inspection) -> None:
        self.result = result
        self.values: list[object] = []
        self.marks: list[int] = []
        self.fence = 0
        self.start = 0
        self.text: object = None
        self.text_start = 0

    def changes(self, target: object) -> None:
        """What is filled is no plain container: a method of it is called."""
        if isinstance(target, Made) and target.state is None:
            target.state = Opaque("changed")

    def push(self, value: object) -> None:
        """Put a value on top."""
        self.values.append(value)

    def pop(self) -> object:
        """Take the top value."""
        if len(self.values) <= self.fence:
            raise ParseError("pickle takes a value from an empty stack")
        return self.values.pop()

    def top(self) -> object:
        """The top value, which stays."""
        if len(self.values) <= self.fence:
            raise ParseError("pickle reads an empty stack")
        return self.values[-1]

    def pop_mark(self, most: int = _DEEP) -> tuple[list[object], int]:
        """The first `most` values above the last mark, and how many there were."""
        if not self.marks:
            raise ParseError("pickle goes back to a mark that was never set")
        start = self.marks.pop()
        self.fence = self.marks[-1] if self.marks else 0
        count = len(self.values) - start
        items = self.values[start : start + most]
        del self.values[start:]
        return items, count

    def mark(self, _: Argument) -> None:
        """MARK."""
        if len(self.marks) >= _MAX_MARKS:
            raise LimitExceededError(f"pickle sets more than {_MAX_MARKS} marks")
        self.fence = len(self.values)
        self.marks.append(self.fence)

    def drop(self, _: Argument) -> None:
        """POP: the top value, or a mark that lies on top."""
        if self.marks and self.marks[-1] == len(self.values):
            self.pop_mark()
        else:
            self.pop()

    def drop_mark(self, _: Argument) -> None:
        """POP_MARK."""
        self.pop_mark()

    def duplicate(self, _: Argument) -> None:
        """DUP."""
        self.push(self.top())

    def stop(self, _: Argument) -> None:
        """STOP."""
        self.result.root = self.pop()
        if multiplies(self.result.root):
            self.bomb()
        self.result.is_complete = True

    def hashed(self, keys: list[object]) -> None:
        """Look at what becomes a key: for a tuple, all that it holds is gone through."""
        for key in keys:
            if type(key) is tuple and any(type(item) is tuple for item in key) and multiplies(key):
                self.bomb()

    def bomb(self) -> None:
        """State that containers hold each other too often to go through."""
        self.result.add(
            Technique.BOMB,
            "nested containers",
            "its containers hold each other so often that whoever goes through them never comes back, or fills memory",
            offset=self.start,
        )

    # -- constants and containers

    def none(self, _: Argument) -> None:
        """NONE."""
        self.values.append(None)

    def true(self, _: Argument) -> None:
        """NEWTRUE."""
        self.values.append(True)

    def false(self, _: Argument) -> None:
        """NEWFALSE."""
        self.values.append(False)

    def number(self, value: Argument) -> None:
        """Numbers of every form."""
        # A stack this deep is a tuple of millions of numbers.
        self.values.append(value if len(self.values) < _DEEP else NUMBER)

    def words(self, value: Argument) -> None:
        """Texts of every form."""
        if len(self.values) >= _DEEP:
            value = _TEXT
        self.text, self.text_start = value, self.start
        self.values.append(value)

    def raw(self, value: Argument) -> None:
        """Bytes of every form."""
        self.values.append(value if len(self.values) < _DEEP else _BYTES)

    def byte_array(self, value: Argument) -> None:
        """BYTEARRAY8."""
        self.values.append(Made(_BYTEARRAY, (value,)))

    def buffer(self, _: Argument) -> None:
        """NEXT_BUFFER."""
        self.values.append(_BYTES)

    def nothing(self, _: Argument) -> None:
        """What changes nothing here."""
        return

    def empty_list(self, _: Argument) -> None:
        """EMPTY_LIST."""
        self.values.append(Row() if len(self.values) < _DEEP else _LIST)

    def empty_dict(self, _: Argument) -> None:
        """EMPTY_DICT."""
        self.values.append(Table() if len(self.values) < _DEEP else _DICT)

    def empty_tuple(self, _: Argument) -> None:
        """EMPTY_TUPLE."""
        self.values.append(())

    def empty_set(self, _: Argument) -> None:
        """EMPTY_SET."""
        self.values.append(_SET)

    def make_tuple(self, _: Argument) -> None:
        """TUPLE."""
        is_longer = bool(self.values) and self.values[-1] is MORE
        items, count = self.pop_mark()
        self.values.append(_TUPLE if is_longer or count > _DEEP else tuple(items))

    def tuple_of(self, count: int) -> None:
        """A tuple of the values on top."""
        if len(self.values) - self.fence < count:
            raise ParseError("pickle takes a value from an empty stack")
        items = tuple(self.values[-count:])
        is_data = len(self.values) >= _DEEP and all(isinstance(item, Opaque) and item.kind for item in items)
        self.values[-count:] = [_TUPLE if is_data else items]

    def tuple_1(self, _: Argument) -> None:
        """TUPLE1."""
        self.tuple_of(1)

    def tuple_2(self, _: Argument) -> None:
        """TUPLE2."""
        self.tuple_of(2)

    def tuple_3(self, _: Argument) -> None:
        """TUPLE3."""
        self.tuple_of(3)

    def make_list(self, _: Argument) -> None:
        """LIST."""
        items, count = self.pop_mark(_MAX_ITEMS)
        self.values.append(Row(items, is_cut=count > _MAX_ITEMS))

    def make_dict(self, _: Argument) -> None:
        """DICT."""
        items, count = self.pop_mark()
        if count % 2:
            raise ParseError("pickle pairs an odd number of items")
        built = Table()
        self.hashed(items[::2])
        _put(built, items)
        built.is_cut |= count > len(items)
        self.values.append(built)

    def append(self, _: Argument) -> None:
        """APPEND."""
        item = self.pop()
        self.extend(self.top(), [item], 1)

    def appends(self, _: Argument) -> None:
        """APPENDS."""
        items, count = self.pop_mark(_MAX_ITEMS)
        target = self.top()
        if items:
            self.extend(target, items, count)

    def extend(self, target: object, items: list[object], count: int) -> None:
        """Add items to what is filled; `count` is how many there really are."""
        if isinstance(target, Row):
            room = _MAX_ITEMS - len(target)
            target.is_cut |= room < count
            target.extend(items[: max(0, room)])
        else:
            self.changes(target)

    def set_item(self, _: Argument) -> None:
        """SETITEM."""
        value, key = self.pop(), self.pop()
        self.fill(self.top(), [key, value])

    def set_items(self, _: Argument) -> None:
        """SETITEMS."""
        items, count = self.pop_mark()
        target = self.top()
        if count % 2:
            raise ParseError("pickle pairs an odd number of items")
        if items:
            self.fill(target, items)
        if isinstance(target, Table) and (count > len(items) or MORE in items[-1:]):
            target.is_cut = True

    def fill(self, target: object, items: list[object]) -> None:
        """Add pairs to what is filled."""
        if isinstance(target, Table):
            self.hashed(items[::2])
            _put(target, items)
        elif isinstance(target, Row):
            target.is_cut = True
            target.clear()
        else:
            self.changes(target)

    def add_items(self, _: Argument) -> None:
        """ADDITEMS."""
        items, count = self.pop_mark(_MAX_ITEMS)
        target = self.top()
        self.hashed(items)
        if count:
            self.changes(target)

    def frozenset(self, _: Argument) -> None:
        """FROZENSET."""
        self.hashed(self.pop_mark(_MAX_ITEMS)[0])
        self.values.append(_SET)


def _put(target: Table, items: list[object]) -> None:
    for key, value in zip(items[::2], items[1::2], strict=True):
        is_kept = len(target) < _MAX_ITEMS or key in target or key in _ALWAYS_KEPT
        if isinstance(key, str | int | Global) and is_kept:
            target[key] = value
        else:
            target.is_cut = True

"""Steps through serialised R objects without recursion, judging calls, promises and mapped files on the way."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from keelmark.core.facts import Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.r_calls import Kind, Place, Value, code_of, judge_call, judge_promise

if TYPE_CHECKING:
    from keelmark.formats.models.r_stream import RStream

__all__ = ["Bounds", "Walk"]

_SYMBOL, _LIST, _CLOSURE, _ENVIRONMENT, _PROMISE, _LANGUAGE = 1, 2, 3, 4, 5, 6
_SPECIAL, _BUILTIN, _CHAR, _LOGICAL, _INTEGER, _REAL, _COMPLEX, _STRING = 7, 8, 9, 10, 13, 14, 15, 16
_DOTS, _VECTOR, _EXPRESSION, _BYTECODE, _POINTER, _WEAK, _RAW, _S4 = 17, 19, 20, 21, 22, 23, 24, 25
_REFERENCE, _NIL, _GLOBAL, _UNBOUND, _MISSING, _BASE_NAMESPACE = 255, 254, 253, 252, 251, 250
_NAMESPACE, _PACKAGE, _PERSISTENT, _CLASS_REF, _GENERIC_REF = 249, 248, 247, 246, 245
_BC_DEFINITION, _BC_REFERENCE, _EMPTY_ENV, _BASE_ENV, _ATTR_LANG, _ATTR_LIST, _ALTREP = (
    244,
    243,
    242,
    241,
    240,
    239,
    238,
)
_SINGLE = frozenset({_NIL, _GLOBAL, _UNBOUND, _MISSING, _BASE_NAMESPACE, _EMPTY_ENV, _BASE_ENV})
_PAIRS = frozenset({_LIST, _LANGUAGE, _CLOSURE, _PROMISE, _DOTS})
_Numbers = Literal["integer", "real", "complex", "raw"]
_NUMBERS: dict[int, _Numbers] = {
    _LOGICAL: "integer",
    _INTEGER: "integer",
    _REAL: "real",
    _COMPLEX: "complex",
    _RAW: "raw",
}
_NAMES = frozenset({_SYMBOL, _SPECIAL, _BUILTIN, _REFERENCE})
_MAPPED = frozenset({"mmap_integer", "mmap_real"})
_KEPT_ARGUMENTS = 16
_KEPT_TEXT = 200
_OTHER = Value(Kind.OTHER)
_UNFORCED = Value(Kind.OTHER, "\x00unbound")

_Step = Generator["_Step", Value, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk."""

    max_items: int = 5_000_000
    max_depth: int = 10_000


class Walk:
    """Walks one object.

    Args:
        stream: Where it is read from, behind its header.
        bounds: Bounds of the walk.
    """

    def __init__(self, stream: RStream, *, bounds: Bounds) -> None:
        self._stream = stream
        self._bounds = bounds
        self._items = 0
        self._references: list[Value] = []
        self._depth = 0
        self.found = HazardList()
        self.functions = 0
        self.top_class = ""

    def run(self) -> None:
        """Walk to the end of the object.

        Raises:
            ParseError: No object of R.
            LimitExceededError: More items, or deeper, than are read.
        """
        waiting = [self._item(Place.STORED)]
        answer = _OTHER
        is_new = True
        while waiting:
            self._depth = len(waiting)
            if self._depth > self._bounds.max_depth:
                raise LimitExceededError("objects are nested too deeply")
            try:
                step = next(waiting[-1]) if is_new else waiting[-1].send(answer)
                waiting.append(step)
                is_new = True
            except StopIteration as done:
                waiting.pop()
                answer = done.value
                is_new = False

    def _flags(self) -> int:
        self._items += 1
        if self._items > self._bounds.max_items:
            raise LimitExceededError(f"more than {self._bounds.max_items} objects")
        return self._stream.integer()

    def _item(self, place: Place, flags: int | None = None, *, is_frame: bool = False) -> _Step:
        """Walk one item; what it is to a call that holds it."""
        given = self._flags() if flags is None else flags
        kind = given & 0xFF
        if kind in _SINGLE:
            return _UNFORCED if kind == _UNBOUND else _OTHER
        if kind in _PAIRS:
            return (yield self._pairs(given, place, is_frame=is_frame))
        if kind == _STRING:
            return (yield self._strings(given))
        answer = _OTHER
        if kind in _NUMBERS:
            self._stream.skip(self._length(), _NUMBERS[kind])
        elif kind in {_VECTOR, _EXPRESSION}:
            for _ in range(self._length()):
                yield self._item(place, is_frame=is_frame)
        elif kind == _CHAR:
            answer = Value(Kind.TEXT, self._stream.text()[:_KEPT_TEXT])
        else:
            return (yield self._rare(given, place))
        if given & 0x200:
            yield self._item(place)
        return answer

    def _rare(self, flags: int, place: Place) -> _Step:
        """Items that are remembered, and those without content."""
        kind = flags & 0xFF
        if kind in _NAMES:
            return (yield self._name(flags, place))
        if kind == _ENVIRONMENT:
            return (yield self._environment(place))
        if kind in {_NAMESPACE, _PACKAGE, _PERSISTENT}:
            return (yield self._package(place))
        if kind == _ALTREP:
            return (yield self._compact(place))
        if kind == _BYTECODE:
            self._stream.integer()
            yield self._code(place)
        elif kind in {_POINTER, _WEAK}:
            self._remember(_OTHER)
            for _ in range(2 if kind == _POINTER else 0):
                yield self._item(place)
        elif kind != _S4:
            raise ParseError(f"no object of R has the type {kind}")
        if flags & 0x200:
            yield self._item(place)
        return _OTHER

    def _name(self, flags: int, place: Place) -> _Step:
        """A symbol, a built-in function, or a reference to what was met before."""
        kind = flags & 0xFF
        if kind == _REFERENCE:
            return self._reference(flags)
        if kind != _SYMBOL:
            return Value(Kind.SYMBOL, self._stream.text()[:_KEPT_TEXT])
        name = yield self._item(place)
        return self._remember(Value(Kind.SYMBOL, name.text))

    def _package(self, place: Place) -> _Step:
        self._stream.integer()
        for _ in range(self._length()):
            yield self._item(place)
        return self._remember(_OTHER)

    def _environment(self, place: Place) -> _Step:
        self._stream.integer()
        self._remember(_OTHER)
        yield self._item(place)
        yield self._item(place, is_frame=True)
        yield self._item(place, is_frame=True)
        yield self._item(place)
        return _OTHER

    def _compact(self, place: Place) -> _Step:
        """A vector in a form of its own: its class, its state, its attributes."""
        flags = self._flags()
        name = ""
        if flags & 0xFF == _LIST:
            # A list of class, package and type: only the class is of interest.
            first = yield self._item(place)
            name = first.text
            yield self._item(place)
        else:
            yield self._item(place, flags)
        state = yield self._item(place)
        yield self._item(place)
        if name in _MAPPED:
            detail = (
                f"a vector is mapped from the file `{state.text}` of the machine when the object is loaded"
            )
            self.found.add(Technique.FILE_OPERATOR, detail, subject=state.text or name)
        return _OTHER

    def _pairs(self, flags: int, place: Place, *, is_frame: bool) -> _Step:
        """A chain of pairs, walked along its tails: arguments of a call, bindings of a frame, attributes."""
        kind = flags & 0xFF
        inside = place
        if kind == _CLOSURE:
            inside = Place.FUNCTION if place is not Place.SETTLED else place
            self.functions += 1
        elif kind == _PROMISE:
            return (yield self._promise(flags, place, is_frame=is_frame))
        parts: list[Value] = []
        while True:
            if flags & 0x200:
                yield self._item(place)
            tag = _OTHER
            if flags & 0x400:
                tag = yield self._item(place)
            part = yield self._item(inside, is_frame=is_frame)
            if tag.text == "class" and not self.top_class and self._depth <= 4:
                self.top_class = part.text[:200]
            if len(parts) <= _KEPT_ARGUMENTS:
                parts.append(part)
            flags = self._flags()
            if kind == _CLOSURE or flags & 0xFF not in {_LIST, _DOTS}:
                break
        yield self._item(inside, flags, is_frame=is_frame)
        return self._call(parts, place) if kind == _LANGUAGE else _OTHER

    def _call(self, parts: list[Value], place: Place) -> Value:
        head, arguments = parts[0], tuple(parts[1:])
        if head.text in {"::", ":::"} and len(arguments) == 2:
            return Value(Kind.CALL, f"{arguments[0].text}{head.text}{arguments[1].text}"[:_KEPT_TEXT])
        judge_call(head.text, arguments, place, self.found)
        return Value(Kind.CALL, code_of(head.text or "...", arguments))

    def _promise(self, flags: int, place: Place, *, is_frame: bool) -> _Step:
        if flags & 0x200:
            yield self._item(place)
        if flags & 0x400:
            yield self._item(place)
        value = yield self._item(place)
        is_waiting = value is _UNFORCED and place is not Place.SETTLED
        expression = yield self._item(Place.PROMISE if is_waiting else Place.SETTLED)
        if is_waiting and not is_frame and expression.kind is Kind.CALL:
            judge_promise(expression, self.found)
        return _OTHER

    def _strings(self, flags: int) -> _Step:
        count = self._length()
        first = _OTHER
        for index in range(count):
            inner = self._flags()
            if inner & 0xFF != _CHAR:
                raise ParseError("vector of texts holds something else")
            text = self._stream.text()
            if index == 0:
                first = Value(Kind.TEXT, text[:_KEPT_TEXT])
            if inner & 0x200:
                yield self._item(Place.STORED)
        if flags & 0x200:
            yield self._item(Place.STORED)
        return first

    def _code(self, place: Place) -> _Step:
        yield self._item(place)
        for _ in range(self._count()):
            kind = self._stream.integer() & 0xFF
            if kind == _BYTECODE:
                yield self._code(place)
            elif kind in {_LANGUAGE, _LIST, _BC_DEFINITION, _BC_REFERENCE, _ATTR_LANG, _ATTR_LIST}:
                yield self._code_tree(kind, place)
            else:
                yield self._item(place)
        return _OTHER

    def _code_tree(self, kind: int, place: Place) -> _Step:
        """A call or list among the constants of byte code, walked along its tails."""
        parts: list[Value] = []
        is_call: bool | None = None
        while kind in {_LANGUAGE, _LIST, _BC_DEFINITION, _ATTR_LANG, _ATTR_LIST}:
            self._items += 1
            if kind == _BC_DEFINITION:
                self._stream.integer()
                kind = self._stream.integer()
            if is_call is None:
                is_call = kind in {_LANGUAGE, _ATTR_LANG}
            if kind in {_ATTR_LANG, _ATTR_LIST}:
                yield self._item(place)
            yield self._item(place)
            head = self._stream.integer()
            part = yield self._code_tree(head, place)
            if len(parts) <= _KEPT_ARGUMENTS:
                parts.append(part)
            kind = self._stream.integer()
        rest = _OTHER
        if kind == _BC_REFERENCE:
            self._stream.integer()
        else:
            rest = yield self._item(place)
        if is_call is None:
            return rest
        return self._call(parts, place) if is_call else _OTHER

    def _remember(self, value: Value) -> Value:
        self._references.append(value)
        return value

    def _reference(self, flags: int) -> Value:
        index = flags >> 8 & 0xFFFFFF or self._stream.integer()
        if not 0 < index <= len(self._references):
            raise ParseError("reference to an object that does not exist")
        return self._references[index - 1]

    def _count(self) -> int:
        count = self._stream.integer()
        if not 0 <= count <= self._stream.left:
            raise ParseError(f"{count} items announced where {self._stream.left} bytes are left")
        return count

    def _length(self) -> int:
        """The length of a vector, which may stand in two halves."""
        length = self._stream.integer()
        if length == -1:
            length = (self._stream.integer() << 32) + (self._stream.integer() & 0xFFFFFFFF)
        if not 0 <= length <= self._stream.left:
            raise ParseError(f"vector of {length} items announced where {self._stream.left} bytes are left")
        return length

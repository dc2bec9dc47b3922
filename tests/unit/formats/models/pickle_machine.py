"""A plain machine that follows pickles, beside which leaving data out must change nothing."""

from __future__ import annotations

import collections
import pickletools
from array import array
from dataclasses import dataclass, field

from keelmark.formats.models.pickle import walk, walk_pure
from keelmark.formats.models.pickle.shortcuts import NO_TEXT, NOT_LEFT_OUT, Shortcuts
from keelmark.formats.models.pickle.walk import Bounds, survey
from keelmark.formats.models.pickle.walk_table import Kind

HAS_NATIVE = walk._native is not None and walk._native.VERSION == walk_pure.VERSION
WAYS = [True, False] if HAS_NATIVE else [True]
SMALL = Bounds(slice_bytes=64, min_shortcut_bytes=16)


class Called:
    def __reduce__(self):
        return complex, (1.0, 2.0)


class WithState:
    def __reduce__(self):
        return collections.OrderedDict, (), None, None, iter([("a", 1), ("b", [1, 2])])


def look(data, **keywords):
    """Survey in each way there is; all must agree."""
    found = [survey(memoryview(data), pure=pure, **keywords) for pure in WAYS]
    assert all(item == found[0] for item in found)
    return found[0]


@dataclass(eq=False)
class Box:
    """A container of the reference machine: its kind, its first items, and whether there are more."""

    kind: str
    items: list[object] = field(default_factory=list)
    is_cut: bool = False

    def extend(self, items):
        self.is_cut |= len(self.items) + len(items) > 64
        self.items += items[: 64 - len(self.items)]


DATA = ("data",)
LONG = 65


class Machine:
    """Follows a pickle the plain way: every global asked for and every call, with what was handed to it."""

    def __init__(self, data, shortcuts=None):
        self.data, self.shortcuts = memoryview(data), shortcuts
        self.stack, self.marks, self.memo, self.foreign, self.events = [], [], {}, array("Q"), []
        self.left_out = self.bytes_left_out = 0
        self.top = 0

    def run(self):
        operations = [
            (op.name, argument, place) for op, argument, place in pickletools.genops(bytes(self.data))
        ]
        places = {place: index for index, (_, _, place) in enumerate(operations)}
        index = 0
        while index < len(operations):
            name, argument, place = operations[index]
            if self.shortcuts is not None and place >= self.shortcuts.next_start:
                end = self.leave_out(place)
                if end is not None:
                    index = places[end]
                    continue
            getattr(self, name.lower(), lambda _: self.stack.append(DATA))(argument)
            index += 1
        return self.events

    def leave_out(self, place):
        found = self.shortcuts.take(
            place, count=len(self.memo) + self.left_out, top=self.top, foreign=self.foreign
        )
        if found is None:
            return None
        self.left_out += found.last - found.first
        self.bytes_left_out += found.end - found.start
        self.top = max(self.top, found.last)
        if found.kind is Kind.REST:
            self.stack += [DATA, DATA]
            if self.data[found.end] == ord("t"):
                self.stack += [DATA] * LONG
        else:
            self.fill([DATA, DATA])
        return found.end

    def taken(self):
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def fill(self, items):
        target = self.stack[-1]
        if isinstance(target, Box):
            target.extend(items)
        elif items:
            self.events.append(("fill", target))

    def put(self, key, value=None):
        value = self.stack[-1] if value is None else value
        if value[0] in {"global", "made"} if isinstance(value, tuple) else False:
            place = next((index for index, item in enumerate(self.foreign) if item >= key), len(self.foreign))
            self.foreign.insert(place, key)
        self.memo[key] = value
        self.top = max(self.top, key + 1)

    binput = long_binput = put

    def memoize(self, _):
        self.put(len(self.memo) + self.left_out)

    def get(self, key):
        place = self.shortcuts.text_place(int(key)) if self.shortcuts else NOT_LEFT_OUT
        if place == NOT_LEFT_OUT:
            value = self.memo[int(key)]
        elif place == NO_TEXT:
            value = DATA
        else:
            opcode, argument, _ = next(pickletools.genops(bytes(self.data[place:]) + b"."))
            assert "UNICODE" in opcode.name or "STRING" in opcode.name
            value = ("text", argument)
        if isinstance(value, tuple) and value[0] == "global":
            self.events.append(("handed", value))
        self.stack.append(value)

    binget = long_binget = get

    def text(self, argument):
        self.stack.append(("text", argument))

    unicode = binunicode = short_binunicode = binunicode8 = string = binstring = short_binstring = text

    def nothing(self, _):
        pass

    proto = frame = stop = nothing

    def mark(self, _):
        self.marks.append(len(self.stack))

    def empty_list(self, _):
        self.stack.append(Box("list"))

    def empty_dict(self, _):
        self.stack.append(Box("dict"))

    def empty_set(self, _):
        self.stack.append(Box("set"))

    def append(self, _):
        item = self.stack.pop()
        self.fill([item])

    def setitem(self, _):
        value, key = self.stack.pop(), self.stack.pop()
        self.fill([key, value])

    def appends(self, _):
        items = self.taken()
        self.fill(items)

    setitems = additems = appends

    def make(self, kind):
        box = Box(kind)
        box.extend(self.taken())
        self.stack.append(box)

    def list(self, _):
        self.make("list")

    def dict(self, _):
        self.make("dict")

    def frozenset(self, _):
        self.make("set")

    def tuple(self, _):
        items = self.taken()
        self.stack.append(DATA if len(items) >= LONG else ("tuple", *items))

    def tuple_of(self, count):
        items = self.stack[-count:]
        self.stack[-count:] = [("tuple", *items)]

    def tuple1(self, _):
        self.tuple_of(1)

    def tuple2(self, _):
        self.tuple_of(2)

    def tuple3(self, _):
        self.tuple_of(3)

    def pop(self, _):
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def pop_mark(self, _):
        self.taken()

    def dup(self, _):
        self.stack.append(self.stack[-1])

    def made(self, callee, *given):
        self.events.append(("call", callee, *given))
        self.stack.append(("made", callee))

    def reduce(self, _):
        given, callee = self.stack.pop(), self.stack.pop()
        self.made(callee, given)

    newobj = reduce

    def build(self, _):
        state = self.stack.pop()
        self.events.append(("state", self.stack[-1], state))

    def asked(self, module, name):
        wanted = ("global", module, name)
        self.events.append(wanted)
        self.stack.append(wanted)

    def stack_global(self, _):
        name, module = self.stack.pop(), self.stack.pop()
        self.asked(module, name)

    def __getattr__(self, name):
        if name == "global":
            return lambda argument: self.asked(*(("text", part) for part in argument.split(" ")))
        raise AttributeError(name)


def agrees(quick, slow):
    """Whether what the quick way knows is what the slow way knows; it may know of plain data that it is data alone."""
    if quick == DATA:
        return not is_foreign(slow, set())
    if isinstance(quick, Box):
        return (
            isinstance(slow, Box)
            and (quick.kind, quick.is_cut, len(quick.items)) == (slow.kind, slow.is_cut, len(slow.items))
            and (id(quick) in SEEN or SEEN.add(id(quick)) or all(map(agrees, quick.items, slow.items)))
        )
    if isinstance(quick, tuple):
        return isinstance(slow, tuple) and len(quick) == len(slow) and all(map(agrees, quick, slow))
    return quick == slow


SEEN: set[int] = set()


def is_foreign(value, seen):
    if isinstance(value, Box):
        if id(value) in seen:
            return False
        seen.add(id(value))
        return any(is_foreign(item, seen) for item in value.items)
    return isinstance(value, tuple) and (
        value[:1] in {("global",), ("made",)} or any(is_foreign(item, seen) for item in value[1:])
    )


def compare(data, *, least=16):
    """Follow with and without shortcuts; give how many bytes were left out."""
    slow = Machine(data).run()
    left_out = 0
    for pure in WAYS:
        bounds = Bounds(slice_bytes=256, min_shortcut_bytes=least)
        shortcuts = Shortcuts(memoryview(data), bounds=bounds, pure=pure)
        machine = Machine(data, shortcuts)
        quick = machine.run()
        SEEN.clear()
        assert len(quick) == len(slow)
        assert all(map(agrees, quick, slow))
        left_out = machine.bytes_left_out
    return left_out

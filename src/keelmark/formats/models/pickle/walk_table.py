"""What a walk needs to know of each opcode: how its argument is written, and what it does to the stack.

The numbers are shared with `_walk.c`; its enumerations have the same order.
"""

from __future__ import annotations

from enum import IntEnum

from keelmark.formats.models.pickle.opcodes import OPCODES, Form

__all__ = [
    "EFFECTS",
    "FIELDS",
    "FOREIGN",
    "MEMOIZED",
    "VERSION",
    "WRITTEN",
    "Effect",
    "Kind",
    "State",
    "Written",
]

VERSION = 1
"""Of what is shared with `_walk.c`: a part in C of another version is not used."""


class Written(IntEnum):
    """How the argument of an operation is written."""

    ILLEGAL = 0
    NONE = 1
    ONE = 2
    TWO = 3
    FOUR = 4
    EIGHT = 5
    LENGTH1 = 6
    LENGTH4 = 7
    LENGTH4_SIGNED = 8
    LENGTH8 = 9
    LINE = 10
    PAIR = 11


class Effect(IntEnum):
    """What an operation does; from `PUSH_FOREIGN` on, it may import, call or refer outside."""

    NOTHING = 0
    PUSH = 1
    TEXT = 2
    TEXT_LINE = 3
    TUPLE1 = 4
    TUPLE2 = 5
    TUPLE3 = 6
    APPEND = 7
    SET_ITEM = 8
    MARK = 9
    FILL_LIST = 10
    FILL_DICT = 11
    FILL_SET = 12
    MAKE = 13
    MAKE_DICT = 14
    PUT = 15
    MEMOIZE = 16
    GET = 17
    POP = 18
    POP_MARK = 19
    DUP = 20
    PROTOCOL = 21
    DOUBT = 22
    STOP = 23
    PUSH_FOREIGN = 24
    TAKE1 = 25
    TAKE2 = 26
    TAKE3 = 27
    BUILD = 28
    CLOSE = 29


class State(IntEnum):
    """How a walk stands."""

    RUNNING = 0
    STOPPED = 1
    BREAKS_OFF = 2
    ILLEGAL = 3
    NEGATIVE = 4
    PROTOCOL = 5
    LONG_NAME = 6


class Kind(IntEnum):
    """What a shortcut leaves out.

    `REST`: the rest of the items above the innermost mark; the operation that takes them stands at its end. The others:
    operations that do nothing but fill the container on top of the stack.
    """

    REST = 0
    LIST = 1
    DICT = 2
    SET = 3


MEMOIZED = 16
"""Flag beside a kind: the stream numbers its memo by counting (MEMOIZE)."""
FIELDS = 6
"""Numbers of one shortcut: start, end, kind, first memo key, memo key behind the last, lowest key recalled."""

_WRITTEN = {
    Form.NONE: Written.NONE, Form.U1: Written.ONE, Form.U2: Written.TWO, Form.U4: Written.FOUR,
    Form.I4: Written.FOUR, Form.U8: Written.EIGHT, Form.F8: Written.EIGHT, Form.LINE: Written.LINE,
    Form.FLOAT: Written.LINE, Form.INT: Written.LINE, Form.LONG: Written.LINE, Form.NUMBER: Written.LINE,
    Form.QUOTED: Written.LINE, Form.UNICODE: Written.LINE, Form.PAIR: Written.PAIR, Form.TEXT1: Written.LENGTH1,
    Form.TEXT4: Written.LENGTH4, Form.TEXT8: Written.LENGTH8, Form.BYTES1: Written.LENGTH1,
    Form.BYTES4: Written.LENGTH4, Form.BYTES8: Written.LENGTH8, Form.LATIN1: Written.LENGTH1,
    Form.LATIN4: Written.LENGTH4_SIGNED, Form.LONG1: Written.LENGTH1, Form.LONG4: Written.LENGTH4_SIGNED,
}  # fmt: skip
_NAMED = {
    Effect.NOTHING: "FRAME",
    Effect.TEXT: "BINSTRING SHORT_BINSTRING BINUNICODE SHORT_BINUNICODE BINUNICODE8",
    Effect.TEXT_LINE: "STRING UNICODE",
    Effect.TUPLE1: "TUPLE1", Effect.TUPLE2: "TUPLE2", Effect.TUPLE3: "TUPLE3",
    Effect.APPEND: "APPEND", Effect.SET_ITEM: "SETITEM", Effect.MARK: "MARK",
    Effect.FILL_LIST: "APPENDS", Effect.FILL_DICT: "SETITEMS", Effect.FILL_SET: "ADDITEMS",
    Effect.MAKE: "TUPLE LIST FROZENSET", Effect.MAKE_DICT: "DICT",
    Effect.PUT: "PUT BINPUT LONG_BINPUT", Effect.MEMOIZE: "MEMOIZE", Effect.GET: "GET BINGET LONG_BINGET",
    Effect.POP: "POP", Effect.POP_MARK: "POP_MARK", Effect.DUP: "DUP", Effect.PROTOCOL: "PROTO",
    Effect.DOUBT: "READONLY_BUFFER", Effect.STOP: "STOP",
    Effect.PUSH_FOREIGN: "GLOBAL EXT1 EXT2 EXT4 PERSID NEXT_BUFFER",
    Effect.TAKE1: "BINPERSID", Effect.TAKE2: "STACK_GLOBAL REDUCE NEWOBJ", Effect.TAKE3: "NEWOBJ_EX",
    Effect.BUILD: "BUILD", Effect.CLOSE: "INST OBJ",
}  # fmt: skip
_BY_NAME = {name: effect for effect, names in _NAMED.items() for name in names.split()}


def _table(values: dict[int, int]) -> bytes:
    return bytes(values.get(code, 0) for code in range(256))


WRITTEN = _table({code: _WRITTEN[form] for code, (_, form) in OPCODES.items()})
"""Opcode byte to how its argument is written."""
EFFECTS = _table({code: _BY_NAME.get(name, Effect.PUSH) for code, (name, _) in OPCODES.items()})
"""Opcode byte to what it does."""
FOREIGN = frozenset(code for code in OPCODES if EFFECTS[code] >= Effect.PUSH_FOREIGN)
"""Opcode bytes of what may import, call or refer outside."""

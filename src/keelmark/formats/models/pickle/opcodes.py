"""The opcodes of pickle protocols 0 to 5: name and form of the argument.

Written down here, so that the library that can load pickles is never imported.
"""

from __future__ import annotations

from enum import Enum, auto
from types import MappingProxyType

__all__ = ["OPCODES", "Form"]


class Form(Enum):
    """How the argument of an opcode is written."""

    NONE = auto()
    U1 = auto()
    U2 = auto()
    U4 = auto()
    I4 = auto()
    U8 = auto()
    F8 = auto()
    LINE = auto()  # raw text up to the line feed
    FLOAT = auto()  # text of a real number up to the line feed
    INT = auto()  # text of a number of any base up to the line feed; 00 and 01 are truth values
    LONG = auto()  # text of a number of any base up to the line feed, with or without an L
    NUMBER = auto()  # decimal text up to the line feed
    QUOTED = auto()  # quoted text with escapes up to the line feed
    UNICODE = auto()  # raw-unicode-escape up to the line feed
    PAIR = auto()  # two lines: module and name
    TEXT1 = auto()
    TEXT4 = auto()
    TEXT8 = auto()
    BYTES1 = auto()
    BYTES4 = auto()
    BYTES8 = auto()
    LATIN1 = auto()
    LATIN4 = auto()
    LONG1 = auto()
    LONG4 = auto()


_TABLE = (
    ("(", "MARK", Form.NONE), (".", "STOP", Form.NONE), ("0", "POP", Form.NONE), ("1", "POP_MARK", Form.NONE),
    ("2", "DUP", Form.NONE), ("F", "FLOAT", Form.FLOAT), ("I", "INT", Form.INT), ("J", "BININT", Form.I4),
    ("K", "BININT1", Form.U1), ("L", "LONG", Form.LONG), ("M", "BININT2", Form.U2), ("N", "NONE", Form.NONE),
    ("P", "PERSID", Form.LINE), ("Q", "BINPERSID", Form.NONE), ("R", "REDUCE", Form.NONE),
    ("S", "STRING", Form.QUOTED), ("T", "BINSTRING", Form.LATIN4), ("U", "SHORT_BINSTRING", Form.LATIN1),
    ("V", "UNICODE", Form.UNICODE), ("X", "BINUNICODE", Form.TEXT4), ("a", "APPEND", Form.NONE),
    ("b", "BUILD", Form.NONE), ("c", "GLOBAL", Form.PAIR), ("d", "DICT", Form.NONE), ("}", "EMPTY_DICT", Form.NONE),
    ("e", "APPENDS", Form.NONE), ("g", "GET", Form.NUMBER), ("h", "BINGET", Form.U1), ("i", "INST", Form.PAIR),
    ("j", "LONG_BINGET", Form.U4), ("l", "LIST", Form.NONE), ("]", "EMPTY_LIST", Form.NONE),
    ("o", "OBJ", Form.NONE), ("p", "PUT", Form.NUMBER), ("q", "BINPUT", Form.U1), ("r", "LONG_BINPUT", Form.U4),
    ("s", "SETITEM", Form.NONE), ("t", "TUPLE", Form.NONE), (")", "EMPTY_TUPLE", Form.NONE),
    ("u", "SETITEMS", Form.NONE), ("G", "BINFLOAT", Form.F8),
    ("\x80", "PROTO", Form.U1), ("\x81", "NEWOBJ", Form.NONE), ("\x82", "EXT1", Form.U1), ("\x83", "EXT2", Form.U2),
    ("\x84", "EXT4", Form.U4), ("\x85", "TUPLE1", Form.NONE), ("\x86", "TUPLE2", Form.NONE),
    ("\x87", "TUPLE3", Form.NONE), ("\x88", "NEWTRUE", Form.NONE), ("\x89", "NEWFALSE", Form.NONE),
    ("\x8a", "LONG1", Form.LONG1), ("\x8b", "LONG4", Form.LONG4),
    ("B", "BINBYTES", Form.BYTES4), ("C", "SHORT_BINBYTES", Form.BYTES1),
    ("\x8c", "SHORT_BINUNICODE", Form.TEXT1), ("\x8d", "BINUNICODE8", Form.TEXT8), ("\x8e", "BINBYTES8", Form.BYTES8),
    ("\x8f", "EMPTY_SET", Form.NONE), ("\x90", "ADDITEMS", Form.NONE), ("\x91", "FROZENSET", Form.NONE),
    ("\x92", "NEWOBJ_EX", Form.NONE), ("\x93", "STACK_GLOBAL", Form.NONE), ("\x94", "MEMOIZE", Form.NONE),
    ("\x95", "FRAME", Form.U8), ("\x96", "BYTEARRAY8", Form.BYTES8), ("\x97", "NEXT_BUFFER", Form.NONE),
    ("\x98", "READONLY_BUFFER", Form.NONE),
)  # fmt: skip

OPCODES = MappingProxyType({ord(character): (name, form) for character, name, form in _TABLE})
"""Opcode byte to its name and the form of its argument."""

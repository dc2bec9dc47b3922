"""The values of the abstract stack: what a pickle would build, as far as it can be told without building it.

Constants stand for themselves (text, bytes, numbers, None, tuples, `Row` and `Table`); the classes here stand for the
rest. No value holds a view of the file: values of a hostile pickle may refer to each other in circles, and the file
must still close.
"""

from __future__ import annotations

from _compat_pickle import (  # plain data: what Python 3 calls the names of Python 2
    IMPORT_MAPPING,
    NAME_MAPPING,
)
from dataclasses import dataclass, field

__all__ = [
    "COMPUTED",
    "NUMBER",
    "UNRESOLVED",
    "Bound",
    "Global",
    "Made",
    "Module",
    "Opaque",
    "Persistent",
    "Row",
    "Span",
    "Table",
    "modern",
]


@dataclass(frozen=True, slots=True)
class Global:
    """A callable that a pickle asks for."""

    module: str
    name: str

    @property
    def dotted(self) -> str:
        """`module.name`."""
        return f"{self.module}.{self.name}"


UNRESOLVED = Global("?", "?")
"""A callable whose name is computed while loading, so that no reader can tell it."""


def modern(module: str, name: str, *, protocol: int) -> Global:
    """The callable that a loader of Python 3 asks for where a pickle names one of Python 2.

    Loaders translate below protocol 3 only. The names of the built-in modules are translated always: no other module
    is called so, and loaders of Python 2 know no other name.
    """
    if protocol < 3:
        if (module, name) in NAME_MAPPING:
            return Global(*NAME_MAPPING[module, name])
        return Global(IMPORT_MAPPING.get(module, module), name)
    return Global({"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module), name)


@dataclass(slots=True, eq=False)
class Made:
    """What a call returned.

    Attributes:
        callee: What was called: a `Global`, or a value that was itself computed.
        arguments: Positional ones.
        state: What was set on it afterwards.
        keywords: Names and values given by name.
    """

    callee: object
    arguments: tuple[object, ...]
    state: object = None
    keywords: tuple[tuple[str, object], ...] = ()

    @property
    def maker(self) -> str:
        """Dotted name of the callee; empty when that was computed."""
        return self.callee.dotted if isinstance(self.callee, Global) else ""


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """An attribute of a value, most often a method."""

    base: object
    name: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module that was imported by a call."""

    name: str


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes, or text that is too long to name anything, between two places of the file."""

    start: int
    end: int
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of which nothing but its kind is known: `number`, `text`, `list`, ...; "" when not even that."""

    kind: str = ""

    @property
    def is_data(self) -> bool:
        """Whether it is surely no callable."""
        return bool(self.kind)


NUMBER = Opaque("number")
COMPUTED = Opaque()


class Row(list[object]):
    """A list; `is_cut` when it holds more than was kept, or what it holds was changed unseen."""

    __slots__ = ("is_cut",)

    def __init__(self, items: list[object] | tuple[object, ...] = (), *, is_cut: bool = False) -> None:
        super().__init__(items)
        self.is_cut = is_cut


class Table(dict[object, object]):
    """A dictionary by texts, numbers and callables; `is_cut` when it holds more than was kept."""

    __slots__ = ("is_cut",)

    def __init__(self) -> None:
        super().__init__()
        self.is_cut = False


_STORAGES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64", "ComplexDoubleStorage": "C128", "QInt8Storage": "QI8",
    "QUInt8Storage": "QU8", "QInt32Storage": "QI32",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Persistent:
    """An object kept outside of the stream.

    Attributes:
        kind: Element type of a torch storage, else "".
        key: Its name among the members of a torch archive, else "".
    """

    kind: str = ""
    key: str = field(default="", compare=False)

    @classmethod
    def of(cls, key: object) -> Persistent:
        """The object that a persistent id stands for."""
        if isinstance(key, tuple) and len(key) > 2 and key[0] == "storage":
            kind = _STORAGES.get(key[1].name, "") if isinstance(key[1], Global) else ""
            return cls(kind, key[2] if isinstance(key[2], str) else "")
        return cls()

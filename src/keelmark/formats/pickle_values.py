"""The values of the abstract stack: what a pickle would build, as far as it can be told without building it.

No value holds a view of the file: values of a hostile pickle may refer to each other in circles, and the file must
still close.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UNRESOLVED", "Global", "Made", "Opaque", "Persistent", "Span"]


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


@dataclass(slots=True, eq=False)
class Made:
    """What a call returned; `callee` is None when the called thing was itself computed."""

    callee: Global | None
    arguments: tuple[object, ...]
    state: object = None


@dataclass(frozen=True, slots=True)
class Span:
    """Raw bytes between two places of the file."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of which nothing needs to be known."""


_STORAGES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
    "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
    "BoolStorage": "BOOL", "ComplexFloatStorage": "C64", "ComplexDoubleStorage": "C128", "QInt8Storage": "QI8",
    "QUInt8Storage": "QU8", "QInt32Storage": "QI32",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Persistent:
    """An object kept outside of the stream; `kind` is the element type of a torch storage, else empty."""

    kind: str = ""

    @classmethod
    def of(cls, key: object) -> Persistent:
        """The object that a persistent id stands for."""
        if isinstance(key, tuple) and len(key) > 1 and key[0] == "storage" and isinstance(key[1], Global):
            return cls(_STORAGES.get(key[1].name, ""))
        return cls()

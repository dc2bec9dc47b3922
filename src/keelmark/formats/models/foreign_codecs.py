"""Stores of arrays and tables whose readers unpickle: Zarr with the codec `pickle`, Arrow with types of Python.

Sources: numcodecs registers `pickle` as a codec, which Zarr 2 looks up by the `id` in `.zarray`; Arrow before 14.0.1 unpickles the
metadata of a column of the extension type `arrow.py_extension_type` whenever a schema is read (CVE-2023-47248).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import Hazard, ModelFile, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.models.facts import gap_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["READERS", "ArrowTypeReader", "ZarrReader"]

_ZARR = b'"zarr_format"'
_MAX_BYTES = 4 * 1024**2
_UNPICKLES = frozenset({"pickle", "numcodecs.pickle", "dill", "cloudpickle"})
_TABLES = (b"ARROW1", b"FEA1", b"PAR1", b"\xff\xff\xff\xff")
_PYTHON_TYPE = b"arrow.py_extension_type"
# Parquet keeps the schema of Arrow as base64: what the name becomes there, at each of three places in a group.
_MARKS = (
    _PYTHON_TYPE,
    *(base64.b64encode(bytes(shift) + _PYTHON_TYPE)[4 if shift else 0 : -4] for shift in range(3)),
)
# Schemas stand at the start of streams, and at the end of files.
_LOOKED_AT = 1024**2


class ZarrReader:
    """Reads the description of a Zarr array."""

    name = "zarr"
    version = 1

    def recognises(self, source: Source) -> bool:
        """JSON that states its version of Zarr."""
        return source.is_text and source.head.lstrip()[:1] == b"{" and _ZARR in source.head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Name codecs that run what they read."""
        model = ModelFile(format=self.name, can_execute=False)
        try:
            root = strict_json.parse(source.data, max_bytes=_MAX_BYTES, path=source.path).value
        except KeelmarkError as error:
            return (Reading(format=self.name, models=(model,), gaps=(gap_of(source, error),)),)
        found = tuple(
            Hazard(
                technique=Technique.DANGEROUS_CLASS,
                detail=f"its values are read with the codec `{codec}`, which runs what they hold",
                subject=codec,
            )
            for codec in dict.fromkeys(_codecs(root))
            if codec in _UNPICKLES
        )
        return (Reading(format=self.name, models=(model,), hazards=found),)


def _codecs(root: Any) -> Iterator[str]:
    """Every name under which a codec may be looked up."""
    todo = [root]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            yield from (name for key in ("id", "name") if isinstance(name := value.get(key), str))
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)


class ArrowTypeReader:
    """Looks for columns of Arrow and Parquet whose type is a pickled class."""

    name = "arrow-type"
    version = 1

    def recognises(self, source: Source) -> bool:
        """A table whose schema names such a type."""
        return source.head.startswith(_TABLES) and any(
            mark in part for part in _ends(source) for mark in _MARKS
        )

    def read(self, source: Source) -> tuple[Reading, ...]:  # noqa: ARG002 - recognising it was all
        """State it."""
        hazard = Hazard(
            technique=Technique.SERIALISED_CODE,
            detail="the type of a column is a pickle, which Arrow before 14.0.1 loads as soon as the schema is read",
            subject=_PYTHON_TYPE.decode(),
        )
        return (Reading(format=self.name, hazards=(hazard,)),)


def _ends(source: Source) -> tuple[bytes, ...]:
    if source.size <= 2 * _LOOKED_AT:
        return (bytes(source.data),)
    return (bytes(source.data[:_LOOKED_AT]), bytes(source.data[-_LOOKED_AT:]))


READERS = (ZarrReader(), ArrowTypeReader())

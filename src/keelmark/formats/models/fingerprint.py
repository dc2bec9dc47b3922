"""`fingerprint.pb` beside a SavedModel: five hashes, an identity and a version. It holds nothing that is loaded.

Source of the fields: tensorflow/core/protobuf/fingerprint.proto.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, ModelRole
from keelmark.errors import KeelmarkError
from keelmark.formats.cursor import Cursor
from keelmark.formats.models.facts import reading

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "FingerprintReader"]

_MAX_BYTES = 512
_HASHES = range(1, 6)
_VERSION, _IDENTITY = 6, 7


class FingerprintReader:
    """Reads fingerprints of SavedModels."""

    name = "savedmodel-fingerprint"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Whether the whole file consists of the fields of a fingerprint, each once."""
        return (
            source.name == "fingerprint.pb" and 0 < source.size <= _MAX_BYTES and _is_fingerprint(source.data)
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """One configuration that runs nothing."""
        del source
        return reading(ModelFile(format=self.name, role=ModelRole.CONFIGURATION, can_execute=False))


def _is_fingerprint(data: memoryview) -> bool:
    cursor, seen = Cursor(data), set[int]()
    try:
        while cursor.left:
            key = cursor.unsigned(1)
            field, wire = key >> 3, key & 7
            if field in seen:
                return False
            seen.add(field)
            if field in _HASHES and wire == 0:
                while cursor.unsigned(1) & 0x80:
                    pass
            elif field in {_VERSION, _IDENTITY} and wire == 2:
                cursor.skip(cursor.unsigned(1))
            else:
                return False
    except KeelmarkError:
        return False
    return bool(seen & set(_HASHES))


READER = FingerprintReader()

"""CNTK: models of version 2 (a protobuf dictionary) and of version 1 (texts in UTF-16).

Functions of a user are stored by the name of their module and class, or of their native library, and the loader
imports or opens them. Everything else is built in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, Technique
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.facts import gap, metadata, reading
from keelmark.formats.models.hazard_list import HazardList

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "CntkReader"]

_OLD = "BCN".encode("utf-16-le")
_MARKS = (b"\x0a\x07version", b"\x0a\x03uid")
_PARTS = (b"CompositeFunction", b"primitive_functions", b"PrimitiveFunction")
_USER = bytes_pattern(rb"UserFunction|userDefinedState|native_user_function|\x0a\x0bdeserialize")
_MODULE = bytes_pattern(rb"\x0a\x06module.{2,8}?([A-Za-z_][\w.]{0,200})")
_LIBRARY = bytes_pattern(rb"([\w./\\:-]{0,200}\.(?:so|dll|dylib))\b")
_MAX_SEARCH = 32 * 1024**2


class CntkReader:
    """Looks for functions of users in models of CNTK."""

    name = "cntk"
    version = 1

    def recognises(self, source: Source) -> bool:
        """The marks of either version."""
        head = source.head
        if head.startswith(_OLD) and b"B\x00V\x00e\x00r\x00" in head[:256]:
            return True
        if head[:1] not in {b"\x08", b"\x12", b"\x0a"}:
            return False
        return all(mark in head for mark in _MARKS) and any(part in head for part in _PARTS)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Search the part before the weights."""
        found = HazardList()
        is_old = source.head.startswith(_OLD)
        data = bytes(source.data[:_MAX_SEARCH])
        seen = _USER.search(data)
        if seen is not None:
            module = _MODULE.search(data)
            target = (
                module.group(1).decode()
                if module is not None
                else seen.group(0).decode("ascii", "replace").strip()
            )
            detail = f"the loader imports a function of a user (`{target[:150]}`) and builds it"
            found.add(Technique.PYTHON_OPERATOR, detail, subject=target, code=f"{target}(...)")
            for place in _LIBRARY.finditer(data):
                library = place.group(1).decode()
                detail = f"the loader opens the native library `{library}`"
                found.add(Technique.NATIVE_LIBRARY, detail, subject=library)
        gaps: list[Gap] = []
        if source.size > _MAX_SEARCH:
            detail = f"only the first {_MAX_SEARCH} bytes were searched for functions of users"
            gaps.append(gap(source, GapReason.TOO_LARGE, detail, matters=False))
        said = [("version", "1" if is_old else "2")]
        model = ModelFile(format="cntk", metadata=metadata(said), can_execute=bool(found))
        return reading(model, *gaps, hazards=found.close())


READER = CntkReader()

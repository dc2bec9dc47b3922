"""TensorRT: serialised engines, that is code for one graphics card.

An engine holds kernels (themselves ELF files for the card), weights, and for engines that run on several versions a
library for the host. Kernels are what the format is for and cannot leave the card. A library for the host, be it a
plugin that was packed in or the lean runtime, runs in the loading process, which has to allow it by a switch: it is
named. An engine in which none was found is called that, not called proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, Technique
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.facts import gap, metadata, reading
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.programs import programs_in

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "TensorrtReader"]

_MARKS = (b"ftrt", b"ptrt", b"trtf")
# A place of its own, not the bare names that libraries ask for each other by.
_PATH = bytes_pattern(rb"(\.\.?/|/|[A-Z]:\\)[\w.\-/\\]{1,200}\.(so(\.\d+)*|dll|dylib)\b")
_MAX_PATHS = 8 * 1024**2
_MAX_PREFIX = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the search: libraries stand before the weights."""

    max_search_bytes: int = 48 * 1024**2
    max_libraries: int = 16


class TensorrtReader:
    """Recognises engines, and looks for libraries in them.

    Args:
        bounds: Bounds of the search.
    """

    name = "tensorrt"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """The mark at the start, or behind the notes that some exporters put before it."""
        return _start(source) >= 0

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Look for libraries for the host."""
        found = HazardList(limit=self._bounds.max_libraries)
        gaps: list[Gap] = []
        for place, kind in programs_in(source.data, stop=self._bounds.max_search_bytes):
            detail = f"the engine holds a library for the host ({kind}) at byte {place}; it runs in the loading process"
            found.add(Technique.NATIVE_LIBRARY, detail, subject="library", offset=place)
        for place in islice(_PATH.finditer(bytes(source.data[:_MAX_PATHS])), self._bounds.max_libraries):
            path = place.group(0).decode()
            detail = f"the engine names the library `{path[:150]}` of the machine"
            found.add(Technique.NATIVE_LIBRARY, detail, subject=path, offset=place.start())
        if source.size > self._bounds.max_search_bytes:
            detail = f"only the first {self._bounds.max_search_bytes} bytes of the engine were searched for libraries"
            gaps.append(gap(source, GapReason.TOO_LARGE, detail, matters=False))
        note = "holds a library" if found else "serialised engine; no library for the host was found"
        model = ModelFile(format="tensorrt", metadata=metadata([("form", note)]), can_execute=bool(found))
        return reading(model, *gaps, hazards=found.close())


def _start(source: Source) -> int:
    head = source.head
    if head.startswith(_MARKS):
        return 0
    if head[4:5] != b"{":
        return -1
    length = int.from_bytes(head[:4], "little")
    return length + 4 if length < _MAX_PREFIX and head[length + 4 : length + 8] in _MARKS else -1


READER = TensorrtReader()

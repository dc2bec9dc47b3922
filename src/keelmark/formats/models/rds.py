"""R: objects that `saveRDS` and `save` write, walked without building them.

Packed files (gzip, bzip2, xz) are opened by the readers of archives, which ask here for what is inside. The walk keeps
no tree: each call is judged when its arguments were read, by where it stands (see `r_calls`). Numbers are stepped over.
Formulas, stored calls, functions and byte code are ordinary parts of fitted models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.models.facts import gap_of, metadata, reading
from keelmark.formats.models.r_stream import is_serialised, open_stream
from keelmark.formats.models.r_walk import Bounds, Walk

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.models.r_stream import RStream
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "RdsReader"]

_MIN_HIDDEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    version: int
    writer: str


class RdsReader:
    """Reads serialised objects of R.

    Args:
        bounds: Bounds of the walk.
    """

    name = "rds"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the marks, and a version that exists."""
        return source.head[:1] in {b"X", b"A", b"B", b"R"} and is_serialised(source)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk the objects; what was seen before a fault is kept."""
        stream, is_workspace = open_stream(source)
        walk = Walk(stream, bounds=self._bounds)
        gaps: tuple[Gap, ...] = ()
        header: _Header | None = None
        try:
            header = _header(stream)
            walk.run()
            if stream.left >= _MIN_HIDDEN:
                detail = f"{stream.left} bytes stand behind the last object"
                walk.found.add(Technique.HIDDEN_DATA, detail, subject="behind the object")
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        model = ModelFile(
            format="r-data",
            architecture=walk.top_class,
            metadata=metadata(
                [
                    ("kind", "workspace" if is_workspace else "object"),
                    ("R", header.writer if header else ""),
                    ("functions", walk.functions or ""),
                ]
            ),
            can_execute=bool(walk.found),
            dangerous=tuple(dict.fromkeys(hazard.detail for hazard in walk.found.close())),
        )
        return reading(model, *gaps, hazards=walk.found.close())


def _header(stream: RStream) -> _Header:
    version, writer = stream.integer(), stream.integer()
    stream.integer()
    if version >= 3:
        stream.text()
    parts = (writer >> 16 & 0xFF, writer >> 8 & 0xFF, writer & 0xFF)
    return _Header(version=version, writer=".".join(map(str, parts)))


READER = RdsReader()

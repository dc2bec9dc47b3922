"""What HDF5 files hold beside arrays that their users load: pickled attributes, and links to other files.

The tree of objects is not walked; both have marks of their own that numbers do not make by chance. PyTables and pandas
keep Python objects as pickles in attributes and arrays. A value of an external link states its own length, a file and
an object (HDF5 file format 3.0, section IV.A.2.g).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.cursor import find_all
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.pickle import callables, machine
from keelmark.formats.models.pickle.callables import Danger
from keelmark.formats.models.pickle.stream import Bounds
from keelmark.formats.models.pickle.values import Global

if TYPE_CHECKING:
    from keelmark.core.facts import Hazard

__all__ = ["hazards_of_hdf5"]

_MAX_BYTES = 64 * 1024**2
_MAX_CANDIDATES = 256
_GLOBAL = bytes_pattern(rb"[ci]([A-Za-z_][A-Za-z0-9_.]{0,80})\n([A-Za-z_][A-Za-z0-9_.]{0,80})\n")
_LINK = bytes_pattern(rb"\x00([\x20-\x7e]{1,250})\x00(/[\x20-\x7e]{0,250})\x00")
_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_BOUNDS = Bounds(max_operations=100_000)


def hazards_of_hdf5(data: memoryview) -> tuple[Hazard, ...]:
    """What loading its objects would run, and where its links lead; looked for in the first 64 MiB."""
    found = HazardList()
    head = bytes(data[:_MAX_BYTES])
    _named(head, found)
    _pickled(data[:_MAX_BYTES], found)
    for match in _LINK.finditer(head):
        start, name = match.start(), match.group(1).decode("ascii")
        length = int.from_bytes(head[max(start - 2, 0) : start], "little")
        if start >= 2 and length == match.end() - start and (way := way_out(name)):
            found.add(
                Technique.OUTSIDE_PATH,
                f"a link leads to `{name[:160]}`, which {way}",
                subject=name,
                offset=start,
            )
    return found.close()


def _named(head: bytes, found: HazardList) -> None:
    """Callables of pickles of protocols 0 to 3, which name them in two lines."""
    for match in _GLOBAL.finditer(head):
        wanted = Global(match.group(1).decode(), match.group(2).decode())
        verdict = callables.judge(wanted)
        if verdict.danger is Danger.DANGEROUS:
            detail = f"it holds a pickle that asks for `{wanted.dotted[:160]}`, which {verdict.reason}"
            found.add(Technique.DANGEROUS_CALLABLE, detail, subject=wanted.dotted, offset=match.start())


def _pickled(data: memoryview, found: HazardList) -> None:
    for start in _STARTS:
        for place in find_all(data, start, limit=_MAX_CANDIDATES):
            result = machine.inspect(memoryview(bytes(data[place : place + 64 * 1024])), bounds=_BOUNDS)
            for hazard in result.hazards.values() if result.called else ():
                if hazard.technique in {Technique.DANGEROUS_CALLABLE, Technique.SERIALISED_CODE}:
                    found.add(
                        hazard.technique,
                        f"it holds a pickle: {hazard.detail}",
                        subject=hazard.subject,
                        offset=place,
                        code=hazard.code,
                    )

"""pickle, joblib, dill and cloudpickle files of protocols 0 to 5, also compressed. Opcodes are read, nothing is loaded.

The format itself can always run code. `can_execute` answers for the file at hand: whether it asks for a callable that
is not known to be harmless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import GapReason, Hazard, ModelFile, Reading, Technique
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats.archives import compression, zstandard
from keelmark.formats.archives.streams import CONTENT
from keelmark.formats.cursor import BreaksOffError
from keelmark.formats.models.facts import gap, reading
from keelmark.formats.models.pickle import machine
from keelmark.formats.models.pickle.carried import carried_hazards
from keelmark.formats.models.pickle.sequence import facts, hazards_of, inspect_all, is_meant, starts_pickle
from keelmark.formats.models.pickle.stream import Bounds as StreamBounds
from keelmark.formats.models.pickle.torch_legacy import is_torch_legacy

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.inspection import Inspection
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "PickleReader"]

_SUFFIXES = frozenset({
    ".pkl", ".pickle", ".p", ".pk", ".joblib", ".dill", ".pt", ".pth", ".ckpt", ".bin", ".model", ".sav", ".dat",
})  # fmt: skip
# Nothing else is called so.
_OWN_SUFFIXES = frozenset({".pkl", ".pickle", ".dill"})
# Opcodes that put a value or a mark on an empty stack.
_STARTS = frozenset(b"()]}BCFGIJKLMNPSTUVXci\x80\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96")
_IDENTIFIER = re2.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_OLD_JOBLIB = b"ZF0x"
# The length in hexadecimal takes 19 places, and 20 where Python 2 wrote it.
_OLD_JOBLIB_HEADER, _OLD_JOBLIB_HEADER_OF_PYTHON_2 = 21, 22
# Reads as the request of an outside object, at which loaders of pickles stop that have none; torch takes it for an archive.
_ZIP = b"PK\x03\x04"
_LOOK_OPERATIONS = 256
_LOOK_BYTES = 4096

Bounds = StreamBounds


class PickleReader:
    """Reads pickles.

    Args:
        bounds: Bounds of one walk.
        max_unpacked_bytes: Bytes that come out of a compressed pickle.
    """

    name = "pickle"
    version = 2

    def __init__(self, bounds: Bounds | None = None, *, max_unpacked_bytes: int = 512 * 1024**2) -> None:
        self._bounds = bounds or Bounds()
        self._max_unpacked_bytes = max_unpacked_bytes

    def recognises(self, source: Source) -> bool:
        """By the first operations, unpacked when need be; the name alone only where nothing can be unpacked."""
        head = source.head
        packed = _packed(head)
        if packed == "zstd" and not zstandard.is_here():
            return _has_suffix(source.path, _SUFFIXES)
        if packed:
            view = memoryview(head)[_start_of_stream(head) :]
            head = compression.start_of(view, packed, count=_LOOK_BYTES)
            if not head:
                return _has_suffix(source.path, _SUFFIXES)
            if compression.compressor(head):
                return False  # packed once more; whoever opens the stream asks again about what is inside
            return is_torch_legacy(head) or self._starts(head, source, is_cut=True)
        if not head or head[0] not in _STARTS or is_torch_legacy(head) or head.startswith(_ZIP):
            return False
        return self._starts(head, source, is_cut=source.size > len(head))

    def _starts(self, head: bytes, source: Source, *, is_cut: bool) -> bool:
        """Whether the first operations follow each other and are meant: many pickles have no magic.

        One that breaks off after a call has run that call; one that asks for nothing is harmless and only read when
        it announces itself or is called so.
        """
        if head[0] not in _STARTS:
            return False
        if _has_suffix(source.path, _OWN_SUFFIXES):
            return True
        result = machine.inspect(memoryview(head), bounds=Bounds(max_operations=_LOOK_OPERATIONS))
        goes_on = isinstance(result.error, LimitExceededError) or (
            is_cut and isinstance(result.error, BreaksOffError)
        )
        if starts_pickle(head) and isinstance(result.error, LimitExceededError | BreaksOffError):
            return result.operations > 1
        if goes_on and not _packed(source.head):
            result = machine.inspect(source.data, bounds=self._bounds)
        if is_meant(result) or (starts_pickle(head) and (result.is_complete or _has_names(result))):
            return True
        is_named = _has_suffix(source.path, _SUFFIXES) and not result.globals
        return result.is_complete and (is_named or _has_names(result))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Follow every pickle of the file."""
        packed = _packed(source.head)
        said: list[tuple[str, object]] = [("compression", packed)]
        if packed == "zstd" and not zstandard.is_here():
            return reading(ModelFile(format="joblib"), gap(source, GapReason.UNSUPPORTED, zstandard.MISSING))
        data, error, tail = _unpacked(source, packed, self._max_unpacked_bytes)
        found = inspect_all(data, bounds=self._bounds)
        after = len(data) - max((item.end for item in found), default=0)
        if after > 0 and found[-1].error is None:
            said.append(("bytes after the pickle", after))
        if error is not None:
            found[-1].error = error
        model, gaps = facts(source, found, name=_format(source, found, packed=packed), said=said)
        return (
            Reading(
                format=model.format,
                models=(model,),
                hazards=(*hazards_of(found), *carried_hazards(data, found), *tail),
                covers=(CONTENT,) if packed else (),
                gaps=tuple(gaps),
            ),
        )


def _start_of_stream(head: bytes) -> int:
    """Where the compressed stream begins: behind the header of old joblib, else at once."""
    if not head.startswith(_OLD_JOBLIB):
        return 0
    is_longer = head[_OLD_JOBLIB_HEADER : _OLD_JOBLIB_HEADER + 1] in {b" ", b"L"}
    return _OLD_JOBLIB_HEADER_OF_PYTHON_2 if is_longer else _OLD_JOBLIB_HEADER


def _packed(head: bytes) -> str:
    return "zlib" if head.startswith(_OLD_JOBLIB) else compression.compressor(head)


def _unpacked(
    source: Source, packed: str, most: int
) -> tuple[memoryview, KeelmarkError | None, tuple[Hazard, ...]]:
    """The pickle, why it ended early, and what follows it.

    What came out of a stream before it broke is loaded all the same.
    """
    data = source.data
    if not packed:
        return data, None, ()

    def spend(total: int, taken: int) -> None:
        del taken
        if total > most:
            raise LimitExceededError(f"{packed} stream unpacks to more than is read")

    start = _start_of_stream(source.head)
    done = compression.unpack(data[start:], packed, spend=spend)
    end = start + done.consumed
    rest = data[end:]
    if done.error is not None or not len(rest) or not bytes(rest[:_LOOK_BYTES]).strip(b"\0"):
        return done.content, done.error, ()
    detail = f"{len(rest)} bytes follow the end of the {packed} stream"
    return done.content, None, (Hazard(technique=Technique.HIDDEN_DATA, detail=detail, offset=end),)


def _format(source: Source, found: list[Inspection], *, packed: str) -> str:
    modules = {wanted.module for item in found for wanted in item.globals}
    if packed or source.suffix == ".joblib" or any("joblib" in module for module in modules):
        return "joblib"
    return "pickle"


def _has_suffix(path: str, suffixes: frozenset[str]) -> bool:
    parts = path.lower().rsplit("/", 1)[-1].split(".")[1:]
    return any(f".{part}" in suffixes for part in parts)


def _has_names(result: Inspection) -> bool:
    """Whether the callables asked for are called like callables."""
    return bool(result.globals) and all(
        _IDENTIFIER.fullmatch(part) for item in result.globals for part in (item.module, item.name)
    )


READER = PickleReader()

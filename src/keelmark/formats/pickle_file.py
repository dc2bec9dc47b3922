"""pickle, joblib, dill and cloudpickle files of protocols 0 to 5, also compressed. Opcodes are read, nothing is loaded.

The format itself can always run code. `can_execute` answers for the file at hand: whether it asks for a callable that
is not known to be harmless.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import GapReason, ModelFile
from keelmark.errors import KeelmarkError
from keelmark.formats import compression, pickle_machine
from keelmark.formats.cursor import BreaksOffError
from keelmark.formats.model_facts import gap, gap_of, reading
from keelmark.formats.pickle_sequence import facts, inspect_all, starts_pickle
from keelmark.formats.pickle_stream import Bounds as StreamBounds
from keelmark.formats.pickle_stream import PickleStream
from keelmark.formats.torch_legacy import is_torch_legacy

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.pickle_machine import Inspection
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "PickleReader"]

_SUFFIXES = frozenset({
    ".pkl", ".pickle", ".p", ".pk", ".joblib", ".dill", ".pt", ".pth", ".ckpt", ".bin", ".model", ".sav", ".dat",
})  # fmt: skip
_UNREAD = frozenset({"lz4", "zstd"})
# Opcodes that a pickle without announcement starts with when it holds more than one constant.
_OLD_STARTS = frozenset(b"(c]}l)dtiIFLSVTUXGKMJNP")
_IDENTIFIER = re2.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_OLD_JOBLIB, _OLD_JOBLIB_HEADER = b"ZF0x", 21
_LOOK_OPERATIONS = 8

Bounds = StreamBounds


class PickleReader:
    """Reads pickles.

    Args:
        bounds: Bounds of one walk.
    """

    name = "pickle"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the first operations, unpacked when need be; the name alone only where nothing can be unpacked."""
        head = source.head
        packed = compression.compressor(head)
        if packed in _UNREAD:
            return _has_pickle_name(source.path)
        if packed or head.startswith(_OLD_JOBLIB):
            skipped = _OLD_JOBLIB_HEADER if head.startswith(_OLD_JOBLIB) else 0
            head = compression.start_of(memoryview(head)[skipped:], packed or "zlib", count=4096)
        if is_torch_legacy(head):
            return bool(packed)
        if starts_pickle(head):
            return _looks_sound(head)
        return (
            bool(head)
            and head[0] in _OLD_STARTS
            and _is_old_pickle(head, named=_has_pickle_name(source.path))
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Follow every pickle of the file."""
        packed = compression.compressor(source.head)
        said: list[tuple[str, object]] = [("compression", packed)]
        if packed in _UNREAD:
            return reading(
                ModelFile(format="joblib"), gap(source, GapReason.UNSUPPORTED, f"{packed} is not unpacked")
            )
        data = source.data
        try:
            if packed:
                data = memoryview(compression.decompress(data, packed))
            elif source.head.startswith(_OLD_JOBLIB):
                data = memoryview(compression.decompress(data[_OLD_JOBLIB_HEADER:], "zlib"))
        except KeelmarkError as error:
            return reading(ModelFile(format="joblib"), gap_of(source, error))
        found = inspect_all(data, bounds=self._bounds)
        after = len(data) - max((item.end for item in found), default=0)
        if after > 0 and found[-1].error is None:
            said.append(("bytes after the pickle", after))
        model, gaps = facts(source, found, name=_format(source, found, packed=packed), said=said)
        return reading(model, *gaps)


def _format(source: Source, found: list[Inspection], *, packed: str) -> str:
    modules = {wanted.module for item in found for wanted in item.globals}
    if packed or source.suffix == ".joblib" or any("joblib" in module for module in modules):
        return "joblib"
    return "pickle"


def _has_pickle_name(path: str) -> bool:
    parts = path.lower().rsplit("/", 1)[-1].split(".")[1:]
    return any(f".{part}" in _SUFFIXES for part in parts)


def _looks_sound(head: bytes) -> bool:
    """Whether the first operations follow each other; a callable settles it, whatever comes after."""
    stream = PickleStream(memoryview(head))
    try:
        for count, operation in enumerate(stream.walk(), start=1):
            if operation.name in {"GLOBAL", "STACK_GLOBAL", "INST", "STOP"} or count >= _LOOK_OPERATIONS:
                return True
    except BreaksOffError:
        return stream.operations > 1  # a long argument goes on behind the head, or the file is cut
    except KeelmarkError:
        return False
    return True


def _is_old_pickle(head: bytes, *, named: bool) -> bool:
    """Whether text-like bytes are a pickle without announcement: such a pickle has no magic, so it has to add up."""
    result = pickle_machine.inspect(memoryview(head))
    if not all(_IDENTIFIER.fullmatch(part) for item in result.globals for part in (item.module, item.name)):
        return False
    # One that breaks off after a call has run that call; one without callables is harmless and only read by name.
    return bool(result.called) or (result.is_complete and (named or bool(result.globals)))


READER = PickleReader()

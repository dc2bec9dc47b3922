"""All pickles of one file: those that follow each other, and those that are handed to a loader as bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Hazard, ModelFile, Technique
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats.archives import compression
from keelmark.formats.archives.zip_directory import ZipDirectory, is_zip
from keelmark.formats.models.facts import gap_of, metadata, unique
from keelmark.formats.models.pickle import callables, machine
from keelmark.formats.models.pickle.stream import Bounds
from keelmark.formats.models.pickle.values import Global, Made

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keelmark.core.facts import Gap
    from keelmark.formats.models.pickle.inspection import Inspection
    from keelmark.formats.source import Source

__all__ = ["facts", "hazards_of", "inspect_all", "is_meant", "object_part", "starts_pickle"]

_MAX_PICKLES = 10_000
_MAX_DEPTH = 4
_MAX_MEMBERS = 64
_MAX_HAZARDS = 100
_MAX_UNPACKED = 64 * 1024**2
_MAX_FOLLOWED = 100_000
_MAX_FOLLOWED_BYTES = 256 * 1024**2
_MAX_FOLLOWED_OPERATIONS = 5_000_000
_PLAIN = frozenset({"collections", "builtins", "copyreg"})
_NAME = re2.compile(r"[A-Za-z_]\w*(\.\w+)*")
# Honest array bytes that are taken for opcodes may name anything, but nothing that runs code.
_GRAVE = frozenset({
    Technique.DANGEROUS_CALLABLE, Technique.DANGEROUS_ARGUMENT, Technique.SERIALISED_CODE,
})  # fmt: skip
_NUMPY = b"\x93NUMPY"


@dataclass(slots=True)
class _Work:
    """What following bytes that are handed to loaders may still cost, all together."""

    follows: int = _MAX_FOLLOWED
    unpacked: int = _MAX_FOLLOWED_BYTES
    operations: int = _MAX_FOLLOWED_OPERATIONS

    def spend(self, *, unpacked: int = 0) -> None:
        """Count one more.

        Raises:
            LimitExceededError: That is too much.
        """
        self.follows -= 1
        self.unpacked -= unpacked
        if self.follows < 0 or self.unpacked < 0 or self.operations < 0:
            raise LimitExceededError("pickle hands too much to loaders")


def starts_pickle(data: bytes | memoryview) -> bool:
    """Whether a pickle of protocol 2 or later starts here, as far as two bytes tell."""
    return len(data) > 2 and data[0] == 0x80 and data[1] <= 5


def is_meant(result: Inspection) -> bool:
    """Whether bytes were meant as a pickle: something that can be a callable is called."""
    return any(_NAME.fullmatch(item.module) and _NAME.fullmatch(item.name) for item in result.called)


def inspect_all(
    data: memoryview,
    *,
    bounds: Bounds | None = None,
    max_pickles: int = _MAX_PICKLES,
    depth: int = 0,
    is_foreign: Callable[[Global], bool] = lambda _: True,
    work: _Work | None = None,
) -> list[Inspection]:
    """Follow the pickle at the start, each that follows directly after another, and those inside of them.

    A fault of the first is kept; a later one that breaks without asking for anything is taken for raw bytes.
    """
    limits = bounds or Bounds()
    work = work or _Work()
    found: list[Inspection] = []
    position = 0
    left = min(limits.max_operations, max(work.operations, 1)) if depth else limits.max_operations
    while len(found) < max_pickles:
        result = _inspect(
            data,
            position,
            replace(limits, max_operations=left),
            depth=depth,
            is_foreign=is_foreign,
            work=work,
        )
        if found and result.error is not None and not _counts(data, position, result):
            break
        found.append(result)
        position, left = result.end, max(left - result.operations, 1)
        work.operations -= result.operations if depth else 0
        if result.error is not None or position >= len(data):
            break
    else:
        if max_pickles == _MAX_PICKLES:
            found.append(machine.Inspection(error=LimitExceededError(f"more than {max_pickles} pickles")))
    return found


def _counts(data: memoryview, position: int, result: Inspection) -> bool:
    """Whether a later pickle that breaks off says anything, or is nothing but raw bytes."""
    if isinstance(result.error, LimitExceededError) or is_meant(result):
        return True
    return bool(result.globals) and starts_pickle(data[position : position + 3])


def _inspect(
    data: memoryview,
    position: int,
    bounds: Bounds,
    *,
    depth: int,
    is_foreign: Callable[[Global], bool],
    work: _Work,
) -> Inspection:
    look = partial(
        machine.inspect,
        data,
        position=position,
        bounds=bounds,
        follow=partial(_follow, bounds=bounds, depth=depth + 1, is_foreign=is_foreign, work=work),
        is_foreign=is_foreign,
    )
    result = look()
    if result.has_wrapper:
        # What are array bytes for joblib are opcodes for any other loader.
        other = look(skips_arrays=False)
        grave = {key: hazard for key, hazard in other.hazards.items() if hazard.technique in _GRAVE}
        names = {wanted.dotted for wanted in other.called}
        for hazard in grave.values():
            if hazard.subject in names and _NAME.fullmatch(hazard.subject):
                result.add(
                    hazard.technique,
                    hazard.subject,
                    hazard.detail,
                    offset=hazard.offset or 0,
                    code=hazard.code,
                )
                result.globals.update({item: None for item in other.called if item.dotted == hazard.subject})
    return result


def _follow(
    data: memoryview,
    *,
    bounds: Bounds,
    depth: int,
    is_foreign: Callable[[Global], bool],
    work: _Work,
) -> list[Inspection]:
    """Follow bytes that are handed to a loader: a pickle, compressed or not, an array, or an archive of them."""
    if depth > _MAX_DEPTH:
        return [machine.Inspection(error=LimitExceededError("pickles are nested too deeply"))]
    look = partial(inspect_all, bounds=bounds, depth=depth, is_foreign=is_foreign, work=work)
    head = bytes(data[:128])
    try:
        work.spend()
        packed = compression.compressor(head)
        if packed:
            content = compression.decompress(data, packed, bounds=compression.Bounds(max_bytes=_MAX_UNPACKED))
            work.spend(unpacked=len(content))
            return look(content)
        if is_zip(head):
            return _members(data, look)
        if head.startswith(_NUMPY):
            inner = object_part(data)
            return look(inner) if inner is not None else []
    except KeelmarkError as error:
        return [machine.Inspection(error=_bare(error))]
    return look(data)


def object_part(data: memoryview) -> memoryview | None:
    """What follows the header of a NumPy array, when its header speaks of objects."""
    wide = len(data) > 6 and data[6] > 1
    length = int.from_bytes(data[8 : 12 if wide else 10], "little")
    start = (12 if wide else 10) + length
    return data[start:] if b"O" in bytes(data[10 : min(start, 65_536)]) else None


def _members(data: memoryview, look: Callable[[memoryview], list[Inspection]]) -> list[Inspection]:
    found: list[Inspection] = []
    archive = ZipDirectory(data)
    for name in archive.members:
        if len(found) >= _MAX_MEMBERS:
            raise LimitExceededError(f"archive inside of a pickle has more than {_MAX_MEMBERS} pickles")
        if name.lower().endswith(".pkl"):
            found.extend(look(archive.read(name)))
        elif name.lower().endswith(".npy"):
            inner = object_part(archive.read(name))
            found.extend(look(inner) if inner is not None else ())
    return found


def _bare(error: KeelmarkError) -> KeelmarkError:
    """The error without its trace, which would keep views of the file alive."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def hazards_of(found: Sequence[Inspection], *, member: str = "") -> tuple[Hazard, ...]:
    """Every hazard once, bounded; the last one says when more were left out."""
    merged: dict[tuple[Technique, str], Hazard] = {}
    left_out = sum(item.left_out for item in found)
    for item in found:
        for key, hazard in item.hazards.items():
            known = merged.get(key)
            if known is None and len(merged) >= _MAX_HAZARDS:
                left_out += 1
            elif known is None or (hazard.code and not known.code):
                merged[key] = replace(hazard, member=member)
    kept = list(merged.values())
    if left_out and kept:
        kept[-1] = replace(kept[-1], detail=f"{kept[-1].detail}; {left_out} more findings were left out")
    return tuple(kept)


def facts(
    source: Source,
    found: Sequence[Inspection],
    *,
    name: str,
    said: Sequence[tuple[str, object]] = (),
) -> tuple[ModelFile, list[Gap]]:
    """The facts that inspections amount to.

    Args:
        source: The file.
        found: Its inspections.
        name: Name of the format.
        said: Pairs for the metadata.
    """
    asked = [
        wanted
        for item in found
        for wanted in item.globals
        if wanted not in item.cleared and item.is_foreign(wanted)
    ]
    verdicts = callables.sort(asked)
    gaps = [gap_of(source, item.error) for item in found if item.error is not None]
    tensors = [tensor for item in found for tensor in item.tensors]
    arrays = [array for item in found for array in item.arrays]
    protocol = max((item.protocol for item in found), default=-1)
    pairs = [*said, ("protocol", protocol if protocol >= 0 else None), *_root_pairs(found)]
    dangerous = unique((*verdicts.dangerous, *_further(found)))
    model = ModelFile(
        format=name,
        parameters=sum(count for _, count in tensors) if tensors else None,
        tensors=len(tensors) + len(arrays) if tensors or arrays else None,
        dtypes=tuple(sorted({kind for kind, _ in [*tensors, *arrays] if kind})),
        architecture=_architecture(found),
        metadata=metadata(pairs),
        can_execute=True if dangerous or verdicts.unknown or _reaches(found) else (None if gaps else False),
        globals=unique(item.dotted for inspection in found for item in inspection.globals),
        dangerous=dangerous,
        unknown=verdicts.unknown,
    )
    return model, gaps


def _further(found: Sequence[Inspection]) -> list[str]:
    """Hazards that no list of names tells."""
    techniques = {Technique.DANGEROUS_ARGUMENT, Technique.CLASS_CHANGED}
    return [
        f"{hazard.subject[:200]}: {hazard.detail[:190]}"
        for item in found
        for hazard in item.hazards.values()
        if hazard.technique in techniques
    ]


def _reaches(found: Sequence[Inspection]) -> bool:
    return any(item.hazards for item in found)


def _architecture(found: Sequence[Inspection]) -> str:
    for item in found:
        root = item.root
        if isinstance(root, Made) and isinstance(root.callee, Global) and root.callee.module not in _PLAIN:
            return root.callee.dotted[:200]
    return ""


def _root_pairs(found: Sequence[Inspection]) -> list[tuple[str, object]]:
    for item in found:
        state = item.root.state if isinstance(item.root, Made) else None
        if isinstance(state, dict) and isinstance(state.get("_sklearn_version"), str):
            return [("scikit-learn", state["_sklearn_version"])]
    return []

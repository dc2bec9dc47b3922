"""All pickles of one file: those that follow each other, and those that are handed to a loader as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats import callables, pickle_machine
from keelmark.formats.model_facts import gap_of, metadata, unique
from keelmark.formats.pickle_values import Made
from keelmark.formats.zip_directory import ZipDirectory, is_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keelmark.core.facts import Gap
    from keelmark.formats.pickle_machine import Inspection
    from keelmark.formats.pickle_stream import Bounds
    from keelmark.formats.pickle_values import Global
    from keelmark.formats.source import Source

__all__ = ["facts", "inspect_all", "starts_pickle"]

_MAX_PICKLES = 256
_MAX_DEPTH = 3
_PLAIN = frozenset({"collections", "builtins", "copyreg"})


def starts_pickle(data: bytes | memoryview) -> bool:
    """Whether a pickle of protocol 2 or later starts here, as far as two bytes tell."""
    return len(data) > 2 and data[0] == 0x80 and data[1] <= 5


def inspect_all(
    data: memoryview, *, bounds: Bounds | None = None, max_pickles: int = _MAX_PICKLES, depth: int = 0
) -> list[Inspection]:
    """Follow the pickle at the start, each that follows directly after another, and those inside of them.

    A fault of the first is kept; a later one that breaks without asking for anything is taken for raw bytes.
    """
    found: list[Inspection] = []
    position = 0
    while len(found) < max_pickles:
        result = pickle_machine.inspect(data, position=position, bounds=bounds)
        if found and result.error is not None and not result.globals:
            break
        found.append(result)
        position = result.end
        if result.error is not None or not starts_pickle(data[position : position + 3]):
            break
    for result in tuple(found):
        for span in result.nested:
            found.extend(_nested(data[span.start : span.end], bounds=bounds, depth=depth + 1))
    return found


def _nested(data: memoryview, *, bounds: Bounds | None, depth: int) -> list[Inspection]:
    if depth > _MAX_DEPTH:
        return [pickle_machine.Inspection(error=LimitExceededError("pickles are nested too deeply"))]
    if not is_zip(bytes(data[:4])):
        return inspect_all(data, bounds=bounds, depth=depth)
    found: list[Inspection] = []
    try:
        archive = ZipDirectory(data)
        for name in archive.members:
            if name.endswith(".pkl"):
                found.extend(inspect_all(archive.read(name), bounds=bounds, depth=depth))
    except KeelmarkError as error:
        found.append(pickle_machine.Inspection(error=_bare(error)))
    return found


def _bare(error: KeelmarkError) -> KeelmarkError:
    """The error without its trace, which would keep views of the file alive."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def facts(
    source: Source,
    found: Sequence[Inspection],
    *,
    name: str,
    said: Sequence[tuple[str, object]] = (),
    is_foreign: Callable[[Global], bool] = lambda _: True,
) -> tuple[ModelFile, list[Gap]]:
    """The facts that inspections amount to.

    Args:
        source: The file.
        found: Its inspections.
        name: Name of the format.
        said: Pairs for the metadata.
        is_foreign: Whether a callable is imported by the loader; those that the format itself defines are not.
    """
    asked = [wanted for item in found for wanted in item.globals if is_foreign(wanted)]
    verdicts = callables.sort(asked)
    gaps = [gap_of(source, item.error) for item in found if item.error is not None]
    tensors = [tensor for item in found for tensor in item.tensors]
    arrays = [array for item in found for array in item.arrays]
    protocol = max((item.protocol for item in found), default=-1)
    pairs = [*said, ("protocol", protocol if protocol >= 0 else None), *_root_pairs(found)]
    model = ModelFile(
        format=name,
        parameters=sum(count for _, count in tensors) if tensors else None,
        tensors=len(tensors) + len(arrays) if tensors or arrays else None,
        dtypes=tuple(sorted({kind for kind, _ in [*tensors, *arrays] if kind})),
        architecture=_architecture(found),
        metadata=metadata(pairs),
        can_execute=True if verdicts.runs_code else (None if gaps else False),
        globals=unique(verdicts.names),
        dangerous=verdicts.dangerous,
        unknown=verdicts.unknown,
    )
    return model, gaps


def _architecture(found: Sequence[Inspection]) -> str:
    for item in found:
        root = item.root
        if isinstance(root, Made) and root.callee is not None and root.callee.module not in _PLAIN:
            return root.callee.dotted[:200]
    return ""


def _root_pairs(found: Sequence[Inspection]) -> list[tuple[str, object]]:
    for item in found:
        state = item.root.state if isinstance(item.root, Made) else None
        if isinstance(state, dict) and isinstance(state.get("_sklearn_version"), str):
            return [("scikit-learn", state["_sklearn_version"])]
    return []

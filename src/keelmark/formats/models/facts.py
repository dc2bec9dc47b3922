"""What all model readers say alike: a model with its gaps, small metadata, and why something was not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason, ModelFile, Reading
from keelmark.errors import LimitExceededError
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.facts import Hazard
    from keelmark.errors import KeelmarkError
    from keelmark.formats.source import Source

__all__ = ["MAX_TEMPLATE", "gap", "gap_of", "leaves_folder", "metadata", "product", "reading", "unique"]

MAX_TEMPLATE = 64 * 1024
_MAX_PAIRS = 32
_MAX_VALUE = 400
_MAX_LISTED = 200


def gap(source: Source, reason: GapReason, detail: str, *, matters: bool = True) -> Gap:
    """A gap of this file."""
    return Gap(path=source.path, reason=reason, detail=detail[:_MAX_VALUE], matters=matters)


def gap_of(source: Source, error: KeelmarkError) -> Gap:
    """The gap that an error of a parser stands for."""
    if isinstance(error, LimitExceededError):
        return gap(source, GapReason.TOO_LARGE, error.message)
    if isinstance(error, BreaksOffError):
        return gap(source, GapReason.TRUNCATED, error.message)
    return gap(source, GapReason.MALFORMED, error.message)


def reading(model: ModelFile, *gaps: Gap, hazards: tuple[Hazard, ...] = ()) -> tuple[Reading, ...]:
    """One reading of one model."""
    return (Reading(format=model.format, models=(model,), gaps=gaps, hazards=hazards),)


def metadata(pairs: Iterable[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    """Pairs as text, empty values left out, cut to what `ModelFile.metadata` may hold."""
    kept: list[tuple[str, str]] = []
    for key, value in pairs:
        text = "" if value is None else str(value)
        if text and len(kept) < _MAX_PAIRS:
            kept.append((key[:_MAX_VALUE], text[:_MAX_VALUE]))
    return tuple(kept)


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Names without repeats, in order, at most as many as a fact may list."""
    return tuple(dict.fromkeys(name[:_MAX_VALUE] for name in names))[:_MAX_LISTED]


def product(shape: Iterable[int]) -> int:
    """Count of elements of a shape; a negative (free) dimension counts nothing."""
    count = 1
    for size in shape:
        count *= max(size, 0)
    return count


def leaves_folder(path: str) -> bool:
    """Whether a path that a file names leads out of the folder of that file."""
    normal = path.replace("\\", "/")
    return normal.startswith("/") or normal[1:2] == ":" or ".." in normal.split("/")

"""Pickles in HDF5: PyTables, pandas and their like keep Python objects in attributes and arrays, and load them unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.formats.models.pickle.sequence import hazards_of, inspect_all, starts_pickle
from keelmark.formats.models.pickle.stream import Bounds

if TYPE_CHECKING:
    from keelmark.formats.models.hazard_list import HazardList

__all__ = ["judge_pickle", "may_be_pickle"]

_BOUNDS = Bounds(max_operations=1_000_000)
# First bytes of pickles of protocol 0 and 1.
_OLD = frozenset(b"()]}[cdilpVSNIFLKJMXUTBCG")
# Text that is taken for opcodes may name anything, but nothing that runs code.
_GRAVE = frozenset({
    Technique.DANGEROUS_CALLABLE, Technique.DANGEROUS_ARGUMENT, Technique.SERIALISED_CODE,
})  # fmt: skip


def may_be_pickle(value: bytes) -> bool:
    """Whether bytes start, and old ones also end, as pickles do."""
    if starts_pickle(value):
        return True
    return len(value) > 2 and value[0] in _OLD and value.rstrip(b"\x00").endswith(b".")


def judge_pickle(value: bytes, found: HazardList, *, where: str) -> None:
    """Add what loading the bytes as a pickle would do; nothing when they are none."""
    if not may_be_pickle(value):
        return
    results = inspect_all(memoryview(value), bounds=_BOUNDS)
    is_whole = bool(results) and results[0].error is None
    for hazard in hazards_of(results):
        if is_whole or hazard.technique in _GRAVE:
            detail = f"`{where[-100:]}` holds a pickle: {hazard.detail}"
            found.add(hazard.technique, detail, subject=hazard.subject, code=hazard.code)

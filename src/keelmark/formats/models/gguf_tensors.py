"""The tensor table of a GGUF file: element types with the sizes of their blocks, and whether places fit the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from keelmark.core.facts import Technique
from keelmark.formats.models.facts import product

if TYPE_CHECKING:
    from keelmark.formats.models.hazard_list import HazardList

__all__ = ["MAX_DIMENSIONS", "Tensor", "TensorTable", "alignment_of"]

MAX_DIMENSIONS = 4
"""What native readers keep of a shape."""
# Element type: its name, elements of one block, bytes of one block.
_TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
# K-quants were also built with blocks of 64, and forks number their own types: their sizes are not compared.
_BLOCKS_VARY = frozenset({10, 11, 12, 13, 14, 15, 9, 40, 41})
_MAX_TYPE = 4096
_MAX_ELEMENTS = 2**63
_DEFAULT_ALIGNMENT = 32
_MAX_ALIGNMENT = 2**20


class Tensor(NamedTuple):
    """One entry of the table."""

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(slots=True)
class TensorTable:
    """What the entries say all together."""

    count: int = 0
    parameters: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    _names: set[str] = field(default_factory=set)
    _places: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def types(self) -> tuple[str, ...]:
        """Element types, sorted."""
        return tuple(sorted(self.kinds))

    def add(self, tensor: Tensor, found: HazardList) -> None:
        """Take one entry and compare it with the others."""
        name, label = tensor.name, tensor.name[:80]
        if name in self._names:
            _contradiction(found, f"tensor `{label}` stands twice", name)
        self._names.add(name)
        elements = product(tensor.shape)
        if any(size >= _MAX_ELEMENTS for size in tensor.shape) or elements >= _MAX_ELEMENTS:
            _contradiction(found, f"the shape of tensor `{label}` is beyond all numbers", name)
            elements = 0
        kind, block, width = _TYPES.get(tensor.kind, (f"type-{tensor.kind}", 1, 0))
        if tensor.kind > _MAX_TYPE:
            _contradiction(found, f"tensor `{label}` has the element type {tensor.kind}", name)
        elif block > 1 and tensor.kind not in _BLOCKS_VARY and tensor.shape and tensor.shape[0] % block:
            _contradiction(found, f"the rows of tensor `{label}` are no whole blocks of {kind}", name)
        self.count += 1
        self.parameters += elements
        self.kinds[kind] += 1
        size = 0 if tensor.kind in _BLOCKS_VARY else elements // block * width
        self._places.append((tensor.offset, size, name))

    def place(self, end: int, *, alignment: int, size: int, found: HazardList) -> bool:
        """Compare the places with each other and with the file; whether it breaks off before the last tensor ends.

        Args:
            end: Where the header ends.
            alignment: Of the first tensor and of each.
            size: Bytes of the file.
            found: Takes contradictions.
        """
        start = -(-end // alignment) * alignment
        covered, owner = 0, ""
        is_cut = False
        for offset, length, name in sorted(self._places):
            if offset % alignment:
                _contradiction(
                    found, f"tensor `{name[:80]}` does not stand at a multiple of {alignment}", name
                )
            if offset < covered:
                _contradiction(found, f"tensor `{name[:80]}` overlaps tensor `{owner[:80]}`", name)
            if start + offset > size:
                _contradiction(
                    found, f"tensor `{name[:80]}` stands at {offset}, behind the end of the file", name
                )
            is_cut = is_cut or start + offset + length > size or (length == 0 and start + offset >= size)
            if offset + length > covered:
                covered, owner = offset + length, name
        return is_cut


def alignment_of(pairs: dict[str, object], found: HazardList) -> int:
    """The alignment that the metadata asks for; a wrong one is a contradiction and counts as the usual."""
    stated = pairs.get("general.alignment", _DEFAULT_ALIGNMENT)
    if (
        isinstance(stated, int)
        and not isinstance(stated, bool)
        and 0 < stated <= _MAX_ALIGNMENT
        and not stated & (stated - 1)
    ):
        return stated
    _contradiction(found, f"the alignment `{str(stated)[:40]}` is no power of two", "general.alignment")
    return _DEFAULT_ALIGNMENT


def _contradiction(found: HazardList, detail: str, subject: str) -> None:
    found.add(
        Technique.CONTRADICTORY_HEADER,
        f"the header contradicts itself or the file: {detail}",
        subject=subject,
    )

"""Weights without any frame, as graphs in another file place them.

OpenVINO does so, outside data of ONNX, shards for browsers, and shards of checkpoints of TensorFlow.

Such a file has no mark. It is known by what it holds: nearly all of its words are numbers of the size that weights,
places and shapes have. Bytes of any other kind (packed, encrypted, programs, text) fail that by far, so that they stay
named as not looked at. No loader finds anything but numbers in it. The weights of Core ML have a mark, and are known
by it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import ModelFile
from keelmark.formats.models.facts import metadata, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "PlainNumbersReader"]

_SUFFIXES = frozenset({".bin", ".data", ".onnx_data", ".weight", ".weights", ".raw", ".pb_data"})
# A shard of a checkpoint of TensorFlow; its names and shapes stand in the index beside it.
_SHARD = re2.compile(r"\.data-\d{5}-of-\d{5}$")
_COREML_MARK = b"\xef\xbe\xad\xde"
# Exponents of numbers between about a ten-millionth and ten thousand, in each width.
_EXPONENTS_32 = range(103, 141)
_SMALL = 1 << 20
_ZEROS = frozenset({0, 0x8000, 0x8000_0000})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the look.

    Attributes:
        min_bytes: Shorter files hold too few numbers to tell.
        words: How many are looked at, spread over the head.
        share: How many of them have to look like numbers.
    """

    min_bytes: int = 4
    words: int = 2048
    share: float = 0.97


class PlainNumbersReader:
    """Recognises such files.

    Args:
        bounds: Bounds of the look.
    """

    name = "plain-numbers"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the name, and by what the words of the head are."""
        is_named = source.suffix in _SUFFIXES or _SHARD.search(source.name) is not None
        if not is_named or source.size < self._bounds.min_bytes or source.is_text:
            return False
        return bool(self._kind(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Say what it is."""
        kind = self._kind(source.head)
        model = ModelFile(
            format="tensorflow-checkpoint" if _SHARD.search(source.name) else "plain-numbers",
            metadata=metadata([("form", kind)]),
            can_execute=False,
        )
        return reading(model)

    def _kind(self, head: bytes) -> str:
        if head[64:68] == _COREML_MARK and head[4:8] == b"\x02\x00\x00\x00":
            return "coreml-weights"
        if _is_mark(head[:4]) or _is_mark(head[4:8]):
            return ""
        whole = head[: len(head) // 4 * 4]
        for kind, code, is_number in (("F32", "I", _is_single), ("F64", "I", _is_half_of_double)):
            words = array(code, whole)[1 if kind == "F64" else 0 :: 2 if kind == "F64" else 1]
            if self._share(words, is_number):
                return kind
        shorts = array("H", whole)
        if len(set(shorts[: self._bounds.words])) > 8:
            for kind, is_short in (("F16", _is_half), ("BF16", _is_brain)):
                if self._share(shorts, is_short):
                    return kind
        return ""

    def _share(self, words: array[int], is_number: Callable[[int], bool]) -> bool:
        step = max(len(words) // self._bounds.words, 1)
        looked = words[::step]
        # Zeros fit everything; a file of nothing else is told nothing of.
        told = [word for word in looked if word not in _ZEROS]
        return bool(told) and sum(map(is_number, told)) >= self._bounds.share * len(told)


def _is_mark(four: bytes) -> bool:
    """Whether four bytes are letters and digits, as formats mark themselves."""
    return four.isascii() and four.isalnum()


def _is_single(word: int) -> bool:
    """A single of usual size, or half of a small whole number."""
    return (word >> 23 & 0xFF) in _EXPONENTS_32 or word < _SMALL or word > 0xFFFF_FFFF - _SMALL


def _is_half_of_double(word: int) -> bool:
    return 1023 - 24 <= (word >> 20 & 0x7FF) <= 1023 + 14


def _is_half(word: int) -> bool:
    return (word >> 10 & 0x1F) in range(2, 18) or word < 64


def _is_brain(word: int) -> bool:
    return (word >> 7 & 0xFF) in _EXPONENTS_32 or word < 64


READER = PlainNumbersReader()

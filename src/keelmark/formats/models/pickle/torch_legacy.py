"""The format that torch wrote before its zip archives: five pickles, then raw storages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Reading
from keelmark.formats.models.pickle.sequence import facts, hazards_of, inspect_all

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READER", "TorchLegacyReader", "is_torch_legacy"]

_MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_PICKLES = 5
# Operations that need nothing on the stack.
_STARTS = tuple(
    bytes([code]) for code in b"()]}BCFGIJKLMNPSTUVXci\x80\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96"
)


def is_torch_legacy(head: bytes) -> bool:
    """Whether the first pickle is the magic number; every protocol writes it with other opcodes around."""
    return _MAGIC in head[:32] or b"L119547037146038801333356" in head[:40]


class TorchLegacyReader:
    """Reads torch files of the old format."""

    name = "torch-legacy"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the magic number, behind an operation that a pickle can start with."""
        return source.head[:1] in _STARTS and is_torch_legacy(source.head)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Follow the pickles; the storages behind them are raw numbers."""
        found = inspect_all(source.data, max_pickles=_PICKLES)
        model, gaps = facts(source, found, name="torch-legacy")
        return (Reading(format=model.format, models=(model,), hazards=hazards_of(found), gaps=tuple(gaps)),)


READER = TorchLegacyReader()

"""Which recommendations speak of parts that a system does not have (P-11: scaled to the use case)."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from keelmark.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["inapplicable", "needs"]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    note: str
    needs_any: dict[str, tuple[str, ...]]
    words: dict[str, str]


@lru_cache(maxsize=1)
def _table() -> _Table:
    raw = resources.files("keelmark.guidelines").joinpath("applicability.json").read_bytes()
    try:
        table = msgspec.json.decode(raw, type=_Table)
    except msgspec.MsgspecError as error:
        raise CatalogueError(f"the packaged applicability table is damaged: {error}") from error
    if table.needs_any.keys() != table.words.keys():
        raise CatalogueError("the packaged applicability table lacks words for a group of traits")
    return table


def needs() -> dict[str, tuple[str, ...]]:
    """For each recommendation of the table, the traits of which a system needs one for it to apply."""
    return {row: tuple(traits.split()) for traits, rows in _table().needs_any.items() for row in rows}


def inapplicable(traits: Iterable[str]) -> dict[str, str]:
    """Recommendations that do not apply to a system with these traits, with the reason."""
    present = set(traits)
    table = _table()
    return {
        row: table.words[group]
        for group, rows in table.needs_any.items()
        if not present.intersection(group.split())
        for row in rows
    }

"""A bounded memory of recent answers: what is not asked for again is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Recent"]

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Two dicts, a young and an old one. When the young one is full it becomes the old one, and the old one is dropped.

    Looking something up costs one lookup and no writing, which is what a memory that is asked for each request needs;
    what was used lately survives all the same. It never holds more than twice `max_entries`. Values are never None.
    """

    __slots__ = ("_limit", "_old", "_young")

    def __init__(self, max_entries: int) -> None:
        self._limit = max(1, max_entries)
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """What is remembered, if anything."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Remember it, and forget what was not asked for in a long time."""
        if len(self._young) >= self._limit:
            self._old, self._young = self._young, {}
        self._young[key] = value

    def forget(self, key: K) -> None:
        """Forget one."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = {}, {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

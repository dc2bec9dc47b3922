"""Values that are larger than the pickle that makes them: iterators without an end, and containers nested to hold themselves often.

Whoever goes through one never comes back, or fills memory.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.known import ENDLESS, LAZY
from keelmark.formats.models.pickle.values import Made

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["is_endless", "is_gone_through", "multiplies"]

_MAX_DEPTH = 8
_MAX_CHILDREN = 100_000
# Honest data repeats a row in a table, and that table in a list; nobody does so on six levels for a thousand million items.
_MIN_LEVELS = 6
_MAX_ITEMS = 2**30


def is_gone_through(dotted: str, arguments: tuple[object, ...]) -> bool:
    """Whether a call goes through an iterator without an end; callables that only wrap iterators do not."""
    return dotted not in LAZY and dotted not in ENDLESS and any(is_endless(item) for item in arguments)


def is_endless(value: object, *, depth: int = 0) -> bool:
    """Whether a value is such an iterator, or wraps one. Honest pickles keep what came out, not what would."""
    if not isinstance(value, Made) or depth > _MAX_DEPTH:
        return False
    if value.maker in ENDLESS:
        return value.maker != "itertools.repeat" or len(value.arguments) == 1
    if value.maker == "itertools.islice":
        return False
    return value.maker in LAZY and any(is_endless(item, depth=depth + 1) for item in value.arguments)


def multiplies(value: object) -> bool:
    """Whether containers hold the next one several times, level upon level, so that all items are too many to go through."""
    known: dict[int, tuple[int, int]] = {}
    todo: list[tuple[object, bool]] = [(value, False)]
    left = _MAX_CHILDREN
    while todo and left > 0:
        item, is_done = todo.pop()
        if not is_done and id(item) in known:
            continue
        children = _children(item)
        held = [child for child in children if isinstance(child, tuple | list | dict)]
        plain = len(children) - len(held)
        if held and not is_done:
            known[id(item)] = (1, 0)  # for circles, until it is worked out
            left -= len(held) + 1
            todo.append((item, True))
            todo.extend((child, False) for child in held)
            continue
        times = Counter(map(id, held))
        size = plain + sum(count * known[key][0] for key, count in times.items())
        levels = max((known[key][1] + (count > 1) for key, count in times.items()), default=0)
        known[id(item)] = (size + 1, max(levels, int(plain > 1)))
    size, levels = known.get(id(value), (1, 0))
    return size > _MAX_ITEMS and levels >= _MIN_LEVELS


def _children(item: object) -> Collection[object]:
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, tuple | list) else ()

"""Which exclusions are in force, and which of them somebody answers for.

1. An exclusion that has expired leaves nothing out any more.
2. What an exclusion leaves out is spoken for while it has a reason, an owner, and an expiry at most a year ahead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.glob import matches
from keelmark.engine.waivers import MAX_LIFE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from keelmark.core.declaration import Exclusion

__all__ = ["exclusion_of", "in_force", "is_spoken_for"]


def in_force(exclude: Sequence[Exclusion], *, today: date) -> tuple[Exclusion, ...]:
    """The exclusions that have not expired; one without an expiry never does."""
    return tuple(entry for entry in exclude if entry.is_current(today))


def is_spoken_for(exclusion: Exclusion, *, today: date) -> bool:
    """Whether a named person answers, for a time, for what is left out."""
    if not exclusion.reason.strip() or not exclusion.owner.strip() or exclusion.expires is None:
        return False
    return exclusion.is_current(today) and exclusion.expires - today <= MAX_LIFE


def exclusion_of(path: str, exclude: Sequence[Exclusion]) -> Exclusion | None:
    """The first exclusion that leaves a path out, None when none does."""
    return next((entry for entry in exclude if matches(entry.path, path)), None)

"""Text that goes round in circles, and dialogue faked inside one text.

Both are ways to make a model forget its bounds: a token repeated without end, or hundreds of turns that never took place.
"""

from __future__ import annotations

from typing import Final

import re2

__all__ = ["TURN_HINT", "repeated_share", "turns"]

_PROBE = 24
_PROBES = 6
_LEAST = 512
_LONGEST_UNIT = 96

_TURN = re2.compile(
    r"(?i)(?:^|\n)[ \t>*#]{0,8}(?:<\|?(?:im_start\|?>)?)?(?:user|human|assistant|ai|bot|chatbot|chatgpt|model|question|answer|q|a|customer|agent)"
    r"(?:\|?>)?[ *]{0,3}[ \d]{0,4}[:>]"
)

TURN_HINT: Final = (
    "turns",
    r"(?i)\n[ \t>*#]*(?:<\|?(?:im_start\|?>)?)?(?:assistant|ai|bot|chatbot|chatgpt|model|answer|a|agent)(?:\|?>)?[ *]*[ \d]*[:>]",
)
"""Label and pattern, for a sieve, of texts that may carry turns of a dialogue."""


def repeated_share(text: str) -> float:
    """How much of a text repeats a short unit, 0 to 1; 0 for texts under 512 characters. Half and less is a lower bound.

    A few short stretches are taken at fixed places; where the text repeats itself, each of them comes back at the pace
    of the unit. Lists, tables and code share words, but not at that pace.
    """
    size = len(text)
    if size < _LEAST:
        return 0.0
    step = (size - _PROBE) // _PROBES
    hits, misses = 0, 0
    for number in range(_PROBES):
        at = number * step
        probe = text[at : at + _PROBE]
        back = text.find(probe, at + 1, at + _PROBE + _LONGEST_UNIT)
        if back < 0:
            misses += 1
            if misses >= _PROBES // 2:
                return hits / _PROBES  # No more than half of it repeats, whatever follows.
            continue
        unit = back - at
        reach = min(size, at + max(step, unit * 2))
        # One comparison tells whether the text equals itself one unit further on, all the way to the next probe.
        if text[at : reach - unit] == text[at + unit : reach]:
            hits += 1
    return hits / _PROBES


def turns(text: str, *, limit: int) -> int:
    """How many turns of a dialogue stand in a text; counting ends behind `limit`."""
    found = 0
    for _ in _TURN.finditer(text):
        found += 1
        if found > limit:
            break
    return found

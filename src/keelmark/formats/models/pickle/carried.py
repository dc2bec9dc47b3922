"""Pickles that lie in the data of another one, raw or as base64 or hexadecimal text, and would run code if they were loaded.

Nothing loads them by itself, so that honest freight of that kind stays unmentioned: only a whole program that calls what
is known to do harm is stated, since no model has a use for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Hazard, Technique
from keelmark.formats.models.pickle import machine
from keelmark.formats.models.pickle.starts import programs_in
from keelmark.formats.models.pickle.stream import Bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.formats.models.pickle.inspection import Inspection

__all__ = ["carried_hazards"]

_HARMFUL = frozenset({Technique.DANGEROUS_CALLABLE, Technique.DANGEROUS_ARGUMENT, Technique.SERIALISED_CODE})
_BOUNDS = Bounds(max_operations=100_000)


def carried_hazards(data: memoryview, found: Sequence[Inspection]) -> tuple[Hazard, ...]:
    """What programs inside of the data would call.

    Args:
        data: The file.
        found: The programs that a loader runs; those inside of their data are looked for.
    """
    stated: dict[str, Hazard] = {}
    known = {subject for item in found for _, subject in item.hazards}
    for place, program in programs_in(data):
        result = machine.inspect(memoryview(program), bounds=_BOUNDS)
        if not result.is_complete:
            continue
        for (technique, subject), hazard in result.hazards.items():
            if technique in _HARMFUL and hazard.code and subject not in known:
                stated.setdefault(
                    subject,
                    Hazard(
                        technique=Technique.HIDDEN_DATA,
                        detail=f"its data carries another pickle, which would call `{subject[:160]}` when it is loaded",
                        subject=subject[:400],
                        offset=place,
                        code=hazard.code,
                    ),
                )
    return tuple(stated.values())

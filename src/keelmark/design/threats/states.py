"""Says where a threat that applies stands.

1. What a named person accepted or transferred stands so until the day it expires, whatever evidence says; the reason names both.
2. What is declared as avoided is open while a path of it is there that rests on no assumption.
3. One failed control leaves it open.
4. It is mitigated when no control failed, none is unknown, and those that are proven stop enough of the attempts together,
   as the library judges their strength. What is attested or waived mitigates nothing.
5. Everything else is unknown. An acceptance that has expired, or has no day on which it expires, does not count.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from keelmark.core.threat_model import Treatment
from keelmark.core.threats import ControlState, ThreatState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from keelmark.core.threat_model import Disposition
    from keelmark.core.threats import AppliedControl, ThreatPath

__all__ = ["MITIGATED_FROM", "current", "judge"]

MITIGATED_FROM = 0.7
"""Share of the attempts that proven controls stop together, from which on a threat counts as mitigated."""


def current(disposition: Disposition | None, today: date) -> Disposition | None:
    """The disposition while it counts: not expired, and an acceptance has a day on which it expires."""
    if disposition is None or not disposition.is_current(today):
        return None
    if disposition.treatment is Treatment.ACCEPT and disposition.expires is None:
        return None
    return disposition


def judge(
    controls: Sequence[AppliedControl],
    paths: Sequence[ThreatPath],
    disposition: Disposition | None,
    today: date,
) -> tuple[ThreatState, str]:
    """The state of a threat, and why."""
    by_evidence, because = _by_evidence(controls)
    counting = current(disposition, today)
    if disposition is not None and counting is None:
        return by_evidence, f"{because}; {_why_not(disposition)}"
    match counting.treatment if counting else None:
        case Treatment.ACCEPT if counting:
            return (
                ThreatState.ACCEPTED,
                f"accepted by {counting.owner} until {counting.expires}: {counting.reason} ({because})",
            )
        case Treatment.TRANSFER if counting:
            to = f" to {counting.to}" if counting.to else ""
            return (
                ThreatState.TRANSFERRED,
                f"transferred{to} by {counting.owner}: {counting.reason} ({because})",
            )
        case Treatment.AVOID if counting:
            return _avoided(counting, paths)
        case _:
            return by_evidence, because


def _avoided(disposition: Disposition, paths: Sequence[ThreatPath]) -> tuple[ThreatState, str]:
    if any(not path.assumes for path in paths):
        return ThreatState.OPEN, f"declared as avoided by {disposition.owner}, but a path of it is there"
    return (
        ThreatState.AVOIDED,
        f"avoided, says {disposition.owner}: {disposition.reason}; every path rests on what is not known",
    )


def _why_not(disposition: Disposition) -> str:
    if disposition.expires is None:
        return f"the acceptance by {disposition.owner} has no day on which it expires, so it does not count"
    return f"what {disposition.owner} decided expired on {disposition.expires}"


def _by_evidence(controls: Sequence[AppliedControl]) -> tuple[ThreatState, str]:
    by_state: dict[ControlState, list[AppliedControl]] = {}
    for applied in controls:
        by_state.setdefault(applied.state, []).append(applied)
    failed = by_state.get(ControlState.FAILED, [])
    if failed:
        return ThreatState.OPEN, f"{_titles(failed)}: {failed[0].because}"
    proven = by_state.get(ControlState.PROVEN, [])
    unknown = by_state.get(ControlState.UNKNOWN, [])
    if unknown:
        return ThreatState.UNKNOWN, f"no evidence: {_titles(unknown)}"
    left = math.prod(1 - applied.control.strength for applied in proven)
    if proven and 1 - left >= MITIGATED_FROM:
        return ThreatState.MITIGATED, f"proven: {_titles(proven)}"
    short = f"; proven, but not enough alone: {_titles(proven)}" if proven else ""
    attested = by_state.get(ControlState.ATTESTED, [])
    if attested:
        return ThreatState.UNKNOWN, f"attested only: {_titles(attested)}{short}"
    return ThreatState.UNKNOWN, f"no control was proven{short}"


def _titles(controls: Sequence[AppliedControl]) -> str:
    titles = [applied.control.title for applied in controls]
    return "; ".join(title[:1].lower() + title[1:] for title in titles)

"""Applies waivers to failures. An expired or endless waiver does not count."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from keelmark.core.glob import matches
from keelmark.core.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keelmark.core.declaration import Waiver
    from keelmark.core.finding import Finding

__all__ = ["MAX_LIFE", "apply_waivers", "counts"]

MAX_LIFE = timedelta(days=366)


def counts(waiver: Waiver, *, today: date) -> bool:
    """Whether a waiver counts on that day: not expired, and not good for more than a year ahead."""
    return waiver.is_current(today) and waiver.expires - today <= MAX_LIFE


def apply_waivers(
    findings: Iterable[Finding], waivers: Sequence[Waiver], *, today: date
) -> tuple[Finding, ...]:
    """The findings, failures that a current waiver covers marked with it."""
    current = [waiver for waiver in waivers if counts(waiver, today=today)]
    return tuple(_waived(finding, current) for finding in findings)


def _waived(finding: Finding, waivers: Sequence[Waiver]) -> Finding:
    if finding.outcome is not Outcome.FAIL:
        return finding
    waiver = next((waiver for waiver in waivers if _covers(waiver, finding)), None)
    return replace(finding, waiver=waiver) if waiver else finding


def _covers(waiver: Waiver, finding: Finding) -> bool:
    if waiver.rule != finding.rule:
        return False
    if waiver.fingerprint and waiver.fingerprint != finding.fingerprint:
        return False
    paths = [location.path for location in finding.locations]
    return not waiver.path or (bool(paths) and all(matches(waiver.path, path) for path in paths))

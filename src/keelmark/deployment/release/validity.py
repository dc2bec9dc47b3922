"""How long a release holds: until the time that was asked for, or until the first thing that it rests on ends.

1. What a release rests on: the waivers of its failures, the attestations and declared exceptions that settle something,
   the exclusions in force, and the threats that are accepted.
2. A day on which something no longer counts is a day of UTC, from its first second on.
3. A waiver that has expired is a waiver that somebody forgot: there is no release until it is renewed or removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome, Status
from keelmark.core.release import AcceptedThreat, ReleasedStatement
from keelmark.core.threat_model import Treatment
from keelmark.deployment.release.subjects import readable
from keelmark.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.assessment import Assessment
    from keelmark.core.declaration import Declaration

__all__ = [
    "DEFAULT_DAYS",
    "MAX_DAYS",
    "Ground",
    "Grounds",
    "Validity",
    "check_waivers",
    "grounds_of",
    "validity_of",
]

DEFAULT_DAYS = 90
MAX_DAYS = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One thing with an end that a release rests on."""

    what: str
    expires: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What named persons answer for, and a release rests on."""

    waivers: tuple[ReleasedStatement, ...] = ()
    attestations: tuple[ReleasedStatement, ...] = ()
    not_applicable: tuple[ReleasedStatement, ...] = ()
    exclusions: tuple[ReleasedStatement, ...] = ()
    accepted_threats: tuple[AcceptedThreat, ...] = ()

    @property
    def ending(self) -> tuple[Ground, ...]:
        """All of them that end."""
        named: list[tuple[str, date | None]] = []
        named += [(f"waiver of {each.about} ({each.owner})", each.expires) for each in self.waivers]
        named += [(f"attestation of {each.about} ({each.owner})", each.expires) for each in self.attestations]
        named += [
            (f"exception for {each.about} ({each.owner})", each.expires) for each in self.not_applicable
        ]
        named += [(f"exclusion of {each.about} ({each.owner})", each.expires) for each in self.exclusions]
        named += [
            (f"{each.treatment} of threat {each.threat} ({each.owner})", each.expires)
            for each in self.accepted_threats
        ]
        return tuple(Ground(what=what, expires=day) for what, day in named if day is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when, and what makes it end."""

    not_before: datetime
    expires: datetime
    limited_by: str


def grounds_of(assessment: Assessment, declaration: Declaration | None) -> Grounds:
    """What a release of this assessment rests on."""
    waivers = _waivers(assessment)
    if declaration is None:
        return Grounds(waivers=waivers)
    today = assessment.today
    attested = _standing(assessment, Status.ATTESTED)
    excepted = _standing(assessment, Status.NOT_APPLICABLE)
    model = declaration.threat_model
    return Grounds(
        waivers=waivers,
        attestations=tuple(
            _stated(each.recommendation, each.by, each.statement, each.expires)
            for each in declaration.attestations
            if each.recommendation in attested and each.is_current(today)
        ),
        not_applicable=tuple(
            _stated(each.recommendation, each.owner, each.reason, each.review)
            for each in declaration.not_applicable
            if each.recommendation in excepted and today < each.review
        ),
        exclusions=tuple(
            _stated(each.path, each.owner, each.reason, each.expires)
            for each in declaration.exclude
            if each.is_current(today)
        ),
        accepted_threats=tuple(
            AcceptedThreat(
                threat=readable(each.threat),
                treatment=str(each.treatment),
                owner=readable(each.owner),
                reason=readable(each.reason),
                expires=each.expires,
            )
            for each in (model.dispositions if model else ())
            if each.treatment is not Treatment.MITIGATE and each.is_current(today)
        ),
    )


def check_waivers(declaration: Declaration | None, *, today: date) -> None:
    """Refuse waivers that somebody forgot (rule 3).

    Raises:
        UsageError: One has expired.
    """
    for waiver in declaration.waivers if declaration else ():
        if not waiver.is_current(today):
            raise UsageError(
                f"the waiver of `{waiver.rule}` by {waiver.owner} expired on {waiver.expires.isoformat()}",
                hint="mend what it waives, or renew it with a reason and a day; then release again",
            )


def validity_of(grounds: Iterable[Ground], *, now: datetime, days: int) -> Validity:
    """When a release that is made now ends.

    Args:
        grounds: What it rests on.
        now: The time.
        days: How long it was asked to hold.

    Raises:
        UsageError: So many days are not given, or something it rests on has ended already.
    """
    if not 1 <= days <= MAX_DAYS:
        raise UsageError(
            f"a release cannot hold for {days} days", hint=f"--valid-for takes 1 to {MAX_DAYS} days"
        )
    ends = [(now + timedelta(days=days), f"{days} day{'s' if days > 1 else ''} as asked")]
    ends += [(datetime.combine(each.expires, time(), UTC), each.what) for each in grounds]
    expires, limited_by = min(ends)
    if expires <= now:
        raise UsageError(
            f"the {limited_by} has ended, and the release would rest on it",
            hint="renew it in keelmark.yaml, and release again",
        )
    return Validity(not_before=now, expires=expires, limited_by=limited_by)


def _waivers(assessment: Assessment) -> tuple[ReleasedStatement, ...]:
    counted: dict[tuple[str, str, str, date], int] = {}
    for finding in assessment.findings:
        waiver = finding.waiver
        if finding.outcome is Outcome.FAIL and waiver is not None:
            # By the rule of the finding: a waiver names one rule, and its glob may cover several files.
            key = (finding.rule, waiver.owner, waiver.reason, waiver.expires)
            counted[key] = counted.get(key, 0) + 1
    return tuple(
        ReleasedStatement(
            about=readable(rule),
            owner=readable(owner),
            reason=readable(reason),
            expires=expires,
            covers=count,
        )
        for (rule, owner, reason, expires), count in sorted(counted.items())
    )


def _standing(assessment: Assessment, status: Status) -> frozenset[str]:
    return frozenset(row.recommendation for row in assessment.decision.standings if row.status is status)


def _stated(about: str, owner: str, reason: str, expires: date | None) -> ReleasedStatement:
    return ReleasedStatement(
        about=readable(about), owner=readable(owner), reason=readable(reason), expires=expires
    )

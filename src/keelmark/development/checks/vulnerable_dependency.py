"""A package has a known weakness.

## What it finds

A locked or exactly pinned package that an advisory touches, compared with the advisory file that `--advisories` names
(OSV JSON, a list or archive of it, or the compact line form). One finding for each package, with the ids and the
version that mends it. Weaknesses of packages that only development uses weigh at most medium, those of tests and
examples low. Nothing is asked over a network.

Without an advisory file, with one whose newest entry is older than thirty days, or with packages that float, the
answer is not known: an old list that matches nothing proves nothing.

## Why it matters

Known weaknesses are the ones that attackers try first.

## How to fix

Update the package to the version that mends it and lock again. Where there is none, remove the package or accept the
weakness with a waiver that expires.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from keelmark.core.advisory import AdvisorySnapshot, match_manifest
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import MAX_PLACES, listed, plural
from keelmark.development.checks._packages import (
    DEVELOPMENT,
    covering_locks,
    floats,
    installed,
    product_manifests,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.advisory import Advisory
    from keelmark.core.facts import Manifest, Requirement
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="vulnerable-dependency",
    title="A package has a known weakness",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.g", "DEV-1.f", "DEV-1.b"),
    settles=("SD-3.g",),
    tags=("cwe:1395", "owasp-llm:LLM03", "atlas:AML.T0010.001", "atlas:AML.M0016", "en-304-223:5.2.3-1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("OSV schema",),
)

MAX_AGE_DAYS = 30

_SEVERITY = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}
_BY_HAND = "Assess again with a file of known weaknesses: keelmark assess --advisories FILE."


def check(project: Project) -> Iterator[Finding]:
    """Answer for each package that is fixed to a version."""
    fixed = [
        seen
        for seen in project.manifests
        if any(item.version and item.source == "index" for item in seen.fact.requirements)
    ]
    asking = product_manifests(project)
    if not fixed and not asking:
        yield CARD.not_applicable("no dependency was found")
        return
    snapshot = project.extra("advisories")  # noqa: S610 - a fact by name, no query
    if not isinstance(snapshot, AdvisorySnapshot):
        yield CARD.unknown("no advisory file was given, so no package was compared", fix=_BY_HAND)
        return
    hits = _hits(fixed, snapshot)
    for (_, name, version), (advisories, places) in hits.items():
        yield _failure(snapshot, f"{name} {version}", advisories, places)
    if hits:
        return
    yield _clean(project, snapshot, fixed)


Place = tuple["Seen[Manifest]", "Requirement", Location]
Hit = tuple[tuple["Advisory", ...], list[Place]]


def _hits(fixed: list[Seen[Manifest]], snapshot: AdvisorySnapshot) -> dict[tuple[str, str, str], Hit]:
    """Touched packages by ecosystem, name and version, with every place that names them."""
    places: dict[tuple[str, str, str], list[Place]] = defaultdict(list)
    touching: dict[tuple[str, str, str], tuple[Advisory, ...]] = {}
    for seen in fixed:
        for item, advisories in match_manifest(snapshot, seen.fact):
            key = (seen.fact.ecosystem, item.name, item.version)
            touching[key] = advisories
            places[key].append((seen, item, seen.at(item.line, anchor=item.anchor or item.name)))
    return {key: (touching[key], places[key]) for key in sorted(touching)}


def _failure(
    snapshot: AdvisorySnapshot, package: str, advisories: tuple[Advisory, ...], places: list[Place]
) -> Finding:
    name = package.partition(" ")[0]
    malware = any(advisory.is_malware for advisory in advisories)
    worst = max((_SEVERITY.get(item.severity, CARD.severity) for item in advisories), key=lambda s: s.weight)
    if malware:
        worst = Severity.CRITICAL
    elif not any(seen.is_product for seen, _, _ in places):
        worst = Severity.LOW
    elif all(item.group in DEVELOPMENT for _, item, _ in places) and worst.weight > Severity.MEDIUM.weight:
        worst = Severity.MEDIUM  # It runs where the program is made, not where it serves.
    fixes = sorted({fix for advisory in advisories for fix in advisory.fixes})
    ids = listed([_shown(advisory) for advisory in advisories], most=4)
    mended = f"Update {name} to a version that mends it ({', '.join(fixes[:4])}) and lock again."
    if malware:
        mended = (
            f"Remove {name} at once; it is itself the attack. Change every credential that it could reach."
        )
    elif not fixes:
        mended = f"No version mends it: remove {name}, or accept it with a waiver that expires."
    return CARD.failed(
        f"{package} {'is malware' if malware else 'has a known weakness'}: {ids}",
        at=tuple(dict.fromkeys(place for _, _, place in places))[:MAX_PLACES],
        fix=mended,
        subject=package,
        severity=worst,
        evidence=[
            ("data of", snapshot.newest.isoformat() if snapshot.newest else "no date"),
            *((item.id, item.summary) for item in advisories[:10]),
        ],
    )


def _shown(advisory: Advisory) -> str:
    cve = next((alias for alias in advisory.aliases if alias.startswith("CVE-")), "")
    return f"{advisory.id} ({cve})" if cve else advisory.id


def _clean(project: Project, snapshot: AdvisorySnapshot, fixed: list[Seen[Manifest]]) -> Finding:
    """The answer when nothing matched: it counts only for fresh data, known ecosystems and fixed versions."""
    day = snapshot.newest.isoformat() if snapshot.newest else "no date"
    if snapshot.newest is None or (project.today - snapshot.newest).days > MAX_AGE_DAYS:
        return CARD.unknown(f"nothing matches, but {snapshot.source} holds data of {day}", fix=_BY_HAND)
    foreign = sorted({seen.fact.ecosystem for seen in fixed if not snapshot.knows(seen.fact.ecosystem)})
    if foreign:
        return CARD.unknown(
            f"nothing matches, but {snapshot.source} says nothing of {', '.join(foreign)}", fix=_BY_HAND
        )
    loose = [
        item.name
        for seen in product_manifests(project)
        if not covering_locks(project, seen)
        for item in installed(seen.fact)
        if floats(item) or not (item.version or item.is_immutable)
    ]
    if loose:
        return CARD.unknown(
            f"nothing matches, but {plural(len(loose), 'package')} without a fixed version could not be compared: {listed(loose)}",
            fix="Lock the dependencies and assess again.",
        )
    count = len(
        {(item.name, item.version) for seen in fixed for item in seen.fact.requirements if item.version}
    )
    return CARD.passed(
        f"{plural(count, 'package')} compared with {snapshot.source} (data of {day}); none has a known weakness",
        evidence=[("advisory file", f"sha256:{snapshot.digest}"), ("advisories", str(snapshot.count))],
    )

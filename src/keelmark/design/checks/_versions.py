"""What manifests and locks prove about the version of a package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2
from packaging.version import InvalidVersion, Version

from keelmark.core.location import Location
from keelmark.formats.dependencies.specifiers import python_satisfies

if TYPE_CHECKING:
    from keelmark.core.project import Project

__all__ = ["Proof", "is_at_least"]

# A range proves a lower end when it lets none of these versions below in.
_PROBES = ("0.1", "1.0", "1.13.1", "2.0.0", "2.1.0", "2.2.0", "2.3.0", "2.4.0", "2.5.0", "2.5.1", "2.5.99")

# What builds the package and what a resolver is told are not what runs.
_OTHER_GROUPS = frozenset({"build-system", "override"})

_NUMBER = re2.compile(r"\d+(?:\.\d+)*")
_FAR = Version("9999")
# Packages that conda calls by another name.
_CONDA_NAMES = {"torch": "pytorch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is proved, and where.

    Attributes:
        holds: True when every lock or manifest keeps to it, False when a lock holds an older version.
        words: `the lock holds torch 2.7.1`.
    """

    holds: bool
    words: str
    at: Location


def is_at_least(project: Project, package: str, version: str) -> Proof | None:
    """Whether the files that fix dependencies prove a lowest version of a package; None when they do not say."""
    wanted = Version(version)
    locked: list[tuple[Version, Location]] = []
    floors: list[tuple[str, Location]] = []
    is_floating = False
    for seen in project.manifests:
        if not seen.is_product:
            continue
        fixed: list[tuple[Version, Location]] = []
        names = _names(package, seen.fact.ecosystem)
        asked = [i for i in seen.fact.requirements if i.name in names and i.group not in _OTHER_GROUPS]
        for item in asked:
            place = seen.at(item.line)
            found = _parsed(item.version) or _ceiling(item.specifier, wanted)
            if found is not None:
                fixed.append((found, place))
            elif _has_floor(item.specifier, wanted):
                floors.append((item.specifier, place))
            else:
                is_floating = True
        # One file that asks for an old version on some platforms and lets a new one in on others proves neither.
        too_old = [entry for entry in fixed if entry[0] < wanted]
        if too_old and len(too_old) < len(asked):
            is_floating = True
            fixed = []
        locked += fixed
    old = [entry for entry in locked if entry[0] < wanted]
    if old:
        return Proof(holds=False, words=f"{package} {old[0][0]} is fixed", at=old[0][1])
    if locked:
        return Proof(holds=True, words=f"{package} {locked[0][0]} is fixed", at=locked[0][1])
    if floors and not is_floating:
        return Proof(holds=True, words=f"{package} {floors[0][0]} is asked for", at=floors[0][1])
    return None


def _names(package: str, ecosystem: str) -> frozenset[str]:
    return frozenset({package, _CONDA_NAMES.get(package, package)} if ecosystem == "conda" else {package})


def _parsed(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _allowed(specifier: str, wanted: Version) -> list[Version]:
    """Versions that a range lets in: of those it names, of the wanted one, and of one far above."""
    named = [_parsed(found) for found in _NUMBER.findall(specifier)]
    candidates = [version for version in named if version is not None]
    return [v for v in (*candidates, wanted, _FAR) if python_satisfies(str(v), specifier)]


def _ceiling(specifier: str, wanted: Version) -> Version | None:
    """The highest version of a range that keeps below the wanted one, None for every other range."""
    allowed = _allowed(specifier, wanted) if specifier else []
    return max(allowed) if allowed and max(allowed) < wanted else None


def _has_floor(specifier: str, wanted: Version) -> bool:
    """Whether a range lets in the wanted version or a later one, and none before it."""
    allowed = _allowed(specifier, wanted) if specifier else []
    older = [probe for probe in _PROBES if Version(probe) < wanted]
    return (
        bool(allowed)
        and min(allowed) >= wanted
        and all(python_satisfies(probe, specifier) is False for probe in older)
    )

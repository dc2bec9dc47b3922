"""Known weaknesses of packages, and which versions they touch.

A snapshot is what one advisory file said on one day. That nothing matches means only that this snapshot knows
nothing; how old it is stands in `newest`, and the rule that uses it has to say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Protocol

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion
from packaging.version import Version as Pep440

from keelmark.core import semver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    from keelmark.core.facts import Manifest, Requirement

__all__ = ["Advisory", "AdvisorySnapshot", "Event", "EventKind", "match", "match_manifest", "package_key"]

EventKind = str
"""`introduced`, `fixed` or `last_affected`."""

Event = tuple[EventKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One advisory, as far as it speaks of one package.

    Attributes:
        id: Id in its source: `PYSEC-2021-335`, `GHSA-...`.
        aliases: Ids of the same weakness elsewhere, CVE ids among them.
        ranges: Each range as its events, in the order of the source.
        versions: Versions named one by one.
        severity: `critical`, `high`, `medium`, `low`, or "" when the source gives none.
        is_malware: Whether the package itself is the attack.
    """

    id: str
    ecosystem: str
    package: str
    aliases: tuple[str, ...] = ()
    ranges: tuple[tuple[Event, ...], ...] = ()
    versions: tuple[str, ...] = ()
    summary: str = ""
    severity: str = ""
    published: date | None = None
    modified: date | None = None

    @property
    def is_malware(self) -> bool:
        """Whether the package itself is the attack."""
        return self.id.startswith("MAL-") or any(alias.startswith("MAL-") for alias in self.aliases)

    @property
    def fixes(self) -> tuple[str, ...]:
        """Versions that mend it, in the order of the source."""
        return tuple(
            dict.fromkeys(version for events in self.ranges for kind, version in events if kind == "fixed")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisorySnapshot:
    """All advisories of one file.

    Attributes:
        source: Name of the file.
        digest: SHA-256 of the file, hexadecimal.
        newest: Date of the newest entry; None for an empty file.
        ecosystems: Ecosystems it speaks of, sorted, in the words of `Manifest.ecosystem`.
        count: Advisories, counted once per package.
        index: Advisories by (ecosystem, normalised package name).
    """

    source: str
    digest: str
    newest: date | None = None
    ecosystems: tuple[str, ...] = ()
    count: int = 0
    index: Mapping[tuple[str, str], tuple[Advisory, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, advisories: Iterable[Advisory], *, source: str, digest: str) -> Self:
        """A snapshot over advisories, in their order."""
        index: dict[tuple[str, str], list[Advisory]] = {}
        newest: date | None = None
        count = 0
        for advisory in advisories:
            count += 1
            index.setdefault(package_key(advisory.ecosystem, advisory.package), []).append(advisory)
            for day in (advisory.published, advisory.modified):
                newest = day if newest is None or (day is not None and day > newest) else newest
        return cls(
            source=source,
            digest=digest,
            newest=newest,
            ecosystems=tuple(sorted({ecosystem for ecosystem, _ in index})),
            count=count,
            index={key: tuple(items) for key, items in index.items()},
        )

    def knows(self, ecosystem: str) -> bool:
        """Whether the snapshot speaks of an ecosystem at all; if not, a missing match says nothing."""
        return package_key(ecosystem, "x")[0] in self.ecosystems


def package_key(ecosystem: str, name: str) -> tuple[str, str]:
    """Ecosystem and name in the form in which they are compared."""
    word = ecosystem.partition(":")[0].lower()
    return word, canonicalize_name(name) if word == "pypi" else name


def match(snapshot: AdvisorySnapshot, *, ecosystem: str, name: str, version: str) -> tuple[Advisory, ...]:
    """Advisories that touch one exact version, those of the same weakness joined.

    A version that cannot be compared matches only where it is named letter by letter.
    """
    key = package_key(ecosystem, name)
    found = snapshot.index.get(key, ())
    if not found or not version:
        return ()
    parse = _PARSERS.get(key[0])
    return _joined(advisory for advisory in found if _touches(advisory, version, parse))


def match_manifest(
    snapshot: AdvisorySnapshot, manifest: Manifest
) -> tuple[tuple[Requirement, tuple[Advisory, ...]], ...]:
    """Requirements of a manifest that fix a version which is touched, with the advisories.

    Packages from version control, URLs and paths are left out: their version says nothing of their code.
    """
    found = []
    for requirement in manifest.requirements:
        if requirement.source != "index":
            continue
        hits = match(
            snapshot, ecosystem=manifest.ecosystem, name=requirement.name, version=requirement.version
        )
        if hits:
            found.append((requirement, hits))
    return tuple(found)


class _Ordered(Protocol):
    def __lt__(self, other: _Ordered, /) -> bool: ...


def _pep440(text: str) -> _Ordered | None:
    try:
        return Pep440(text)  # type: ignore[return-value] # compares with its own kind only, as all here do
    except InvalidVersion:
        return None


def _semantic(text: str) -> _Ordered | None:
    return semver.parse(text)  # type: ignore[return-value] # as above


_PARSERS: dict[str, Callable[[str], _Ordered | None]] = {
    "pypi": _pep440,
    "npm": _semantic,
    "crates.io": _semantic,
    "go": _semantic,
}


def _touches(advisory: Advisory, version: str, parse: Callable[[str], _Ordered | None] | None) -> bool:
    if version in advisory.versions:
        return True
    here = parse(version) if parse else None
    if parse is None or here is None:
        return False
    if any(parse(other) == here for other in advisory.versions):
        return True
    return any(_in_range(events, here, parse) for events in advisory.ranges)


def _in_range(events: tuple[Event, ...], here: _Ordered, parse: Callable[[str], _Ordered | None]) -> bool:
    """Walk the events in the order of their versions, as the OSV schema asks."""
    from_start = False
    placed: list[tuple[_Ordered, EventKind]] = []
    for kind, text in events:
        if kind == "introduced" and text == "0":
            from_start = True
            continue
        at = parse(text)
        if at is None:
            return False  # A bound that cannot be placed makes the range unknown; a guess could be a false alarm.
        placed.append((at, kind))
    is_touched = from_start
    for at, kind in _sorted(placed):
        if kind == "introduced" and not here < at:
            is_touched = True
        elif (kind == "fixed" and not here < at) or (kind == "last_affected" and at < here):
            is_touched = False
    return is_touched


def _sorted(placed: list[tuple[_Ordered, EventKind]]) -> list[tuple[_Ordered, EventKind]]:
    return sorted(placed, key=lambda pair: pair[0])


def _joined(advisories: Iterable[Advisory]) -> tuple[Advisory, ...]:
    """One advisory for each weakness: those that share an id or alias are one, the first speaks for all."""
    kept: list[Advisory] = []
    for advisory in advisories:
        names = {advisory.id, *advisory.aliases}
        place = next((index for index, item in enumerate(kept) if names & {item.id, *item.aliases}), None)
        if place is None:
            kept.append(advisory)
            continue
        first = kept[place]
        aliases = dict.fromkeys((*first.aliases, advisory.id, *advisory.aliases))
        aliases.pop(first.id, None)
        kept[place] = replace(first, aliases=tuple(aliases), severity=first.severity or advisory.severity)
    return tuple(kept)

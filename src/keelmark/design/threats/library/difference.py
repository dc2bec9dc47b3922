"""Two editions of the library side by side: what changed, what of it concerns this system, and what to look at again.

A changed entry concerns a system in one of three ways, told apart because they weigh differently:

1. A threat that applies names the technique, or the technique above or below it.
2. A new technique serves a tactic of such a threat on a platform that the system has. Where an edition does not say for which
   platforms a technique is, every platform is taken: what is not known is never harmless.
3. A mitigation answers a technique of the first way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from keelmark.core.declaration import ComponentKind
from keelmark.core.library_difference import Change, LibraryChange, LibraryDifference, ReviewTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from keelmark.core.threats import Analysis, ApplicableThreat, Library, Mitigation, Technique, Threat

__all__ = ["difference", "platforms_of"]

EntryT = TypeVar("EntryT", "Technique", "Mitigation", "Threat")

_AGENTIC = frozenset(
    {ComponentKind.AGENT, ComponentKind.TOOL, ComponentKind.MCP_SERVER, ComponentKind.MEMORY}
)
_GENERATIVE = _AGENTIC | {ComponentKind.PROMPT, ComponentKind.RETRIEVAL_STORE}
_MAX_NAMED = 5


def difference(old: Library, new: Library, analysis: Analysis | None = None) -> LibraryDifference:
    """What the newer edition changes; with an analysis, what that means for its system."""
    changes = (
        *_changes("technique", old.techniques, new.techniques, _technique_fields(old, new)),
        *_changes("mitigation", old.mitigations, new.mitigations, _mitigation_fields),
        *_changes("threat", _by_id(old.threats), _by_id(new.threats), _threat_fields),
    )
    concern = _Concern(old, new, analysis) if analysis else None
    found = {change.id: why for change in changes if concern and (why := concern.reason(change))}
    tasks = concern.tasks([change for change in changes if change.id in found], found) if concern else ()
    return LibraryDifference(
        old=old.versions,
        new=new.versions,
        changes=changes,
        applying=tuple(found.items()),
        tasks=tuple(tasks),
    )


def platforms_of(analysis: Analysis) -> frozenset[str]:
    """The platforms of MITRE ATLAS that a system has; a model of which the kind is not known may be of either."""
    kinds = {element.kind for element in analysis.model.elements}
    found = {"Enterprise"}
    if kinds & _AGENTIC:
        found.add("Agentic AI")
    if kinds & _GENERATIVE:
        found.add("Generative AI")
    if kinds & {ComponentKind.MODEL, ComponentKind.ADAPTER}:
        found |= {"Predictive AI", "Generative AI"}
    return frozenset(found)


class _Concern:
    """Knows what of a system a changed entry touches."""

    def __init__(self, old: Library, new: Library, analysis: Analysis) -> None:
        self._known = {**old.techniques, **new.techniques}
        self._mitigations = {**old.mitigations, **new.mitigations}
        self._applicable = {found.threat.id: found for found in analysis.threats}
        self._platforms = platforms_of(analysis)
        self._tactics = {
            tactic
            for found in analysis.threats
            for key in found.threat.techniques
            for tactic in (self._known[key].tactics if key in self._known else ())
        }

    def reason(self, change: LibraryChange) -> str:
        """Why a change concerns this system, "" when it does not."""
        named = self.threats(change)
        if named:
            ids = [found.threat.id for found in named]
            return f"{_listed(ids)} {'applies' if len(ids) == 1 else 'apply'} here"
        if change.kind == "technique" and change.change is Change.NEW:
            return self._nearness(self._known[change.id])
        return ""

    def threats(self, change: LibraryChange) -> list[ApplicableThreat]:
        """Threats that apply and that the change is about."""
        if change.kind == "threat":
            found = self._applicable.get(change.id)
            return [found] if found else []
        if change.kind == "technique":
            wanted = self._family(change.id)
        else:
            wanted = {key for key, entry in self._known.items() if change.id in entry.mitigations}
        return [
            found for found in self._applicable.values() if not wanted.isdisjoint(found.threat.techniques)
        ]

    def tasks(self, changes: list[LibraryChange], reasons: Mapping[str, str]) -> list[ReviewTask]:
        """One task for each threat that is touched, then one for each new technique that is only near."""
        touched: dict[str, list[LibraryChange]] = {}
        near: list[LibraryChange] = []
        for change in changes:
            named = self.threats(change)
            for found in named:
                touched.setdefault(found.threat.id, []).append(change)
            if not named:
                near.append(change)
        of_threats = [self._review(self._applicable[key], entries) for key, entries in touched.items()]
        of_threats.sort(key=lambda pair: pair[0])
        return [task for _, task in of_threats] + [
            ReviewTask(
                subject=change.id,
                text=f"decide whether {change.id} ({change.name}) concerns this system, and say so in the threat model",
                because=reasons[change.id],
                entries=(change.id,),
            )
            for change in near
        ]

    def _review(
        self, found: ApplicableThreat, entries: list[LibraryChange]
    ) -> tuple[tuple[int, int, str], ReviewTask]:
        threat = found.threat
        ordered = sorted(entries, key=lambda change: (_weight(change), change.id))
        said = "; ".join(_said(change) for change in ordered[:_MAX_NAMED])
        more = f"; and {len(ordered) - _MAX_NAMED} more" if len(ordered) > _MAX_NAMED else ""
        wanted = sorted(
            {
                key
                for change in ordered
                if change.kind == "mitigation" and change.change is not Change.REMOVED
                for key in self._mitigations[change.id].recommendations
            }
        )
        also = f" and weigh {', '.join(wanted)}" if wanted else ""
        task = ReviewTask(
            subject=threat.id,
            text=f"review `{threat.id}` ({threat.title}): its paths, its disposition and its estimate{also}",
            because=f"{said}{more}",
            entries=tuple(change.id for change in ordered),
        )
        return (_weight(ordered[0]), -threat.severity.weight, threat.id), task

    def _family(self, key: str) -> set[str]:
        entry = self._known[key]
        below = {other.id for other in self._known.values() if other.parent == key}
        return {key, *below, *((entry.parent,) if entry.parent else ())}

    def _nearness(self, technique: Technique) -> str:
        shared = self._tactics.intersection(technique.tactics)
        platforms = self._platforms.intersection(technique.platforms)
        if not shared or (technique.platforms and not platforms):
            return ""
        where = f"on {', '.join(sorted(platforms))}" if platforms else "on platforms that it does not name"
        return f"it serves {', '.join(sorted(shared))}, as threats that apply here do, {where}"


def _changes(
    kind: str,
    old: Mapping[str, EntryT],
    new: Mapping[str, EntryT],
    fields: Callable[[EntryT, EntryT], Iterable[str]],
) -> Iterator[LibraryChange]:
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if before is None and after is not None:
            yield LibraryChange(kind=kind, change=Change.NEW, id=key, name=_name(after))
        elif before is not None and after is None:
            yield LibraryChange(kind=kind, change=Change.REMOVED, id=key, name=_name(before))
        elif before is not None and after is not None and (differing := tuple(fields(before, after))):
            yield LibraryChange(kind=kind, change=Change.CHANGED, id=key, name=_name(after), fields=differing)


def _technique_fields(old: Library, new: Library) -> Callable[[Technique, Technique], Iterator[str]]:
    # An edition that names no platform at all does not say that there are none.
    both_say = all(any(entry.platforms for entry in library.techniques.values()) for library in (old, new))

    def fields(before: Technique, after: Technique) -> Iterator[str]:
        if before.horizon is not after.horizon:
            yield f"maturity: {before.horizon or 'not stated'} -> {after.horizon or 'not stated'}"
        yield from _plain("name", before.name, after.name)
        yield from _plain("parent", before.parent, after.parent)
        yield from _sets("tactics", before.tactics, after.tactics)
        yield from _sets("mitigations", before.mitigations, after.mitigations)
        if both_say:
            yield from _sets("platforms", before.platforms, after.platforms)
        if after.incidents > before.incidents:
            yield f"incidents: {before.incidents} -> {after.incidents}"
        if _folded(before.text) != _folded(after.text):
            yield "description"

    return fields


def _mitigation_fields(before: Mitigation, after: Mitigation) -> Iterator[str]:
    yield from _plain("name", before.name, after.name)
    yield from _sets("recommendations", before.recommendations, after.recommendations)
    if _folded(before.text) != _folded(after.text):
        yield "description"


def _threat_fields(before: Threat, after: Threat) -> Iterator[str]:
    if before.horizon is not after.horizon:
        yield f"horizon: {before.horizon} -> {after.horizon}"
    yield from _plain("severity", before.severity.value, after.severity.value)
    yield from _plain("title", before.title, after.title)
    yield from _sets("techniques", before.techniques, after.techniques)
    if before.patterns != after.patterns:
        yield "paths"
    if before.controls != after.controls:
        yield "controls"
    if before.growth != after.growth:
        yield "growth"


def _plain(what: str, before: str, after: str) -> Iterator[str]:
    if before != after:
        yield f"{what}: {before or 'none'} -> {after or 'none'}"


def _sets(what: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    added = [f"+{key}" for key in after if key not in before]
    gone = [f"-{key}" for key in before if key not in after]
    if added or gone:
        yield f"{what}: {' '.join((*added, *gone))}"


def _folded(text: str) -> str:
    """Without what a different way of writing the file changes."""
    return " ".join(text.split())


def _weight(change: LibraryChange) -> int:
    """How pressing a change is, 0 for most: nearer, then new, then gone, then otherwise changed, then words."""
    if any(entry.startswith(("maturity", "horizon", "incidents")) for entry in change.fields):
        return 0
    if change.change is not Change.CHANGED:
        return 1 if change.change is Change.NEW else 2
    return 4 if change.fields == ("description",) else 3


def _said(change: LibraryChange) -> str:
    what = f" ({', '.join(change.fields)})" if change.fields else ""
    return f"{change.kind} {change.id} is {change.change.value}{what}"


def _name(entry: Technique | Mitigation | Threat) -> str:
    return getattr(entry, "name", "") or getattr(entry, "title", "")


def _by_id(threats: tuple[Threat, ...]) -> dict[str, Threat]:
    return {threat.id: threat for threat in threats}


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_MAX_NAMED])
    return f"{shown} and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else shown

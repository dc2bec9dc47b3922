"""What was not looked at and could hold a part of the system that was not found.

1. A gap that matters hides parts, unless it is a pointer, which names what it stands for.
2. So does program text that is only counted, a program without its source, program text in the folder of a tool, and what a person left out and nobody answers for until a day.
3. What a named person answers for until a day is told beside each absence, and does not change it.
4. Tests, examples, documents, vendored and generated files hold no part of the system.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole, GapReason
from keelmark.engine.exclusions import exclusion_of, in_force, is_spoken_for
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.declaration import Exclusion
    from keelmark.core.facts import Gap
    from keelmark.core.project import Project

__all__ = ["Unseen", "find_unseen"]

_MAX_NAMES = 3
# Beginnings of details that say what a file is; others say what is wrong with it.
_STATEMENTS = ("source in ", "a compiled ", "compiled ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """What was not looked at, in words.

    Attributes:
        hiding: What keeps an absence from being known; "" when nothing does.
        apart: What named people answer for, each until a day; "" when there is nothing.
    """

    hiding: str = ""
    apart: str = ""


def find_unseen(project: Project) -> Unseen:
    """What the facts of a project do not show."""
    spoken, unspoken = _excluded(project)
    reasons = [
        *_unread(project),
        *(_without_end(entry, paths, project) for entry, paths in unspoken),
        *_counted(project),
        *_passed_over(project),
    ]
    if project.is_partial:
        reasons.append("only the named files were looked at")
    apart = [_apart(entry, paths) for entry, paths in spoken]
    return Unseen(hiding=" and ".join(reasons), apart=_few(apart, "; ", "exclusions"))


def _unread(project: Project) -> Iterator[str]:
    hidden = [gap.path for gap in project.gaps if gap.matters and _hides(gap, project)]
    if hidden:
        yield f"{_first(hidden)} could not be looked at"


def _hides(gap: Gap, project: Project) -> bool:
    if gap.reason is GapReason.NOT_HERE:
        return False
    # The walk ended there: whatever lies beyond was not even met.
    is_end = gap.reason is GapReason.TOO_MANY and gap.path not in project.by_path
    return is_end or role_of(gap.path) is FileRole.PRODUCT


def _counted(project: Project) -> Iterator[str]:
    counted = [
        gap
        for gap in project.gaps
        if gap.may_hide and gap.reason is not GapReason.EXCLUDED and role_of(gap.path) is FileRole.PRODUCT
    ]
    if counted:
        others = len(counted) - 1
        more = f", as {'is' if others == 1 else 'are'} {others} more" if others else ""
        first = counted[0]
        told = f" is {first.detail}" if first.detail.startswith(_STATEMENTS) else f": {first.detail}"
        yield f"{first.path}{told}{more}"


def _passed_over(project: Project) -> Iterator[str]:
    """Folders of tools that hold more than tools write; nobody left them out."""
    declared = project.declaration
    current = in_force(declared.exclude, today=project.today) if declared else ()
    found = [
        gap.path
        for gap in project.gaps
        if gap.reason is GapReason.EXCLUDED
        and gap.may_hide
        and exclusion_of(gap.path, current) is None
        and role_of(gap.path) is FileRole.PRODUCT
    ]
    if found:
        yield f"{_first(found)} looks like the folder of a tool, was not entered and holds program text of its own"


_Group = tuple["Exclusion", list[str]]


def _excluded(project: Project) -> tuple[list[_Group], list[_Group]]:
    """The exclusions that leave product files out, with the paths: those somebody answers for, and the others."""
    declared = project.declaration
    current = in_force(declared.exclude, today=project.today) if declared else ()
    groups: dict[Exclusion, list[str]] = defaultdict(list)
    for gap in project.gaps:
        if gap.reason is GapReason.EXCLUDED and gap.may_hide and (entry := exclusion_of(gap.path, current)):
            groups[entry].append(gap.path)
    spoken = [pair for pair in groups.items() if is_spoken_for(pair[0], today=project.today)]
    return spoken, [pair for pair in groups.items() if pair not in spoken]


def _without_end(entry: Exclusion, paths: list[str], project: Project) -> str:
    named = _first(paths)
    if not entry.reason.strip() or not entry.owner.strip():
        return f"{named} is excluded without a reason or an owner: write both in {project.declaration_path}"
    if entry.expires is None:
        wanted = "add `expires`, a day within a year,"
        return f"{named} is excluded without an end: {wanted} to `exclude` in {project.declaration_path}"
    return (
        f"{named} is excluded for more than a year: set `expires` within a year in {project.declaration_path}"
    )


def _apart(entry: Exclusion, paths: Sequence[str]) -> str:
    end = entry.expires.isoformat() if entry.expires else ""
    return f"{_few(paths, ', ', 'paths')}, excluded by {entry.owner} until {end}"


def _few(words: Sequence[str], between: str, what: str) -> str:
    more = [f"{len(words) - _MAX_NAMES} more {what}"] if len(words) > _MAX_NAMES else []
    return between.join([*words[:_MAX_NAMES], *more])


def _first(paths: Sequence[str]) -> str:
    return f"{paths[0]} and {len(paths) - 1} more" if len(paths) > 1 else paths[0]

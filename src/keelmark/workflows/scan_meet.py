"""Meets what a scan was given: every file of the folders once, links where they lead, and what lies around each."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.engine import walk as walking
from keelmark.engine.surroundings import Repositories, Surroundings, leads_to_system
from keelmark.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keelmark.engine.walk import Entry
    from keelmark.workflows.scan_file import ScanSettings

__all__ = ["meet"]

# Version control keeps compressed copies of what it tracks; everything else is looked at, tools' folders too.
_NEVER_ENTERED = frozenset({".git", ".hg", ".svn", ".keelmark"})
# The one file of version control that people put credentials into.
_GIT, _GIT_CONFIG = ".git", "config"


@dataclass(slots=True, kw_only=True)
class _Met:
    """What was met so far.

    Attributes:
        entries: By path.
        gaps: What was not.
        links: Links out of a folder that cannot be followed to a file, which matter when they lead into the system.
        controls: Configurations of version control, which matter in a model repository.
    """

    entries: dict[str, walking.Entry] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    links: list[tuple[walking.Entry, Gap]] = field(default_factory=list)
    controls: list[walking.Entry] = field(default_factory=list)


def meet(
    paths: Sequence[Path], names: Mapping[Path, str], settings: ScanSettings
) -> tuple[list[Entry], list[Gap]]:
    """Every file below the paths, and what was not entered or opened, each with its reason.

    Args:
        paths: Files and folders.
        names: What reports call a path, where that is not the path itself.
        settings: How the scan is done.

    Raises:
        UsageError: A path does not exist.
    """
    met = _Met()
    for path in paths:
        name = names.get(path) or walking.readable(os.fspath(path))
        try:
            resolved = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise UsageError(f"`{name}` does not exist, or is a link that leads nowhere") from error
        if resolved.is_dir():
            _below(resolved, "" if path == Path() else f"{name.rstrip('/')}/", settings, met)
            continue
        found = walking.entry_of(resolved, name)
        if isinstance(found, Gap):
            met.gaps.append(found)
        else:
            met.entries[name] = found
    return _placed(met)


def _below(folder: Path, prefix: str, settings: ScanSettings, met: _Met) -> None:
    entries: list[Entry] = []
    pending = [(folder, prefix)]
    while pending:
        root, start = pending.pop()
        found = walking.walk(root, bounds=walking.Bounds(max_files=settings.max_files))
        entries.extend(replace(entry, path=f"{start}{entry.path}") for entry in found.entries)
        for gap in found.gaps:
            place, path = root / gap.path, f"{start}{gap.path}"
            if _is_tools_folder(gap, place):
                pending.append((place, f"{path}/"))
                continue
            left = replace(gap, path=path)
            if gap.reason is GapReason.LINK:
                linked = _linked(place, path)
                if linked.size >= 0:
                    entries.append(linked)
                    continue
                met.links.append((linked, left))
                continue
            if place.name == _GIT:
                control = walking.entry_of(place / _GIT_CONFIG, f"{path}/{_GIT_CONFIG}")
                met.controls.extend([] if isinstance(control, Gap) else [control])
            met.gaps.append(left)
    entries.sort(key=lambda entry: entry.path)
    met.entries.update((entry.path, entry) for entry in entries)


def _is_tools_folder(gap: Gap, place: Path) -> bool:
    return (
        gap.reason is GapReason.EXCLUDED
        and place.name not in _NEVER_ENTERED
        and not place.is_symlink()
        and place.is_dir()
    )


def _linked(place: Path, path: str) -> Entry:
    """What a link leads to; caches of hubs keep every model behind one. Without a size when that is no file."""
    try:
        written = os.path.normpath(place.parent / place.readlink())
    except OSError:
        written = ""
    around = Surroundings(link=walking.readable(written))
    try:
        resolved = place.resolve(strict=True)
    except (OSError, RuntimeError):
        resolved = None
    met = walking.entry_of(resolved, path) if resolved is not None else None
    if met is None or isinstance(met, Gap):
        return walking.Entry(path=path, file=place, size=-1, identity="", around=around)
    # The last of several links counts: what is written may lead to another one.
    if resolved is not None and not leads_to_system(around.link, in_repository=True):
        around = Surroundings(link=walking.readable(os.fspath(resolved)))
    return replace(met, around=around)


def _placed(met: _Met) -> tuple[list[Entry], list[Gap]]:
    """Everything with what lies around it; links and configurations of version control only where they matter."""
    repositories = Repositories(met.entries.values())
    placed: dict[str, Entry] = {}
    for path, entry in met.entries.items():
        placed[path] = _around(entry, in_repository=repositories.hold(_beside(entry)))
    for entry, gap in met.links:
        found = _around(entry, in_repository=repositories.hold(_beside(entry)))
        if found.around.link:
            placed[entry.path] = replace(found, size=0)
        else:
            met.gaps.append(gap)
    for entry in met.controls:
        folder = entry.path.removesuffix(f"{_GIT}/{_GIT_CONFIG}")
        if repositories.hold(f"{folder}{_GIT}"):
            placed[entry.path] = _around(entry, in_repository=True)
    if len(placed) > len(met.entries):
        placed = dict(sorted(placed.items()))
    return list(placed.values()), met.gaps


def _beside(entry: Entry) -> str:
    # A link is what it leads to: its name does not make it a model, its place does.
    return f"{entry.path.rpartition('/')[0]}/link" if entry.around.link and "/" in entry.path else entry.path


def _around(entry: Entry, *, in_repository: bool) -> Entry:
    link = entry.around.link
    if link and not leads_to_system(link, in_repository=in_repository):
        link = ""
    if not link and not in_repository and not entry.around.link:
        return entry
    return replace(entry, around=Surroundings(in_repository=in_repository, link=link))

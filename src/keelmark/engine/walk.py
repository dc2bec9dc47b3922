"""Meets every file of a folder once, in bounds, without following links.

Rules of the walk, each with a test:

1. Files come out sorted by path, so that two runs on one folder agree.
2. Links are never followed. One that leads outside, or nowhere, is a gap; one that leads inside is named.
3. Devices, sockets and pipes are gaps; they are not opened.
4. Folders of tools (`.git`, virtual environments, `node_modules`, caches) are not entered, and named.
5. A bound that is reached (count, depth) is a gap; nothing beyond it is dropped in silence.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.core.glob import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.declaration import Exclusion

__all__ = ["Bounds", "Entry", "Walk", "entry_of", "excluded", "readable", "walk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the walk."""

    max_files: int = 200_000
    max_depth: int = 64


# Folders that hold no part of the project: what tools installed, built or remembered.
_TOOL_FOLDERS = {
    ".git": "version control data",
    ".hg": "version control data",
    ".svn": "version control data",
    ".keelmark": "Keelmark's own records",
    "node_modules": "installed packages",
    "__pycache__": "compiled bytecode",
    ".mypy_cache": "tool cache",
    ".ruff_cache": "tool cache",
    ".pytest_cache": "tool cache",
    ".hypothesis": "tool cache",
    ".ipynb_checkpoints": "editor copies",
    ".tox": "installed packages",
    ".nox": "installed packages",
    ".eggs": "installed packages",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A regular file that was met.

    Attributes:
        path: POSIX path relative to the folder; bytes that are no UTF-8 are written as escapes.
        file: Where it lies.
        size: Bytes.
        identity: Device, inode, size and times in one string: equal only while the file is unchanged.
        changed_ns: When content or metadata last changed, in nanoseconds since the epoch.
    """

    path: str
    file: Path
    size: int
    identity: str
    changed_ns: int = 0


@dataclass(slots=True)
class Walk:
    """What was met: regular files, and what was not entered or opened, each with its reason."""

    entries: list[Entry] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def walk(root: Path, *, exclude: Sequence[Exclusion] = (), bounds: Bounds | None = None) -> Walk:
    """Meet every regular file below `root`.

    Raises:
        OSError: The folder itself cannot be listed.
    """
    limits = bounds or Bounds()
    met = Walk()
    pending: list[tuple[Path, str, int]] = [(root, "", 0)]
    os.scandir(root).close()  # The caller hears at once when the folder itself cannot be listed.
    while pending:
        folder, prefix, depth = pending.pop()
        for item in _listed(folder, prefix, met):
            path = prefix + readable(item.name)
            if left_out := excluded(path, exclude):
                met.gaps.append(left_out)
            elif item.is_dir(follow_symlinks=False):
                if gap := _not_entered(item, path, depth=depth, bounds=limits):
                    met.gaps.append(gap)
                else:
                    pending.append((Path(item.path), f"{path}/", depth + 1))
            elif len(met.entries) >= limits.max_files:
                met.gaps.append(
                    Gap(
                        path=path, reason=GapReason.TOO_MANY, detail=f"only {limits.max_files} files are read"
                    )
                )
                return _sorted(met)
            else:
                _meet(item, path, root, met)
    return _sorted(met)


def entry_of(file: Path, path: str) -> Entry | Gap:
    """One file by name: an entry, or the gap that says why it is none."""
    try:
        status = os.lstat(file)
    except OSError as error:
        return Gap(path=path, reason=GapReason.UNREADABLE, detail=error.strerror or "")
    if not stat.S_ISREG(status.st_mode):
        return Gap(path=path, reason=GapReason.SPECIAL_FILE)
    return _entry(file, path, status)


def _listed(folder: Path, prefix: str, met: Walk) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return sorted(items, key=lambda item: item.name)
    except OSError as error:
        met.gaps.append(
            Gap(path=prefix.rstrip("/"), reason=GapReason.UNREADABLE, detail=error.strerror or "")
        )
        return []


def _meet(item: os.DirEntry[str], path: str, root: Path, met: Walk) -> None:
    if item.is_symlink():
        met.gaps.append(_link(Path(item.path), path, root))
        return
    try:
        status = item.stat(follow_symlinks=False)
    except OSError as error:
        met.gaps.append(Gap(path=path, reason=GapReason.UNREADABLE, detail=error.strerror or ""))
        return
    if not stat.S_ISREG(status.st_mode):
        met.gaps.append(Gap(path=path, reason=GapReason.SPECIAL_FILE, detail="not opened"))
        return
    met.entries.append(_entry(Path(item.path), path, status))


def _link(link: Path, path: str, root: Path) -> Gap:
    try:
        target = str(link.readlink())
        if "annex/objects/" in target:
            return Gap(path=path, reason=GapReason.NOT_HERE, detail="git-annex keeps the bytes elsewhere")
        resolved = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return Gap(path=path, reason=GapReason.LINK, detail="the link leads nowhere or in a circle")
    if resolved.is_relative_to(root.resolve()):
        inner = resolved.relative_to(root.resolve()).as_posix()
        return Gap(
            path=path, reason=GapReason.EXCLUDED, detail=f"link to {inner}, looked at there", matters=False
        )
    return Gap(path=path, reason=GapReason.LINK, detail="the target lies outside and was not read")


def _not_entered(item: os.DirEntry[str], path: str, *, depth: int, bounds: Bounds) -> Gap | None:
    if item.name in _TOOL_FOLDERS:
        return Gap(path=path, reason=GapReason.EXCLUDED, detail=_TOOL_FOLDERS[item.name], matters=False)
    if os.path.isfile(f"{item.path}/pyvenv.cfg"):  # noqa: PTH113 - Path.is_file raises for a closed folder
        return Gap(path=path, reason=GapReason.EXCLUDED, detail="virtual environment", matters=False)
    if depth + 1 > bounds.max_depth:
        return Gap(path=path, reason=GapReason.TOO_DEEP, detail=f"more than {bounds.max_depth} folders deep")
    return None


def excluded(path: str, exclude: Sequence[Exclusion]) -> Gap | None:
    """The gap of a path that the declaration leaves out, with reason and owner; None when it does not."""
    for entry in exclude:
        if matches(entry.path, path):
            detail = f"{entry.reason} ({entry.owner})"
            return Gap(path=path, reason=GapReason.EXCLUDED, detail=detail, matters=False)
    return None


def readable(name: str) -> str:
    """A name as text: bytes that are no UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _entry(file: Path, path: str, status: os.stat_result) -> Entry:
    # ctime cannot be set by an unprivileged writer, so a file changed behind our back shows.
    numbers = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return Entry(
        path=path,
        file=file,
        size=status.st_size,
        identity=":".join(map(str, numbers)),
        changed_ns=max(status.st_mtime_ns, status.st_ctime_ns),
    )


def _sorted(met: Walk) -> Walk:
    met.entries.sort(key=lambda entry: entry.path)
    met.gaps.sort(key=lambda gap: gap.path)
    return met

"""Meets every file of a folder once, in bounds, without following links.

Rules of the walk, each with a test:

1. Files come out sorted by path, so that two runs on one folder agree.
2. Links are never followed. One that leads outside, or nowhere, is a gap; one that leads inside is named.
3. Devices, sockets and pipes are gaps; they are not opened.
4. Folders of tools (`.git`, virtual environments, `node_modules`, caches) are not entered, and named. A name alone makes
   none: an environment has an interpreter, `node_modules` has a manifest above it. Program text in them that no tool
   writes there may hide a part of the system.
5. A bound that is reached (count, depth) is a gap; nothing beyond it is dropped in silence.
6. What a person excluded is named and not read. Whether a product file lies in it is told by the names in it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole, Gap, GapReason
from keelmark.engine.exclusions import exclusion_of
from keelmark.engine.roles import role_of
from keelmark.engine.surroundings import ALONE, Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence  # noqa: TC004 - nobody reads annotations of the walk at run time

    from keelmark.core.declaration import Exclusion  # noqa: TC004 - as above

__all__ = ["Bounds", "Entry", "Walk", "entry_of", "excluded", "readable", "walk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the walk."""

    max_files: int = 200_000
    max_depth: int = 64


_CACHE = "tool cache"
_NODE = "node_modules"
_RECORDS = frozenset({".git", ".hg", ".svn", ".keelmark"})
_PROGRAM_TEXT = frozenset({
    "cjs", "cs", "go", "ipynb", "java", "js", "jsx", "kt", "mjs", "php", "py", "pyw", "rb", "rs", "scala", "swift", "ts", "tsx",
})  # fmt: skip
# Folders that hold no part of the project: what tools installed, built or remembered.
_TOOL_FOLDERS = {
    ".git": "version control data",
    ".hg": "version control data",
    ".svn": "version control data",
    ".keelmark": "Keelmark's own records",
    _NODE: "installed packages",
    "__pycache__": "compiled bytecode",
    ".mypy_cache": _CACHE,
    ".ruff_cache": _CACHE,
    ".pytest_cache": _CACHE,
    ".hypothesis": _CACHE,
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
        around: What lies around it, where whoever walks wants to know.
    """

    path: str
    file: Path
    size: int
    identity: str
    changed_ns: int = 0
    around: Surroundings = ALONE


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
    met = Walk()
    os.scandir(root).close()  # The caller hears at once when the folder itself cannot be listed.
    for found in _below(root, "", _Course(root=root, exclude=exclude, bounds=bounds or Bounds())):
        if isinstance(found, Entry):
            met.entries.append(found)
        else:
            met.gaps.append(found)
    met.entries.sort(key=lambda entry: entry.path)
    met.gaps.sort(key=lambda gap: gap.path)
    return met


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    root: Path
    exclude: Sequence[Exclusion]
    bounds: Bounds


def _below(start: Path, name: str, course: _Course) -> Iterator[Entry | Gap]:
    count = 0
    pending: list[tuple[Path, str]] = [(start, name)]
    while pending:
        folder, place = pending.pop()
        listed = _listed(folder, place)
        if isinstance(listed, Gap):
            yield listed
            continue
        for item in listed:
            path = f"{place}/{readable(item.name)}" if place else readable(item.name)
            if left_out := excluded(Path(item.path), path, root=course.root, exclude=course.exclude):
                yield left_out
            elif item.is_dir(follow_symlinks=False):
                if gap := _not_entered(item.path, path, bounds=course.bounds):
                    yield gap
                else:
                    pending.append((Path(item.path), path))
            elif count >= course.bounds.max_files:
                detail = f"only {course.bounds.max_files} files are read"
                yield Gap(path=path, reason=GapReason.TOO_MANY, detail=detail)
                return
            else:
                found = _meet(Path(item.path), path, course.root)
                count += isinstance(found, Entry)
                yield found


def entry_of(file: Path, path: str) -> Entry | Gap:
    """One file by name: an entry, or the gap that says why it is none."""
    try:
        status = os.lstat(file)
    except OSError as error:
        return Gap(path=path, reason=GapReason.UNREADABLE, detail=error.strerror or "")
    if not stat.S_ISREG(status.st_mode):
        return Gap(path=path, reason=GapReason.SPECIAL_FILE)
    return _entry(file, path, status)


def _listed(folder: Path, place: str) -> list[os.DirEntry[str]] | Gap:
    try:
        with os.scandir(folder) as items:
            return sorted(items, key=lambda item: item.name)
    except OSError as error:
        return Gap(path=place, reason=GapReason.UNREADABLE, detail=error.strerror or "")


def _meet(file: Path, path: str, root: Path) -> Entry | Gap:
    try:
        status = os.lstat(file)
    except OSError as error:
        return Gap(path=path, reason=GapReason.UNREADABLE, detail=error.strerror or "")
    if stat.S_ISLNK(status.st_mode):
        return _link(file, path, root)
    if not stat.S_ISREG(status.st_mode):
        return Gap(path=path, reason=GapReason.SPECIAL_FILE, detail="not opened")
    return _entry(file, path, status)


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


def _not_entered(folder: str, path: str, *, bounds: Bounds) -> Gap | None:
    name, depth = path.rpartition("/")[2], path.count("/") + 1
    what = _TOOL_FOLDERS.get(name, "")
    if name == _NODE and not _has_manifest(folder, path):
        what = ""
    if not what and _is_environment(folder):
        what = "virtual environment"
    if what:
        # Version control and our own records are written by programs alone.
        own = name in _RECORDS
        return Gap(
            path=path,
            reason=GapReason.EXCLUDED,
            detail=what,
            matters=False,
            may_hide=not own and _holds_program_text(folder, is_deep=what == _CACHE),
        )
    if depth > bounds.max_depth:
        return Gap(path=path, reason=GapReason.TOO_DEEP, detail=f"more than {bounds.max_depth} folders deep")
    return None


def _has_manifest(folder: str, path: str) -> bool:
    """Whether a package manifest lies beside a folder or above it, within the walked folder."""
    place = Path(folder).parent
    for _ in range(path.count("/") + 1):
        if os.path.isfile(place / "package.json"):  # noqa: PTH113 - Path.is_file raises for a closed folder
            return True
        place = place.parent
    return False


def _is_environment(folder: str) -> bool:
    """Whether a folder is a virtual environment: its mark, an interpreter, and a place for packages."""
    if not os.path.isfile(f"{folder}/pyvenv.cfg"):  # noqa: PTH113 - Path.is_file raises for a closed folder
        return False
    programs = ("bin/python", "bin/python3", "Scripts/python.exe", "Scripts/python")
    # Links to an interpreter that is gone are those of an environment all the same.
    if not any(os.path.lexists(f"{folder}/{program}") for program in programs):
        return False
    names = _names(f"{folder}/lib") or _names(f"{folder}/lib64")
    places = [f"lib/{name}/site-packages" for name in names if name.startswith(("python", "pypy"))]
    return any(os.path.isdir(f"{folder}/{place}") for place in (*places, "Lib/site-packages"))  # noqa: PTH112


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are all that is asked for
    except OSError:
        return []


def _holds_program_text(folder: str, *, is_deep: bool) -> bool:
    """Whether program text lies directly in the folder of a tool, or one level below in that of a cache."""
    names = _names(folder)
    if any(_is_program_text(name) for name in names):
        return True
    return is_deep and any(_is_program_text(inner) for name in names for inner in _names(f"{folder}/{name}"))


def _is_program_text(name: str) -> bool:
    stem, dot, suffix = name.rpartition(".")
    return bool(stem and dot) and suffix.lower() in _PROGRAM_TEXT and not stem.endswith("-checkpoint")


def excluded(place: Path, path: str, *, root: Path, exclude: Sequence[Exclusion]) -> Gap | None:
    """The gap of a path that the declaration leaves out, with reason and owner; None when it does not.

    Args:
        place: Where it lies.
        path: Its path relative to the folder.
        root: The folder, to tell links that leave it.
        exclude: The exclusions in force.
    """
    entry = exclusion_of(path, exclude)
    if entry is None:
        return None
    return Gap(
        path=path,
        reason=GapReason.EXCLUDED,
        detail=f"{entry.reason} ({entry.owner})",
        matters=False,
        may_hide=_holds_product(place, path, root),
    )


def _holds_product(place: Path, path: str, root: Path) -> bool:
    """Whether a product file with content lies at a path, or something that cannot be told; names alone are read."""
    course = _Course(root=root, exclude=(), bounds=Bounds())
    if not os.path.isdir(place) or place.is_symlink():  # noqa: PTH112 - Path.is_dir raises for a closed folder
        return _is_product(_meet(place, path, root))
    gap = _not_entered(os.fspath(place), path, bounds=course.bounds)
    return _is_product(gap) if gap else any(map(_is_product, _below(place, path, course)))


def _is_product(found: Entry | Gap) -> bool:
    # The role is told by each file's own path: a folder may be called like a test and hold none.
    if isinstance(found, Entry):
        return found.size > 0 and role_of(found.path) is FileRole.PRODUCT
    if found.reason is GapReason.TOO_MANY:
        return True
    # What cannot be listed is judged as a folder: by those it lies in.
    is_closed = found.reason in {GapReason.TOO_DEEP, GapReason.UNREADABLE}
    path = f"{found.path}/any" if is_closed else found.path
    return (found.matters or found.may_hide) and role_of(path) is FileRole.PRODUCT


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

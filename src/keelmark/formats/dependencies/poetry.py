"""The dependency tables of Poetry, which Pipfile shares: names to ranges or to tables of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from keelmark.core.facts import Requirement, RequirementSource
from keelmark.formats.dependencies.addresses import address
from keelmark.formats.dependencies.limits import mapping, texts
from keelmark.formats.dependencies.pep508 import folded, poetry_version

if TYPE_CHECKING:
    from keelmark.formats.dependencies.toml_lines import Lines

__all__ = ["keyed_requirements", "poetry_groups"]


def poetry_groups(poetry: dict[str, Any], lines: Lines) -> list[Requirement]:
    """All requirements of `[tool.poetry]`: main, development, and named groups."""
    found = keyed_requirements(poetry.get("dependencies"), lines, "tool", "poetry", "dependencies", group="")
    found += keyed_requirements(
        poetry.get("dev-dependencies"), lines, "tool", "poetry", "dev-dependencies", group="dev"
    )
    for name, group in mapping(poetry, "group").items():
        path = ("tool", "poetry", "group", name, "dependencies")
        found += keyed_requirements(mapping(group).get("dependencies"), lines, *path, group=name)
    return found


def keyed_requirements(table: object, lines: Lines, *path: str, group: str) -> list[Requirement]:
    """Requirements of a table that maps names to ranges, tables, or lists of tables."""
    found: list[Requirement] = []
    for name, value in mapping(table).items():
        if name.lower() == "python":
            continue
        line = lines.of(*path, name)
        entries = value if isinstance(value, list) else [value]
        found += [
            _requirement(name, entry, line=line, group=group, table=".".join(path)) for entry in entries
        ]
    return found


def _requirement(name: str, entry: object, *, line: int, group: str, table: str) -> Requirement:
    settings = mapping(entry) or {"version": entry}
    written = settings.get("version")
    specifier = written.strip() if isinstance(written, str) and written.strip() != "*" else ""
    reference, source, is_hashed, is_immutable = "", RequirementSource.INDEX, False, False
    url, revision = _location(settings)
    if url:
        place = address(url, revision=revision)
        reference, source = place.reference, place.source
        is_hashed, is_immutable = place.is_hashed, place.is_immutable
    return Requirement(
        name=canonicalize_name(name),
        line=line,
        specifier=specifier,
        version=poetry_version(specifier),
        source=source,
        reference=reference,
        is_hashed=is_hashed,
        is_immutable=is_immutable,
        group=group or ("optional" if settings.get("optional") is True else ""),
        marker=_marker(settings),
        anchor=folded(f"{name} {specifier or reference}"),
        extras=tuple(sorted(texts(settings.get("extras")))),
        table=table,
    )


def _location(settings: dict[str, Any]) -> tuple[str, str]:
    git = settings.get("git")
    if isinstance(git, str) and git:
        marks = (settings.get(key) for key in ("rev", "ref", "tag", "branch"))
        revision = next((mark for mark in marks if isinstance(mark, str) and mark), "")
        return (git if git.startswith("git") else f"git+{git}"), revision
    for key in ("url", "path", "file"):
        value = settings.get(key)
        if isinstance(value, str) and value:
            return value, ""
    return "", ""


def _marker(settings: dict[str, Any]) -> str:
    # `python`, `platform` and Pipfile's `sys_platform` limit a dependency just as a marker does.
    parts = []
    for key in (
        "markers",
        "python",
        "platform",
        "sys_platform",
        "platform_system",
        "os_name",
        "python_version",
    ):
        value = settings.get(key)
        if isinstance(value, str) and value and value != "*":
            parts.append(value if key == "markers" else f"{key} {value}")
    return " and ".join(parts)

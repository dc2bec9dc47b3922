"""Lock files of Python: `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock.toml`."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Gap, Manifest, Reading, Requirement, RequirementSource
from keelmark.formats.dependencies.addresses import address, cleaned, is_commit, is_default_index
from keelmark.formats.dependencies.limits import malformed, mapping, reading, text_of, texts, toml_table
from keelmark.formats.dependencies.pep508 import normalised
from keelmark.formats.dependencies.toml_lines import table_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from keelmark.formats.source import Source

__all__ = ["READERS", "PythonLockReader"]

_PYLOCK = re2.compile(r"^pylock(\.[A-Za-z0-9_-]+)?\.toml$")
_STRONG = ("sha256", "sha384", "sha512", "blake2b", "blake2s", "sha3_256", "sha3_512")
_LOCAL_SOURCES = ("virtual", "editable", "directory", "path")


class PythonLockReader:
    """Reads the TOML locks of Poetry, uv, PDM and PEP 751."""

    name = "python-locks"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name; each tool fixes the name of its lock."""
        known = source.name in {"poetry.lock", "uv.lock", "pdm.lock"}
        return source.is_text and (known or bool(_PYLOCK.match(source.name)))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read all locked packages.

        Raises:
            ParseError: No TOML.
            LimitExceededError: The file is too long.
        """
        text = text_of(source)
        document = toml_table(text, path=source.path)
        key, read = _FORMATS.get(source.name, ("packages", _pylock))
        listed = document.get(key)
        packages = [mapping(entry) for entry in listed] if isinstance(listed, list) else []
        lines = table_lines(text, key, expected=len(packages))
        manifest = read(document, packages, lines)
        gaps: list[Gap] = []
        if listed is not None and not isinstance(listed, list):
            gaps.append(malformed(source, f"`{key}` is no list of tables"))
        gaps += [
            malformed(source, "locked package without a name", line=line)
            for entry, line in zip(packages, lines, strict=True)
            if not _text(entry.get("name"))
        ]
        return (reading(source, manifest, gaps),)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_strong(digest: str) -> bool:
    return digest.partition(":")[0] in _STRONG


def _all_hashed(files: Iterable[object]) -> bool:
    digests = [_text(mapping(file).get("hash")) for file in files if mapping(file)]
    return bool(digests) and all(_is_strong(digest) for digest in digests)


def _package(entry: dict[str, Any], line: int, *, is_hashed: bool) -> Requirement:
    version = _text(entry.get("version"))
    return Requirement(
        name=normalised(_text(entry.get("name"))),
        line=line,
        specifier=f"=={version}" if version else "",
        version=version,
        is_hashed=is_hashed,
        anchor=f"{_text(entry.get('name'))} {version}".strip()[:200],
    )


def _at(item: Requirement, url: str, *, revision: str = "") -> Requirement:
    place = address(url, revision=revision)
    return replace(
        item,
        source=place.source,
        reference=place.reference,
        is_hashed=item.is_hashed or place.is_hashed,
        is_immutable=place.is_immutable or (item.is_hashed and place.source is RequirementSource.URL),
    )


def _named(items: Iterable[Requirement]) -> tuple[Requirement, ...]:
    return tuple(item for item in items if item.name)


def _poetry(document: dict[str, Any], packages: list[dict[str, Any]], lines: tuple[int, ...]) -> Manifest:
    metadata = mapping(document, "metadata")
    # Before lock version 2 all digests stood together below the metadata.
    older = mapping(metadata, "files")
    found, indexes = [], []
    for entry, line in zip(packages, lines, strict=True):
        files = entry.get("files") or older.get(_text(entry.get("name")))
        item = _package(entry, line, is_hashed=_all_hashed(files if isinstance(files, list) else []))
        source = mapping(entry, "source")
        url, kind = _text(source.get("url")), _text(source.get("type"))
        if kind == "legacy":
            indexes.append(url)
        elif kind == "git":
            revision = _text(source.get("resolved_reference")) or _text(source.get("reference"))
            item = _at(item, f"git+{url}", revision=revision)
        elif url:
            item = _at(item, url)
        found.append(replace(item, group=_poetry_group(entry)))
    return Manifest(
        format="poetry-lock",
        ecosystem="pypi",
        is_lock=True,
        requirements=_named(found),
        runtime=_text(metadata.get("python-versions")),
        indexes=_foreign(indexes),
        digest=_text(metadata.get("content-hash")),
    )


def _poetry_group(entry: dict[str, Any]) -> str:
    groups = texts(entry.get("groups")) or texts(entry.get("category"))
    if not groups or "main" in groups:
        return "optional" if entry.get("optional") is True else ""
    return groups[0]


def _foreign(urls: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cleaned(url) for url in urls if url and not is_default_index(url)))


def _uv(document: dict[str, Any], packages: list[dict[str, Any]], lines: tuple[int, ...]) -> Manifest:
    members = texts(mapping(document, "manifest").get("members"))
    root = next((entry for entry in packages if _is_root(entry)), {})
    groups = _uv_groups(packages, root)
    found, indexes = [], []
    for entry, line in zip(packages, lines, strict=True):
        if entry is root:
            continue
        item = _uv_package(entry, line)
        indexes.append(_text(mapping(entry, "source").get("registry")))
        is_member = _text(entry.get("name")) in members
        found.append(replace(item, group="" if is_member else groups.get(item.name, "")))
    return Manifest(
        format="uv-lock",
        ecosystem="pypi",
        is_lock=True,
        requirements=_named(found),
        name=_text(root.get("name")),
        version=_text(root.get("version")),
        runtime=_text(document.get("requires-python")),
        indexes=_foreign(indexes),
    )


def _is_root(entry: dict[str, Any]) -> bool:
    source = mapping(entry, "source")
    return source.get("virtual") == "." or source.get("editable") == "."


def _uv_package(entry: dict[str, Any], line: int) -> Requirement:
    wheels = entry.get("wheels")
    files = [entry.get("sdist"), *(wheels if isinstance(wheels, list) else [])]
    item = _package(entry, line, is_hashed=_all_hashed(files))
    source = mapping(entry, "source")
    git, url = _text(source.get("git")), _text(source.get("url"))
    if git:
        return _at(item, f"git+{git}")
    if url:
        return _at(item, url)
    local = next((_text(source.get(key)) for key in _LOCAL_SOURCES if key in source), "")
    if local:
        return replace(item, source=RequirementSource.PATH, reference=local, is_immutable=item.is_hashed)
    return item


def _uv_groups(packages: list[dict[str, Any]], root: dict[str, Any]) -> dict[str, str]:
    """The group through which each package comes in; run time first, then extras, then development groups."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for entry in packages:
        by_name.setdefault(_text(entry.get("name")), []).append(entry)
    starts: list[tuple[str, object]] = [("", root.get("dependencies"))]
    starts += list(mapping(root, "optional-dependencies").items())
    starts += list(mapping(root, "dev-dependencies").items())
    groups: dict[str, str] = {}
    for group, dependencies in starts:
        waiting = deque(_edges(dependencies))
        while waiting:
            name = waiting.popleft()
            if name in groups:
                continue
            groups[name] = group
            for entry in by_name.get(name, []):
                # Extras are followed without asking which are wanted: a wider run time is the careful answer.
                tables = [entry.get("dependencies"), *mapping(entry, "optional-dependencies").values()]
                waiting.extend(edge for table in tables for edge in _edges(table))
    return groups


def _edges(dependencies: object) -> list[str]:
    listed = dependencies if isinstance(dependencies, list) else []
    return [_text(mapping(entry).get("name")) for entry in listed]


def _pdm(document: dict[str, Any], packages: list[dict[str, Any]], lines: tuple[int, ...]) -> Manifest:
    metadata = mapping(document, "metadata")
    found = []
    for entry, line in zip(packages, lines, strict=True):
        files = entry.get("files")
        item = _package(entry, line, is_hashed=_all_hashed(files if isinstance(files, list) else []))
        git = _text(entry.get("git"))
        if git:
            item = _at(item, f"git+{git}", revision=_text(entry.get("revision")) or _text(entry.get("ref")))
        elif _text(entry.get("url")) or _text(entry.get("path")):
            item = _at(item, _text(entry.get("url")) or _text(entry.get("path")))
        groups = texts(entry.get("groups"))
        group = "" if not groups or "default" in groups else groups[0]
        found.append(replace(item, group=group, marker=_text(entry.get("marker"))))
    return Manifest(
        format="pdm-lock",
        ecosystem="pypi",
        is_lock=True,
        requirements=_named(found),
        digest=_text(metadata.get("content_hash")),
    )


def _pylock(document: dict[str, Any], packages: list[dict[str, Any]], lines: tuple[int, ...]) -> Manifest:
    found = []
    for entry, line in zip(packages, lines, strict=True):
        wheels = entry.get("wheels")
        files = [entry.get("sdist"), entry.get("archive"), *(wheels if isinstance(wheels, list) else [])]
        hashes = [mapping(file, "hashes") for file in files if mapping(file)]
        is_hashed = bool(hashes) and all(any(name in _STRONG for name in table) for table in hashes)
        item = _package(entry, line, is_hashed=is_hashed)
        vcs, archive = mapping(entry, "vcs"), mapping(entry, "archive")
        directory = _text(mapping(entry, "directory").get("path"))
        if vcs:
            commit = _text(vcs.get("commit-id"))
            item = _at(item, f"git+{_text(vcs.get('url')) or _text(vcs.get('path'))}", revision=commit)
            item = replace(item, is_immutable=is_commit(commit))
        elif archive:
            item = _at(item, _text(archive.get("url")) or _text(archive.get("path")))
        elif directory:
            item = replace(item, source=RequirementSource.PATH, reference=directory)
        found.append(replace(item, marker=_text(entry.get("marker"))))
    return Manifest(
        format="pylock",
        ecosystem="pypi",
        is_lock=True,
        requirements=_named(found),
        runtime=_text(document.get("requires-python")),
        indexes=_foreign(_text(entry.get("index")) for entry in packages),
    )


_FORMATS: dict[
    str, tuple[str, Callable[[dict[str, Any], list[dict[str, Any]], tuple[int, ...]], Manifest]]
] = {
    "poetry.lock": ("package", _poetry),
    "uv.lock": ("package", _uv),
    "pdm.lock": ("package", _pdm),
}

READERS = (PythonLockReader(),)

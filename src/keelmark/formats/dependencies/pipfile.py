"""Pipenv: `Pipfile` and `Pipfile.lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from keelmark.core.facts import Manifest, Reading, Requirement, RequirementSource
from keelmark.formats.dependencies.addresses import address, cleaned, is_default_index
from keelmark.formats.dependencies.json_lines import object_lines
from keelmark.formats.dependencies.limits import json_object, mapping, reading, text_of, texts, toml_table
from keelmark.formats.dependencies.pep508 import poetry_version
from keelmark.formats.dependencies.poetry import keyed_requirements
from keelmark.formats.dependencies.toml_lines import lines_of

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READERS", "PipfileReader"]

_SETTINGS = frozenset({"source", "requires", "scripts", "pipenv"})


class PipfileReader:
    """Reads `Pipfile` (TOML) and `Pipfile.lock` (JSON)."""

    name = "pipfile"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name in {"Pipfile", "Pipfile.lock"} and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the manifest or the lock.

        Raises:
            ParseError: Neither TOML nor JSON, as the name promises.
        """
        text = text_of(source)
        read = _lock if source.name.endswith(".lock") else _pipfile
        return (reading(source, read(text, source.path)),)


def _pipfile(text: str, path: str) -> Manifest:
    document = toml_table(text, path=path)
    lines = lines_of(text)
    found: list[Requirement] = []
    for table in document:
        if table not in _SETTINGS:
            group = {"packages": "", "dev-packages": "dev"}.get(table, table)
            found += keyed_requirements(document[table], lines, table, group=group)
    indexes, trusts = _sources(document.get("source"))
    return Manifest(
        format="pipfile",
        ecosystem="pypi",
        is_lock=False,
        requirements=tuple(found),
        runtime=str(mapping(document, "requires").get("python_version", "")),
        indexes=indexes,
        trusts=trusts,
        scripts=tuple(
            (name, command)
            for name, command in mapping(document, "scripts").items()
            if isinstance(command, str)
        ),
    )


def _sources(listed: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    indexes, trusts = [], []
    for entry in listed if isinstance(listed, list) else []:
        url = str(mapping(entry).get("url", ""))
        if url and not is_default_index(url):
            indexes.append(cleaned(url))
        if mapping(entry).get("verify_ssl") is False:
            trusts.append(f"verify_ssl = false ({cleaned(url)})")
    return tuple(indexes), tuple(trusts)


def _lock(text: str, path: str) -> Manifest:
    document = json_object(text, path=path)
    meta = mapping(document, "_meta")
    lines = object_lines(text)
    found: list[Requirement] = []
    for category in document:
        if category != "_meta":
            group = {"default": "", "develop": "dev"}.get(category, category)
            for name, entry in mapping(document, category).items():
                found.append(_locked(name, mapping(entry), line=lines.get(name, 0), group=group))
    indexes, trusts = _sources(meta.get("sources"))
    digest = mapping(meta, "hash").get("sha256")
    return Manifest(
        format="pipfile-lock",
        ecosystem="pypi",
        is_lock=True,
        requirements=tuple(found),
        runtime=str(mapping(meta, "requires").get("python_version", "")),
        indexes=indexes,
        trusts=trusts,
        digest=digest if isinstance(digest, str) else "",
    )


def _locked(name: str, entry: dict[str, Any], *, line: int, group: str) -> Requirement:
    written = str(entry.get("version", ""))
    hashes = texts(entry.get("hashes"))
    url = next((str(entry[key]) for key in ("git", "file", "path") if entry.get(key)), "")
    git = "git" in entry
    place = (
        address(f"git+{url}" if git else url, revision=str(entry.get("ref", "")) if git else "")
        if url
        else None
    )
    return Requirement(
        name=canonicalize_name(name),
        line=line,
        specifier=written,
        version=poetry_version(written),
        source=place.source if place else RequirementSource.INDEX,
        reference=place.reference if place else "",
        is_hashed=bool(hashes) and all(item.startswith("sha256:") for item in hashes),
        is_immutable=place.is_immutable if place else False,
        group=group,
        marker=str(entry.get("markers", "")),
        anchor=f"{name} {written}"[:200],
    )


READERS = (PipfileReader(),)

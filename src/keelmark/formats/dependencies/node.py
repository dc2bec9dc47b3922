"""`package.json`, the manifest of npm, Yarn and pnpm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Manifest, Reading, Requirement, RequirementSource
from keelmark.formats.dependencies.addresses import address, is_commit
from keelmark.formats.dependencies.json_lines import key_lines
from keelmark.formats.dependencies.limits import json_object, mapping, reading, text_of
from keelmark.formats.dependencies.pep508 import folded

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READERS", "PackageJsonReader", "npm_requirement", "override_name"]

_GROUPS = {
    "dependencies": "",
    "devDependencies": "dev",
    "optionalDependencies": "optional",
    "peerDependencies": "peer",
}
_EXACT = re2.compile(r"^[=v]?\s*([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$")
_HOSTED = re2.compile(r"^(github|gitlab|bitbucket|gist):")
_CHILD = re2.compile(r">([@A-Za-z][^>]*(?:>=?[^A-Za-z@>][^>]*)*)$")
_SHORTHAND = re2.compile(r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(#.*)?$")


class PackageJsonReader:
    """Reads `package.json`."""

    name = "package-json"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name, when it holds an object."""
        return (
            source.name == "package.json"
            and source.is_text
            and source.head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{"
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the tables of dependencies, scripts, engines and licence.

        Raises:
            ParseError: No JSON object.
        """
        text = text_of(source)
        document = json_object(text, path=source.path)
        lines = key_lines(text)
        found = [
            npm_requirement(name, str(spec), line=lines.get((table, name), 0), group=group, table=table)
            for table, group in _GROUPS.items()
            for name, spec in mapping(document, table).items()
        ]
        found += _overrides(document, lines)
        return (reading(source, _manifest(document, found)),)


def _overrides(document: dict[str, Any], lines: dict[tuple[str, ...], int]) -> list[Requirement]:
    # Overrides change what a lock may hold, so a comparison has to know of them.
    tables: dict[tuple[str, ...], dict[str, Any]] = {
        ("overrides",): mapping(document, "overrides"),
        ("resolutions",): mapping(document, "resolutions"),
    }
    tables[("pnpm", "overrides")] = mapping(document, "pnpm", "overrides")
    return [
        npm_requirement(
            override_name(key),
            spec if isinstance(spec, str) else "",
            line=lines.get((*path, key), 0),
            group="override",
            table=".".join(path),
        )
        for path, table in tables.items()
        for key, spec in table.items()
    ]


def override_name(key: str) -> str:
    """The package that the key of an override speaks of: `**/a/b`, `parent@1>child`, `name@>=1 <2`."""
    child = _CHILD.search(key)
    parts = (child.group(1) if child else key).split("/")
    # A scope belongs to the name; the range behind `@` does not.
    start = next((index for index in range(len(parts) - 1, -1, -1) if parts[index].startswith("@")), None)
    if start is not None and start == len(parts) - 2:
        return f"{parts[-2]}/{parts[-1].partition('@')[0]}"
    return parts[-1].partition("@")[0]


def _manifest(document: dict[str, Any], found: list[Requirement]) -> Manifest:
    licence = document.get("license")
    return Manifest(
        format="package-json",
        ecosystem="npm",
        is_lock=False,
        requirements=tuple(found),
        name=_text(document.get("name")),
        version=_text(document.get("version")),
        licence=_text(licence) or _text(mapping(licence).get("type")),
        runtime=_text(mapping(document, "engines").get("node")),
        scripts=tuple(
            (name, command)
            for name, command in mapping(document, "scripts").items()
            if isinstance(command, str)
        ),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def npm_requirement(name: str, spec: str, *, line: int, group: str, table: str = "") -> Requirement:
    """One entry of a table of dependencies: a range, a tag, an address, a path or an alias."""
    spec = spec.strip()
    source, reference, is_immutable = RequirementSource.INDEX, "", False
    if spec.startswith(("file:", "link:", "portal:", "workspace:", "./", "../", "/", "~/")):
        source, reference = RequirementSource.PATH, spec
    elif spec.startswith(("git+", "git:", "git@", "ssh:")) or _HOSTED.match(spec) or _SHORTHAND.match(spec):
        place = address(spec if spec.startswith("git") else f"git+{spec}")
        source, reference = RequirementSource.VCS, place.reference.removeprefix("git+")
        is_immutable = place.is_immutable or is_commit(spec.rpartition("#")[2])
    elif spec.startswith(("http://", "https://")):
        place = address(spec)
        is_repository = spec.partition("#")[0].endswith(".git")
        source = RequirementSource.VCS if is_repository else RequirementSource.URL
        reference, is_immutable = place.reference, place.is_immutable or is_commit(spec.rpartition("#")[2])
    exact = _EXACT.match(spec)
    return Requirement(
        name=name,
        line=line,
        specifier="" if spec in {"*", "x", "latest"} else spec if source is RequirementSource.INDEX else "",
        version=exact.group(1) if exact else "",
        source=source,
        reference=reference,
        is_immutable=is_immutable,
        group=group,
        anchor=folded(f"{name} {reference or spec}"),
        table=table,
    )


READERS = (PackageJsonReader(),)

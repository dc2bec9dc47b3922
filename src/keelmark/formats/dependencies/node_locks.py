"""Lock files of npm, Yarn and pnpm."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Manifest, Reading, Requirement, RequirementSource
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.dependencies.addresses import address, cleaned, is_commit
from keelmark.formats.dependencies.json_lines import object_lines
from keelmark.formats.dependencies.limits import BOUNDS, json_object, mapping, reading, text_of
from keelmark.formats.dependencies.node import override_name
from keelmark.formats.dependencies.pep508 import folded
from keelmark.formats.yaml_tree import Mapping, Node, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["READERS", "NpmLockReader", "PnpmLockReader", "YarnLockReader"]

_STRONG_INTEGRITY = ("sha256-", "sha384-", "sha512-")
_YARN_FIELD = re2.compile(r'^  ([a-z]+):? +"?([^"]*)"?$')
_PEER_SUFFIX = re2.compile(r"\(.*$")
# Suffixes of peers in the keys of lock version 5: `/react-dom/18.0.0_react@18.0.0`.
_PNPM_KEY = re2.compile(r"^/?(@[^/@]+/[^/@]+|[^/@]+)[/@]([^_(]+)")
_MAX_NESTING = 50
_YAML_BOUNDS = yaml_tree.Bounds(max_bytes=16 * 1024**2, max_nodes=800_000)


def _locked(name: str, version: str, *, line: int, integrity: str = "", group: str = "") -> Requirement:
    return Requirement(
        name=name,
        line=line,
        specifier=version,
        version=version,
        is_hashed=any(part.startswith(_STRONG_INTEGRITY) for part in integrity.split()),
        group=group,
        anchor=folded(f"{name} {version}"),
    )


def _from(item: Requirement, resolved: str) -> Requirement:
    """The same package with the place it was resolved to, when that is no registry."""
    if resolved.startswith(("git+", "git:", "git@", "ssh:")) or "codeload." in resolved:
        commit = resolved.rpartition("#")[2]
        if not is_commit(commit):
            commit = resolved.rpartition("/")[2]
        source, fixed = RequirementSource.VCS, is_commit(commit)
    elif resolved.startswith(("file:", "link:", "portal:", "workspace:")):
        source, fixed = RequirementSource.PATH, item.is_hashed
    else:
        return item
    return replace(
        item, source=source, reference=cleaned(resolved), is_immutable=fixed or address(resolved).is_immutable
    )


class NpmLockReader:
    """Reads `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3."""

    name = "npm-lock"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name in {"package-lock.json", "npm-shrinkwrap.json"} and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read all locked packages.

        Raises:
            ParseError: No JSON object.
            LimitExceededError: Nested too deeply.
        """
        text = text_of(source)
        document = json_object(text, path=source.path)
        lines = object_lines(text)
        packages = mapping(document, "packages")
        listed = _modern(packages, lines) if packages else _older(mapping(document, "dependencies"), lines)
        found = tuple(islice(listed, BOUNDS.max_requirements + 1))
        hosts = (_registry(str(mapping(entry).get("resolved", ""))) for entry in packages.values())
        root = mapping(packages, "")
        manifest = Manifest(
            format="package-lock",
            ecosystem="npm",
            is_lock=True,
            requirements=found,
            name=str(document.get("name", "")),
            version=str(document.get("version", "")),
            licence=str(root.get("license", "")) if isinstance(root.get("license"), str) else "",
            runtime=str(mapping(root, "engines").get("node", "")),
            indexes=tuple(dict.fromkeys(host for host in hosts if host)),
        )
        return (reading(source, manifest),)


def _registry(resolved: str) -> str:
    if not resolved.startswith(("https://", "http://")) or "/-/" not in resolved:
        return ""
    scheme, _, rest = cleaned(resolved).partition("://")
    host = rest.partition("/")[0]
    return "" if host in {"registry.npmjs.org", "registry.yarnpkg.com"} else f"{scheme}://{host}"


def _npm_group(entry: dict[str, Any]) -> str:
    if entry.get("dev") is True or entry.get("devOptional") is True:
        return "dev"
    if entry.get("optional") is True:
        return "optional"
    return "peer" if entry.get("peer") is True else ""


def _modern(packages: dict[str, Any], lines: dict[str, int]) -> Iterator[Requirement]:
    for path, value in packages.items():
        entry = mapping(value)
        if "node_modules/" not in path:
            continue  # The root and the members of a workspace are the project itself.
        name = (
            entry.get("name") if isinstance(entry.get("name"), str) else path.rpartition("node_modules/")[2]
        )
        resolved = str(entry.get("resolved", ""))
        version = str(entry.get("version", ""))
        item = _locked(
            str(name),
            version,
            line=lines.get(path, 0),
            integrity=str(entry.get("integrity", "")),
            group=_npm_group(entry),
        )
        if entry.get("link") is True:
            item = replace(item, source=RequirementSource.PATH, reference=resolved, is_immutable=True)
        yield replace(_from(item, resolved), table=path)


def _older(
    dependencies: dict[str, Any], lines: dict[str, int], *, depth: int = 0, parent: str = ""
) -> Iterator[Requirement]:
    if depth > _MAX_NESTING:
        raise LimitExceededError(f"packages are nested deeper than {_MAX_NESTING}")
    for name, value in dependencies.items():
        entry = mapping(value)
        version = str(entry.get("version", ""))
        line = lines.get(name, 0)
        path = f"{parent}node_modules/{name}"
        item = _locked(
            name, version, line=line, integrity=str(entry.get("integrity", "")), group=_npm_group(entry)
        )
        if ":" in version:
            item = _from(replace(item, version="", specifier=""), version)
        yield replace(item, table=path)
        yield from _older(mapping(entry, "dependencies"), lines, depth=depth + 1, parent=f"{path}/")


class YarnLockReader:
    """Reads `yarn.lock`: the own format of version 1, and the YAML of later ones."""

    name = "yarn-lock"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name == "yarn.lock" and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read all locked packages.

        Raises:
            ParseError: The YAML of a later version is none.
            LimitExceededError: A bound was reached.
        """
        text = text_of(source)
        found = _berry(text, source.path) if "\n__metadata:" in f"\n{text[:4096]}" else _classic(text)
        bounded = tuple(islice(found, BOUNDS.max_requirements + 1))
        manifest = Manifest(format="yarn-lock", ecosystem="npm", is_lock=True, requirements=bounded)
        return (reading(source, manifest),)


def _classic(text: str) -> Iterator[Requirement]:
    keys, start, fields = "", 0, dict[str, str]()
    for number, line in enumerate(f"{text}\n#".split("\n"), 1):
        match = _YARN_FIELD.match(line) if len(line) <= BOUNDS.max_entry_chars else None
        if match:
            fields.setdefault(match.group(1), match.group(2))
        elif line[:1] not in {"", " "}:
            if keys:
                yield _yarn_entry(keys, fields, line=start)
            keys, start, fields = ("" if line.startswith("#") else line), number, {}


def _yarn_entry(keys: str, fields: dict[str, str], *, line: int) -> Requirement:
    patterns = [key.strip().strip('"') for key in keys.rstrip(":").split(",")]
    name, spec = _split(patterns[0])
    if spec.startswith("npm:"):
        name = _split(spec[4:])[0] or name
    item = _locked(name, fields.get("version", ""), line=line, integrity=fields.get("integrity", ""))
    resolved = fields.get("resolved", "")
    # Version 1 wrote the SHA-1 of the archive behind `#`; that is no digest to rely on.
    item = _from(item, resolved)
    return replace(item, table=", ".join(patterns)[: BOUNDS.max_entry_chars])


def _split(pattern: str) -> tuple[str, str]:
    name, _, spec = pattern[1:].partition("@")
    return pattern[:1] + name, spec


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _document(text: str, path: str) -> Mapping:
    root = yaml_tree.parse(text, path=path, bounds=_YAML_BOUNDS)
    if not isinstance(root, Mapping):
        raise ParseError("mapping expected", path=path)
    return root


def _berry(text: str, path: str) -> Iterator[Requirement]:
    root = _document(text, path)
    for key, entry in root.entries.items():
        if key == "__metadata":
            continue
        resolution = _text(entry.child("resolution")) or key.partition(",")[0]
        name, spec = _split(resolution)
        version = _text(entry.child("version"))
        item = _locked(name, version, line=root.key_lines.get(key, entry.line))
        # The checksum of Berry is SHA-512 with the key of its cache before it.
        item = replace(item, is_hashed=len(_text(entry.child("checksum")).rpartition("/")[2]) == 128)
        if not spec.startswith("npm:"):
            item = _from(item, spec)
        yield replace(item, table=key[: BOUNDS.max_entry_chars])


class PnpmLockReader:
    """Reads `pnpm-lock.yaml`, lock versions 5 to 9."""

    name = "pnpm-lock"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name in {"pnpm-lock.yaml", "pnpm-lock.yml"} and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read all locked packages.

        Raises:
            ParseError: No YAML mapping.
            LimitExceededError: A bound was reached.
        """
        root = _document(text_of(source), source.path)
        packages = root.child("packages")
        found = []
        if isinstance(packages, Mapping):
            for key, entry in packages.entries.items():
                found.append(_pnpm(key, entry, line=packages.key_lines.get(key, entry.line)))
        # What was overridden when the lock was made may no longer fit the ranges of the manifest.
        overrides = root.child("overrides")
        if isinstance(overrides, Mapping):
            found += [
                Requirement(
                    name=override_name(name),
                    line=line,
                    group="override",
                    specifier=_text(overrides.child(name)),
                )
                for name, line in overrides.key_lines.items()
            ]
        manifest = Manifest(format="pnpm-lock", ecosystem="npm", is_lock=True, requirements=tuple(found))
        return (reading(source, manifest),)


def _pnpm(key: str, entry: Node, *, line: int) -> Requirement:
    match = _PNPM_KEY.match(_PEER_SUFFIX.sub("", key))
    name = _text(entry.child("name")) or (match.group(1) if match else key)
    written = match.group(2) if match else ""
    version = _text(entry.child("version")) or (written if written[:1].isdigit() else "")
    integrity = _text(entry.find("resolution", "integrity"))
    group = "dev" if _text(entry.child("dev")) == "true" else ""
    item = _locked(name, version, line=line, integrity=integrity, group=group)
    place = _text(entry.find("resolution", "tarball")) or _text(entry.find("resolution", "repo"))
    commit = _text(entry.find("resolution", "commit"))
    if commit:
        reference = f"{cleaned(place)}#{commit}"
        return replace(
            item, source=RequirementSource.VCS, reference=reference, is_immutable=is_commit(commit)
        )
    directory = _text(entry.find("resolution", "directory"))
    if directory:
        return replace(item, source=RequirementSource.PATH, reference=directory)
    return _from(item, place)


READERS = (NpmLockReader(), YarnLockReader(), PnpmLockReader())

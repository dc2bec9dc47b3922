"""Conda: `environment.yml`, `conda-lock.yml` and explicit lists of package archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, Manifest, Reading, Requirement, RequirementSource
from keelmark.errors import ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.dependencies.addresses import cleaned
from keelmark.formats.dependencies.limits import BOUNDS, malformed, reading, text_of
from keelmark.formats.dependencies.pep508 import folded, normalised, parse
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READERS", "CondaReader"]

_ENVIRONMENT = re2.compile(r"(?i)^(.*[-_.])?(environment|conda|env)([-_.].*)?\.ya?ml$")
_LOCK = re2.compile(r"(?i)^(.*\.)?conda-lock\.ya?ml$")
_DEPENDENCIES = bytes_pattern(rb"(?m)^dependencies:\s*(#.*)?$")
_CHANNELS = bytes_pattern(rb"(?m)^(channels|name|prefix):|^\s+- (python|pip|conda)\b")
_SPEC = re2.compile(r"^(?:(\S+)::)?([A-Za-z0-9_][A-Za-z0-9._-]*)\s*(.*)$")
_EXACT = re2.compile(r"^==\s*([0-9][^\s,|*=]*)$|^=?([0-9][^\s,|*=<>!~]*)=[^\s,|*=<>!~]+$")
_EXPLICIT_URL = re2.compile(
    r"^(\S+/)([A-Za-z0-9_][A-Za-z0-9._-]*)-([^-/]+)-([^-/]+)\.(?:conda|tar\.bz2)(#\S+)?$"
)
_DEFAULT_CHANNELS = frozenset({"defaults", "conda-forge", "nodefaults", "main"})


class CondaReader:
    """Reads Conda environments and their locks."""

    name = "conda"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Locks by name, environments by name and their `dependencies` list, explicit lists by `@EXPLICIT`."""
        if not source.is_text:
            return False
        if source.suffix in {".txt", ".lock"}:
            return b"\n@EXPLICIT" in b"\n" + source.head[:4096]
        if _LOCK.match(source.name):
            return True
        is_named = bool(_ENVIRONMENT.match(source.name))
        return is_named and bool(_DEPENDENCIES.search(source.head)) and bool(_CHANNELS.search(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the file; packages from PyPI make a reading of their own, because their ecosystem differs.

        Raises:
            ParseError: No YAML where it was promised.
            LimitExceededError: A bound was reached.
        """
        text = text_of(source)
        if source.suffix in {".txt", ".lock"}:
            return (_explicit(source, text),)
        root = yaml_tree.parse(text, path=source.path)
        if not isinstance(root, Mapping):
            raise ParseError("mapping expected", path=source.path)
        return _lock(source, root) if _LOCK.match(source.name) else _environment(source, root)


def _words(node: Node | None) -> tuple[Scalar, ...]:
    if not isinstance(node, Sequence):
        return ()
    return tuple(item for item in node.items if isinstance(item, Scalar))


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""


def _environment(source: Source, root: Mapping) -> tuple[Reading, ...]:
    listed = root.child("dependencies")
    found: list[Requirement] = []
    gaps: list[Gap] = []
    python: list[Requirement] = []
    for item in listed.items if isinstance(listed, Sequence) else ():
        if isinstance(item, Scalar):
            spec = _spec(item)
            if spec is None:
                gaps.append(malformed(source, f"no package: `{folded(item.text)}`", line=item.line))
            else:
                found.append(spec)
        elif isinstance(item, Mapping):
            python += _pip_section(source, item.child("pip"), gaps)
    runtime = next((item.specifier for item in found if item.name == "python"), "")
    channels = [cleaned(item.text) for item in _words(root.child("channels"))]
    manifest = Manifest(
        format="conda",
        ecosystem="conda",
        is_lock=False,
        requirements=tuple(found),
        name=_text(root.child("name")),
        runtime=runtime,
        indexes=tuple(dict.fromkeys(name for name in channels if name not in _DEFAULT_CHANNELS)),
    )
    own = reading(source, manifest, gaps)
    if not python:
        return (own,)
    pip = Manifest(format="conda", ecosystem="pypi", is_lock=False, requirements=tuple(python))
    return (own, reading(source, pip))


def _pip_section(source: Source, node: Node | None, gaps: list[Gap]) -> list[Requirement]:
    found = []
    for item in _words(node):
        if item.text.startswith("-"):
            continue  # Options and `-r` lines name no package.
        try:
            found.append(parse(item.text, line=item.line, table="dependencies.pip"))
        except ParseError as error:
            gaps.append(malformed(source, error.message, line=item.line))
    return found


def _spec(item: Scalar) -> Requirement | None:
    match = _SPEC.match(item.text.strip()) if len(item.text) <= BOUNDS.max_entry_chars else None
    if match is None:
        return None
    specifier = match.group(3).strip()
    exact = _EXACT.match(specifier)
    return Requirement(
        name=match.group(2).lower(),
        line=item.line,
        specifier=specifier,
        # `=1.2` means 1.2.*; only `==` or a build string fixes one version.
        version=(exact.group(1) or exact.group(2)) if exact else "",
        anchor=folded(item.text),
        table="dependencies",
    )


def _lock(source: Source, root: Mapping) -> tuple[Reading, ...]:
    found: dict[str, dict[tuple[str, str], Requirement]] = {"conda": {}, "pypi": {}}
    listed = root.child("package")
    for item in listed.items if isinstance(listed, Sequence) else ():
        name, version = _text(item.child("name")), _text(item.child("version"))
        if not name:
            continue
        kind = "pypi" if _text(item.child("manager")) == "pip" else "conda"
        digest = _text(item.find("hash", "sha256"))
        category = _text(item.child("category"))
        requirement = Requirement(
            name=normalised(name) if kind == "pypi" else name.lower(),
            line=item.line,
            specifier=f"=={version}",
            version=version,
            is_hashed=bool(digest),
            group="" if category == "main" else category,
            anchor=folded(f"{name} {version}"),
        )
        # Each platform has an entry of its own for the same package.
        found[kind].setdefault((requirement.name, version), requirement)
    return tuple(
        reading(
            source,
            Manifest(
                format="conda-lock", ecosystem=kind, is_lock=True, requirements=tuple(requirements.values())
            ),
        )
        for kind, requirements in found.items()
        if requirements or kind == "conda"
    )


def _explicit(source: Source, text: str) -> Reading:
    found: list[Requirement] = []
    gaps: list[Gap] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith(("#", "@")):
            continue
        match = _EXPLICIT_URL.match(line)
        if match is None:
            gaps.append(malformed(source, f"no package archive: `{folded(cleaned(line))}`", line=number))
            continue
        fragment = match.group(5) or ""
        found.append(
            Requirement(
                name=match.group(2).lower(),
                line=number,
                specifier=f"=={match.group(3)}",
                version=match.group(3),
                source=RequirementSource.URL,
                reference=cleaned(line),
                # A bare 32-digit fragment is MD5, which can be forged.
                is_hashed=len(fragment.rpartition(":")[2].lstrip("#")) == 64,
                is_immutable=len(fragment.rpartition(":")[2].lstrip("#")) == 64,
                anchor=folded(f"{match.group(2)} {match.group(3)}"),
            )
        )
    manifest = Manifest(format="conda-lock", ecosystem="conda", is_lock=True, requirements=tuple(found))
    return reading(source, manifest, gaps)


READERS = (CondaReader(),)

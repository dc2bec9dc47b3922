"""One Python requirement: PEP 508 text, bare addresses and paths, and the version ranges of Poetry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import re2
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from keelmark.core.facts import Requirement
from keelmark.errors import ParseError
from keelmark.formats.dependencies.addresses import address
from keelmark.formats.dependencies.limits import BOUNDS

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

__all__ = ["exact_version", "folded", "located", "normalised", "parse", "poetry_version"]

_HEAD = re2.compile(r"^\s*[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\])?\s*([^;]*)")
_EGG = re2.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_ARCHIVE = re2.compile(
    r"^([A-Za-z0-9._]+(?:-[A-Za-z_.]+[A-Za-z0-9_.]*)*)-([0-9][A-Za-z0-9.!+_]*)(?:-.*)?\.(?:whl|tar\.gz|zip|tar\.bz2)$"
)
_NAME = re2.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")
_SPACE = re2.compile(r"\s+")


def folded(text: str) -> str:
    """The text with white space folded, at most 200 characters: the anchor of a place."""
    return str(_SPACE.sub(" ", text)).strip()[:200]


def normalised(name: str) -> str:
    """The name as PEP 503 compares it; "" when it is no package name."""
    return canonicalize_name(name) if len(name) <= 256 and _NAME.match(name) else ""


def exact_version(specifiers: SpecifierSet) -> str:
    """The single version that `==` or `===` fixes, "" when a wildcard or range leaves room."""
    for specifier in specifiers:
        if specifier.operator == "===" or (
            specifier.operator == "==" and not specifier.version.endswith(".*")
        ):
            return specifier.version
    return ""


def poetry_version(specifier: str) -> str:
    """The version that a Poetry or Pipfile range fixes: a bare version, or one behind `=`, `==` or `===`."""
    candidate = specifier.strip().lstrip("=").strip()
    try:
        Version(candidate)
    except InvalidVersion:
        return ""
    return candidate


def parse(text: str, *, line: int = 0, group: str = "", table: str = "") -> Requirement:
    """Read a PEP 508 requirement.

    Raises:
        ParseError: It is none.
    """
    if len(text) > BOUNDS.max_entry_chars:
        raise ParseError("requirement is too long", line=line)
    try:
        parsed = Pep508(text)
        marker = str(parsed.marker) if parsed.marker else ""
    except (InvalidRequirement, ValueError, RecursionError) as error:
        raise ParseError(f"no requirement: `{folded(text)}`", line=line) from error
    extras = tuple(sorted(parsed.extras))
    if parsed.url:
        item = located(parsed.name, parsed.url, line=line)
        return replace(item, group=group, table=table, marker=marker, extras=extras)
    head = _HEAD.match(text)
    written = head.group(2).strip() if head else str(parsed.specifier)
    if written.startswith("(") and written.endswith(")"):
        written = written[1:-1].strip()
    return Requirement(
        name=canonicalize_name(parsed.name),
        line=line,
        specifier=written,
        version=exact_version(parsed.specifier),
        group=group,
        marker=marker,
        anchor=folded(text),
        extras=extras,
        table=table,
    )


def located(name: str, url: str, *, line: int = 0, revision: str = "") -> Requirement:
    """A requirement that comes from an address or path; the name is taken from the address when none is given."""
    place = address(url, revision=revision)
    found, version = (name, "") if name else _named(url)
    return Requirement(
        name=normalised(found),
        line=line,
        version=version,
        source=place.source,
        reference=place.reference,
        is_hashed=place.is_hashed,
        is_immutable=place.is_immutable,
        anchor=folded(f"{name} @ {place.reference}" if name else place.reference),
    )


def _named(url: str) -> tuple[str, str]:
    egg = _EGG.search(url)
    if egg:
        return egg.group(1), ""
    file = url.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2]
    archive = _ARCHIVE.match(file)
    if archive:
        return archive.group(1), archive.group(2)
    # A repository is named like its package more often than not; a wrong guess matches nothing in an index of advisories
    # because such a requirement has no version.
    return file.partition("@")[0].removesuffix(".git"), ""

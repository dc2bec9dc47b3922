"""Whether a lock still fits its manifest. Pure; silent whenever it cannot be sure.

What is compared, and why the rest is not:

1. Only a manifest and a lock of one tool chain (`_PAIRS`), and the same project where both name one.
2. A requirement with a marker is left out: a marker that never holds takes the package out of the lock.
3. Groups are compared where the tool is known to lock them: extras and groups for uv, development for Pipenv and npm.
4. A requirement that an override replaces is left out, and so is one that names the project itself.
5. The installers (pip, setuptools) may be absent, and a lock that includes another file is not judged.
6. Versions are compared for packages of an index only, and only when both sides can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from keelmark.core import semver
from keelmark.core.facts import RequirementSource
from keelmark.core.facts.dependency import Requirement
from keelmark.formats.dependencies.specifiers import python_satisfies

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.facts import Manifest

__all__ = ["Contradiction", "ContradictionKind", "lock_contradictions"]


class ContradictionKind(StrEnum):
    """What is wrong between manifest and lock."""

    MISSING = "missing"
    UNSATISFIED = "unsatisfied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A requirement of the manifest that the lock does not keep.

    Attributes:
        kind: The lock lacks the package, or holds only versions outside the range.
        requirement: The requirement as the manifest states it.
        locked: Versions that the lock holds, sorted as text.
    """

    kind: ContradictionKind
    requirement: Requirement
    locked: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One sentence without full stop."""
        item = self.requirement
        if self.kind is ContradictionKind.MISSING:
            return f"`{item.name}` is asked for but not locked"
        return f"`{item.name}` asks for `{item.specifier}`, locked is {', '.join(self.locked)}"


_PAIRS = {
    "poetry-lock": frozenset({"pyproject"}),
    "uv-lock": frozenset({"pyproject"}),
    "pdm-lock": frozenset({"pyproject"}),
    "pylock": frozenset({"pyproject", "requirements"}),
    "requirements": frozenset({"requirements", "pyproject", "setup-cfg", "setup-py"}),
    "pipfile-lock": frozenset({"pipfile"}),
    "package-lock": frozenset({"package-json"}),
    "yarn-lock": frozenset({"package-json"}),
    "pnpm-lock": frozenset({"package-json"}),
}
_NEVER_LOCKED = frozenset({"build-system", "constraint", "override", "peer", "optional"})
# Lock tools leave the installers themselves out unless told otherwise.
_INSTALLERS = frozenset({"pip", "setuptools", "distribute", "wheel"})
# Tables that each tool reads; what stands elsewhere is not its business.
_TABLES = {
    "uv-lock": ("project.", "dependency-groups.", "tool.uv."),
    "poetry-lock": ("project.dependencies", "tool.poetry."),
    "pdm-lock": ("project.dependencies",),
    "pylock": ("project.dependencies", ""),
    "requirements": ("project.dependencies", "install_requires", "options.install_requires", ""),
}


def lock_contradictions(manifest: Manifest, lock: Manifest) -> tuple[Contradiction, ...]:
    """Requirements of a manifest that its lock lacks or breaks; empty when in doubt.

    The caller pairs files of one folder: a lock of another project would contradict everything.
    """
    if not lock.is_lock or manifest.ecosystem != lock.ecosystem or not lock.requirements:
        return ()
    if manifest.format not in _PAIRS.get(lock.format, frozenset()) or not _same_project(manifest, lock):
        return ()
    if lock.includes:
        return ()  # Part of the lock stands in another file.
    locked: dict[str, list[Requirement]] = {}
    for item in lock.requirements:
        locked.setdefault(item.name, []).append(item)
    found = (_contradiction(item, locked.get(item.name, []), lock) for item in _compared(manifest, lock))
    return tuple(item for item in found if item is not None)


def _same_project(manifest: Manifest, lock: Manifest) -> bool:
    if lock.format == "uv-lock":
        # A lock of a workspace speaks for its members; they stand in it as paths.
        members = {item.name for item in lock.requirements if item.source is RequirementSource.PATH}
        return bool(manifest.name) and _key(manifest.name) in {_key(lock.name), *members}
    if lock.format == "package-lock" and manifest.name and lock.name:
        return manifest.name == lock.name
    return True


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _compared(manifest: Manifest, lock: Manifest) -> list[Requirement]:
    both = (*manifest.requirements, *lock.requirements)
    overridden = {item.name for item in both if item.group == "override"}
    overridden |= {item.name for item in manifest.requirements if item.group == "optional"}
    several = _asked_differently(manifest)
    tables = _TABLES.get(lock.format, ("",))
    has_poetry = any(item.table.startswith("tool.poetry.dependencies") for item in manifest.requirements)
    kept = []
    for item in manifest.requirements:
        if (
            item.marker
            or not item.name
            or item.name in overridden | several
            or item.name == _key(manifest.name)
        ):
            continue
        if item.group in _NEVER_LOCKED or not item.table.startswith(tables):
            continue
        if lock.format == "poetry-lock" and has_poetry and item.table.startswith("project."):
            continue  # Poetry before version 2 did not read this table.
        if item.group and not _locks_groups(item, lock):
            continue
        kept.append(item)
    return kept


def _asked_differently(manifest: Manifest) -> set[str]:
    """Names asked for twice with different words: which one counts depends on the environment."""
    seen: dict[str, tuple[str, str]] = {}
    several: set[str] = set()
    for item in manifest.requirements:
        if item.group in _NEVER_LOCKED:
            continue
        words = (item.specifier, item.marker)
        if seen.setdefault(item.name, words) != words:
            several.add(item.name)
    return several


def _locks_groups(item: Requirement, lock: Manifest) -> bool:
    if lock.format == "uv-lock":
        return True
    if lock.format == "poetry-lock":
        return item.table.startswith("tool.poetry.")
    return item.group == "dev" and lock.format in {"pipfile-lock", "package-lock", "yarn-lock", "pnpm-lock"}


def _contradiction(item: Requirement, locked: list[Requirement], lock: Manifest) -> Contradiction | None:
    if not locked:
        if lock.ecosystem == "pypi" and item.name in _INSTALLERS:
            return None
        is_plain = item.source is RequirementSource.INDEX and not _is_alias(item)
        if not is_plain:
            return None  # Names of addresses are guesses, and paths may be members of a workspace.
        return Contradiction(kind=ContradictionKind.MISSING, requirement=item)
    if item.source is not RequirementSource.INDEX or _is_alias(item) or not item.specifier:
        return None
    satisfies: Callable[[str, str], bool | None]
    satisfies = semver.satisfies if lock.ecosystem == "npm" else python_satisfies
    relevant = _direct(item, locked, lock)
    if any(one.source is not RequirementSource.INDEX or not one.version for one in relevant):
        return None
    answers = [satisfies(one.version, item.specifier) for one in relevant]
    if not answers or any(answer is not False for answer in answers):
        return None
    versions = tuple(sorted({one.version for one in relevant}))
    return Contradiction(kind=ContradictionKind.UNSATISFIED, requirement=item, locked=versions)


def _direct(item: Requirement, locked: list[Requirement], lock: Manifest) -> list[Requirement]:
    """For npm the package that the project itself sees: the one at the top of `node_modules`."""
    if lock.format != "package-lock":
        return locked
    return [one for one in locked if one.table == f"node_modules/{item.name}"] or locked


def _is_alias(item: Requirement) -> bool:
    return item.specifier.startswith(("npm:", "catalog:", "jsr:", "patch:", "$"))

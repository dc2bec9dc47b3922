"""What the rules about dependencies share: manifests of the product, the locks that cover them, libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole, RequirementSource

if TYPE_CHECKING:
    from keelmark.core.facts import Manifest, Requirement
    from keelmark.core.project import Project, Seen

__all__ = [
    "DEVELOPMENT",
    "covering_locks",
    "floats",
    "folder_of",
    "installed",
    "is_library",
    "is_lockable",
    "lock_names",
    "product_locks",
    "product_manifests",
]

DEVELOPMENT = frozenset({"build-system", "dev", "doc", "docs", "lint", "test", "tests", "typing"})
"""Groups of packages that are not part of what is shipped."""

# Files that ask for packages but are not where a lock would stand: what they describe is locked elsewhere, if at all.
_UNLOCKABLE = frozenset({"go-mod", "pom", "gradle", "setup-py", "setup-cfg"})
_NOT_INSTALLED = frozenset({"build-system", "constraint", "override", "peer"})
_LEFT_OUT = frozenset({FileRole.TEST, FileRole.EXAMPLE, FileRole.DOCUMENTATION, FileRole.VENDORED})
_LOCKS = {
    "pypi": "uv.lock, poetry.lock, pdm.lock, pylock.toml or a compiled requirements.txt with hashes",
    "npm": "package-lock.json, pnpm-lock.yaml or yarn.lock",
    "conda": "conda-lock.yml",
    "crates.io": "Cargo.lock",
}


def folder_of(path: str) -> str:
    """The folder of a path, "" for the top."""
    return path.rpartition("/")[0]


def installed(manifest: Manifest) -> tuple[Requirement, ...]:
    """Requirements that are installed because of the manifest."""
    return tuple(item for item in manifest.requirements if item.group not in _NOT_INSTALLED and item.name)


def product_manifests(project: Project) -> tuple[Seen[Manifest], ...]:
    """Manifests of the product that ask for packages; locks and constraints are not among them."""
    return tuple(
        seen
        for seen in project.manifests
        if not seen.fact.is_lock and seen.file.role not in _LEFT_OUT and installed(seen.fact)
    )


def product_locks(project: Project) -> tuple[Seen[Manifest], ...]:
    """Locks of the product."""
    return tuple(seen for seen in project.manifests if seen.fact.is_lock and seen.file.role not in _LEFT_OUT)


def covering_locks(project: Project, manifest: Seen[Manifest]) -> tuple[Seen[Manifest], ...]:
    """Locks of the same ecosystem in the folder of a manifest or above it: a workspace has one lock at its top."""
    folder = folder_of(manifest.file.path)
    return tuple(
        lock
        for lock in product_locks(project)
        if lock.fact.ecosystem == manifest.fact.ecosystem
        and (
            folder == folder_of(lock.file.path)
            or not folder_of(lock.file.path)
            or folder.startswith(f"{folder_of(lock.file.path)}/")
        )
    )


def is_library(project: Project, manifest: Seen[Manifest]) -> bool:
    """Whether a manifest publishes a package for others to install and nothing in the folder serves anybody."""
    fact = manifest.fact
    # A requirements file beside the project file of a package is the list of that package.
    beside = [
        other.fact
        for other in project.manifests
        if not other.fact.is_lock and folder_of(other.file.path) == folder_of(manifest.file.path)
    ]
    published = [other for other in (fact, *beside) if other.name and _builds(other)]
    serves = any(seen.is_product for seen in project.routes) or any(
        reading.services or reading.container
        for file, reading in project.readings
        if file.role not in _LEFT_OUT
    )
    return bool(published) and fact.ecosystem == "pypi" and not serves


def _builds(manifest: Manifest) -> bool:
    return manifest.format in {"setup-cfg", "setup-py"} or any(
        item.group == "build-system" for item in manifest.requirements
    )


def lock_names(ecosystem: str) -> str:
    """The locks that an ecosystem knows, in words."""
    return _LOCKS.get(ecosystem, "the lock of its package manager")


def is_lockable(manifest: Seen[Manifest]) -> bool:
    """Whether a lock for this manifest is to be expected at all."""
    return manifest.fact.format not in _UNLOCKABLE and manifest.fact.ecosystem in _LOCKS


def floats(item: Requirement) -> bool:
    """Whether a requirement of an index names no version and no upper bound."""
    if item.source is not RequirementSource.INDEX or item.version:
        return False
    text = item.specifier.strip()
    if text in {"", "*", "latest", "x"}:
        return True
    return text.startswith((">", "!=")) and "<" not in text and "==" not in text and " - " not in text

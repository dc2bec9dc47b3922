"""Dependencies as manifests ask for them and as locks fix them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Manifest", "Requirement", "RequirementSource"]


class RequirementSource(StrEnum):
    """Where a package comes from."""

    INDEX = "index"
    URL = "url"
    VCS = "vcs"
    PATH = "path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One dependency.

    Attributes:
        name: Normalised name (PEP 503 for PyPI).
        specifier: As written: `>=1.2,<2`, `^1.2`, `==1.2.3`, "" when anything goes.
        version: The exact version it fixes, "" when it floats.
        source: Index, URL, version control or path.
        reference: URL or path of a source that is no index; credentials removed.
        is_hashed: Whether a digest of the archive is recorded.
        is_immutable: For a VCS or URL source: fixed by full commit or digest.
        group: "" for run time, else the extra or group (`dev`, `test`, ...); `build-system`, `constraint` and
            `override` for what is not installed because of this file.
        extras: Extras asked of the package, sorted.
        table: Where in the manifest it stands: `project.dependencies`, `tool.poetry.group.dev.dependencies`, ...
    """

    name: str
    line: int = 0
    specifier: str = ""
    version: str = ""
    source: RequirementSource = RequirementSource.INDEX
    reference: str = ""
    is_hashed: bool = False
    is_immutable: bool = False
    group: str = ""
    marker: str = ""
    anchor: str = ""
    extras: tuple[str, ...] = ()
    table: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One dependency file.

    Attributes:
        format: `requirements`, `pyproject`, `poetry-lock`, `uv-lock`, `pylock`, `pipfile`, `pipfile-lock`, `pdm-lock`,
            `conda`, `conda-lock`, `setup-cfg`, `setup-py`, `package-json`, `package-lock`, `yarn-lock`, `pnpm-lock`,
            `cargo-toml`, `cargo-lock`, `go-mod`, ...
        ecosystem: `pypi`, `npm`, `conda`, `crates.io`, `go`, `maven`, ...
        is_lock: Whether it fixes every transitive version.
        name: Name of the project it describes, if it says so.
        licence: Licence as written, if it says so.
        runtime: Version range of the language it asks for, as written (`>=3.9`).
        indexes: Package indexes it names besides the default, credentials removed.
        trusts: Options that weaken transport (`--trusted-host ...`), as written.
        digest: Digest of the manifest that a lock says it was made from, "" when it says none.
        scripts: Commands that the manifest names, (name, command): `postinstall`, `start`, ...
        includes: Other requirement files it pulls in, as written.
        constraints: Files whose versions constrain it (`-c`), as written.
        default_index: The index that replaces the default one, credentials removed; "" when the default is kept.
    """

    format: str
    ecosystem: str
    is_lock: bool
    requirements: tuple[Requirement, ...] = ()
    name: str = ""
    version: str = ""
    licence: str = ""
    runtime: str = ""
    indexes: tuple[str, ...] = ()
    trusts: tuple[str, ...] = ()
    digest: str = ""
    scripts: tuple[tuple[str, str], ...] = ()
    includes: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    default_index: str = ""

"""Settings of a run: every value typed, with where it came from. The environment is read here and, for secrets, in `environment.py`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keelmark.core.assessment import SettingOrigin
from keelmark.core.declaration import Profile
from keelmark.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AssessSettings", "key_password", "resolve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessSettings:
    """What one assessment is asked to do.

    Attributes:
        profile: Strictness; the stricter of this and the declaration's counts.
        advisories: File of known vulnerabilities; None leaves them unknown.
        baseline: Baseline file or JSON report to compare with.
        only_new: Let the exit code speak of new failures alone.
        write: Keep evidence in `.keelmark/` and the cache; False writes nothing at all.
        cache: Use the fact cache.
        cache_dir: Where the fact cache lies.
        as_of: Day the decision speaks of; None is today.
        max_seconds: Wall time for reading files.
        max_files: Files that are read.
        plugins: Whether other installed packages may add rules.
        log: Record the run in the transparency log: True makes one, False does not record, None records where there is one.
    """

    profile: Profile = Profile.DEFAULT
    advisories: Path | None = None
    baseline: Path | None = None
    only_new: bool = False
    write: bool = True
    cache: bool = True
    cache_dir: Path = Path("~/.cache/keelmark")
    as_of: date | None = None
    max_seconds: float = 900.0
    max_files: int = 200_000
    plugins: bool = True
    log: bool | None = None
    origins: tuple[SettingOrigin, ...] = ()


_ENVIRONMENT = {
    "profile": "KEELMARK_PROFILE",
    "advisories": "KEELMARK_ADVISORIES",
    "baseline": "KEELMARK_BASELINE",
    "cache": "KEELMARK_CACHE",
    "cache_dir": "KEELMARK_CACHE_DIR",
    "write": "KEELMARK_WRITE",
    "max_seconds": "KEELMARK_MAX_SECONDS",
    "max_files": "KEELMARK_MAX_FILES",
    "plugins": "KEELMARK_PLUGINS",
    "log": "KEELMARK_LOG",
}

_PATHS = {"advisories", "baseline", "cache_dir"}
_FLAGS = {"cache", "write", "plugins", "only_new", "log"}


def resolve(arguments: Mapping[str, Any], *, environment: Mapping[str, str] | None = None) -> AssessSettings:
    """The settings in force: command line, else environment, else default.

    Args:
        arguments: Values of the command line by setting name; None means not given.
        environment: Variables; those of the process when None.

    Raises:
        ConfigurationError: A variable holds a value that its setting cannot have.
    """
    variables = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    origins: list[SettingOrigin] = []
    default = AssessSettings()
    for entry in fields(AssessSettings):
        name = entry.name
        if name == "origins":
            continue
        variable = _ENVIRONMENT.get(name, "")
        if arguments.get(name) is not None:
            value, origin = arguments[name], "command line"
        elif variable and variables.get(variable):
            value, origin = _from_text(name, variables[variable], variable), variable
        elif name == "cache_dir" and Path(variables.get("XDG_CACHE_HOME", "")).is_absolute():
            # By its specification a relative one is ignored; it could lie in the assessed folder.
            value, origin = Path(variables["XDG_CACHE_HOME"]) / "keelmark", "XDG_CACHE_HOME"
        else:
            value, origin = getattr(default, name), "default"
        values[name] = value
        origins.append(SettingOrigin(name=name, value=_shown(name, value), origin=origin))
    _check_bounds(values)
    try:
        values["cache_dir"] = Path(values["cache_dir"]).expanduser()
    except (
        RuntimeError
    ):  # A user without a home folder, as in many containers: there is no place for a cache.
        values["cache"] = False
        origins = [entry for entry in origins if entry.name != "cache"]
        origins.append(SettingOrigin(name="cache", value="False", origin="no home folder"))
    return AssessSettings(**values, origins=tuple(origins))


def key_password(environment: Mapping[str, str] | None = None) -> bytes | None:
    """The password of a private key, from `KEELMARK_KEY_PASSWORD`; None when there is none."""
    variables = os.environ if environment is None else environment
    return variables.get("KEELMARK_KEY_PASSWORD", "").encode() or None


def _check_bounds(values: Mapping[str, Any]) -> None:
    for name in ("max_seconds", "max_files"):
        if not 0 < values[name] < math.inf:
            raise ConfigurationError(f"`{name}` cannot be `{values[name]}`", hint="it is a number above 0")


def _from_text(name: str, text: str, variable: str) -> Any:
    try:
        if name in _PATHS:
            return Path(text)
        if name in _FLAGS:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
                text.lower()
            ]
        if name == "profile":
            return Profile(text)
        return float(text) if name == "max_seconds" else int(text)
    except (KeyError, ValueError):
        raise ConfigurationError(f"`{variable}` cannot be `{text}`", hint=f"it sets `{name}`") from None


def _shown(name: str, value: object) -> str:
    if name == "cache_dir":
        return "outside the assessed folder"
    if isinstance(value, Path):
        return value.name
    return "" if value is None else str(value)

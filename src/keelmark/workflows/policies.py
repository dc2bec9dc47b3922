"""Policies of the gateway, as files: read and checked, tried on cases, explained."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.deployment.access.policies import PolicySource, load_policies
from keelmark.deployment.access.policy_cases import parse_cases, run_cases
from keelmark.deployment.access.policy_text import Bounds
from keelmark.errors import ConfigurationError, LimitExceededError
from keelmark.store.durable import read_bounded

if TYPE_CHECKING:
    from keelmark.deployment.access.policies import PolicyBook
    from keelmark.deployment.access.policy_cases import Result

__all__ = ["SUFFIX", "read_policies", "try_cases"]

SUFFIX = ".cedar"
"""How files of policies end."""

_MAX_CASES_BYTES = 4 * 1024**2


def read_policies(place: Path, *, bounds: Bounds | None = None) -> PolicyBook:
    """The policies of a folder (its files that end in `.cedar`, not those of folders below), or of one file.

    Raises:
        ConfigurationError: There is no such place, a file cannot be read, or the policies are not sound.
    """
    limits = bounds or Bounds()
    try:
        files = _files(place, limits.max_files) if place.is_dir() else [place]
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", path=str(place)) from error
    return load_policies(
        [PolicySource(name=str(file), text=_text(file, limits.max_bytes)) for file in files], bounds=limits
    )


def try_cases(book: PolicyBook, file: Path) -> tuple[Result, ...]:
    """What the policies say to the cases of a file.

    Raises:
        ConfigurationError: The file cannot be read, or is no file of cases.
    """
    return run_cases(book, parse_cases(_text(file, _MAX_CASES_BYTES), path=str(file)))


def _files(folder: Path, limit: int) -> list[Path]:
    found = sorted(Path(entry.path) for entry in os.scandir(folder) if entry.name.endswith(SUFFIX))
    if len(found) > limit:
        raise ConfigurationError(f"more than {limit} files of policies", path=str(folder))
    return found


def _text(file: Path, limit: int) -> str:
    try:
        # The operator names the place; secrets and settings that are mounted into containers are links.
        return read_bounded(file.resolve(), limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError("is not UTF-8", path=str(file)) from error
    except (OSError, LimitExceededError) as error:
        words = error.message if isinstance(error, LimitExceededError) else error.strerror or str(error)
        raise ConfigurationError(f"cannot be read: {words}", path=str(file)) from error

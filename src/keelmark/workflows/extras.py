"""Facts that come from beside the folder: files the user brings, and what the transparency log says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from keelmark.core.awareness import Acknowledged
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError, StoreError
from keelmark.formats.advisories import read_advisories
from keelmark.formats.source import Source
from keelmark.workflows.acknowledgements import acknowledgements
from keelmark.workflows.log import LOG_FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.config.settings import AssessSettings
    from keelmark.core.advisory import AdvisorySnapshot

__all__ = ["prepare_extras"]


def prepare_extras(settings: AssessSettings, root: Path) -> tuple[tuple[str, object], ...]:
    """The extra facts by name; a source that was not brought is not there.

    Raises:
        ConfigurationError: A file that the user brought cannot be read, or not as a whole.
    """
    extras: list[tuple[str, object]] = []
    if settings.advisories is not None:
        extras.append(("advisories", _advisories(settings.advisories)))
    if os.path.lexists(root / LOG_FOLDER):
        extras.append(("acknowledgements", _acknowledged(root)))
    return tuple(extras)


def _acknowledged(root: Path) -> Acknowledged:
    try:
        return Acknowledged(given=acknowledgements(root))
    except StoreError as error:
        # Who was briefed is not known then; everything else can be assessed.
        return Acknowledged(unreadable=error.message)


def _advisories(file: Path) -> AdvisorySnapshot:
    hint = "give a file of OSV advisories: JSON, JSON lines, or the archive of an ecosystem"
    try:
        with Source(file, path=file.name) as source:
            snapshot, gaps = read_advisories(source)
    except (ParseError, LimitExceededError) as error:
        raise ConfigurationError(f"advisory file `{file}`: {error.message}", hint=hint) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"advisory file `{file}` cannot be read: {reason}", hint=hint) from error
    if gaps:
        # INVARIANT: a list with holes is not used; what stands in a hole would look like a clean package.
        first = gaps[0]
        where = f" in line {first.line}" if first.line else ""
        raise ConfigurationError(f"advisory file `{file}` is damaged{where}: {first.detail}", hint=hint)
    return snapshot

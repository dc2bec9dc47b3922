"""Facts that come from beside the folder: files the user brings, and what version control says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.config.settings import AssessSettings

__all__ = ["prepare_extras"]


def prepare_extras(settings: AssessSettings, root: Path) -> tuple[tuple[str, object], ...]:
    """The extra facts by name; a source that was not brought is not there."""
    del settings, root
    return ()

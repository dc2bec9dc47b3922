"""What the operator hears of a release when it was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.deployment.release.stage_released import tools_of
from keelmark.errors import KeelmarkError
from keelmark.workflows.serve_growth import told_of
from keelmark.workflows.serve_tools import unpinned_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.config.gateway import GatewaySettings
    from keelmark.core.release import ReleaseVerification

__all__ = ["notes_of"]

_REASONS = 3


def notes_of(
    found: ReleaseVerification | KeelmarkError, settings: GatewaySettings, *, pinned: frozenset[str]
) -> Iterator[str]:
    """Lines about a release: what it limits and nothing measures, tools without a pin, and whether it holds.

    Args:
        found: What a look found, or why it found nothing.
        settings: In force.
        pinned: Names of tools that the settings pin.
    """
    if isinstance(found, KeelmarkError):
        yield f"release: {found.message}"
        return
    release = found.release
    if release is not None:
        if names := told_of(release.envelope, settings):
            yield f"the release limits what is not measured here: {', '.join(names)}"
        if note := unpinned_note(tools_of(release.assets)[1], pinned=pinned):
            yield note
    yield f"release: {found.state}" + "".join(f"; {each}" for each in found.reasons[:_REASONS])

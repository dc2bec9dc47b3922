"""Projects that are released and verified: keys, and what lies in the folder of releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus.releases import (
    CLOCK,
    key,
)

from keelmark.workflows.verify_release import VerifyReleaseRequest, verify_release

if TYPE_CHECKING:
    from pathlib import Path


KEY, SECOND, OTHER = key(), key("ed25519"), key()


def verified(run, root: Path, *keys, clock=CLOCK, **changes):
    request = VerifyReleaseRequest(
        release=run.file, root=root, keys=tuple(each.public for each in keys or (KEY,)), **changes
    )
    return verify_release(request, clock=clock)


def in_folder(root: Path) -> list[str]:
    place = root / ".keelmark/releases"
    return sorted(each.name for each in place.iterdir() if each.name != "lock") if place.is_dir() else []

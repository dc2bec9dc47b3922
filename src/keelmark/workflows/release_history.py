"""The releases of a project and where each stands, as far as files can say; signatures are checked by `verify` alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.core.release import Release, ReleaseState
from keelmark.deployment.release.history import history_of
from keelmark.deployment.release.verification import is_complete
from keelmark.store.releases import RELEASES_FOLDER, ReleaseFolder

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.core.clock import Clock
    from keelmark.deployment.release.history import History
    from keelmark.deployment.release.verification import SignedRelease

__all__ = ["Row", "history_in", "rows_of", "state_of"]

_CURRENT = "current"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One release, and where it stands."""

    release: Release
    state: str


def history_in(root: Path) -> History:
    """The releases of a project.

    Raises:
        StoreError: They cannot be read, or two files hold one.
        TrustError: One was changed.
    """
    return history_of(ReleaseFolder(root.resolve() / RELEASES_FOLDER).envelopes())


def rows_of(history: History, *, clock: Clock | None = None) -> tuple[Row, ...]:
    """All releases, the newest first."""
    complete = {each.release.id for each in history.releases}
    waiting = [each for each in history.pending if each.release.id not in complete]
    ordered = sorted((*history.releases, *waiting), key=lambda each: each.release.created, reverse=True)
    return tuple(Row(release=each.release, state=state_of(each, history, clock=clock)) for each in ordered)


def state_of(signed: SignedRelease, history: History, *, clock: Clock | None = None) -> str:
    """Where a release stands in words, what weighs most first."""
    now = (clock or SystemClock()).now()
    if history.revocation_of(signed) is not None:
        return ReleaseState.REVOKED
    if history.successor_of(signed) is not None:
        return ReleaseState.SUPERSEDED
    if now >= signed.release.expires:
        return ReleaseState.EXPIRED
    if now < signed.release.not_before:
        return ReleaseState.NOT_YET_VALID
    return _CURRENT if is_complete(signed) else ReleaseState.INCOMPLETE

"""The releases of a project as its folder has them: read strictly, so that a new one never rests on a damaged one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.deployment.release.verification import (
    SignedRelease,
    SignedRevocation,
    is_complete,
    open_release,
    open_revocation,
)
from keelmark.errors import ParseError, StoreError, TrustError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = ["PENDING", "RELEASE", "REVOCATION", "History", "history_of"]

RELEASE = ".dsse.json"
PENDING = ".pending.dsse.json"
REVOCATION = ".revocation.dsse.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of earlier releases; signatures are not checked.

    Attributes:
        releases: Complete ones, oldest first.
        pending: Those that wait for a signature, oldest first.
        revocations: By id of the release.
    """

    releases: tuple[SignedRelease, ...] = ()
    pending: tuple[SignedRelease, ...] = ()
    revocations: tuple[SignedRevocation, ...] = ()

    def newest(self, system: str) -> SignedRelease | None:
        """The newest complete release of a system."""
        return next((each for each in reversed(self.releases) if each.release.system == system), None)

    def revocation_of(self, signed: SignedRelease) -> SignedRevocation | None:
        """Who revoked a release."""
        digest = signed.stated.digest
        return next((each for each in self.revocations if each.stated.digest == digest), None)

    def successor_of(self, signed: SignedRelease) -> SignedRelease | None:
        """The release that replaced one."""
        return next((each for each in self.releases if each.release.supersedes == signed.release.id), None)

    def named(self, identifier: str) -> SignedRelease:
        """The release with this id, or this beginning of one, or `latest`.

        Raises:
            UsageError: There is none, or more than one.
        """
        every = (*self.pending, *self.releases)
        if identifier == "latest":
            found = list(self.releases[-1:])
        else:
            exact = [each for each in every if each.release.id == identifier]
            found = exact or [each for each in every if identifier and each.release.id.startswith(identifier)]
        # A pending release stays a moment beside the complete one that replaced it.
        if len({each.release.id for each in found}) > 1:
            raise UsageError(f"`{identifier}` fits more than one release", hint="write more of the id")
        if not found:
            raise UsageError(f"there is no release `{identifier}`", hint="keelmark release list shows them")
        return found[-1]

    def check_clock(self, now: datetime) -> None:
        """Refuse a clock that went backwards.

        Raises:
            StoreError: A release is from later than now.
        """
        for each in (*self.releases, *self.pending):
            if each.release.created > now:
                raise StoreError(
                    f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC, and release {each.release.id} is from"
                    f" {each.release.created:%Y-%m-%d %H:%M:%S}",
                    hint="set the clock right; if that release was made with a wrong clock, move its file away",
                )


def history_of(envelopes: Mapping[str, bytes]) -> History:
    """The history that files tell, by their names.

    Raises:
        StoreError: Two files hold one release.
        TrustError: A file was changed, or is not called as what it holds.
    """
    releases, pending, revocations = [], [], []
    for name, data in envelopes.items():
        try:
            if name.endswith(REVOCATION):
                revocation = open_revocation(data)
                _check_name(name, f"{revocation.stated.revocation.release}{REVOCATION}")
                revocations.append(revocation)
                continue
            signed = open_release(data)
        except ParseError as error:
            raise TrustError(
                f"`{name}` was changed, or is no release: {error.message}",
                hint="take it again from a back-up, or move it out of .keelmark/releases",
            ) from error
        if name.endswith(PENDING):
            _check_name(name, f"{signed.release.id}{PENDING}")
            pending.append(signed)
        else:
            _check_name(name, f"{signed.release.id}{RELEASE}")
            releases.append(signed)
    incomplete = [each.release.id for each in releases if not is_complete(each)]
    if incomplete:
        raise TrustError(
            f"release {incomplete[0]} lacks a signature or has one too many",
            hint="take it again from a back-up, or move it out of .keelmark/releases",
        )
    return History(
        releases=tuple(sorted(releases, key=_moment)),
        pending=tuple(sorted(pending, key=_moment)),
        revocations=tuple(revocations),
    )


def _moment(signed: SignedRelease) -> tuple[datetime, str]:
    return (signed.release.created, signed.release.id)


def _check_name(name: str, wanted: str) -> None:
    if name != wanted:
        raise StoreError(
            f"`{name}` holds what `{wanted}` is for: two files for one release",
            hint="keep one of them in .keelmark/releases, and move the other away",
        )

"""The release that a dossier is about: found, and verified before a word of it is repeated."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome
from keelmark.deployment.release.history import RELEASE
from keelmark.deployment.release.verification import SignedRelease, open_release, signers_of
from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.store.releases import RELEASES_FOLDER, ReleaseBounds
from keelmark.trust.keys import PublicKey, load_public
from keelmark.workflows.log_keys import read_file
from keelmark.workflows.release_history import history_in
from keelmark.workflows.verify_release import VerifyReleaseRequest, verify_release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.clock import Clock

__all__ = ["VerifiedRelease", "verified_release"]

_WAY_OUT = (
    "keelmark verify shows all of it; assess and release again: keelmark release --key KEY --owner NAME"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRelease:
    """A release that holds, here and now.

    Attributes:
        data: The file as it is.
        keys: All that signed it.
    """

    signed: SignedRelease
    data: bytes
    keys: tuple[PublicKey, ...]


def verified_release(
    root: Path, wanted: str, *, trusted: Sequence[PublicKey], clock: Clock
) -> VerifiedRelease:
    """The release that somebody names, if it is valid.

    Whoever trusts one of its signers trusts what that one signed, the keys of the others among it.

    Args:
        root: The project, as it was released.
        wanted: A file, an id, the beginning of one, or `latest`.
        trusted: Keys of which one must have signed it.
        clock: Says what time it is.

    Raises:
        UsageError: There is no such release.
        TrustError: It is not valid.
        StoreError: The releases of the project cannot be read.
    """
    file = _file(root, wanted)
    data = read_file(file, ReleaseBounds().max_bytes)
    try:
        signed = open_release(data)
    except ParseError as error:
        raise TrustError(f"`{file.name}` is no release, or was changed: {error.message}") from error
    if not signers_of(signed.envelope, trusted):
        raise TrustError(
            f"release {signed.release.id} was not signed with this key",
            hint="name the public key of who released it: --trusted-key key.pem.pub",
        )
    keys = (*trusted, *(load_public(each.public_key.encode()) for each in signed.release.signers))
    found = verify_release(VerifyReleaseRequest(release=file, root=root, keys=keys), clock=clock)
    if found.outcome is not Outcome.PASS:
        reason = found.reasons[0] if found.reasons else str(found.state)
        raise TrustError(f"release {signed.release.id} is not valid: {reason}", hint=_WAY_OUT)
    return VerifiedRelease(signed=signed, data=data, keys=keys)


def _file(root: Path, wanted: str) -> Path:
    if wanted != "latest" and (os.sep in wanted or wanted.endswith(RELEASE)):
        return Path(wanted)
    history = history_in(root)
    if not history.releases and not history.pending:
        raise UsageError(
            "there is no release here, and a dossier is about one",
            hint='release first: keelmark release --key KEY --owner "Head of Platform"',
        )
    if wanted == "latest" and not history.releases:
        raise UsageError(
            f"release {history.pending[-1].release.id} waits for its second signature",
            hint="keelmark release --sign FILE --key SECOND-KEY",
        )
    found = history.named(wanted)
    complete = root / RELEASES_FOLDER / f"{found.release.id}{RELEASE}"
    if not complete.is_file():
        raise UsageError(
            f"release {found.release.id} waits for its second signature",
            hint="keelmark release --sign FILE --key SECOND-KEY",
        )
    return complete

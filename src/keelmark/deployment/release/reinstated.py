"""Goes back to an earlier release: pure choice of which one, and what is stated then.

1. An older release never comes in force by itself. Going back is an act of its own: a new release with the contents of the
   earlier one, signed by whoever goes back.
2. Only a release that would still hold is gone back to: complete, signed with a key that is trusted, not revoked, not over.
3. What is stated rests on the assessment of then, and ends no later than the earlier release.
4. Without a name, it is the newest one before that has other contents than what is left.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.release import ReinstatedRelease
from keelmark.deployment.release import composition, predicate
from keelmark.deployment.release.verification import signers_of
from keelmark.errors import TrustError, UsageError
from keelmark.trust.keys import load_public

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from keelmark.core.release import Signatory
    from keelmark.deployment.release.history import History
    from keelmark.deployment.release.predicate import StatedRelease
    from keelmark.deployment.release.verification import SignedRelease
    from keelmark.trust.keys import PublicKey

__all__ = ["check_trusted", "earlier", "left", "reinstate"]


def left(history: History) -> SignedRelease:
    """The release that is left: the newest one that everybody signed.

    Raises:
        UsageError: There is none.
    """
    if not history.releases:
        raise UsageError("there is no release here", hint="keelmark release --key KEY --owner NAME")
    return history.releases[-1]


def earlier(history: History, *, name: str, now: datetime) -> SignedRelease:
    """The release to go back to.

    Args:
        history: What was released.
        name: Its id, or the beginning of it; "" for the one before.
        now: The time.

    Raises:
        UsageError: There is none that would hold.
    """
    newest = left(history)
    if name:
        found = history.named(name)
        why = _why_not(found, newest, history, now)
        if why:
            raise UsageError(
                f"release {found.release.id} {why}", hint="keelmark release list shows which ones would hold"
            )
        return found
    reasons = []
    for each in reversed(history.releases[:-1]):
        why = _why_not(each, newest, history, now)
        if not why:
            return each
        reasons.append(f"{each.release.id} {why}")
    words = f": {'; '.join(reasons[:3])}" if reasons else ""
    raise UsageError(
        f"there is no earlier release to go back to{words}", hint="mend what is wrong, and release again"
    )


def check_trusted(signed: SignedRelease, keys: Sequence[PublicKey]) -> None:
    """Whether all that signed did so with the keys it names, and one of them is trusted.

    Raises:
        TrustError: It was changed, or nobody who is trusted signed it.
    """
    named = [load_public(each.public_key.encode()) for each in signed.release.signers]
    if len(signers_of(signed.envelope, named)) < len(named) or [each.keyid for each in named] != [
        each.keyid for each in signed.release.signers
    ]:
        raise TrustError(
            f"release {signed.release.id} is not signed with the keys that it names",
            hint="take it again from a back-up",
        )
    if not {each.keyid for each in named} & {each.keyid for each in keys}:
        signers = ", ".join(f"{each.name} (key {each.keyid[:16]})" for each in signed.release.signers)
        raise TrustError(
            f"release {signed.release.id} was signed by {signers}, whose key was not given",
            hint="name their public key: --trust FILE",
        )


def reinstate(
    back: StatedRelease, *, leaves: str, signers: tuple[Signatory, ...], now: datetime
) -> StatedRelease:
    """The release that puts an earlier one in force again, ready to be signed.

    Args:
        back: The earlier one.
        leaves: Id of the release that is left.
        signers: Who will sign.
        now: The time.

    Raises:
        UsageError: Too few sign.
    """
    composition.check_signers(signers, critical=back.release.critical)
    release = replace(
        back.release,
        id="",
        created=now,
        not_before=now,
        signers=signers,
        supersedes=leaves,
        reinstates=ReinstatedRelease(id=back.release.id, digest=back.digest),
    )
    payload = predicate.payload_of(predicate.with_id(release, back.subjects), back.subjects)
    return predicate.parse_release(payload)


def _why_not(signed: SignedRelease, newest: SignedRelease, history: History, now: datetime) -> str:
    """Why a release cannot be gone back to; "" when it can."""
    release = signed.release
    if signed not in history.releases:
        return "waits for a signature"
    if release.system != newest.release.system:
        return f"is of another system, `{release.system}`"
    revocation = history.revocation_of(signed)
    if revocation is not None:
        return f"was revoked by {revocation.stated.revocation.owner}"
    if now >= release.expires:
        return f"ended at {release.expires:%Y-%m-%d %H:%M} UTC ({release.limited_by})"
    if signed.stated.subjects == newest.stated.subjects:
        return "has the same contents as the newest one"
    return ""

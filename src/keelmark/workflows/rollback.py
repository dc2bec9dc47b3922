"""Rolls back to an earlier release: the folder is as it was then, the release that is left is revoked, and a new one states both.

The promises, each with a test:

1. Nothing is touched before it is known that the earlier release would hold and that all its contents are there.
2. Nothing is signed before the folder was measured again and is what the earlier release speaks of.
3. What serves meanwhile serves nothing: the files are not as any release has them.
4. Stopped anywhere, the same command ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.deployment.release import composition
from keelmark.deployment.release.history import PENDING, RELEASE, history_of
from keelmark.deployment.release.predicate import payload_of
from keelmark.deployment.release.reinstated import check_trusted, earlier, left, reinstate
from keelmark.deployment.release.verification import SignedRelease, is_complete, open_release
from keelmark.errors import StoreError, TrustError, UsageError
from keelmark.store.releases import RELEASES_FOLDER, ReleaseFolder
from keelmark.trust import dsse, statement
from keelmark.trust.keys import PrivateKey, PublicKey
from keelmark.workflows.kept_release import Restored, Restoring, restore, restoring
from keelmark.workflows.release_log import open_log
from keelmark.workflows.revoke import record_revocation

if TYPE_CHECKING:
    from keelmark.core.clock import Clock
    from keelmark.core.release import Signatory
    from keelmark.trust.keys import Signer

__all__ = ["RollbackRequest", "RollbackRun", "rollback"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequest:
    """What to go back to, and why.

    Attributes:
        root: The project.
        owner: Who goes back: role or person.
        reason: Why.
        to: Id of the release, or the beginning of it; "" for the one before.
        second: Who signs as well, and their key; None for nobody.
        trusted: Keys, one of which signed the earlier release, beside that of the signer.
        is_dry: Whether nothing is to be done, only said.
        log: True begins a log, False does not record, None records where there is a log.
        log_key: Signs the log, where that is another key.
        report: Is told what the user should know on the way.
    """

    root: Path
    owner: str
    reason: str
    to: str = ""
    second: tuple[str, PublicKey] | None = None
    trusted: Sequence[PublicKey] = ()
    is_dry: bool = False
    log: bool | None = None
    log_key: PrivateKey | None = None
    report: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRun:
    """What came of it.

    Attributes:
        leaves: The release that is left.
        back: The earlier one.
        plan: What differed in the folder.
        restored: What was done there; None when nothing was.
        signed: The new release; None in a dry run.
        file: Where it lies.
    """

    leaves: SignedRelease
    back: SignedRelease
    plan: Restoring
    restored: Restored | None = None
    signed: SignedRelease | None = None
    file: Path | None = None

    @property
    def is_pending(self) -> bool:
        """Whether it waits for a second signature."""
        return self.signed is not None and not is_complete(self.signed)


def rollback(request: RollbackRequest, *, signer: Signer, clock: Clock | None = None) -> RollbackRun:
    """Go back to an earlier release.

    Raises:
        UsageError: There is none that would hold, contents are missing, too few sign, owner or reason is missing.
        TrustError: The earlier release was changed, nobody who is trusted signed it, or files changed meanwhile.
        StoreError: A copy was changed, the clock went backwards, or something cannot be written.
    """
    if not request.reason.strip():
        raise UsageError("a roll-back needs a reason", hint='--reason "answers leak account numbers"')
    time, root = clock or SystemClock(), request.root.resolve()
    signers: tuple[Signatory, ...] = (composition.signatory(request.owner, signer.public),)
    if request.second is not None:
        signers = (*signers, composition.signatory(*request.second))
    folder = ReleaseFolder(root / RELEASES_FOLDER)
    earlier(history_of(folder.envelopes()), name=request.to, now=time.now())  # Said before a log is opened.
    log = open_log(
        root,
        wanted=False if request.is_dry else request.log,
        signer=signer,
        log_key=request.log_key,
        clock=time,
        report=request.report,
    )
    with folder.writing():
        history = history_of(folder.envelopes())
        now = time.now()
        history.check_clock(now)
        newest, back = left(history), earlier(history, name=request.to, now=now)
        check_trusted(back, [signer.public, *request.trusted])
        stated = reinstate(back.stated, leaves=newest.release.id, signers=signers, now=now)
        if now.replace(microsecond=0) <= newest.release.created:
            # Ids begin with the second, and those of one second stand in no order of time.
            raise StoreError("the newest release is of this very second", hint="wait a second, and again")
        plan = restoring(root, back.stated)
        if request.is_dry:
            return RollbackRun(leaves=newest, back=back, plan=plan)
        restored = restore(root, plan, leaves=newest.release.id)
        if restoring(root, back.stated).is_needed:
            raise TrustError(
                "files changed while they were put back", hint="wait until nobody writes there, and again"
            )
        if history.revocation_of(newest) is None:
            reason = f"rolled back to {back.release.id}: {request.reason}"
            record_revocation(
                newest, reason=reason, owner=request.owner, signer=signer, log=log, folder=folder, now=now
            )
        data = dsse.encode(
            dsse.sign(statement.PAYLOAD_TYPE, payload_of(stated.release, stated.subjects), keys=[signer])
        )
        signed = open_release(data)  # What was written is read again.
        if is_complete(signed):
            log.keep_release(data, digest=stated.digest, supersedes=newest.stated.digest)
        else:
            log.keep_first_signature(data, digest=stated.digest)
        file = folder.put(f"{signed.release.id}{RELEASE if is_complete(signed) else PENDING}", data)
    return RollbackRun(leaves=newest, back=back, plan=plan, restored=restored, signed=signed, file=file)

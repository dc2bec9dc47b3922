"""Ends a release by a record of its own: signed, with a reason and an owner. The release itself stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.core.release import Revocation
from keelmark.deployment.release import predicate
from keelmark.deployment.release.history import REVOCATION, history_of
from keelmark.deployment.release.subjects import readable
from keelmark.deployment.release.verification import open_revocation
from keelmark.errors import UsageError
from keelmark.store.releases import RELEASES_FOLDER, ReleaseFolder
from keelmark.trust import dsse, statement
from keelmark.trust.keys import PrivateKey
from keelmark.workflows.release_log import open_log

if TYPE_CHECKING:
    from datetime import datetime

    from keelmark.core.clock import Clock
    from keelmark.deployment.release.verification import SignedRelease
    from keelmark.trust.keys import Signer
    from keelmark.workflows.release_log import ReleaseLog

__all__ = ["RevokeRequest", "record_revocation", "revoke"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeRequest:
    """Which release ends, and why.

    Attributes:
        root: The project.
        release: Its id, the beginning of it, or `latest`.
        reason: Why.
        owner: Who ends it: role or person.
        log: True begins a log, False does not record, None records where there is a log.
        log_key: Signs the log, where that is another key.
        report: Is told what the user should know on the way.
    """

    root: Path
    release: str
    reason: str
    owner: str
    log: bool | None = None
    log_key: PrivateKey | None = None
    report: Callable[[str], None] | None = None


def revoke(request: RevokeRequest, *, signer: Signer, clock: Clock | None = None) -> tuple[Revocation, Path]:
    """Revoke a release; the record, and where it lies.

    Raises:
        UsageError: There is no such release, it is revoked already, or reason or owner is missing.
        StoreError: The clock went backwards, or nothing can be written.
        TrustError: A release in the folder was changed.
    """
    if not request.reason.strip() or not request.owner.strip():
        raise UsageError("a revocation needs a reason and an owner")
    time = clock or SystemClock()
    root = request.root.resolve()
    folder = ReleaseFolder(root / RELEASES_FOLDER)
    history_of(folder.envelopes()).named(request.release)  # Said before a folder is made or a log is opened.
    log = open_log(
        root, wanted=request.log, signer=signer, log_key=request.log_key, clock=time, report=request.report
    )
    with folder.writing():
        history = history_of(folder.envelopes())
        history.check_clock(time.now())
        found = history.named(request.release)
        before = history.revocation_of(found)
        if before is not None:
            stated = before.stated.revocation
            raise UsageError(
                f"release {found.release.id} was revoked by {stated.owner} at {stated.revoked:%Y-%m-%d %H:%M} UTC",
                hint="it stays revoked",
            )
        return record_revocation(
            found,
            reason=request.reason,
            owner=request.owner,
            signer=signer,
            log=log,
            folder=folder,
            now=time.now(),
        )


def record_revocation(  # noqa: PLR0913 - all of it by name
    found: SignedRelease,
    *,
    reason: str,
    owner: str,
    signer: Signer,
    log: ReleaseLog,
    folder: ReleaseFolder,
    now: datetime,
) -> tuple[Revocation, Path]:
    """Sign, log and keep a revocation; inside of `folder.writing`.

    Raises:
        StoreError: It cannot be written.
    """
    revocation = Revocation(
        release=found.release.id,
        reason=readable(" ".join(reason.split())),
        owner=readable(" ".join(owner.split())),
        revoked=now,
        keyid=signer.public.keyid,
    )
    payload = predicate.revocation_payload(revocation, digest=found.stated.digest)
    data = dsse.encode(dsse.sign(statement.PAYLOAD_TYPE, payload, keys=[signer]))
    open_revocation(data)  # What was written is read again.
    log.keep_revocation(data, digest=found.stated.digest)
    return revocation, folder.put(f"{found.release.id}{REVOCATION}", data)

"""Adds the second signature to a release that waits for it, after every file was read again.

Who signs second signs what they have before them: the files, the statement and the first signature are checked anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.core.signature import Difference
from keelmark.deployment.release.history import PENDING, RELEASE, history_of
from keelmark.deployment.release.subjects import compare
from keelmark.deployment.release.verification import (
    Judgement,
    SignedRelease,
    is_complete,
    judge_time,
    open_release,
    signers_of,
)
from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.store.releases import RELEASES_FOLDER, ReleaseBounds, ReleaseFolder
from keelmark.trust import dsse
from keelmark.trust.keys import PrivateKey, load_public
from keelmark.workflows.log_keys import read_file
from keelmark.workflows.release import check_output, write_output
from keelmark.workflows.release_files import measure
from keelmark.workflows.release_log import open_log

if TYPE_CHECKING:
    from keelmark.core.clock import Clock
    from keelmark.deployment.release.history import History
    from keelmark.trust.keys import PublicKey, Signer

__all__ = ["CountersignRequest", "Countersigned", "countersign"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountersignRequest:
    """What to sign.

    Attributes:
        pending: The release with one signature.
        root: The project.
        output: Where to write a copy; None for nowhere.
        log: True begins a log, False does not record, None records where there is a log.
        log_key: Signs the log, where that is another key.
        report: Is told what the user should know on the way.
    """

    pending: Path
    root: Path
    output: Path | None = None
    log: bool | None = None
    log_key: PrivateKey | None = None
    report: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigned:
    """What came of it.

    Attributes:
        signed: The release; with both signatures when there are no differences.
        differences: Files that are not as they were when the first one signed.
        file: Where the complete release lies; None when nothing was signed.
    """

    signed: SignedRelease
    differences: tuple[Difference, ...] = ()
    file: Path | None = None


def countersign(request: CountersignRequest, *, signer: Signer, clock: Clock | None = None) -> Countersigned:
    """Sign a pending release as the second person.

    Raises:
        UsageError: It does not wait for this key, or its time is over.
        TrustError: It was tampered with, revoked, or a newer release was made meanwhile.
        StoreError: The clock went backwards, or nothing can be written.
    """
    time = clock or SystemClock()
    root = request.root.resolve()
    check_output(request.output, root=root)
    pending = _read(request.pending)
    _check_key(pending, signer.public)
    log = open_log(
        root, wanted=request.log, signer=signer, log_key=request.log_key, clock=time, report=request.report
    )
    folder = ReleaseFolder(root / RELEASES_FOLDER)
    with folder.writing():
        history = history_of(folder.envelopes())
        history.check_clock(time.now())
        _check_standing(pending, history, time)
        found = measure(root)
        stated = pending.stated
        measured = {each.path: each for each in found.measured}
        differences = compare(stated.subjects, stated.release.contents, measured)
        if found.others:
            raise UsageError(f"`{found.others[0]}` is neither file, folder nor link", hint="remove it")
        if differences:
            return Countersigned(signed=pending, differences=differences)
        signed = _with_signature(pending, signer)
        data = dsse.encode(signed.envelope)
        before = history.newest(signed.release.system)
        log.keep_release(data, digest=stated.digest, supersedes=before.stated.digest if before else "")
        file = folder.put(f"{signed.release.id}{RELEASE}", data)
        folder.drop(f"{signed.release.id}{PENDING}")
    write_output(request.output, data)
    return Countersigned(signed=signed, file=file)


def _read(file: Path) -> SignedRelease:
    try:
        pending = open_release(read_file(file, ReleaseBounds().max_bytes))
    except ParseError as error:
        raise TrustError(
            f"`{file.name}` was changed, or is no release: {error.message}",
            hint="take it again from whoever signed it first",
        ) from error
    keys = [load_public(each.public_key.encode()) for each in pending.release.signers]
    named = [each.keyid for each in pending.release.signers]
    if [key.keyid for key in keys] != named or not signers_of(pending.envelope, keys):
        raise TrustError(
            f"`{file.name}` is not signed with the key that it names",
            hint="take it again from whoever signed it first",
        )
    return pending


def _check_key(pending: SignedRelease, key: PublicKey) -> None:
    if is_complete(pending):
        raise UsageError(
            f"release {pending.release.id} has all its signatures", hint="keelmark verify RELEASE . --key KEY"
        )
    if key.keyid in {each.keyid for each in pending.envelope.signatures}:
        raise UsageError(
            "the same key cannot sign twice",
            hint="the second signer signs with the key that the release names",
        )
    named = [each for each in pending.release.signers if each.keyid == key.keyid]
    if not named:
        waits = ", ".join(f"{each.name} (key {each.keyid[:16]})" for each in pending.release.signers)
        raise UsageError(
            f"the release does not wait for key {key.keyid[:16]}; it names {waits}",
            hint="sign with the right key, or release again and name this one with --second-key",
        )


def _check_standing(pending: SignedRelease, history: History, clock: Clock) -> None:
    found = Judgement()
    judge_time(pending.release, now=clock.now(), found=found)
    if found.failed:
        raise UsageError(f"the release cannot be completed: {found.reasons[0]}", hint="release again")
    revoked = history.revocation_of(pending)
    if revoked is not None:
        who = revoked.stated.revocation.owner
        raise TrustError(f"the release was revoked by {who}", hint="release again")
    newest = history.newest(pending.release.system)
    if (newest.release.id if newest else "") != pending.release.supersedes:
        raise TrustError(
            "the newest release here is not the one that this one replaces",
            hint="release again, from the newest",
        )


def _with_signature(pending: SignedRelease, signer: Signer) -> SignedRelease:
    envelope = pending.envelope
    added = dsse.sign(envelope.payload_type, envelope.payload, keys=[signer]).signatures
    data = dsse.encode(replace(envelope, signatures=(*envelope.signatures, *added)))
    signed = open_release(data)
    signers_of(signed.envelope, [signer.public])  # What was written is read again.
    return signed

"""Releases a project: assesses it, asks the gate, measures every file, signs, records, and writes one file.

The promises, each with a test:

1. No release is written while the gate does not say so, whatever calls this.
2. What is signed is what was assessed: digests are compared, and a file that changes meanwhile ends it.
3. A release is recorded in the log before it is written, and written whole or not at all; none is ever overwritten.
4. A clock that went backwards, a damaged release in the folder, and a damaged log end it before anything is signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.config.settings import AssessSettings
from keelmark.core.assessment import Assessment
from keelmark.core.clock import Clock, SystemClock
from keelmark.core.release import Contents, EvidenceReferences, Signatory
from keelmark.deployment.release import composition, predicate
from keelmark.deployment.release.history import PENDING, RELEASE, history_of
from keelmark.deployment.release.subjects import readable
from keelmark.deployment.release.validity import DEFAULT_DAYS, MAX_DAYS, check_waivers
from keelmark.deployment.release.verification import SignedRelease, is_complete, open_release
from keelmark.errors import LimitExceededError, UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.report.formats import FORMATS
from keelmark.store.releases import RELEASES_FOLDER, ReleaseBounds, ReleaseFolder
from keelmark.trust import dsse, statement
from keelmark.trust.keys import PrivateKey, PublicKey, Signer
from keelmark.workflows.kept_release import keep_contents
from keelmark.workflows.records import log_place
from keelmark.workflows.release_evidence import assessed_paths, check_tree, ground_of
from keelmark.workflows.release_files import measure, take_snapshot
from keelmark.workflows.release_log import ReleaseLog, open_log
from keelmark.workflows.rulebook import rulebook
from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from keelmark.core.release import LogReference
    from keelmark.deployment.release.history import History
    from keelmark.workflows.assess import Progress
    from keelmark.workflows.release_evidence import Ground
    from keelmark.workflows.release_files import Measurement, Snapshot

__all__ = ["ReleaseRequest", "ReleaseRun", "check_output", "issue", "release", "write_output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """What to release, and how.

    Attributes:
        root: The project.
        owner: Who signs: role or person.
        settings: Of the assessment.
        days: How long the release is to hold, at most.
        second: Who signs as well, and their key; None for nobody.
        output: Where to write a copy; None for nowhere.
        keeps: Whether the files are kept, so that the folder can be put back by a roll-back.
        log: True begins a log, False does not record, None records where there is a log.
        log_key: Signs the log, where that is another key.
        report: Is told what the user should know on the way.
    """

    root: Path
    owner: str
    settings: AssessSettings
    days: int = DEFAULT_DAYS
    second: tuple[str, PublicKey] | None = None
    output: Path | None = None
    keeps: bool = True
    log: bool | None = None
    log_key: PrivateKey | None = None
    report: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRun:
    """What came of it.

    Attributes:
        assessment: What the decision rests on.
        is_reused: Whether it is an earlier one.
        signed: The release; None when the gate kept it back.
        file: Where it lies.
    """

    assessment: Assessment
    is_reused: bool = False
    signed: SignedRelease | None = None
    file: Path | None = None

    @property
    def is_pending(self) -> bool:
        """Whether it waits for a second signature."""
        return self.signed is not None and not is_complete(self.signed)


def release(
    request: ReleaseRequest, *, signer: Signer, clock: Clock | None = None, progress: Progress | None = None
) -> ReleaseRun:
    """Release a project, or say why not.

    Raises:
        UsageError: The request cannot be met: too few signers, an end that has passed, files that cannot be signed.
        TrustError: Files changed meanwhile, or an earlier release was tampered with.
        StoreError: The clock went backwards, or nothing can be written.
        ConfigurationError: `keelmark.yaml` or a setting is wrong.
        LimitExceededError: There is too much to sign.
    """
    now = clock or SystemClock()
    request = replace(request, root=request.root.resolve())
    _check(request, signer, now)
    before = take_snapshot(request.root)
    _check_kinds(before)
    place = log_place(request.root, wanted=request.log)
    ground = ground_of(
        request.root, request.settings, log=place, key=signer.public, clock=now, progress=progress
    )
    return issue(request, ground, before=before, signer=signer, clock=now)


def issue(
    request: ReleaseRequest, ground: Ground, *, before: Snapshot, signer: Signer, clock: Clock
) -> ReleaseRun:
    """Release what was assessed already, if the gate says so and nothing changed since.

    Args:
        request: What to release.
        ground: The assessment.
        before: What lay in the folder before it was assessed.
        signer: Signs.
        clock: Says what time it is.

    Raises:
        UsageError, TrustError, StoreError, LimitExceededError: As `release` does.
    """
    request = replace(request, root=request.root.resolve())
    _check(request, signer, clock)
    log = open_log(
        request.root,
        wanted=request.log,
        signer=signer,
        log_key=request.log_key,
        clock=clock,
        report=request.report,
    )
    assessment = ground.evidence.assessment
    reference = log.keep_evidence(ground.evidence, ground.declaration, kept=ground.kept_at)
    if not composition.may_be_released(assessment):
        return ReleaseRun(assessment=assessment, is_reused=ground.is_reused)
    signers = _signers(request, signer)
    composition.check_signers(signers, critical=assessment.decision.is_critical)
    check_waivers(ground.declaration, today=clock.now().date())
    folder = ReleaseFolder(request.root / RELEASES_FOLDER)
    with folder.writing():
        job = _Job(request=request, signers=signers, clock=clock, log=log, folder=folder)
        signed = job.sign(ground, before, reference, signer)
        file = job.write(signed)
        if request.keeps:
            history = history_of(folder.envelopes())
            keep_contents(request.root, signed, history=history, report=request.report)
    write_output(request.output, dsse.encode(signed.envelope))
    return ReleaseRun(assessment=assessment, is_reused=ground.is_reused, signed=signed, file=file)


def _check(request: ReleaseRequest, signer: Signer, clock: Clock) -> None:
    """Everything that can be said before any work is done."""
    _signers(request, signer)
    check_output(request.output, root=request.root)
    if not 1 <= request.days <= MAX_DAYS:
        raise UsageError(
            f"a release cannot hold for {request.days} days", hint=f"--valid-for takes 1 to {MAX_DAYS} days"
        )
    if not request.settings.write:
        raise UsageError("a release has to be written", hint="unset KEELMARK_WRITE")
    history_of(ReleaseFolder(request.root / RELEASES_FOLDER).envelopes()).check_clock(clock.now())


def check_output(output: Path | None, *, root: Path) -> None:
    """Refuse a copy that would lie among the files that are signed.

    Raises:
        UsageError: It would.
    """
    if output is None:
        return
    place = output.parent.resolve() / output.name
    if place.is_relative_to(root.resolve()) and not place.is_relative_to(root.resolve() / ".keelmark"):
        raise UsageError(
            f"`{output}` lies in the project, and would be a file that the release does not cover",
            hint="write it outside, such as ../release.dsse.json; one lies in .keelmark/releases anyway",
        )
    if not place.parent.is_dir() or place.is_dir():
        raise UsageError(f"`{output}` cannot be written", hint="name a file in a folder that exists")


def write_output(output: Path | None, content: bytes) -> None:
    """Write a copy of a release.

    Raises:
        UsageError: It cannot be written.
    """
    if output is None:
        return
    try:
        write_whole(output, content)
    except OSError as error:
        raise UsageError(
            f"`{output}` cannot be written: {error.strerror}", hint="the release lies in .keelmark/releases"
        ) from error


def _signers(request: ReleaseRequest, signer: Signer) -> tuple[Signatory, ...]:
    first = composition.signatory(request.owner, signer.public)
    if request.second is None:
        return (first,)
    both = (first, composition.signatory(*request.second))
    composition.check_signers(both, critical=False)
    return both


def _check_kinds(snapshot: Snapshot) -> None:
    if snapshot.listing.others:
        raise UsageError(
            f"`{snapshot.listing.others[0]}` is neither file, folder nor link, or has no name in UTF-8",
            hint="remove it: nobody could tell whether it changed",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """The part of a release that nobody else may do at the same time."""

    request: ReleaseRequest
    signers: tuple[Signatory, ...]
    clock: Clock
    log: ReleaseLog
    folder: ReleaseFolder

    def sign(
        self, ground: Ground, before: Snapshot, reference: LogReference | None, signer: Signer
    ) -> SignedRelease:
        history = history_of(self.folder.envelopes())
        now = self.clock.now()
        history.check_clock(now)
        root, assessment = self.request.root, ground.evidence.assessment
        _check_kinds(before)
        found = measure(root, before=before, known=ground.digests)
        paths = assessed_paths(root, ground.declaration, self.request.settings, self.clock)
        check_tree(paths, found.measured, wanted=assessment.tree_digest)
        previous = history.newest(readable(assessment.system))
        made = composition.Made(
            measured=found.measured,
            contents=_contents(found, frozenset(paths), assessment),
            evidence=_references(ground, reference, plugins=self.request.settings.plugins),
            signers=self.signers,
            days=self.request.days,
            guidelines=load_catalogue().version,
            supersedes=previous.release.id if previous else "",
            computed=ground.evidence.computed,
        )
        stated = composition.compose(assessment, ground.declaration, made, now=now)
        payload = predicate.payload_of(stated.release, stated.subjects)
        envelope = dsse.sign(statement.PAYLOAD_TYPE, payload, keys=[signer])
        data = dsse.encode(envelope)
        if len(data) > ReleaseBounds().max_bytes:
            raise LimitExceededError(f"the release is longer than {ReleaseBounds().max_bytes} bytes")
        # What was written is read again: nobody is handed a release that does not open.
        signed = open_release(data)
        self._record(signed, data, history)
        return signed

    def write(self, signed: SignedRelease) -> Path:
        name = f"{signed.release.id}{RELEASE if is_complete(signed) else PENDING}"
        return self.folder.put(name, dsse.encode(signed.envelope))

    def _record(self, signed: SignedRelease, data: bytes, history: History) -> None:
        digest = signed.stated.digest
        if not is_complete(signed):
            self.log.keep_first_signature(data, digest=digest)
            return
        before = history.newest(signed.release.system)
        self.log.keep_release(data, digest=digest, supersedes=before.stated.digest if before else "")


def _contents(found: Measurement, assessed: frozenset[str], assessment: Assessment) -> Contents:
    left_out, total = composition.not_assessed(found.measured, assessed, assessment)
    return Contents(
        files=len(found.measured),
        bytes=found.size,
        links=tuple(each.path for each in found.measured if each.is_link),
        left_out=found.left_out,
        commit=found.commit,
        not_assessed=left_out,
        not_assessed_total=total,
    )


def _references(ground: Ground, log: LogReference | None, *, plugins: bool) -> EvidenceReferences:
    assessment = ground.evidence.assessment
    catalogue = load_catalogue()
    cards = {found.card.id: found.card for found in rulebook(catalogue, with_plugins=plugins)}
    reports = {
        name: hashlib.sha256(
            FORMATS[name].render(assessment, catalogue=catalogue, cards=cards).encode()
        ).hexdigest()
        for name in ("json", "sarif")
    }
    return EvidenceReferences(
        run=assessment.id,
        assessed=assessment.started,
        tree=assessment.tree_digest,
        findings=composition.findings_digest(assessment),
        json_report=reports["json"],
        sarif_report=reports["sarif"],
        threats=ground.evidence.threats,
        log=log,
    )

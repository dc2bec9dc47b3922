"""Verifies a release offline: needs the release, the keys that are trusted, and the files. Nothing is loaded or run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.core.outcome import Outcome
from keelmark.core.release import LeftOut, ReleaseState, ReleaseVerification
from keelmark.core.signature import Change, Difference
from keelmark.deployment.release.subjects import compare
from keelmark.deployment.release.verification import (
    Judgement,
    SignedRelease,
    SignedRevocation,
    is_own_record,
    judge_records,
    judge_signatures,
    judge_time,
    open_release,
    open_revocation,
)
from keelmark.errors import ParseError, UsageError
from keelmark.store.releases import RELEASES_FOLDER, ReleaseBounds, read_envelopes
from keelmark.trust.keys import PublicKey
from keelmark.workflows.log_keys import read_file
from keelmark.workflows.release_files import measure

if TYPE_CHECKING:
    from keelmark.core.clock import Clock
    from keelmark.workflows.release_files import Measurement

__all__ = ["VerifyReleaseRequest", "is_release", "verify_release"]

_ENDING = ".dsse.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReleaseRequest:
    """What to verify.

    Attributes:
        release: The file.
        root: The folder that should be as released.
        revocations: Further files with revocations or later releases, or folders of them.
        keys: One of them must have signed; each that signed is checked.
        also_keys: All of them must have signed as well.
    """

    release: Path
    root: Path
    revocations: Sequence[Path] = ()
    keys: Sequence[PublicKey] = ()
    also_keys: Sequence[PublicKey] = ()


def is_release(file: Path) -> bool:
    """Whether a file is a release, or is called like one: a damaged one must not pass for something else.

    Raises:
        UsageError: It cannot be read.
    """
    if not file.is_file():
        return False
    if file.name.endswith(_ENDING):
        return True
    with file.open("rb") as stream:
        if stream.read(1) != b"{":
            return False
    if file.stat().st_size > ReleaseBounds().max_bytes:
        return False
    return is_own_record(read_file(file, ReleaseBounds().max_bytes))


def verify_release(request: VerifyReleaseRequest, *, clock: Clock | None = None) -> ReleaseVerification:
    """Whether a folder is what was released, and whether the release still holds.

    Raises:
        UsageError: The release or the folder cannot be read, or no key was given.
        StoreError: Records beside the release cannot be read.
        TrustError: A file cannot be read, or changed while it was.
        LimitExceededError: There is too much to read.
    """
    if not request.keys:
        raise UsageError(
            "whom to trust is not known", hint="name the public key of who released: --key key.pem.pub"
        )
    data = read_file(request.release, ReleaseBounds().max_bytes)
    try:
        signed = open_release(data)
    except ParseError as error:
        words = f"it was changed, or is no release: {error.message}"
        return ReleaseVerification(outcome=Outcome.FAIL, state=ReleaseState.DAMAGED, reasons=(words,))
    found = judge_signatures(signed, keys=request.keys, also_keys=request.also_keys)
    if not found.signers:
        return ReleaseVerification(outcome=found.outcome, state=found.state, reasons=found.reasons)
    judge_time(signed.release, now=(clock or SystemClock()).now(), found=found)
    _judge_records(request, signed, found)
    root = request.root.resolve()
    if not root.is_dir():
        raise UsageError(f"`{request.root}` is no folder", hint="name the folder that was released")
    measurement = measure(root)
    own = _own_path(request.release, root)
    differences = _differences(signed, measurement, own)
    if differences:
        words = f"{len(differences)} of its files are not as released"
        found.failed.append((ReleaseState.CHANGED, words))
    ignored = measurement.left_out
    if own in {each.path for each in measurement.measured} and own not in {
        each.name for each in signed.stated.subjects[: signed.release.contents.files]
    }:
        ignored = (*ignored, LeftOut(path=own, reason="the release itself"))
    return ReleaseVerification(
        outcome=found.outcome,
        state=found.state,
        reasons=found.reasons,
        differences=differences,
        signers=tuple(found.signers),
        release=signed.release,
        files=len(measurement.measured),
        size=measurement.size,
        ignored=ignored,
        notes=tuple(found.notes),
    )


def _differences(signed: SignedRelease, measurement: Measurement, own: str) -> tuple[Difference, ...]:
    stated = signed.stated
    measured = {each.path: each for each in measurement.measured}
    found = [
        each
        for each in compare(stated.subjects, stated.release.contents, measured)
        # The release may be laid beside the files that it speaks of: its own signature covers it.
        if not (each.change is Change.ADDED and each.path == own)
    ]
    words = "neither file, folder nor link, or a name that is no UTF-8"
    found.extend(Difference(change=Change.SPECIAL, path=path, detail=words) for path in measurement.others)
    return tuple(found)


def _own_path(file: Path, root: Path) -> str:
    place = file.parent.resolve() / file.name
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else ""


def _judge_records(request: VerifyReleaseRequest, signed: SignedRelease, found: Judgement) -> None:
    """Honour revocations and later releases that lie beside the release, in the project, or are named."""
    revocations: list[SignedRevocation] = []
    releases: list[SignedRelease] = []
    for name, data in _records(request).items():
        if not is_own_record(data):
            if Path(name).name.startswith(signed.release.id):
                words = f"`{Path(name).name}` speaks of it and cannot be read: it was changed"
                found.unknown.append((ReleaseState.UNKNOWN, words))
            continue
        try:
            revocations.append(open_revocation(data))
        except ParseError:
            try:
                releases.append(open_release(data))
            except ParseError as error:
                words = f"the record `{Path(name).name}` cannot be read: {error.message}"
                found.unknown.append((ReleaseState.UNKNOWN, words))
    judge_records(
        signed,
        revocations=revocations,
        releases=releases,
        keys=[*request.keys, *request.also_keys],
        found=found,
    )


def _records(request: VerifyReleaseRequest) -> dict[str, bytes]:
    own = request.release.resolve()
    folders = {request.release.resolve().parent, (request.root / RELEASES_FOLDER).resolve()}
    found: dict[str, bytes] = {}
    for each in request.revocations:
        if each.is_dir():
            folders.add(each.resolve())
        else:
            data = read_file(each, ReleaseBounds().max_bytes)
            if not is_own_record(data):
                raise UsageError(
                    f"`{each}` is no record of a release", hint="name a file made by keelmark release"
                )
            found[str(each.resolve())] = data
    for folder in sorted(folders):
        found.update({str(folder / name): data for name, data in read_envelopes(folder).items()})
    return {name: data for name, data in found.items() if name != str(own)}

"""Verifies a dossier offline: needs the archive and the keys that are trusted; another level or the release, to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.core.dossier import DossierState, DossierVerification, Level
from keelmark.core.outcome import Outcome
from keelmark.core.signature import SignerIdentity
from keelmark.deployment.release.dossier_verification import (
    ENVELOPE,
    FACTS,
    RELEASE,
    TEST_RESULT,
    Findings,
    OpenedDossier,
    is_dossier,
    is_of_later_form,
    judge_facts,
    judge_pair,
    judge_release,
    judge_signature,
    open_dossier,
    signed_by,
)
from keelmark.errors import LimitExceededError, ParseError, UsageError
from keelmark.store.releases import ReleaseBounds
from keelmark.trust import dsse, statement, stored_zip
from keelmark.trust.keys import PublicKey
from keelmark.version import __version__
from keelmark.workflows.dossier_parts import OSCAL, PAGE, readable_parts, results_payload
from keelmark.workflows.log_keys import read_file

if TYPE_CHECKING:
    from keelmark.core.clock import Clock

__all__ = ["VerifyDossierRequest", "is_dossier_file", "verify_archive", "verify_dossier"]

_ENDS = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyDossierRequest:
    """What to verify.

    Attributes:
        file: The dossier.
        keys: One of them must have signed it.
        release: The release that it should be of.
        against: Another dossier, which should tell of the same facts.
    """

    file: Path
    keys: Sequence[PublicKey] = ()
    release: Path | None = None
    against: Path | None = None


def is_dossier_file(file: Path) -> bool:
    """Whether a file is a dossier, or is called like one.

    Raises:
        OSError: It cannot be read.
    """
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        head = stream.read(_ENDS)
        stream.seek(max(0, file.stat().st_size - _ENDS))
        return is_dossier(head, stream.read(_ENDS), name=file.name)


def verify_dossier(request: VerifyDossierRequest, *, clock: Clock | None = None) -> DossierVerification:
    """Whether a dossier is what a trusted key signed, and fits what it is compared with.

    Raises:
        UsageError: A file cannot be read, or no key was given.
    """
    if not request.keys:
        raise UsageError(
            "whom to trust is not known",
            hint="name the public key of who made the dossier: --key key.pem.pub",
        )
    limit = stored_zip.Bounds().max_bytes
    data = read_file(request.file, limit)
    release = read_file(request.release, ReleaseBounds().max_bytes) if request.release else None
    against = read_file(request.against, limit) if request.against else None
    now = (clock or SystemClock()).now()
    return verify_archive(data, keys=request.keys, release=release, against=against, now=now)


def verify_archive(
    data: bytes,
    *,
    keys: Sequence[PublicKey],
    release: bytes | None = None,
    against: bytes | None = None,
    now: datetime | None = None,
) -> DossierVerification:
    """Whether these bytes are a dossier that one of the keys signed.

    Args:
        data: The archive.
        keys: Those that are trusted.
        release: The release that it should be of; None compares with none.
        against: Another dossier that should tell of the same facts; None compares with none.
        now: To say when the release has ended meanwhile.
    """
    found = Findings()
    opened, key = _judged(data, keys, found)
    if opened is None or key is None:
        return DossierVerification(outcome=found.outcome, state=found.state, reasons=found.reasons)
    if release is not None:
        judge_release(opened, release, found)
    other = None if against is None else _other(opened, against, keys, found)
    if now is not None:
        _note_time(opened, now, found)
    stated, dossier = opened.stated, opened.dossier
    summary = dossier.facts.get("release/summary", {})
    system = f"{summary.get('system', '')} {summary.get('system_version', '')}".strip()
    is_valid = found.outcome is Outcome.PASS
    return DossierVerification(
        outcome=found.outcome,
        state=found.state,
        reasons=found.reasons,
        signers=(SignerIdentity(algorithm=key.algorithm, keyid=key.keyid),),
        statement=stated,
        system=system,
        shown=len(dossier.facts),
        hidden=Counter(each.needs for each in dossier.hidden),
        against=other.stated.level if other is not None and is_valid else None,
        notes=tuple(found.notes),
    )


def _judged(
    data: bytes, keys: Sequence[PublicKey], found: Findings
) -> tuple[OpenedDossier | None, PublicKey | None]:
    """Everything about one dossier by itself."""
    try:
        opened = open_dossier(data)
    except (ParseError, LimitExceededError) as error:
        if is_of_later_form(data, keys):
            found.unknown.append(
                "it is of a form that this version of Keelmark does not know: use a newer one"
            )
        else:
            words = f"it was changed, or is no dossier: {error.message}"
            found.failed.append((DossierState.DAMAGED, words))
        return None, None
    key = judge_signature(opened, keys, found)
    if key is None:
        return None, None
    judge_facts(opened, found)
    if not found.failed:
        _judge_parts(opened, key, found)
    return opened, key


def _judge_parts(opened: OpenedDossier, key: PublicKey, found: Findings) -> None:
    """Whether page, OSCAL and test results say what the facts say, and the release is the one it names."""
    wanted = {ENVELOPE, FACTS, PAGE, OSCAL, TEST_RESULT}
    if opened.stated.level.sees(Level.AUTHORITY):
        wanted.add(RELEASE)
    if set(opened.parts) != wanted:
        words = f"it holds other files than a dossier of its level: {', '.join(sorted(set(opened.parts) ^ wanted))}"
        found.failed.append((DossierState.DAMAGED, words))
        return
    if RELEASE in opened.parts:
        judge_release(opened, opened.parts[RELEASE], found)
    try:
        results = dsse.parse(opened.parts[TEST_RESULT])
        is_whole = dsse.encode(results) == opened.parts[TEST_RESULT]
        is_statement = results.payload_type == statement.PAYLOAD_TYPE
        if not is_whole or not is_statement or signed_by(results, [key]) is None:
            found.failed.append((DossierState.DAMAGED, "its test results are not signed with the same key"))
        if opened.stated.keelmark != __version__:
            found.notes.append(
                f"it was made by Keelmark {opened.stated.keelmark}: its page, OSCAL and test results are those that"
                " were signed; whether they say what the facts say, that version can tell"
            )
            return
        made = readable_parts(opened.dossier)
        wrong = [name for name, content in made.items() if opened.parts.get(name) != content]
        if results.payload != results_payload(opened.dossier):
            wrong.append(TEST_RESULT)
    except ParseError as error:
        found.failed.append((DossierState.DAMAGED, error.message))
        return
    found.failed.extend(
        (DossierState.DAMAGED, f"`{name}` does not say what the facts say") for name in sorted(wrong)
    )


def _other(
    opened: OpenedDossier, against: bytes, keys: Sequence[PublicKey], found: Findings
) -> OpenedDossier | None:
    theirs = Findings()
    other, _ = _judged(against, keys, theirs)
    if other is None or theirs.outcome is not Outcome.PASS:
        words = [f"the other dossier: {each}" for each in theirs.reasons]
        if theirs.outcome is Outcome.FAIL:
            found.failed.extend((theirs.state, each) for each in words)
        else:
            found.unknown.extend(words)
        return None
    judge_pair(opened, other, found)
    return other


def _note_time(opened: OpenedDossier, now: datetime, found: Findings) -> None:
    ends = opened.dossier.facts.get("release/summary", {}).get("expires", "")
    try:
        if now >= datetime.fromisoformat(ends):
            found.notes.append(f"the release that it is about ended on {ends[:10]}")
    except (TypeError, ValueError):
        return
    found.notes.append(
        "whether the release still holds, its files and records say: keelmark verify RELEASE ."
    )

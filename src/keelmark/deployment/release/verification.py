"""Whether a release holds: a pure judgement of an envelope, the keys that are trusted, the files, the time and the records.

The rules, each with a test:

1. Nothing a release says counts until a key that the verifier gave has signed it, over this very payload.
2. One wrong signature spoils the envelope, and so does one that the release does not name. Each byte of the file has one
   spelling, so that no change goes unnoticed.
3. Everybody whom the release names must have signed. While one is missing it is incomplete; while the key of one was not
   given, that cannot be told.
4. A critical system needs two signers. A release that names one is no release, whoever signed it.
5. Every file that differs, is gone or is new makes it invalid, and so does what is neither file, folder nor link.
6. A release that a trusted key revoked, or whose successor a trusted key signed, no longer holds. A record that names it and that
   no given key signed makes that unknown: it is never passed over.
7. It holds from `not_before` to before `expires`.
8. Whatever fails decides; then whatever is unknown; only then is it valid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome, Verdict
from keelmark.core.release import ReleaseState
from keelmark.core.signature import SignerIdentity
from keelmark.deployment.release import predicate
from keelmark.deployment.release.predicate import StatedRelease, StatedRevocation
from keelmark.errors import KeelmarkError, ParseError, TrustError
from keelmark.trust import dsse, statement
from keelmark.trust.dsse import Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from keelmark.core.release import Release
    from keelmark.trust.keys import PublicKey

__all__ = [
    "Judgement",
    "SignedRelease",
    "SignedRevocation",
    "is_complete",
    "is_own_record",
    "judge_records",
    "judge_signatures",
    "judge_time",
    "open_release",
    "open_revocation",
    "signers_of",
]

_ORDER = tuple(ReleaseState)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRelease:
    """A release as it stands in its envelope; nothing of it is proved."""

    stated: StatedRelease
    envelope: Envelope

    @property
    def release(self) -> Release:
        """What is stated."""
        return self.stated.release


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRevocation:
    """A revocation as it stands in its envelope; nothing of it is proved."""

    stated: StatedRevocation
    envelope: Envelope


@dataclass(slots=True)
class Judgement:
    """What speaks against a release, as it is found.

    Attributes:
        failed: (state, words) of what makes it invalid.
        unknown: (state, words) of what cannot be told.
        notes: What changes nothing.
        signers: Whose signatures hold.
    """

    failed: list[tuple[ReleaseState, str]] = field(default_factory=list)
    unknown: list[tuple[ReleaseState, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    signers: list[SignerIdentity] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """Rule 8."""
        if self.failed:
            return Outcome.FAIL
        return Outcome.UNKNOWN if self.unknown else Outcome.PASS

    @property
    def state(self) -> ReleaseState:
        """What weighs most."""
        found = self.failed or self.unknown or [(ReleaseState.VALID, "")]
        return min((state for state, _ in found), key=_ORDER.index)

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of it in words, what weighs most first."""
        found = [*sorted(self.failed, key=_weight), *sorted(self.unknown, key=_weight)]
        return tuple(words for _, words in found)


def open_release(data: bytes) -> SignedRelease:
    """Read a release strictly; no signature is checked.

    Raises:
        ParseError: It is none, or was changed.
    """
    envelope = _opened(data)
    return SignedRelease(stated=predicate.parse_release(envelope.payload), envelope=envelope)


def open_revocation(data: bytes) -> SignedRevocation:
    """Read a revocation strictly; no signature is checked.

    Raises:
        ParseError: It is none, or was changed.
    """
    envelope = _opened(data)
    return SignedRevocation(stated=predicate.parse_revocation(envelope.payload), envelope=envelope)


def is_own_record(data: bytes) -> bool:
    """Whether these bytes are an envelope that claims to be a release or a revocation, whatever state it is in."""
    try:
        envelope = dsse.parse(data)
        if envelope.payload_type != statement.PAYLOAD_TYPE:
            return False
        return statement.parse(envelope.payload).predicate_type in {
            predicate.RELEASE_TYPE,
            predicate.REVOCATION_TYPE,
        }
    except KeelmarkError:
        return False


def is_complete(signed: SignedRelease) -> bool:
    """Whether the envelope has a signature that bears the name of each key; none is checked."""
    present = {each.keyid for each in signed.envelope.signatures}
    return present == {each.keyid for each in signed.release.signers}


def signers_of(envelope: Envelope, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """The keys that signed an envelope.

    Raises:
        TrustError: A signature that bears the name of one of the keys is not of that key, or one stands twice.
    """
    known = {key.keyid: key for key in keys}
    signed = dsse.pae(envelope.payload_type, envelope.payload)
    found: dict[str, PublicKey] = {}
    seen: set[str] = set()
    for each in envelope.signatures:
        if each.keyid in seen:
            raise TrustError("the same key stands twice among the signatures", hint=_AGAIN)
        seen.add(each.keyid)
        key = known.get(each.keyid)
        if key is None:
            if any(other.is_only_signature(each.value, signed) for other in known.values()):
                raise TrustError("a signature bears the name of another key", hint=_AGAIN)
        elif not key.is_only_signature(each.value, signed):
            raise TrustError(
                f"the signature of key {each.keyid[:16]} does not hold: the release was changed after it was signed",
                hint=_AGAIN,
            )
        else:
            found[key.keyid] = key
    return tuple(found.values())


def judge_signatures(
    signed: SignedRelease, *, keys: Sequence[PublicKey], also_keys: Sequence[PublicKey] = ()
) -> Judgement:
    """Rules 1 to 4."""
    found = Judgement()
    try:
        trusted = signers_of(signed.envelope, [*keys, *also_keys])
    except TrustError as error:
        found.failed.append((ReleaseState.DAMAGED, error.message))
        return found
    if not trusted:
        words = f"none of the given keys signed it; it names {_named(signed.release)}"
        found.failed.append((ReleaseState.UNTRUSTED, words))
        return found
    held = {key.keyid for key in trusted}
    found.signers.extend(SignerIdentity(algorithm=key.algorithm, keyid=key.keyid) for key in trusted)
    for key in also_keys:
        if key.keyid not in held:
            found.failed.append(
                (ReleaseState.UNTRUSTED, f"key {key.keyid[:16]} must have signed it and did not")
            )
    if not any(key.keyid in held for key in keys):
        found.failed.append((ReleaseState.UNTRUSTED, "none of the keys of --key signed it"))
    _judge_names(signed, held, found)
    if signed.release.verdict is not Verdict.RELEASE:
        found.failed.append((ReleaseState.DAMAGED, f"its verdict is `{signed.release.verdict}`"))
    return found


def judge_time(release: Release, *, now: datetime, found: Judgement) -> None:
    """Rule 7."""
    if now < release.not_before:
        words = f"it holds from {_moment(release.not_before)}, and it is {_moment(now)}"
        found.failed.append((ReleaseState.NOT_YET_VALID, words))
    elif now >= release.expires:
        words = f"it expired at {_moment(release.expires)} ({release.limited_by}): assess and release again"
        found.failed.append((ReleaseState.EXPIRED, words))


def judge_records(
    signed: SignedRelease,
    *,
    revocations: Iterable[SignedRevocation],
    releases: Iterable[SignedRelease],
    keys: Sequence[PublicKey],
    found: Judgement,
) -> None:
    """Rule 6."""
    release = signed.release
    for each in revocations:
        stated = each.stated.revocation
        if each.stated.digest != signed.stated.digest:
            continue
        words = f"revoked at {_moment(stated.revoked)} by {stated.owner}: {stated.reason}"
        _judge_record(each.envelope, keys, (ReleaseState.REVOKED, words), found)
    for other in releases:
        if other.release.supersedes != release.id or not is_complete(other):
            continue
        words = f"superseded at {_moment(other.release.created)} by release {other.release.id}"
        _judge_record(other.envelope, keys, (ReleaseState.SUPERSEDED, words), found)


def _judge_record(
    envelope: Envelope, keys: Sequence[PublicKey], says: tuple[ReleaseState, str], found: Judgement
) -> None:
    state, words = says
    try:
        is_trusted = bool(signers_of(envelope, keys))
    except TrustError:
        is_trusted = False
    if is_trusted:
        found.failed.append(says)
    else:
        found.unknown.append(
            (state, f"{words}; none of the given keys signed that: give its key, or remove the record")
        )


def _judge_names(signed: SignedRelease, held: set[str], found: Judgement) -> None:
    release = signed.release
    present = {each.keyid for each in signed.envelope.signatures}
    named = [each.keyid for each in release.signers]
    if present - set(named):
        found.failed.append((ReleaseState.DAMAGED, "it bears a signature of a key that it does not name"))
    people = [each.name for each in release.signers]
    is_double = len(set(named)) < len(named) or any(
        predicate.same_person(name, other) for at, name in enumerate(people) for other in people[:at]
    )
    if is_double or len(named) < predicate.signers_needed(critical=release.critical):
        words = "a release of a critical system needs two different people and keys, and this one names fewer"
        found.failed.append((ReleaseState.DAMAGED, words))
    for each in release.signers:
        if each.keyid not in present:
            words = f"{each.name} has not signed yet (key {each.keyid[:16]})"
            found.unknown.append((ReleaseState.INCOMPLETE, words))
        elif each.keyid not in held:
            words = f"whether {each.name} signed it cannot be told: give key {each.keyid[:16]} with --key"
            found.unknown.append((ReleaseState.UNKNOWN, words))


def _opened(data: bytes) -> Envelope:
    envelope = dsse.parse(data)
    if dsse.encode(envelope) != data:
        raise ParseError("envelope is spelled otherwise than Keelmark spells it: it was changed", hint=_AGAIN)
    if envelope.payload_type != statement.PAYLOAD_TYPE:
        raise ParseError(f"envelope holds `{envelope.payload_type[:200]}`", hint=_AGAIN)
    if not envelope.signatures:
        raise ParseError("envelope bears no signature", hint=_AGAIN)
    return envelope


_AGAIN = "take the release again from where it was made"


def _named(release: Release) -> str:
    return ", ".join(f"{each.name} (key {each.keyid[:16]})" for each in release.signers)


def _weight(entry: tuple[ReleaseState, str]) -> int:
    return _ORDER.index(entry[0])


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

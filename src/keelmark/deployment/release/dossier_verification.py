"""Whether a dossier is what somebody trusted has signed: a pure judgement of its bytes and of the keys that are trusted.

The rules, each with a test:

1. Nothing it says counts until a key that the verifier gave has signed it.
2. Each byte of the archive counts: it is in the one form that its parts give, the statement names each part by digest, and
   the envelope has one spelling and one signature.
3. Every fact is shown or listed as hidden; what is shown is what was committed to; a level shows what its reader may see and
   hides the rest; all leaves together give the signed root.
4. Two dossiers tell of one release when they name the same one, and of the same facts when their roots are the same.
5. With the release at hand, its digest is the one that was signed, and every shown fact that it states is as it states it.
6. Whatever fails decides; then whatever is unknown; only then is it valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.dossier import Dossier, DossierState, DossierStatement
from keelmark.core.outcome import Outcome
from keelmark.deployment.release.dossier import check_leaves, parse_document
from keelmark.deployment.release.dossier_facts import release_facts
from keelmark.deployment.release.dossier_statement import DOSSIER_TYPE, form_of, parse_statement
from keelmark.deployment.release.verification import open_release
from keelmark.errors import KeelmarkError, ParseError
from keelmark.trust import dsse, statement, stored_zip
from keelmark.trust.dsse import Envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.trust.keys import PublicKey

__all__ = [
    "ENVELOPE",
    "FACTS",
    "RELEASE",
    "TEST_RESULT",
    "Findings",
    "OpenedDossier",
    "is_dossier",
    "is_of_later_form",
    "judge_facts",
    "judge_pair",
    "judge_release",
    "judge_signature",
    "open_dossier",
    "signed_by",
]

ENVELOPE = "dossier.dsse.json"
FACTS = "leaves.json"
RELEASE = "release.dsse.json"
TEST_RESULT = "test-result.intoto.json"
ENDING = ".dossier.zip"

_NAME_AT = 30
_TAIL = 4_096
_ORDER = tuple(DossierState)
_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDossier:
    """A dossier as it stands in its archive; nothing of it is proved."""

    envelope: Envelope
    stated: DossierStatement
    dossier: Dossier
    parts: Mapping[str, bytes]


@dataclass(slots=True)
class Findings:
    """What speaks against a dossier, as it is found.

    Attributes:
        failed: (state, words) of what makes it invalid.
        unknown: Words of what cannot be told.
        notes: What changes nothing.
    """

    failed: list[tuple[DossierState, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """Rule 6."""
        if self.failed:
            return Outcome.FAIL
        return Outcome.UNKNOWN if self.unknown else Outcome.PASS

    @property
    def state(self) -> DossierState:
        """What weighs most."""
        if self.failed:
            return min((state for state, _ in self.failed), key=_ORDER.index)
        return DossierState.UNKNOWN if self.unknown else DossierState.VALID

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of it in words, what weighs most first."""
        ordered = sorted(self.failed, key=lambda entry: _ORDER.index(entry[0]))
        return (*(words for _, words in ordered), *self.unknown)


def is_dossier(head: bytes, tail: bytes, *, name: str) -> bool:
    """Whether a file is a dossier or is called like one: a damaged one must not pass for something else.

    Args:
        head: Its first bytes.
        tail: Its last bytes.
        name: Of the file.
    """
    wanted = ENVELOPE.encode()
    return name.endswith(ENDING) or head[_NAME_AT:].startswith(wanted) or wanted in tail[-_TAIL:]


def open_dossier(data: bytes) -> OpenedDossier:
    """Read a dossier strictly; no signature is checked.

    Raises:
        ParseError: It is none, or was changed.
        LimitExceededError: It is too large.
    """
    parts = stored_zip.parse(data)
    if ENVELOPE not in parts or FACTS not in parts:
        raise ParseError("archive is no dossier: it lacks its statement or its facts")
    envelope = _opened(parts[ENVELOPE])
    stated = parse_statement(envelope.payload)
    return OpenedDossier(envelope=envelope, stated=stated, dossier=parse_document(parts[FACTS]), parts=parts)


def is_of_later_form(data: bytes, keys: Sequence[PublicKey]) -> bool:
    """Whether one of these keys signed this as a dossier of a form that this program does not know."""
    try:
        envelope = _opened(stored_zip.parse(data).get(ENVELOPE, b""))
    except KeelmarkError:
        return False
    return form_of(envelope.payload) not in {"", DOSSIER_TYPE} and signed_by(envelope, keys) is not None


def signed_by(envelope: Envelope, keys: Sequence[PublicKey]) -> PublicKey | None:
    """The key among these that made the only signature of an envelope, and is named there; else None."""
    if len(envelope.signatures) != 1:
        return None
    (signature,) = envelope.signatures
    signed = dsse.pae(envelope.payload_type, envelope.payload)
    return next(
        (
            key
            for key in keys
            if key.keyid == signature.keyid and key.is_only_signature(signature.value, signed)
        ),
        None,
    )


def judge_signature(opened: OpenedDossier, keys: Sequence[PublicKey], found: Findings) -> PublicKey | None:
    """Rules 1 and 2: the key that signed it, or None, with the reason among the findings."""
    key = signed_by(opened.envelope, keys)
    if key is None:
        named = [each.keyid for each in opened.envelope.signatures]
        if any(each.keyid in named for each in keys):
            words = "its signature does not hold: it was changed after it was signed"
            found.failed.append((DossierState.DAMAGED, words))
        else:
            words = f"none of the given keys signed it; it names key {', '.join(each[:16] for each in named)}"
            found.failed.append((DossierState.UNTRUSTED, words))
        return None
    digests = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in opened.parts.items()
        if name != ENVELOPE
    }
    for name in sorted({*digests, *opened.stated.parts}):
        if digests.get(name) != opened.stated.parts.get(name):
            found.failed.append((DossierState.DAMAGED, f"`{name}` is not the file that was signed"))
    return key


def judge_facts(opened: OpenedDossier, found: Findings) -> None:
    """Rule 3."""
    stated, dossier = opened.stated, opened.dossier
    told = (dossier.level, dossier.release, dossier.release_digest, dossier.root, len(dossier.leaves))
    signed = (stated.level, stated.release, stated.release_digest, stated.root, stated.leaves)
    if told != signed:
        words = "its facts are of another level, release or root than its signature says"
        found.failed.append((DossierState.DAMAGED, words))
    wrong = check_leaves(dossier)
    found.failed.extend((DossierState.DAMAGED, words) for words in wrong[:_SHOWN])
    if len(wrong) > _SHOWN:
        found.failed.append((DossierState.DAMAGED, f"and {len(wrong) - _SHOWN} more facts like these"))


def judge_pair(opened: OpenedDossier, other: OpenedDossier, found: Findings) -> None:
    """Rule 4; both have been judged on their own."""
    first, second = opened.stated, other.stated
    if first.release_digest != second.release_digest:
        words = f"it is of release {first.release}, and the other one of {second.release}"
        found.failed.append((DossierState.OTHER_RELEASE, words))
    elif first.root != second.root:
        words = (
            f"both are of release {first.release}, and they do not tell of the same facts: their roots differ"
        )
        found.failed.append((DossierState.OTHER_FACTS, words))


def judge_release(opened: OpenedDossier, data: bytes, found: Findings) -> None:
    """Rule 5."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != opened.stated.release_digest:
        words = f"it is of the release with digest {opened.stated.release_digest}, and this one has {digest}"
        found.failed.append((DossierState.OTHER_RELEASE, words))
        return
    try:
        release = open_release(data)
    except ParseError as error:
        found.failed.append((DossierState.DAMAGED, f"the release cannot be read: {error.message}"))
        return
    shown = opened.dossier.facts
    names = {each.name for each in opened.dossier.leaves}
    for each in release_facts(release.stated):
        if each.name not in names or shown.get(each.name, each.value) != each.value:
            words = f"`{each.name}` is not as the release states it"
            found.failed.append((DossierState.OTHER_FACTS, words))


def _opened(data: bytes) -> Envelope:
    envelope = dsse.parse(data)
    if dsse.encode(envelope) != data or envelope.payload_type != statement.PAYLOAD_TYPE:
        raise ParseError("envelope is spelled otherwise than Keelmark spells it: it was changed")
    return envelope

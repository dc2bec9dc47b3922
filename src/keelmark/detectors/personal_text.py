"""Personal data in free text: each place with its kind, found by form and confirmed by checksum or by the words near it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import re2

from keelmark.core.outcome import Confidence
from keelmark.detectors import personal_kinds as kinds
from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHAPES", "PersonalSpan", "TextBounds", "find_in_text", "names_a_number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBounds:
    """Bounds of one text.

    Attributes:
        max_characters: Longest text.
        max_spans: Most places that are named.
        context: Characters before a place in which a word can tell what it is.
    """

    max_characters: int = 4 * 1024**2
    max_spans: int = 10_000
    context: int = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalSpan:
    """One place with personal data.

    Attributes:
        kind: `email`, `phone`, `iban`, `payment-card`, `us-ssn`, `national-id-xx`, `ip-address`.
        start: First character.
        end: Character after the last.
    """

    kind: str
    start: int
    end: int
    confidence: Confidence = Confidence.HIGH


# One pass: addresses of mail, account numbers, IP addresses, and anything that is mostly digits.
SHAPES: Final = {
    "mail": r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}",
    "iban": r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?\b",
    "ip": r"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b",
    "code": (
        r"\b[A-Z]{4}[0-9]{6}[A-Z0-9]{8}\b|\b[A-Z]{6}[0-9]{2}[A-Z][0-9]{2}[A-Z][0-9]{3}[A-Z]\b|\b[A-Z]{5}[0-9]{4}[A-Z]\b"
    ),
    "number": r"[+(]{0,2}\b[A-Z]?[0-9](?:[ ().\-/+]{0,3}[0-9]){6,21}(?:[ -]?[A-Za-z0-9])?\b",
}
"""Forms that personal data have; what has one is looked at closely."""

_CANDIDATE = re2.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in SHAPES.items()))
_CARD_WORDS = re2.compile(
    r"(?i)(\b|_)(cards?|visa|master.?card|amex|american.?express|cc|ccn|pan)(\b|_)|karte\b|tarjeta|carte bancaire"
)
_SSN_WORDS = re2.compile(r"(?i)(\bssn\b|social.?security)")
_PHONE_WORDS = re2.compile(
    r"(?i)(phone|\btel\b|\btel[.:]|mobile|\bcell\b|call (me|us)|whats ?app|\bfax\b|handy|telefon|\bt[eé]l)"
)
_ADDRESS_WORDS = re2.compile(r"(?i)(\bip\b|client|remote|from|addr|host|login|session|user|\"(GET|POST|PUT))")
_REQUEST_LINE = re2.compile(r"^ - |^ \S+ \S+ \[|^:\d+ |^ \[|^,? .{0,40}(GET|POST|HTTP)")
_NUMBER_WORDS = re2.compile("|".join(words.pattern for words in (_CARD_WORDS, _SSN_WORDS, _PHONE_WORDS)))
_GROUPED_CARD = re2.compile(r"\d{4}([ -])\d{4}[ -]\d{4}[ -]\d{1,7}|3\d{3}[ -]\d{6}[ -]\d{4,5}")
_WRITTEN_SSN = re2.compile(r"\d{3}-\d{2}-\d{4}")
_WRITTEN_PHONE = re2.compile(r"\(\d{3}\) ?\d{3}[-.]\d{4}|\d{3}-\d{3}-\d{4}")


def find_in_text(
    text: str, *, bounds: TextBounds | None = None, context: str = "", sees_after: bool = True
) -> tuple[PersonalSpan, ...]:
    """The personal data in a text, in order of place.

    Numbers count only with a checksum, a form that only such numbers have, or a word before them that names them. A
    plain row of digits is never personal data by itself.

    Args:
        text: The text.
        bounds: Bounds of the text.
        context: What is known of the text from outside, such as the name of its column.
        sees_after: Whether words behind a place count, too; not where more text may follow.

    Raises:
        LimitExceededError: The text is too long.
    """
    bounds = bounds or TextBounds()
    if len(text) > bounds.max_characters:
        raise LimitExceededError(f"text of {len(text)} characters is longer than {bounds.max_characters}")
    if "@" not in text and sum(map(text.count, "0123456789")) < 4:
        return ()
    if text.isdigit() and not names_a_number(context):
        return ()
    return tuple(_spans(text, bounds, context, 80 if sees_after else 0))


def names_a_number(words: str) -> bool:
    """Whether the words name a kind of number, so that a plain row of digits may be one."""
    return bool(kinds.ANY_NATIONAL.search(words) or _NUMBER_WORDS.search(words))


def _spans(text: str, bounds: TextBounds, context: str, after: int) -> Iterator[PersonalSpan]:
    found = 0
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        before = f"{context} {text[max(0, start - bounds.context) : start]}"
        kind = _kind_of(match, before, text[end : end + after])
        if not kind:
            continue
        # One in forty random rows of four groups passes as a card; a word before it settles that.
        is_guess = kind == "payment-card" and not _CARD_WORDS.search(before)
        yield PersonalSpan(
            kind=kind, start=start, end=end, confidence=Confidence.MEDIUM if is_guess else Confidence.HIGH
        )
        found += 1
        if found >= bounds.max_spans:
            return


def _kind_of(match: Any, before: str, after: str) -> str:
    value = match.group()
    match match.lastgroup:
        case "mail":
            return "email" if kinds.is_email(value) else ""
        case "iban":
            return "iban" if kinds.is_iban(value) else _number(value, before)
        case "ip":
            is_log = _ADDRESS_WORDS.search(before) or _REQUEST_LINE.search(after)
            return "ip-address" if is_log and kinds.is_public_address(value) else ""
        case "code":
            return _national(value, before)
        case _:
            return _number(value, before)


def _number(value: str, before: str) -> str:
    """What a row of digits is, told by form, checksum and the words before it; "" for none."""
    digits = sum(c.isdigit() for c in value)
    if (
        13 <= digits <= 19
        and (_GROUPED_CARD.fullmatch(value) or _CARD_WORDS.search(before))
        and kinds.is_card(value)
    ):
        return "payment-card"
    if digits == 9 and _SSN_WORDS.search(before) and kinds.is_us_ssn(value):
        return "us-ssn"
    national = _national(value, before)
    if national:
        return national
    is_named = bool(_PHONE_WORDS.search(before))
    if 7 <= digits <= 15 and (is_named or value.startswith("+") or _WRITTEN_PHONE.fullmatch(value)):
        is_written = is_named or bool(_WRITTEN_PHONE.fullmatch(value))
        return "phone" if kinds.is_phone(value, needs_country=not is_written) else ""
    return ""


def _national(value: str, before: str) -> str:
    if not kinds.ANY_NATIONAL.search(before):
        return ""
    for number in kinds.NATIONAL:
        if number.words.search(before) and number.check.is_valid(value):
            return number.kind
    return ""

"""What the name of a column promises, and whether the values keep the promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import re2

from keelmark.core.outcome import Confidence

__all__ = ["HEADERS", "Header", "header_of", "words_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A kind of personal data that a column name stands for.

    Attributes:
        kind: Name of the kind.
        name: The whole column name, words joined by `_`, matches this.
        values: What a value must match to count.
        share: Least share of filled values that must match.
        confidence: How sure a match of header and values is.
    """

    kind: str
    name: Any
    values: Any
    share: float = 0.6
    confidence: Confidence = Confidence.MEDIUM


# Counted repetitions of Unicode classes would make these automata large and slow to build; values are bounded elsewhere.
_CAPITALISED = re2.compile(
    r"\p{Lu}[\p{L}'\x{2019}.-]*([ ,]+(de|del|della|van|von|der|den|di|da|la|le|el|al|bin|ibn|y|e|of|\p{Lu}[\p{L}'\x{2019}.-]*))*"
)
_DATE = re2.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4})([T ][\d:.Z+-]*)?"
)
_STREET = re2.compile(
    r"(?i)(\d{1,5}[a-z]?[ ,]+[\p{L}0-9 .'-]{3}[\p{L}0-9 .'-]*|[\p{L} .'-]{3}[\p{L} .'-]*[ ,]+\d{1,5}[ ]?[a-z]?)([ ,/-].*)?|p\.?o\.? box \d+.*"
)
_ANY = re2.compile(r"(?s).+")

HEADERS: Final = (
    Header(
        kind="person-name",
        name=re2.compile(
            r"((customer|patient|employee|user|client|contact|person|applicant|student|owner|guest|passenger|doctor|member|legal"
            r"|card_?holder|account_?holder|borrower|recipient|sender)_)?(first|last|full|given|family|middle|maiden|sur|fore)_?names?"
            r"|surname|(customer|patient|employee|client|contact|person|applicant|student|guest|passenger|cardholder|borrower|debtor"
            r"|tenant)_?name|nombre|apellidos?|vorname|nachname|pr[eé]nom|nom_de_famille|cognome"
        ),
        values=_CAPITALISED,
    ),
    Header(
        kind="date-of-birth",
        name=re2.compile(
            r"(.*_)?(dob|date_?of_?birth|birth_?(date|day)|born(_on)?|geburtsdatum|fecha_nacimiento|date_naissance)"
        ),
        values=_DATE,
    ),
    Header(
        kind="street-address",
        name=re2.compile(
            r"((home|mailing|postal|billing|shipping|residential|street|customer|patient|delivery)_)?(street(_?address)?|address(_?(line)?_?[12])?"
            r"|addr[12]?)|stra(ss|ß)e|adresse|direccion|indirizzo"
        ),
        values=_STREET,
    ),
    Header(
        kind="health",
        name=re2.compile(
            r"(.*_)?(diagnos[ie]s|icd_?(9|10|11)?(_code)?|medications?|prescriptions?|allerg(y|ies)|blood_?(type|group|pressure)|hiv(_status)?"
            r"|disease|symptoms?|medical_?(record|history|condition)(_number)?|mrn|patient_?id|hba1c|bmi|glucose|cholesterol|pregnan(t|cy)"
            r"|disability|treatment|lab_?results?|insurance_?(id|number|member_id))"
        ),
        values=_ANY,
        confidence=Confidence.LOW,
    ),
    Header(
        kind="biometric",
        name=re2.compile(
            r"(.*_)?(fingerprint(_template)?s?|face_?(embedding|encoding|vector|template)s?|iris(_?(scan|code|template))|voice_?print|retina(_scan)?"
            r"|palm_?print|biometric.*|dna(_sequence)?|genotype|gait)"
        ),
        values=_ANY,
        confidence=Confidence.LOW,
    ),
    Header(
        kind="special-category",
        name=re2.compile(
            r"(.*_)?(religion|ethnicity|race_?ethnicity|ethnic_?group|sexual_?orientation|political_?(party|views?|affiliation)|trade_?union"
            r"(_membership)?|criminal_?(record|history)|gender_identity|immigration_status)"
        ),
        values=_ANY,
        confidence=Confidence.LOW,
    ),
)

_BETWEEN_WORDS = re2.compile(r"([a-z0-9])([A-Z])")
_NO_LETTER = re2.compile(r"[^\p{L}0-9]+")


def words_of(column: str) -> str:
    """The name of a column in one form: `firstName`, `First name` and `first-name` become `first_name`."""
    return str(_NO_LETTER.sub("_", _BETWEEN_WORDS.sub(r"\1_\2", column))).strip("_").lower()


def header_of(column: str) -> Header | None:
    """The kind that a column name stands for, None when it promises nothing."""
    words = words_of(column)
    return next((header for header in HEADERS if header.name.fullmatch(words)), None)

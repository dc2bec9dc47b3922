"""Personal data that proves itself: what has a checksum, a register of valid ranges, or a fixed form."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import phonenumbers
import re2
from stdnum import iban, luhn
from stdnum.au import tfn
from stdnum.be import nn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.ch import ssn as ahv
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr as steuer_id
from stdnum.dk import cpr
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.ie import pps
from stdnum.il import idnr as teudat_zehut
from stdnum.in_ import aadhaar, pan
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.mx import curp
from stdnum.my import nric
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import cc
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.th import pin
from stdnum.tr import tckimlik
from stdnum.us import ssn
from stdnum.za import idnr as rsa_id

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ANY_NATIONAL",
    "NATIONAL",
    "National",
    "is_card",
    "is_email",
    "is_iban",
    "is_phone",
    "is_public_address",
    "is_us_ssn",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class National:
    """A national number: the words that stand near it, and its checksum."""

    country: str
    words: Any
    check: Any

    @property
    def kind(self) -> str:
        """Name of the kind."""
        return f"national-id-{self.country}"


def _national(country: str, words: str, check: Any) -> National:
    return National(
        country=country, words=re2.compile(rf"(?i)(?:^|[^a-z])(?:{words})(?:[^a-z]|$)"), check=check
    )


NATIONAL: Final[Sequence[National]] = (
    _national("au", r"tfn|tax.?file.?(number|no)", tfn),
    _national("be", r"rijksregister\w*|registre.?national|national.?register.?number|insz|niss", nn),
    _national("bg", r"egn|егн", egn),
    _national("br", r"cpf", cpf),
    _national("ca", r"social.?insurance.?(number|no)|sin.?(number|no)|canadian.?sin", sin),
    _national("ch", r"ahv\w*|avs|oasi|social.?security.?number", ahv),
    _national("cl", r"rut", rut),
    _national("cn", r"resident.?identity|id.?card|identity.?card|身份证\S*|citizen.?id", ric),
    _national("cz", r"rodn[eé].?[cč][ií]slo|birth.?number", rc),
    _national("de", r"steuer.?id\w*|idnr|steueridentifikationsnummer|tax.?id", steuer_id),
    _national("dk", r"cpr(.?(nummer|nr|number))?", cpr),
    _national("ee", r"isikukood|personal.?code", ik),
    _national("es", r"dni|nif|documento.?nacional", dni),
    _national("es", r"nie|nif|extranjero", nie),
    _national("fi", r"hetu|henkil[oö]tunnus", hetu),
    _national("fr", r"nir|insee|s[eé]curit[eé].?sociale|num[eé]ro.?de.?s[eé]cu", nir),
    _national("gb", r"nhs(.?(number|no))?", nhs),
    _national("gr", r"amka|αμκα", amka),
    _national("hr", r"oib", oib),
    _national("ie", r"pps|ppsn|pps.?(number|no)", pps),
    _national("il", r"teudat.?zehut|israeli.?id", teudat_zehut),
    _national("in", r"aadhaar|aadhar|uidai", aadhaar),
    _national("in", r"pan|pan.?(card|number|no)", pan),
    _national("it", r"codice.?fiscale|fiscal.?code|cod.?fisc", codicefiscale),
    _national("kr", r"rrn|resident.?registration|주민등록번호", rrn),
    _national("mx", r"curp", curp),
    _national("my", r"nric|mykad", nric),
    _national("nl", r"bsn|burgerservicenummer", bsn),
    _national("no", r"f[oø]dselsnummer|personnummer|national.?id", fodselsnummer),
    _national("pl", r"pesel", pesel),
    _national("pt", r"cart[aã]o.?de.?cidad[aã]o|citizen.?card", cc),
    _national("ro", r"cnp|cod.?numeric.?personal", cnp),
    _national("se", r"personnummer|personal.?(identity.?)?number", personnummer),
    _national("th", r"thai.?id|national.?id|citizen.?id", pin),
    _national("tr", r"tc.?kimlik(.?no)?|tckn|kimlik", tckimlik),
    _national("za", r"sa.?id|south.?african.?id|id.?number", rsa_id),
)
# Most texts name none of them: one look instead of thirty-six.
ANY_NATIONAL: Final = re2.compile("|".join(number.words.pattern for number in NATIONAL))

_SAMPLE_MAIL_HOSTS = re2.compile(
    r"(?i)(.*\.)?(example|test|invalid|localhost|local|localdomain|internal|lan)$|(.*\.)?(example|test|domain|email|company|yourdomain"
    r"|your-domain|mydomain|acme|foo|bar|sample|site|mail|host|server|users\.noreply\.github)\.(com|org|net|edu|co|io|dev|ai)$"
)
_IMPERSONAL_MAIL = re2.compile(
    r"(?i)(no-?reply|do-?not-?reply|git|noreply\+.*|bounces?|mailer-daemon|postmaster|user(name)?\d*|you|your\.?(name|email)?|name|foo|bar|me"
    r"|someone|somebody|email|mail|first\.?last|firstname\.lastname|support|info|contact|admin|security|help|sales|hello|team|webmaster"
    r"|abuse|office|service|press|legal|privacy|maintainers?|authors?|dev|developers?|test\d*|example|root|npm|pypi|bot|actions?)"
)
_FILE_ENDINGS = {
    "png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "js", "css", "ts", "py", "json", "html", "md", "txt", "yml", "yaml",
    "lock", "so", "dll", "exe", "jar", "zip", "gz", "pdf", "bin", "pt", "onnx", "service", "sh", "rs", "cpp", "java",
}  # fmt: skip
_TEST_CARDS = {
    "4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444", "5105105105105100", "378282246310005",
    "371449635398431", "6011111111111117", "6011000990139424", "30569309025904", "38520000023237", "3530111333300000",
    "3566002020360505", "4000056655665556", "5200828282828210", "4000000000000002", "2223003122003222", "4222222222222",
    "4917610000000000", "5019717010103742", "6759649826438453", "4000000000000077", "4000000000003220",
}  # fmt: skip
# Regions tried for a number without country code, by number of people who write such numbers in data.
_REGIONS = ("US", "GB", "DE", "FR", "IN", "BR", "ES", "IT", "CN", "JP", "AU", "NL")
_SAMPLE_SSN = {"078051120", "219099999", "457555462", "123456789", "111111111"}


def is_email(value: str) -> bool:
    """Whether the address may be a person's: no sample domain, no shared mailbox, no file name."""
    name, _, host = value.rpartition("@")
    ending = host.rpartition(".")[2].lower()
    if not name or not ending.isalpha() or not 2 <= len(ending) <= 24 or ending in _FILE_ENDINGS:
        return False
    if _SAMPLE_MAIL_HOSTS.fullmatch(host) or _IMPERSONAL_MAIL.fullmatch(name.partition("+")[0]):
        return False
    return ".." not in value and not name.startswith(".")


def is_card(value: str) -> bool:
    """Whether the digits are a payment card: issuer, length and Luhn digit fit, and it is no published test number."""
    digits = "".join(c for c in value if c.isdigit())
    if digits in _TEST_CARDS or len(set(digits)) < 4:
        return False
    return _has_issuer(digits) and bool(luhn.is_valid(digits))


def _has_issuer(digits: str) -> bool:
    size, first2, first4 = len(digits), int(digits[:2] or 0), int(digits[:4] or 0)
    if digits[:1] == "4":
        return size in {13, 16, 19}
    if first2 in {34, 37}:
        return size == 15
    if 51 <= first2 <= 55 or 2221 <= first4 <= 2720:
        return size == 16
    if first4 == 6011 or first2 == 65 or 3528 <= first4 <= 3589 or first2 == 62:
        return size in {16, 19}
    return size == 14 and (first2 in {36, 38, 39} or 3000 <= first4 // 10 * 10 <= 3050)


def is_iban(value: str) -> bool:
    """Whether country, length, inner form and the two check digits of an account number fit."""
    return bool(iban.is_valid(value)) and value[4:8] != "0000"


def is_us_ssn(value: str) -> bool:
    """Whether a social security number of the United States may have been issued."""
    digits = "".join(c for c in value if c.isdigit())
    return digits not in _SAMPLE_SSN and len(set(digits)) > 2 and bool(ssn.is_valid(value))


def is_public_address(value: str) -> bool:
    """Whether the IP address is one that the internet routes; documentation and private ranges are none."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    if value in {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"}:
        return False
    return address.is_global and not address.is_multicast


def is_phone(value: str, *, needs_country: bool) -> bool:
    """Whether the number lies in a range that is assigned to subscribers.

    Args:
        value: The number as written.
        needs_country: Whether only a number with `+` and country code counts.
    """
    for region in (None,) if needs_country or value.lstrip().startswith("+") else _REGIONS:
        try:
            number = phonenumbers.parse(value, region)
        except phonenumbers.NumberParseException:
            continue
        national = str(number.national_number)
        is_sample = "5550" in national[2:7] or len(set(national)) < 3 or "1234567" in national
        if phonenumbers.is_valid_number(number) and not is_sample:
            return True
    return False

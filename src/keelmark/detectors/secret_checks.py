"""What a shape alone cannot tell: checksums, decoded headers, key bodies, passwords in addresses."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import re2

from keelmark.core.outcome import Confidence
from keelmark.detectors import placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CHECKS", "Judgement", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a check says of a match.

    Attributes:
        is_credential: Whether the match has the shape at all; else it is not mentioned.
        dismissed: Why it is no secret all the same, "" when it is one.
        confidence: Replaces the confidence of the rule.
        kind: Replaces the kind of the rule.
    """

    is_credential: bool = True
    dismissed: str = ""
    confidence: Confidence | None = None
    kind: str = ""


_NOTHING: Final = Judgement(is_credential=False)
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LOCAL_HOST = re2.compile(
    r"(?i)(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1\]|host\.docker\.internal|[a-z][a-z0-9_-]*)(:.*)?"
)
_SAMPLE_HOST = re2.compile(
    r"(?i)(.*[.@])?(example\.(com|org|net)|(my-?|your-?)?domain\.(com|org|net)|hostname|host|server|your-?host|my-?host)(:.*)?"
)
_RESERVED_HOST = re2.compile(r"(?i)(.*\.)?(example(\.(com|org|net))?|test|invalid)(:.*)?")
_SAMPLE_USER = {"user", "username", "usr", "u", "name", "login", "foo", "me", "myuser", "scott", "dbuser"}
_SAMPLE_PASSWORD = {
    "pass", "password", "passwd", "pwd", "p", "pw", "secret", "token", "foo", "bar", "mypassword", "pass123", "hunter2",
    "api_key", "apikey", "key", "tiger", "passw0rd", "password123", "dbpass", "dbpassword",
}  # fmt: skip
# `supabase-demo` signs the keys of every local installation with one published secret.
_DEMO_ISSUER = re2.compile(r"(^|[-_.])(demo|example)($|[-_.])")
_REGISTERED_CLAIMS = {
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "role",
    "scope",
    "email",
    "user_id",
    "uid",
}
_NAMES_IN_JWT_SAMPLES = ("John Doe", "1234567890")


def _decoded(part: str) -> bytes:
    """Base64url without padding; empty when it is none."""
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return b""


def _json_of(part: str) -> dict[str, object]:
    try:
        value = json.loads(_decoded(part))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _checksum(value: str, groups: Mapping[str, str]) -> Judgement:
    """The last six characters are the CRC-32 of the thirty before them, in base 62."""
    del groups
    body = value.partition("_")[2]
    number = zlib.crc32(body[:-6].encode())
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    if digits.rjust(6, "0") == body[-6:]:
        return Judgement()
    return Judgement(dismissed=placeholders.reason(value) or "its checksum does not fit")


def _macaroon(value: str, groups: Mapping[str, str]) -> Judgement:
    del groups
    body = value.removeprefix("pypi-")
    data = _decoded(body[: len(body) - len(body) % 4])
    if b"pypi.org" in data[:32]:
        return Judgement()
    return Judgement(dismissed="names no package index inside")


def _slack(value: str, groups: Mapping[str, str]) -> Judgement:
    del groups
    parts = value.split("-")
    has_digits = any(part.isdigit() and len(part) >= 9 for part in parts[1:]) or len(parts[-1]) >= 100
    return Judgement(dismissed=placeholders.reason(parts[-1])) if has_digits else _NOTHING


def _test_mode(value: str, groups: Mapping[str, str]) -> Judgement:
    del value, groups
    return Judgement(dismissed="key of the test mode")


def _discord(value: str, groups: Mapping[str, str]) -> Judgement:
    del groups
    owner = _decoded(value.partition(".")[0])
    return Judgement() if owner.isdigit() and len(owner) >= 15 else _NOTHING


def _jwt(value: str, groups: Mapping[str, str]) -> Judgement:
    del groups
    head, _, rest = value.partition(".")
    header, claims = _json_of(head), _json_of(rest.partition(".")[0])
    if not isinstance(header.get("alg"), str):
        return _NOTHING
    if not claims:
        return Judgement(dismissed="its claims are no JSON")
    if str(header["alg"]).lower() == "none":
        return Judgement(dismissed="not signed")
    if claims.get("role") == "anon":
        return Judgement(dismissed="key meant for browsers")
    if any(claims.get(name) in _NAMES_IN_JWT_SAMPLES for name in ("name", "sub")):
        return Judgement(dismissed="documentation sample")
    if _DEMO_ISSUER.search(str(claims.get("iss", "")).lower()):
        return Judgement(dismissed="its issuer is a demonstration")
    if not claims.keys() & _REGISTERED_CLAIMS:
        return Judgement(dismissed="names neither issuer nor subject nor time")
    is_service = claims.get("role") == "service_role"
    return Judgement(confidence=Confidence.HIGH if is_service else None)


def _pem(value: str, groups: Mapping[str, str]) -> Judgement:
    """A private key has a body that decodes to what keys begin with."""
    label = groups.get("label", "")
    text = value.replace("\\n", "\n").replace("\\r", "")
    lines = [line.strip("\"', \t+\\") for line in text.split("\n")]
    body = "".join(line for line in lines if ":" not in line and not line.startswith("="))
    if len(body) < 64 or placeholders.reference(body):
        return (
            Judgement(dismissed="no key inside") if body.strip(". x") != body or len(body) < 64 else _NOTHING
        )
    try:
        data = base64.b64decode(body[: len(body) - len(body) % 4], validate=True)
    except (binascii.Error, ValueError):
        return Judgement(dismissed="no key inside")
    is_key = data[:1] == b"\x30" or data.startswith(b"openssh-key-v1\x00") or "PGP" in label
    if "ENCRYPTED" in text:
        return Judgement(confidence=Confidence.MEDIUM)
    return Judgement() if is_key else Judgement(dismissed="no key inside")


def _address(value: str, groups: Mapping[str, str]) -> Judgement:
    """A password in an address; the usual one of a local database weighs less."""
    user, host = groups.get("user", "").lower(), groups.get("host", "")
    password = value.lower()
    if placeholders.reference(value) or placeholders.reference(host):
        return Judgement(dismissed="reference to a value kept elsewhere")
    is_masked = not password.strip("*x.•…") or password.startswith(("<", "["))
    is_sample_user = user in _SAMPLE_USER or user.startswith(("your", "my_", "<"))
    if is_masked or (password in _SAMPLE_PASSWORD and (is_sample_user or _SAMPLE_HOST.fullmatch(host))):
        return Judgement(dismissed="placeholder")
    if _RESERVED_HOST.fullmatch(host) or (
        _SAMPLE_HOST.fullmatch(host) and (is_sample_user or len(value) < 12)
    ):
        return Judgement(dismissed="documentation sample")
    if _LOCAL_HOST.fullmatch(host):
        return Judgement(dismissed=_sample(value), confidence=Confidence.LOW)
    is_weak = password in _SAMPLE_PASSWORD or (is_sample_user and len(value) < 16)
    return Judgement(dismissed=_sample(value), confidence=Confidence.LOW if is_weak else None)


def _sample(value: str) -> str:
    """A reason against a password, but not its being a common word: a weak password is one all the same."""
    why = placeholders.reason(value)
    return "" if value.lower() in {"default", "pass", "password", "secret", "test", "user"} else why


CHECKS: Final[Mapping[str, Callable[[str, Mapping[str, str]], Judgement]]] = {
    "crc32-base62": _checksum,
    "macaroon": _macaroon,
    "slack": _slack,
    "test-mode": _test_mode,
    "discord": _discord,
    "jwt": _jwt,
    "pem": _pem,
    "url": _address,
}


def judge(value: str, *, check: str, entropy: float, groups: Mapping[str, str]) -> Judgement:
    """What is to be held of a match: its own check first, else whether it looks filled in for show."""
    if check:
        return CHECKS[check](value, groups)
    if value.endswith("EXAMPLE") or "EXAMPLEKEY" in value:
        return Judgement(dismissed="documentation sample")
    return Judgement(dismissed=placeholders.reason(value, least_entropy=entropy))

r"""Signed tokens: nothing makes verifying fail, and what is believed is what the rules say, as read by the standard library.

The first byte of an input chooses: the rest is a token; or header and claims with a line between them, which are signed as they
should be; or a change of a token that is right.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tools.fuzz.core import in_loop, promise

from keelmark.core.principal import Principal
from keelmark.deployment.access.tokens import TokenSettings, TokenVerifier

__all__ = ["SEEDS", "WORDS", "one"]

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_NOW_S = int(_NOW.timestamp())
_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_ISSUER, _AUDIENCE = "https://issuer.example", "gateway"
_SETTINGS = TokenSettings(
    issuer=_ISSUER,
    audience=(_AUDIENCE,),
    team_claim="team",
    attribute_claims=("level",),
    max_token_bytes=4096,
)
_HEADER = {"alg": "EdDSA", "kid": "k", "typ": "JWT"}
_CLAIMS = {
    "iss": _ISSUER, "aud": _AUDIENCE, "sub": "ana", "exp": _NOW_S + 60, "iat": _NOW_S, "nbf": _NOW_S, "team": "t", "scope": "infer:small other",
}  # fmt: skip
_ALLOWED = frozenset({"ES256", "RS256", "PS256", "EdDSA"})
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_verifiers: list[TokenVerifier] = []


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signed(header: bytes, claims: bytes) -> str:
    said = f"{_text(header)}.{_text(claims)}"
    return f"{said}.{_text(_PRIVATE.sign(said.encode()))}"


async def _key_set() -> bytes:
    public = _PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": _text(public)}]}).encode()


def _dumped(**changes: Any) -> bytes:
    return json.dumps({**_HEADER, **changes}).encode() + b"\n" + json.dumps(_CLAIMS).encode()


def _claimed(**changes: Any) -> bytes:
    return json.dumps(_HEADER).encode() + b"\n" + json.dumps({**_CLAIMS, **changes}).encode()


_RIGHT = _signed(json.dumps(_HEADER).encode(), json.dumps(_CLAIMS).encode())
SEEDS = (
    b"\0" + _RIGHT.encode(),
    b"\0" + _RIGHT.replace(".", "", 1).encode(),
    *(b"\1" + each for each in (
        _dumped(), _dumped(alg="none"), _dumped(alg="HS256"), _dumped(crit=["x"]), _dumped(typ="x"), _dumped(kid="other"), _dumped(jwk={}),
        _claimed(aud=["x", _AUDIENCE]), _claimed(exp=_NOW_S), _claimed(nbf=_NOW_S + 31), _claimed(exp=1e308), _claimed(sub=""), _claimed(iat=None),
        _claimed(scope=["infer:small"]), _claimed(level="5"), _claimed(exp=_NOW_S + 10**9), _claimed(team=5),
        b'{"alg":"EdDSA","alg":"EdDSA","kid":"k"}\n{}',
    )),
    b"\2\0\1", b"\2\x50\x01", b"\2\xff\x10",
)  # fmt: skip
WORDS = (
    b'"alg":"none",', b'"alg":"EdDSA",', b'"crit":[],', b'"b64":false,', b'"kid":"k",', b'"iss":"x",', b'"aud":[],', b'"exp":', b"1767225660", b"NaN",
    b"1e400", b"-1", b"null", b"true", b'"sub":"x",', b".", b"..", b"=", b"\n", b"\\u0061", b"\\ud800", b"\0", b'"scope":"*"', b"\xef\xbb\xbf", b"[", b"{",
)  # fmt: skip


def one(data: bytes) -> None:
    """One token."""
    if len(data) < 2:
        return
    if data[0] % 3 == 0:
        token = data[1:].decode("latin-1")
        found = in_loop(_verified(token))
        promise(
            found is None or token.split(".")[2] == _RIGHT.split(".")[2] or _is_ours(token),
            "a token that nobody signed",
            token,
        )
    elif data[0] % 3 == 1:
        header, _, claims = data[1:].partition(b"\n")
        found = in_loop(_verified(_signed(header, claims)))
        wanted = _believable(header, claims)
        promise(
            (found is not None) <= wanted, "a token is believed that should not be", header, claims, found
        )
        promise(found is None or found.id, "nobody is believed", header, claims)
    else:
        at, change = int.from_bytes(data[1:-1], "little") % len(_RIGHT), data[-1] & 0x7F
        token = _RIGHT[:at] + chr(ord(_RIGHT[at]) ^ change) + _RIGHT[at + 1 :]
        found = in_loop(_verified(token))
        promise(
            (found is not None) == (token == _RIGHT),
            "a changed token is believed, or the right one is not",
            token,
        )


async def _verified(token: str) -> Principal | None:
    if not _verifiers:
        _verifiers.append(TokenVerifier(_SETTINGS, _key_set))
        await _verifiers[0].keys.refresh(0)
    found = _verifiers[0].verify(token, now=_NOW, now_ns=1)
    return found if found is None or isinstance(found, Principal) else await found


def _is_ours(token: str) -> bool:
    """Whether our key signed the very bytes."""
    said, _, signature = token.rpartition(".")
    try:
        _PRIVATE.public_key().verify(base64.urlsafe_b64decode(signature + "=="), said.encode("latin-1"))
    except Exception:  # noqa: BLE001 - not signed, for whatever reason
        return False
    return True


def _object(data: bytes) -> dict[str, Any] | None:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(items)) != len(items):
            raise ValueError("twice")
        return dict(items)

    try:
        value = json.loads(data.decode("utf-8-sig"), object_pairs_hook=pairs)
    except (ValueError, RecursionError, binascii.Error):
        return None
    return value if isinstance(value, dict) else None


def _believable(header_text: bytes, claims_text: bytes) -> bool:
    """Whether a signed token may be believed, by the rules as they are written down."""
    header, claims = _object(header_text), _object(claims_text)
    if header is None or claims is None:
        return False
    kind, name = header.get("typ", "JWT"), header.get("kid")
    if header.get("alg") != "EdDSA" or {"crit", "enc", "zip", "b64"} & header.keys():
        return False
    if not isinstance(kind, str) or kind.lower() not in _TYPES or (name is not None and name != "k"):
        return False
    aud, end = claims.get("aud"), claims.get("exp")
    if claims.get("iss") != _ISSUER or _AUDIENCE not in (aud if isinstance(aud, list) else [aud]):
        return False
    if isinstance(end, bool) or not isinstance(end, int | float) or not _NOW_S < end <= _NOW_S + 86_430:
        return False
    for each in ("nbf", "iat"):
        moment = claims.get(each)
        if each in claims and (
            isinstance(moment, bool) or not isinstance(moment, int | float) or moment > _NOW_S + 30
        ):
            return False
    subject = claims.get("sub")
    return isinstance(subject, str) and bool(subject)

"""Signed tokens (JWT, as OpenID Connect gives them): verified against the keys of their issuer.

1. Three parts in the one right base64url form, at most `max_token_bytes`; an encrypted token is none.
2. The algorithm is one of those allowed, all of which are asymmetric, and one that the key is for.
3. The header decides nothing else: `crit` is refused, `jwk`, `jku`, `x5c` and `x5u` are not looked at.
4. `kid` names the key; without it there must be exactly one.
5. Issuer and audience are those configured; `exp` is there, not past, and no further away than `max_life_s`; `nbf` and `iat`
   are not in the future by more than `leeway_s`.
6. The header and the claims are strict JSON: no key twice.
7. Who was verified is remembered under the SHA-256 of the whole token, no longer than `remember_s` and never past `exp`, and
   forgotten when the keys change.
8. Whatever fails, the answer is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from typing import TYPE_CHECKING, Any

from joserfc.jws import JWSRegistry

from keelmark.core.principal import Principal, Proof
from keelmark.deployment.access.recent import Recent
from keelmark.deployment.access.scopes import MAX_SCOPES, check_scopes
from keelmark.deployment.access.token_keys import ALGORITHMS, Bounds, Fetch, TokenKeys, decode_base64url
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError
from keelmark.formats.strict_json import parse as parse_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from keelmark.deployment.access.token_keys import TokenKey

__all__ = ["TokenSettings", "TokenVerifier", "issuer_of"]

_MAX_LEEWAY_S = 60
_MAX_LIFE_S = 7 * 86_400
_MAX_MOMENT = 253_402_300_000  # the year 9999
_MAX_NAME = 256
_MAX_CLAIMS = 32
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """Which tokens are believed, and what they say.

    Attributes:
        issuer: Exactly as the claim `iss` says it.
        audience: One of them must be in the claim `aud`.
        algorithms: Allowed ones, of `ALGORITHMS`.
        leeway_s: By how much clocks may differ; at most 60.
        max_life_s: How far away the end of a token may be; at most a week.
        subject_claim: The claim that names the caller.
        subject_prefix: What is put before that name, so that two issuers cannot name the same caller; "" for nothing.
        team_claim: The claim that names the team; "" for none.
        tenant_claim: The claim that names the tenant; "" for none.
        scopes_claim: The claim that holds scopes, as a list or as words with spaces between; "" for none.
        scope_prefix: What stands before each scope that is meant for the gateway; others are passed over.
        granted_scopes: Scopes that every token has.
        attribute_claims: Claims of text that policies may read.
        max_token_bytes: Length of a token.
        remember_s: How long a verified token is not verified again.
        max_remembered: How many.
        keys: Bounds of the key set.
    """

    issuer: str
    audience: tuple[str, ...]
    algorithms: tuple[str, ...] = ("ES256", "RS256", "PS256", "EdDSA")
    leeway_s: int = 30
    max_life_s: int = 86_400
    subject_claim: str = "sub"
    subject_prefix: str = ""
    team_claim: str = ""
    tenant_claim: str = ""
    scopes_claim: str = "scope"
    scope_prefix: str = ""
    granted_scopes: tuple[str, ...] = ()
    attribute_claims: tuple[str, ...] = ()
    max_token_bytes: int = 8 * 1024
    remember_s: int = 300
    max_remembered: int = 4_096
    keys: Bounds = field(default_factory=Bounds)


class TokenVerifier:
    """Believes the tokens of one issuer.

    Args:
        settings: Which tokens.
        fetch: Brings the key set.

    Raises:
        ConfigurationError: The settings would believe too much.
    """

    __slots__ = ("_algorithms", "_audience", "_granted", "_remembered", "keys", "settings")

    def __init__(self, settings: TokenSettings, fetch: Fetch) -> None:
        _check(settings)
        self.settings = settings
        self._audience = frozenset(settings.audience)
        self._granted = check_scopes(settings.granted_scopes)
        # The models of algorithms do the cryptography alone: header and claims are read here, strictly.
        self._algorithms: Mapping[str, Any] = {
            name: JWSRegistry.algorithms[name] for name in settings.algorithms
        }
        self._remembered: Recent[bytes, tuple[datetime, Principal]] = Recent(settings.max_remembered)
        self.keys = TokenKeys(fetch, bounds=settings.keys, changed=self._remembered.clear)

    def verify(
        self, token: str, *, now: datetime, now_ns: int
    ) -> Principal | Awaitable[Principal | None] | None:
        """Who calls with a token; None when it is not believed; something to await while keys have to be fetched.

        Args:
            token: As it was given.
            now: The time of day.
            now_ns: The monotonic clock.
        """
        if len(token) > self.settings.max_token_bytes or not token.isascii():
            return None
        digest = sha256(token.encode()).digest()
        found = self._remembered.get(digest)
        if found is not None and now < found[0]:
            return found[1]
        header = self._header(token)
        if header is None:
            return None
        name = header.get("kid")
        key = self.keys.find(name, now_ns)
        if key is None:
            if self.keys.is_fetching or self.keys.may_fetch(now_ns):
                return self._later(token, header, digest, now=now, now_ns=now_ns)
            return None
        if self.keys.is_due(now_ns):
            self.keys.start(now_ns)  # the request need not wait: its key is known
        return self._judge(token, header, key, digest, now=now)

    async def _later(
        self, token: str, header: dict[str, Any], digest: bytes, *, now: datetime, now_ns: int
    ) -> Principal | None:
        await self.keys.refresh(now_ns)
        key = self.keys.find(header.get("kid"), now_ns)
        return None if key is None else self._judge(token, header, key, digest, now=now)

    def _header(self, token: str) -> dict[str, Any] | None:
        """The header of a token that could be one."""
        if token.count(".") != 2:
            return None
        header = _object(token.partition(".")[0])
        if header is None or not {"crit", "enc", "zip", "b64"}.isdisjoint(header):
            return None
        kind = header.get("typ", "JWT")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            return None
        name, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            return None
        return header if name is None or isinstance(name, str) else None

    def _judge(
        self, token: str, header: dict[str, Any], key: TokenKey, digest: bytes, *, now: datetime
    ) -> Principal | None:
        algorithm = header["alg"]
        if algorithm not in key.algorithms:
            return None
        signed, _, last = token.rpartition(".")
        signature = decode_base64url(last)
        if not signature or not _is_signed(self._algorithms[algorithm], signed, signature, key):
            return None
        claims = _object(signed.partition(".")[2])
        if claims is None:
            return None
        now_s = now.timestamp()
        until = self._until(claims, now_s)
        principal = None if until is None else self._principal(claims)
        if principal is not None and until is not None:
            end = datetime.fromtimestamp(min(until, now_s + self.settings.remember_s), UTC)
            self._remembered.put(digest, (end, principal))
        return principal

    def _until(self, claims: dict[str, Any], now_s: float) -> float | None:
        """When the token ends; None when it does not count now, or not here."""
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.settings.issuer:
            return None
        if not any(isinstance(each, str) and each in self._audience for each in named):
            return None
        end = _moment(claims.get("exp"))
        if end is None or not now_s < end <= now_s + self.settings.max_life_s + self.settings.leeway_s:
            return None
        for name in ("nbf", "iat"):
            begin = _moment(claims.get(name, 0))
            if begin is None or begin > now_s + self.settings.leeway_s:
                return None
        return end

    def _principal(self, claims: dict[str, Any]) -> Principal | None:
        chosen = self.settings
        subject = _text(claims.get(chosen.subject_claim))
        scopes = self._scopes(claims)
        if not subject or scopes is None:
            return None
        team, tenant = (
            "" if not name else _text(claims.get(name, ""))
            for name in (chosen.team_claim, chosen.tenant_claim)
        )
        if team is None or tenant is None:
            return None
        pairs = [(name, _text(claims[name])) for name in chosen.attribute_claims if name in claims]
        return Principal(
            id=chosen.subject_prefix + subject,
            proof=Proof.TOKEN,
            team=team,
            tenant=tenant,
            scopes=scopes,
            attributes=tuple((name, text) for name, text in pairs if text is not None),
        )

    def _scopes(self, claims: dict[str, Any]) -> frozenset[str] | None:
        found = claims.get(self.settings.scopes_claim) if self.settings.scopes_claim else None
        words = [] if found is None else found.split() if isinstance(found, str) else found
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            return None
        start = self.settings.scope_prefix
        usable = (_scope(word.removeprefix(start)) for word in words if word.startswith(start))
        scopes = self._granted | {scope for scope in usable if scope}
        return scopes if len(scopes) <= MAX_SCOPES else None


def _check(settings: TokenSettings) -> None:
    if not settings.issuer or not settings.audience or not all(settings.audience):
        raise ConfigurationError(
            "tokens need an issuer and an audience", hint="name whom to believe, and who we are"
        )
    unknown = [name for name in settings.algorithms if name not in ALGORITHMS]
    if unknown or not settings.algorithms:
        raise ConfigurationError(
            f"`{', '.join(unknown)}` is no algorithm that tokens may be signed with",
            hint=f"some of: {', '.join(ALGORITHMS)}",
        )
    if not 0 <= settings.leeway_s <= _MAX_LEEWAY_S:
        raise ConfigurationError(f"a leeway of {settings.leeway_s} s is not between 0 and {_MAX_LEEWAY_S} s")
    if not 0 < settings.max_life_s <= _MAX_LIFE_S:
        raise ConfigurationError(f"a life of {settings.max_life_s} s is not between 1 and {_MAX_LIFE_S} s")
    if not settings.subject_claim or len(settings.attribute_claims) > _MAX_CLAIMS:
        raise ConfigurationError("tokens need a claim that names the caller, and at most 32 further ones")


def issuer_of(token: str) -> str | None:
    """The issuer that a token names, before anything of it is verified; None where it names none."""
    parts = token.split(".", 3)
    claims = _object(parts[1]) if len(parts) == 3 else None
    named = None if claims is None else claims.get("iss")
    return named if isinstance(named, str) else None


def _is_signed(algorithm: Any, signed: str, signature: bytes, key: TokenKey) -> bool:
    try:
        return bool(algorithm.verify(signed.encode(), signature, key.key))
    except Exception:  # noqa: BLE001 - an edge: whatever the library makes of a signature, it is not a right one
        return False


def _object(part: str) -> dict[str, Any] | None:
    data = decode_base64url(part)
    if not data:
        return None
    try:
        document = parse_json(data, max_bytes=len(data))
    except (ParseError, LimitExceededError):
        return None
    return document.value if isinstance(document.value, dict) and not document.duplicates else None


def _moment(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value) if 0 <= value <= _MAX_MOMENT else None


def _text(value: object) -> str | None:
    """A text that may name somebody."""
    is_name = isinstance(value, str) and len(value) <= _MAX_NAME and value.isprintable()
    return value if is_name and isinstance(value, str) else None


def _scope(word: str) -> str:
    try:
        return next(iter(check_scopes((word,))))
    except ConfigurationError:
        return ""  # meant for somebody else

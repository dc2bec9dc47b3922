"""Signed tokens: what is believed, and every way in which they are not."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from keelmark.core.principal import Proof
from keelmark.deployment.access.token_keys import Bounds, decode_base64url, parse_key_set
from keelmark.deployment.access.tokens import TokenSettings, TokenVerifier
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
SECOND = 10**9
ISSUER = "https://id.example.org"
AUDIENCE = "gateway"


@cache
def key(kind: str, number: int = 0):
    del number
    made = {
        "RS256": lambda: RSAKey.generate_key(2048),
        "PS256": lambda: RSAKey.generate_key(2048),
        "ES256": lambda: ECKey.generate_key("P-256"),
        "ES384": lambda: ECKey.generate_key("P-384"),
        "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
        "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    }
    return made[kind]()


def row(kind: str = "ES256", name: str | None = "k1", number: int = 0, **changes) -> dict:
    found = dict(key(kind, number).as_dict(private=False))
    found.pop("kid", None)
    return {**found, **({} if name is None else {"kid": name}), **changes}


def key_set(*rows: dict) -> bytes:
    return json.dumps({"keys": list(rows or (row(),))}).encode()


def part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims: object = None, kind: str = "ES256", number: int = 0, signer=None, **header) -> str:
    content = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "exp": NOW_S + 600, "scope": "infer:small"}
    if isinstance(claims, dict):
        content = {name: value for name, value in {**content, **claims}.items() if value is not ...}
    named = {"alg": kind, "kid": "k1", **header}
    named = {name: value for name, value in named.items() if value is not ...}
    signed = f"{part(named)}.{part(claims if isinstance(claims, bytes) else content)}"
    signature = JWSRegistry.algorithms[kind].sign(signed.encode(), signer or key(kind, number))
    return f"{signed}.{part(signature)}"


class Issuer:
    """Hands out a key set, and counts how often."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.error: Exception | None = None
        self.fetched = 0
        self.gate: asyncio.Event | None = None

    async def __call__(self) -> bytes:
        self.fetched += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.content


def verifier(content: bytes | None = None, **changes) -> TokenVerifier:
    chosen = {"issuer": ISSUER, "audience": (AUDIENCE, "other"), **changes}
    found = TokenVerifier(TokenSettings(**chosen), Issuer(content or key_set()))
    asyncio.run(found.keys.refresh(0))
    return found


def verify(found: TokenVerifier, text: str, *, now: datetime = NOW, now_ns: int = 0):
    async def run():
        answer = found.verify(text, now=now, now_ns=now_ns)
        if asyncio.iscoroutine(answer):
            answer = await answer
        await asyncio.sleep(0)
        return answer

    return asyncio.run(run())


# -- believed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"])
def test_right_token_names_its_caller(kind: str) -> None:
    found = verifier(
        key_set(row(kind)),
        algorithms=(kind,),
        team_claim="team",
        tenant_claim="org",
        attribute_claims=("email", "none"),
    )
    caller = verify(found, token({"team": "ml", "org": "acme", "email": "ana@example.org"}, kind))
    assert caller is not None
    assert (caller.id, caller.proof, caller.team, caller.tenant) == ("ana", Proof.TOKEN, "ml", "acme")
    assert caller.scopes == {"infer:small"}
    assert caller.attributes == (("email", "ana@example.org"),)


def test_scopes_come_from_words_lists_and_settings_and_foreign_ones_are_passed_over() -> None:
    found = verifier(scope_prefix="km.", granted_scopes=("listModels:*",))
    caller = verify(found, token({"scope": "openid km.infer:small km.nonsense infer:big km.infer:*"}))
    assert caller.scopes == {"infer:small", "infer:*", "listModels:*"}
    listed = verify(found, token({"scope": ["km.embed:e"]}))
    assert listed.scopes == {"embed:e", "listModels:*"}
    assert verify(found, token({"scope": 7})) is None


def test_one_key_without_name_is_used_and_several_are_not() -> None:
    alone = verifier(key_set(row(name=None)))
    assert verify(alone, token(kid=...)) is not None
    several = verifier(key_set(row(name="k1"), row("RS256", name="k2")))
    assert verify(several, token(kid=...)) is None
    assert verify(several, token()) is not None


# -- not believed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example.org"},
        {"iss": ...},
        {"iss": [ISSUER]},
        {"aud": "somebody"},
        {"aud": ...},
        {"aud": []},
        {"aud": [7, None]},
        {"aud": {AUDIENCE: 1}},
        {"exp": ...},
        {"exp": NOW_S},
        {"exp": NOW_S - 1},
        {"exp": str(NOW_S + 600)},
        {"exp": True},
        {"exp": 10**30},
        {"exp": NOW_S + 86_400 + 31},
        {"nbf": NOW_S + 31},
        {"nbf": "now"},
        {"iat": NOW_S + 31},
        {"iat": None},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "x" * 257},
    ],
)
def test_wrong_claims_are_not_believed(claims: dict) -> None:
    assert verify(verifier(), token(claims)) is None


def test_claims_of_team_and_tenant_are_texts() -> None:
    found = verifier(team_claim="team", tenant_claim="org")
    assert verify(found, token()) is not None
    assert verify(found, token({"team": 7})) is None
    assert verify(found, token({"org": ["acme"]})) is None


def test_signature_that_breaks_the_library_is_no_right_one(monkeypatch) -> None:
    class Broken:
        def verify(self, *_):
            raise RuntimeError("broken")

    found = verifier()
    found._algorithms = {"ES256": Broken()}
    assert verify(found, token()) is None


def test_clocks_may_differ_by_the_leeway_and_audiences_may_be_several() -> None:
    assert verify(verifier(), token({"nbf": NOW_S + 30, "iat": NOW_S + 30})) is not None
    assert verify(verifier(), token({"aud": ["somebody", "other"]})) is not None


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"b64": False},
        {"zip": "DEF"},
        {"enc": "A128GCM"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
        {"kid": 7},
        {"kid": "unknown"},
        {"alg": "RS256"},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": "None"},
        {"alg": ["ES256"]},
        {"alg": ...},
    ],
)
def test_wrong_headers_are_not_believed(header: dict) -> None:
    assert verify(verifier(), token(**header)) is None


def test_shared_secret_made_of_the_public_key_signs_nothing() -> None:
    public = key("RS256")
    found = verifier(key_set(row("RS256")), algorithms=("RS256", "ES256"))
    for secret in (public.as_pem(private=False), json.dumps(row("RS256")).encode(), b""):
        signed = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{part({'iss': ISSUER, 'aud': AUDIENCE, 'sub': 'x', 'exp': NOW_S + 60})}"
        signature = hmac.digest(secret, signed.encode(), "sha256")
        assert verify(found, f"{signed}.{part(signature)}") is None


def test_unsigned_token_is_not_believed() -> None:
    signed = token().rpartition(".")[0]
    none = f"{part({'alg': 'none'})}.{signed.partition('.')[2]}."
    assert [verify(verifier(), text) for text in (f"{signed}.", signed, none)] == [None] * 3


def test_key_in_the_header_is_not_looked_at() -> None:
    own = key("ES256", 1)
    hostile = token(
        signer=own, jwk=dict(own.as_dict(private=False)), jku="https://evil.example.org", x5u="https://evil"
    )
    assert verify(verifier(), hostile) is None
    right = token(jwk=dict(own.as_dict(private=False)), jku="https://evil.example.org")
    assert verify(verifier(), right) is not None


def test_key_is_used_with_its_own_algorithm_alone() -> None:
    both = ("RS256", "PS256", "ES256")
    assert verify(verifier(key_set(row("RS256", alg="PS256")), algorithms=both), token(kind="RS256")) is None
    assert verify(verifier(key_set(row("ES256")), algorithms=both), token(kind="RS256")) is None
    assert verify(verifier(key_set(row("RS256")), algorithms=("ES256",)), token(kind="RS256")) is None


def test_keys_that_stand_twice_in_header_or_claims_are_not_believed() -> None:
    double = f'{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"eve","sub":"ana","exp":{NOW_S + 60}}}'.encode()
    assert verify(verifier(), token(double)) is None
    head = b'{"alg":"ES256","alg":"ES256","kid":"k1"}'
    signed = f"{part(head)}.{token().split('.')[1]}"
    signature = JWSRegistry.algorithms["ES256"].sign(signed.encode(), key("ES256"))
    assert verify(verifier(), f"{signed}.{part(signature)}") is None


@pytest.mark.parametrize("claims", [b"[]", b"7", b"{", b"", b"\xff"])
def test_claims_that_are_no_object_are_not_believed(claims: bytes) -> None:
    assert verify(verifier(), token(claims)) is None


def test_token_is_bounded() -> None:
    long = token({"more": "x" * 8_000})
    assert len(long) > 8_192
    assert verify(verifier(), long) is None


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
@settings(max_examples=200)
def test_any_text_is_no_token(text: str) -> None:
    assert verify(FIXED, text) is None


@given(place=st.integers(0, 10_000), sign=st.sampled_from("ABab01-_.=+/ "))
@settings(max_examples=150)
def test_changing_any_character_makes_it_no_token(place: int, sign: str) -> None:
    text = RIGHT
    place %= len(text)
    other = text[:place] + sign + text[place + 1 :]
    assert (verify(FIXED, other) is None) == (other != text)


FIXED = verifier()
RIGHT = token()


@given(st.text(alphabet="ABCDabcd0123-_+/= \n", max_size=12))
def test_base64url_has_one_form(text: str) -> None:
    data = decode_base64url(text)
    if data is not None:
        assert part(data) == text


# -- remembered ---------------------------------------------------------------------------------------------------


def test_verified_token_is_remembered_and_still_ends() -> None:
    found = verifier()
    text = token({"exp": NOW_S + 100})
    first = verify(found, text)
    assert verify(found, text) is first
    assert verify(found, text, now=NOW + timedelta(seconds=99)) is first
    assert verify(found, text, now=NOW + timedelta(seconds=100)) is None


def test_verified_token_is_verified_again_after_a_while() -> None:
    found = verifier(remember_s=300)
    text = token({"exp": NOW_S + 3_000})
    first = verify(found, text)
    again = verify(found, text, now=NOW + timedelta(seconds=300))
    assert again == first
    assert again is not first


def test_remembered_tokens_are_forgotten_when_the_keys_change() -> None:
    found = verifier()
    text = token()
    assert verify(found, text) is not None
    found.keys._fetch.content = key_set(row(number=1, name="k1"))
    asyncio.run(found.keys.refresh(SECOND * 400))
    assert verify(found, text, now_ns=SECOND * 400) is None


# -- key set ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [1]}',
        b'{"keys": [], "keys": []}',
        key_set(*[row(name=str(number)) for number in range(33)]),
        key_set(row(), row("RS256")),
        key_set(row(kid=7)),
        key_set({**row(), "d": "AA"}),
    ],
)
def test_unsound_key_set_is_refused_as_a_whole(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_key_set(content)


def test_key_set_is_bounded_in_bytes() -> None:
    with pytest.raises(LimitExceededError):
        parse_key_set(key_set() + b" " * 256 * 1024)


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "s"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "RSA", "n": part(b"\xff" * 256), "e": part(b"\x01")},
        {"kty": "RSA", "n": part(b"\xff" * 1025), "e": "AQAB"},
        {"kty": "RSA", "n": 7, "e": "AQAB"},
        {"kty": ["RSA"]},
        {},
        row(name="s", use="enc"),
        row(name="s", key_ops=["sign"]),
        row(name="s", alg="ES384"),
        row(name="s", alg=7),
    ],
)
def test_keys_that_are_not_used_are_passed_over(other: dict) -> None:
    assert set(parse_key_set(key_set(row(), other))) == {"k1"}


@given(
    st.binary(max_size=100)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["keys", "kty", "n", "e", "x", "crv", "kid", "RSA"]), inner, max_size=5
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps({"keys": value}).encode())
)
@settings(max_examples=150)
def test_any_bytes_are_a_key_set_or_refused(content: bytes) -> None:
    with contextlib.suppress(ParseError, LimitExceededError):
        parse_key_set(content)


def test_unknown_key_is_looked_for_at_most_once_a_minute() -> None:
    found = verifier()
    issuer = found.keys._fetch
    issuer.content = key_set(row(), row("RS256", name="k2"))
    new = token(kind="RS256", kid="k2")
    assert verify(found, new, now_ns=59 * SECOND) is None
    assert issuer.fetched == 1
    assert verify(found, new, now_ns=60 * SECOND) is not None
    assert issuer.fetched == 2
    for _ in range(5):
        assert verify(found, token(kid="nobody"), now_ns=61 * SECOND) is None
    assert issuer.fetched == 2


def test_old_set_is_fetched_again_beside_the_request() -> None:
    found = verifier()
    issuer = found.keys._fetch
    assert verify(found, token(), now_ns=299 * SECOND) is not None
    assert issuer.fetched == 1
    assert verify(found, token({"jti": "2"}), now_ns=300 * SECOND) is not None
    assert issuer.fetched == 2


def test_failed_fetch_keeps_the_keys_until_they_are_too_old() -> None:
    found = verifier()
    issuer = found.keys._fetch
    issuer.error = OSError("refused")
    assert verify(found, token(), now_ns=301 * SECOND) is not None
    assert "OSError" in found.keys.fault
    issuer.error, issuer.content = None, b"damaged"
    assert verify(found, token({"jti": "2"}), now_ns=3_599 * SECOND) is not None
    assert verify(found, token({"jti": "3"}), now_ns=3_600 * SECOND) is None
    issuer.content = key_set()
    assert verify(found, token({"jti": "3"}), now_ns=3_700 * SECOND) is not None
    assert found.keys.fault == ""


def test_first_token_waits_for_the_keys_and_one_fetch_serves_all() -> None:
    issuer = Issuer(key_set())
    found = TokenVerifier(TokenSettings(issuer=ISSUER, audience=(AUDIENCE,)), issuer)

    async def run():
        texts = [token({"jti": str(number)}) for number in range(10)]
        return await asyncio.gather(*[found.verify(text, now=NOW, now_ns=0) for text in texts])

    assert all(asyncio.run(run()))
    assert issuer.fetched == 1


def test_caller_that_goes_away_does_not_stop_the_fetch() -> None:
    issuer = Issuer(key_set())
    found = TokenVerifier(TokenSettings(issuer=ISSUER, audience=(AUDIENCE,)), issuer)

    async def run():
        issuer.gate = asyncio.Event()
        waiting = asyncio.ensure_future(found.verify(token(), now=NOW, now_ns=0))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        issuer.gate.set()
        return await found.verify(token(), now=NOW, now_ns=1)

    assert asyncio.run(run()) is not None
    assert issuer.fetched == 1


def test_fetch_that_hangs_is_given_up() -> None:
    issuer = Issuer(key_set())
    chosen = TokenSettings(issuer=ISSUER, audience=(AUDIENCE,), keys=Bounds(fetch_s=0.001))
    found = TokenVerifier(chosen, issuer)

    async def run():
        issuer.gate = asyncio.Event()
        return await found.verify(token(), now=NOW, now_ns=0)

    assert asyncio.run(run()) is None
    assert "TimeoutError" in found.keys.fault


# -- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": ""},
        {"audience": ()},
        {"audience": ("",)},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
        {"algorithms": ("ES256", "none")},
        {"leeway_s": 61},
        {"leeway_s": -1},
        {"max_life_s": 0},
        {"max_life_s": 8 * 86_400},
        {"subject_claim": ""},
        {"granted_scopes": ("*",)},
    ],
)
def test_settings_that_would_believe_too_much_are_refused(change: dict) -> None:
    chosen = {"issuer": ISSUER, "audience": (AUDIENCE,), **change}
    with pytest.raises(ConfigurationError):
        TokenVerifier(TokenSettings(**chosen), Issuer(b""))

"""The stage that finds out who calls: one credential, from its places alone, and one answer to all that is wrong."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.exchange import ALLOW, Exchange, Outcome, Request
from keelmark.core.principal import Principal, Proof
from keelmark.core.secret import Secret
from keelmark.deployment.access.certificates import CertificateSettings, certificate_principals
from keelmark.deployment.access.key_changes import KeyRequest, add_key
from keelmark.deployment.access.key_ring import KeyRing
from keelmark.deployment.access.key_table import KeyDocument, render_keys
from keelmark.deployment.access.keys import new_key, pepper_id
from keelmark.deployment.access.stage_identify import Identify
from keelmark.errors import ConfigurationError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PEPPER = Secret(bytes(range(32)))
MADE = add_key(
    KeyDocument(pepper=pepper_id(PEPPER)),
    KeyRequest(name="nightly", owner="ana", scopes=("infer:small",)),
    pepper=PEPPER,
    now=NOW,
)
KEY = MADE.key.reveal().decode()
ANA = Principal(id="ana", proof=Proof.TOKEN)
CERTIFICATES = certificate_principals(
    [CertificateSettings(subject="CN=robot", id="robot", team="ops", scopes=("infer:small",))]
)


class Source:
    def fingerprint(self) -> int:
        return 1

    def read(self) -> bytes:
        return render_keys(MADE.document)


class Tokens:
    """Believes `now` at once and `later` later."""

    def verify(self, token: str, *, now: datetime, now_ns: int):
        async def later():
            return ANA if token == "later" else None

        if token.startswith("later"):
            return later()
        return ANA if token == "now" else None


STAGE = Identify(keys=KeyRing(Source(), PEPPER), tokens=Tokens(), certificates=CERTIFICATES)


def identify(
    headers=None, *, stage: Identify = STAGE, certificate: str = "", query: str = "", body: bytes = b""
):
    request = Request(
        method="POST",
        path="/v1/chat/completions",
        headers=headers or {},
        certificate=certificate,
        query=query,
        body=body,
    )
    exchange = Exchange(id="1", request=request, started=NOW, started_ns=0)
    decision = stage(exchange)
    if not hasattr(decision, "outcome"):
        decision = asyncio.run(decision)
    return decision, exchange.principal


@pytest.mark.parametrize(
    "headers",
    [{"authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}, {"x-api-key": KEY}],
)
def test_right_key_is_named(headers) -> None:
    decision, caller = identify(headers)
    assert decision is ALLOW
    assert caller is not None
    assert caller.id == MADE.record.id


@pytest.mark.parametrize("token", ["now", "later"])
def test_right_token_is_named(token: str) -> None:
    assert identify({"authorization": f"Bearer {token}"}) == (ALLOW, ANA)


def test_certificate_in_the_table_is_named() -> None:
    decision, caller = identify(certificate="CN=robot")
    assert decision is ALLOW
    assert caller is not None
    assert (caller.id, caller.proof, caller.team) == ("robot", Proof.CERTIFICATE, "ops")


@pytest.mark.parametrize(
    ("headers", "certificate"),
    [
        ({"authorization": "Bearer "}, ""),
        ({"authorization": "Bearer"}, ""),
        ({"authorization": ""}, ""),
        ({"authorization": KEY}, ""),
        ({"authorization": f"Basic {KEY}"}, ""),
        ({"authorization": f"Bearer  {KEY}"}, ""),
        ({"authorization": f"Bearer {KEY} "}, ""),
        ({"authorization": f"Bearer {KEY[:-1]}"}, ""),
        ({"authorization": f"Bearer {new_key()[1].reveal().decode()}"}, ""),
        ({"authorization": "Bearer other"}, ""),
        ({"authorization": "Bearer later-other"}, ""),
        ({"x-api-key": ""}, ""),
        ({"x-api-key": "now"}, ""),
        ({"x-api-key": f"Bearer {KEY}"}, ""),
        ({}, "CN=somebody"),
    ],
)
def test_everything_wrong_is_answered_alike(headers, certificate: str) -> None:
    decision, caller = identify(headers, certificate=certificate)
    assert (decision.outcome, decision.reason, decision.detail) == (Outcome.DENY, "bad-credential", "")
    assert caller is None


@pytest.mark.parametrize(
    ("headers", "certificate"),
    [
        ({"authorization": f"Bearer {KEY}", "x-api-key": KEY}, ""),
        ({"authorization": f"Bearer {KEY},Bearer {KEY}"}, ""),
        ({"authorization": "Bearer now, Bearer now"}, ""),
        ({"x-api-key": f"{KEY}, {KEY}"}, ""),
        ({"authorization": f"Bearer {KEY}"}, "CN=robot"),
        ({"x-api-key": KEY}, "CN=robot"),
    ],
)
def test_several_credentials_are_ambiguous(headers, certificate: str) -> None:
    decision, caller = identify(headers, certificate=certificate)
    assert (decision.outcome, decision.reason) == (Outcome.DENY, "ambiguous-request")
    assert caller is None


def test_nothing_but_the_two_headers_and_the_certificate_is_looked_at() -> None:
    decision, caller = identify(
        {"cookie": f"authorization=Bearer {KEY}", "proxy-authorization": f"Bearer {KEY}", "api-key": KEY},
        query=f"api_key={KEY}&authorization=Bearer%20{KEY}&x-api-key={KEY}",
        body=f'{{"api_key": "{KEY}"}}'.encode(),
    )
    assert (decision.reason, caller) == ("no-credential", None)


def test_certificate_outside_the_table_says_nothing_beside_a_key() -> None:
    decision, caller = identify({"x-api-key": KEY}, certificate="CN=proxy")
    assert decision is ALLOW
    assert caller is not None
    assert caller.proof is Proof.API_KEY


def test_gateway_without_any_way_to_prove_lets_nobody_in() -> None:
    empty = Identify()
    for headers in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}, {"authorization": "Bearer now"}):
        assert identify(headers, stage=empty)[0].reason == "bad-credential"
    assert identify(stage=empty)[0].reason == "no-credential"


@given(
    st.dictionaries(
        st.sampled_from(["authorization", "x-api-key"]),
        st.text(max_size=80)
        | st.text(max_size=70).map("Bearer {}".format)
        | st.text(max_size=60).map("km_{}".format),
        max_size=2,
    )
)
def test_any_headers_are_refused_and_name_nobody(headers) -> None:
    decision, caller = identify(
        headers, stage=Identify(keys=KeyRing(Source(), PEPPER), certificates=CERTIFICATES)
    )
    assert decision.outcome is Outcome.DENY
    assert caller is None


@pytest.mark.parametrize(
    "rows",
    [
        [CertificateSettings(subject="", id="a")],
        [CertificateSettings(subject="CN=a", id="")],
        [CertificateSettings(subject="CN=a", id="a"), CertificateSettings(subject="CN=a", id="b")],
        [CertificateSettings(subject="CN=a", id="a", scopes=("*",))],
    ],
)
def test_unsound_rows_of_certificates_are_refused(rows) -> None:
    with pytest.raises(ConfigurationError):
        certificate_principals(rows)


def test_rows_of_certificates_are_bounded() -> None:
    rows = (CertificateSettings(subject=f"CN={number}", id="a") for number in range(10_001))
    with pytest.raises(ConfigurationError, match="more than"):
        certificate_principals(rows)

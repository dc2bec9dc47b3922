"""Several issuers of tokens: each by its own rules, and none in the name of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.deployment.access.test_deployment_access_tokens import (
    ISSUER,
    key_set,
    part,
    row,
    token,
    verifier,
    verify,
)

from keelmark.deployment.access.issuers import MAX_ISSUERS, Issuers
from keelmark.deployment.access.tokens import issuer_of
from keelmark.errors import ConfigurationError

OTHER = "https://login.example.com"


def both(**changes) -> Issuers:
    return Issuers([
        verifier(subject_prefix="staff:"),
        verifier(key_set(row("RS256")), issuer=OTHER, algorithms=("RS256",), subject_prefix="partner:", **changes),
    ])  # fmt: skip


def test_each_token_is_judged_by_the_issuer_it_names() -> None:
    found = both(tenant_claim="org")
    ours, theirs = token({"org": "x"}), token({"iss": OTHER, "org": "acme"}, "RS256")
    for _ in range(2):  # The second time from what is remembered.
        assert (verify(found, ours).id, verify(found, ours).tenant) == ("staff:ana", "")
        assert (verify(found, theirs).id, verify(found, theirs).tenant) == ("partner:ana", "acme")


def test_no_issuer_speaks_for_another() -> None:
    found = both()
    # Signed by one, in the name of the other; and with an algorithm that only the other one may use.
    assert verify(found, token({"iss": OTHER})) is None
    assert verify(found, token(kind="RS256")) is None
    assert verify(found, token({"iss": "https://evil.example"})) is None


@pytest.mark.parametrize(
    "text", ["", "a.b", "a.b.c", "a.b.c.d", "é.b.c", "x" * 9_000, f"{part({})}.{part([])}.c"]
)
def test_what_names_no_issuer_is_not_believed(text: str) -> None:
    assert verify(both(), text) is None


@given(st.text(max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    named = issuer_of(text)
    assert named is None or isinstance(named, str)


def test_one_issuer_alone_needs_no_prefix() -> None:
    assert verify(Issuers([verifier()]), token()).id == "ana"


@pytest.mark.parametrize(
    ("prefixes", "words"),
    [
        (["", "a:"], "the same caller"),
        (["a:", "a:"], "the same caller"),
        (["a:b", "a:"], "the same caller"),
        (["a:", "a:x:y", "b:"], "the same caller"),
        ([str(number).zfill(2) for number in range(MAX_ISSUERS + 1)], "more than 16"),
    ],
)
def test_issuers_that_could_name_one_caller_are_refused(prefixes, words) -> None:
    made = [
        verifier(issuer=f"https://{number}", subject_prefix=prefix) for number, prefix in enumerate(prefixes)
    ]
    with pytest.raises(ConfigurationError, match=words):
        Issuers(made)


def test_one_issuer_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="named twice"):
        Issuers([verifier(subject_prefix="a:"), verifier(issuer=ISSUER, subject_prefix="b:")])

"""Beginnings of patterns, and what is made of them for texts that arrive in parts."""

from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from keelmark.detectors.beginnings import beginnings_of
from keelmark.detectors.openings import CLOSE, OPEN, canary_pattern, openings
from keelmark.detectors.secret_rules import rules
from keelmark.errors import RuleError

CANARY = "KM-7f3a91c2d4e8b6a0"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("abc", "abc"),
        ("a(b|cd)e", "acde"),
        ("gh[pousr]_[A-Za-z0-9]{6}\\b", "ghp_a1B2c3"),
        ("x{2,3}y?z*", "xxyzz"),
        ("(?P<n>a+)(?:-b)?c", "aaa-bc"),
        ("(?i)key(=|: )v", "KEY: V"),
        (r"\d{3}[^\s]+?!", "123ab!"),
        ("a{2}(bc){2}", "aabcbc"),
        (r"\x41\.[]x]", "A.]"),
    ],
)
def test_every_beginning_is_found_and_others_are_not(pattern, text):
    made = re2.compile(f"^{beginnings_of([pattern])}$")
    for size in range(1, len(text) + 1):
        assert made.search(text[:size]), text[:size]
    assert not made.search("")
    assert not made.search(f"#{text}")


def test_what_follows_a_match_may_be_asked_for():
    made = re2.compile(f"^{beginnings_of(['ab'], after='[0-9]')}$")
    assert made.search("ab12")
    assert not made.search("ab-")


@pytest.mark.parametrize("pattern", ["a(?=b)", "a\\1", "(a", "*a", "[a", "a)", "\\q"])
def test_what_is_not_known_is_an_error(pattern):
    with pytest.raises(RuleError):
        beginnings_of([pattern])


def test_all_shapes_of_credentials_can_be_turned():
    for _, _, pattern in rules().written:
        assert beginnings_of([pattern])


@given(st.text(alphabet="sk-projAghp_0189=: \n", max_size=40))
def test_what_is_nothing_but_prose_is_never_held_long(text):
    found = openings()
    match = found.held.search(text.encode())
    assert match is None or match.end() == len(text.encode())


def test_labels_tell_looking_from_waiting():
    sieve = openings(canaries=[CANARY], shapes=["number"], seen=["mail"]).sieve
    assert sieve.look(b"The weather is fine") is None
    assert sieve.look(b"see sk") == {OPEN}
    assert CLOSE in sieve.look(b"see sk-proj-abc, ok")
    assert CLOSE in sieve.look(f"see {CANARY} ok".encode())
    assert CLOSE in sieve.look(b"write to ann.smith@corp.io today")


def test_without_anything_nothing_is_held():
    found = openings(with_secrets=False)
    assert found.canaries is None
    assert found.sieve.look(b"sk-proj-abc") is None


@pytest.mark.parametrize("canary", ["short", "x" * 300])
def test_canary_of_unfit_length_is_an_error(canary):
    with pytest.raises(RuleError):
        canary_pattern(canary)


@pytest.mark.parametrize("lead", ["", "a", "ab", "abc"])
def test_canary_is_found_in_base64_wherever_it_falls(lead):
    import base64

    found = openings(with_secrets=False, canaries=[CANARY]).canaries
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert found.search(encode(f"{lead}{CANARY} tail".encode()))
    assert not found.search(base64.b64encode(b"quite another text, without it"))

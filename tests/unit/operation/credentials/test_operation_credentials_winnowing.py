"""Marks of texts: what leaves them alone, what they give away, how many there are."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.fingerprint import EVERY_MARK
from keelmark.core.secret import Secret
from keelmark.operation.credentials.winnowing import Marker, MarkSettings, words_of

KEY = Secret(b"k" * 32)
MARKER = Marker(KEY)
TEXT = (
    "The keel is laid first, and everything that follows is measured from it. A mark on the stem says how deep the hull "
    "may lie; whoever loads beyond the mark answers for the ship. Naïve owners paint the mark higher - it never helps."
)
VOCABULARY = [f"{first}{second}a" for first in string.ascii_lowercase for second in string.ascii_lowercase]


def words(count: int, seed: int) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=count)


@pytest.mark.parametrize(
    "changed",
    [
        TEXT.upper(),
        TEXT.replace(" ", "\n   "),
        TEXT.replace(",", " ;").replace(".", " !!"),
        TEXT.replace("ï", "i\u0308"),
        TEXT.replace("ï", "i"),
        TEXT.replace("mark", "ma\u200brk"),
        TEXT.replace("mark", "ma\u00adrk"),
        TEXT.replace("The keel", "\uff34\uff48\uff45 \uff4b\uff45\uff45\uff4c"),
        TEXT.replace("owners", "\u043ewners"),
        TEXT.replace(" ", "\u00a0"),
        f"«{TEXT}»",
    ],
)
def test_spelling_changes_no_mark(changed: str) -> None:
    assert MARKER.made(changed) == MARKER.made(TEXT)


@given(st.text())
def test_any_text_has_marks_maybe_none(text: str) -> None:
    made = MARKER.made(text)
    asked = MARKER.asked(text)
    assert made.words == asked.words == len(words_of(text))
    assert all(-(2**63) <= value < 2**63 for value in (*made.values, *asked.values))
    assert list(made.values) == sorted(set(made.values))
    assert set(made.values) <= set(asked.values)


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60))
def test_eight_words_in_a_row_share_a_mark(seed: int, before: int, after: int) -> None:
    shared = words(8, seed)
    one = " ".join([*words(before, seed + 1), *shared, *words(30 + after, seed + 2)])
    other = " ".join([*words(after, seed + 3), *shared, *words(30 + before, seed + 4)])
    assert set(MARKER.made(one).values) & set(MARKER.made(other).values)
    assert set(MARKER.made(one).values) & set(MARKER.asked(" ".join(shared)).values)


@given(st.integers(0, 2**32), st.integers(0, 3000), st.integers(24, 400))
def test_an_unchanged_part_of_a_text_finds_all_its_own_marks(seed: int, begin: int, length: int) -> None:
    whole = words(4000, seed)
    asked = MARKER.asked(" ".join(whole[begin : begin + length]))
    kept = set(MARKER.made(" ".join(whole)).values)
    assert {asked.values[at] for at in asked.chosen} <= kept


def test_a_long_text_is_taken_in_pieces_with_the_same_marks() -> None:
    text = " ".join(words(5000, 1))
    settings = MarkSettings(max_marks=10**6)
    pauses: list[None] = []
    made = Marker(KEY, settings).made(text, pause=lambda: pauses.append(None))
    asked = Marker(KEY, settings).asked(text)
    assert len(pauses) > 3
    assert set(made.values) == {asked.values[at] for at in asked.chosen}


def test_another_key_makes_other_marks() -> None:
    other = Marker(Secret(b"j" * 32))
    assert other.key_id != MARKER.key_id
    assert not set(other.made(TEXT).values) & set(MARKER.made(TEXT).values)


def test_marks_are_hmac_sha256_under_a_key_of_their_own() -> None:
    import hmac

    own = hmac.digest(b"k" * 32, b"keelmark fingerprints v1", "sha256")
    run = " ".join(words_of(TEXT)[:5]).encode()
    expected = int.from_bytes(hmac.digest(own, run, "sha256")[:8], "big", signed=True)
    assert MARKER.asked(TEXT).values[0] == expected


def test_the_key_is_not_shown() -> None:
    assert "kkkk" not in repr(MARKER) + MARKER.key_id


def test_marks_are_bounded_and_the_largest_kept_is_told() -> None:
    marker = Marker(KEY, MarkSettings(max_marks=10))
    text = " ".join(words(500, 1))
    every = MARKER.made(text)
    made = marker.made(text)
    assert made.values == every.values[:10]
    assert made.top == made.values[-1]
    assert every.top == EVERY_MARK


def test_what_follows_the_bound_has_no_marks() -> None:
    marker = Marker(KEY, MarkSettings(max_characters=200))
    text = " ".join(words(500, 1))
    assert marker.made(text) == MARKER.made(text[:200])


def test_a_short_text_has_no_marks() -> None:
    assert MARKER.made(" ".join(words(23, 1))).values == ()
    assert MARKER.made(" ".join(words(24, 1))).values


def test_a_text_without_words_has_no_marks() -> None:
    assert MARKER.made("").values == MARKER.made("-- ... \n").values == ()
    assert MARKER.asked("... ").values == ()


def test_scripts_without_blanks_have_words_of_letters() -> None:
    assert words_of("今日は天気") == ["今日は天", "日は天気", "は天気", "天気", "気"]
    assert words_of("go 今日 now") == ["go", "今日", "日", "now"]
    text = "".join(random.Random(1).choices([chr(code) for code in range(0x4E00, 0x5E00)], k=200))
    part = text[40:120]
    kept = set(MARKER.made(text).values)
    asked = MARKER.asked(part)
    found = [at for at in asked.chosen if asked.values[at] in kept]
    assert len(found) >= 0.9 * len(asked.chosen)


def test_marks_of_vowels_do_not_tear_words_apart() -> None:
    assert len(words_of("हिन्दी में लिखा हुआ पाठ")) == 5


def test_a_long_word_ends_no_text() -> None:
    made = MARKER.made("A" * 300_000 + " " + " ".join(words(40, 1)))
    assert made.words >= 24


def test_density_is_about_two_in_five() -> None:
    made = MARKER.made(" ".join(words(4000, 1)))
    assert 0.36 < len(made.values) / made.words < 0.44

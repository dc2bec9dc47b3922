"""What the register says of a text: yes, partly, no evidence, cannot tell; on both sides."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.fingerprint import Coverage, Found, MadeText
from keelmark.core.secret import Secret
from keelmark.operation.credentials.made_here import Verdict, judge
from keelmark.operation.credentials.winnowing import Marker, MarkSettings

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = Secret(b"k" * 32)
VOCABULARY = [
    f"{first}{second}" for first in "bcdfghklmnprst" for second in ("a", "en", "ing", "or", "u", "ist", "al")
]


class Index:
    """A register in memory."""

    def __init__(
        self, *texts: str, settings: MarkSettings | None = None, unread: tuple[str, ...] = ()
    ) -> None:
        marker = Marker(KEY, settings)
        self.kept = [(number, marker.made(text)) for number, text in enumerate(texts)]
        self.unread = unread

    def find(self, marks):
        wanted = set(marks)
        for number, made in self.kept:
            values = tuple(wanted & set(made.values))
            if values:
                text = MadeText(
                    request=f"r{number}", time=NOON, part=0, model="small", release="rel", words=made.words,
                    marks=values, top=made.top,
                )  # fmt: skip
                yield Found(text=text, worker="worker-0")

    @property
    def coverage(self) -> Coverage:
        return Coverage(texts=len(self.kept), first=NOON, last=NOON, unread=self.unread)


def words(count: int, seed: int) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=count)


def prose(count: int, seed: int) -> str:
    return " ".join(words(count, seed))


def edited(text: str, share: float, seed: int = 0) -> str:
    chance = random.Random(seed)
    return " ".join(chance.choice(VOCABULARY) if chance.random() < share else word for word in text.split())


def asked(text: str, index: Index):
    return judge(text, marker=Marker(KEY), index=index)


def test_a_text_that_was_made_here_is_found_with_its_request() -> None:
    index = Index(prose(200, 1), prose(200, 2))
    found = asked(prose(200, 2), index)
    assert (found.verdict, found.share, found.words) == (Verdict.YES, 1.0, 200)
    (source,) = found.sources
    assert (source.request, source.share, source.model, source.release) == ("r1", 1.0, "small", "rel")


@given(st.integers(0, 170), st.integers(30, 200))
def test_a_part_that_was_copied_counts_as_a_whole(begin: int, length: int) -> None:
    text = words(200, 1)
    found = asked(" ".join(text[begin : begin + length]), Index(prose(200, 2), " ".join(text)))
    assert (found.verdict, found.share) == (Verdict.YES, 1.0)


def test_spelling_and_layout_do_not_matter() -> None:
    text = prose(120, 1)
    found = asked("> " + text.upper().replace(" ", " \n> "), Index(text))
    assert (found.verdict, found.share) == (Verdict.YES, 1.0)


def test_a_text_among_others_is_found_in_part() -> None:
    found = asked(f"{prose(100, 7)} {prose(100, 1)} {prose(100, 8)}", Index(prose(100, 1)))
    assert found.verdict is Verdict.PARTLY
    assert 0.28 < found.share < 0.4


def test_parts_of_several_answers_add_up() -> None:
    found = asked(f"{prose(100, 1)} {prose(100, 2)}", Index(prose(100, 1), prose(100, 2), prose(100, 3)))
    assert found.verdict is Verdict.YES
    assert found.share > 0.95
    assert sorted(source.request for source in found.sources) == ["r0", "r1"]
    assert all(0.4 < source.share < 0.6 for source in found.sources)


@pytest.mark.parametrize(("share", "least"), [(0.1, 0.6), (0.2, 0.35), (0.3, 0.15)])
def test_a_text_of_which_words_were_changed_is_still_found(share: float, least: float) -> None:
    texts = [prose(200, seed) for seed in range(20)]
    index = Index(*texts)
    found = [asked(edited(text, share, number), index) for number, text in enumerate(texts)]
    assert all(each.sources[0].request == f"r{number}" for number, each in enumerate(found))
    assert min(each.share for each in found) > least - 0.15
    assert sum(each.share for each in found) / len(found) > least


def test_an_unrelated_text_leaves_no_evidence() -> None:
    index = Index(*(prose(200, seed) for seed in range(50)))
    found = [asked(prose(200, seed), index) for seed in range(1_000, 1_100)]
    assert {each.verdict for each in found} == {Verdict.NO_EVIDENCE}
    assert all(each.share == 0.0 and not each.sources for each in found)


def test_a_common_phrase_is_no_evidence() -> None:
    phrase = "please let me know if there is anything else that i can do"
    index = Index(f"{prose(100, 1)} {phrase}")
    assert asked(f"{prose(150, 2)} {phrase}", index).verdict is Verdict.NO_EVIDENCE


def test_forty_words_in_a_long_text_are_evidence() -> None:
    text = words(200, 1)
    found = asked(f"{prose(1_500, 2)} {' '.join(text[50:110])} {prose(1_500, 3)}", Index(" ".join(text)))
    assert found.verdict is Verdict.PARTLY
    assert 0.01 < found.share < 0.03


def test_a_text_that_is_too_short_cannot_be_told() -> None:
    found = asked(prose(23, 1), Index(prose(23, 1), prose(200, 1)))
    assert (found.verdict, found.words) == (Verdict.UNKNOWN, 23)
    assert "too short" in found.reason


def test_an_empty_register_cannot_tell() -> None:
    found = asked(prose(100, 1), Index())
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "the register holds nothing")


def test_a_register_of_which_a_part_cannot_be_read_cannot_tell_no() -> None:
    index = Index(prose(200, 1), unread=("worker-0/20260131-001.db: it was written under another key",))
    assert asked(prose(200, 2), index).verdict is Verdict.UNKNOWN
    found = asked(prose(200, 1), index)
    assert found.verdict is Verdict.YES
    assert found.coverage.unread


def test_of_a_long_answer_a_sample_is_enough() -> None:
    text = words(3_000, 1)
    index = Index(" ".join(text), settings=MarkSettings(max_marks=300))
    whole = asked(" ".join(text), index)
    assert whole.verdict is Verdict.YES
    assert whole.share > 0.95
    part = asked(" ".join(text[1_000:1_400]), index)
    assert part.verdict is Verdict.YES
    assert asked(prose(400, 9), index).verdict is Verdict.NO_EVIDENCE


def test_another_key_finds_nothing() -> None:
    found = judge(prose(200, 1), marker=Marker(Secret(b"j" * 32)), index=Index(prose(200, 1)))
    assert found.verdict is Verdict.NO_EVIDENCE


def test_sources_are_bounded() -> None:
    text = prose(100, 1)
    assert len(asked(text, Index(*[text] * 60)).sources) == 20


@given(st.text())
def test_any_text_can_be_asked_about(text: str) -> None:
    found = asked(text, Index(prose(100, 1), text))
    assert found.verdict in {Verdict.UNKNOWN, Verdict.YES}
    assert 0.0 <= found.share <= 1.0

"""Personal data is found by proof or by context, and random digits are none."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.outcome import Confidence
from keelmark.detectors import personal
from keelmark.errors import LimitExceededError

_DATA = Path(__file__).parents[2] / "data" / "detectors" / "personal.yaml"
_CASES = yaml.safe_load(_DATA.read_text(encoding="utf-8"))
_CHECKED = ("payment-card", "iban", "us-ssn", "national-id")


def _kinds(case):
    if "text" in case:
        return sorted({span.kind for span in personal.find_in_text(case["text"])})
    samples = [(line, case["column"], str(value)) for line, value in enumerate(case["values"], 2)]
    return sorted({found.kind for found in personal.find(samples)})


@pytest.mark.parametrize("case", _CASES, ids=lambda case: str(case.get("text") or case["column"])[:50])
def test_labelled_case(case):
    assert _kinds(case) == case["expect"]


def test_at_least_sixty_cases():
    assert len(_CASES) >= 60


def _digits(source: random.Random, size: int) -> str:
    return "".join(source.choice("0123456789") for _ in range(size))


@pytest.mark.parametrize("size", [9, 10, 11, 12, 13, 14, 15, 16, 19])
def test_random_digits_without_context_are_nothing(size):
    source = random.Random(size)
    assert not [s for _ in range(2_000) for s in personal.find_in_text(_digits(source, size))]
    assert personal.find((line, "id", _digits(source, size)) for line in range(2_000)) == ()


def test_random_groups_of_four_are_rarely_cards_and_never_a_column_of_them():
    source = random.Random(4)
    values = [" ".join(_digits(source, 4) for _ in range(4)) for _ in range(2_000)]
    spans = [span for value in values for span in personal.find_in_text(value)]
    assert len(spans) < 0.04 * len(values)
    assert {span.confidence for span in spans} <= {Confidence.MEDIUM}
    assert personal.find((line, "code", value) for line, value in enumerate(values)) == ()


def test_count_and_first_line_are_told():
    samples = [
        (2, "note", "none"),
        (3, "note", "jane.roe@gmail.com"),
        (4, "note", "j.doe@yahoo.fr, x.y@gmx.de"),
    ]
    (found,) = personal.find(samples)
    assert (found.kind, found.count, found.line, found.column) == ("email", 2, 3, "note")


def test_header_alone_weighs_little():
    (found,) = personal.find([(2, "blood_type", "A+")])
    assert found.confidence is Confidence.LOW


def test_values_beyond_the_bound_are_not_looked_at():
    samples = [(line, "c", "jane.roe@gmail.com") for line in range(10)]
    (found,) = personal.find(samples, bounds=personal.Bounds(max_values=4))
    assert found.count == 4


def test_columns_beyond_the_bound_share_one_name():
    samples = [(1, f"c{i}", f"jane.roe{i}@gmail.com") for i in range(5)]
    found = personal.find(samples, bounds=personal.Bounds(max_columns=2))
    assert [entry.column for entry in found] == ["c0", "c1", ""]


def test_too_long_text_is_refused():
    with pytest.raises(LimitExceededError):
        personal.find_in_text("x" * 11, bounds=personal.TextBounds(max_characters=10))


def test_spans_are_bounded():
    text = "jane.roe@gmail.com " * 10
    assert len(personal.find_in_text(text, bounds=personal.TextBounds(max_spans=3))) == 3


@given(st.text(max_size=300), st.sampled_from(["", "phone", "ssn card cpf pan", "first_name"]))
def test_any_text_is_answered(text, column):
    personal.find_in_text(text)
    personal.find([(1, column, text)])


@given(st.text(alphabet="0123456789 -+().@ABab/", max_size=80))
def test_any_row_of_digits_is_answered(text):
    personal.find_in_text("card phone ssn cpf nhs pesel iban pan dni " + text)

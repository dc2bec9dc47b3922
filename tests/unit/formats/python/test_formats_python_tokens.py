"""The size of a source is known before its tree is built."""

from __future__ import annotations

import pytest

from keelmark.core.facts import GapReason
from keelmark.errors import LimitExceededError
from keelmark.formats.python.bounds import Bounds
from keelmark.formats.python.reader import PythonReader
from keelmark.formats.python.tokens import check_size, tokens_of
from keelmark.formats.source import Source

SMALL = Bounds(max_tokens=100, max_uncounted=10)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a;a", 3),
        ("a\ra\r#x y z\ra", 6),
        ("'a b c' # d e", 1),
        ('"""a"\\""" b""" + rb"""x y"""', 3),
        ("x='a\\'b'#c", 3),
        ("f'plain words'", 1),
        ("f'{a}b'", 8),
        ("", 0),
    ],
)
def test_strings_count_once_and_what_fills_them_counts_as_code(code: str, expected: int) -> None:
    assert tokens_of(code, most=1000) == expected


def test_counting_ends_at_the_bound() -> None:
    assert tokens_of("a;" * 1000, most=10) == 11
    assert tokens_of("f'" + "{a}" * 1000 + "'", most=10) <= 12


@pytest.mark.parametrize("piece", ["a;", "a\n", "a\r", "0,", "()", "*a,", "#x\ra;"])
def test_tokens_up_to_the_bound_are_allowed_and_beyond_are_refused(piece: str) -> None:
    each = tokens_of(piece, most=10)
    check_size(piece * (100 // each), bounds=SMALL)
    with pytest.raises(LimitExceededError, match="100 tokens"):
        check_size(piece * (100 // each + 1), bounds=SMALL)


def test_places_in_f_strings_are_bounded_with_the_length_they_are_searched_in() -> None:
    bounds = Bounds(max_tokens=100_000, max_uncounted=10, max_filled_steps=10_000)
    check_size("x = f'" + "{a}" * 50 + "'", bounds=bounds)
    check_size("x = '" + "{a}" * 5000 + "'", bounds=bounds)
    with pytest.raises(LimitExceededError, match="f-strings"):
        check_size("x = f'" + "{a}" * 70 + "'", bounds=bounds)


def test_a_source_of_too_many_tokens_is_a_gap_and_one_just_below_is_read() -> None:
    reader = PythonReader(SMALL)
    for count, reasons in ((50, []), (51, [GapReason.TOO_LARGE])):
        with Source.of_bytes(b"a;" * count, path="a.py") as source:
            (reading,) = reader.read(source)
        assert [gap.reason for gap in reading.gaps] == reasons
        assert (reading.module is None) is bool(reasons)


@pytest.mark.parametrize(
    "code",
    ["(" * 100_000, "-" * 90_000 + "1", "a" + ".b" * 60_000, "x=" + "'a'+" * 60_000 + "'a'", "a" + "[0]" * 40_000, "lambda:" * 50_000 + "1",
     "a**" * 50_000 + "a", "f()" + "()" * 60_000, "not " * 90_000 + "a"],
)  # fmt: skip
def test_deep_nesting_is_a_gap_and_no_crash(code: str) -> None:
    with Source.of_bytes(code.encode(), path="a.py") as source:
        (reading,) = PythonReader().read(source)
    assert reading.gaps
    assert all(gap.matters for gap in reading.gaps)


def test_the_default_bound_keeps_real_files_of_half_a_megabyte() -> None:
    body = "def function(first, second=None):\n    return call(first, key='a text of several words', other=second)\n"
    with Source.of_bytes((body * 5_000).encode(), path="a.py") as source:
        check_size(source.text)

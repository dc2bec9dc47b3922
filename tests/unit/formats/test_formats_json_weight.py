"""JSON that would not fit into memory is refused before it is read; nested too deeply it is a limit, not silence."""

from __future__ import annotations

import json

import pytest

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats import json_text, strict_json
from keelmark.formats.json_weight import Bounds, check_weight, weight_of

SMALL = Bounds(max_weight=10_000, max_unweighed=10)


@pytest.mark.parametrize("item", ["[]", "{}", "1", '"a"', '{"a":1}', "[[[0]]]"])
def test_values_up_to_the_bound_are_allowed_and_beyond_are_refused(item: str) -> None:
    each = weight_of(f"{item},") - weight_of("")
    few, many = (",".join([item] * count) for count in (8_000 // each, 12_000 // each))
    check_weight(f"[{few}]", bounds=SMALL)
    with pytest.raises(LimitExceededError, match="more values"):
        check_weight(f"[{many}]", bounds=SMALL)


def test_marks_in_strings_weigh_no_more_than_their_length() -> None:
    inside = json.dumps('[,:{"\\' * 1000 + "\\")
    assert weight_of(inside) < len(inside) + 100
    check_weight(f"[{inside}]", bounds=Bounds(max_weight=20_000, max_unweighed=10))


def test_strings_and_escapes_are_followed_across_pieces() -> None:
    half = "x" * (1024 * 1024 - 3)
    for escape in ('\\"', "\\\\", '\\\\\\"'):
        text = f'["{half}{escape}[[[[","{escape}[["]'
        assert weight_of(text) - len(text) < 64 + 72 + 200


def test_wide_characters_weigh_what_they_take() -> None:
    assert weight_of('"\U0001f600' + "x" * 1000 + '"') > 4000


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_deep_nesting_is_a_limit_in_both_readers(text: str) -> None:
    with pytest.raises(LimitExceededError, match="deeply"):
        json_text.parse(text)
    with pytest.raises(LimitExceededError, match="deeply"):
        strict_json.parse(text.encode(), max_bytes=len(text))


def test_nesting_of_a_few_hundred_levels_is_read() -> None:
    text = "[" * 300 + "]" * 300
    assert json_text.parse(text)
    assert strict_json.parse(text.encode(), max_bytes=len(text)).value


def test_too_many_values_are_refused_by_both_readers() -> None:
    text = "[" + "[]," * 1_000_000 + "1]"
    with pytest.raises(LimitExceededError, match="more values"):
        json_text.parse(text)
    with pytest.raises(LimitExceededError, match="more values"):
        strict_json.parse(text.encode(), max_bytes=len(text))


def test_no_json_is_no_limit() -> None:
    with pytest.raises(ParseError):
        json_text.parse("[1,")
    with pytest.raises(ParseError):
        strict_json.parse(b"\xff", max_bytes=10)

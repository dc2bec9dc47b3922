"""Counts in the messages of rules read as sentences."""

from __future__ import annotations

import pytest

from keelmark.engine.answers import counted


@pytest.mark.parametrize(
    ("number", "plural", "told"),
    [
        (0, "", "0 routes"),
        (1, "", "1 route"),
        (2, "", "2 routes"),
        (1_000, "", "1,000 routes"),
        (2, "ways", "2 ways"),
    ],
)
def test_a_count_agrees_with_its_noun(number: int, plural: str, told: str) -> None:
    assert counted(number, "route", plural) == told

"""A requirements file is read up to its bounds, and what lies behind is named."""

from __future__ import annotations

import pytest

from keelmark.core.facts import GapReason
from keelmark.errors import LimitExceededError
from keelmark.formats.dependencies.requirements import Bounds, RequirementsReader
from keelmark.formats.source import Source

LINES = b"torch==2.0\nnumpy\n??\n"


def read(bounds: Bounds, data: bytes = LINES):
    with Source.of_bytes(data, path="requirements.txt") as source:
        (reading,) = RequirementsReader(bounds).read(source)
    return reading


def test_a_file_of_just_the_bounds_is_read() -> None:
    reading = read(Bounds(max_bytes=len(LINES), max_entries=3))
    assert [item.name for item in reading.manifest.requirements] == ["torch", "numpy"]
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]


def test_a_longer_file_is_a_limit() -> None:
    with pytest.raises(LimitExceededError):
        read(Bounds(max_bytes=len(LINES) - 1))


def test_lines_behind_the_bound_are_a_gap_that_matters() -> None:
    reading = read(Bounds(max_entries=2))
    assert len(reading.manifest.requirements) == 2
    (gap,) = reading.gaps
    assert gap.reason is GapReason.TOO_MANY
    assert gap.matters

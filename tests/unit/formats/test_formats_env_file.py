from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.errors import KeelmarkError
from keelmark.formats.env_file import READER
from keelmark.formats.source import Source


def source(text: str | bytes, path: str = ".env") -> Source:
    return Source.of_bytes(text if isinstance(text, bytes) else text.encode(), path=path)


def test_variables_with_quotes_comments_and_lines():
    text = '# c\nexport A=1 # why\nB="x # y"\nC=\nKEY="-----BEGIN\nabc\n-----END"\nD=\'q\'\nE=a#b\n'
    (reading,) = READER.read(source(text))
    assert reading.format == "env"
    assert reading.environment == (
        ("A", "1", 2), ("B", "x # y", 3), ("C", "", 4), ("KEY", "-----BEGIN\nabc\n-----END", 5), ("D", "q", 8),
        ("E", "a#b", 9),
    )  # fmt: skip
    assert reading.gaps == ()


def test_unclosed_quote_does_not_swallow_the_file():
    (reading,) = READER.read(source('A="x\nB=2\n'))
    assert ("B", "2", 2) in reading.environment


def test_line_that_sets_nothing_is_a_gap():
    (reading,) = READER.read(source("A=1\n%%%\n"))
    assert reading.gaps[0].line == 2


@pytest.mark.parametrize(
    "name", [".env", ".env.local", ".env.example", "prod.env", "app.env.sample", "env.example"]
)
def test_environment_files_are_recognised(name):
    assert READER.recognises(source("A=1", name))


@pytest.mark.parametrize(
    "name", ["env.py", ".env.d.ts", "environment.yml", "README.md", ".envrc", ".env.yaml"]
)
def test_other_files_are_not(name):
    assert not READER.recognises(source("A=1", name))


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_reading_or_a_named_fault(data):
    with contextlib.suppress(KeelmarkError):
        assert READER.read(source(data))

"""One form of archive: what is written is read by everybody, and what differs in a byte is read by nobody."""

from __future__ import annotations

import contextlib
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.errors import LimitExceededError, ParseError
from keelmark.trust import stored_zip
from keelmark.trust.stored_zip import Bounds

PARTS = {"b.json": b'{"a": 1}', "a.txt": b"", "report.html": b"<p>\x00\xff" * 50}
ARCHIVE = stored_zip.build(PARTS)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=64).filter(
    lambda name: not name.startswith(".")
)
members = st.dictionaries(names, st.binary(max_size=200), min_size=1, max_size=8)


@given(members)
def test_what_is_built_is_read_again_and_by_the_standard_library(parts) -> None:
    data = stored_zip.build(parts)
    assert stored_zip.parse(data) == parts
    assert stored_zip.build(dict(reversed(parts.items()))) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(parts)
        assert {name: archive.read(name) for name in parts} == parts


def test_every_single_byte_counts() -> None:
    for at in range(len(ARCHIVE)):
        for bit in (1, 128):
            spoiled = ARCHIVE[:at] + bytes([ARCHIVE[at] ^ bit]) + ARCHIVE[at + 1 :]
            try:
                assert stored_zip.parse(spoiled) != PARTS
            except ParseError:
                continue


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        ARCHIVE[:-1],
        ARCHIVE + b"\0",
        b"\0" + ARCHIVE,
        ARCHIVE[:40],
        ARCHIVE[:40] + b"x" + ARCHIVE[40:],
    ],
)
def test_what_is_cut_or_padded_is_refused(data) -> None:
    with pytest.raises(ParseError):
        stored_zip.parse(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_other_programs_are_refused(method) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in sorted(PARTS.items()):
            archive.writestr(name, content)
    with pytest.raises(ParseError, match="not in the one form"):
        stored_zip.parse(made.getvalue())


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "A", "a\0", "ä", "a" * 65, "a b"])
def test_names_that_are_not_plain_are_refused(name) -> None:
    with pytest.raises(ParseError, match="not plain"):
        stored_zip.build({name: b""})


def test_bounds_hold() -> None:
    with pytest.raises(LimitExceededError):
        stored_zip.build({f"n{number}": b"" for number in range(17)})
    with pytest.raises(LimitExceededError):
        stored_zip.build(PARTS, bounds=Bounds(max_bytes=100))
    with pytest.raises(LimitExceededError):
        stored_zip.parse(ARCHIVE, bounds=Bounds(max_bytes=100))
    many = stored_zip.build({f"n{number:02}": b"" for number in range(17)}, bounds=Bounds(max_members=17))
    with pytest.raises(ParseError):
        stored_zip.parse(many)


@given(st.binary(max_size=300), st.integers(0, 40))
@settings(max_examples=300)
def test_any_bytes_are_an_archive_or_a_parse_error(noise, kept) -> None:
    data = ARCHIVE[:kept] + noise
    with contextlib.suppress(ParseError):
        assert stored_zip.build(stored_zip.parse(data)) == data

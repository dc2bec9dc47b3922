"""gzip and zlib: what comes out is kept although the checksum behind it is wrong, for loaders act on it before."""

from __future__ import annotations

import gzip
import io
import zlib

import pytest

from keelmark.engine.artefacts import read_artefact_source
from keelmark.formats.archives.compression import unpack
from keelmark.formats.source import Source

CONTENT = b"cos\nsystem\n(S'true'\ntR." + bytes(range(256)) * 40


def named(content: bytes) -> bytes:
    """A gzip stream with every optional part of its header."""
    body = gzip.compress(content, mtime=0)[10:]
    return (
        b"\x1f\x8b\x08\x1e"
        + bytes(4)
        + b"\x00\x03"
        + b"\x04\x00abcd"
        + b"name\0"
        + b"comment\0"
        + b"\x00\x00"
        + body
    )


def run(data: bytes, name: str):
    return unpack(memoryview(data), name, spend=lambda total, taken: None)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (gzip.compress(CONTENT, mtime=0), "gzip"),
        (named(CONTENT), "gzip"),
        (zlib.compress(CONTENT), "zlib"),
        (gzip.compress(CONTENT[:9], mtime=0) + gzip.compress(CONTENT[9:], mtime=0), "gzip"),
        (gzip.compress(b"", mtime=0) + gzip.compress(CONTENT, mtime=0), "gzip"),
        (gzip.compress(CONTENT, mtime=0) + b"tail", "gzip"),
    ],
)
def test_whole_streams_come_out_whole(data, name) -> None:
    done = run(data, name)
    assert (bytes(done.content), done.error) == (CONTENT, None)
    assert data[done.consumed :] in {b"", b"tail"}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (gzip.compress(CONTENT, mtime=0)[:-8] + bytes(8), "gzip"),
        (zlib.compress(CONTENT)[:-4] + bytes(4), "zlib"),
        (gzip.compress(CONTENT, mtime=0)[:-3], "gzip"),
        (zlib.compress(CONTENT)[:-4], "zlib"),
    ],
)
def test_what_came_out_before_a_wrong_or_missing_checksum_is_kept(data, name) -> None:
    done = run(data, name)
    assert bytes(done.content) == CONTENT
    assert done.error is not None


def test_a_harmful_pickle_behind_a_wrong_checksum_is_found() -> None:
    data = gzip.compress(CONTENT, mtime=0)[:-8] + bytes(8)
    with Source.of_bytes(data, path="m.pkl.gz") as source:
        facts = read_artefact_source(source)
    assert any(hazard.subject == "os.system" for reading in facts.readings for hazard in reading.hazards)
    assert facts.gaps


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b\x08", b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 2_000_000, b"\x78\xbb"]
)
def test_a_header_without_end_is_an_error(data) -> None:
    assert run(data, "zlib" if data[0] == 0x78 else "gzip").error is not None


def test_every_cut_and_every_changed_byte_is_a_valid_input() -> None:
    whole = named(b"abc" * 20)
    for place in range(len(whole)):
        run(whole[:place], "gzip")
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        done = run(bytes(changed), "gzip")
        assert done.error is not None or bytes(done.content) == b"abc" * 20
    assert gzip.GzipFile(fileobj=io.BytesIO(whole)).read() == b"abc" * 20

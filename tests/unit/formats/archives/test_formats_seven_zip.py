from __future__ import annotations

import lzma
import struct
import zlib

import pytest

from keelmark.core.facts import GapReason
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.archives.container import Budget
from keelmark.formats.archives.seven_zip import CONTAINER
from keelmark.formats.archives.seven_zip_header import parse_files, parse_streams
from keelmark.formats.cursor import Cursor
from keelmark.formats.source import Source

MEMBERS = {"a.txt": b"words" * 50, "dir/b.pkl": b"\x80\x02}.", "c": b"z"}


def contents(data):
    opened = CONTAINER.open(Source.of_bytes(data, path="file"), Budget())
    return {member.name: bytes(member.load()) for member in opened.members}, opened


@pytest.mark.parametrize("method", [b"\x00", b"\x21"])
def test_members_of_one_folder_are_cut_apart(corpus, method):
    assert contents(corpus.seven_zip(MEMBERS, method=method))[0] == MEMBERS


def test_header_that_is_packed_itself_is_read(corpus):
    data = corpus.seven_zip(MEMBERS)
    offset, length = struct.unpack_from("<QQ", data, 12)
    header = data[32 + offset : 32 + offset + length]
    packed = lzma.compress(header, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 65536}])
    outer = b"\x17\x06" + bytes([0x80 | offset >> 8, offset & 0xFF]) + b"\x01\x09"
    outer += bytes([0x80 | len(packed) >> 8, len(packed) & 0xFF])
    outer += b"\x00\x07\x0b\x01\x00\x01\x23\x03\x01\x01\x05\x5d" + struct.pack("<I", 65536)
    outer += b"\x0c" + bytes([0x80 | length >> 8, length & 0xFF]) + b"\x00\x00"
    start = struct.pack("<QQI", offset + len(packed), len(outer), zlib.crc32(outer))
    whole = data[:12] + start + data[32 : 32 + offset] + packed + outer
    assert contents(whole)[0] == MEMBERS


def test_archive_without_files_is_empty():
    assert contents(b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(24))[0] == {}


@pytest.mark.parametrize(
    ("method", "reason", "word"),
    [
        (b"\x06\xf1\x07\x01", GapReason.ENCRYPTED, "encrypted"),
        (b"\x03\x04\x01", GapReason.UNSUPPORTED, "030401"),
        (b"\x04\x01\x08", GapReason.MALFORMED, "broken"),
    ],
)
def test_content_that_is_not_read_is_one_gap_that_counts_its_files(corpus, method, reason, word):
    found, opened = contents(corpus.seven_zip({**MEMBERS, "a.txt": b"\xff" * 99}, method=method))
    (gap,) = opened.gaps
    assert (found, gap.reason) == ({}, reason)
    assert word in gap.detail
    assert "a.txt and 2 more" in gap.detail


def test_file_that_leads_outside_is_told(corpus, techniques):
    assert set(techniques(corpus.seven_zip({"../a": b"x"}))) == {"outside-path"}


def test_damaged_archive_is_an_error(corpus):
    data = corpus.seven_zip(MEMBERS)
    for changed in (data[:40], data[:-3], data[:12] + struct.pack("<QQ", 2**62, 9) + data[28:]):
        with pytest.raises(ParseError):
            contents(changed)
    with pytest.raises(LimitExceededError):
        contents(data[:12] + struct.pack("<QQ", 0, 2**40) + data[28:])
    _, opened = contents(data[:-20] + bytes(20))
    assert [gap.reason for gap in opened.gaps] == [GapReason.MALFORMED]


@pytest.mark.parametrize(
    "header",
    [b"\x09", b"\x06\x00\x01\x55", b"\x07\x0b\x01\x01", b"\x07\x0b\x01\x00\x00", b"\x07\x55", b"\x07\x0b\x01\x00\x01\x10\x40\x40", b"\x08\x55"],
)  # fmt: skip
def test_header_that_cannot_be_is_an_error(header):
    with pytest.raises(ParseError):
        parse_streams(Cursor(memoryview(header)))


def test_counts_are_bounded():
    with pytest.raises(LimitExceededError):
        parse_files(Cursor(memoryview(b"\xf0\xff\xff\xff\xff")))
    with pytest.raises(ParseError):
        parse_files(Cursor(memoryview(b"\x02\x11\x03\x00a\x00\x00")))


def test_folder_of_several_streams_is_named_as_not_read():
    # Two inputs, one of them bound: the shape of a branch filter with streams of its own.
    coder = b"\x11\x00\x02\x01"
    header = (
        b"\x06\x00\x02\x09\x01\x01\x00" + b"\x07\x0b\x01\x00\x01" + coder + b"\x00\x01" + b"\x0c\x02\x00\x00"
    )
    streams = parse_streams(Cursor(memoryview(header)))
    assert [(folder.is_linear, folder.packed) for folder in streams.folders] == [(False, 2)]


BRANCH = (b"\x03\x03\x01\x03", {"id": lzma.FILTER_X86}, b"")
DELTA = (b"\x03", {"id": lzma.FILTER_DELTA, "dist": 4}, b"\x03")


@pytest.mark.parametrize("before", [(BRANCH,), (DELTA,), (BRANCH, DELTA)])
def test_content_that_was_filtered_first_is_read(corpus, before):
    assert contents(corpus.seven_zip(MEMBERS, before=before))[0] == MEMBERS


def test_filter_that_is_not_read_is_named(corpus):
    odd = (b"\x0a", {"id": lzma.FILTER_ARM}, b"")
    _, opened = contents(corpus.seven_zip(MEMBERS, before=(odd,)))
    assert [gap.reason for gap in opened.gaps] == [GapReason.UNSUPPORTED]


def test_files_without_content_are_stepped_over(corpus):
    assert contents(corpus.seven_zip({"folder": b"", **MEMBERS}))[0] == MEMBERS


def test_link_of_a_7z_archive_is_judged(corpus, techniques):
    data = corpus.seven_zip({"l": b"../../etc", "m": b"x"}, modes=(0o120777, 0o100644))
    assert set(techniques(data)) == {"outside-link"}
    data = corpus.seven_zip({"a/l": b"../m", "m": b"x"}, modes=(0o120777, 0o100644))
    assert techniques(data) == {}


def test_content_that_breaks_gives_what_came_out_and_a_gap(corpus):
    data = bytearray(corpus.seven_zip({"a": bytes(range(256)) * 2000, "b": b"z" * 400_000}))
    offset = struct.unpack_from("<Q", data, 12)[0]
    data[32 + offset - 2 : 32 + offset] = b"\xff\xff"
    found, opened = contents(bytes(data))
    assert found["a"] == bytes(range(256)) * 2000
    assert [gap.reason for gap in opened.gaps] == [GapReason.MALFORMED]

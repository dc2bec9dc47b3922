from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.archives import compression, snappy, zstandard
from keelmark.formats.archives.container import BombError, Budget, Limits
from keelmark.formats.archives.lz4 import decode_block
from keelmark.formats.archives.lzma_raw import lzma1, lzma2
from keelmark.formats.archives.spool import gather, let_go
from keelmark.formats.cursor import BreaksOffError

TEXT = b"".join(b"line %d of many\n" % number for number in range(9000))
PACKERS = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zlib": zlib.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}


def spend(_total, _packed):
    """Nothing is too much."""


@pytest.mark.parametrize("name", PACKERS)
def test_stream_is_recognised_and_unpacked(name):
    packed = PACKERS[name](TEXT)
    assert compression.compressor(packed[:32]) == name
    assert bytes(compression.decompress(memoryview(packed), name)) == TEXT
    assert compression.start_of(memoryview(packed), name, count=100) == TEXT[:100]


@pytest.mark.parametrize("name", [name for name in PACKERS if name != "lzma"])
def test_streams_that_follow_each_other_are_one_content(name):
    packed = PACKERS[name](TEXT)
    done = compression.unpack(memoryview(packed * 2 + b"words"), name, spend=spend)
    assert bytes(done.content) == TEXT * 2
    assert (done.consumed, done.streams, done.error) == (2 * len(packed), 2, None)
    assert done.crc == zlib.crc32(TEXT * 2)


def test_padding_between_xz_streams_is_stepped_over():
    packed = lzma.compress(TEXT)
    done = compression.unpack(memoryview(packed + bytes(8) + packed), "xz", spend=spend)
    assert len(done.content) == 2 * len(TEXT)


@pytest.mark.parametrize("name", PACKERS)
def test_what_came_out_before_a_stream_broke_is_kept(name):
    packed = PACKERS[name](bytes(range(256)) * 3000)
    done = compression.unpack(memoryview(packed[:-9]), name, spend=spend)
    assert isinstance(done.error, BreaksOffError)
    if name in {"gzip", "zlib", "lzma"}:
        assert bytes(done.content[:256]) == bytes(range(256))


@pytest.mark.parametrize(
    "head",
    [b"", b"x", b"]", b"BZh9 is a word", b"x\x9d\x00", b"\x5d\x00\x00\x00\x00" + bytes(20), b"]q\x00(K\x01K\x02e." + bytes(20)],
)  # fmt: skip
def test_other_bytes_are_no_stream(head):
    assert compression.compressor(head) == ""


def test_stream_that_asks_for_much_memory_is_a_limit():
    packed = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 512 * 1024**2, "mf": lzma.MF_HC3, "preset": 0}])  # fmt: skip
    with pytest.raises(LimitExceededError):
        compression.decompress(memoryview(packed), "xz")
    with pytest.raises(LimitExceededError):
        lzma1(b"\x5d" + struct.pack("<I", 2**31), size=-1)
    with pytest.raises(LimitExceededError):
        lzma2(b"\x28", size=-1)
    assert lzma2(b"\x28", size=100) is not None
    for properties in (b"", b"\xff" * 5, b"\x5d"):
        with pytest.raises(ParseError):
            lzma1(properties, size=1)
    with pytest.raises(ParseError):
        lzma2(b"\x99", size=1)


def test_bomb_is_told_from_long_content():
    packed = memoryview(gzip.compress(bytes(3_000_000)))
    limits = Limits(bomb_bytes=1_000_000, bomb_ratio=100)
    done = compression.unpack(packed, "gzip", spend=Budget(limits=limits).meter())
    assert isinstance(done.error, BombError)
    done = compression.unpack(packed, "gzip", spend=Budget(limits=Limits(max_bytes=1_000_000)).meter())
    assert isinstance(done.error, LimitExceededError)
    assert not isinstance(done.error, BombError)
    budget = Budget()
    assert compression.unpack(packed, "gzip", spend=budget.meter()).error is None
    assert budget.spent_bytes == 3_000_000


def test_long_content_lies_in_a_file_without_a_name():
    view = gather((bytes([index]) * 1000 for index in range(200)), max_in_memory=50_000)
    assert len(view) == 200_000
    assert view[199_999] == 199
    let_go(view)
    assert bytes(view[1000:1002]) == b"\x01\x01"
    let_go(memoryview(b"x"))


def test_full_disk_is_a_limit(monkeypatch):
    def refuse(**_):
        raise OSError(28, "no space left")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(LimitExceededError):
        gather([bytes(100)], max_in_memory=10)


# -- lz4 ---------------------------------------------------------------------------------------------------------------

BLOCK = b"\x35abc\x03\x00\x50hello"
"""`abc`, nine bytes from three before, then `hello`."""
UNPACKED = b"abcabcabcabchello"


def frame(blocks, *, flags=0x60, size=0x40, head=b"", tail=b""):
    out = b"\x04\x22\x4d\x18" + bytes([flags, size]) + head + b"\x00"
    return out + b"".join(struct.pack("<I", len(each)) + each for each in blocks) + bytes(4) + tail


def test_lz4_block_is_unpacked():
    assert decode_block(BLOCK, max_bytes=100) == UNPACKED
    long = b"\xff" + b"a" * 0
    literals = b"\xf0\x05" + b"z" * 20
    assert decode_block(literals, max_bytes=100) == b"z" * 20
    assert decode_block(b"\x1fa\x01\x00\xff\x00\x10b", max_bytes=1000) == b"a" * (1 + 15 + 255 + 4) + b"b"
    assert long


def test_lz4_frames_join_and_end():
    one = frame([BLOCK])
    done = compression.unpack(memoryview(one * 2 + b"tail"), "lz4", spend=spend)
    assert bytes(done.content) == UNPACKED * 2
    assert done.consumed == 2 * len(one)


def test_lz4_blocks_may_depend_on_each_other():
    second = b"\x01\x11\x00\x10!"
    assert (
        bytes(compression.decompress(memoryview(frame([BLOCK, second], flags=0x40)), "lz4"))
        == UNPACKED + b"abcab!"
    )


def test_lz4_with_sizes_and_checksums_is_unpacked():
    block = BLOCK + b"sum!"
    data = b"\x04\x22\x4d\x18\x7c\x40" + struct.pack("<Q", len(UNPACKED)) + b"\x00"
    data += struct.pack("<I", len(BLOCK)) + block + bytes(4) + b"sum!"
    assert bytes(compression.decompress(memoryview(data), "lz4")) == UNPACKED


def test_older_lz4_frames_end_with_the_file_or_the_next_frame():
    old = b"\x02\x21\x4c\x18" + struct.pack("<I", len(BLOCK)) + BLOCK
    assert compression.compressor(old) == "lz4"
    assert bytes(compression.decompress(memoryview(old), "lz4")) == UNPACKED
    assert bytes(compression.decompress(memoryview(old + frame([BLOCK])), "lz4")) == UNPACKED * 2


@pytest.mark.parametrize(
    "data",
    [
        frame([b"\x35abc\x09\x00"]), frame([b"\x35abc\x00\x00"]), frame([b"\xf0\xff"]), frame([b"\x50ab"]), frame([b"\x35abc\x03"]),
        frame([BLOCK], flags=0x20), frame([BLOCK], size=0x10), frame([bytes(70_000)]), frame([BLOCK])[:-2], b"\x04\x22\x4d\x18",
    ],
)  # fmt: skip
def test_broken_lz4_is_an_error(data):
    with pytest.raises(ParseError):
        compression.decompress(memoryview(data), "lz4")


def test_lz4_block_that_grows_beyond_its_frame_is_a_limit():
    grows = b"\x1fa\x01\x00" + b"\xff" * 300 + b"\x00\x10b"
    with pytest.raises(LimitExceededError):
        compression.decompress(memoryview(frame([grows])), "lz4")
    with pytest.raises(LimitExceededError):
        decode_block(b"\x50hello", max_bytes=3)


# -- zstd --------------------------------------------------------------------------------------------------------------

ZSTD = b"\x28\xb5\x2f\xfd\x04\x00" + b"\x29\x00\x00hello" + zlib.crc32(b"").to_bytes(4, "little")


def test_zstd_is_recognised_whether_or_not_it_can_be_read():
    assert compression.compressor(ZSTD) == "zstd"
    assert compression.compressor(b"\x50\x2a\x4d\x18") == "zstd"


def test_zstd_without_a_decoder_is_an_error_that_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(zstandard, "_MODULE", None)
    assert not zstandard.is_here()
    with pytest.raises(ParseError, match="backports"):
        compression.decompress(memoryview(ZSTD), "zstd")
    assert compression.start_of(memoryview(ZSTD), "zstd", count=5) == b""


def test_zstd_with_a_decoder_is_unpacked():
    module = pytest.importorskip("backports.zstd")
    packed = module.compress(TEXT)
    done = compression.unpack(memoryview(packed * 2 + b"tail"), "zstd", spend=spend)
    assert bytes(done.content) == TEXT * 2
    assert done.consumed == 2 * len(packed)
    with pytest.raises(ParseError):
        compression.decompress(memoryview(packed[:-9]), "zstd")


# -- snappy ------------------------------------------------------------------------------------------------------------


def test_snappy_copies_near_far_and_overlapping():
    block = b"\x1c" + b"\x0cabcd" + b"\x01\x04" + b"\x1e\x04\x00" + b"\x1f\x01\x00\x00\x00" + b"\x0cwxyz"
    assert snappy.decode_block(block) == b"abcd" * 4 + b"d" * 8 + b"wxyz"


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\x04",
        b"\x04\x0cab",
        b"\x05\x0cabcd",
        b"\x03\x0cabcd",
        b"\x08\x01\x04",
        b"\xff" * 6,
        b"\x08\x0cabcd\x01\x00",
    ],
)
def test_broken_snappy_is_said_so(block):
    with pytest.raises(ParseError):
        snappy.decode_block(block)


@given(st.binary(max_size=200))
def test_any_bytes_of_snappy_are_unpacked_or_an_error_on_purpose(data):
    for stream in (data, snappy.MAGIC + data, snappy.MAGIC + b"\x00\x20\x00\x00" + data):
        try:
            compression.decompress(memoryview(stream), "snappy")
        except KeelmarkError:
            continue

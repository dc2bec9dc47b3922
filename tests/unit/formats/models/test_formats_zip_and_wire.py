"""Corners of the parts that readers share: large and shifted archives, packed numbers, every kind of item."""

from __future__ import annotations

import struct
import zipfile

import pytest

from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.archives import compression
from keelmark.formats.archives.container import EncryptedError, UnsupportedError
from keelmark.formats.archives.zip_directory import Bounds, ZipDirectory
from keelmark.formats.models import protobuf
from keelmark.formats.models.flax import READER as FLAX
from keelmark.formats.models.gguf import READER as GGUF
from keelmark.formats.models.onnx import READER as ONNX
from keelmark.formats.models.pickle.file import READER as PICKLE
from keelmark.formats.models.pickle.machine import inspect
from keelmark.formats.models.pickle.sequence import inspect_all


def large(content):
    """An archive whose sizes and places stand in the fields for large archives only."""
    name = b"a"
    local = (
        b"PK\x03\x04" + struct.pack("<HHHHHIIIHH", 45, 0, 0, 0, 0, 0, len(content), len(content), 1, 0) + name
    )
    extra = struct.pack("<HH", 9, 2) + b"xx" + struct.pack("<HHQQQ", 1, 24, len(content), len(content), 0)
    entry = struct.pack(
        "<HHHHHHIIIHHHHHII", 45, 45, 0, 0, 0, 0, 0, 2**32 - 1, 2**32 - 1, 1, len(extra), 0, 0, 0, 0, 2**32 - 1
    )
    directory = b"PK\x01\x02" + entry + name + extra
    start = len(local) + len(content)
    end_64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, len(directory), start)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, start + len(directory), 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return local + content + directory + end_64 + locator + end


def test_large_archive_is_read():
    assert bytes(ZipDirectory(memoryview(large(b"hello"))).read("a")) == b"hello"


def test_archive_behind_other_bytes_is_read(make):
    data = b"#!/bin/sh\n" + make.archive({"a": b"hello"})
    assert bytes(ZipDirectory(memoryview(data)).read("a")) == b"hello"
    assert bytes(ZipDirectory(memoryview(b"prefix" + large(b"hello"))).read("a")) == b"hello"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_member_of_other_compression_is_read(make, method):
    archive = ZipDirectory(memoryview(make.archive({"a": b"hello"}, method=method)))
    assert bytes(archive.read("a")) == b"hello"
    assert archive.notes == []


def test_member_of_unknown_compression_is_an_error(make):
    data = bytearray(make.archive({"a": b"hello"}))
    data[data.index(b"PK\x01\x02") + 10] = 98
    with pytest.raises(UnsupportedError):
        ZipDirectory(memoryview(bytes(data))).read("a")


def test_archive_bounds_hold(make):
    data = memoryview(make.archive({"a": bytes(1000), "b": b""}, method=8))
    with pytest.raises(LimitExceededError):
        ZipDirectory(data, bounds=Bounds(max_members=1))
    with pytest.raises(LimitExceededError):
        ZipDirectory(data).read("a", max_bytes=10)
    with pytest.raises(ParseError):
        ZipDirectory(data).read("c")


def test_member_longer_than_its_directory_says_is_an_error(make):
    data = bytearray(make.archive({"a": bytes(100_000)}, method=8))
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    with pytest.raises(LimitExceededError):
        ZipDirectory(memoryview(bytes(data))).read("a", max_bytes=1000)


def test_encrypted_member_is_its_own_error(make):
    data = bytearray(make.archive({"a": b"x" * 20}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    data[entry + 24] -= 12  # the header of the encryption
    with pytest.raises(EncryptedError):
        ZipDirectory(memoryview(bytes(data))).read("a")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_plain_member_marked_as_encrypted_is_read_and_noted(make, method):
    data = bytearray(make.archive({"a": b"x" * 20}, method=method))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive = ZipDirectory(memoryview(bytes(data)))
    assert bytes(archive.read("a")) == b"x" * 20
    assert [note.subject for note in archive.notes] == ["a"]


def test_wrong_checksum_and_size_are_noted_and_the_bytes_returned(make):
    data = bytearray(make.archive({"a": b"x" * 20, "b": b"y"}))
    data[data.index(b"PK\x01\x02") + 16] ^= 1
    data[data.rindex(b"PK\x01\x02") + 24] += 5
    archive = ZipDirectory(memoryview(bytes(data)))
    assert bytes(archive.read("a")) == b"x" * 20
    assert bytes(archive.read("b")) == b"y"
    assert [note.subject for note in archive.notes] == ["a", "b"]


def test_directory_of_length_nothing_is_found_where_the_record_points(make):
    data = bytearray(make.archive({"a": b"hello"}))
    struct.pack_into("<I", data, len(data) - 10, 0)
    archive = ZipDirectory(memoryview(bytes(data)))
    assert bytes(archive.read("a")) == b"hello"
    assert archive.notes


@pytest.mark.parametrize("name", ["gzip", "zlib", "bz2", "xz", "lzma", "deflate", "lz4"])
def test_broken_compression_is_an_error(name):
    with pytest.raises(ParseError):
        compression.decompress(memoryview(b"\xff" * 100), name)


def test_packed_numbers_are_read_in_bounds():
    assert protobuf.packed_varints(memoryview(b"\x01\x80\x01\x05"), limit=3) == [1, 128, 5]
    with pytest.raises(LimitExceededError):
        protobuf.packed_varints(memoryview(b"\x01\x02"), limit=1)
    with pytest.raises(ParseError):
        protobuf.packed_varints(memoryview(b"\xff" * 11), limit=1)


def test_fixed_fields_and_the_budget():
    fields = list(protobuf.fields(memoryview(b"\x0d\x01\x00\x00\x00\x11" + bytes(8)), protobuf.Budget()))
    assert [(item.number, item.value) for item in fields] == [(1, 1), (2, 0)]
    with pytest.raises(LimitExceededError):
        list(protobuf.fields(memoryview(b"\x08\x01" * 5), protobuf.Budget(fields=4)))


def test_onnx_shape_may_be_packed_and_initialisers_sparse(make):
    packed = make.field(1, b"\x02\x80\x01") + make.field(2, 10)
    graph = (
        make.field(1, make.onnx_node())
        + make.field(5, packed)
        + make.field(15, make.field(1, make.onnx_tensor((4,))))
    )
    model = make.model(ONNX, make.field(1, 8) + make.field(7, graph))
    assert (model.parameters, model.dtypes) == (260, ("F16", "F32"))


def test_gguf_values_of_every_kind_are_stepped_over(make):
    kinds = [(0, b"\x01"), (1, b"\xff"), (2, b"\x01\x00"), (3, b"\xff\xff"), (4, bytes(4)), (5, bytes(4)), (6, bytes(4)),
             (7, b"\x01"), (10, bytes(8)), (11, bytes(8)), (12, bytes(8)),
             (9, struct.pack("<IQ", 4, 2) + bytes(8)), (9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 0, 1) + b"\x01")]  # fmt: skip
    body = b"".join(
        make.gguf_text(f"k{index}") + struct.pack("<I", kind) + raw for index, (kind, raw) in enumerate(kinds)
    )
    (reading,) = make.read(GGUF, b"GGUF" + struct.pack("<IQQ", 3, 0, len(kinds)) + body)
    assert reading.gaps == ()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x01\x00\x00\x00\x00\x00\x00\x00k" + struct.pack("<I", 99), GapReason.MALFORMED),
        (b"\x01\x00\x00\x00\x00\x00\x00\x00k" + struct.pack("<IIQ", 9, 8, 2**40), GapReason.TOO_LARGE),
        (b"\x01\x00\x00\x00\x00\x00\x00\x00k" + struct.pack("<IQ", 8, 2**40), GapReason.TOO_LARGE),
        (
            b"\x01\x00\x00\x00\x00\x00\x00\x00k\t\x00\x00\x00" + struct.pack("<IQ", 9, 1) * 9,
            GapReason.TOO_LARGE,
        ),
    ],
)
def test_gguf_value_that_cannot_be_is_a_gap(make, body, reason):
    (reading,) = make.read(GGUF, b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + body)
    assert [gap.reason for gap in reading.gaps] == [reason]


def test_gguf_in_big_endian_is_read(make):
    (reading,) = make.read(GGUF, b"GGUF" + struct.pack(">IQQ", 3, 0, 0))
    assert reading.gaps == ()
    (reading,) = make.read(GGUF, b"GGUF" + struct.pack("<IQQ", 9, 0, 0))
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]


def test_flax_items_of_every_kind_are_stepped_over(make):
    items = [b"\x05", b"\xc0", b"\xca" + bytes(4), b"\xc4\x01a", b"\xdc\x00\x01\x01", b"\x91\x01", b"\xd4\x02a",
             b"\xde\x00\x01\xa1k\x01", b"\xd9\x01s", b"\xff"]  # fmt: skip
    keys = b"".join(b"\xa1" + bytes([97 + index]) + item for index, item in enumerate(items))
    array = b"\xa1z\xc7\x0e\x01\x93\x91\xcd\x01\x00\xa7float32\xc4"
    data = bytes([0x80 | (len(items) + 1)]) + keys + array
    model = make.model(FLAX, data)
    assert (model.parameters, model.tensors) == (256, 1)


def test_loader_inside_of_a_loader_is_followed_and_bounded(make):
    inner = make.torch_zip(make.calls("os", "system", protocol=2))
    for _ in range(2):
        inner = (
            b"\x80\x02ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(inner)) + inner + b"\x85R."
        )
    assert make.model(PICKLE, inner).dangerous
    for _ in range(4):
        inner = (
            b"\x80\x02ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(inner)) + inner + b"\x85R."
        )
    assert any(item.error is not None for item in inspect_all(memoryview(inner)))


@pytest.mark.parametrize(
    "stream",
    [
        b"0.", b"2.", b"t.", b"e.", b"R.", b"(o.", b"h\x00.", b"gx\n.", b"\x85.", b"b.", b"q\x00.", b"1.", b"\x90.", b"a.",
        b"Iabc\n.", b"S'a\n.", b"V\\uzzzz\n.", b"X\x01\x00\x00\x00\xff.", b"\x8b\xff\xff\xff\xff.", b"\xfe", b"L1", b"cos\n",
    ],
)  # fmt: skip
def test_malformed_pickle_is_an_error_that_is_kept(stream):
    assert isinstance(inspect(memoryview(stream)).error, KeelmarkError)


@pytest.mark.parametrize(
    "stream",
    [
        b"(dS'a'\nI1\ns.", b"(lI1\na.", b"(I1\nI2\nl.", b"(S'a'\nI1\nd.", b"\x80\x04\x8f(K\x01\x90.", b"\x80\x04(K\x01\x91.",
        b"\x80\x02K\x012\x86.", b"\x80\x02(K\x011N.", b"\x80\x02(0N.", b"\x80\x05\x97\x98.", b"\x80\x02G" + bytes(8) + b".",
        b"F1.5\n.", b"L5L\n.", b"Vabc\n.", b"P1\n.", b"\x80\x02K\x01Q.", b"\x80\x02\x8b\x01\x00\x00\x00\x05.",
        b"\x80\x04ccollections\nOrderedDict\n)}\x92.", b"S'\\101\\n\\q\\x4'\n.", b"I01\n.", b"\x80\x02\x88\x89\x87.",
        b"\x80\x02N\x88\x89\x87.", b"\x80\x05\x96" + struct.pack("<Q", 1) + b"a.", b"\x80\x02U\x01a.", b"\x80\x02r\x00\x00\x00\x00.",
    ],
)  # fmt: skip
def test_operations_of_every_kind_are_followed(stream):
    result = inspect(memoryview(stream))
    stack_is_empty = result.error is not None and "stack" in result.error.message
    assert result.is_complete or stack_is_empty

"""What the zip container recognises, costs and forgives."""

from __future__ import annotations

import struct
import zipfile

import pytest

from keelmark.core.facts import GapReason, Technique
from keelmark.errors import LimitExceededError
from keelmark.formats.archives.container import Budget, Limits
from keelmark.formats.archives.names import Places, is_interpreted, leaves, same_for_some
from keelmark.formats.archives.prefix import what_stands_before
from keelmark.formats.archives.zip_archive import CONTAINER
from keelmark.formats.archives.zip_directory import Bounds, ZipDirectory
from keelmark.formats.source import Source


def source(data, path="file"):
    return Source.of_bytes(data, path=path)


def listed(data, **limits):
    opened = CONTAINER.open(source(data), Budget(limits=Limits(**limits)))
    return opened, [member.name for member in opened.members]


def test_other_files_are_not_archives(corpus):
    for data in (
        b"",
        b"PK",
        b"words",
        bytes(70_000),
        b"x" * 100 + b"PK\x05\x06" + bytes(18),
        b"x PK\x05\x06 in a text",
    ):
        assert not CONTAINER.recognises(source(data))


def test_packed_member_is_not_unpacked_to_look_at_its_end():
    def load():
        raise AssertionError("unpacked")

    member = Source.of_member(path="a!b", size=2**31, head=b"x" * 65536, load=load)
    assert not CONTAINER.recognises(member)


def test_archive_with_a_long_comment_or_a_tail_is_recognised_at_its_end(corpus):
    behind = bytes(70_000) + corpus.raw_zip([corpus.entry("a", b"x")], comment=b"c" * 60_000, suffix=b"\n")
    assert CONTAINER.recognises(source(behind))


def test_stored_members_are_views_of_the_archive(corpus):
    data = corpus.plain_zip({"a": b"hello"})
    (member,) = CONTAINER.open(source(data), Budget()).members
    assert member.load().obj is data


def test_deflated_tensors_are_looked_at_without_being_unpacked(corpus):
    budget = Budget()
    data = corpus.plain_zip({"a.npy": b"\x93NUMPY" + bytes(5_000_000)}, method=8)
    (member,) = CONTAINER.open(source(data), budget).members
    assert member.start(6) == b"\x93NUMPY"
    assert budget.spent_bytes == 0
    assert len(member.load()) == 5_000_006
    assert budget.spent_bytes == 5_000_006


def test_member_that_breaks_gives_what_came_out_and_a_gap(corpus, techniques, opened):
    content = corpus.PAYLOAD + bytes(range(256)) * 300
    short = {"packed": len(corpus.entry("a", content, method=8)["packed"]) - 9}
    data = corpus.raw_zip([corpus.entry("a.pkl", content, method=8, local=short, central=short)])
    assert "dangerous-callable" in techniques(data)
    assert GapReason.TRUNCATED in {gap.reason for gap in opened(data).gaps}


def test_member_beyond_the_end_is_a_gap(corpus, opened):
    data = corpus.raw_zip([corpus.entry("a.pkl", b"x", central={"offset": 2**30}), corpus.entry("b", b"y")])
    assert {gap.reason for gap in opened(data).gaps} == {GapReason.TRUNCATED}


def test_encrypted_member_is_a_gap_of_its_own(corpus, opened):
    changed = {"flags": 1, "packed": 17, "size": 5}
    data = corpus.raw_zip([corpus.entry("a.pkl", b"e" * 17, local=changed, central=changed)])
    assert [(gap.reason, gap.detail[:5]) for gap in opened(data).gaps] == [(GapReason.ENCRYPTED, "a.pkl")]
    changed = {"flags": 1, "size": 50}
    data = corpus.raw_zip(
        [corpus.entry("a.pkl", b"hello" * 10, method=8, local=changed, central={**changed, "method": 99})]
    )
    assert [gap.reason for gap in opened(data).gaps] == [GapReason.ENCRYPTED]


def test_compression_that_is_not_read_is_named(corpus, opened):
    data = corpus.raw_zip([corpus.entry("a.pkl", b"x" * 9, local={"method": 98}, central={"method": 98})])
    (gap,) = opened(data).gaps
    assert gap.reason is GapReason.UNSUPPORTED
    assert "ppmd" in gap.detail


def test_too_many_members_are_a_limit(corpus):
    data = corpus.plain_zip({str(index): b"" for index in range(20)})
    with pytest.raises(LimitExceededError):
        CONTAINER.open(source(data), Budget(limits=Limits(max_members=10)))
    assert CONTAINER.recognises(source(b"x" * 9 + data))


def test_hazards_are_bounded_and_say_so(corpus):
    data = corpus.raw_zip([corpus.entry(f"../{index}", b"x") for index in range(150)])
    opened, names = listed(data)
    assert len(names) == 150
    assert len(opened.hazards) == 100
    assert opened.hazards[-1].detail.endswith("more of the kind were left out")


def test_records_for_large_archives_that_contradict_the_small_one_are_told(corpus):
    data = corpus.plain_zip({"a.pkl": corpus.STATE})
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    large = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, end - start, start)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    honest = data[:end] + large + locator + data[end:]
    opened, names = listed(honest)
    assert (opened.hazards, names) == ([], ["a.pkl"])
    lying = bytearray(honest)
    lying[-12:-8] = struct.pack("<H", 1) + struct.pack("<H", 9)
    opened, names = listed(bytes(lying))
    assert [hazard.technique for hazard in opened.hazards] == [Technique.READERS_DISAGREE]
    assert names == ["a.pkl"]


def test_place_of_the_directory_that_is_misstated_is_told(corpus):
    data = corpus.raw_zip([corpus.entry("a.pkl", corpus.STATE)])
    start = data.index(b"PK\x01\x02")
    opened, names = listed(data[:-6] + struct.pack("<I", start - 9) + data[-2:])
    assert names == ["a.pkl"]
    assert [hazard.technique for hazard in opened.hazards] == [Technique.READERS_DISAGREE]


def test_archive_whose_places_count_from_the_start_of_the_file_is_read_behind_a_prefix(corpus):
    data = b"#!/usr/bin/env python3\n"
    whole = corpus.raw_zip([corpus.entry("a.pkl", corpus.STATE)], prefix=data)
    opened, (name,) = listed(whole)
    assert (name, opened.hazards) == (f"archive at byte {len(data)}", [])
    (inner,) = CONTAINER.open(source(whole), Budget()).members
    assert list(ZipDirectory(inner.load()).members) == ["a.pkl"]
    assert bytes(ZipDirectory(inner.load()).read("a.pkl")) == corpus.STATE


@pytest.mark.parametrize(
    ("prefix", "technique"),
    [
        (b"JM\x01\x00", None),
        (b"#!/usr/bin/python\n", None),
        (b"\x1c\x00\x00\x00TFL3" + bytes(80), None),
        (b"MZ" + bytes(90), Technique.EMBEDDED_EXECUTABLE),
        (b"\x80\x02}.", Technique.POLYGLOT),
        ((20).to_bytes(8, "little") + b'{"a":1}' + bytes(20), Technique.POLYGLOT),
        (bytes(257) + b"ustar\0" + bytes(300), Technique.POLYGLOT),
        (b"words", Technique.HIDDEN_DATA),
    ],
)
def test_what_stands_before_is_told_apart(prefix, technique):
    assert what_stands_before(memoryview(prefix), is_whole=True)[0] is technique
    assert what_stands_before(memoryview(prefix), is_whole=False)[0] is None


def test_archive_inside_of_something_else_is_read_without_alarm(corpus, techniques):
    inside = b"\x01\x02\x03\x04" * 9 + corpus.plain_zip({"a.pkl": corpus.STATE}) + b"and so on, for long"
    assert techniques(inside) == {}
    evil = b"\x01\x02\x03\x04" * 9 + corpus.plain_zip({"a.pkl": corpus.PAYLOAD}) + b"and so on, for long"
    assert set(techniques(evil)) == {"dangerous-callable"}


def test_binary_comment_is_data_and_words_are_not(corpus, techniques):
    good = [corpus.entry("a.pkl", corpus.STATE)]
    assert techniques(corpus.raw_zip(good, comment=b"signed by SignApk\0" + bytes(range(200)))) == {}
    assert set(techniques(corpus.raw_zip(good, comment=bytes(range(1, 200))))) == {"readers-disagree"}


def test_members_of_lzma_without_an_end_mark_are_read(corpus):
    archive = ZipDirectory(memoryview(corpus.plain_zip({"a": b"hello" * 99}, method=zipfile.ZIP_LZMA)))
    assert bytes(archive.read("a")) == b"hello" * 99
    assert bytes(archive.read_start("a", count=5)) == b"hello"


def test_ratio_of_a_directory_is_bounded(corpus):
    data = memoryview(corpus.plain_zip({"a": bytes(3_000_000)}, method=8))
    with pytest.raises(LimitExceededError):
        ZipDirectory(data, bounds=Bounds(max_ratio=10, free_bytes=1000)).read("a")


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["/a", "\\a", "../a", "a/../../b", "..", "C:\\a", "c:/a", "C:", "a\\..\\..\\b", "d:..\\x"]
)
def test_name_that_leaves_is_told(name):
    assert leaves(name)


@pytest.mark.parametrize(
    "name", ["a", "a/b", "a/../b", "./a", "..a", "a..", "c:a", "a:b", "", "a//b", "...", "x/C:/y"]
)
def test_name_that_stays_is_not(name):
    assert not leaves(name)


def test_names_that_are_one_for_some():
    one = {
        same_for_some(name)
        for name in (
            "m/data.pkl",
            "M/DATA.pkl",
            "./m//data.pkl",
            "m\\data.pkl",
            "m./data.pkl. ",
            "m/data.pkl\0x",
        )
    }
    assert one == {"m/data.pkl"}
    assert same_for_some("m/data.pk") not in one
    assert is_interpreted("m/DATA.PKL")
    assert not is_interpreted("a/B.class")


@pytest.mark.parametrize(
    ("name", "target", "is_hard"),
    [("l", "/etc", False), ("a/l", "../../x", False), ("l", "..", False), ("l", "\\x", False), ("a/l", "../x", True), ("../l", "x", False)],
)  # fmt: skip
def test_link_that_leaves_is_told(name, target, is_hard):
    assert Places().of_link(name, target, is_hard=is_hard) is not None


@pytest.mark.parametrize(
    ("name", "target", "is_hard"),
    [("l", "x", False), ("a/b/l", "../../x", False), ("snapshots/1/m.bin", "../../blobs/9", False), ("a/l", "b/x", True), ("a", ".", False)],
)  # fmt: skip
def test_link_that_stays_is_not(name, target, is_hard):
    assert Places().of_link(name, target, is_hard=is_hard) is None

"""Members are read as if they lay in the folder: places, covers, bounds, and failures that become gaps."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

import pytest
from tests.corpus.archives import PAYLOAD, STATE

from keelmark.core.facts import Gap, GapReason, Hazard, Reading, Technique
from keelmark.engine.artefacts import read_artefact_source
from keelmark.engine.containers import all_containers
from keelmark.engine.nested import open_members
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.archives.container import Budget, Limits, Member, Opened, view_of
from keelmark.formats.source import Source


@dataclass
class Box:
    """A container whose members are handed in; it opens what starts with its mark."""

    members: object = ()
    name: str = "box"
    mark: bytes = b"BOX"
    hazards: tuple = ()
    gaps: tuple = ()
    error: Exception | None = None

    def recognises(self, source):
        return source.head.startswith(self.mark)

    def open(self, source, budget):
        if self.error is not None:
            raise self.error
        members = self.members(source) if callable(self.members) else self.members
        return Opened(format=self.name, members=members, hazards=list(self.hazards), gaps=list(self.gaps))


@dataclass
class Spy:
    """A reader that keeps what it was asked about."""

    seen: list = field(default_factory=list)
    name: str = "spy"
    version: int = 1
    error: Exception | None = None
    hazards: tuple = ()

    def recognises(self, source):
        self.seen.append((source.path, source.size))
        return source.head.startswith(b"model")

    def read(self, source):
        if self.error is not None:
            raise self.error
        gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail="odd")
        return (Reading(format="model", hazards=self.hazards, gaps=(gap,)),)


def descend(*containers, data=b"BOX", reader=None, covers=(), **limits):
    reader = reader or Spy()
    with Source.of_bytes(data, path="dir/file") as source:
        readings = (Reading(format="outer", covers=covers),)
        found = open_members(
            source, readings, readers=(reader,), containers=containers, budget=Budget(limits=Limits(**limits))
        )
    return found, reader


def member(name, content):
    return view_of(name, memoryview(content))


def test_what_is_no_archive_is_left_alone():
    found, reader = descend(Box(), data=b"words")
    assert (found.opened, found.readings, found.gaps, reader.seen) == (False, [], [], [])


def test_members_are_read_with_their_place_and_size():
    hazard = Hazard(technique=Technique.DANGEROUS_CALLABLE, detail="calls", member="inner")
    found, reader = descend(
        Box(members=[member("a", b"model 1"), member("b/c", b"xy")]), reader=Spy(hazards=(hazard,))
    )
    assert found.opened
    assert reader.seen == [("dir/file!a", 7), ("dir/file!b/c", 2)]
    assert [item.member for reading in found.readings for item in reading.hazards] == ["a!inner"]
    (gap,) = found.gaps
    assert (gap.path, gap.detail) == ("dir/file", "a: odd")


def test_covered_members_are_not_read_again():
    _, reader = descend(Box(members=[member("a", b"model"), member("b", b"model")]), covers=("a",))
    assert [path for path, _ in reader.seen] == ["dir/file!b"]


def test_hazards_and_gaps_that_grow_while_members_are_met_are_kept():
    opened = Opened(format="box")

    def grow():
        yield member("a", b"x")
        opened.warn(Technique.HIDDEN_DATA, "late")
        opened.miss(ParseError("late as well"), "a")

    opened.members = grow()
    box = Box()
    box.open = lambda source, budget: opened
    found, _ = descend(box)
    assert [item.detail for reading in found.readings for item in reading.hazards] == ["late"]
    assert [(gap.path, gap.detail) for gap in found.gaps] == [("dir/file", "a: late as well")]


def test_member_nobody_recognises_is_named_when_it_may_be_a_model():
    found, _ = descend(
        Box(members=[member("w.bin", bytes(64)), member("a.txt", b"words"), member("x.dat", b"\x00\x01")])
    )
    assert [(gap.detail.partition(":")[0], gap.matters) for gap in found.gaps] == [
        ("w.bin", True),
        ("x.dat", False),
    ]


def test_every_container_that_recognises_a_file_opens_it_in_order():
    found, _ = descend(
        Box(name="one", members=[member("a", b"x")]), Box(name="two", members=[member("b", b"x")])
    )
    assert [reading.format for reading in found.readings] == ["one", "two"]


def test_nested_archives_are_followed_down_to_the_bound():
    def nest(source):
        return [member("in", b"BOX" + bytes(source.data) + b"x")]

    found, reader = descend(Box(members=nest), max_depth=3)
    assert [path for path, _ in reader.seen] == ["dir/file!in", "dir/file!in!in", "dir/file!in!in!in"]
    assert [(gap.reason, gap.detail) for gap in found.gaps] == [
        (GapReason.TOO_DEEP, "in!in!in: archives are nested too deeply")
    ]


def test_archive_that_holds_itself_is_a_bomb():
    found, _ = descend(Box(members=lambda source: [member("again", bytes(source.data))]))
    hazards = [hazard for reading in found.readings for hazard in reading.hazards]
    assert [(hazard.technique, hazard.member) for hazard in hazards] == [(Technique.BOMB, "again")]
    assert found.gaps == []


def test_budget_is_shared_by_all_members():
    inner = Box(name="inner", mark=b"IN", members=[member(str(index), b"x") for index in range(4)])
    outer = Box(members=[member(str(index), b"IN") for index in range(4)])
    found, reader = descend(outer, inner, max_members=7)
    assert len(reader.seen) == 7
    assert {gap.reason for gap in found.gaps} == {GapReason.TOO_LARGE}


def test_time_below_one_file_is_bounded():
    ticks = iter(range(0, 1000, 10))
    with Source.of_bytes(b"BOX", path="f") as source:
        budget = Budget(limits=Limits(max_seconds=35.0), monotonic=lambda: float(next(ticks)))
        found = open_members(
            source, (), readers=(), containers=(Box(members=[member(str(index), b"x") for index in range(9)]),), budget=budget
        )  # fmt: skip
    assert [gap.reason for gap in found.gaps] == [GapReason.TOO_LARGE]


def test_failure_of_a_container_is_a_gap():
    for error, reason in (
        (ValueError("x"), GapReason.CRASHED),
        (ParseError("x"), GapReason.MALFORMED),
        (LimitExceededError("x"), GapReason.TOO_LARGE),
    ):
        found, _ = descend(Box(error=error))
        assert [gap.reason for gap in found.gaps] == [reason]

    def fail(_):
        yield member("a", b"model")
        raise KeyError("x")

    found, reader = descend(Box(members=fail))
    assert [path for path, _ in reader.seen] == ["dir/file!a"]
    assert GapReason.CRASHED in {gap.reason for gap in found.gaps}


def test_failure_of_a_reader_or_a_member_is_a_gap_and_the_next_is_read():
    def refuse(_):
        raise ParseError("broken")

    bad = Member(name="bad", size=9, start=refuse, load=lambda: memoryview(b""))
    found, reader = descend(
        Box(members=[bad, member("a", b"model"), member("b", b"x")]), reader=Spy(error=ValueError("x"))
    )
    assert [path for path, _ in reader.seen] == ["dir/file!a", "dir/file!b"]
    assert [(gap.reason, gap.detail) for gap in found.gaps] == [
        (GapReason.MALFORMED, "bad: broken"),
        (GapReason.CRASHED, "a: spy: ValueError"),
    ]


def test_member_of_unknown_length_is_unpacked_so_that_readers_know_its_size():
    content = b"model" + bytes(100_000)
    unknown = Member(name="a", size=-1, start=lambda count: content[:count], load=lambda: memoryview(content))
    short = Member(name="b", size=-1, start=lambda count: b"tiny", load=lambda: memoryview(b"tiny"))
    _, reader = descend(Box(members=[unknown, short]))
    assert reader.seen == [("dir/file!a", len(content)), ("dir/file!b", 4)]


def test_containers_have_one_order():
    names = [container.name for container in all_containers()]
    assert names == sorted(names)
    assert {"7z", "ar", "closed", "cpio", "stream", "tar", "zip"} <= set(names)


def test_mapped_archive_can_be_closed_after_it_was_read(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.bin", bytes(range(256)) * 9000)
        archive.writestr("broken.bin", bytes(range(256)) * 9)
        archive.writestr("b", bytes(2_000_000), compress_type=zipfile.ZIP_STORED)
    data = bytearray(out.getvalue())
    place = data.index(b"broken.bin")
    data[place + 10] = 0x07  # a kind of block that is none
    file = tmp_path / "a.zip"
    file.write_bytes(data)
    with Source(file, path="a.zip") as source:
        found = open_members(source, (), readers=(Spy(),), containers=all_containers())
    assert found.opened
    assert [gap.detail.partition(":")[0] for gap in found.gaps if gap.reason is GapReason.MALFORMED] == [
        "broken.bin"
    ]


def _facts(data, path, **limits):
    with Source.of_bytes(data, path=path) as source:
        return read_artefact_source(source, limits=Limits(**limits))


def _techniques(facts):
    return {hazard.technique for reading in facts.readings for hazard in reading.hazards}


def _wrapped(content, depth, pack):
    for _ in range(depth):
        content = pack(content)
    return content


@pytest.mark.parametrize("pack", [lambda data: gzip.compress(data, mtime=0), lambda data: zipped("m", data)])
def test_payload_is_found_however_often_it_was_packed(pack):
    assert Technique.DANGEROUS_CALLABLE in _techniques(_facts(_wrapped(PAYLOAD, 12, pack), "m.pkl"))
    assert _techniques(_facts(_wrapped(STATE, 12, pack), "m.pkl")) == set()
    assert Technique.BOMB in _techniques(_facts(_wrapped(STATE, 20, pack), "m.pkl"))


@pytest.mark.parametrize(("start", "end"), [(0, 0), (-15, 0), (0, 1)])
def test_payload_is_found_in_a_wrapping_without_a_mark(start, end):
    for content, is_found in (
        (PAYLOAD, True),
        (STATE, False),
        (b"plain words " * 40, False),
        (bytes(900), False),
    ):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        wrapped = packer.compress(content) + packer.flush() if start else base64.encodebytes(content)
        if end:
            wrapped = base64.urlsafe_b64encode(content).rstrip(b"=")
        found = _facts(wrapped, "notes.txt")
        assert (Technique.DANGEROUS_CALLABLE in _techniques(found)) is is_found
        inside = _facts(zipped("notes.txt", wrapped), "m.zip")
        assert (Technique.DANGEROUS_CALLABLE in _techniques(inside)) is is_found


def test_words_and_digests_are_no_base64():
    for text in (
        b"d41d8cd98f00b204e9800998ecf8427e\n" * 9,
        b"plainwordswithoutanyspaceinbetween",
        b"QUJD" * 4000,
        b"a b c",
    ):
        facts = _facts(text, "notes.txt")
        assert (facts.readings, facts.gaps) == ((), ())


def test_padding_that_is_nothing_known_is_a_bomb():
    few = {"padding_bytes": 2**20, "padding_ratio": 100}
    zeros = bytes(2**19)
    boxes = {f"{number}.zip": zipped("z", zeros) for number in range(4)}
    assert Technique.BOMB in _techniques(_facts(zipped(**boxes), "m.zip", **few))
    assert Technique.BOMB in _techniques(_facts(zipped(a=zeros, b=zeros, c=zeros), "m.zip", **few))
    assert _techniques(_facts(zipped(a=zeros, b=zeros), "m.zip", **few)) == set()


def test_what_nothing_but_repetition_shrinks_to_is_a_bomb_sooner():
    zeros = bytes(17 * 1024**2)
    assert Technique.BOMB in _techniques(_facts(bz2.compress(zeros), "m.bz2"))
    assert _techniques(_facts(gzip.compress(zeros), "m.gz")) == set()


def test_zeros_that_are_an_array_are_no_bomb():
    head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % 2**19
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + head.ljust(117) + b"\n" + bytes(4 * 2**19)
    facts = _facts(zipped("a.npy", content), "m.npz", padding_bytes=2**20, padding_ratio=100)
    assert (_techniques(facts), facts.gaps) == (set(), ())


def zipped(*pair, **members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**({pair[0]: pair[1]} if pair else {}), **members}.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()

"""Tar archives of every kind, sparse files, and the archives of other tools."""

from __future__ import annotations

import io
import tarfile

import pytest

from keelmark.core.facts import GapReason
from keelmark.errors import ParseError
from keelmark.formats.archives.container import Budget
from keelmark.formats.archives.others import CONTAINERS as OTHERS
from keelmark.formats.archives.tar_archive import CONTAINER
from keelmark.formats.archives.tar_headers import is_header
from keelmark.formats.archives.tar_sparse import Sparse
from keelmark.formats.source import Source

AR, CPIO, CLOSED = OTHERS


def source(data):
    return Source.of_bytes(bytes(data), path="file")


def contents(container, data):
    opened = container.open(source(data), Budget())
    return {member.name: bytes(member.load()) for member in opened.members}, opened


def header(name=b"s.bin", kind=b"0", size=b"0", *, at=(), magic=b"ustar\x0000"):
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[257 : 257 + len(magic)] = magic
    for place, value in at:
        block[place : place + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content):
    return content + bytes(-len(content) % 512)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_every_form_have_their_names_and_contents(corpus, form):
    long = "m/" + "deep/" * 15 + "long" * 20 + ".txt"
    members = {"a.txt": b"1" * 700, long: b"2", "empty": b""}
    data = corpus.tar(members, form=form)
    assert CONTAINER.recognises(source(data))
    assert contents(CONTAINER, data)[0] == members


def test_large_size_in_base_256_is_read():
    data = header(size=b"\x80" + (5).to_bytes(11, "big")) + padded(b"hello") + bytes(1024)
    assert contents(CONTAINER, data)[0] == {"s.bin": b"hello"}


def test_signed_checksums_of_old_tools_add_up():
    block = bytearray(header(b"\xe4.txt", magic=b""))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % (sum(block) - 256)
    assert is_header(bytes(block))
    assert not is_header(b"")
    assert not is_header(bytes(512))


def test_other_files_are_no_tar():
    for data in (b"", bytes(512), b"x" * 600, b"x" * 148 + b"123456\0 " + b"x" * 600):
        assert not CONTAINER.recognises(source(data))


def sparse_blocks():
    pieces = [(0, 4), (1000, 4), (2000, 4), (3000, 4), (4000, 4)]
    numbers = [b"%011o\0%011o\0" % piece for piece in pieces]
    block = header(kind=b"S", size=b"%011o\0" % 20, magic=b"ustar  \0", at=[(386, b"".join(numbers[:4])), (482, b"\1"), (483, b"%011o\0" % 5000)])  # fmt: skip
    return block + padded(numbers[4]) + padded(b"aaaabbbbccccddddeeee") + bytes(1024)


def sparse_pax(records, content):
    lines = b"".join(
        b"%d %s\n" % (len(record) + 1 + len(str(len(record) + 4)) + 1, record) for record in records
    )
    return (
        header(kind=b"x", size=b"%011o\0" % len(lines))
        + padded(lines)
        + header(size=b"%011o\0" % len(content))
        + padded(content)
        + bytes(1024)
    )


def test_holes_of_sparse_files_are_filled_in():
    whole = bytearray(5000)
    for place, piece in zip(
        (0, 1000, 2000, 3000, 4000), (b"aaaa", b"bbbb", b"cccc", b"dddd", b"eeee"), strict=True
    ):
        whole[place : place + 4] = piece
    found, opened = contents(CONTAINER, sparse_blocks())
    assert found == {"s.bin": bytes(whole)}
    assert (opened.hazards, opened.gaps) == ([], [])
    for data in (
        sparse_pax([b"GNU.sparse.map=0,4,96,4", b"GNU.sparse.size=200", b"GNU.sparse.name=w.bin"], b"aaaabbbb"),
        sparse_pax([b"GNU.sparse.offset=0", b"GNU.sparse.numbytes=4", b"GNU.sparse.offset=96", b"GNU.sparse.numbytes=4", b"GNU.sparse.size=200", b"GNU.sparse.name=w.bin"], b"aaaabbbb"),
        sparse_pax([b"GNU.sparse.major=1", b"GNU.sparse.minor=0", b"GNU.sparse.realsize=200", b"GNU.sparse.name=w.bin"], padded(b"2\n0\n4\n96\n4\n") + b"aaaabbbb"),
    ):  # fmt: skip
        found, opened = contents(CONTAINER, data)
        assert found == {"w.bin": b"aaaa" + bytes(92) + b"bbbb" + bytes(100)}
        (member,) = CONTAINER.open(source(data), Budget()).members
        assert member.start(6) == b"aaaa\0\0"


def test_map_of_holes_that_cannot_be_is_an_error():
    with pytest.raises(ParseError):
        list(Sparse(size=10, pieces=((5, 9),), start=0).parts(memoryview(bytes(20))))
    damaged = sparse_pax([b"GNU.sparse.major=1", b"GNU.sparse.realsize=200"], padded(b"words"))
    _, opened = contents(CONTAINER, damaged)
    assert [gap.reason for gap in opened.gaps] == [GapReason.MALFORMED]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:700], GapReason.TRUNCATED),
        (lambda data: data[:1600], GapReason.TRUNCATED),
        (lambda data: data[:1536] + b"x" + data[1537:], GapReason.MALFORMED),
        (lambda data: header(kind=b"x", size=b"%011o\0" % 2**22) + data, GapReason.TOO_LARGE),
        (lambda data: header(kind=b"L", size=b"%011o\0" % 9999) + data[:600], GapReason.TRUNCATED),
        (lambda _: header(size=b"words") + bytes(1024), GapReason.MALFORMED),
    ],
)
def test_damaged_tar_is_a_gap(corpus, change, reason):
    data = corpus.tar({"a.txt": b"1" * 700, "b.txt": b"2" * 700}, form=tarfile.USTAR_FORMAT)
    _, opened = contents(CONTAINER, change(data))
    assert [gap.reason for gap in opened.gaps] == [reason]


def test_hard_link_with_or_without_content_is_stepped_over():
    last = header(b"z.txt", size=b"1") + padded(b"z") + bytes(1024)
    bare = header(b"l", b"1", b"%011o\0" % 600, at=[(157, b"s.bin")]) + last
    assert contents(CONTAINER, bare)[0] == {"z.txt": b"z"}
    filled = header(b"l", b"1", b"%011o\0" % 600, at=[(157, b"s.bin")]) + padded(b"y" * 600) + last
    assert contents(CONTAINER, filled)[0] == {"z.txt": b"z"}


def test_names_of_one_kind_are_told_and_appended_versions_are_not(corpus, techniques):
    assert set(techniques(corpus.tar({"m.pkl": b"1", "M.pkl": b"2"}))) == {"duplicate-member"}
    assert techniques(corpus.tar({"./m.pkl": b"1"})[:1024] + corpus.tar({"m.pkl": b"1"})) == {}


# -- ar, cpio, and what stays closed -----------------------------------------------------------------------------------


def test_names_of_ar_in_every_form_are_read():
    def member(name, content):
        return (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(content):<10}`\n".encode()
            + content
            + b"\n" * (len(content) % 2)
        )

    data = (
        b"!<arch>\n"
        + member("/", b"symbols!")
        + member("//", b"a-very-long-name.txt/\n")
        + member("/0", b"long")
    )
    data += member("#1/8", b"bsd.txt\0bsd") + member("plain.o/", b"x") + b"\n"
    assert contents(AR, data)[0] == {"a-very-long-name.txt": b"long", "bsd.txt": b"bsd", "plain.o": b"x"}


@pytest.mark.parametrize("cut", [70, 30])
def test_damaged_ar_is_an_error(corpus, cut):
    data = corpus.ar({"a": b"hello" * 9})
    with pytest.raises(ParseError):
        contents(AR, data[:cut])
    with pytest.raises(ParseError):
        contents(AR, data[:56] + b"x" + data[57:])


def test_old_cpio_is_read_and_links_are_judged(techniques):
    def member(name, content, mode=0o100644):
        raw = name + b"\0"
        return (
            b"070707"
            + b"000000" * 2
            + b"%06o" % mode
            + b"000000" * 4
            + b"0" * 11
            + b"%06o%011o" % (len(raw), len(content))
            + raw
            + content
        )

    data = member(b"a", b"hello") + member(b"TRAILER!!!", b"")
    assert CPIO.recognises(source(data))
    assert contents(CPIO, data)[0] == {"a": b"hello"}
    evil = member(b"../a", b"x") + member(b"l", b"/etc", 0o120777) + member(b"TRAILER!!!", b"")
    assert set(techniques(evil)) == {"outside-path", "outside-link"}


def test_damaged_cpio_is_an_error(corpus):
    data = corpus.cpio({"a": b"hello" * 30})
    for changed in (data[:100], data[:180], b"070701" + b"0" * 104 + data[110:], data[:200]):
        with pytest.raises(ParseError):
            contents(CPIO, changed)


@pytest.mark.parametrize(
    ("magic", "word"), [(b"Rar!\x1a\x07\x01\x00", "rar"), (b"MSCF\0\0\0\0", "cabinet"), (b"hsqs", "squashfs")]
)
def test_archive_that_stays_closed_is_named(opened, magic, word):
    (gap,) = opened(magic + bytes(100)).gaps
    assert (gap.reason, gap.matters) == (GapReason.UNSUPPORTED, True)
    assert word in gap.detail


def test_tar_of_python_is_read_as_python_reads_it(corpus):
    data = corpus.benign()["pax.tar"]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = {info.name: archive.extractfile(info).read() for info in archive if info.isreg()}
    assert contents(CONTAINER, data)[0] == expected


def program(*names, mode=b"0004755\0"):
    files = [tarfile.TarInfo(name) for name in names]
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for file in files:
            file.mode = int(mode[:7], 8)
            file.size = 4
            archive.addfile(file, io.BytesIO(b"data"))
    return out.getvalue()


def test_files_that_run_with_the_rights_of_their_owner_are_named():
    _, opened = contents(CONTAINER, program("bin/run", "model.bin"))
    assert {str(hazard.technique) for hazard in opened.hazards} == {"embedded-executable"}


@pytest.mark.parametrize(
    "data",
    [
        program("bin/su", "usr/bin/sudo", "etc/sudoers"),
        program("bin/run", mode=b"0000755\0"),
        program("data/rows.csv", mode=b"0004644\0"),
        program(*(f"part{number}" for number in range(80))),
    ],
)
def test_images_of_systems_and_ordinary_files_are_not(data):
    assert contents(CONTAINER, data)[1].hazards == []

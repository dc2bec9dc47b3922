from __future__ import annotations

from pathlib import Path

from keelmark.core.facts import FileFacts, Gap, GapReason, Reading
from keelmark.engine.collect import Bounds, collect, read_source, without_found
from keelmark.engine.walk import walk
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.source import Source


class Stub:
    version = 1

    def __init__(self, name: str, act=None) -> None:
        self.name = name
        self.act = act
        self.reads = 0

    def recognises(self, source: Source) -> bool:
        return source.suffix == ".x"

    def read(self, source: Source) -> tuple[Reading, ...]:
        self.reads += 1
        if self.act:
            raise self.act
        return (Reading(format=self.name),)


class Memory:
    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.facts: dict[tuple[str, str], FileFacts] = {}

    def digest_of(self, identity: str) -> str | None:
        return self.digests.get(identity)

    def recall(self, path: str, digest: str) -> FileFacts | None:
        return self.facts.get((path, digest))

    def remember(self, identity: str, facts: FileFacts) -> None:
        self.digests[identity] = facts.digest
        self.facts[facts.path, facts.digest] = facts

    def close(self) -> None:
        pass


def test_every_reader_that_recognises_reads() -> None:
    facts = read_source(Source.of_bytes(b"1", path="a.x"), [Stub("one"), Stub("two")])
    assert [reading.format for reading in facts.readings] == ["one", "two"]
    assert facts.digest == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def test_failures_of_readers_become_gaps_and_the_others_go_on() -> None:
    readers = [
        Stub("limit", LimitExceededError("too long")),
        Stub("parse", ParseError("no x", line=3)),
        Stub("crash", ZeroDivisionError()),
        Stub("fine"),
    ]
    facts = read_source(Source.of_bytes(b"1", path="a.x"), readers)
    assert [gap.reason for gap in facts.gaps] == [GapReason.TOO_LARGE, GapReason.MALFORMED, GapReason.CRASHED]
    assert facts.gaps[1].line == 3
    assert [reading.format for reading in facts.readings] == ["fine"]


def test_unchanged_file_is_not_read_twice(tmp_path: Path) -> None:
    (tmp_path / "a.x").write_text("1")
    reader, cache = Stub("one"), Memory()
    late = lambda: 2**63  # noqa: E731 - a clock long after the file was written
    first = list(collect(walk(tmp_path).entries, [reader], cache=cache, time_ns=late))
    second = list(collect(walk(tmp_path).entries, [reader], cache=cache, time_ns=late))
    assert reader.reads == 1
    assert [c.is_cached for c in first + second] == [False, True]
    assert first[0].facts == second[0].facts


def test_file_changed_a_moment_ago_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "a.x").write_text("1")
    entries = walk(tmp_path).entries
    reader, cache = Stub("one"), Memory()
    for _ in range(2):
        list(collect(entries, [reader], cache=cache, time_ns=lambda: entries[0].changed_ns + 1))
    assert reader.reads == 2


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.x"
    reader, cache = Stub("one"), Memory()
    for text in ("1", "2"):
        file.write_text(text)
        list(collect(walk(tmp_path).entries, [reader], cache=cache, time_ns=lambda: 2**63))
    assert reader.reads == 2


def test_what_time_does_not_suffice_for_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.x").write_text("1")
    (tmp_path / "b.x").write_text("1")
    ticks = iter([0.0, 1.0, 11.0])
    found = list(
        collect(
            walk(tmp_path).entries,
            [Stub("one")],
            bounds=Bounds(max_seconds=10),
            monotonic=lambda: next(ticks),
        )
    )
    assert not found[0].facts.gaps
    assert found[1].facts.gaps[0].reason is GapReason.OUT_OF_TIME


def test_file_that_went_away_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.x").write_text("1")
    entries = walk(tmp_path).entries
    (tmp_path / "a.x").unlink()
    (found,) = collect(entries, [Stub("one")])
    assert found.facts.gaps[0].reason is GapReason.UNREADABLE


def test_file_swapped_for_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.x").write_text("1")
    entries = walk(tmp_path).entries
    (tmp_path / "a.x").unlink()
    (tmp_path / "a.x").symlink_to("/etc/hostname")
    (found,) = collect(entries, [Stub("one")])
    assert found.facts.gaps[0].reason is GapReason.UNREADABLE
    assert not found.facts.readings


def test_binary_that_nobody_claims_is_a_gap() -> None:
    facts = read_source(Source.of_bytes(b"\x00\x01\x02", path="a.bin"), [Stub("one")])
    assert [(gap.reason, gap.matters) for gap in facts.gaps] == [(GapReason.UNSUPPORTED, True)]
    assert read_source(Source.of_bytes(b"\x00\x01\x02", path="a.x"), [Stub("one")]).gaps == ()


def test_pointer_to_a_folder_that_is_here_is_no_gap() -> None:
    absent = [Gap(path=path, reason=GapReason.NOT_HERE) for path in ("data/prepared", "data/raw")]
    files = [FileFacts(path="data/prepared/part/a.csv", size=1)]
    assert [gap.path for gap in without_found(absent, files)] == ["data/raw"]

"""A check of the whole log finds whatever was changed, removed, reordered or cut off, and nothing else."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keelmark.core.clock import FixedClock
from keelmark.core.log import LogEntry, LogKind, TreeHead
from keelmark.errors import StoreError
from keelmark.store.journal import frame, header, scan
from keelmark.store.log import FileLog
from keelmark.store.log_check import check_log
from keelmark.store.log_files import LogFiles
from keelmark.trust import checkpoint, leaf
from keelmark.trust.merkle import EMPTY_ROOT, Frontier, leaf_hash
from keelmark.trust.tiles import bundle, parse_bundle

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
COUNT = 300


def sign(head: TreeHead) -> bytes:
    return checkpoint.text_of(head).encode() + b"\n"


def append(place: Path, count: int, *, publish: bool = True, now: datetime = NOON) -> TreeHead | None:
    with FileLog(place, clock=FixedClock(now), origin="example.org/log") as writer:
        first = writer.total
        entries = [
            LogEntry(
                kind=LogKind.REQUESTS,
                subjects=(leaf.digest_of(b"%d" % number),),
                record=b"%d" % (number % 5),
            )
            for number in range(first, first + count)
        ]
        writer.append(entries)
        return writer.publish(sign) if publish else None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("model") / "log"
    append(place, 20)
    append(place, COUNT - 20)
    return place


@pytest.fixture
def place(model: Path, tmp_path: Path) -> Path:
    shutil.copytree(model, tmp_path / "log")
    return tmp_path / "log"


def problems(place: Path, **options) -> list[str]:
    return [f"{each.where}: {each.message}" for each in check_log(place, **options).problems]


def test_a_log_as_it_was_made_has_no_problem(place: Path) -> None:
    found = check_log(place)
    assert (found.problems, found.total, found.torn, found.records) == ([], COUNT, 0, 5)
    append(place, 7, publish=False)
    found = check_log(place)
    assert (found.problems, found.total, found.head.size) == ([], COUNT + 7, COUNT)


FILES = ("checkpoint", "entries.journal", "records", "tile")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_any_file_flipped_is_found(model: Path, data: st.DataObject) -> None:
    files = sorted(
        path for name in FILES for path in [model / name, *(model / name).rglob("*")] if path.is_file()
    )
    file = data.draw(st.sampled_from(files))
    good = file.read_bytes()
    at, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
    file.write_bytes(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
    try:
        assert problems(model), file
    finally:
        file.write_bytes(good)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_file_shortened_or_removed_is_found(model: Path, data: st.DataObject) -> None:
    needed = ["entries.journal", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"]  # fmt: skip
    needed += [
        path.relative_to(model).as_posix() for path in (model / "records").rglob("*") if path.is_file()
    ]
    file = model / data.draw(st.sampled_from(needed))
    good = file.read_bytes()
    length = data.draw(st.none() | st.integers(0, len(good) - 1))
    file.unlink()
    if length is not None:
        file.write_bytes(good[:length])
    try:
        assert problems(model), file
    finally:
        file.write_bytes(good)


def rewrite(place: Path, change) -> None:
    """Write the whole log anew with other entries, as one does who wants to get away with it."""
    entries = list(LogFiles(place).entries(0, COUNT))
    changed = change(entries)
    head = TreeHead(origin="example.org/log", size=0, root=EMPTY_ROOT)
    records = place / "records"
    kept = place.with_name("records")
    records.rename(kept)
    shutil.rmtree(place)
    place.mkdir()
    kept.rename(records)
    (place / "entries.journal").write_bytes(header(head) + frame(0, changed))
    with FileLog(place, clock=FixedClock(NOON), origin="example.org/log") as writer:
        writer.publish(sign)


def head_of(place: Path, size: int | None = None) -> TreeHead:
    files = LogFiles(place)
    size = files.size if size is None else size
    return TreeHead(origin="example.org/log", size=size, root=files.root(size))


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[:7] + entries[8:],
        lambda entries: [*entries[:7], entries[8], entries[7], *entries[9:]],
        lambda entries: [*entries[:7], entries[7].replace(b"requests", b"findings"), *entries[8:]],
        lambda entries: entries[:-1],
        lambda entries: [*entries[:-1], entries[0]],
    ],
    ids=["removed", "reordered", "changed", "truncated", "replaced"],
)
def test_a_log_written_anew_does_not_go_on_from_an_earlier_checkpoint(place: Path, change) -> None:
    earlier = head_of(place)
    assert problems(place, earlier=earlier) == []
    assert problems(place, earlier=head_of(place, 20)) == []
    rewrite(place, change)
    assert problems(place) == []  # whole in itself; nobody can know without the earlier checkpoint
    found = problems(place, earlier=earlier)
    assert len(found) == 1
    assert "truncated" in found[0] or "give another root" in found[0]


def test_an_earlier_checkpoint_of_another_log_is_a_problem(place: Path) -> None:
    earlier = head_of(place)
    other = TreeHead(origin="example.org/other", size=earlier.size, root=earlier.root)
    assert any("different logs" in words for words in problems(place, earlier=other))


def test_a_checkpoint_that_says_more_than_is_there_is_a_truncated_log(place: Path) -> None:
    old = (place / "entries.journal").read_bytes()
    append(place, 10)
    (place / "entries.journal").write_bytes(old)
    assert any("truncated" in words for words in problems(place))


def test_journal_and_bundles_must_agree(place: Path) -> None:
    journal = place / "entries.journal"
    found = scan(journal.read_bytes())
    entries = list(found.entries(0))
    entries[3], entries[4] = entries[4], entries[3]
    journal.write_bytes(header(found.base) + frame(0, entries))
    assert any("the journal holds others" in words for words in problems(place))


def test_entry_bundle_swapped_with_its_tiles_is_found(place: Path) -> None:
    file = place / "tile/entries/001.p/44"
    entries = list(parse_bundle(file.read_bytes(), count=44))
    entries.reverse()
    file.write_bytes(bundle(entries))
    tile = place / "tile/0/001.p/44"
    tile.write_bytes(b"".join(map(leaf_hash, entries)))
    assert any("give another root" in words for words in problems(place))


def test_strange_files_among_the_tiles_are_problems(place: Path) -> None:
    (place / "tile/0/notes.txt").write_text("x")
    (place / "tile/0/777").write_bytes(bytes(8192))
    (place / "tile/0/001.p/200").write_bytes(bytes(32 * 200))
    (place / "tile/0/.001.part").write_bytes(b"")
    found = problems(place)
    assert any("notes.txt: is no tile" in words for words in found)
    assert any("belongs to no entry" in words for words in found)
    assert any("wider than the log" in words for words in found)
    assert len(found) == 3


def test_entries_must_be_leaves_in_the_order_of_time(place: Path, tmp_path: Path) -> None:
    entry = LogEntry(kind=LogKind.WAIVER, record=b"1")
    later, earlier = (
        leaf.stamped([leaf.body_of(entry)[1]], time=NOON + timedelta(hours=hours))[0] for hours in (5, 1)
    )
    found = scan((place / "entries.journal").read_bytes())
    tail = frame(COUNT, [later, earlier, b"no leaf"])
    (place / "entries.journal").write_bytes(found.data + tail)
    words = problems(place)
    assert any("entry 301: is from before" in each for each in words)
    assert any("entry 302: no leaf" in each for each in words)


def test_records_must_be_there_as_they_were(place: Path) -> None:
    files = sorted(path for path in (place / "records").rglob("*") if path.is_file())
    files[0].unlink()
    files[1].write_bytes(b"changed")
    files[2].unlink()
    files[2].mkdir()
    found = problems(place)
    assert len(found) == 3
    assert any("is missing" in words for words in found)
    assert any("was changed" in words for words in found)
    assert problems(place, with_records=False) == []


def test_problems_are_bounded(place: Path) -> None:
    count = 200
    with (place / "entries.journal").open("ab") as stream:
        stream.write(frame(COUNT, [b"no leaf"] * count))
    found = problems(place)
    assert len(found) == 101
    assert "more problems" in found[-1]


def test_no_log_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no log here"):
        check_log(tmp_path)


def test_a_log_without_a_checkpoint_is_read_all_the_same(tmp_path: Path) -> None:
    append(tmp_path / "log", 5, publish=False)
    found = check_log(tmp_path / "log")
    assert (found.problems, found.head, found.total) == ([], None, 5)


def test_what_is_being_written_is_not_called_torn(place: Path) -> None:
    with FileLog(place, clock=FixedClock(NOON), origin="x"):
        with (place / "entries.journal").open("ab") as stream:
            stream.write(b"KMB1")
        found = check_log(place)
        assert (found.problems, found.torn) == ([], 0)
        assert any("right now" in words for words in found.notes)
    assert check_log(place).torn == 4


def test_a_backup_with_an_older_checkpoint_is_gone_on_from(place: Path) -> None:
    old = (place / "checkpoint").read_bytes()
    append(place, 500)
    journal = place / "entries.journal"
    whole = head_of(place)
    journal.write_bytes(header(whole))  # the journal began anew after the checkpoint was copied
    (place / "checkpoint").write_bytes(old)
    with FileLog(place, clock=FixedClock(NOON), origin="x") as writer:
        assert writer.total == COUNT + 500
        writer.publish(sign)
    assert problems(place) == []
    assert head_of(place) == whole


def test_the_frontier_and_the_tiles_agree(place: Path) -> None:
    tree = Frontier()
    tree.extend(map(leaf_hash, LogFiles(place).entries(0, COUNT)))
    assert tree.root() == head_of(place).root


def test_what_can_not_be_read_is_a_problem_or_an_error(place: Path, monkeypatch) -> None:
    import keelmark.store.log_files as files

    (place / "entries.journal").unlink()
    (place / "entries.journal").mkdir()
    assert any("cannot be read" in words for words in problems(place))
    (place / "entries.journal").rmdir()
    (place / "lock").unlink()
    monkeypatch.setattr(files, "MAX_JOURNAL_BYTES", 10)
    (place / "entries.journal").write_bytes(bytes(11))
    assert any("longer than 10 bytes" in words for words in problems(place))


def test_a_journal_that_lies_about_its_entries_is_a_problem(place: Path) -> None:
    import struct
    import zlib

    found = scan((place / "entries.journal").read_bytes())
    body = bundle([b"a", b"b"])
    head = struct.pack(">4sQII", b"KMB1", COUNT, 3, len(body))
    lying = head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body
    (place / "entries.journal").write_bytes(found.data + lying)
    assert any("batch at entry 300" in words for words in problems(place))


def test_a_log_that_nobody_can_be_asked_about_is_not_being_written(place: Path) -> None:
    (place / "lock").unlink()
    with (place / "entries.journal").open("ab") as stream:
        stream.write(b"KMB1")
    assert check_log(place).torn == 4


def test_a_checkpoint_put_between_two_looks_is_taken(place: Path, monkeypatch) -> None:
    import keelmark.store.log_check as module

    old = (place / "checkpoint").read_bytes()
    append(place, 10)
    new = (place / "checkpoint").read_bytes()
    (place / "checkpoint").write_bytes(old)
    (place / "entries.journal").write_bytes(header(head_of_bytes(new)))
    looks = []

    class Files(LogFiles):
        def journal(self):
            looks.append(self.size)
            (place / "checkpoint").write_bytes(new)
            return super().journal()

    monkeypatch.setattr(module, "LogFiles", Files)
    assert problems(place) == []
    assert looks == [COUNT, COUNT + 10]


def head_of_bytes(data: bytes) -> TreeHead:
    return checkpoint.head_of(data.decode().partition("\n\n")[0] + "\n")


def test_a_checkpoint_that_claims_a_huge_log_is_answered_at_once(place: Path) -> None:
    huge = TreeHead(origin="example.org/log", size=2**62, root=b"r" * 32)
    (place / "checkpoint").write_bytes(sign(huge))
    assert any("truncated" in words for words in problems(place))
    (place / "entries.journal").write_bytes(header(huge))
    assert any("is missing" in words for words in problems(place))
    with pytest.raises(StoreError, match="is missing"):
        FileLog(place, clock=FixedClock(NOON), origin="x")
    beyond = TreeHead(origin="example.org/log", size=2**63, root=b"r" * 32)
    (place / "entries.journal").write_bytes(header(beyond))
    assert any("at its beginning" in words for words in problems(place))


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    append(tmp_path / "log", 0)
    found = check_log(tmp_path / "log", earlier=head_of_bytes((tmp_path / "log/checkpoint").read_bytes()))
    assert (found.problems, found.total, found.head.size) == ([], 0, 0)


def test_a_tail_of_nothing_but_marks_is_answered_at_once(place: Path) -> None:
    with (place / "entries.journal").open("ab") as stream:
        stream.write(frame(COUNT, [b"x" * 60_000] * 50)[:24] * 100_000)
    assert any("batches follow" in words for words in problems(place))

"""The writer of the log: durable when it returns, one at a time, honest about time."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.unit.store.written_log import NOON, SMALL, entries, is_whole, opened, records_of, sign, subjects_of

from keelmark.core.clock import FixedClock
from keelmark.core.log import LogBounds, LogEntry, LogKind, TreeHead
from keelmark.errors import LimitExceededError, StoreError, UsageError
from keelmark.store import durable
from keelmark.store.journal import frame, scan
from keelmark.store.log import FileLog
from keelmark.store.log_check import check_log
from keelmark.store.log_files import LogFiles
from keelmark.trust import leaf
from keelmark.trust.merkle import is_consistent, is_included, leaf_hash

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_what_was_appended_is_there_without_being_closed(place: Path) -> None:
    writer = opened(place)
    assert writer.append(entries(3)) == range(3)
    assert writer.append(entries(2, name="s")) == range(3, 5)
    assert writer.append([]) == range(5, 5)
    assert records_of(place) == ["r 0", "r 1", "r 2", "s 0", "s 1"]
    writer.close()
    assert is_whole(place)


def test_a_log_goes_on_after_it_was_closed_published_or_not(place: Path) -> None:
    heads = []
    for number in range(12):
        with opened(place) as writer:
            assert writer.total == number * 100
            writer.append(subjects_of([f"{number} {at}" for at in range(100)]))
            if number % 3 != 1:
                heads.append(writer.publish(sign))
            assert writer.origin == "example.org/log"
    assert is_whole(place)
    files = LogFiles(place)
    assert (files.size, files.head) == (1200, heads[-1])
    for head in heads:
        path = files.consistency(head.size, 1200)
        assert is_consistent(
            path, before=head.size, before_root=head.root, after=1200, after_root=heads[-1].root
        )
        assert files.root(head.size) == head.root
    for index in (0, 255, 256, 1199):
        entry = next(files.entries(index, index + 1))
        path = files.inclusion(index, 1200)
        assert is_included(leaf_hash(entry), path, index=index, size=1200, root=heads[-1].root)
    subjects = [leaf.parse(entry).subjects[0] for entry in files.entries(0, 1200)]
    assert subjects == [leaf.digest_of(f"{n} {at}".encode()) for n in range(12) for at in range(100)]


def test_readers_of_an_older_checkpoint_find_what_they_need(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(1) * 300)
        writer.publish(sign)
        older = LogFiles(place)
        writer.append(entries(1) * 700)
        writer.publish(sign)
    assert not (place / "tile/0/001.p").exists()
    assert len(list(older.entries(0, 300))) == 300
    assert older.root(300) == older.head.root
    assert older.bundle(1)[-1] == next(iter(older.entries(299, 300)))


def test_the_journal_begins_anew_once_all_is_published(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(50))
        before = (place / "entries.journal").stat().st_size
        writer.publish(sign)
        assert (place / "entries.journal").stat().st_size < 200 < before
        writer.append(entries(1, name="s"))
    assert is_whole(place)
    assert len(records_of(place)) == 51


def test_a_torn_tail_is_kept_apart_and_told(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(3))
        writer.publish(sign)
    journal = place / "entries.journal"
    whole = journal.read_bytes()
    next_frame = frame(3, leaf.stamped([leaf.body_of(each)[1] for each in entries(4, name="s")], time=NOON))
    for length in (1, 4, 23, 24, 100, len(next_frame) - 1):
        torn = next_frame[:length]
        journal.write_bytes(whole + torn)
        assert check_log(place).torn == length
        with opened(place) as writer:
            assert writer.cut_off == length
            assert writer.total == 3
        assert journal.read_bytes() == whole
        assert torn in [file.read_bytes() for file in (place / "torn").iterdir()]
    found = check_log(place)
    assert found.problems == []
    assert any("6 torn tails" in words for words in found.notes)
    with opened(place) as writer:
        assert writer.cut_off == 0


def test_zeros_at_the_end_are_a_torn_tail(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(3))
    with (place / "entries.journal").open("ab") as stream:
        stream.write(bytes(4096))
    with opened(place) as writer:
        assert (writer.cut_off, writer.total) == (4096, 3)


def test_acknowledged_entries_are_never_cut_off(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(3))
        writer.append(entries(3))
        writer.publish(sign)
    journal = place / "entries.journal"
    whole = journal.read_bytes()
    for broken, words in ((whole[:-1], "truncated"), (whole[:-700], "truncated"), (b"", "beginning")):
        journal.write_bytes(broken)
        with pytest.raises(StoreError, match=words):
            opened(place)
        assert journal.read_bytes() == broken
    journal.unlink()
    with pytest.raises(StoreError, match="journal of the log is missing"):
        opened(place)


def test_damage_in_the_middle_is_not_taken_for_a_torn_tail(place: Path) -> None:
    with opened(place) as writer:
        for _ in range(3):
            writer.append(entries(2))
    journal = place / "entries.journal"
    whole = journal.read_bytes()
    middle = scan(whole).frames[1][2].start
    journal.write_bytes(whole[:middle] + b"X" + whole[middle + 1 :])
    with pytest.raises(StoreError, match="batches follow"):
        opened(place)
    journal.write_bytes(whole + b"x" * (SMALL.max_batch_bytes + 25))
    with pytest.raises(StoreError, match="no batch is that long"):
        opened(place)


def test_what_was_changed_is_not_gone_on_from(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(40))
        writer.publish(sign)
    tile = place / "tile/0/000.p/40"
    good = tile.read_bytes()
    for broken, words in ((b"x" + good[1:], "do not give the root"), (good[:-1], "1279 bytes")):
        tile.write_bytes(broken)
        with pytest.raises(StoreError, match=words):
            opened(place)
    tile.unlink()
    with pytest.raises(StoreError, match="is missing"):
        opened(place)
    tile.write_bytes(good)
    (place / "checkpoint").write_bytes(b"junk")
    with pytest.raises(StoreError, match="checkpoint is damaged"):
        opened(place)
    (place / "checkpoint").write_bytes(sign(TreeHead(origin="b", size=1, root=b"r" * 32)))
    with pytest.raises(StoreError, match="different logs"):
        opened(place)
    (place / "checkpoint").unlink()
    with pytest.raises(StoreError, match="checkpoint of the log is missing"):
        opened(place)


def test_last_entry_that_is_no_leaf_is_an_error(place: Path) -> None:
    opened(place).close()
    with (place / "entries.journal").open("ab") as stream:
        stream.write(frame(0, [b"no leaf"]))
    with pytest.raises(StoreError, match="last entry of the log is damaged"):
        opened(place)


def test_there_is_one_writer(place: Path) -> None:
    with opened(place), pytest.raises(StoreError, match="somebody else"):
        opened(place)
    opened(place).close()


def test_a_writer_waits_a_while_for_the_other(place: Path) -> None:
    first = opened(place)
    timer = threading.Timer(0.05, first.close)
    timer.start()
    opened(place, bounds=LogBounds(max_lock_wait_s=20)).close()
    timer.join()


def test_threads_share_a_sync_and_get_indexes_of_their_own(place: Path, monkeypatch) -> None:
    syncs, gate = [], threading.Event()
    real = os.fdatasync

    def slow(descriptor: int) -> None:
        gate.wait(5)
        syncs.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    results: dict[int, range] = {}
    with opened(place) as writer:

        def work(number: int) -> None:
            results[number] = writer.append(entries(3, name=f"{number}"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        while len(writer._open.entries) < 3 * 15:
            pass  # the first is at the gate, and the others gather behind it
        gate.set()
        for thread in threads:
            thread.join()
    assert len(syncs) < 10
    assert sorted(at for found in results.values() for at in found) == list(range(60))
    kept = records_of(place)
    for number, found in results.items():
        assert [kept[at] for at in found] == [f"{number} {at}" for at in range(3)]


def test_a_full_batch_does_not_take_more(place: Path) -> None:
    bounds = LogBounds(max_batch_entries=3, max_lock_wait_s=0)
    with opened(place, bounds=bounds) as writer:
        writer._open.entries.extend([(b"r 0", *leaf.body_of(entries(1)[0]))] * 2)
        assert writer.append(entries(2)) == range(2)
        with pytest.raises(LimitExceededError, match="more than 3 entries"):
            writer.append(entries(4))


def test_a_batch_is_bounded_in_bytes_too(place: Path) -> None:
    bounds = LogBounds(max_batch_bytes=1_000, max_lock_wait_s=0)
    with opened(place, bounds=bounds) as writer:
        body = leaf.body_of(entries(1)[0])
        writer._joined([(b"r 0", *body)] * 2, 900)
        assert writer.append(entries(2)) == range(2)
        assert len((place / "entries.journal").read_bytes()) < 1_200


def test_being_stopped_in_a_write_ends_the_writer(place: Path, monkeypatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(place) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", stop)
            with pytest.raises(KeyboardInterrupt):
                writer.append(entries(3))
        with pytest.raises(StoreError, match="no more entries"):
            writer.append(entries(1))
    with opened(place) as writer:
        writer.append(entries(1))
    assert is_whole(place)


def test_reaching_a_bound_is_an_error_and_harms_nothing(place: Path) -> None:
    with opened(place, bounds=LogBounds(max_pending=3)) as writer:
        writer.append(entries(2))
        with pytest.raises(LimitExceededError, match="wait for a checkpoint"):
            writer.append(entries(2))
        writer.publish(sign)
        assert writer.append(entries(2)) == range(2, 4)
    with opened(place, bounds=LogBounds(max_batch_bytes=300)) as writer:
        with pytest.raises(LimitExceededError, match="300 bytes"):
            writer.append(entries(5))
        with pytest.raises(UsageError, match="no digest"):
            writer.append([LogEntry(kind=LogKind.WAIVER, subjects=("x",), record=b"")])
        assert writer.append(entries(1)) == range(4, 5)
    assert is_whole(place)


def test_time_never_goes_backwards(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(1))
    with opened(place, now=NOON - timedelta(seconds=9)) as writer:
        writer.append(entries(1))
        writer.publish(sign)
    with opened(place, now=NOON - timedelta(hours=1)) as writer:
        with pytest.raises(StoreError, match="the clock says 2026-01-31T11:00:00Z") as caught:
            writer.append(entries(1))
        assert "set the clock right" in caught.value.hint
    with opened(place, now=NOON - timedelta(hours=1), accept_lag=True) as writer:
        writer.append(entries(1))
    with opened(place, now=NOON + timedelta(hours=1)) as writer:
        writer.append(entries(1))
        writer.publish(sign)
    found = [leaf.parse(entry) for entry in LogFiles(place).entries(0, 4)]
    assert [each.time for each in found] == [NOON, NOON, NOON, NOON + timedelta(hours=1)]
    lags = [each.clock and (each.time - each.clock).total_seconds() for each in found]
    assert lags == [None, 9, 3600, None]
    assert any("2 entries were made while the clock" in words for words in check_log(place).notes)


def test_after_a_failed_write_nothing_more_is_written(place: Path, monkeypatch) -> None:
    writer = opened(place)
    writer.append(entries(1))

    def full(*_: object) -> None:
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(StoreError, match="no space left"):
            writer.append(entries(1, name="s"))
    for again in (lambda: writer.append(entries(1)), lambda: writer.publish(sign)):
        with pytest.raises(StoreError, match="no more entries"):
            again()
    writer.close()
    with opened(place) as later:
        later.publish(sign)
    assert is_whole(place)


def test_a_failed_checkpoint_leaves_the_log_whole(place: Path, monkeypatch) -> None:
    for change in ("refuses", "lies", "disk"):
        writer = opened(place)
        writer.append(entries(3, name=change))

        def refuse(head: TreeHead) -> bytes:
            raise UsageError("no key")

        def lie(head: TreeHead) -> bytes:
            return sign(TreeHead(origin=head.origin, size=head.size + 1, root=head.root))

        def full(*_: object) -> None:
            raise OSError(28, "no space left on device")

        with monkeypatch.context() as patch:
            if change == "refuses":
                with pytest.raises(UsageError):
                    writer.publish(refuse)
            elif change == "lies":
                with pytest.raises(StoreError, match="not the head"):
                    writer.publish(lie)
                (place / "checkpoint").unlink()
            else:
                patch.setattr(durable, "write_all", full)
                with pytest.raises(StoreError, match="could not publish"):
                    writer.publish(sign)
        writer.close()
    assert is_whole(place)
    assert len(records_of(place)) == 9


def test_links_laid_in_the_way_are_not_followed(place: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="cannot be opened"):
        opened(place)
    with pytest.raises(StoreError, match="is a link"):
        LogFiles(place)
    place.unlink()
    place.mkdir()
    for name in ("lock", "entries.journal", "checkpoint"):
        (place / name).symlink_to(elsewhere / "made")
        with pytest.raises(StoreError):
            opened(place)
        (place / name).unlink()
    (place / "records").symlink_to(elsewhere)
    with opened(place) as writer, pytest.raises(StoreError, match="records"):
        writer.append(entries(1))
    (place / "records").unlink()
    with opened(place) as writer:
        writer.append(entries(1))
        (place / "tile").mkdir()
        (place / "tile/0").symlink_to(elsewhere)
        with pytest.raises(StoreError, match="could not publish"):
            writer.publish(sign)
    assert list(elsewhere.iterdir()) == []


def test_what_is_no_file_is_not_read(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(1))
        writer.publish(sign)
    (place / "checkpoint").unlink()
    os.mkfifo(place / "checkpoint")
    with pytest.raises(StoreError, match="no regular file"):
        opened(place)


def test_a_record_that_was_changed_is_written_again(place: Path) -> None:
    with opened(place) as writer:
        writer.append(entries(1))
    file = next(path for path in (place / "records").rglob("*") if path.is_file())
    file.write_bytes(b"changed")
    with opened(place) as writer:
        writer.append(entries(1))
        writer.append(entries(1))
    assert file.read_bytes() == b"r 0"


def test_a_new_log_needs_a_name(place: Path) -> None:
    with pytest.raises(UsageError, match="cannot name a log"):
        FileLog(place, clock=FixedClock(NOON), origin="a b")
    FileLog(place, clock=FixedClock(NOON), origin="a").close()
    with FileLog(place, clock=FixedClock(NOON), origin="not asked for again") as writer:
        assert writer.origin == "a"

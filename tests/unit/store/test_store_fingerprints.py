"""The fingerprint register on the disk: kept, found, bounded, and never taken for empty when it cannot be read."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.fingerprint import EVERY_MARK, MadeText, Missed
from keelmark.errors import StoreError
from keelmark.store import fingerprint_index
from keelmark.store.fingerprint_files import RegisterBounds, RegisterForm
from keelmark.store.fingerprint_index import SqliteIndex
from keelmark.store.fingerprints import SqliteFingerprints

FORM = RegisterForm(key="0011", gram=5)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        return self.moment


def text(number: int, *marks: int, time: datetime = NOON, **more) -> MadeText:
    values = {
        "request": f"r{number}",
        "part": 0,
        "model": "small",
        "release": "rel",
        "words": 50,
        "top": EVERY_MARK,
    }
    return MadeText(**{**values, "time": time, "marks": marks, **more})


def register(folder: Path, *, worker: str = "worker-0", form: RegisterForm = FORM, clock=None, **bounds):
    return SqliteFingerprints(
        folder / worker, form=form, clock=clock or FixedClock(NOON), bounds=RegisterBounds(**bounds)
    )


def found(folder: Path, *marks: int, form: RegisterForm = FORM) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (each.text.request, tuple(sorted(each.text.marks)))
        for each in SqliteIndex(folder, form=form).find(marks)
    ]


def test_what_was_kept_is_found_by_its_marks(tmp_path: Path) -> None:
    store = register(tmp_path)
    kept = text(1, -(2**63), 5, 2**63 - 1, top=2**63 - 2, part=3)
    store.keep([kept, text(2, 5, 6)])
    (first, second) = SqliteIndex(tmp_path, form=FORM).find([5, -(2**63), 2**63 - 1, 99])
    assert first.text == kept
    assert first.worker == "worker-0"
    assert (second.text.request, second.text.marks) == ("r2", (5,))
    store.close()
    assert found(tmp_path, 6) == [("r2", (6,))]
    assert found(tmp_path, 7) == []


def test_texts_of_all_workers_and_days_are_found(tmp_path: Path) -> None:
    clock = Clock()
    one, other = register(tmp_path, clock=clock), register(tmp_path, worker="worker-1", clock=clock)
    one.keep([text(1, 5)])
    clock.moment += timedelta(days=1)
    one.keep([text(2, 5)])
    other.keep([text(3, 5)])
    assert sorted(each for each, _ in found(tmp_path, 5)) == ["r1", "r2", "r3"]
    assert sorted(file.name for file in (tmp_path / "worker-0").glob("*.db")) == [
        "20260131-001.db",
        "20260201-001.db",
    ]
    one.close()
    other.close()


def test_it_goes_on_where_it_was_left(tmp_path: Path) -> None:
    for number in range(3):
        store = register(tmp_path)
        store.keep([text(number, number)])
        store.close()
    assert len(list((tmp_path / "worker-0").glob("*.db"))) == 1
    assert len(found(tmp_path, 0, 1, 2)) == 3


def test_the_same_mark_twice_in_a_text_counts_once(tmp_path: Path) -> None:
    store = register(tmp_path)
    store.keep([text(1, 5, 5, 6)])
    assert found(tmp_path, 5, 6) == [("r1", (5, 6))]
    store.close()


def test_files_older_than_their_time_go(tmp_path: Path) -> None:
    clock = Clock()
    store = register(tmp_path, clock=clock, keep_days=2)
    for day in range(5):
        clock.moment = NOON + timedelta(days=day)
        store.keep([text(day, 5, time=clock.moment)])
    assert sorted(each for each, _ in found(tmp_path, 5)) == ["r2", "r3", "r4"]
    store.close()
    assert not list((tmp_path / "worker-0").glob("20260131*"))


def test_all_files_of_a_worker_stay_inside_their_bound(tmp_path: Path) -> None:
    bound = 1024**2
    store = register(tmp_path, max_bytes=bound)
    for number in range(400):
        store.keep([text(number, *range(number * 1_000, number * 1_000 + 500))])
    size = sum(file.stat().st_size for file in (tmp_path / "worker-0").glob("*.db"))
    assert size <= bound
    assert len(list((tmp_path / "worker-0").glob("*.db"))) > 3
    assert found(tmp_path, 399_000) == [("r399", (399_000,))]
    assert found(tmp_path, 0) == []
    store.close()


def test_what_was_missed_is_told(tmp_path: Path) -> None:
    store, other = register(tmp_path), register(tmp_path, worker="worker-1")
    store.miss("queue-full", 3, now=NOON)
    store.miss("queue-full", 4, now=NOON + timedelta(hours=1))
    other.miss("queue-full", 1, now=NOON)
    other.miss("too-long", 2, now=NOON)
    store.keep([text(1, 5)])
    coverage = SqliteIndex(tmp_path, form=FORM).coverage
    assert coverage.missed == (
        Missed(reason="queue-full", texts=8, last=NOON + timedelta(hours=1)),
        Missed(reason="too-long", texts=2, last=NOON),
    )
    assert (coverage.texts, coverage.first, coverage.last) == (1, NOON, NOON)
    store.close()
    other.close()


def test_another_key_or_form_is_no_empty_register(tmp_path: Path) -> None:
    store = register(tmp_path)
    store.keep([text(1, 5)])
    store.close()
    for form in (RegisterForm(key="0022", gram=5), RegisterForm(key="0011", gram=6)):
        index = SqliteIndex(tmp_path, form=form)
        assert index.find([5]) == []
        assert index.coverage.unread == ("worker-0/20260131-001.db: it was written under another key",)


def test_another_key_begins_another_file(tmp_path: Path) -> None:
    for key in ("0011", "0022", "0011"):
        store = register(tmp_path, form=RegisterForm(key=key, gram=5))
        store.keep([text(1, 5)])
        store.close()
    assert len(list((tmp_path / "worker-0").glob("*.db"))) == 3
    assert len(found(tmp_path, 5)) == 2


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\x00" + b"x" * 4000])
def test_a_damaged_file_is_named_and_another_begun(tmp_path: Path, damage: bytes) -> None:
    store = register(tmp_path)
    store.keep([text(1, 5)])
    store.close()
    file = tmp_path / "worker-0" / "20260131-001.db"
    file.write_bytes(damage or file.read_bytes()[: 3 * 4096 - 100])
    if not damage:
        data = bytearray(file.read_bytes())
        data[4096:] = b"\xff" * (len(data) - 4096)
        file.write_bytes(bytes(data))
    index = SqliteIndex(tmp_path, form=FORM)
    assert index.find([5]) == []
    assert len(index.coverage.unread) == 1
    store = register(tmp_path)
    store.keep([text(2, 5)])
    store.close()
    assert [each for each, _ in found(tmp_path, 5)] == ["r2"]


def test_a_trigger_that_came_with_the_folder_does_not_act(tmp_path: Path) -> None:
    store = register(tmp_path)
    store.keep([text(1, 5)])
    store.close()
    connection = sqlite3.connect(tmp_path / "worker-0" / "20260131-001.db")
    connection.execute("CREATE TRIGGER t AFTER INSERT ON text BEGIN DELETE FROM text; END")
    connection.commit()
    connection.close()
    assert SqliteIndex(tmp_path, form=FORM).coverage.unread
    store = register(tmp_path)
    store.keep([text(2, 5)])
    store.close()
    assert [each for each, _ in found(tmp_path, 5)] == ["r2"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "registers").mkdir()
    (tmp_path / "registers" / "worker-0").symlink_to(outside)
    with pytest.raises(StoreError, match="is a link"):
        register(tmp_path / "registers")
    assert list(outside.iterdir()) == []
    folder = tmp_path / "registers" / "worker-1"
    folder.mkdir()
    (folder / "20260131-001.db").symlink_to(outside / "target.db")
    store = register(tmp_path / "registers", worker="worker-1")
    store.keep([text(1, 5)])
    store.close()
    assert list(outside.iterdir()) == []
    assert (folder / "20260131-002.db").exists()


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    store = register(tmp_path / "registers")
    store.keep([text(1, 5)])
    folder = tmp_path / "registers" / "worker-0"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    store.close()


def test_nothing_of_what_is_not_kept_stands_in_the_file(tmp_path: Path) -> None:
    store = register(tmp_path)
    store.keep([text(1, 5)])
    store.close()
    data = (tmp_path / "worker-0" / "20260131-001.db").read_bytes()
    assert b"r1" in data
    assert b"small" in data


def test_a_register_that_cannot_be_written_says_so_and_recovers(tmp_path: Path) -> None:
    store = register(tmp_path)
    store.keep([text(1, 5)])
    other = sqlite3.connect(tmp_path / "worker-0" / "20260131-001.db")
    other.execute("DROP TABLE mark")
    other.commit()
    other.close()
    with pytest.raises(StoreError, match="cannot be kept"):
        store.keep([text(2, 6)])
    store.keep([text(3, 7)])
    assert [each for each, _ in found(tmp_path, 5, 6, 7)] == ["r3"]
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be opened"):
        register(tmp_path / "registers")
    tmp_path.chmod(0o700)


def test_there_is_no_register_where_there_is_no_folder(tmp_path: Path) -> None:
    index = SqliteIndex(tmp_path / "none", form=FORM)
    assert index.find([5]) == []
    assert index.coverage.texts == 0


def test_a_text_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    store = register(tmp_path)
    with pytest.raises(StoreError):
        store.keep([text(1, 5), text(2, 2**64)])
    assert found(tmp_path, 5) == []
    store.keep([text(3, 5)])
    assert found(tmp_path, 5) == [("r3", (5,))]
    store.close()


def test_answers_are_bounded_for_each_file(tmp_path: Path) -> None:
    store = register(tmp_path)
    store.keep([text(number, 5) for number in range(300)])
    assert len(found(tmp_path, 5)) == RegisterBounds().max_found
    store.close()


@pytest.mark.parametrize("question", [fingerprint_index._MOST, fingerprint_index._SHARED])
def test_marks_are_looked_up_and_never_gone_through(tmp_path: Path, question: str) -> None:
    store = register(tmp_path)
    store.keep([text(1, 5)])
    store.close()
    with closing(sqlite3.connect(tmp_path / "worker-0" / "20260131-001.db")) as connection:
        connection.execute(fingerprint_index._ASKED)
        plan = " / ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {question}", (1,)))
    assert "SEARCH mark" in plan
    assert "SCAN mark" not in plan


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from keelmark.core.clock import FixedClock
from keelmark.core.fingerprint import MadeText
from keelmark.store.fingerprint_files import RegisterForm
from keelmark.store.fingerprints import SqliteFingerprints

noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
store = SqliteFingerprints(Path(sys.argv[1]), form=RegisterForm(key="0011", gram=5), clock=FixedClock(noon))
for number in range(10**9):
    marks = tuple(range(number * 50, number * 50 + 50))
    store.keep([MadeText(request=f"r{number}", time=noon, part=0, model="m", release="", words=50, marks=marks)])
    print(number, flush=True)  # ends the process when nobody reads any more
"""


@pytest.mark.parametrize("kept", [1, 20, 60])
def test_a_kill_loses_nothing_that_was_kept(tmp_path: Path, kept: int) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "worker-0")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None
            for number in range(kept):
                assert int(writer.stdout.readline()) == number
        finally:
            writer.kill()
    for number in range(kept):
        assert found(tmp_path, *range(number * 50, number * 50 + 50)) == [
            (f"r{number}", tuple(range(number * 50, number * 50 + 50)))
        ]
    assert SqliteIndex(tmp_path, form=FORM).coverage.unread == ()
    store = register(tmp_path)
    store.keep([text(-1, -7)])
    store.close()
    assert found(tmp_path, -7) == [("r-1", (-7,))]

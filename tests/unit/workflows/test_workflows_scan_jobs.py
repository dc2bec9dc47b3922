"""Scans with several processes: same results, same order, and a file that ends its process ends nothing else."""

from __future__ import annotations

import pickle
import sys
from datetime import date

import pytest

from keelmark.core.facts import GapReason
from keelmark.core.scan import Clearance, ScanState
from keelmark.errors import KeelmarkError, UsageError
from keelmark.formats.archives.container import Limits
from keelmark.workflows import scan_jobs, scan_wire
from keelmark.workflows.scan import ScanSettings, scan
from keelmark.workflows.scan_file import scan_file

HARMFUL = b"cos\nsystem\n(S'true'\ntR."
# A worker in which looking at some files does what hostile files would like to do.
TRAPPED = """\
import sys; sys.path[:] = {path!r}
import os, time
from keelmark.workflows import scan_wire, scan_worker
look = scan_wire.scan_file
def trapped(file, **kwargs):
    if file.name == "killer.pkl":
        os.kill(os.getpid(), 9)
    if file.name == "leaver.pkl":
        os._exit(5)
    if file.name == "sleeper.pkl":
        time.sleep(600)
    return look(file, **kwargs)
scan_wire.scan_file = trapped
scan_worker.main()
"""


@pytest.fixture
def store(tmp_path):
    for number in range(90):
        content = HARMFUL if number % 30 == 0 else pickle.dumps([number])
        (tmp_path / f"m-{number:02}.pkl").write_bytes(content)
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps([1, 2, 3])[:-2])
    return tmp_path


def test_results_and_their_order_are_those_of_one_process(store) -> None:
    alone, shared = scan([store]), scan([store], ScanSettings(jobs=2))
    assert shared.files == alone.files
    assert shared.gaps == alone.gaps
    assert shared.state is ScanState.UNSAFE
    assert scan([store / "m-01.pkl"], ScanSettings(jobs=0)).files == alone.files[2:3]


def test_a_file_that_ends_its_process_was_not_analysed_and_the_scan_goes_on(store, monkeypatch) -> None:
    monkeypatch.setattr(scan_jobs, "_PROGRAM", TRAPPED)
    alone = {file.path: file for file in scan([store]).files}
    for name in ("killer.pkl", "leaver.pkl"):
        (store / name).write_bytes(HARMFUL)
    report = scan([store], ScanSettings(jobs=2))
    lost = {file.path.rpartition("/")[2]: file for file in report.files if file.path not in alone}
    assert {name: file.gaps[0].reason for name, file in lost.items()} == {
        "killer.pkl": GapReason.CRASHED,
        "leaver.pkl": GapReason.CRASHED,
    }
    assert "signal 9" in lost["killer.pkl"].gaps[0].detail
    assert "exit code 5" in lost["leaver.pkl"].gaps[0].detail
    assert [file for file in report.files if file.path in alone] == list(alone.values())
    assert [file.path for file in report.files] == sorted(file.path for file in report.files)


def test_a_process_that_never_ends_is_ended(store, monkeypatch) -> None:
    monkeypatch.setattr(scan_jobs, "_PROGRAM", TRAPPED)
    monkeypatch.setattr(scan_jobs, "_GRACE_S", 0.5)
    monkeypatch.setattr(scan_jobs, "_LOOK_S", 0.05)
    (store / "sleeper.pkl").write_bytes(HARMFUL)
    report = scan([store], ScanSettings(jobs=2, limits=Limits(max_seconds=0.5)))
    (late,) = [file for file in report.files if file.path.endswith("sleeper.pkl")]
    assert late.gaps[0].reason is GapReason.OUT_OF_TIME
    assert len(report.files) == 92


def test_what_is_left_when_the_time_is_over_is_named(store) -> None:
    ticks = iter(range(0, 1_000_000, 100))
    report = scan([store], ScanSettings(jobs=2, max_seconds=50.0), monotonic=lambda: float(next(ticks)))
    assert {gap.reason for file in report.files for gap in file.gaps} == {GapReason.OUT_OF_TIME}
    assert len(report.files) == 91


def test_a_stopped_scan_keeps_what_it_saw_and_leaves_no_process(store, monkeypatch) -> None:
    pools = []
    enter = scan_jobs.Pool.__enter__
    monkeypatch.setattr(scan_jobs.Pool, "__enter__", lambda pool: pools.append(pool) or enter(pool))
    started = []
    start = scan_jobs.Pool._start
    monkeypatch.setattr(
        scan_jobs.Pool, "_start", lambda pool: (start(pool), started.append(pool.workers[-1].process))
    )

    class Stop:
        def start(self, total: int) -> None: ...

        def advance(self, path: str) -> None:
            raise KeyboardInterrupt

    report = scan([store], ScanSettings(jobs=2), progress=Stop())
    assert report.is_interrupted
    assert len(report.files) == 1
    assert pools[0].workers == []
    assert started
    assert all(process.returncode is not None for process in started)


def test_processes_that_cannot_begin_stop_the_scan(store, monkeypatch) -> None:
    monkeypatch.setattr(scan_jobs, "_PROGRAM", "raise SystemExit({path!r} and 3)")
    with pytest.raises(KeelmarkError, match="ended before it began"):
        scan([store], ScanSettings(jobs=2))
    monkeypatch.setattr(sys, "executable", str(store / "gone"))
    with pytest.raises(KeelmarkError, match="no process can be started"):
        scan([store], ScanSettings(jobs=2))


def test_there_are_no_negative_processes(store) -> None:
    with pytest.raises(UsageError, match="-1 processes"):
        scan([store], ScanSettings(jobs=-1))


def test_the_current_folder_is_no_source_of_code(store, monkeypatch) -> None:
    (store / "json.py").write_text("raise SystemExit('the scanned folder was run')\n")
    monkeypatch.chdir(store)
    assert len(scan(["."], ScanSettings(jobs=2)).files) == 92


def test_results_travel_whole(tmp_path) -> None:
    name = "b\udcffd.pkl"  # A name that is no text.
    (tmp_path / name).write_bytes(HARMFUL)
    clearance = Clearance(digest="0" * 64, subject="x.y", reason="r", owner="o", expires=date(2026, 1, 31))
    settings = ScanSettings(with_digest=True, clearances=(clearance,))
    report = scan([tmp_path], settings)
    assert (
        scan([tmp_path], ScanSettings(with_digest=True, clearances=(clearance,), jobs=2)).files
        == report.files
    )
    today = date(2026, 1, 31)
    found = scan_file(tmp_path / name, path="\ud800", settings=settings, today=today)
    lines = list(scan_wire.answers(scan_wire.terms(settings, today), scan_wire.order([])))
    assert lines == []
    import json

    import msgspec

    assert scan_wire.result(json.dumps(msgspec.to_builtins(found))) == found


def test_orders_are_small() -> None:
    class Entry:
        def __init__(self, size: int) -> None:
            self.size = size

    entries = [Entry(0)] * 70 + [Entry(1 << 30)] * 2
    assert [len(places) for places in scan_wire.places(entries)] == [32, 32, 7, 1]

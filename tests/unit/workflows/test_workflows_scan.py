"""Scans of files and folders: what is met, what is followed, and where the whole stands."""

from __future__ import annotations

import os
import pickle
from datetime import date, timedelta

import pytest

import keelmark
from keelmark.core.clock import FixedClock
from keelmark.core.facts import GapReason, Technique
from keelmark.core.scan import Clearance, ScanState
from keelmark.errors import UsageError
from keelmark.workflows.scan import ScanSettings, scan

HARMFUL = b"cos\nsystem\n(S'true'\ntR."
UNKNOWN = b"cacme.models\nNet\n)R."
HARMLESS = pickle.dumps([1, 2, 3])
TODAY = date(2026, 1, 31)


@pytest.fixture
def store(tmp_path):
    (tmp_path / "good.pkl").write_bytes(HARMLESS)
    (tmp_path / "README.md").write_text("# Models\n")
    return tmp_path


def states(report):
    return {file.path.rpartition("/")[2]: file.state for file in report.files}


def test_a_harmful_file_makes_the_whole_unsafe(store) -> None:
    (store / "bad.pkl").write_bytes(HARMFUL)
    report = scan([store])
    assert states(report) == {
        "README.md": ScanState.NO_ARTEFACT,
        "bad.pkl": ScanState.UNSAFE,
        "good.pkl": ScanState.CLEAN,
    }
    assert report.state is ScanState.UNSAFE
    assert not report.is_clean
    (finding,) = report.findings
    assert finding.hazard.technique is Technique.DANGEROUS_CALLABLE
    assert finding.hazard.subject.endswith("system")


def test_clean_artefacts_are_clean(store) -> None:
    assert scan([store]).is_clean


def test_a_callable_on_no_list_is_a_finding_of_its_own(store) -> None:
    (store / "odd.pkl").write_bytes(UNKNOWN)
    (finding,) = scan([store]).findings
    assert finding.hazard.technique is Technique.UNKNOWN_CALLABLE
    assert finding.hazard.subject == "acme.models.Net"


def test_a_truncated_artefact_is_not_clean(store) -> None:
    (store / "cut.pkl").write_bytes(HARMLESS[:-3])
    report = scan([store])
    assert states(report)["cut.pkl"] is ScanState.NOT_ANALYSED
    assert report.state is ScanState.NOT_ANALYSED


def test_a_folder_without_artefacts_is_not_called_clean(tmp_path) -> None:
    (tmp_path / "README.md").write_text("# Nothing\n")
    report = scan([tmp_path])
    assert report.state is ScanState.NO_ARTEFACT
    assert not report.is_clean


def test_the_name_of_a_file_hides_nothing(store) -> None:
    for name in ("picture.png", "notes.txt", "noname", "weights.safetensors"):
        (store / name).write_bytes(pickle.dumps(date(2026, 1, 1)).replace(b"datetime", b"datetame"))
    found = {file.path.rpartition("/")[2] for file in scan([store]).of(ScanState.UNSAFE)}
    assert found == {"picture.png", "notes.txt", "noname", "weights.safetensors"}


def test_folders_of_tools_are_entered(store) -> None:
    hidden = store / "node_modules" / "x" / "__pycache__"
    hidden.mkdir(parents=True)
    (hidden / "bad.pkl").write_bytes(HARMFUL)
    assert [file.path for file in scan([store]).of(ScanState.UNSAFE)] == [
        f"{store}/node_modules/x/__pycache__/bad.pkl"
    ]


def test_links_to_files_are_followed_and_named(tmp_path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "main"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    (blobs / "0a").write_bytes(HARMFUL)
    (snapshot / "model.bin").symlink_to("../../blobs/0a")
    report = scan([snapshot])
    assert [file.path for file in report.of(ScanState.UNSAFE)] == [f"{snapshot}/model.bin"]
    assert scan([snapshot / "model.bin"]).state is ScanState.UNSAFE


def test_a_link_that_leads_nowhere_is_not_clean(store) -> None:
    (store / "gone.pkl").symlink_to("nowhere")
    report = scan([store])
    assert report.state is ScanState.NOT_ANALYSED
    assert [gap.reason for gap in report.gaps] == [GapReason.LINK]


def test_special_files_are_not_opened(store) -> None:
    os.mkfifo(store / "pipe.pkl")
    assert scan([store]).state is ScanState.NOT_ANALYSED
    assert scan([store / "pipe.pkl"]).state is ScanState.NOT_ANALYSED


def test_a_path_that_does_not_exist_is_an_error(tmp_path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        scan([tmp_path / "gone"])


def test_nothing_to_scan_is_an_error() -> None:
    with pytest.raises(UsageError, match="nothing to scan"):
        keelmark.scan()


def test_a_file_named_twice_is_looked_at_once(store) -> None:
    assert len(scan([store / "good.pkl", store / "good.pkl"]).files) == 1


def test_what_is_left_when_the_time_is_over_is_named(store) -> None:
    ticks = iter(range(0, 10_000, 100))
    report = scan([store], ScanSettings(max_seconds=50.0), monotonic=lambda: float(next(ticks)))
    assert {gap.reason for file in report.files for gap in file.gaps} == {GapReason.OUT_OF_TIME}
    assert report.state is ScanState.NOT_ANALYSED


def test_a_stopped_scan_keeps_what_it_saw_and_is_not_clean(store) -> None:
    class Stop:
        def start(self, total: int) -> None:
            assert total == 2

        def advance(self, path: str) -> None:
            raise KeyboardInterrupt

    report = scan([store], progress=Stop())
    assert report.is_interrupted
    assert len(report.files) == 1
    assert not report.is_clean


def test_the_digest_is_stated_when_asked_for(store) -> None:
    assert not scan([store / "good.pkl"]).files[0].digest
    assert len(keelmark.scan(store / "good.pkl", with_digest=True).files[0].digest) == 64


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, ScanState.CLEAN),
        ({"expires": TODAY - timedelta(days=1)}, ScanState.UNSAFE),
        ({"digest": "0" * 64}, ScanState.UNSAFE),
        ({"subject": "acme.models.Other"}, ScanState.UNSAFE),
    ],
)
def test_a_clearance_counts_for_one_file_one_name_and_a_time(store, change, state) -> None:
    (store / "odd.pkl").write_bytes(UNKNOWN)
    digest = keelmark.scan(store / "odd.pkl", with_digest=True).files[0].digest
    given = {
        "digest": digest,
        "subject": "acme.models.Net",
        "reason": "reviewed",
        "owner": "A. Person",
        "expires": TODAY,
    }
    settings = ScanSettings(clearances=(Clearance(**{**given, **change}),))
    report = scan([store / "odd.pkl"], settings, clock=FixedClock.on(TODAY))
    assert report.state is state
    assert len(report.findings) == 1


def test_tables_are_no_artefacts_and_unknown_models_are_not_clean(tmp_path) -> None:
    (tmp_path / "rows.feather").write_bytes(b"ARROW1\0\0" + bytes(range(256)))
    (tmp_path / "weights.pt").write_bytes(bytes(range(255, -1, -1)) * 4)
    assert states(scan([tmp_path])) == {
        "rows.feather": ScanState.NO_ARTEFACT,
        "weights.pt": ScanState.NOT_ANALYSED,
    }

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from keelmark.core.outcome import Status, Verdict
from keelmark.errors import StoreError
from keelmark.store.sqlite import SqliteEvidence
from keelmark.workflows.assess import EVIDENCE_FILE, Target, assess
from keelmark.workflows.diff import difference, kept_runs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def two_runs(tmp_path: Path, make_assessment) -> Path:
    first = make_assessment(id="a")
    known = first.findings[0]
    standing = first.decision.standings[0]
    other = replace(standing, recommendation="SD-1.a", status=Status.UNKNOWN)
    before = replace(
        first,
        findings=(replace(known, fingerprint="1"), replace(known, fingerprint="2")),
        decision=replace(first.decision, standings=(standing, other)),
    )
    after = replace(
        first,
        id="b",
        started=datetime(2026, 2, 1, tzinfo=UTC),
        findings=(replace(known, fingerprint="2"), replace(known, fingerprint="3", rule="x", locations=())),
        decision=replace(
            first.decision,
            verdict=Verdict.RELEASE,
            standings=(standing, replace(other, status=Status.PASS)),
        ),
    )
    with SqliteEvidence(tmp_path / EVIDENCE_FILE) as store:
        store.keep(before)
        store.keep(after)
    return tmp_path


def test_new_gone_same_and_moved(two_runs: Path) -> None:
    found = difference(two_runs, "a", "latest")
    assert [(entry.fingerprint, entry.rule, entry.place) for entry in found.new] == [("3", "x", "")]
    assert [(entry.fingerprint, entry.place) for entry in found.gone] == [("1", "src/embed.py:7 (cell 2)")]
    assert found.same == 1
    assert [(row.recommendation, row.before, row.after) for row in found.standings] == [
        ("SD-1.a", "unknown", "pass")
    ]
    assert (found.before_verdict, found.after_verdict) == ("do-not-release", "release")


def test_backwards_is_the_mirror(two_runs: Path) -> None:
    there, back = difference(two_runs, "a", "b"), difference(two_runs, "b", "a")
    assert [e.fingerprint for e in there.new] == [e.fingerprint for e in back.gone]
    assert [e.fingerprint for e in there.gone] == [e.fingerprint for e in back.new]


def test_run_does_not_differ_from_itself(two_runs: Path) -> None:
    found = difference(two_runs, "a", "a")
    assert (found.new, found.gone, found.standings, found.same) == ((), (), (), 2)


def test_missing_runs_and_stores_are_errors(two_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(StoreError, match="no run `c`"):
        difference(two_runs, "a", "c")
    empty = tmp_path_factory.mktemp("empty")
    for call in (lambda: kept_runs(empty), lambda: difference(empty, "a", "b")):
        with pytest.raises(StoreError, match="no run is kept here"):
            call()
    assert list(empty.iterdir()) == []


def test_mended_failure_is_gone_in_real_runs(project: Path, settings) -> None:
    first = assess(Target(root=project), settings)
    (project / "app.py").write_text("\n\n# moved\n" + (project / "app.py").read_text())
    moved = assess(Target(root=project), settings)
    (project / "app.py").write_text("x = 1\n")
    mended = assess(Target(root=project), settings)
    assert [run.id for run in kept_runs(project)] == [mended.id, moved.id, first.id]
    same = difference(project, first.id, moved.id)
    assert (same.new, same.gone) == ((), ())  # A moved line is no new failure.
    assert "command-from-untrusted-text" in {e.rule for e in difference(project, moved.id, "latest").gone}

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from keelmark.config.settings import AssessSettings
from keelmark.core.clock import FixedClock
from keelmark.core.declaration import Profile
from keelmark.core.facts import GapReason
from keelmark.core.outcome import Outcome, Verdict
from keelmark.errors import ConfigurationError, StoreError, UsageError
from keelmark.report.reasons import exit_code
from keelmark.store.sqlite import SqliteEvidence
from keelmark.workflows.assess import EVIDENCE_FILE, Target, assess, target_of

WAIVER = """\
version: 1
waivers:
- rule: command-from-untrusted-text
  reason: demo only
  owner: Head of Platform
  expires: 2026-06-30
"""


class Heard:
    """Counts what it hears, and stops the run after so many files."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.total = 0
        self.paths: list[str] = []
        self.stop_after = stop_after

    def start(self, total: int) -> None:
        self.total = total

    def advance(self, path: str) -> None:
        self.paths.append(path)
        if len(self.paths) >= self.stop_after:
            raise KeyboardInterrupt


# --- target_of -----------------------------------------------------------------------------------


def test_no_path_is_the_current_folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert target_of([]) == Target(root=project)
    assert target_of([Path()]) == Target(root=project)


def test_one_folder_is_the_target(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert target_of([project]) == target_of([Path("docs/..")]) == Target(root=project)


def test_files_of_the_current_folder_make_a_partial_target(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert target_of([Path("app.py")]) == Target(root=project, only=("app.py",))
    found = target_of([project / "docs" / "notes.md", Path("docs/../app.py")])
    assert found == Target(root=project, only=("docs/notes.md", "app.py"))


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (["nowhere"], "does not exist"),
        (["x" * 5000], "does not exist"),
        (["app.py", "nowhere"], "does not exist"),
        (["app.py", "docs"], "is a folder"),
        (["docs", "docs"], "is a folder"),
        (["../other.py"], "outside the current folder"),
        (["/etc/hostname"], "outside the current folder"),
    ],
)
def test_what_cannot_be_assessed_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str], words: str
) -> None:
    (project.parent / "other.py").write_text("")
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match=words):
        target_of([Path(path) for path in paths])


def test_link_is_named_as_a_link_not_as_what_it_leads_to(
    project: Path, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "link.py").symlink_to("/etc/hostname")
    (project / "broken.py").symlink_to("nowhere")
    monkeypatch.chdir(project)
    found = assess(target_of([Path("link.py"), Path("broken.py")]), settings)
    assert {gap.path: gap.reason for gap in found.gaps} == dict.fromkeys(
        ("link.py", "broken.py"), GapReason.SPECIAL_FILE
    )


# --- what is written -----------------------------------------------------------------------------


def test_nothing_at_all_is_written_without_write(project: Path, settings, picture, own_environment) -> None:
    before = picture(project)
    found = assess(Target(root=project), replace(settings, write=False))
    assert found.findings
    assert picture(project) == before
    assert list(own_environment.iterdir()) == []


def test_only_the_own_folder_is_written(project: Path, settings, picture) -> None:
    before = picture(project)
    found = assess(Target(root=project), settings)
    after = picture(project, without=".keelmark")
    assert after == before
    names = {path.name for path in (project / ".keelmark").iterdir()}
    assert names <= {".gitignore", "evidence.db", "evidence.db-wal", "evidence.db-shm"}
    with SqliteEvidence(project / EVIDENCE_FILE) as store:
        assert store.load("latest") == found


def test_cache_inside_the_assessed_folder_is_not_used(project: Path, settings, settled, picture) -> None:
    inside = replace(settings, cache_dir=project / "mine")
    for _ in range(2):
        found = assess(Target(root=project), inside)
        assert found.coverage.cached == 0
    assert not (project / "mine").exists()


def test_evidence_that_cannot_be_kept_is_an_error(project: Path, settings) -> None:
    (project / ".keelmark").write_text("a file")
    with pytest.raises(StoreError):
        assess(Target(root=project), settings)
    assert assess(Target(root=project), replace(settings, write=False)).findings


def test_own_records_are_not_assessed(project: Path, settings) -> None:
    first = assess(Target(root=project), settings)
    second = assess(Target(root=project), settings)
    assert first.tree_digest == second.tree_digest
    assert any(gap.path == ".keelmark" and not gap.matters for gap in second.gaps)


# --- again, and partly ---------------------------------------------------------------------------


def test_second_run_reads_nothing_again_and_says_the_same(project: Path, settings, settled) -> None:
    first, second = (assess(Target(root=project), settings) for _ in range(2))
    assert (first.coverage.cached, second.coverage.cached) == (0, second.coverage.files)
    assert second.findings == first.findings
    assert tuple(gap for gap in second.gaps if gap.path != ".keelmark") == first.gaps
    assert second.inventory == first.inventory
    assert second.id != first.id


def test_changed_file_is_read_again_and_moves_the_digest(project: Path, settings, settled) -> None:
    first = assess(Target(root=project), settings)
    (project / "app.py").write_text("x = 1\n")
    second = assess(Target(root=project), settings)
    assert second.coverage.cached == second.coverage.files - 1
    assert second.tree_digest != first.tree_digest
    assert not any(f.outcome is Outcome.FAIL and f.rule.startswith("command") for f in second.findings)


def test_without_cache_every_file_is_read(project: Path, settings, settled) -> None:
    for _ in range(2):
        assert assess(Target(root=project), replace(settings, cache=False)).coverage.cached == 0


def test_partial_run_looks_at_its_files_alone_and_keeps_no_evidence(project: Path, settings) -> None:
    found = assess(Target(root=project, only=("app.py",)), settings)
    assert found.is_partial
    assert found.coverage.files == 1
    assert any(f.rule == "command-from-untrusted-text" and f.outcome is Outcome.FAIL for f in found.findings)
    assert not (project / ".keelmark").exists()
    assert exit_code(found) == 1


def test_partial_run_asks_only_rules_that_single_files_can_answer(project: Path, settings) -> None:
    whole = {f.rule for f in assess(Target(root=project), settings).findings}
    part = {f.rule for f in assess(Target(root=project, only=("app.py",)), settings).findings}
    assert part < whole
    assert "missing-incident-plan" in whole - part


def test_partial_run_honours_exclusions_and_names_them(project: Path, settings) -> None:
    (project / "keelmark.yaml").write_text(
        "version: 1\nexclude:\n- { path: app.py, reason: old, owner: Head of Platform }\n"
    )
    found = assess(Target(root=project, only=("app.py", "requirements.txt")), settings)
    assert found.coverage.files == 1
    (gap,) = [gap for gap in found.gaps if gap.path == "app.py"]
    assert (gap.reason, gap.detail) == (GapReason.EXCLUDED, "old (Head of Platform)")


def test_exclusions_are_named_with_reason_and_owner(project: Path, settings) -> None:
    (project / "keelmark.yaml").write_text(
        "version: 1\nexclude:\n- { path: docs, reason: drafts, owner: Editor }\n"
    )
    found = assess(Target(root=project), settings)
    (gap,) = [gap for gap in found.gaps if gap.path == "docs"]
    assert (gap.reason, gap.detail) == (GapReason.EXCLUDED, "drafts (Editor)")


def test_wrong_declaration_stops_the_run_before_anything_is_written(project: Path, settings, picture) -> None:
    (project / "keelmark.yaml").write_text("version: 1\nexcluded: []\n")
    before = picture(project)
    with pytest.raises(ConfigurationError, match="excluded"):
        assess(Target(root=project), settings)
    assert picture(project) == before


# --- time ----------------------------------------------------------------------------------------


def test_as_of_moves_the_day_of_the_decision_not_the_start(project: Path, settings) -> None:
    (project / "keelmark.yaml").write_text(WAIVER)
    clock = FixedClock(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    late = assess(Target(root=project), settings, clock=clock)
    early = assess(Target(root=project), replace(settings, as_of=date(2026, 6, 1)), clock=clock)
    assert (late.today, early.today) == (date(2027, 1, 2), date(2026, 6, 1))
    assert late.started == early.started == clock.now()
    assert early.id.startswith("20270102T030405-")

    def waived(found):
        return {f.rule for f in found.findings if f.waiver is not None}

    assert waived(late) == set()
    assert waived(early) == {"command-from-untrusted-text"}


def test_what_time_does_not_suffice_for_is_named(project: Path, settings) -> None:
    found = assess(Target(root=project), replace(settings, max_seconds=1e-9))
    late = {gap.path for gap in found.gaps if gap.reason is GapReason.OUT_OF_TIME}
    assert late == {"app.py", "requirements.txt", "docs/notes.md", "logo.png"}
    assert found.tree_digest == ""
    assert found.decision.verdict is not Verdict.RELEASE


def test_what_the_bound_on_files_leaves_out_is_named(project: Path, settings) -> None:
    found = assess(Target(root=project), replace(settings, max_files=1))
    assert found.coverage.files == 1
    assert any(gap.reason is GapReason.TOO_MANY and gap.matters for gap in found.gaps)


@pytest.mark.parametrize("after", [1, 2, 4])
def test_stopped_run_gives_what_it_has_and_names_the_rest(project: Path, settings, after: int) -> None:
    heard = Heard(stop_after=after)
    found = assess(Target(root=project), settings, progress=heard)
    assert found.is_interrupted
    assert exit_code(found) == 2
    assert found.coverage.files == after
    left = {gap.path for gap in found.gaps if gap.reason is GapReason.OUT_OF_TIME}
    assert len(left) == heard.total - after
    assert left.isdisjoint(heard.paths)
    assert found.findings
    with SqliteEvidence(project / EVIDENCE_FILE) as store:
        assert store.load("latest").is_interrupted


def test_progress_hears_every_file_once(project: Path, settings) -> None:
    heard = Heard()
    found = assess(Target(root=project), settings, progress=heard)
    assert heard.total == len(heard.paths) == len(set(heard.paths)) == found.coverage.files


# --- the rest of the record ----------------------------------------------------------------------


def test_stricter_of_setting_and_declaration_counts(project: Path, settings) -> None:
    for own, declared, want in (
        (Profile.DEFAULT, "default", "default"),
        (Profile.STRICT, "default", "strict"),
        (Profile.DEFAULT, "strict", "strict"),
    ):
        (project / "keelmark.yaml").write_text(f"version: 1\nprofile: {declared}\n")
        found = assess(Target(root=project), replace(settings, profile=own, write=False))
        assert found.decision.profile == want


def test_record_names_the_system_and_never_the_full_path(project: Path, settings, make_assessment) -> None:
    plain = assess(Target(root=project), replace(settings, write=False))
    assert (plain.target, plain.system) == ("project", "project")
    (project / "keelmark.yaml").write_text("version: 1\nsystem: { name: Desk, purpose: p, owner: o }\n")
    named = assess(Target(root=project), settings)
    assert (named.target, named.system) == ("project", "Desk")
    assert str(project) not in repr(named)


def test_coverage_counts_what_no_reader_claims(project: Path, settings) -> None:
    found = assess(Target(root=project), settings)
    assert found.coverage.files == 4
    assert found.coverage.read == 3
    assert found.coverage.opaque == ((".png", 1),)
    assert found.coverage.bytes == sum(
        path.stat().st_size
        for path in project.rglob("*.*")
        if path.is_file() and ".keelmark" not in path.parts
    )
    assert found.coverage.rules > 50


def test_every_rule_answers(project: Path, settings) -> None:
    found = assess(Target(root=project), settings)
    assert len({f.rule for f in found.findings}) == found.coverage.rules
    fingerprints = [f.fingerprint for f in found.findings]
    assert all(fingerprints)
    assert len(set(fingerprints)) == len(fingerprints)


def test_folder_whose_name_is_no_utf8_is_kept(tmp_path: Path, settings) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    root.mkdir()
    (root / "app.py").write_text("x = '\\ud800'\n")
    found = assess(Target(root=root), settings)
    with SqliteEvidence(root / EVIDENCE_FILE) as store:
        assert store.load("latest").id == found.id


def test_empty_folder_is_not_released(tmp_path: Path, settings) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    found = assess(Target(root=root), settings)
    assert found.coverage.files == 0
    assert found.decision.verdict is not Verdict.RELEASE


def test_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, settings) -> None:
    with pytest.raises(UsageError, match="cannot be listed"):
        assess(Target(root=tmp_path / "nowhere"), settings)


def test_unreadable_file_keeps_what_it_may_hide_unknown(tmp_path: Path) -> None:
    from keelmark.core.outcome import Status

    (tmp_path / "a.py").write_text("x = 1\n")
    settings = AssessSettings(write=False, plugins=False)

    def standing(row: str) -> Status:
        found = assess(Target(root=tmp_path), settings)
        return next(s.status for s in found.decision.standings if s.recommendation == row)

    assert standing("DEP-1.c") is Status.NOT_APPLICABLE
    (tmp_path / "serve.py").write_text("def broken(:\n")
    assert standing("DEP-1.c") is Status.UNKNOWN

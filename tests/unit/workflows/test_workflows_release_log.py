"""Releases beside their log and their folder: clocks, damage, links, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.corpus.releases import (
    CLOCK,
    declared,
    ground_for,
    key,
    later,
    released,
    write,
)
from tests.unit.workflows.released_projects import KEY, OTHER, in_folder, verified

from keelmark.config.settings import AssessSettings
from keelmark.core.log import LogEntry, LogKind
from keelmark.core.outcome import Outcome
from keelmark.core.release import ReleaseState
from keelmark.deployment.release.history import History
from keelmark.errors import StoreError, TrustError, UsageError
from keelmark.workflows import release as job
from keelmark.workflows.log import LOG_FOLDER, record, rows
from keelmark.workflows.log_verify import verify as verify_log
from keelmark.workflows.revoke import RevokeRequest, revoke

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "project")


def test_clock_that_went_backwards_is_refused(root) -> None:
    run = released(root, KEY)
    with pytest.raises(StoreError, match="the clock says"):
        released(root, KEY, clock=later(seconds=-1))
    with pytest.raises(StoreError, match="the clock says"):
        revoke(
            RevokeRequest(root=root, release="latest", reason="r", owner="o"),
            signer=KEY,
            clock=later(seconds=-1),
        )
    assert in_folder(root) == [run.file.name]


def test_clock_behind_the_log_is_refused_before_anything_is_signed(root) -> None:
    place = root / LOG_FOLDER
    released(root, KEY, log=True)
    for file in (root / ".keelmark/releases").glob("*.dsse.json"):
        file.unlink()
    with pytest.raises(StoreError, match="the last entry is from"):
        released(root, KEY, clock=later(minutes=-5))
    assert in_folder(root) == []
    assert len(rows(place)) == 2


def test_two_releases_with_one_id_are_refused(root, monkeypatch) -> None:
    run = released(root, KEY)
    with monkeypatch.context() as blind:
        # Nothing is remembered of the first one, so that the second one is the same to the second.
        blind.setattr(job, "history_of", lambda _: History())
        with pytest.raises(StoreError, match="never overwritten"):
            released(root, KEY)
    (run.file.parent / "copy.dsse.json").write_bytes(run.file.read_bytes())
    with pytest.raises(StoreError, match="two files for one release"):
        released(root, KEY, clock=later(minutes=1))


@pytest.mark.parametrize("spoil", [lambda data: data + b" ", lambda data: b"", lambda data: data[:-40]])
def test_damaged_release_in_the_folder_is_told_before_another_is_made(root, spoil) -> None:
    run = released(root, KEY)
    run.file.write_bytes(spoil(run.file.read_bytes()))
    with pytest.raises(TrustError, match="was changed, or is no release"):
        released(root, KEY, clock=later(minutes=1))
    found = verified(run, root)
    assert (found.outcome, found.state) == (Outcome.FAIL, ReleaseState.DAMAGED)


def test_damaged_log_is_told_and_nothing_is_released(root) -> None:
    released(root, KEY, log=True)
    journal = root / LOG_FOLDER / "entries.journal"
    journal.unlink()
    with pytest.raises(StoreError, match="journal of the log is missing"):
        released(root, KEY, clock=later(minutes=1))
    assert len(in_folder(root)) == 1


def test_torn_end_of_the_log_is_cut_off_and_told(root) -> None:
    released(root, KEY, log=True)
    with (root / LOG_FOLDER / "entries.journal").open("ab") as stream:
        stream.write(b"KMB1 torn")
    told: list[str] = []
    released(root, KEY, clock=later(minutes=1), report=told.append)
    assert "torn bytes at the end of the log were cut off" in told[0]
    assert verify_log(root / LOG_FOLDER, keys=[pem_of(root, KEY)]).outcome is Outcome.PASS


def pem_of(root: Path, signer) -> str:
    file = root.parent / "log.pub.pem"
    file.write_text(signer.public.pem)
    return str(file)


def test_log_of_somebody_else_takes_entries_without_our_signature(root) -> None:
    place = root / LOG_FOLDER
    (root / ".keelmark").mkdir()
    record(place, [LogEntry(kind=LogKind.FINDINGS, record=b"x")], key=OTHER, clock=CLOCK)
    told: list[str] = []
    run = released(root, KEY, report=told.append)
    assert run.signed is not None
    assert "wait for keelmark log sign" in told[0]
    assert [row.is_published for row in rows(place)] == [True, False, False]
    again = released(root, KEY, clock=later(minutes=1), log_key=OTHER)
    assert again.signed is not None
    assert all(row.is_published for row in rows(place))


def test_log_is_left_alone_when_asked(root) -> None:
    released(root, KEY, log=True)
    released(root, KEY, clock=later(minutes=1), log=False)
    assert len(rows(root / LOG_FOLDER)) == 2
    assert released(root, key("p384"), clock=later(minutes=2)).signed is not None


def test_kept_evidence_is_referred_to_and_not_recorded_again(root) -> None:
    released(root, KEY, log=True)
    run = released(root, KEY, ground_for(root, declared(), kept_at=0), clock=later(minutes=1))
    assert run.is_reused
    assert run.signed.release.evidence.log.index == 0
    assert [row.leaf.kind for row in rows(root / LOG_FOLDER)][2:] == ["release", "supersession"]


def test_copy_lies_outside_of_the_project(root) -> None:
    for place in (root / "release.dsse.json", root / "data/x", root.parent / "absent/x", root.parent):
        with pytest.raises(UsageError):
            released(root, KEY, output=place)
    copy = root.parent / "release.dsse.json"
    run = released(root, KEY, output=copy)
    assert copy.read_bytes() == run.file.read_bytes()
    assert verified(replace(run, file=copy), root).outcome is Outcome.PASS
    # Laid beside the files that it speaks of, it is passed over, by name.
    inside = root / "release.dsse.json"
    inside.write_bytes(copy.read_bytes())
    found = verified(replace(run, file=inside), root)
    assert found.outcome is Outcome.PASS
    assert [each.path for each in found.ignored] == [".keelmark", "release.dsse.json"]


def test_nothing_is_released_where_nothing_may_be_written(root) -> None:
    with pytest.raises(UsageError, match="has to be written"):
        released(root, KEY, settings=AssessSettings(write=False))
    assert not (root / ".keelmark").exists()


def test_links_laid_in_our_folder_are_not_followed(root) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (root / ".keelmark").symlink_to(outside)
    with pytest.raises(StoreError):
        released(root, KEY)
    (root / ".keelmark").unlink()
    (root / ".keelmark").mkdir()
    (root / ".keelmark/releases").symlink_to(outside)
    with pytest.raises(StoreError):
        released(root, KEY)
    assert list(outside.iterdir()) == []

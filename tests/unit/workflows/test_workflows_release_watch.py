"""What is in force follows the files and records, and is nothing at all while that cannot be told."""

from __future__ import annotations

import pytest
from tests.corpus.releases import CLOCK, key, later, released, write

from keelmark.core.release import ReleaseState
from keelmark.deployment.release.stage_released import ReleaseBook
from keelmark.errors import UsageError
from keelmark.store.releases import RELEASES_FOLDER
from keelmark.workflows.release_watch import ReleaseWatch, WatchSettings, newest_release


@pytest.fixture
def project(tmp_path):
    signer = key()
    root = write(tmp_path / "project")
    signed = released(root, signer)
    return root, signer, signed


def watching(root, signer, **settings):
    told = []
    book = ReleaseBook()
    watch = ReleaseWatch(
        WatchSettings(root=root, keys=[signer.public], **settings), book=book, clock=CLOCK, told=told.append
    )
    return watch, book, told


def test_a_release_that_holds_is_in_force(project) -> None:
    root, signer, signed = project
    watch, book, _ = watching(root, signer)
    page = watch.look()
    assert page.reason == ""
    assert page.release == signed.signed.release.id
    assert book.page is page


def test_nothing_is_read_while_nothing_changes(project) -> None:
    root, signer, _ = project
    watch, _, told = watching(root, signer)
    assert watch.look() is watch.look()
    assert len(told) == 1


@pytest.mark.parametrize("change", ["changed", "added", "removed", "hidden"])
def test_any_change_of_a_file_stops_service_until_it_is_undone(project, change: str) -> None:
    root, signer, _ = project
    watch, book, told = watching(root, signer)
    watch.look()
    model, extra = root / "model.safetensors", root / ".github" / "x"
    before = model.read_bytes()
    if change == "changed":
        model.write_bytes(before[:-1] + b"!")
    elif change == "removed":
        model.unlink()
    else:
        extra = extra if change == "hidden" else root / "new.py"
        extra.parent.mkdir(exist_ok=True)
        extra.write_text("x")
    assert watch.look().reason == "release-changed"
    assert told[-1].state is ReleaseState.CHANGED
    model.write_bytes(before)
    extra.unlink(missing_ok=True)
    assert watch.look().reason == ""
    assert book.page.reason == ""


def test_a_touched_file_is_verified_anew_and_serves_on(project) -> None:
    root, signer, _ = project
    watch, _, told = watching(root, signer)
    watch.look()
    (root / "app.py").touch()
    assert watch.look().reason == ""
    assert len(told) == 2


def test_a_look_that_fails_leaves_nothing_in_force(project) -> None:
    root, signer, _ = project
    watch, _, told = watching(root, signer)
    watch.look()
    for file in (root / RELEASES_FOLDER).glob("*.json"):
        file.unlink()
    assert watch.look().reason == "not-released"
    assert isinstance(told[-1], UsageError)


def test_another_key_serves_nothing(project) -> None:
    root, _, _ = project
    watch, _, _ = watching(root, key())
    assert watch.look().reason == "not-released"


def test_a_change_while_it_is_verified_keeps_it_closed(project) -> None:
    root, signer, _ = project
    watch, book, _ = watching(root, signer)
    watch._told = lambda _: (root / "app.py").write_text("later")
    assert watch.look().reason != ""
    assert book.page.reason != ""


def test_the_newest_release_counts_though_it_is_worth_nothing(project) -> None:
    root, signer, signed = project
    folder = root / RELEASES_FOLDER
    assert signed.signed.release.id in newest_release(folder).name
    newer = folder / f"99991231T000000-{'0' * 8}.dsse.json"
    newer.write_text("{}")
    assert newest_release(folder) == newer
    watch, _, _ = watching(root, signer)
    assert watch.look().reason == "not-released"


def test_records_that_wait_or_end_are_no_releases(tmp_path) -> None:
    for name in ("a.pending.dsse.json", "a.revocation.dsse.json", "lock"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(UsageError, match="no release"):
        newest_release(tmp_path)


def test_a_release_expires_between_two_looks(project) -> None:
    root, signer, signed = project
    watch, _, _ = watching(root, signer)
    page = watch.look()
    assert page.ends == signed.signed.release.expires.timestamp()
    assert page.ends < later(days=400).now().timestamp()

"""The folder of releases: whole or not there, never overwritten, one writer, bounded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from keelmark.errors import StoreError
from keelmark.store.releases import ReleaseBounds, ReleaseFolder, read_envelopes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> ReleaseFolder:
    return ReleaseFolder(
        tmp_path / ".keelmark/releases",
        bounds=ReleaseBounds(max_files=2, max_bytes=10, max_total_bytes=15, max_lock_wait_s=0.05),
    )


def test_what_was_put_is_there_and_stays(folder) -> None:
    assert folder.envelopes() == {}
    with folder.writing():
        folder.put("a.dsse.json", b"1")
        with pytest.raises(StoreError, match="never overwritten"):
            folder.put("a.dsse.json", b"2")
    assert folder.envelopes() == {"a.dsse.json": b"1"}
    assert (folder.place.parent / ".gitignore").read_text() == "*\n"
    folder.drop("a.dsse.json")
    folder.drop("absent")
    assert folder.envelopes() == {}


def test_second_writer_waits_and_then_gives_up(folder) -> None:
    with folder.writing(), pytest.raises(StoreError, match="somebody else makes a release"), folder.writing():
        pass
    with folder.writing():
        pass


def test_drafts_and_other_files_are_no_envelopes(folder) -> None:
    with folder.writing():
        (folder.place / ".a.dsse.json.part").write_bytes(b"x")
        (folder.place / "notes.txt").write_bytes(b"x")
    assert folder.envelopes() == {}


@pytest.mark.parametrize(
    "files", [{"a": b"1" * 11}, {"a": b"", "b": b"", "c": b""}, {"a": b"1" * 9, "b": b"1" * 9}]
)
def test_bounds_are_reached_loudly(folder, files) -> None:
    with folder.writing():
        for name, content in files.items():
            (folder.place / f"{name}.dsse.json").write_bytes(content)
    with pytest.raises(StoreError):
        folder.envelopes()


def test_links_and_pipes_are_not_read(folder, tmp_path) -> None:
    with folder.writing():
        pass
    link = folder.place / "a.dsse.json"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        folder.envelopes()
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(StoreError, match="cannot be read"):
        folder.envelopes()


def test_folder_that_is_a_file_holds_nothing_and_cannot_be_written(tmp_path) -> None:
    (tmp_path / "file").touch()
    assert read_envelopes(tmp_path / "file") == {}
    with pytest.raises(StoreError), ReleaseFolder(tmp_path / "file/releases").writing():
        pass


def test_disk_that_is_full_leaves_nothing(folder, monkeypatch) -> None:
    import keelmark.store.releases as store

    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(store, "write_files", full)
    with folder.writing(), pytest.raises(StoreError, match="no space left"):
        folder.put("a.dsse.json", b"1")
    assert folder.envelopes() == {}

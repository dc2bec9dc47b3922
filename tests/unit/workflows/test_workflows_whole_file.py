from __future__ import annotations

import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path


def test_content_is_there_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    for content in (b"one", b"two"):
        write_whole(file, content)
        assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_mode_follows_the_umask_like_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_failure_leaves_the_old_content_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(b"old")
    monkeypatch.setattr(
        type(file), "replace", lambda self, target: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(OSError, match="full"):
        write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_link_at_the_name_is_replaced_not_followed(tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "report.json"
    victim.write_bytes(b"mine")
    link.symlink_to(victim)
    write_whole(link, b"report")
    assert victim.read_bytes() == b"mine"
    assert not link.is_symlink()
    assert link.read_bytes() == b"report"


def test_link_at_a_foreseeable_draft_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "report.json.part").symlink_to(victim)
    write_whole(tmp_path / "report.json", b"report")
    assert victim.read_bytes() == b"mine"


def test_pipe_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[bytes] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"report")
    reader.join(timeout=10)
    assert heard == [b"report"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"directory|exists"):
        write_whole(tmp_path / "folder", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]

"""The key file and the pepper on the disk: who may have written them, who may read them, and how they are written."""

from __future__ import annotations

import os
import stat

import pytest

from keelmark.errors import LimitExceededError, StoreError
from keelmark.store.api_keys import KeyFile, read_pepper, write_pepper


def test_file_is_written_for_its_owner_alone_and_read_back(tmp_path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.write(b"one")
    assert keys.read() == b"one"
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    before = keys.fingerprint()
    keys.write(b"two")
    assert keys.read() == b"two"
    assert keys.fingerprint() != before
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_fingerprint_sees_a_change_that_hides_its_time(tmp_path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.write(b"one")
    before = keys.fingerprint()
    found = keys.path.stat()
    keys.path.write_bytes(b"two")
    os.utime(keys.path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))
    assert keys.fingerprint() != before


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_key_file_that_others_can_write_is_not_read(tmp_path, mode: int) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.write(b"one")
    keys.path.chmod(mode)
    with pytest.raises(StoreError, match="others can write") as caught:
        keys.read()
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_pepper_that_others_can_read_is_not_read(tmp_path, mode: int) -> None:
    file = tmp_path / "sub/pepper"
    write_pepper(file, b"x" * 32)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_pepper(file) == b"x" * 32
    file.chmod(mode)
    with pytest.raises(StoreError, match="others can read"):
        read_pepper(file)


def test_pepper_is_never_overwritten(tmp_path) -> None:
    file = tmp_path / "pepper"
    write_pepper(file, b"x" * 32)
    with pytest.raises(StoreError):
        write_pepper(file, b"y" * 32)
    assert read_pepper(file) == b"x" * 32


def test_file_of_another_user_is_not_read(tmp_path, monkeypatch) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.write(b"one")
    owner = keys.path.stat().st_uid
    real = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        return os.stat_result((*tuple(real(descriptor))[:4], 12_345, *tuple(real(descriptor))[5:10]))

    monkeypatch.setattr(os, "fstat", foreign)
    with pytest.raises(StoreError, match="another user"):
        keys.read()
    assert owner == os.geteuid()


def test_what_is_no_file_or_too_long_is_refused(tmp_path) -> None:
    with pytest.raises(StoreError):
        KeyFile(tmp_path / "none").read()
    with pytest.raises(StoreError):
        KeyFile(tmp_path).read()
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(StoreError, match="no regular file"):
        KeyFile(tmp_path / "pipe").read()
    write_pepper(tmp_path / "long", b"x" * 300)
    with pytest.raises(LimitExceededError):
        read_pepper(tmp_path / "long")


def test_links_are_read_and_never_written(tmp_path) -> None:
    target = KeyFile(tmp_path / "target")
    target.write(b"one")
    link = KeyFile(tmp_path / "link")
    link.path.symlink_to(target.path)
    assert link.read() == b"one"
    with pytest.raises(StoreError, match="link"):
        link.write(b"two")
    assert target.read() == b"one"


def test_draft_that_was_left_is_replaced(tmp_path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    (tmp_path / ".keys.json.part").symlink_to(tmp_path / "elsewhere")
    keys.write(b"one")
    assert keys.read() == b"one"
    assert not (tmp_path / "elsewhere").exists()


def test_file_that_cannot_be_written_keeps_its_content(tmp_path, monkeypatch) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    keys.write(b"one")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(StoreError, match="full"):
        keys.write(b"two")
    monkeypatch.undo()
    assert keys.read() == b"one"


def test_lock_makes_the_folder_and_keeps_others_out(tmp_path) -> None:
    keys = KeyFile(tmp_path / "access/keys.json")
    with keys.locked():
        keys.write(b"one")
        lock = os.open(tmp_path / "access/.keys.json.lock", os.O_RDWR)
        import fcntl

        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(lock)
    assert stat.S_IMODE((tmp_path / "access").stat().st_mode) == 0o700
    (tmp_path / "blocked").write_bytes(b"")
    with pytest.raises(StoreError, match="locked"), KeyFile(tmp_path / "blocked/keys.json").locked():
        pass

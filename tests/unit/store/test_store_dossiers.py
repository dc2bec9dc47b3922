"""The secret of a release is made once, for its owner alone, and links are not followed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from keelmark.errors import StoreError
from keelmark.store import dossiers
from keelmark.store.dossiers import DossierFolder


@pytest.fixture
def folder(tmp_path: Path) -> DossierFolder:
    return DossierFolder(tmp_path / ".keelmark/dossiers")


def test_secret_is_kept_once_and_for_its_owner_alone(folder) -> None:
    assert folder.secret("id") is None
    assert folder.keep_secret("id", b"first")
    assert not folder.keep_secret("id", b"second")
    assert folder.secret("id") == b"first"
    file = folder.place / "id.secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in folder.place.iterdir()] == ["id.secret"]
    assert (folder.place.parent / ".gitignore").read_text() == "*\n"


def test_secret_that_others_can_read_is_refused(folder) -> None:
    folder.keep_secret("id", b"first")
    (folder.place / "id.secret").chmod(0o640)
    with pytest.raises(StoreError, match="can be read by others"):
        folder.secret("id")


def test_links_are_not_followed(folder, tmp_path) -> None:
    folder.keep_secret("other", b"x")
    (tmp_path / "elsewhere").write_bytes(b"planted")
    (folder.place / "id.secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="cannot be read"):
        folder.secret("id")
    assert not folder.keep_secret("id", b"x")
    assert (tmp_path / "elsewhere").read_bytes() == b"planted"


def test_folder_that_is_a_link_is_refused(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / ".keelmark").symlink_to(tmp_path / "real")
    folder = DossierFolder(tmp_path / ".keelmark/dossiers")
    with pytest.raises(StoreError, match="cannot be written"):
        folder.keep_secret("id", b"x")
    with pytest.raises(StoreError, match="cannot be written"):
        folder.put("a.zip", b"x")
    assert not list((tmp_path / "real").iterdir())


def test_long_secret_is_refused(folder) -> None:
    folder.keep_secret("id", b"x" * (dossiers._MAX_SECRET_BYTES + 1))
    with pytest.raises(StoreError, match="longer"):
        folder.secret("id")


def test_dossier_is_replaced_whole(folder) -> None:
    assert folder.put("a.zip", b"first").read_bytes() == b"first"
    assert folder.put("a.zip", b"second").read_bytes() == b"second"
    assert [each.name for each in folder.place.iterdir()] == ["a.zip"]

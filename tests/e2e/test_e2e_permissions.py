"""What may not be read is named, and what may not be written is an error."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

# Takes from the superuser the right to pass by permissions; others do not have it.
HUMBLE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@pytest.fixture
def humbly(keelmark):
    """Runs the program as somebody for whom permissions count."""
    before: tuple[str, ...] = ()
    if os.geteuid() == 0:
        before = HUMBLE
        works = shutil.which(HUMBLE[0]) and not subprocess.run([*HUMBLE, "true"], check=False).returncode
        if not works:
            pytest.skip("the superuser passes by permissions, and nothing here can take that right away")

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
        return keelmark(*arguments, cwd=cwd, before=before)

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "work"
    made.mkdir()
    yield made
    for path in (made / "closed", made / "project"):
        if path.is_dir():
            path.chmod(0o700)


def test_what_may_not_be_read_is_named(folder: Path, humbly) -> None:
    (folder / "closed").mkdir()
    (folder / "closed" / "model.pkl").write_bytes(b"x")
    (folder / "closed.py").write_text("x = 1\n")
    (folder / "open.py").write_text("x = 1\n")
    (folder / "closed.py").chmod(0)
    (folder / "closed").chmod(0)
    done = humbly("assess", "--no-write", "-f", "json", cwd=folder)
    assert done.stderr == b""
    document = json.loads(done.stdout)
    named = {gap["path"]: gap["reason"] for gap in document["not_looked_at"]}
    assert named["closed.py"] == "cannot be read"
    assert named["closed"] == "cannot be read"
    assert "open.py" not in named
    assert document["tree_digest"] == ""
    assert document["verdict"] != "release"


def test_folder_that_may_not_be_written_is_an_error_with_a_way_out(folder: Path, humbly) -> None:
    project = folder / "project"
    project.mkdir()
    (project / "app.py").write_text("x = 1\n")
    project.chmod(0o555)
    done = humbly("assess", "project", cwd=folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"error: evidence store `evidence.db` cannot be opened" in done.stderr
    assert b"--no-write" in done.stderr
    assert humbly("assess", "project", "--no-write", cwd=folder).returncode in {1, 3}
    done = humbly("init", "project", cwd=folder)
    assert done.returncode == 2
    assert b"cannot be written" in done.stderr


def test_folder_that_may_not_be_listed_is_an_error(folder: Path, humbly) -> None:
    (folder / "project").mkdir()
    (folder / "project").chmod(0)
    done = humbly("assess", "project", cwd=folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"cannot be" in done.stderr
    assert b"keelmark itself failed" not in done.stderr

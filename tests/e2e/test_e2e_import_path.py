"""A folder under judgement cannot bring modules that Keelmark imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NAMES = (
    "yaml",
    "re2",
    "cyclopts",
    "rich",
    "msgspec",
    "jinja2",
    "packaging",
    "json",
    "sitecustomize",
    "usercustomize",
)


@pytest.mark.parametrize("program", [["-m", "keelmark"], ["-P", "-m", "keelmark"]])
def test_modules_of_the_assessed_folder_are_not_imported(program: list[str], tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    folder = tmp_path / "project"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write('{name}')\n")
    done = subprocess.run(
        [sys.executable, *program, "assess", ".", "--no-write", "--quiet"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not mark.exists(), mark.read_text()
    assert done.returncode in {1, 3}, done.stderr

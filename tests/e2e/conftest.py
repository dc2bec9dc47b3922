"""Runs the program as people and CI systems do."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = (sys.executable, "-m", "keelmark")


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a process that keeps to the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEELMARK_")}
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS", "TERM", "PYTHONUNBUFFERED"):
        kept.pop(name, None)
    home = tmp_path_factory.mktemp("home")
    return {**kept, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "PYTHONWARNINGS": "error"}


@pytest.fixture
def keelmark(environment: dict[str, str]):
    """Runs the program in a folder."""

    def run(
        *arguments: str, cwd: Path, before: tuple[str, ...] = (), **more: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*before, *PROGRAM, *arguments],
            cwd=cwd,
            env={**environment, **more},
            capture_output=True,
            timeout=120,
            check=False,
        )

    return run

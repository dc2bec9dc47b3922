"""A small project with failures, passes and unknowns, and settings that keep to the test."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from keelmark.config.settings import AssessSettings
from keelmark.engine import collect as collecting

if TYPE_CHECKING:
    from pathlib import Path

APP = """\
import subprocess
from flask import Flask, request

app = Flask(__name__)


@app.post("/run")
def run():
    subprocess.run(request.json["command"], shell=True)
    return "done"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "docs").mkdir(parents=True)
    (root / "app.py").write_text(APP)
    (root / "requirements.txt").write_text("flask\nrequests==2.32.0\n")
    (root / "docs" / "notes.md").write_text("# Notes\n\nNothing of weight.\n")
    (root / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    return root


@pytest.fixture
def settings(own_environment: Path) -> AssessSettings:
    return AssessSettings(cache_dir=own_environment / "keelmark", plugins=False)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the test count as old, so that they are remembered."""
    monkeypatch.setattr(collecting, "collect", partial(collecting.collect, time_ns=lambda: 2**63))

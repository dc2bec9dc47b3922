"""The demonstration of the gateway goes as it says it does, from release to request log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shown() -> str:
    done = subprocess.run(
        [sys.executable, "tools/demo_gateway.py", "--stand-in"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_step_goes_as_expected(shown) -> None:
    assert "RELEASED  helpdesk 1.0.0" in shown
    for words in ("(no-credential)", "(missing-scope)", "(release-changed)", "(disconnected)"):
        assert words in shown
    assert "request log verifies" in shown
    assert shown.endswith("All steps went as expected.\n")


def test_the_key_is_never_shown(shown) -> None:
    assert "km_" not in shown

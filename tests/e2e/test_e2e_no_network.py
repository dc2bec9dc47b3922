"""Nothing is asked of any network, and the answers are the same without one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "helpdesk" / "as-found"

# Refuses every socket; files of that name on the path are run at the start of Python.
NO_SOCKETS = """\
import socket

def refuse(*arguments, **options):
    raise AssertionError("a socket was asked for")

class Refused(socket.socket):
    __init__ = refuse

socket.socket = Refused
socket.create_connection = socket.getaddrinfo = refuse
"""


def without_network() -> tuple[str, ...]:
    command = ("unshare", "-rn")
    if shutil.which("unshare") is None:
        return ()
    works = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if works else ()


def answers(document: bytes) -> dict[str, object]:
    parsed = json.loads(document)
    return {key: parsed[key] for key in ("verdict", "findings", "assets", "not_looked_at", "tree_digest")}


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "project"))


def test_answers_are_the_same_without_a_network(example: Path, keelmark) -> None:
    command = without_network()
    if not command:
        pytest.skip("no way to take the network away here; the test below stands in")
    with_one = keelmark("assess", "--no-write", "-f", "json", cwd=example)
    without = keelmark("assess", "--no-write", "-f", "json", cwd=example, before=command)
    assert without.returncode == with_one.returncode
    assert without.stderr == b""
    assert answers(without.stdout) == answers(with_one.stdout)


def test_no_command_asks_for_a_socket(example: Path, keelmark, tmp_path: Path) -> None:
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(NO_SOCKETS)
    works = subprocess.run(
        [sys.executable, "-c", "import socket; socket.socket()"],
        env={**os.environ, "PYTHONPATH": str(guard)},
        capture_output=True,
        check=False,
    )
    assert b"a socket was asked for" in works.stderr
    normal = keelmark("assess", "-f", "json", "--no-write", cwd=example)
    guarded = keelmark("assess", "-f", "json", cwd=example, PYTHONPATH=str(guard))
    assert guarded.returncode == normal.returncode, guarded.stderr
    assert answers(guarded.stdout)["findings"] == answers(normal.stdout)["findings"]
    for arguments, code in ((("init", "--print"), 0), (("explain", "SD-1"), 0), (("diff",), 0)):
        guarded = keelmark(*arguments, cwd=example, PYTHONPATH=str(guard))
        assert (guarded.returncode, guarded.stderr) == (code, b"")

"""The program as a process: signals, pipes, terminals, exit codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "keelmark")
APP = """\
import subprocess
from flask import request


@app.post("/run")
def run():
    subprocess.run(request.json["command"], shell=True)
"""
# Says when it reads its third file and waits there, so that the signal always meets the same place.
WAITING = """\
import signal, sys
from keelmark.engine import collect
from keelmark.cli.main import main
real, count = collect.read_entry, 0
def read(*arguments, **options):
    global count
    count += 1
    if count == 3:
        print("ready", file=sys.stderr, flush=True)
        signal.pause()
    return real(*arguments, **options)
collect.read_entry = read
sys.argv = ["keelmark", *sys.argv[1:]]
main()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(APP)
    return root


def test_verdict_is_the_exit_code_of_the_process(project: Path, keelmark) -> None:
    done = keelmark("assess", "-f", "json", cwd=project)
    assert done.returncode == 1
    assert done.stderr == b""
    assert json.loads(done.stdout)["exit_code"] == 1
    (project / "keelmark.yaml").write_text("versoin: 1\n")
    done = keelmark("assess", cwd=project)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.splitlines()[0] == b"error: keelmark.yaml:1: unknown key `versoin`"


@pytest.mark.parametrize(
    "arguments",
    [
        ["assess", "--no-write", "-f", "json"],
        ["assess", "--no-write"],
        ["rules"],
        ["explain", "SD-3"],
        ["--help"],
        ["assess", "--help"],
        ["schema"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_closed_pipe_is_no_pass_and_no_noise(project: Path, environment, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)  # Nobody will ever read.
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.parametrize("arguments", [["rules"], ["schema"], ["assess", "--no-write"]], ids=" ".join)
def test_full_disk_behind_stdout_is_no_verdict(project: Path, environment, arguments: list[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("wb") as output:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"No space left" in done.stderr


def test_interrupt_ends_with_what_was_found_and_exit_code_2(project: Path, environment) -> None:
    for number in range(20):
        (project / f"m{number:02}.py").write_text("x = 1\n")
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, "assess", "-f", "json"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, b"")
    document = json.loads(out)
    assert document["interrupted"] is True
    assert document["verdict"] is None
    assert document["exit_code"] == 2
    left = {gap["path"] for gap in document["not_looked_at"] if "stopped" in json.dumps(gap)}
    assert len(left) == 19
    assert "app.py" not in left


def test_terminal_gets_colour_unless_told_otherwise(project: Path, environment) -> None:
    assert b"\x1b[" in on_a_terminal(project, {**environment, "TERM": "xterm-256color"})
    assert b"\x1b[" not in on_a_terminal(project, {**environment, "TERM": "xterm-256color", "NO_COLOR": "1"})


def on_a_terminal(project: Path, environment: dict[str, str]) -> bytes:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "assess", "--no-write"],
        cwd=project,
        env=environment,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # The other end was closed.
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait(timeout=60) == 1
    return said


def test_small_charset_breaks_no_report(project: Path, keelmark) -> None:
    (project / "na\u00efve\U0001f600.py").write_text(APP)
    done = keelmark("assess", "--no-write", cwd=project, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 1, done.stderr
    assert done.stdout.isascii()
    assert done.stderr == b""


def test_folder_that_is_gone_is_an_error(tmp_path: Path, environment) -> None:
    code = (
        "import os, sys, tempfile; folder = tempfile.mkdtemp(); os.chdir(folder); os.rmdir(folder);"
        "from keelmark.cli.main import run; sys.exit(run(['assess']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr

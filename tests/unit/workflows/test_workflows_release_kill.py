"""Killed a hundred times at random moments while releasing: each release is whole or absent, and the log verifies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest
from tests.corpus.releases import write

from keelmark.core.clock import SystemClock
from keelmark.core.outcome import Outcome
from keelmark.core.release import ReleaseState
from keelmark.deployment.release.verification import judge_signatures
from keelmark.trust.keys import load_private, new_private
from keelmark.workflows.log import LOG_FOLDER, record, rows
from keelmark.workflows.log_verify import verify as verify_log
from keelmark.workflows.release_history import history_in
from keelmark.workflows.verify_release import VerifyReleaseRequest, verify_release

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.core.release import ReleaseVerification
    from keelmark.trust.keys import PrivateKey

KILLS = 100

# Starts releasers one after the other, so that importing Python is paid for once. The decision is made by hand; everything
# behind the gate is as people have it. A releaser supersedes until it is killed, and says which releases it was told of.
NURSERY = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from tests.corpus.releases import declared, ground_for, request_for
    from keelmark.core.clock import SystemClock
    from keelmark.trust.keys import load_private
    from keelmark.workflows.release import issue
    from keelmark.workflows.release_files import take_snapshot
    from dataclasses import replace

    root, clock = Path(sys.argv[1]), SystemClock()
    key = load_private(Path(sys.argv[2]).read_bytes())
    ground = ground_for(root, declared(), today=clock.now().date(), started=clock.now())
    before = take_snapshot(root)
    request = request_for(root, log=True)

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                while True:
                    run = issue(request, ground, before=before, signer=key, clock=clock)
                    os.write(1, f"ack {run.signed.release.id}\\n".encode())
            except BaseException as error:
                os.write(1, f"error {error!r}\\n".encode())
            finally:
                os._exit(1)
        os.write(1, f"pid {child}\\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(1, f"done {os.waitstatus_to_exitcode(status)}\\n".encode())
""")


def kill_one(nursery: subprocess.Popen[str], chance: random.Random) -> list[str]:
    """Start a releaser, kill it after a while, and return what it acknowledged."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write("go\n")
    nursery.stdin.flush()
    acknowledged: list[str] = []
    wanted, pid = chance.randrange(2), 0
    # Spun, not slept: the moments between two system calls are the ones to hit.
    pause_s = chance.random() * 0.08
    for line in nursery.stdout:
        word, _, rest = line.strip().partition(" ")
        assert word != "error", rest
        if word == "done":
            assert rest == "-9"
            return acknowledged
        if word == "ack":
            acknowledged.append(rest)
        if word == "pid":
            pid = int(rest)
        if pid and len(acknowledged) == wanted:
            until = time.perf_counter() + pause_s
            while time.perf_counter() < until:
                pass
            os.kill(pid, signal.SIGKILL)
            pid = 0
    raise AssertionError("the nursery ended")


@pytest.mark.slow
def test_killed_releases_are_whole_or_absent(tmp_path: Path) -> None:
    root, pem = write(tmp_path / "project"), tmp_path / "key.pem"
    pem.write_bytes(new_private("ed25519", password=None))
    signer = load_private(pem.read_bytes())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    chance = random.Random(7)
    acknowledged: list[str] = []
    command = [sys.executable, "-c", NURSERY, str(root), str(pem)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as nursery:
        for _ in range(KILLS):
            acknowledged += kill_one(nursery, chance)
        assert nursery.stdin is not None
        nursery.stdin.close()
    assert acknowledged

    history = history_in(root)  # Reads each file strictly, and refuses what is not whole.
    here = {each.release.id for each in history.releases}
    assert set(acknowledged) <= here
    public = tmp_path / "key.pub"
    public.write_text(signer.public.pem)
    for each in history.releases:
        assert judge_signatures(each, keys=[signer.public]).outcome is Outcome.PASS
    found = [verify(root, each.release.id, signer) for each in (history.releases[0], history.releases[-1])]
    assert [each.state for each in found] == [ReleaseState.SUPERSEDED, ReleaseState.VALID]

    record(root / LOG_FOLDER, [], key=signer, clock=SystemClock())  # Mends a torn end, and signs what waits.
    report = verify_log(root / LOG_FOLDER, keys=[str(public)])
    assert report.outcome is Outcome.PASS, report
    logged = {subject for row in rows(root / LOG_FOLDER, limit=100_000) for subject in row.leaf.subjects}
    assert {f"sha256:{each.stated.digest}" for each in history.releases} <= logged, (
        "recorded before it is written"
    )


def verify(root: Path, identifier: str, signer: PrivateKey) -> ReleaseVerification:
    file = root / ".keelmark/releases" / f"{identifier}.dsse.json"
    return verify_release(VerifyReleaseRequest(release=file, root=root, keys=[signer.public]))

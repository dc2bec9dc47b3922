"""A PostgreSQL server of a test's own, on a socket in a folder."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_HOMES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PROGRAMS = _HOMES[-1] if _HOMES else None
needs_postgres = pytest.mark.skipif(
    PROGRAMS is None, reason="PostgreSQL is not installed: apt-get install postgresql"
)
PASSWORD = "correct-horse-battery"


class Postgres:
    """One server. It can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAMS is not None
        self.folder, self._programs = folder, PROGRAMS
        self.process: subprocess.Popen[bytes] | None = None
        # The server refuses to run as the superuser.
        self._user = _someone() if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(folder, self._user)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if self._user is not None:
            shutil.chown(secret, self._user)
        subprocess.run(
            [
                self._programs / "initdb", "--pgdata", folder / "data", "--username", "keys", "--auth", "scram-sha-256",
                "--pwfile", secret, "--encoding", "UTF8", "--locale", "C", "--no-sync",
            ],
            check=True, capture_output=True, user=self._user, cwd="/", timeout=120,
        )  # fmt: skip

    @property
    def url(self) -> str:
        return f"postgresql://keys:{PASSWORD}@/postgres?host={self.folder}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
                "-c", "fsync=off",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=self._user, cwd="/",
        )  # fmt: skip
        end = time.monotonic() + 60
        asked = [self._programs / "pg_isready", "-q", "-h", str(self.folder), "-U", "keys"]
        while subprocess.run(asked, check=False).returncode:
            assert self.process.poll() is None, "PostgreSQL ended by itself"
            assert time.monotonic() < end, "PostgreSQL did not start"
            time.sleep(0.05)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(60)
            self.process = None


@contextlib.contextmanager
def server() -> Iterator[Postgres]:
    """A server that runs, gone at the end of the block."""
    # Paths of sockets may have no more than about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="kmpg") as folder:
        Path(folder).chmod(0o755)
        found = Postgres(Path(folder))
        found.start()
        try:
            yield found
        finally:
            found.stop()


def _someone() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.skip("there is nobody but the superuser, and PostgreSQL does not run as that")

"""A released project, and `keelmark serve` for it as a process of its own."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.corpus.releases import declared, ground_for, released, write
from tests.e2e.gateway.upstreams import EFFECT, TOOL, Upstream

from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.clock import FixedClock, SystemClock
from keelmark.core.secret import Secret
from keelmark.deployment.access.key_changes import KeyRequest, Made
from keelmark.store.api_keys import KeyFile
from keelmark.trust.keys import PrivateKey, load_private, new_private
from keelmark.workflows import access_keys
from keelmark.workflows.release_evidence import Ground

CREDENTIAL = "credential-of-the-upstream"
CHAT: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}
SCOPES = (
    "infer:*", "embed:*", "listModels:*", "listTools:*", "callTool:words/*", "readResource:*", "predict:*",
)  # fmt: skip
SETTINGS = """\
version: 1
release: {{keys: [../release.pub]}}
{listen}
upstreams:
  - {{name: local, url: "http://127.0.0.1:{port}/v1", credential: "env:UPSTREAM_KEY"}}
  - {{name: plain, url: "http://127.0.0.1:{port}", credential: "env:UPSTREAM_KEY", wire: x-api-key}}
models:
  - {{name: small, upstream: local, upstream_name: m, apis: [openai-chat, openai-completions, openai-responses, openai-embeddings]}}
  - {{name: friendly, upstream: plain, asset: small, upstream_name: m, apis: [anthropic-messages]}}
  - {{name: forbidden, upstream: local, asset: small, apis: [openai-chat]}}
  - {{name: unreleased, upstream: local, apis: [openai-chat]}}
  - {{name: rings, upstream: plain, asset: small, apis: [predict], path: /predict}}
servers:
  - {{name: words, upstream: plain, path: /mcp}}
tools:
  definitions: [tools.json]
  allowed: [["callTool:words/*", look], ["infer:*", look], ["infer:*", send]]
  readers: [look]
"""
POLICIES = """\
permit (principal, action, resource);
forbid (principal, action == Keelmark::Action::"infer", resource == Keelmark::Model::"forbidden");
forbid (principal, action == Keelmark::Action::"listModels", resource == Keelmark::Model::"forbidden");
"""
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_LONGEST_WAIT_S = 60
_SERVES = re.compile(r"(worker-\d+) serves on (\S+):(\d+), process (\d+)")


@dataclass(slots=True, kw_only=True)
class Project:
    """A folder with a release, keys, policies and settings."""

    root: Path
    signer: PrivateKey
    pepper: Secret

    @property
    def keys(self) -> KeyFile:
        return KeyFile(self.root / ".keelmark" / "access" / "keys.json")

    def key(self, *, scopes: tuple[str, ...] = SCOPES, age_days: float = 0) -> Made:
        """A new key; an old one where its age is told."""
        clock = FixedClock(SystemClock().now() - timedelta(days=age_days))
        asked = KeyRequest(name="t", owner="o", scopes=scopes)
        return access_keys.add(self.keys, asked, pepper=self.pepper, clock=clock)


def make_project(
    place: Path, upstream: Upstream, *, age_days: float = 0, listen: str = "", more: str = ""
) -> Project:
    """A project that was released so many days ago, by the upstream's address."""
    root = write(place / "project")
    text = SETTINGS.format(port=upstream.port, listen=listen) + more
    (root / "gateway.yaml").write_text(text)
    (root / "tools.json").write_text(json.dumps([TOOL, EFFECT]))
    (root / "policies").mkdir()
    (root / "policies" / "all.cedar").write_text(POLICIES)
    pem = new_private("p256", password=None)
    (place / "release.pem").write_bytes(pem)
    (place / "release.pem").chmod(0o600)
    signer = load_private(pem)
    (place / "release.pub").write_text(signer.public.pem)
    clock = FixedClock(SystemClock().now() - timedelta(days=age_days))
    released(root, signer, ground_of(root), clock=clock)
    access = root / ".keelmark" / "access"
    access.mkdir(parents=True, mode=0o700)
    project = Project(root=root, signer=signer, pepper=access_keys.make_pepper(access / "pepper"))
    project.key()
    return project


def copied(project: Project, place: Path) -> Project:
    """The same project on another machine: all of its folder, and the key of its release beside it."""
    place.mkdir()
    shutil.copy(project.root.parent / "release.pub", place)
    root = Path(shutil.copytree(project.root, place / project.root.name, symlinks=True))
    return Project(root=root, signer=project.signer, pepper=project.pepper)


def ground_of(root: Path) -> Ground:
    """What a release of a project rests on."""
    assets = (
        Asset(kind=AssetKind.MODEL, name="small", path="model.safetensors", digest=f"sha256:{'00' * 32}"),
        Asset(kind=AssetKind.MODEL, name="forbidden", path="model.safetensors"),
        Asset(kind=AssetKind.MCP_SERVER, name="words", path="app.py"),
    )
    return ground_for(root, declared(), inventory=Inventory(assets=assets))


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The id of the reason, in whichever form it is told."""
        error = self.json["error"]
        return (
            error.get("code")
            if "type" in error and "code" in error
            else error.get("reason") or error["data"]["reason"]
        )


class Gateway:
    """A gateway that runs."""

    def __init__(self, process: subprocess.Popen[bytes], project: Project, upstream: Upstream) -> None:
        self.process, self.project, self.upstream = process, project, upstream
        self.api_key = project.key().key.reveal().decode()
        self.told: list[str] = []
        self.workers: dict[str, tuple[int, int]] = {}
        """Of each worker that serves: port and process."""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            text = line.decode().rstrip("\n")
            self.told.append(text)
            if found := _SERVES.fullmatch(text):
                self.workers[found[1]] = int(found[3]), int(found[4])

    @property
    def port(self) -> int:
        return self.workers["worker-0"][0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serving(self, workers: int = 1) -> Gateway:
        """The same once all workers say that they serve."""
        until(
            lambda: len(self.workers) >= workers or self.process.poll() is not None,
            lambda: self.told,
            every_s=0.02,
        )
        assert self.process.poll() is None, self.told
        return self

    def raw(self, *parts: bytes, port: int = 0) -> bytes:
        """Everything that comes back for raw bytes until the other end closes."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=60) as line:
            got = b""
            try:
                for part in parts:
                    line.sendall(part)
                while data := line.recv(65_536):
                    got += data
            except ConnectionError:
                pass
            return got

    def ask(  # noqa: PLR0913 - each part of a request
        self,
        body: bytes | dict[str, Any] = CHAT,
        *,
        path: str = "/v1/chat/completions",
        method: str = "POST",
        api_key: str | None = None,
        lines: tuple[str, ...] = (),
        kind: str = "application/json",
        port: int = 0,
    ) -> Reply:
        """One request on a connection of its own; an empty key sends none."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        token = self.api_key if api_key is None else api_key
        head = [
            f"{method} {path} HTTP/1.1", "host: gateway.example", "connection: close",
            *([f"authorization: Bearer {token}"] if token else []), *([f"content-type: {kind}"] if kind else []),
            *lines, f"content-length: {len(data)}",
        ]  # fmt: skip
        return parsed(self.raw("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + data, port=port))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run another command in the folder of the gateway."""
        command = [sys.executable, "-m", "keelmark", *arguments]
        return subprocess.run(
            command, cwd=self.project.root, env=_variables(), capture_output=True, timeout=60, check=False
        )

    def stop(self) -> int:
        """Ask it to stop, and wait; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not stop: {self.told}") from None
        finally:
            self.kill()

    def kill_at_once(self) -> None:
        """End all of its processes at once, as a machine that goes down would; waits for nothing."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """End all of its processes at once, and wait."""
        self.kill_at_once()
        self.process.wait(30)
        self._reader.join(30)


def parsed(whole: bytes) -> Reply:
    """The first answer of raw bytes, chunks put together."""
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        parts = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            length = int(size, 16)
            parts, body = parts + body[:length], body[length + 2 :]
            if not length:
                break
        body = parts
    return Reply(int(first.split(" ")[1]), headers, body)


def _variables(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables of the process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEELMARK_")}
    return {**kept, "UPSTREAM_KEY": CREDENTIAL, "PYTHONWARNINGS": "error", **(more or {})}


def _end_with_the_test() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def serving(
    project: Project,
    upstream: Upstream,
    *,
    port: int = 0,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Gateway]:
    """A gateway for a project, which stops at the end of the block.

    With port 0, each worker takes a free one of its own.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "keelmark", "serve", "gateway.yaml", "--port", str(port)],
        cwd=project.root,
        env=_variables(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_end_with_the_test,  # noqa: PLW1509 - one call of the system, nothing else
    )
    gateway = Gateway(process, project, upstream)
    try:
        yield gateway.serving(workers)
    finally:
        upstream.go()
        try:
            gateway.stop()
        finally:
            if process.stderr is not None:
                process.stderr.close()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path: that of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="kg") as place:
        yield Path(place)


def until(
    holds: Callable[[], object], told: Callable[[], object] = lambda: "", *, every_s: float = 0.2
) -> None:
    """Wait for what another process does, at most a minute.

    Who asks a gateway so often stays inside of the limit that holds by default.
    """
    ends = time.monotonic() + _LONGEST_WAIT_S
    while not holds():
        assert time.monotonic() < ends, told()
        time.sleep(every_s)

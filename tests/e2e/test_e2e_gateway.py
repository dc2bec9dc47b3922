"""The gateway as a whole: a signed release, a real key, policies, a model on loopback, and clients that know of nothing."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import openai
import pytest
from tests.corpus.releases import assessment_of, declared, ground_for, key, released, write
from tests.unit.gateway.http.wires import connected, spoken, until

from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.clock import FixedClock, SystemClock
from keelmark.deployment.access.key_changes import KeyRequest
from keelmark.errors import ConfigurationError
from keelmark.gateway.control import emergency
from keelmark.gateway.control.disconnect import FILE
from keelmark.store.api_keys import KeyFile
from keelmark.store.request_log_check import check_requests
from keelmark.workflows.access_keys import add, make_pepper
from keelmark.workflows.serve import ServeRequest, Worker

SECRET = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3"
SETTINGS = """\
version: 1
listen: {{port: 0}}
release: {{keys: [../release.pub]}}
upstreams:
  - {{name: local, url: "http://127.0.0.1:{port}/v1", credential: "env:UPSTREAM_KEY"}}
models:
  - {{name: small, upstream: local, asset: small, apis: [openai-chat]}}
  - {{name: unreleased, upstream: local, apis: [openai-chat]}}
"""


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with a short path: that of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="kg") as place:
        yield Path(place)


class Model:
    """A model on loopback: answers with `texts`, as a whole or in parts; keeps what it was asked."""

    def __init__(self) -> None:
        self.texts = ["Hello", ", how", " are you?"]
        self.requests: list[bytes] = []
        self.status = 200
        self.gone = 0
        self.pause = asyncio.Event()
        self.pause.set()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.requests.append(head + body)
                await self._answer(json.loads(body), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone += 1
        finally:
            writer.close()

    async def _answer(self, asked, writer: asyncio.StreamWriter) -> None:
        if self.status != 200:
            writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 5\r\n\r\nintim" % self.status)
        elif asked.get("stream"):
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            events = [{"role": "assistant", "content": ""}, *({"content": text} for text in self.texts), {}]
            for number, delta in enumerate(events):
                done = "stop" if number == len(events) - 1 else None
                choice = {"index": 0, "delta": delta, "finish_reason": done}
                event = {
                    "id": "c",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [choice],
                }
                data = b"data: %b\n\n" % json.dumps(event).encode()
                writer.write(b"%x\r\n%b\r\n" % (len(data), data))
                await writer.drain()
                await self.pause.wait()
            writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        else:
            message = {"role": "assistant", "content": "".join(self.texts)}
            answer = {
                "id": "c", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
            }  # fmt: skip
            data = json.dumps(answer).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                % (len(data), data)
            )
        await writer.drain()


class Gateway:
    """A worker that serves a released project."""

    def __init__(
        self,
        root: Path,
        *,
        model: Model,
        worker: Worker,
        api_key: str,
        told: list[str],
        release: Callable[[], object],
    ) -> None:
        self.root, self.model, self.worker, self.api_key, self.told = root, model, worker, api_key, told
        self.port = worker.address[1]
        self._release = release

    async def change(self, old: str, new: str) -> None:
        """Change the settings, release them, and put them in force."""
        file = self.root / "gateway.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        self._release()
        await self.worker.reload()
        self.worker.look()

    async def ask(
        self,
        body: bytes | dict,
        *,
        api_key: str | None = None,
        path: str = "/v1/chat/completions",
        accept: str = "application/json",
    ) -> tuple[int, bytes]:
        """Status and body of one raw request."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        token = self.api_key if api_key is None else api_key
        head = (
            f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: close\r\naccept: {accept}\r\n"
            f"{f'authorization: Bearer {token}' if token else 'x-none: 1'}\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        whole = await spoken(self.port, head.encode() + data)
        return int(whole.split(b" ", 2)[1]), whole.partition(b"\r\n\r\n")[2]

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=self.api_key, max_retries=0)


@asynccontextmanager
async def serving(
    tmp_path: Path,
    *,
    settings: str = SETTINGS,
    files: Mapping[str, str] | None = None,
    assets: Sequence[Asset] = (),
    scopes: Sequence[str] = ("infer:*", "listModels:*"),
) -> AsyncIterator[Gateway]:
    model = Model()
    upstream = await asyncio.start_server(model, "127.0.0.1", 0)
    port = upstream.sockets[0].getsockname()[1]
    root = write(tmp_path / "project")
    (root / "gateway.yaml").write_text(settings.format(port=port))
    (root / "policies").mkdir()
    (root / "policies" / "all.cedar").write_text("permit (principal, action, resource);")
    for name, text in (files or {}).items():
        (root / name).write_text(text)
    signer = key()
    (tmp_path / "release.pub").write_text(signer.public.pem)
    small = Asset(kind=AssetKind.MODEL, name="small", path="model.safetensors", digest=f"sha256:{'00' * 32}")
    inventory = Inventory(assets=(small, *assets))
    assert assessment_of(root, inventory=inventory).inventory is inventory

    def release(*, days_ago: int = 0) -> None:
        clock = FixedClock(SystemClock().now() - timedelta(days=days_ago))
        released(root, signer, ground_for(root, declared(), inventory=inventory), clock=clock)

    release(days_ago=1)
    access = root / ".keelmark" / "access"
    access.mkdir(parents=True, mode=0o700)
    pepper = make_pepper(access / "pepper")
    asked = KeyRequest(name="t", owner="o", scopes=tuple(scopes))
    made = add(KeyFile(access / "keys.json"), asked, pepper=pepper, clock=SystemClock())
    told: list[str] = []
    worker = Worker(
        ServeRequest(file=root / "gateway.yaml", root=root),
        clock=SystemClock(),
        environment={**os.environ, "UPSTREAM_KEY": "upstream-credential"},
        told=told.append,
    )
    await worker.start()
    try:
        yield Gateway(
            root,
            model=model,
            worker=worker,
            api_key=made.key.reveal().decode(),
            told=told,
            release=release,
        )
    finally:
        model.pause.set()
        await worker.stop()
        upstream.close()


def run(test) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await test

    asyncio.run(bounded())


CHAT = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}


def test_a_client_of_openai_is_served_and_everything_is_on_record(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            client = gateway.client()
            models = await asyncio.to_thread(lambda: [each.id for each in client.models.list()])
            assert sorted(models) == ["small", "unreleased"]
            answer = await asyncio.to_thread(lambda: client.chat.completions.create(**CHAT))
            assert answer.choices[0].message.content == "Hello, how are you?"
            assert answer.usage.total_tokens == 7
            parts = await asyncio.to_thread(
                lambda: [
                    each.choices[0].delta.content or ""
                    for each in client.chat.completions.create(**CHAT, stream=True)
                ]
            )
            assert "".join(parts) == "Hello, how are you?"
            assert len(parts) > 3
            for request in gateway.model.requests:
                assert b"authorization: Bearer upstream-credential" in request
                assert gateway.api_key.encode() not in request
        place = gateway.root / ".keelmark" / "requests" / "worker-0"
        assert check_requests(place).problems == []
        log = b"".join(file.read_bytes() for file in sorted(place.glob("*.log")))
        assert log.count(b'"about":"request"') == 3
        assert gateway.api_key.encode() not in log
        assert b"upstream-credential" not in log

    run(main())


@pytest.mark.parametrize(
    ("body", "api_key", "status", "reason"),
    [
        (CHAT, "", 401, "no-credential"),
        (CHAT, "km_a.b", 401, "bad-credential"),
        ({**CHAT, "model": "unreleased"}, None, 403, "not-released"),
        ({**CHAT, "model": "nowhere"}, None, 404, "no-such-model"),
        (b'{"model":"small","model":"unreleased","messages":[{"role":"user","content":"Hi"}]}', None, 400, "bad-json"),
        (b'{"model":"small","messages":[],"temperature":NaN}', None, 400, "bad-json"),
        ({**CHAT, "chat_template": "{{ x }}"}, None, 400, "unknown-field"),
        ({**CHAT, "n": 100}, None, 400, "too-many-choices"),
        ({**CHAT, "max_tokens": 10**9}, None, 400, "too-many-tokens"),
        ({**CHAT, "tools": [{"type": "function", "function": {"name": "t"}}]}, None, 403, "tool-not-allowed"),
    ],
)  # fmt: skip
def test_what_is_refused_never_reaches_the_model(  # noqa: PLR0917 - a table
    tmp_path: Path, body, api_key, status: int, reason: str
) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            found, said = await gateway.ask(body, api_key=api_key)
            assert (found, json.loads(said)["error"]["code"]) == (status, reason)
            assert gateway.model.requests == []

    run(main())


def test_a_file_that_changes_stops_service_until_it_is_as_released(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            file = gateway.root / "model.safetensors"
            before = file.read_bytes()
            assert (await gateway.ask(CHAT))[0] == 200
            file.write_bytes(before[:-1] + b"!")
            assert gateway.worker.look().reason == "release-changed"
            status, said = await gateway.ask(CHAT)
            assert (status, json.loads(said)["error"]["code"]) == (403, "release-changed")
            file.write_bytes(before)
            gateway.worker.look()
            assert (await gateway.ask(CHAT))[0] == 200
            assert len(gateway.model.requests) == 2

    run(main())


@pytest.mark.parametrize("cut", [1, 8, 20, 40, 55])
def test_no_byte_of_a_credential_leaves_wherever_a_stream_is_cut(tmp_path: Path, cut: int) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            gateway.model.texts = ["The key is ", SECRET[:cut], SECRET[cut:], ", keep it."]
            status, said = await gateway.ask({**CHAT, "stream": True})
            assert status == 200
            texts = [
                json.loads(line[6:])["choices"][0]["delta"].get("content", "")
                for line in said.decode().split("\n")
                if line.startswith("data: {")
            ]
            assert SECRET[:12] not in "".join(texts)
            assert SECRET[20:] not in said.decode()
            assert "keep it" in "".join(texts)

    run(main())


def test_when_the_caller_goes_away_the_model_is_let_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            gateway.model.pause.clear()
            data = json.dumps({**CHAT, "stream": True}).encode()
            async with connected(gateway.port) as (reader, writer):
                writer.write(
                    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
                    b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
                    % (gateway.api_key.encode(), len(data), data)
                )
                await reader.readuntil(b"data: ")
                assert [each.in_flight for each in (await gateway.worker.state()).workers] == [1]
                writer.transport.abort()
            gateway.model.pause.set()
            await until(lambda: gateway.model.gone)
            assert [each.in_flight for each in (await gateway.worker.state()).workers] == [0]

    run(main())


def test_a_path_says_which_methods_it_takes(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            head = b"HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
            said = await spoken(gateway.port, b"GET /v1/chat/completions " + head)
            assert said.startswith(b"HTTP/1.1 405 ")
            assert b"\r\nallow: POST\r\n" in said

    run(main())


def test_what_an_upstream_says_of_errors_stays_here(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            for status, reason in (
                (500, "upstream-failed"),
                (401, "upstream-failed"),
                (422, "upstream-refused"),
                (429, "upstream-busy"),
            ):
                gateway.model.status = status
                _, said = await gateway.ask(CHAT)
                assert json.loads(said)["error"]["code"] == reason
                assert b"intim" not in said

    run(main())


def test_everything_is_refused_while_it_is_disconnected(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            place = emergency.Place(
                socket=gateway.root / gateway.worker.settings.control.socket, file=gateway.root / FILE
            )
            turned = await asyncio.to_thread(
                emergency.disconnect, place, reason="r", owner="o", clock=SystemClock()
            )
            assert turned.is_confirmed
            assert (await gateway.ask(CHAT))[0] == 503
            assert gateway.model.requests == []
            await asyncio.to_thread(emergency.reconnect, place, reason="r", owner="o", clock=SystemClock())
            assert (await gateway.ask(CHAT))[0] == 200

    run(main())


def test_settings_that_are_not_sound_change_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            file = gateway.root / "gateway.yaml"
            text = file.read_text()
            file.write_text(text.replace("name: small", "nmae: small"))
            with pytest.raises(ConfigurationError, match="unknown key"):
                await gateway.worker.reload()
            await gateway.worker.reload_or_tell()
            assert "were not put in force" in gateway.told[-1]
            file.write_text(text)
            gateway.worker.look()
            assert (await gateway.ask(CHAT))[0] == 200
            file.write_text(text + "  - {name: more, upstream: local, apis: [openai-chat]}\n")
            await gateway.worker.reload()
            assert [each.name for each in gateway.worker.routes] == ["small", "unreleased", "more"]

    run(main())


def test_a_limit_admits_as_many_as_it_says(tmp_path: Path) -> None:
    settings = SETTINGS + "limits: {{rules: [{{subject: all, measure: requests, amount: 10}}]}}\n"

    async def main() -> None:
        async with serving(tmp_path, settings=settings) as gateway:
            found = await asyncio.gather(*(gateway.ask(CHAT) for _ in range(60)))
            assert sorted(status for status, _ in found) == [200] * 10 + [429] * 50
            assert len(gateway.model.requests) == 10

    run(main())

"""What a gateway that really serves says of its answers."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
from pathlib import Path

import openai
import pytest
from tests.e2e.test_e2e_gateway import CHAT, SECRET, SETTINGS, Gateway, run, serving, tmp_path

from keelmark.cli.main import run as cli
from keelmark.core.image_credential import MadeImage
from keelmark.errors import ConfigurationError, TrustError
from keelmark.operation.credentials.images import Images

__all__ = ["tmp_path"]


async def asked(gateway: Gateway, body: dict, **more) -> tuple[dict[str, str], bytes]:
    """Headers and body of one raw answer."""

    def ask() -> tuple[dict[str, str], bytes]:
        with gateway.client() as client:
            answer = client.chat.completions.with_raw_response.create(**body, **more).http_response
            return {name.lower(): value for name, value in answer.headers.items()}, answer.read()

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("stream", [False, True])
def test_every_answer_says_that_a_model_made_it(tmp_path: Path, stream: bool) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            headers, body = await asked(gateway, CHAT, stream=stream)
            said = headers["ai-disclosure"]
            release = gateway.worker.book.page.release
            assert release
            assert said.startswith('mode=machine-generated, system="')
            assert f'model="small", release="{release}", request="{headers["x-request-id"]}", date=@' in said
            assert b"ai_disclosure" not in body

    run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_bodies_say_so_where_that_is_asked_for(tmp_path: Path, stream: bool) -> None:
    settings = (
        SETTINGS + "credentials: {{disclosure: {{system: Desk, provider: Example Ltd, field: true}}}}\n"
    )

    async def main() -> None:
        async with serving(tmp_path, settings=settings) as gateway:
            headers, body = await asked(gateway, CHAT, stream=stream)
            data = body.split(b"\n\n")[0].removeprefix(b"data: ") if stream else body
            said = json.loads(data)["ai_disclosure"]
            assert said["request"] == headers["x-request-id"]
            assert (said["system"], said["provider"], said["model"]) == ("Desk", "Example Ltd", "small")
            assert body.count(b"ai_disclosure") == 1

    run(main())


def test_refusals_and_listings_do_not_say_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            listed = await asyncio.to_thread(_listed, gateway)
            assert "ai-disclosure" not in listed
            gateway.model.status = 500
            head = await asyncio.to_thread(_refused, gateway)
            assert "ai-disclosure" not in head

    run(main())


def _listed(gateway: Gateway) -> dict[str, str]:
    with gateway.client() as client:
        return dict(client.models.with_raw_response.list().headers)


def _refused(gateway: Gateway) -> dict[str, str]:
    with pytest.raises(openai.APIStatusError) as caught, gateway.client() as client:
        client.chat.completions.create(**CHAT)
    return dict(caught.value.response.headers)


LONG = (
    "The keel is laid first, and everything that follows is measured from it. A mark on the stem says how deep the hull "
    "may lie; whoever loads beyond the mark answers for the ship, and nobody who looks on can say that it was not seen."
)
REGISTER = SETTINGS + "credentials: {{fingerprints: {{}}}}\n"


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_made_here_is_found_again_with_the_id_of_its_request(
    tmp_path: Path, capsys, stream: bool
) -> None:
    async def main() -> tuple[Path, str]:
        async with serving(tmp_path, settings=REGISTER) as gateway:
            gateway.model.texts = [LONG[at : at + 7] for at in range(0, len(LONG), 7)]
            headers, _ = await asked(gateway, CHAT, stream=stream)
        return gateway.root, headers["x-request-id"]

    root, request = asyncio.run(asyncio.wait_for(main(), 60))
    text = tmp_path / "text.txt"
    text.write_text("> " + LONG.upper().replace(" ", "\n"))
    place = ["--folder", str(root)]
    assert cli(["incident", "made-here", str(text), *place, "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["share"], said["sources"][0]["request"]) == ("yes", 1.0, request)
    text.write_text(f"{' '.join(f'other{number}' for number in range(100))} {LONG}")
    assert cli(["incident", "made-here", str(text), *place]) == 0
    told = capsys.readouterr().out
    assert told.startswith("partly: ")
    assert request in told
    text.write_text(" ".join(f"other{number}" for number in range(100)))
    assert cli(["incident", "made-here", str(text), *place]) == 1
    assert "does not say that it did not" in capsys.readouterr().out
    text.write_text("much too short")
    assert cli(["incident", "made-here", str(text), *place]) == 3
    assert "too short" in capsys.readouterr().out
    (root / ".keelmark" / "credentials" / "key").write_text("00" * 32)
    text.write_text(LONG)
    assert cli(["incident", "made-here", str(text), *place]) == 3
    assert "written under another key" in capsys.readouterr().out
    files = [file for file in (root / ".keelmark" / "fingerprints").rglob("*") if file.is_file()]
    assert b"keel" not in b"".join(file.read_bytes() for file in files).replace(b"keelmark", b"")


def test_nothing_is_registered_unless_asked_for(tmp_path: Path, capsys) -> None:
    async def main() -> Path:
        async with serving(tmp_path) as gateway:
            gateway.model.texts = [LONG]
            await asked(gateway, CHAT)
        return gateway.root

    root = asyncio.run(asyncio.wait_for(main(), 60))
    assert not (root / ".keelmark" / "fingerprints").exists()
    assert not (root / ".keelmark" / "credentials").exists()
    text = tmp_path / "text.txt"
    text.write_text(LONG)
    assert cli(["incident", "made-here", str(text), "--folder", str(root)]) == 2
    assert "no fingerprint register" in capsys.readouterr().err


def test_a_stopped_answer_is_not_registered(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path, settings=REGISTER) as gateway:
            gateway.model.texts = [LONG, SECRET]
            gateway.worker._registrar.note = noted = Noted(gateway.worker._registrar.note)
            status, _ = await gateway.ask(CHAT)
            assert status in {200, 403}
            assert SECRET not in "".join(noted.texts)

    run(main())


class Noted:
    def __init__(self, note) -> None:
        self.note, self.texts = note, []

    def __call__(self, exchange) -> None:
        made = exchange.facts.get("made_texts")
        self.texts += ["".join(parts) for _, parts in made.texts] if made else []
        self.note(exchange)


def test_the_register_changes_with_a_restart_only(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            file = gateway.root / "gateway.yaml"
            file.write_text(file.read_text() + "credentials: {fingerprints: {}}\n")
            with pytest.raises(ConfigurationError, match="restart"):
                await gateway.worker.reload()

    run(main())


PNG = b"\x89PNG\r\n\x1a\n pixels IEND"
CODED = base64.b64encode(PNG).decode()
SIGNED = base64.b64encode(PNG + b"|signed").decode()


class Signer:
    """Signs by an ending, or not at all."""

    fails = False

    def sign(self, image: bytes, kind: str, about: MadeImage) -> bytes:
        assert (kind, about.model) == ("image/png", "small")
        assert about.system
        if self.fails:
            raise TrustError("no")
        return image + b"|signed"


def signing(gateway: Gateway) -> Signer:
    """Let the gateway sign images, without the library for it."""
    signer, answers = Signer(), gateway.worker._answers
    images = Images(signer, system=lambda: gateway.worker.book.page.system)
    answers.line = dataclasses.replace(answers.line, images=images)
    return signer


def test_images_in_answers_leave_signed_or_not_at_all(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(tmp_path) as gateway:
            signer = signing(gateway)
            gateway.model.texts = [f"![a](data:image/png;base64,{CODED}) and text"]
            _, body = await gateway.ask(CHAT)
            said = json.loads(body)["choices"][0]["message"]["content"]
            assert said == f"![a](data:image/png;base64,{SIGNED}) and text"
            signer.fails = True
            status, body = await gateway.ask(CHAT)
            assert (status, json.loads(body)["error"]["code"]) == (502, "image-not-signed")
            assert CODED.encode() not in body
            gateway.model.texts = ["Hello"]
            assert (await gateway.ask(CHAT))[0] == 200

    run(main())


def test_images_in_streams_leave_signed_or_not_at_all(tmp_path: Path) -> None:
    item = {"type": "image_generation_call", "id": "i", "status": "completed", "result": CODED}
    response = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": [item]}
    events = [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "result": None}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]

    async def answer(_, writer: asyncio.StreamWriter) -> None:
        data = b"".join(
            b"event: %b\ndata: %b\n\n" % (each["type"].encode(), json.dumps(each).encode()) for each in events
        )
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(data)
        writer.write(head + data)
        await writer.drain()

    async def main() -> None:
        settings = SETTINGS.replace("apis: [openai-chat]}}", "apis: [openai-chat, openai-responses]}}")
        async with serving(tmp_path, settings=settings) as gateway:
            signer, asked = signing(gateway), {"model": "small", "input": "paint", "stream": True}
            gateway.model._answer = answer
            status, body = await gateway.ask(asked, path="/v1/responses")
            assert status == 200
            assert body.count(SIGNED.encode()) == 2
            assert CODED.encode() not in body.replace(SIGNED.encode(), b"")
            signer.fails = True
            _, body = await gateway.ask(asked, path="/v1/responses")
            assert b"image-not-signed" in body
            assert CODED.encode() not in body

    run(main())

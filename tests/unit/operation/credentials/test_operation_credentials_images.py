"""Images in answers leave signed or not at all."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.apis import apis_bench as bench

from keelmark.config.gateway import parse
from keelmark.core.exchange import Exchange, Request
from keelmark.core.route import Route, RouteKind
from keelmark.errors import ConfigurationError, ScreenedError, TrustError
from keelmark.gateway.apis.interface import apply
from keelmark.gateway.refusals import REFUSALS
from keelmark.operation.credentials.images import NOT_SIGNED, ImageBounds, Images, kind_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 9 + b"IEND"
CODED = base64.b64encode(PNG).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0 pixels\xff\xd9").decode()


class Signer:
    """Signs by an ending, or refuses."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.asked: list = []

    def sign(self, image: bytes, kind: str, about) -> bytes:
        self.asked.append((kind, about))
        if self.fails:
            raise TrustError("no")
        return image + b"|signed"


def exchange() -> Exchange:
    found = Exchange(id="0" * 32, request=Request(method="POST", path="/"), started=NOON, started_ns=0)
    found.route = Route(name="painter", kind=RouteKind.MODEL, upstream="u", asset="a")
    found.release = "rel"
    return found


def images(signer: Signer | None = None, **bounds) -> Images:
    return Images(signer or Signer(), system=lambda: "Desk", bounds=ImageBounds(**bounds))


def chat(text: str):
    call = bench.parsed(
        "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    )
    body = {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
    }  # fmt: skip
    interface = bench.routes.find(bench.post("/v1/chat/completions", {})).interface
    return interface.answer(call, json.dumps(body).encode(), bench.ANSWERS)


def item(result: object = CODED, **more) -> dict:
    return {"type": "image_generation_call", "id": "i0", "status": "completed", "result": result, **more}


def response(*output: dict):
    call = bench.parsed("/v1/responses", {"model": "m", "input": "hi"})
    interface = bench.routes.find(bench.post("/v1/responses", {})).interface
    body = {"id": "r", "object": "response", "model": "m", "status": "completed", "output": list(output)}
    return interface.answer(call, json.dumps(body).encode(), bench.ANSWERS)


def signed(coded: str) -> bytes:
    return base64.b64decode(coded)


def test_the_image_of_an_image_tool_is_signed_with_what_is_known() -> None:
    signer, answer = Signer(), response(item(output_format="png"))
    assert Images.stands_in(answer.body, answer.texts)
    images(signer).sign_whole(exchange(), answer)
    assert signed(answer.body["output"][0]["result"]) == PNG + b"|signed"
    ((kind, about),) = signer.asked
    assert kind == "image/png"
    assert (about.system, about.model, about.release, about.request) == ("Desk", "painter", "rel", "0" * 32)
    assert answer.body["output"][0] == item(answer.body["output"][0]["result"], output_format="png")


def test_images_in_texts_are_signed_where_they_stand() -> None:
    text = f"Here: ![a](data:image/png;base64,{CODED}) and <img src='DATA:image/jpeg;base64,{JPEG}'>. Done."
    answer = chat(text)
    assert Images.stands_in(answer.body, answer.texts)
    images().sign_whole(exchange(), answer)
    one = base64.b64encode(PNG + b"|signed").decode()
    other = base64.b64encode(signed(JPEG) + b"|signed").decode()
    assert answer.body["choices"][0]["message"]["content"] == text.replace(CODED, one).replace(JPEG, other)


def test_an_answer_without_images_is_left_alone() -> None:
    for answer in (
        chat("Hello"),
        response(item(None)),
        response({"type": "message", "id": "m", "role": "assistant", "content": []}),
    ):
        assert not Images.stands_in(answer.body, answer.texts)
        before = json.dumps(answer.body)
        images().sign_whole(exchange(), answer)
        assert json.dumps(answer.body) == before


@pytest.mark.parametrize(
    "coded",
    [
        "no base64!",
        CODED[:-3],
        base64.b64encode(b"BM no known kind").decode(),
        base64.b64encode(b"<svg/>").decode(),
    ],
)
def test_what_cannot_be_signed_stops_the_answer(coded: str) -> None:
    with pytest.raises(ScreenedError, match=NOT_SIGNED):
        images().sign_whole(exchange(), response(item(coded)))


def test_a_signer_that_fails_stops_the_answer() -> None:
    for answer in (response(item()), chat(f"data:image/png;base64,{CODED}")):
        with pytest.raises(ScreenedError, match=NOT_SIGNED):
            images(Signer(fails=True)).sign_whole(exchange(), answer)


@pytest.mark.parametrize(
    "address",
    [
        "data:image/png;base64, comes here",
        "data:image/png;base64,iVBORw0KGgo...",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA...",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/svg+xml,<svg/>",
        f"data:image/png;base64,{base64.b64encode(b'no image').decode()}",
        "data:image/webp;base64," + base64.b64encode(b"RIFF\x99\x00\x00\x00WEBPVP8 ").decode(),
        "use `data:image/` for that",
    ],
)
def test_what_only_looks_like_an_image_is_left_alone(address: str) -> None:
    answer = chat(f"Write <img src='{address}'> there.")
    images(Signer(fails=True)).sign_whole(exchange(), answer)
    assert answer.texts[0].text == f"Write <img src='{address}'> there."


@pytest.mark.parametrize(
    "image",
    [
        PNG,
        b"\xff\xd8\xff pixels \xff\xd9",
        b"GIF89a;",
        b"RIFF\x04\x00\x00\x00WEBP",
        b"\x00\x00\x00\x1cftypavif",
    ],
)
def test_a_whole_image_in_a_text_is_signed_or_stops_it(image: bytes) -> None:
    address = f"data:image/x;base64,{base64.b64encode(image).decode()}"
    answer = chat(address)
    images().sign_whole(exchange(), answer)
    assert signed(answer.texts[0].text.partition(",")[2]) == image + b"|signed"
    with pytest.raises(ScreenedError, match=NOT_SIGNED):
        images(Signer(fails=True)).sign_whole(exchange(), chat(address))


def test_number_and_size_are_bounded() -> None:
    address = f"data:image/png;base64,{CODED} "
    images(max_images=3).sign_whole(exchange(), chat(address * 3))
    for answer in (chat(address * 4), response(*[item()] * 4), response(item(), item(), item(), item())):
        with pytest.raises(ScreenedError, match=NOT_SIGNED):
            images(max_images=3).sign_whole(exchange(), answer)
    for answer in (response(item()), chat(address)):
        with pytest.raises(ScreenedError, match=NOT_SIGNED):
            images(max_bytes=len(PNG) - 9).sign_whole(exchange(), answer)


def test_line_breaks_in_base64_do_not_matter() -> None:
    answer = chat(f"data:image/png;base64,{CODED[:20]}\r\n{CODED[20:]}")
    images().sign_whole(exchange(), answer)
    assert signed(answer.texts[0].text.partition(",")[2]) == PNG + b"|signed"


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x1cftypavif", "image/avif"),
        (b"\x00\x00\x00\x1cftypmp42", ""),
        (b"RIFF\x00\x00\x00\x00WAVE", ""),
        (b"BM", ""),
        (b"", ""),
    ],
)
def test_the_kind_is_told_by_the_file_itself(image: bytes, kind: str) -> None:
    assert kind_of(image) == kind


@given(st.binary(max_size=40))
def test_any_bytes_have_a_kind_or_none(image: bytes) -> None:
    assert kind_of(image) == "" or kind_of(image).startswith("image/")


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_signed_or_stopped(text: str, begun: bool) -> None:
    answer = chat(f"data:image/png;base64,{text}" if begun else text)
    with contextlib.suppress(ScreenedError):
        images().sign_whole(exchange(), answer)
        assert begun is False or "|signed" not in text


def stream(*values: dict, signer: Signer | None = None) -> bytes:
    body = {"model": "m", "input": "hi", "stream": True}
    interface = bench.routes.find(bench.post("/v1/responses", body)).interface
    found = interface.stream(bench.parsed("/v1/responses", body), bench.Screens(), bench.ANSWERS)
    made, about = images(signer), exchange()
    found.made = lambda each: made.sign_item(about, each)
    return found.feed(bench.events(*values, names=True)) + found.close()


def whole(*output: dict, status: str = "completed") -> dict:
    return {"id": "r", "object": "response", "model": "m", "status": status, "output": list(output)}


def test_images_of_a_stream_are_signed_in_every_event_that_holds_them() -> None:
    out = stream(
        {"type": "response.created", "response": whole(status="in_progress")},
        {"type": "response.output_item.added", "output_index": 0, "item": item(None, status="in_progress")},
        {
            "type": "response.image_generation_call.partial_image",
            "output_index": 0,
            "partial_image_b64": CODED,
        },
        {"type": "response.output_item.done", "output_index": 0, "item": item()},
        {"type": "response.completed", "response": whole(item(), item())},
    )
    assert CODED.encode() not in out.replace(base64.b64encode(PNG + b"|signed"), b"")
    assert out.count(base64.b64encode(PNG + b"|signed")) == 3


def test_an_image_that_cannot_be_signed_stops_a_stream() -> None:
    with pytest.raises(ScreenedError, match=NOT_SIGNED):
        stream(
            {"type": "response.output_item.done", "output_index": 0, "item": item()},
            signer=Signer(fails=True),
        )


def test_the_refusal_is_known() -> None:
    assert REFUSALS[NOT_SIGNED].status == 502


def test_screens_see_the_answer_before_it_is_signed() -> None:
    answer = chat(f"data:image/png;base64,{CODED}")
    apply(answer, bench.Screens())
    images().sign_whole(exchange(), answer)
    assert answer.texts[0].text == answer.body["choices"][0]["message"]["content"]


YAML = "version: 1\nupstreams: [{name: u, url: http://127.0.0.1:1}]\nrelease: {keys: [k]}\n"


def test_the_key_is_told_by_where_it_stands() -> None:
    today = date(2026, 1, 30)
    assert parse(YAML, today=today).credentials.images is None
    named = "credentials: {images: {certificate: c.pem, key: 'env:IMAGE_KEY'}}\n"
    assert parse(YAML + named, today=today).credentials.images is not None
    with pytest.raises(ConfigurationError, match=r"credentials\.images\.key"):
        parse(YAML + named.replace("env:IMAGE_KEY", "-----BEGIN"), today=today)

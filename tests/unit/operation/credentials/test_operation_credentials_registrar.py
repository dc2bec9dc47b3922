"""What models made is noted as it leaves and registered afterwards; what is not is counted."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.exchange import Exchange, Request
from keelmark.core.route import Route, RouteKind
from keelmark.core.secret import Secret
from keelmark.errors import ScreenedError, StoreError
from keelmark.operation.credentials.noted import MADE, Made, NotedScreens
from keelmark.operation.credentials.registrar import Registrar, RegistrarBounds
from keelmark.operation.credentials.winnowing import Marker, MarkSettings

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MARKER = Marker(Secret(b"k" * 32))
LONG = " ".join(f"word{number}" for number in range(60))
PATIENCE_S = 30.0


class Store:
    """A register in memory, which fails while it is told to."""

    def __init__(self) -> None:
        self.texts: list = []
        self.missed: list = []
        self.opened = self.closed = 0
        self.fails: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def open(self) -> Store:
        self.opened += 1
        if self.fails is not None:
            raise self.fails
        return self

    def keep(self, texts) -> None:
        self.may_go_on.wait(PATIENCE_S)
        if self.fails is not None:
            raise self.fails
        self.texts.extend(texts)

    def miss(self, reason: str, texts: int, *, now: datetime) -> None:
        assert now == NOON
        self.missed.append((reason, texts))

    def close(self) -> None:
        self.closed += 1


class Pass:
    """Screens that let everything through, but take `XX` out and stop at `STOP`."""

    def __init__(self) -> None:
        self.tools: list = []

    def text(self, kind, choice):
        return Text()

    def tool(self, use) -> None:
        self.tools.append(use)

    def offered(self, tool) -> None:
        self.tools.append(tool)


class Text:
    held = ""

    def feed(self, text: str) -> str:
        if "STOP" in text:
            raise ScreenedError("secret")
        out, self.held = self.held, text.replace("XX", "")
        return out

    def close(self) -> str:
        out, self.held = self.held, ""
        return out


def exchange(*texts: str, kind: str = "content", status: int = 200, request: str = "r1") -> Exchange:
    found = Exchange(id=request, request=Request(method="POST", path="/"), started=NOON, started_ns=0)
    found.route = Route(name="small", kind=RouteKind.MODEL, upstream="u", asset="a")
    found.release, found.status = "rel", status
    found.facts[MADE] = Made([(kind, [text]) for text in texts], sum(map(len, texts)))
    return found


def registrar(store: Store, told: list[str] | None = None, **bounds) -> Registrar:
    return Registrar(
        store.open,
        marker=MARKER,
        clock=FixedClock(NOON),
        told=(told if told is not None else []).append,
        bounds=RegistrarBounds(**{"gather_s": 0.01, **bounds}),
    )


def test_texts_of_an_answer_are_registered_one_by_one() -> None:
    store = Store()
    made = registrar(store)
    made.note(exchange(LONG, "too short", LONG[::-1]))
    assert made.flush(PATIENCE_S)
    first, second = store.texts
    assert (first.request, first.model, first.release, first.time, first.part) == (
        "r1",
        "small",
        "rel",
        NOON,
        0,
    )
    assert first.marks == MARKER.made(LONG).values
    assert second.part == 2
    made.close()
    assert store.closed == 1


def test_nothing_is_opened_before_there_is_something_to_register() -> None:
    store = Store()
    made = registrar(store)
    made.close()
    assert store.opened == 0


@pytest.mark.parametrize("status", [0, 403, 499, 502])
def test_what_did_not_leave_is_not_registered(status: int) -> None:
    store = Store()
    made = registrar(store)
    made.note(exchange(LONG, status=status))
    assert made.waiting == 0
    made.close()
    assert store.texts == []


def test_an_answer_that_was_not_noted_costs_nothing() -> None:
    made = registrar(Store())
    found = Exchange(id="r", request=Request(method="GET", path="/"), started=NOON, started_ns=0)
    made.note(found)
    made.note(exchange())
    assert made.waiting == 0


def test_what_finds_no_room_is_counted_and_told() -> None:
    store, told = Store(), []
    store.may_go_on.clear()
    made = registrar(store, told, max_answers=2, max_batch=1)
    for _ in range(10):
        made.note(exchange(LONG, LONG))
    store.may_go_on.set()
    assert made.flush(PATIENCE_S)
    made.close()
    missed = dict(store.missed)["queue-full"]
    assert len(store.texts) + sum(texts for _, texts in store.missed) == 20
    assert missed >= 2
    assert "found no room" in told[0]


def test_room_is_counted_in_characters_too() -> None:
    store = Store()
    store.may_go_on.clear()
    made = registrar(store, max_characters=len(LONG))
    made.note(exchange(LONG))
    made.note(exchange(LONG))
    store.may_go_on.set()
    assert made.flush(PATIENCE_S)
    made.note(exchange(LONG))
    made.close()
    assert len(store.texts) == 2
    assert store.missed == [("queue-full", 1)]


@pytest.mark.parametrize("error", [StoreError("disk is full"), RuntimeError("defect")])
def test_a_register_that_fails_is_opened_again_and_the_loss_is_kept(error: Exception) -> None:
    store, told = Store(), []
    store.fails = error
    made = registrar(store, told)
    for _ in range(3):
        made.note(exchange(LONG))
        assert made.flush(PATIENCE_S)
    store.fails = None
    made.note(exchange(LONG, request="r2"))
    made.close()
    assert [each.request for each in store.texts] == ["r2"]
    assert store.missed == [("not-written", 3)]
    assert len(told) == 2
    assert told[0].startswith("fingerprints are not registered: ")
    assert told[1] == "fingerprints are registered again"


def test_a_loss_is_kept_at_the_end_where_that_is_possible() -> None:
    store = Store()
    store.fails = StoreError("disk is full")
    made = registrar(store)
    made.note(exchange(LONG))
    assert made.flush(PATIENCE_S)
    store.fails = None
    made.close()
    assert store.missed == [("not-written", 1)]


def test_an_answer_that_was_cut_is_registered_and_counted() -> None:
    store = Store()
    made = registrar(store)
    found = exchange(LONG)
    found.facts[MADE].is_cut = True
    made.note(found)
    made.close()
    assert len(store.texts) == 1
    assert store.missed == [("too-long", 1)]


def test_closing_registers_what_waits() -> None:
    store = Store()
    made = registrar(store, gather_s=PATIENCE_S)
    made.note(exchange(LONG))
    made.close()
    assert len(store.texts) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        f'{{"path":"a.md","content":"{LONG}"}}',
        f'{{"all":[{{"content":"{LONG}"}}]}}'.replace(" ", "\\n"),
        LONG,
    ],
)
def test_what_a_model_writes_into_tools_is_registered_too(arguments: str) -> None:
    store = Store()
    made = registrar(store)
    made.note(exchange(arguments, kind="tool"))
    made.close()
    (text,) = store.texts
    wanted = MARKER.asked(LONG)
    assert {wanted.values[at] for at in wanted.chosen} <= set(text.marks)


def test_arguments_that_are_nested_without_end_end_nothing() -> None:
    store = Store()
    made = registrar(store)
    made.note(exchange("[" * 100_000, LONG, kind="tool"))
    made.close()
    assert len(store.texts) == 1


def test_what_leaves_the_screens_is_noted_and_nothing_else() -> None:
    found = exchange()
    screens = NotedScreens(Pass(), found, max_characters=1_000)
    text = screens.text("content", 0)
    assert [text.feed("one XX"), text.feed("two"), text.close(), text.close()] == ["", "one ", "two", ""]
    other = screens.text("content", 1)
    other.feed("never ")
    with pytest.raises(ScreenedError):
        other.feed("STOP")
    made = found.facts[MADE]
    assert made.texts == [("content", ["one ", "two"]), ("content", [])]
    assert made.characters == 7
    assert not made.is_cut


def test_what_others_wrote_is_not_noted() -> None:
    found = exchange()
    text = NotedScreens(Pass(), found, max_characters=1_000).text("other", 0)
    text.feed("a page that was found")
    text.close()
    assert found.facts[MADE].texts == []


def test_the_note_is_bounded() -> None:
    found = exchange()
    screens = NotedScreens(Pass(), found, max_characters=10)
    text = screens.text("content", 0)
    assert text.feed("12345678") + text.feed("abcdef") + text.close() == "12345678abcdef"
    assert found.facts[MADE].texts[0] == ("content", ["12345678"])
    assert found.facts[MADE].is_cut
    many = exchange()
    screens = NotedScreens(Pass(), many, max_characters=10)
    for _ in range(1_000):
        screens.text("content", 0)
    assert len(many.facts[MADE].texts) == 256
    assert many.facts[MADE].is_cut


def test_tools_go_to_the_screens() -> None:
    inner = Pass()
    screens = NotedScreens(inner, exchange(), max_characters=10)
    screens.tool("use")
    screens.offered("tool")
    assert inner.tools == ["use", "tool"]


def test_a_long_text_lets_others_have_their_turn() -> None:
    pauses: list[None] = []
    Marker(Secret(b"k" * 32), MarkSettings()).made(LONG * 200, pause=lambda: pauses.append(None))
    assert len(pauses) > 10

"""The emergency switch: on when in doubt, across processes and restarts, recorded, within a quarter of a second."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.exchange import ALLOW, Exchange, Request
from keelmark.errors import StoreError, UsageError
from keelmark.gateway.control.disconnect import (
    FILE,
    JOURNAL,
    Change,
    DisconnectBounds,
    Disconnection,
    DisconnectStage,
    Note,
)
from keelmark.gateway.pipeline import Pipeline

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLOCK = FixedClock(NOON)
A_QUARTER = 250_000_000


class Ticks:
    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def file(tmp_path):
    return tmp_path / FILE


def switch(file, **more) -> Disconnection:
    return Disconnection(file, clock=CLOCK, **more)


def decision(disconnection: Disconnection):
    exchange = Exchange(id="0", request=Request(method="POST", path="/"), started=NOON, started_ns=0)
    return asyncio.run(Pipeline([DisconnectStage(disconnection)]).decide(exchange))


def test_it_is_off_where_there_is_no_file(file) -> None:
    assert not switch(file).is_on
    assert decision(switch(file)) is ALLOW


def test_disconnect_refuses_at_once_and_says_who_and_why(file) -> None:
    disconnection = switch(file)
    note = disconnection.disconnect("leaked key ", "Head", by="uid 7")
    assert note == Note("disconnect", "2026-01-31T12:00:00Z", "leaked key", "Head", "uid 7")
    assert disconnection.note == note
    assert decision(disconnection).reason == "disconnected"
    assert json.loads(file.read_bytes()) == json.loads((file.parent / JOURNAL).read_bytes())
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_other_workers_refuse_with_their_next_look_and_it_outlives_a_restart(file) -> None:
    other = switch(file)
    switch(file).disconnect("x", "Head", by="")
    assert not other.is_on
    assert other.poll()
    assert switch(file).is_on
    assert switch(file).note.owner == "Head"


def test_a_request_looks_itself_when_nobody_has_for_a_quarter_of_one(file) -> None:
    ticks = Ticks()
    disconnection = switch(file, now_ns=ticks)
    file.parent.mkdir()
    file.touch()
    ticks.now = A_QUARTER - 1
    assert decision(disconnection) is ALLOW
    ticks.now = A_QUARTER
    assert decision(disconnection).reason == "disconnected"


def test_looking_goes_on_by_itself(file) -> None:
    disconnection = switch(file, bounds=DisconnectBounds(poll_s=0.001), now_ns=lambda: 0)

    async def watched() -> None:
        task = asyncio.create_task(disconnection.watch())
        file.parent.mkdir()
        file.touch()
        async with asyncio.timeout(5):
            while not disconnection.is_on:  # noqa: ASYNC110 - that it turns by itself is what is tested
                await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(watched())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"reason": 1}', b"[" * 30_000])
def test_what_cannot_be_read_counts_as_on(file, content) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    disconnection = switch(file)
    assert disconnection.is_on
    assert disconnection.note is None


def test_a_folder_a_link_and_a_pipe_count_as_on(file) -> None:
    import os

    file.parent.mkdir()
    for make in (file.mkdir, lambda: file.symlink_to("nowhere"), lambda: os.mkfifo(file)):
        make()
        assert switch(file).is_on
        assert switch(file).note is None
        file.rmdir() if file.is_dir() else file.unlink()
    assert not switch(file).is_on


def test_a_place_that_cannot_be_looked_at_counts_as_on(tmp_path) -> None:
    (tmp_path / "file").touch()
    disconnection = switch(tmp_path / "file" / "disconnected")
    assert disconnection.is_on
    # Nothing can be written there either, and that is on all the same.
    disconnection.disconnect("x", "Head", by="")


def test_what_lies_there_and_cannot_be_replaced_is_on_anyway(file) -> None:
    file.mkdir(parents=True)
    disconnection = switch(file)
    disconnection.disconnect("x", "Head", by="")
    assert disconnection.is_on


def test_an_unreadable_file_is_replaced_by_one_that_says_why(file) -> None:
    file.parent.mkdir()
    file.write_bytes(b"{")
    disconnection = switch(file)
    disconnection.disconnect("x", "Head", by="")
    assert disconnection.note.reason == "x"


def test_who_disconnects_first_stays_and_the_journal_has_both(file) -> None:
    switch(file).disconnect("first", "Ana", by="")
    switch(file).disconnect("second", "Bo", by="")
    assert switch(file).note.reason == "first"
    lines = [json.loads(line) for line in (file.parent / JOURNAL).read_text().splitlines()]
    assert [line["reason"] for line in lines] == ["first", "second"]


def test_reconnect_takes_it_away_and_stands_in_the_journal(file) -> None:
    disconnection = switch(file)
    disconnection.disconnect("x", "Ana", by="")
    disconnection.reconnect("rotated", "Bo", by="uid 7")
    assert not disconnection.is_on
    assert not file.exists()
    last = json.loads((file.parent / JOURNAL).read_text().splitlines()[-1])
    assert last == {"action": "reconnect", "time": "2026-01-31T12:00:00Z", "reason": "rotated", "owner": "Bo", "by": "uid 7"}  # fmt: skip
    with pytest.raises(UsageError, match="nothing is disconnected"):
        disconnection.reconnect("again", "Bo", by="")


def test_a_reconnection_that_cannot_be_recorded_is_not_done(file) -> None:
    disconnection = switch(file)
    disconnection.disconnect("x", "Ana", by="")
    (file.parent / JOURNAL).unlink()
    (file.parent / JOURNAL).mkdir()
    with pytest.raises(StoreError, match="could not be recorded"):
        disconnection.reconnect("y", "Bo", by="")
    assert switch(file).is_on
    assert disconnection.poll()


def test_a_reconnection_over_what_cannot_be_removed_is_not_done(file) -> None:
    file.mkdir(parents=True)
    disconnection = switch(file)
    with pytest.raises(StoreError):
        disconnection.reconnect("y", "Bo", by="")
    assert disconnection.is_on


def test_a_disconnection_is_done_also_when_the_journal_cannot_be_written(file) -> None:
    (file.parent / JOURNAL).mkdir(parents=True)
    disconnection = switch(file)
    disconnection.disconnect("x", "Ana", by="")
    assert disconnection.is_on
    assert switch(file).is_on


def test_this_process_refuses_also_when_the_file_cannot_be_written(file, monkeypatch) -> None:
    def fails(*args) -> None:
        raise OSError(28, "No space left on device")

    disconnection = switch(file)
    with monkeypatch.context() as patched:
        patched.setattr(Disconnection, "_write", fails)
        with pytest.raises(StoreError, match="could not be written"):
            disconnection.disconnect("x", "Ana", by="")
    assert disconnection.poll()
    assert decision(disconnection).reason == "disconnected"
    disconnection.reconnect("y", "Ana", by="")
    assert not disconnection.poll()


def test_a_draft_is_removed_when_it_cannot_be_put_in_place(file) -> None:
    file.mkdir(parents=True)
    switch(file).disconnect("x", "Ana", by="")
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name, JOURNAL]


def test_a_link_at_the_journal_is_not_followed(file, tmp_path) -> None:
    file.parent.mkdir()
    (file.parent / JOURNAL).symlink_to(tmp_path / "elsewhere")
    switch(file).disconnect("x", "Ana", by="")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("reason", "owner"), [("", "a"), (" ", "a"), ("a", ""), ("a" * 1001, "a"), ("a", "b" * 201)]
)
def test_there_must_be_a_reason_and_an_owner(file, reason, owner) -> None:
    disconnection = switch(file)
    with pytest.raises(UsageError):
        disconnection.disconnect(reason, owner, by="")
    assert not disconnection.is_on


def test_every_turn_is_told_once_with_who_and_whether_it_was_us(file) -> None:
    told: list[Change] = []
    other, disconnection = switch(file), switch(file, on_change=told.append)
    other.disconnect("a", "Ana", by="")
    disconnection.poll()
    disconnection.poll()
    other.reconnect("b", "Bo", by="")
    disconnection.poll()
    disconnection.disconnect("c", "Cy", by="")
    disconnection.poll()
    disconnection.reconnect("d", "Di", by="")
    disconnection.poll()
    assert [(each.is_on, each.note.reason, each.is_own) for each in told] == [
        (True, "a", False),
        (False, "b", False),
        (True, "c", True),
        (False, "d", True),
    ]


def test_a_file_removed_by_hand_is_told_without_a_name(file) -> None:
    told: list[Change] = []
    disconnection = switch(file, on_change=told.append)
    switch(file).disconnect("a", "Ana", by="")
    disconnection.poll()
    file.unlink()
    disconnection.poll()
    assert told[-1] == Change(is_on=False, note=None, is_own=False)


def test_who_disconnected_does_not_hold_on_when_somebody_else_reconnects(file) -> None:
    disconnection = switch(file)
    disconnection.disconnect("a", "Ana", by="")
    switch(file).reconnect("b", "Bo", by="")
    assert not disconnection.poll()


def test_a_file_that_is_gone_right_after_it_was_written_holds_this_process(file, monkeypatch) -> None:
    monkeypatch.setattr(Disconnection, "_write", lambda *_: None)
    disconnection = switch(file)
    disconnection.disconnect("a", "Ana", by="")
    assert disconnection.is_on


def test_who_listens_cannot_keep_the_switch_from_working(file) -> None:
    def crashes(change: Change) -> None:
        raise RuntimeError

    disconnection = switch(file, on_change=crashes)
    disconnection.disconnect("a", "Ana", by="")
    assert disconnection.is_on


def test_a_relative_place_stays_where_it_was(tmp_path, monkeypatch) -> None:
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    disconnection = switch(Path(FILE))
    monkeypatch.chdir("/")
    disconnection.disconnect("x", "Ana", by="")
    assert (tmp_path / FILE).exists()

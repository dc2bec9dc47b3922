"""The request log: durable when told, bounded, closed after a failure, whole after any crash."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.request_log import ChainHead, RequestLogBounds
from keelmark.errors import StoreError
from keelmark.store import durable
from keelmark.store.request_chain import GENESIS, OPENS, chained, marks_of, name_of, number_of, verified
from keelmark.store.request_heads import HeadPublisher
from keelmark.store.request_log import FileRequestLog
from keelmark.store.request_log_check import check_requests, events_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SMALL = {"rotate_bytes": 2_000, "max_lock_wait_s": 0.0, "gather_ms": 1, "close_timeout_s": 5.0}


def opened(place: Path, **changes) -> FileRequestLog:
    publish = changes.pop("publish", None)
    bounds = RequestLogBounds(**{**SMALL, **changes})
    return FileRequestLog(place, clock=FixedClock(NOON), bounds=bounds, publish=publish)


def event(name: object) -> bytes:
    return json.dumps({"id": str(name)}).encode()


def names(place: Path) -> list[str]:
    return [json.loads(each)["id"] for each in events_of(place)]


def is_whole(place: Path) -> bool:
    found = check_requests(place)
    assert found.problems == []
    return not found.torn


def full(*_: object, **__: object) -> None:
    raise OSError(28, "no space left on device")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "requests" / "worker-0"


def test_what_is_awaited_is_on_disk_when_it_is_told(place: Path) -> None:
    async def run(log: FileRequestLog) -> None:
        for number in range(40):
            await log.append_awaited(event(number))
            assert names(place)[-1] == str(number)
            head = marks_of((place / "HEAD").read_bytes())[0]
            assert head.lines == log.head().lines

    with opened(place) as log:
        asyncio.run(run(log))
    assert names(place) == [str(number) for number in range(40)]
    assert is_whole(place)
    assert len(list(place.glob("*.log"))) > 1


def test_nobody_waits_for_what_is_only_appended(place: Path, monkeypatch) -> None:
    gate, syncs = threading.Event(), []
    real = os.fdatasync

    def slow(descriptor: int) -> None:
        gate.wait(10)
        syncs.append(descriptor)
        real(descriptor)

    with opened(place, rotate_bytes=10**6) as log:
        monkeypatch.setattr(os, "fdatasync", slow)
        for number in range(300):
            log.append(event(number))
        assert log.waiting == 300
        gate.set()
        log.flush()
        assert log.waiting == 0
    assert names(place) == [str(number) for number in range(300)]
    assert len(syncs) < 30


def test_threads_lose_nothing_and_share_syncs(place: Path) -> None:
    with opened(place) as log:

        def work(name: int) -> None:
            for number in range(200):
                log.append(event(f"{name}-{number}"))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    kept = names(place)
    assert sorted(kept) == sorted(f"{name}-{number}" for name in range(8) for number in range(200))
    for name in range(8):
        own = [each for each in kept if each.startswith(f"{name}-")]
        assert own == [f"{name}-{number}" for number in range(200)]
    assert is_whole(place)


def test_a_log_goes_on_after_it_was_closed(place: Path) -> None:
    chains = set()
    for number in range(6):
        with opened(place) as log:
            for at in range(10):
                log.append(event(f"{number}-{at}"))
            log.flush()
            chains.add(log.head().chain)
    assert len(chains) == 6
    assert is_whole(place)
    assert len(names(place)) == 60


@pytest.mark.parametrize("call", ["fdatasync", "write_all", "write_files"])
def test_after_a_failed_write_the_log_is_closed(place: Path, monkeypatch, call: str) -> None:
    async def run(log: FileRequestLog) -> None:
        await log.append_awaited(event("kept" * 600))
        with monkeypatch.context() as patch:
            if call == "fdatasync":
                patch.setattr(os, call, full)
            else:
                patch.setattr(f"keelmark.store.request_segments.{call}", full)
            waiting = [log.append_awaited(event(number)) for number in range(3)]
            for future in waiting:
                with pytest.raises(StoreError, match="no space left"):
                    await future
        assert not log.is_writable
        assert "no space left" in log.failure
        assert not log.reserve()
        for again in (log.append, log.append_awaited):
            with pytest.raises(StoreError, match="no space left"):
                again(event("later"))
        with pytest.raises(StoreError, match="no space left"):
            log.flush()

    log = opened(place)
    asyncio.run(run(log))
    with pytest.raises(StoreError, match="no space left"):
        log.close()
    with opened(place) as later:
        later.append(event("again"))
    assert names(place)[0].startswith("kept")
    assert names(place)[-1] == "again"
    assert is_whole(place)


def test_what_waits_is_bounded_and_those_let_through_have_their_room(place: Path, monkeypatch) -> None:
    gate = threading.Event()
    real = os.fdatasync
    with opened(place, max_queued=10) as log:
        monkeypatch.setattr(os, "fdatasync", lambda descriptor: (gate.wait(10), real(descriptor))[1])
        assert all(log.reserve() for _ in range(4))
        log.append(event("refusal"))
        with pytest.raises(StoreError, match="full"):
            log.append(event("one too many"))
        log.miss()
        log.miss()
        assert all(log.reserve() for _ in range(5))
        assert not log.reserve()
        assert log.is_writable
        for number in range(9):
            log.append(event(number), is_reserved=True)
        gate.set()
        log.flush()
        assert log.reserve()
        log.append(event("last"), is_reserved=True)
    kept = [json.loads(each) for each in events_of(place)]
    assert [each["id"] for each in kept if "id" in each] == ["refusal", *map(str, range(9)), "last"]
    assert [each for each in kept if each.get("what") == "gap"] == [
        {"about": "notice", "count": 2, "time": "2026-01-31T12:00:00Z", "what": "gap"}
    ]


def test_bytes_that_wait_are_bounded(place: Path, monkeypatch) -> None:
    gate = threading.Event()
    real = os.fdatasync
    with opened(place, max_queued_bytes=1_000) as log:
        monkeypatch.setattr(os, "fdatasync", lambda descriptor: (gate.wait(10), real(descriptor))[1])
        log.append(b"x" * 1_001)
        assert not log.reserve()
        gate.set()
        log.flush()
        assert log.reserve()


def test_a_log_that_takes_no_new_requests_still_takes_those_under_way(place: Path) -> None:
    with opened(place) as log:
        assert log.reserve()
        log.fail("something was not recorded")
        assert not log.is_writable
        assert not log.reserve()
        log.append(event("under way"), is_reserved=True)
        log.append(event("refusal"))
    assert names(place) == ["under way", "refusal"]


def test_events_that_do_not_fit_are_refused(place: Path) -> None:
    with opened(place) as log:
        for wrong in (b"x" * 65_537, b"two\nlines"):
            with pytest.raises(StoreError, match="longer than one may be"):
                log.append(wrong)
        log.append(lambda: event("made in the thread"))
        log.flush()
    assert names(place) == ["made in the thread"]


def test_an_event_that_cannot_be_made_closes_the_log(place: Path) -> None:
    def wrong() -> bytes:
        raise ValueError("no")

    for make in (wrong, lambda: b"a\nb"):
        log = opened(place)
        log.append(make)
        with pytest.raises(StoreError):
            log.flush()
        assert not log.is_writable
        with pytest.raises(StoreError):
            log.close()
    assert is_whole(place)


def test_batches_are_bounded(place: Path) -> None:
    with opened(place, max_batch_events=7, max_batch_bytes=100_000) as log:
        for number in range(50):
            log.append(event(f"{number}" * 50))
        log.append(b'{"id":"' + b"x" * 60_000 + b'"}')
        log.append(b'{"id":"' + b"y" * 60_000 + b'"}')
    assert len(names(place)) == 52
    assert is_whole(place)


def test_nobody_else_reads_a_log(place: Path) -> None:
    opened(place).close()
    assert place.stat().st_mode & 0o777 == 0o700


def test_a_disk_that_hangs_is_told_in_time(place: Path, monkeypatch) -> None:
    gate = threading.Event()
    real = os.fdatasync
    log = opened(place, close_timeout_s=0.05, gather_ms=0)
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (gate.wait(10), real(descriptor))[1])
    log.append(event(1))
    with pytest.raises(StoreError, match="in time"):
        log.flush(0.05)
    with pytest.raises(StoreError, match="before it was closed"):
        log.close()
    gate.set()
    log._writer.join(10)
    assert names(place) == ["1"]


def test_there_is_one_writer(place: Path) -> None:
    with opened(place), pytest.raises(StoreError, match="somebody else"):
        opened(place)
    opened(place).close()


def test_a_closed_log_takes_nothing_and_can_be_closed_again(place: Path) -> None:
    log = opened(place)
    log.close()
    log.close()
    with pytest.raises(StoreError, match="closed"):
        log.append(event(1))
    assert not log.is_writable


def test_a_loop_that_ended_harms_nobody(place: Path) -> None:
    async def leave(log: FileRequestLog) -> None:
        log.append_awaited(event("nobody waits"))

    with opened(place, gather_ms=50) as log:
        asyncio.run(leave(log))
        log.append(event("next"))
        log.flush()
        assert log.is_writable
    assert names(place) == ["nobody waits", "next"]


def test_a_caller_who_goes_away_does_not_stop_the_others(place: Path) -> None:
    async def run(log: FileRequestLog) -> None:
        gone, stays = log.append_awaited(event("gone")), log.append_awaited(event("stays"))
        gone.cancel()
        await stays

    with opened(place) as log:
        asyncio.run(run(log))
    assert names(place) == ["gone", "stays"]


# After a crash


def tail_of(place: Path) -> bytes:
    """A batch that would follow, which nobody was told of."""
    head = marks_of((place / "HEAD").read_bytes())[0]
    return chained([event(f"lost {number}") for number in range(4)], after=head.chain, lines=head.lines)[0]


def test_a_torn_tail_is_kept_apart_and_told(place: Path) -> None:
    with opened(place, rotate_bytes=10**6) as log:
        for number in range(3):
            log.append(event(number))
    segment = place / name_of(1)
    whole = segment.read_bytes()
    first = tail_of(place).split(b"\n")[0]
    for torn in (first[:1], first[:90], first, bytes(4096)):
        segment.write_bytes(whole + torn)
        assert check_requests(place).torn == len(torn)
        with opened(place) as log:
            assert log.cut_off == len(torn)
        assert segment.read_bytes() == whole
        assert torn in [file.read_bytes() for file in (place / "torn").iterdir()]
    assert is_whole(place)


def test_lines_of_the_last_batch_that_are_whole_are_kept(place: Path) -> None:
    with opened(place, rotate_bytes=10**6) as log:
        log.append(event("told"))
    segment = place / name_of(1)
    segment.write_bytes(segment.read_bytes() + tail_of(place)[:-5])
    found = check_requests(place)
    assert (found.problems, found.lines) == ([], 5)
    assert found.torn
    with opened(place) as log:
        log.append(event("later"))
    assert names(place) == ["told", "lost 0", "lost 1", "lost 2", "later"]
    assert is_whole(place)


def test_what_the_head_speaks_of_is_never_cut_off(place: Path) -> None:
    with opened(place, rotate_bytes=10**6) as log:
        for number in range(3):
            log.append(event(number))
            log.flush()
    segment = place / name_of(1)
    whole = segment.read_bytes()
    for broken, words in ((whole[:-1], "truncated"), (whole[:-200], "truncated"), (whole[:20], "damaged")):
        segment.write_bytes(broken)
        with pytest.raises(StoreError, match=words):
            opened(place)
        assert segment.read_bytes() == broken
    segment.unlink()
    with pytest.raises(StoreError, match="no segments"):
        opened(place)


def test_damage_that_batches_follow_is_no_torn_tail(place: Path) -> None:
    with opened(place, rotate_bytes=10**6) as log:
        log.append(event("told"))
    head = marks_of((place / "HEAD").read_bytes())[0]
    one, chain = chained([event("a"), event("b")], after=head.chain, lines=head.lines)
    two, _ = chained([event("c")], after=chain, lines=head.lines + 2)
    segment = place / name_of(1)
    broken = segment.read_bytes() + one.replace(b'"a"', b'"A"') + two
    segment.write_bytes(broken)
    with pytest.raises(StoreError, match="batches follow"):
        opened(place)
    assert any("batches follow" in each.message for each in check_requests(place).problems)
    segment.write_bytes(broken[: -len(two) - len(one)] + b"x" * (5 * 1024**2))
    with pytest.raises(StoreError, match="no batch is that long"):
        opened(place)


def test_a_log_is_not_gone_on_from_without_its_head(place: Path) -> None:
    with opened(place) as log:
        log.append(event(1))
    head = (place / "HEAD").read_bytes()
    for wrong in (None, b"", bytes(1024), head[:511] + b"x" + head[512:1023] + b"x"):
        if wrong is None:
            (place / "HEAD").unlink()
        else:
            (place / "HEAD").write_bytes(wrong)
        with pytest.raises(StoreError, match="head of the request log is missing or damaged"):
            opened(place)
        assert check_requests(place).problems
    one_slot = bytes(512) + head[512:]
    (place / "HEAD").write_bytes(one_slot)
    opened(place).close()
    assert is_whole(place)


def test_the_head_of_another_log_is_not_taken(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "requests" / "worker-1"
    for each in (place, other):
        with opened(each) as log:
            log.append(event(1))
    (place / "HEAD").write_bytes((other / "HEAD").read_bytes())
    with pytest.raises(StoreError, match="not the one that its head speaks of"):
        opened(place)
    assert check_requests(place).problems


class Crash(BaseException):
    """The machine stops here."""


CALLS = ("open", "pwrite", "fsync", "fdatasync", "mkdir", "replace", "unlink", "ftruncate")


def run_until(place: Path, steps: int, monkeypatch) -> tuple[list[str], bool]:
    """Append until so many calls of the operating system were made; what was told to be durable."""
    told: list[str] = []
    left = [steps]

    def stopping(name: str):
        real = getattr(os, name)

        def call(*args, **more):
            left[0] -= 1
            if left[0] > 0:
                return real(*args, **more)
            if left[0] == 0 and name == "pwrite":
                real(args[0], bytes(args[1])[: len(args[1]) // 2], args[2])
            raise Crash

        return call

    log = None
    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, stopping(name))
        try:
            log = opened(place, rotate_bytes=700, gather_ms=0)
            for number in range(12):
                log.append(event(f"{steps}-{number}"))
                log.flush()
                told.append(f"{steps}-{number}")
        except (Crash, StoreError):
            pass
        is_done = left[0] > 0
        if log is not None:
            with pytest.raises(StoreError) if not is_done else durable.contextlib.nullcontext():
                log.close()
    return told, is_done


def test_a_crash_at_any_call_loses_nothing_that_was_told(tmp_path: Path, monkeypatch) -> None:
    steps, is_done = 1, False
    while not is_done:
        place = tmp_path / "requests" / f"worker-{steps}"
        told, is_done = run_until(place, steps, monkeypatch)
        opened(place).close()
        assert is_whole(place)
        assert names(place)[: len(told)] == told
        steps += 1
    assert steps > 40


# Heads


def test_heads_are_published_at_the_start_and_at_the_end(place: Path) -> None:
    heads: list[ChainHead] = []
    log = opened(place, publish=heads.append)
    while not heads:
        pass
    log.append(event(1))
    log.close()
    assert [head.lines for head in heads] == [1, 2]
    assert [(head.worker, head.segment, head.time) for head in heads] == [("worker-0", 1, NOON)] * 2
    found = check_requests(place, published={heads[0].log: heads})
    assert (found.problems, found.published) == ([], 2)


def test_a_head_is_published_once_and_a_failure_is_tried_again() -> None:
    now, lag, made = [0.0], [], []
    head = ChainHead(log="a", worker="w", lines=1, chain="00", segment=1, time=NOON)
    fails = [True]

    def publish(head: ChainHead) -> None:
        if fails[0]:
            raise OSError("no room")
        made.append(head)

    bounds = RequestLogBounds(max_publish_lag_s=100)
    publisher = HeadPublisher(
        lambda: head, publish, bounds=bounds, on_lag=lag.append, now_s=lambda: now[0], is_started=False
    )
    publisher.look()
    now[0] = 99.0
    publisher.look()
    assert (made, lag) == ([], [])
    now[0] = 100.0
    publisher.look()
    assert lag == ["head of the request log could not be published: OSError"]
    fails[0] = False
    publisher.look()
    publisher.look()
    assert made == [head]
    assert publisher.close(1) == ""
    assert made == [head]


def test_a_transparency_log_that_hangs_is_told_in_time(place: Path) -> None:
    gate = threading.Event()
    log = opened(place, close_timeout_s=0.05, publish=lambda _: gate.wait(10) and None)
    with pytest.raises(StoreError, match="published in time"):
        log.close()
    gate.set()


def test_what_lies_in_the_way_is_not_followed(place: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place.parent.mkdir()
    place.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="cannot be opened"):
        opened(place)
    place.unlink()
    opened(place).close()
    for name in ("lock", "HEAD", name_of(1)):
        kept = (place / name).rename(tmp_path / "kept")
        (place / name).symlink_to(elsewhere / "made")
        with pytest.raises(StoreError):
            opened(place)
        (place / name).unlink()
        kept.rename(place / name)
    (place / name_of(1)).rename(place / name_of(2))
    with pytest.raises(StoreError, match="is segment 1"):
        opened(place)
    (place / name_of(2)).unlink()
    os.mkfifo(place / name_of(2))
    with pytest.raises(StoreError):
        opened(place)
    assert list(elsewhere.iterdir()) == []


def test_a_log_whose_heads_cannot_be_published_says_so_when_it_is_closed(place: Path) -> None:
    def refuse(head: ChainHead) -> None:
        raise StoreError("log is full")

    log = opened(place, publish=refuse)
    with pytest.raises(StoreError, match="could not be published: log is full"):
        log.close()
    assert "log is full" in log.publish_failure
    with opened(place) as later:
        assert later.publish_failure == ""


# Form


def test_the_form_of_a_line_is_as_documented(place: Path) -> None:
    import hashlib

    with opened(place) as log:
        log.append(event(1))
    header, line = (place / name_of(1)).read_bytes().splitlines(keepends=True)
    found = json.loads(header)
    assert list(found) == ["chain", "n", "segment"]
    assert found["segment"]["form"] == "keelmark-requests/v1"
    assert found["segment"]["previous"] == GENESIS.hex()
    body = line[len('{"chain":"",') + 64 : -1]
    assert hashlib.sha256(bytes.fromhex(found["chain"]) + body).hexdigest() == json.loads(line)["chain"]
    assert json.loads(line)["n"] == 2
    assert line.endswith(OPENS + b"\n")
    assert verified(line, after=bytes.fromhex(found["chain"]), number=3) is None
    assert [number_of(name) for name in ("00000012.log", "12.log", "x.log", "000000012.log")] == [12, 0, 0, 0]

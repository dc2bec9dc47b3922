"""The promises of `core/approvals`, kept by the file of one machine and by the server of several."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.store.test_store_leases_redis import PASSWORD, Redis, needs_server
from tests.unit.store.test_store_leases_redis import redis as redis  # noqa: PLC0414 - the fixture

from keelmark.core.approvals import Approval, ApprovalBounds, ApprovalStore
from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError, StoreError
from keelmark.store.approvals_redis import RedisApprovals
from keelmark.store.approvals_sqlite import SqliteApprovals
from keelmark.store.redis_server import RedisServer

TAKER = """
import sys
from pathlib import Path
from keelmark.core.secret import Secret
from keelmark.store.approvals_redis import RedisApprovals
from keelmark.store.approvals_sqlite import SqliteApprovals
kind, place, count = sys.argv[1:]
store = SqliteApprovals(Path(place)) if kind == "file" else RedisApprovals(Secret(place.encode()), name="g", timeout_s=20)
print("ready", flush=True)
sys.stdin.readline()
print(sum(store.take("ann", f"d{number}") for number in range(int(count))), flush=True)
"""
Opened = Callable[..., ApprovalStore]


def approval(number: object = 1, *, principal: str = "ann", digest: str = "d") -> Approval:
    return Approval(
        id=f"i{number}",
        asked="2026-01-01T00:00:00+00:00",
        principal=principal,
        subject="send",
        reason="needs-approval",
        digest=digest,
        arguments='{"to":"bob"}',
    )


@pytest.fixture(params=["file", pytest.param("server", marks=needs_server)])
def opened(request, tmp_path: Path) -> Iterator[Opened]:
    """Opens one more view of the same approvals."""
    stores: list[ApprovalStore] = []
    server = request.getfixturevalue("redis") if request.param == "server" else None

    def another(**bounds) -> ApprovalStore:
        limits = ApprovalBounds(**bounds)
        store: ApprovalStore = (
            SqliteApprovals(tmp_path / "a.db", bounds=limits)
            if server is None
            else RedisApprovals(Secret(server.url.encode()), name="g", timeout_s=10, bounds=limits)
        )
        stores.append(store)
        return store

    another.place = ("file", str(tmp_path / "a.db")) if server is None else ("server", server.url)
    yield another
    for store in stores:
        store.close()


def grant(store: ApprovalStore, digest: str = "d", *, principal: str = "ann") -> None:
    assert store.put(approval(digest, digest=digest, principal=principal))
    assert store.decide(f"i{digest}", is_allowed=True)


def test_what_is_put_down_by_one_is_decided_by_another_and_used_by_a_third_once(opened: Opened) -> None:
    one, two, three = opened(), opened(), opened()
    assert one.put(approval())
    assert two.waiting() == [approval()]
    assert not three.take("ann", "d")
    assert two.decide("i1", is_allowed=True)
    assert one.waiting() == []
    assert not three.take("bob", "d")
    assert not three.take("ann", "e")
    assert three.take("ann", "d")
    assert not any(each.take("ann", "d") for each in (one, two, three))


def test_what_was_denied_is_not_approved_and_may_be_asked_for_again(opened: Opened) -> None:
    store = opened()
    assert store.put(approval())
    assert store.decide("i1", is_allowed=False)
    assert not store.take("ann", "d")
    assert store.put(approval(2))


def test_it_is_decided_once_whoever_decides(opened: Opened) -> None:
    one, two = opened(), opened()
    one.put(approval())
    assert [each.decide("i1", is_allowed=True) for each in (one, two, one)] == [True, False, False]
    assert one.take("ann", "d")
    assert not two.take("ann", "d")


def test_the_very_same_waits_once_and_the_oldest_comes_first(opened: Opened) -> None:
    one, two = opened(), opened()
    assert one.put(approval(1))
    assert not two.put(approval(2))
    assert two.put(approval(3, digest="e"))
    assert two.put(approval(4, principal="bob"))
    assert [each.id for each in one.waiting()] == ["i1", "i3", "i4"]
    assert not one.decide("i2", is_allowed=True)


def test_an_approval_that_is_given_twice_is_one(opened: Opened) -> None:
    store = opened()
    for _ in range(2):
        grant(store)
    assert store.take("ann", "d")
    assert not store.take("ann", "d")


def test_the_oldest_that_wait_are_forgotten_when_there_is_no_room(opened: Opened) -> None:
    store = opened(max_waiting=2)
    for digest in "abc":
        assert store.put(approval(digest, digest=digest))
    assert [each.id for each in store.waiting()] == ["ib", "ic"]
    store.decide("ib", is_allowed=False)
    assert store.put(approval("d"))
    assert [each.id for each in store.waiting()] == ["ic", "id"]
    # One that was forgotten can be asked for again.
    assert store.put(approval("e", digest="a"))


def test_one_caller_cannot_push_out_what_others_asked_for(opened: Opened) -> None:
    store = opened(max_waiting=6, max_of_each=3)
    assert store.put(approval("first", principal="bob"))
    for number in range(20):
        assert store.put(approval(number, digest=f"d{number}"))
        if number == 10:
            assert store.decide("i9", is_allowed=False)
    assert sorted(each.id for each in store.waiting()) == ["i17", "i18", "i19", "ifirst"]
    # Room that was made by a decision can be used again.
    for number in (17, 18, 19):
        assert store.decide(f"i{number}", is_allowed=False)
    for number in range(30, 33):
        assert store.put(approval(number, digest=f"d{number}"))
    assert sorted(each.id for each in store.waiting()) == ["i30", "i31", "i32", "ifirst"]


def test_how_many_approvals_wait_is_bounded(opened: Opened) -> None:
    store = opened(max_granted=2)
    for digest in "abc":
        grant(store, digest)
    assert sum(store.take("ann", digest) for digest in "abc") == 2


def test_what_is_too_long_is_not_kept(opened: Opened) -> None:
    store = opened(max_bytes=100)
    with pytest.raises(StoreError, match="too long"):
        store.put(approval())


def test_an_approval_that_ended_is_none(opened: Opened) -> None:
    store = opened(valid_s=0)
    grant(store)
    assert not store.take("ann", "d")


def test_what_waited_too_long_is_forgotten_and_may_be_asked_for_again(opened: Opened) -> None:
    store = opened(waits_s=0.001)
    assert store.put(approval())
    while store.waiting():
        pass
    assert not store.decide("i1", is_allowed=True)
    assert not store.take("ann", "d")
    assert store.put(approval(2))


def test_of_many_threads_one_gets_it(opened: Opened) -> None:
    store = opened()
    grant(store)
    taken: list[bool] = []
    threads = [threading.Thread(target=lambda: taken.append(store.take("ann", "d"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1


def test_of_several_processes_each_approval_is_got_by_one(opened: Opened) -> None:
    count, store = 40, opened()
    for number in range(count):
        grant(store, f"d{number}")
    command = [sys.executable, "-c", TAKER, *opened.place, str(count)]
    takers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    try:
        for each in takers:
            assert each.stdout.readline() == "ready\n"
        for each in takers:
            each.stdin.write("\n")
            each.stdin.flush()
        assert sum(int(each.communicate(timeout=60)[0]) for each in takers) == count
    finally:
        for each in takers:
            each.kill()
            each.communicate()


MAKER = """
import sys
from pathlib import Path
from keelmark.core.approvals import Approval
from keelmark.store.approvals_sqlite import SqliteApprovals
print("ready", flush=True)
for line in sys.stdin:
    store = SqliteApprovals(Path(line.strip()))
    asked = Approval(id=sys.argv[1], asked="", principal=sys.argv[1], subject="s", reason="r", digest="d")
    print(int(store.put(asked)), flush=True)
    store.close()
"""


# The file


def test_processes_that_make_the_file_at_the_same_time_share_one(tmp_path: Path) -> None:
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", MAKER, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    try:
        for each in makers:
            assert each.stdout.readline() == "ready\n"
        for attempt in range(10):
            file = tmp_path / f"{attempt}.db"
            for each in makers:
                each.stdin.write(f"{file}\n")
                each.stdin.flush()
            assert [each.stdout.readline() for each in makers] == ["1\n"] * 3
            store = SqliteApprovals(file)
            assert sorted(each.id for each in store.waiting()) == ["0", "1", "2"]
            store.close()
    finally:
        for each in makers:
            each.kill()
            each.communicate()


def test_times_of_the_file_follow_the_clock_and_one_that_is_set_back_makes_nothing_last_longer(
    tmp_path: Path,
) -> None:
    now = [1000.0]
    store = SqliteApprovals(
        tmp_path / "a.db", now=lambda: now[0], bounds=ApprovalBounds(valid_s=60, waits_s=100)
    )
    grant(store)
    now[0] = 1059.9
    assert store.take("ann", "d")
    grant(store)
    now[0] += 60
    assert not store.take("ann", "d")
    grant(store)
    now[0] -= 10
    assert not store.take("ann", "d")
    store.put(approval(9, digest="e"))
    now[0] += 100
    assert store.waiting() == []
    assert not store.decide("i9", is_allowed=True)
    store.close()


def test_approvals_outlive_who_gave_them_and_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    store = SqliteApprovals(tmp_path / "a.db")
    grant(store)
    assert {each.stat().st_mode & 0o077 for each in tmp_path.iterdir()} == {0}
    store.close()
    again = SqliteApprovals(tmp_path / "a.db")
    assert again.take("ann", "d")
    again.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be one" * 40, b"SQLite format 3\0"]
)
def test_a_file_that_cannot_be_read_approves_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    store = SqliteApprovals(tmp_path / "a.db")
    for act in (
        lambda: store.take("ann", "d"),
        lambda: store.put(approval()),
        store.waiting,
        lambda: store.decide("i1", is_allowed=True),
    ):
        with pytest.raises(StoreError, match="approvals"):
            act()
    # When it was taken away, it goes on without a restart.
    (tmp_path / "a.db").unlink()
    grant(store)
    assert store.take("ann", "d")
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER t AFTER DELETE ON granted BEGIN INSERT INTO granted VALUES (old.key, old.begins, old.ends); END",
        "CREATE TABLE more (x)",
        "PRAGMA user_version = 2",
    ],
)
def test_a_file_that_was_made_otherwise_approves_nothing(tmp_path: Path, change: str) -> None:
    store = SqliteApprovals(tmp_path / "a.db")
    grant(store)
    store.close()
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute(change)
    connection.close()
    with pytest.raises(StoreError, match="holds no approvals"):
        store.take("ann", "d")


def test_a_link_at_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    (tmp_path / "a.db").symlink_to(tmp_path / "other")
    with pytest.raises(StoreError):
        SqliteApprovals(tmp_path / "a.db").take("ann", "d")


def test_a_file_that_was_put_in_its_place_is_the_one_that_counts(tmp_path: Path) -> None:
    one, two = SqliteApprovals(tmp_path / "a.db"), SqliteApprovals(tmp_path / "a.db")
    grant(one)
    for each in tmp_path.iterdir():
        each.unlink()
    assert not two.take("ann", "d")
    assert not one.take("ann", "d")
    grant(two)
    assert one.take("ann", "d")
    assert not two.take("ann", "d")
    one.close()
    two.close()


def test_nothing_is_opened_before_it_is_needed_and_where_it_must_not_be(tmp_path: Path) -> None:
    def ready() -> None:
        raise ConfigurationError("others can look into it")

    store = SqliteApprovals(tmp_path / "a.db", ready=ready)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError):
        store.take("ann", "d")
    assert list(tmp_path.iterdir()) == []


# The server


def test_a_server_that_is_away_approves_nothing_is_not_waited_for_again_and_is_told_without_its_password(
    tmp_path: Path,
) -> None:
    now = [0.0]
    url = Secret(f"unix://:{PASSWORD}@{tmp_path}/none".encode())
    server = RedisServer(url, what="shared approvals", timeout_s=1, now=lambda: now[0])
    said = []
    for now[0] in (0.0, 1.9, 2.1):
        with pytest.raises(StoreError) as caught:
            server.run("return 1", [])
        said.append(str(caught.value))
    assert said[0] == said[2] != said[1]
    assert "a moment ago" in said[1]
    assert not any(PASSWORD in each or "none" in each for each in said)


@needs_server
def test_what_was_away_and_is_back_is_asked_again(redis: Redis) -> None:
    now = [0.0]
    server = RedisServer(Secret(redis.url.encode()), what="w", timeout_s=10, now=lambda: now[0])
    assert server.run("return 1", []) == 1
    redis.stop()
    with pytest.raises(StoreError):
        server.run("return 1", [])
    redis.start()
    now[0] = 3.0
    # It forgot the script, which is sent again.
    assert server.run("return 1", []) == 1
    server.close()


@needs_server
def test_gateways_of_other_names_share_nothing(redis: Redis) -> None:
    one, two = (
        RedisApprovals(Secret(redis.url.encode()), name=name, timeout_s=10) for name in ("one", "two")
    )
    grant(one)
    assert two.waiting() == []
    assert not two.take("ann", "d")
    assert one.take("ann", "d")
    one.close()
    two.close()


@pytest.mark.parametrize("found", [None, b"OK", 2, -1, True, [], [1], [b"{}"], [b"["]])
def test_an_answer_of_the_server_that_cannot_be_read_is_an_error(monkeypatch, found: object) -> None:
    monkeypatch.setattr(RedisServer, "_run", lambda *_: found)
    store = RedisApprovals(Secret(b"redis://localhost"), name="g", timeout_s=1)
    with pytest.raises(StoreError, match="cannot be read"):
        store.take("ann", "d")
    if found != []:
        with pytest.raises(StoreError, match="cannot be read"):
            store.waiting()
    store.close()


@pytest.mark.parametrize("url", ["", "http://x", "redis://h:port", "words"])
def test_an_address_that_is_none_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match="none of Redis"):
        RedisApprovals(Secret(url.encode()), name="g", timeout_s=1)

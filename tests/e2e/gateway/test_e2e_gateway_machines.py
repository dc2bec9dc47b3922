"""The emergency switch over two machines: two gateways in two copies of the folder, and one server that both are told of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.corpus.postgres import needs_postgres, server
from tests.e2e.gateway.gateways import Gateway, Project, copied, make_project, serving, until
from tests.e2e.gateway.upstreams import Upstream
from tests.unit.store.test_store_leases_redis import Redis, needs_server

from keelmark.core.clock import SystemClock
from keelmark.deployment.access.key_changes import KeyRequest
from keelmark.workflows import access_keys

LIMITS = 'limits: {shared: {url: "env:REDIS_URL", unreachable: local, reason: "a test"}}\n'
WHO = ("--owner", "Head")


@pytest.fixture
def redis(place: Path) -> Iterator[Redis]:
    (place / "r").mkdir()
    found = Redis(place / "r")
    try:
        found.start()
        yield found
    finally:
        found.stop()


@contextmanager
def both(
    first: Project,
    second: Project,
    upstream: Upstream,
    where: dict[str, str],
    *,
    api_key: str,
    workers: int = 1,
) -> Iterator[tuple[Gateway, Gateway]]:
    with (
        serving(first, upstream, environment=where, workers=workers) as one,
        serving(second, upstream, environment=where, workers=workers) as two,
    ):
        one.api_key = two.api_key = api_key
        yield one, two


def statuses(gateway: Gateway) -> set[int]:
    """What each of its workers says."""
    return {gateway.ask(port=port).status for port, _ in gateway.workers.values()}


def becomes(gateway: Gateway, status: int) -> None:
    until(lambda: statuses(gateway) == {status}, lambda: (gateway.told, gateway.ask()))


def turn(gateway: Gateway, action: str, reason: str) -> None:
    done = gateway.run("incident", action, "--reason", reason, *WHO)
    assert done.returncode == 0, done.stderr


def recorded(project: Project) -> bytes:
    """The request logs of a machine."""
    return b"".join(each.read_bytes() for each in (project.root / ".keelmark" / "requests").rglob("*.log"))


@needs_server
@pytest.mark.parametrize("workers", [1, 2])
def test_a_disconnection_on_one_machine_reaches_the_other_and_so_does_its_end(
    place: Path, upstream: Upstream, redis: Redis, workers: int
) -> None:
    first = make_project(place, upstream, listen=f"listen: {{workers: {workers}}}", more=LIMITS)
    api_key = first.key().key.reveal().decode()
    second = copied(first, place / "b")
    where = {"REDIS_URL": redis.url}
    with both(first, second, upstream, where, api_key=api_key, workers=workers) as (one, two):
        for each in (one, two):
            assert statuses(each) == {200}
        turn(one, "disconnect", "leaked key")
        for each in (two, one):
            becomes(each, 503)
        upstream.requests.clear()
        assert two.ask().reason == "disconnected"
        assert upstream.requests == []
        assert two.run("incident", "status").returncode == 1
        assert "leaked key" in (second.root / ".keelmark" / "disconnections.jsonl").read_text()
        assert any("disconnected by" in line and "leaked key" in line for line in two.told)
        # Whoever of them ends it ends it for both, and each has it on record.
        turn(two, "reconnect", "key replaced")
        for each in (two, one):
            becomes(each, 200)
    for project in (first, second):
        assert b"leaked key" in recorded(project)
        assert b"key replaced" in recorded(project)


@needs_server
def test_while_the_server_is_away_each_machine_counts_by_itself_and_nothing_is_ended(
    place: Path, upstream: Upstream, redis: Redis
) -> None:
    first = make_project(place, upstream, more=LIMITS)
    api_key = first.key().key.reveal().decode()
    second = copied(first, place / "b")
    with both(first, second, upstream, {"REDIS_URL": redis.url}, api_key=api_key) as (one, two):
        turn(one, "disconnect", "leaked key")
        becomes(two, 503)
        redis.stop()
        for each in (one, two):
            until(lambda each=each: any("not shared with other machines" in line for line in each.told))
        looked = time.monotonic()
        until(lambda: time.monotonic() - looked > 1)
        for each in (one, two):
            assert each.ask().reason == "disconnected"
        # Here it is ended and begun without the server.
        turn(two, "reconnect", "needed here")
        becomes(two, 200)
        turn(two, "disconnect", "not so")
        becomes(two, 503)
        assert one.ask().reason == "disconnected"
        # What the server held is lost: both tell it again, and go on.
        redis.start()
        for each in (one, two):
            until(lambda each=each: any("are shared with other machines again" in line for line in each.told))
        for each in (one, two):
            assert each.ask().reason == "disconnected"
        turn(one, "reconnect", "key replaced")
        for each in (one, two):
            becomes(each, 200)


@needs_postgres
def test_where_only_keys_are_shared_a_disconnection_goes_through_their_database(
    place: Path, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    with server() as postgres:
        first = make_project(place, upstream, more='access: {keys: "env:KEYS_DATABASE"}\n')
        second = copied(first, place / "b")
        where = {"KEYS_DATABASE": postgres.url}
        keys = access_keys.key_place("env:KEYS_DATABASE", root=first.root, environment=where)
        asked = KeyRequest(name="t", owner="o", scopes=("infer:*",))
        made = access_keys.add(keys, asked, pepper=first.pepper, clock=SystemClock())
        api_key = made.key.reveal().decode()
        with both(first, second, upstream, where, api_key=api_key) as (one, two):
            becomes(two, 200)
            turn(one, "disconnect", "leaked key")
            becomes(two, 503)
            turn(one, "reconnect", "key replaced")
            becomes(two, 200)

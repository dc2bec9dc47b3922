"""200 requests at the same time on a budget of 10: exactly 10 are let through, by one process and by two that share a counter."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.gateway.callers import all_at_once
from tests.e2e.gateway.gateways import make_project, serving
from tests.e2e.gateway.upstreams import Upstream
from tests.unit.store.test_store_leases_redis import Redis, needs_server

ADMITTED, ASKED = 10, 200
RULE = "{subject: all, measure: %s, amount: 10}"


@pytest.fixture
def redis(place: Path) -> Iterator[Redis]:
    folder = place / "r"
    folder.mkdir()
    server = Redis(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize("measure", ["requests", "places"])
def test_one_process_lets_through_exactly_as_many(place: Path, upstream: Upstream, measure: str) -> None:
    project = make_project(place, upstream, more=f"limits: {{rules: [{RULE % measure}]}}\n")
    with serving(project, upstream) as gateway:
        found = asyncio.run(all_at_once(gateway, [gateway.port], of_each=ASKED, admitted=ADMITTED))
        assert Counter(found) == {200: ADMITTED, 429: ASKED - ADMITTED}
        assert len(upstream.requests) == ADMITTED
        # A place is free again afterwards; what was used of a window is not.
        assert gateway.ask().status == (200 if measure == "places" else 429)


@needs_server
@pytest.mark.parametrize("measure", ["requests", "places"])
def test_two_workers_with_one_counter_let_through_exactly_as_many(
    place: Path, upstream: Upstream, redis: Redis, measure: str
) -> None:
    rule = RULE % measure
    shared = f'limits: {{rules: [{rule}], shared: {{url: "env:REDIS_URL"}}}}\n'
    project = make_project(place, upstream, listen="listen: {workers: 2}", more=shared)
    with serving(project, upstream, workers=2, environment={"REDIS_URL": redis.url}) as gateway:
        # Each worker took a free port of its own, so that each gets half of the requests.
        ports = [port for port, _ in gateway.workers.values()]
        assert len(set(ports)) == 2
        found = asyncio.run(all_at_once(gateway, ports, of_each=ASKED // 2, admitted=ADMITTED))
        assert Counter(found) == {200: ADMITTED, 429: ASKED - ADMITTED}
        assert len(upstream.requests) == ADMITTED


@needs_server
def test_without_the_shared_counter_nobody_is_let_through(
    place: Path, upstream: Upstream, redis: Redis
) -> None:
    shared = (
        'limits: {rules: [{subject: all, measure: requests, amount: 10}], shared: {url: "env:REDIS_URL"}}\n'
    )
    project = make_project(place, upstream, more=shared)
    with serving(project, upstream, environment={"REDIS_URL": redis.url}) as gateway:
        redis.stop()
        reply = gateway.ask()
        assert (reply.status, reply.reason) == (503, "limits-unavailable")
        assert upstream.requests == []

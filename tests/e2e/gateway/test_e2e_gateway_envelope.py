"""The growth envelope of a release holds over all workers of a gateway, and over restarts."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.corpus.releases import declared, released
from tests.e2e.gateway.callers import Heard, ask, request_of
from tests.e2e.gateway.gateways import CHAT, Gateway, Project, ground_of, make_project, serving
from tests.e2e.gateway.test_e2e_gateway_operations import port_of_two
from tests.e2e.gateway.upstreams import Upstream

from keelmark.core.clock import SystemClock
from keelmark.core.declaration import Dimension, GrowthEnvelope

AT_MOST = 20
# Several at once, so that both workers are asked; never as many as the limit of places that holds by default.
AT_ONCE = 8


def inside_of(place: Path, upstream: Upstream, **envelope: Dimension) -> Project:
    """A project whose release holds inside of an envelope."""
    project = make_project(place, upstream, age_days=1, listen="listen: {workers: 2}")
    ground = replace(
        ground_of(project.root), declaration=declared(growth_envelope=GrowthEnvelope(**envelope))
    )
    released(project.root, project.signer, ground, clock=SystemClock())
    return project


def asked(gateway: Gateway, port: int, rounds: int) -> Counter[int]:
    """How often which status came back, for requests on connections of their own."""
    heard = Heard()
    request = request_of(gateway, CHAT, stays=False)

    async def main() -> None:
        for _ in range(rounds):
            await asyncio.gather(*(ask(port, request, heard) for _ in range(AT_ONCE)))

    asyncio.run(main())
    return Counter(heard.statuses)


def test_two_workers_let_through_what_the_envelope_allows_and_after_a_restart_nothing_more(
    place: Path, upstream: Upstream
) -> None:
    project = inside_of(place, upstream, requests_per_day=Dimension(limit=AT_MOST))
    with port_of_two() as port:
        with serving(project, upstream, port=port, workers=2) as gateway:
            heard = asked(gateway, port, rounds=8)
            # Each worker may let one through while the other one does.
            assert AT_MOST <= heard[200] <= AT_MOST + 1
            assert heard[403] == 64 - heard[200]
            assert gateway.ask().reason == "outside-envelope"
            assert len(upstream.requests) == heard[200]
        with serving(project, upstream, port=port, workers=2) as gateway:
            assert asked(gateway, port, rounds=2) == {403: 16}
    logs = [each for each in (project.root / ".keelmark/requests").rglob("*") if each.is_file()]
    by_worker = [each.read_bytes() for each in logs]
    assert sum(b'"status":200' in each for each in by_worker) == 2, "both workers served"
    assert any(b"requests_per_day: 21 of 20; beyond: " in each for each in by_worker)


def test_people_are_counted_once_over_two_workers(place: Path, upstream: Upstream) -> None:
    project = inside_of(place, upstream, users=Dimension(limit=2))
    with port_of_two() as port, serving(project, upstream, port=port, workers=2) as gateway:
        first, second, third = gateway.api_key, *(project.key().key.reveal().decode() for _ in range(2))
        for key, statuses in (
            (first, {200: 16}),
            (second, {200: 16}),
            (third, {403: 16}),
            (first, {200: 16}),
        ):
            gateway.api_key = key
            assert asked(gateway, port, rounds=2) == statuses

"""One approval, and 50 requests at the same time that it would be for: exactly one is let through, by two workers and by two machines."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.gateway import gateways
from tests.e2e.gateway.callers import all_at_once, request_of
from tests.e2e.gateway.gateways import CHAT, Gateway, copied, make_project, serving, until
from tests.e2e.gateway.test_e2e_gateway_process_acts import function
from tests.e2e.gateway.upstreams import TOOL, Upstream
from tests.unit.store.test_store_leases_redis import Redis, needs_server

from keelmark.gateway.control.client import ask

ASKED = 50
PATH = "/mcp/words"
VERDICT = {"decision": "allow", "owner": "Head of Platform", "reason": "looked at it"}
SHARED = 'limits: {shared: {url: "env:REDIS_URL"}}\n'


def call(word: str = "keel") -> dict[str, Any]:
    arguments = {"name": "look", "arguments": {"word": word}}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments}


@pytest.fixture(autouse=True)
def approved_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool needs an approval."""
    readers = "  readers: [look]\n"
    assert readers in gateways.SETTINGS
    changed = gateways.SETTINGS.replace(readers, f"{readers}  approved_only: [look]\n")
    monkeypatch.setattr(gateways, "SETTINGS", changed)


@pytest.fixture
def redis(place: Path) -> Iterator[Redis]:
    (place / "r").mkdir()
    server = Redis(place / "r")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def control(gateway: Gateway, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    socket = gateway.project.root / ".keelmark" / "control" / "gateway.sock"
    return ask(socket, method, path, body, timeout_s=30)


def waiting(gateway: Gateway) -> list[dict[str, Any]]:
    status, body = control(gateway, "GET", "/v1/approvals")
    assert status == 200, body
    return body["approvals"]


def refused(gateway: Gateway, port: int = 0, *, word: str = "keel") -> None:
    reply = gateway.ask(call(word), path=PATH, port=port)
    assert (reply.status, reply.reason) == (403, "needs-approval")


def allowed_by(gateway: Gateway, *, word: str = "keel") -> None:
    """A person allows what somebody asked for, once the gateway knows of it."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = [each for each in waiting(gateway) if word in each["arguments"]]
        return bool(found)

    until(is_there)
    assert len(found) == 1
    assert found[0]["subject"] == "look"
    status, body = control(gateway, "POST", f"/v1/approvals/{found[0]['id']}", VERDICT)
    assert status == 200, body
    assert control(gateway, "POST", f"/v1/approvals/{found[0]['id']}", VERDICT)[0] == 404


def one_of_many(gateway: Gateway, ports: list[int], upstream: Upstream) -> None:
    upstream.requests.clear()
    request = request_of(gateway, call(), stays=False, path=PATH)
    found = asyncio.run(all_at_once(gateway, ports, of_each=ASKED // len(ports), admitted=1, request=request))
    assert Counter(found) == {200: 1, 403: ASKED - 1}
    assert len(upstream.requests) == 1


def test_two_workers_let_one_through_whichever_asked(place: Path, upstream: Upstream) -> None:
    project = make_project(place, upstream, listen="listen: {workers: 2}")
    with serving(project, upstream, workers=2) as gateway:
        # Each worker took a free port of its own; the control plane is that of the first.
        ports = [gateway.workers[f"worker-{number}"][0] for number in range(2)]
        assert len(set(ports)) == 2
        # Nobody asked for an approval, so that nothing was opened.
        assert not (project.root / ".keelmark" / "approvals").exists()
        for port in ports:
            refused(gateway, port)
        refused(gateway, ports[1], word="other")
        allowed_by(gateway)
        one_of_many(gateway, ports, upstream)
        # What waits meanwhile is asked for anew, by those who were refused.
        until(lambda: len(waiting(gateway)) == 2)
    # What waits outlives a restart.
    with serving(project, upstream, workers=2) as gateway:
        assert {each["subject"] for each in waiting(gateway)} == {"look"}


def test_what_cannot_be_read_approves_nothing_and_is_told_once(place: Path, upstream: Upstream) -> None:
    project = make_project(place, upstream)
    folder = project.root / ".keelmark" / "approvals"
    folder.mkdir()
    folder.chmod(0o755)
    with serving(project, upstream) as gateway:
        for _ in range(3):
            refused(gateway)
        assert control(gateway, "GET", "/v1/approvals")[0] == 503
        until(lambda: any("nothing is approved" in line for line in gateway.told))
        assert sum("nothing is approved" in line for line in gateway.told) == 1
        folder.chmod(0o700)
        refused(gateway)
        allowed_by(gateway)
        assert gateway.ask(call(), path=PATH).status == 200
        refused(gateway)


def test_what_a_model_asks_for_is_approved_for_one_answer(place: Path, upstream: Upstream) -> None:
    with serving(make_project(place, upstream), upstream) as gateway:
        upstream.script.calls = ("look", {"word": "keel"})
        body = {**CHAT, "tools": [function(TOOL)]}
        assert gateway.ask(body).reason == "needs-approval"
        allowed_by(gateway)
        assert gateway.ask(body).status == 200
        assert gateway.ask(body).reason == "needs-approval"


@needs_server
def test_two_machines_let_one_through_whichever_asked(place: Path, upstream: Upstream, redis: Redis) -> None:
    first = make_project(place, upstream, more=SHARED)
    api_key = first.key().key.reveal().decode()
    second = copied(first, place / "b")
    where = {"REDIS_URL": redis.url}
    with (
        serving(first, upstream, environment=where) as one,
        serving(second, upstream, environment=where) as two,
    ):
        one.api_key = two.api_key = api_key
        refused(two)
        allowed_by(one)
        one_of_many(one, [one.port, two.port], upstream)
        # Nothing of it lies in the folders.
        assert not any((each.root / ".keelmark" / "approvals").exists() for each in (first, second))

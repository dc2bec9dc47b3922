"""The whole gateway is killed again and again under load: its log verifies, and in strict mode nobody was answered unrecorded.

Twenty kills in `make test`; `make test-kills` does a hundred (`KEELMARK_TEST_KILLS`).
"""

from __future__ import annotations

import asyncio
import os
import random
import re
from pathlib import Path

import pytest
from tests.e2e.gateway import callers
from tests.e2e.gateway.callers import Heard
from tests.e2e.gateway.gateways import CHAT, Gateway, make_project, serving
from tests.e2e.gateway.upstreams import Upstream

from keelmark.store.request_log_check import check_requests
from keelmark.trust.keys import load_private, new_private

KILLS = int(os.environ.get("KEELMARK_TEST_KILLS", "20"))
CALLERS = 16
LIMITS = "limits: {rules: [{subject: key, measure: requests, amount: 100000000}]}\n"
_ID = re.compile(rb'"id":"([0-9a-f]+)"')


def killed_under_load(gateway: Gateway, answers: int) -> Heard:
    """Kill all processes at once when so many answers have begun to come; what was heard."""
    heard = Heard()
    # Every third answer is a stream.
    requests = [
        callers.request_of(gateway, body, stays=True) for body in (CHAT, CHAT, {**CHAT, "stream": True})
    ]

    def after() -> None:
        if len(heard.served) >= answers:
            gateway.kill_at_once()

    async def main() -> None:
        ports = [port for port, _ in gateway.workers.values()]
        async with asyncio.timeout(120):
            await asyncio.gather(
                *(callers.go_on(ports[at % len(ports)], requests, heard, after) for at in range(CALLERS))
            )

    asyncio.run(main())
    gateway.kill()
    return heard


def recorded(requests: Path) -> set[str]:
    """Ids of all requests whose admission is on record."""
    found: set[str] = set()
    for file in requests.glob("worker-*/*.log"):
        for line in file.read_bytes().split(b"\n"):
            if b'"about":"admission"' in line and (one := _ID.search(line)):
                found.add(one[1].decode())
    return found


def settings(place: Path, audit: str) -> str:
    key = new_private("ed25519", password=None)
    (place / "log.pem").write_bytes(key)
    (place / "log.pub.pem").write_text(load_private(key).public.pem)
    return f'{LIMITS}record: {{audit: {audit}}}\nlog_key: "file:{place / "log.pem"}"\n'


@pytest.mark.parametrize(
    ("audit", "workers", "kills"),
    [("strict", 1, KILLS * 6 // 10), ("strict", 2, KILLS // 5), ("group", 1, KILLS // 5)],
)
def test_after_every_kill_the_log_verifies_and_nobody_was_answered_unrecorded(
    place: Path, upstream: Upstream, *, audit: str, workers: int, kills: int
) -> None:
    listen = f"listen: {{workers: {workers}}}"
    project = make_project(place, upstream, listen=listen, more=settings(place, audit))
    requests = project.root / ".keelmark" / "requests"
    chance = random.Random(f"{audit} {workers}")
    served: list[str] = []
    for _ in range(kills):
        with serving(project, upstream, workers=workers) as gateway:
            heard = killed_under_load(gateway, chance.randrange(1, 120))
        assert set(heard.statuses) == {200}
        served += heard.served
        for number in range(workers):
            assert check_requests(requests / f"worker-{number}").problems == []
    assert len(served) == len(set(served)) >= kills
    if audit == "strict":
        assert set(served) <= recorded(requests)
    # It serves on behind all of it, and the whole log agrees with the heads that were published.
    with serving(project, upstream, workers=workers) as gateway:
        assert gateway.ask().status == 200
        assert gateway.stop() == 0
    verified = gateway.run("log", "requests", "verify", "--key", "../log.pub.pem")
    assert verified.returncode == 0, verified.stdout + verified.stderr

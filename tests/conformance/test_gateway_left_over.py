"""Nothing is left when callers go away: `make soak` in small, in one process, and the parts that it is made of."""

from __future__ import annotations

import asyncio
import importlib
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from tests.e2e.test_e2e_gateway import CHAT, SETTINGS, Gateway, run, serving
from tests.unit.gateway.http.wires import until

from keelmark.store.request_log_check import check_requests

TOOLS = Path(__file__).resolve().parents[2] / "tools"
LIMITS = """\
limits:
  rules:
    - {{subject: key, measure: requests, amount: 100000}}
    - {{subject: key, measure: tokens, amount: 10000000}}
    - {{subject: key, measure: places, amount: 500}}
"""
STREAMS = 120


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path: that of a socket may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="kl") as place:
        yield Path(place)


@pytest.fixture
def soak() -> Iterator[tuple[ModuleType, ModuleType]]:
    """The callers and the model of the soak."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(TOOLS))
        yield importlib.import_module("soak.callers"), importlib.import_module("soak.model")
        for name in [name for name in sys.modules if name.partition(".")[0] == "soak"]:
            patched.delitem(sys.modules, name)


async def leave(gateway: Gateway, chance: random.Random) -> bool:
    """Ask for a stream and go away somewhere; whether all of the request was sent."""
    body = json.dumps({**CHAT, "stream": True}).encode()
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
        % (gateway.api_key.encode(), len(body), body)
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    point = chance.randrange(4)
    writer.write(request if point else request[: chance.randrange(1, len(request))])
    if point == 2:
        await reader.readuntil(b"data: ")
    elif point == 3:
        await reader.readexactly(chance.randrange(1, 150))
    else:
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
    writer.transport.abort()
    return bool(point)


def test_streams_that_are_left_leave_neither_connections_nor_reservations_behind(folder: Path) -> None:
    async def main() -> None:
        async with serving(folder, settings=SETTINGS + LIMITS) as gateway:
            chance = random.Random(5)
            # They end in the middle: the model waits until all callers are gone.
            gateway.model.pause.clear()
            sent = await asyncio.gather(*(leave(gateway, chance) for _ in range(STREAMS)))
            gateway.model.pause.set()
            await until(lambda: not gateway.worker.server.connections)
            [state] = (await gateway.worker.state()).workers
            assert (state.connections, state.in_flight) == (0, 0)
            used = {each.name: each.used for each in (await gateway.worker.state()).limits}
            assert used.get("places per key", 0) == 0
            assert used.get("requests per key", 0) <= sum(sent)
            status, _ = await gateway.ask(CHAT)
            assert status == 200
        place = gateway.root / ".keelmark" / "requests" / "worker-0"
        assert check_requests(place).problems == []

    run(main())


def test_callers_of_the_soak_know_the_answers_of_their_requests(soak: tuple[ModuleType, ModuleType]) -> None:
    callers, models = soak

    async def main() -> None:
        async with models.Model() as model:
            asking = callers.Callers(model.port, "key")
            await asking.ask(60, at_once=4)
            await asking.leave(80, at_once=8)
            assert (asking.answered, asking.failures) == (60, {})
            assert sum(asking.left.values()) == 80
            assert len(asking.left) == 4
            await until(lambda: not model.streams)
            assert model.given_up > 20

    run(main())


def test_callers_of_the_soak_notice_the_answer_of_another_request(
    soak: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    callers, models = soak
    monkeypatch.setattr(models, "_CASE", models.re.compile(rb"case (0000000)."))

    async def main() -> None:
        async with models.Model() as model:
            asking = callers.Callers(model.port, "key")
            await asking.ask(10, at_once=1)
            assert asking.answered == 0
            assert asking.failures == {"the answer of another request": 10}

    run(main())

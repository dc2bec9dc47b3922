"""A control plane over parts that only remember what was asked of them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from keelmark.core.clock import FixedClock
from keelmark.core.exchange import Request
from keelmark.gateway.control.api import Answer, ControlApi
from keelmark.gateway.control.disconnect import Disconnection
from keelmark.gateway.control.listening import (
    CONTROL_BOUNDS,
    ControlHandler,
    PeerServer,
    peer_of,
    unix_socket,
)
from keelmark.gateway.control.ports import (
    Approval,
    GatewayState,
    Measure,
    ReleaseInForce,
    RevokedKey,
    RouteState,
    Standing,
    WorkerState,
)
from keelmark.gateway.metrics import Metrics

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
RELEASE = ReleaseInForce("r1", "", NOON.timestamp() - 60, NOON.timestamp() + 60)
READY = Standing(release=RELEASE, is_log_writable=True, upstreams=1)


class FakeGateway:
    def __init__(self) -> None:
        self.ready = READY
        self.done: list[str] = []
        self.fails: Exception | None = None

    def standing(self) -> Standing:
        return self.ready

    async def state(self) -> GatewayState:
        return GatewayState(
            release=RELEASE,
            stages=("bound",),
            routes=(RouteState("small", "model", "u", "a"),),
            workers=(WorkerState(7),),
            envelope=(Measure("users", 3, 10),),
            limits=(Measure("requests", 1, -1, "team:ml"),),
        )

    async def reload(self) -> str:
        if self.fails is not None:
            raise self.fails
        self.done.append("reload")
        return "configuration 9f31c07a22be"

    async def drain(self) -> None:
        self.done.append("drain")


class FakeKeys:
    def __init__(self) -> None:
        self.ended: list[RevokedKey] = []

    async def revoked(self):
        return self.ended

    async def revoke(self, id: str, reason: str) -> bool:  # noqa: A002
        if id != "0a1b2c3d4e5f":
            return False
        self.ended.append(RevokedKey(id, "2026-01-31T12:00:00Z", reason))
        return True


class FakeApprovals:
    def __init__(self) -> None:
        self.waits = {"a1": Approval("a1", "2026-01-31T12:00:00Z", "key:1", "tool:files/write", "tainted")}
        self.decided: list[tuple[str, ...]] = []

    async def waiting(self):
        return tuple(self.waits.values())

    async def decide(self, id, decision, *, owner, reason, by) -> bool:  # noqa: A002
        if self.waits.pop(id, None) is None:
            return False
        self.decided.append((id, decision, owner, reason, by))
        return True


class Operators:
    """All of it in a folder."""

    def __init__(self, folder: Path) -> None:
        self.gateway, self.keys, self.approvals = FakeGateway(), FakeKeys(), FakeApprovals()
        self.metrics = Metrics()
        self.records: list[tuple[str, str, str]] = []
        self.log_fails = False
        self.disconnection = Disconnection(folder / ".keelmark/disconnected", clock=FixedClock(NOON))
        self.api = ControlApi(
            gateway=self.gateway,
            keys=self.keys,
            approvals=self.approvals,
            disconnection=self.disconnection,
            record=self.record,
            numbers=self.metrics.snapshot,
            now=NOON.timestamp,
        )

    async def record(self, action: str, who: str, reason: str) -> None:
        if self.log_fails:
            raise OSError("disk full")
        self.records.append((action, who, reason))

    async def ask(
        self, method: str, path: str, body: object = None, *, who: str | None = "uid 1000", **more
    ) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} if raw else {}
        return await self.api.answer(
            Request(method=method, path=path, headers=more.pop("headers", headers), body=raw, **more), who=who
        )


def code_of(answer: Answer) -> str:
    return msgspec.json.decode(answer.body)["error"]["code"]


def said(answer: Answer):
    return msgspec.json.decode(answer.body)


@asynccontextmanager
async def on_socket(operators: Operators, path: Path):
    """Serve a control plane on a Unix socket."""
    server = await PeerServer(ControlHandler(operators.api, proof=peer_of), bounds=CONTROL_BOUNDS).listen(
        sock=unix_socket(path)
    )
    try:
        yield server
    finally:
        for connection in tuple(server.connections):
            connection.abort()
        await server.close()

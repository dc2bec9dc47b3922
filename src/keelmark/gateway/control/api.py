"""Answers the operator: reads strictly, acts, records.

1. Every action is recorded with who and why. What makes the gateway safer (disconnect, drain, revoke, deny) is done also
   when it cannot be recorded, and the answer says so; everything else is recorded first, or not done.
2. A body is strict JSON of at most 16 KiB with each key once and no field that is not known.
3. Whatever fails is an answer that says so, without a trace of the inside.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from keelmark.errors import KeelmarkError, LimitExceededError, ParseError, StoreError
from keelmark.formats import strict_json
from keelmark.gateway.control import routes
from keelmark.gateway.control.openapi import openapi
from keelmark.gateway.control.routes import Done, Failure, Life, Problem, Readiness
from keelmark.gateway.exposition import CONTENT_TYPE, text_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from keelmark.core.exchange import Request
    from keelmark.gateway.control.disconnect import Disconnection
    from keelmark.gateway.control.ports import Approvals, Gateway, Keys, Record, Standing
    from keelmark.gateway.control.routes import Operation
    from keelmark.gateway.exposition import FamilySnapshot

__all__ = ["Answer", "Asked", "ControlApi", "ProblemError", "missing"]

_TIMEOUT_S = 10.0
_JSON: Final = "application/json"


class ProblemError(Exception):
    """The request cannot be answered as it was asked."""

    def __init__(self, status: int, code: str, message: str, *, hint: str = "", allow: str = "") -> None:
        super().__init__(code)
        self.status, self.problem, self.allow = status, Problem(code, message, hint), allow


class Answer(msgspec.Struct, frozen=True):
    """What goes back: status, body and media type, and the methods of a path when another one was used."""

    status: int
    body: bytes
    form: str = _JSON
    allow: str = ""


class Asked(msgspec.Struct, frozen=True):
    """One request that was read: who asks, the id in the path, and the body."""

    who: str
    id: str = ""
    body: Any = None


class ControlApi:
    """Everything that an operator can ask.

    Args:
        gateway: What serves requests.
        keys: Who may call.
        approvals: What waits for a person.
        disconnection: The emergency switch.
        record: Keeps what was done.
        numbers: What all workers counted.
        now: Seconds since 1970.
        timeout_s: What any action may take.
    """

    def __init__(  # noqa: PLR0913 - all of it by name
        self,
        *,
        gateway: Gateway,
        keys: Keys,
        approvals: Approvals,
        disconnection: Disconnection,
        record: Record,
        numbers: Callable[[], Sequence[FamilySnapshot]],
        now: Callable[[], float] = time.time,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._gateway, self._keys, self._approvals = gateway, keys, approvals
        self._disconnection, self._record, self._numbers = disconnection, record, numbers
        self._now, self._timeout_s = now, timeout_s
        self._openapi = msgspec.json.encode(openapi())
        self._run: dict[str, Callable[[Asked], Awaitable[Answer]]] = {
            "healthz": self._healthz,
            "readyz": self._readyz,
            "metrics": self._metrics,
            "openapi": self._describe,
            "state": self._state,
            "reload": self._reload,
            "drain": self._drain,
            "disconnect": self._disconnect,
            "reconnect": self._reconnect,
            "revoked": self._revoked,
            "revoke": self._revoke,
            "approvals": self._list_approvals,
            "decide": self._decide,
        }
        assert set(self._run) == {operation.name for operation in routes.OPERATIONS}

    async def answer(self, request: Request, *, who: str | None) -> Answer:
        """Answer one request.

        Args:
            request: As read by the server.
            who: Who asks, as it was proved; None when nothing was.
        """
        try:
            operation, asked = _read(request, who)
            async with asyncio.timeout(self._timeout_s):
                return await self._run[operation.name](asked)
        except ProblemError as error:
            return _problem(error.status, error.problem, allow=error.allow)
        except TimeoutError:
            return _problem(503, Problem("timeout", "it took too long; nobody knows whether it was done"))
        except KeelmarkError as error:
            return _problem(503, Problem("failed", error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - the edge: whatever fails is an answer
            return _problem(503, Problem("failed", f"it failed ({type(error).__name__})"))

    # What can be looked at

    async def _healthz(self, asked: Asked) -> Answer:
        del asked
        return _ok(Life())

    async def _readyz(self, asked: Asked) -> Answer:
        del asked
        lacking = missing(
            self._gateway.standing(), now=self._now(), is_disconnected=self._disconnection.poll()
        )
        body = msgspec.json.encode(Readiness(not lacking, lacking))
        return Answer(200 if not lacking else 503, body)

    async def _metrics(self, asked: Asked) -> Answer:
        del asked
        text = text_of(await asyncio.to_thread(self._numbers))
        return Answer(200, text.encode(), CONTENT_TYPE)

    async def _describe(self, asked: Asked) -> Answer:
        del asked
        return Answer(200, self._openapi)

    async def _state(self, asked: Asked) -> Answer:
        del asked
        return _ok(await self._gateway.state())

    async def _revoked(self, asked: Asked) -> Answer:
        del asked
        return _ok(routes.RevokedKeys(tuple(await self._keys.revoked())))

    async def _list_approvals(self, asked: Asked) -> Answer:
        del asked
        return _ok(routes.ApprovalList(tuple(await self._approvals.waiting())))

    # What can be done

    async def _reload(self, asked: Asked) -> Answer:
        await self._recorded("reload", asked.who, "")
        try:
            in_force = await self._gateway.reload()
        except KeelmarkError as error:
            message = f"the old configuration is still in force: {error.message}"
            if error.place:
                message = f"{message} ({error.place})"
            raise ProblemError(409, "kept", message, hint=error.hint) from error
        return _ok(Done("reload", recorded=True, detail=in_force))

    async def _drain(self, asked: Asked) -> Answer:
        await self._gateway.drain()
        return _ok(Done("drain", await self._tried("drain", asked.who, "")))

    async def _disconnect(self, asked: Asked) -> Answer:
        deed: routes.Deed = asked.body
        who = _owned(deed.owner, asked.who)
        # The file is written while nothing else runs: nobody is to be served in between, and it happens rarely.
        try:
            self._disconnection.disconnect(deed.reason, deed.owner, by=asked.who)
        except StoreError:
            await self._tried("disconnect", who, deed.reason)
            raise
        is_recorded = await self._tried("disconnect", who, deed.reason)
        return _ok(Done("disconnect", is_recorded, str(self._disconnection.file)))

    async def _reconnect(self, asked: Asked) -> Answer:
        deed: routes.Deed = asked.body
        if not self._disconnection.poll():
            raise ProblemError(409, "not-disconnected", "nothing is disconnected")
        await self._recorded("reconnect", _owned(deed.owner, asked.who), deed.reason)
        self._disconnection.reconnect(deed.reason, deed.owner, by=asked.who)
        return _ok(Done("reconnect", recorded=True))

    async def _revoke(self, asked: Asked) -> Answer:
        wanted: routes.Revocation = asked.body
        if not await self._keys.revoke(wanted.id, wanted.reason):
            raise ProblemError(404, "no-such-key", "there is no key of that id")
        is_recorded = await self._tried(f"revoke-key {wanted.id}", asked.who, wanted.reason)
        return _ok(Done("revoke-key", is_recorded, wanted.id))

    async def _decide(self, asked: Asked) -> Answer:
        verdict: routes.Verdict = asked.body
        who = _owned(verdict.owner, asked.who)
        action = f"{verdict.decision}-approval"
        if all(waiting.id != asked.id for waiting in await self._approvals.waiting()):
            raise ProblemError(404, "no-such-approval", "nothing of that id waits")
        if verdict.decision == "allow":
            await self._recorded(f"{action} {asked.id}", who, verdict.reason)
        is_decided = await self._approvals.decide(
            asked.id, verdict.decision, owner=verdict.owner, reason=verdict.reason, by=asked.who
        )
        if not is_decided:
            raise ProblemError(404, "no-such-approval", "nothing of that id waits any more")
        is_recorded = verdict.decision == "allow" or await self._tried(
            f"{action} {asked.id}", who, verdict.reason
        )
        return _ok(Done(action, is_recorded, asked.id))

    async def _recorded(self, action: str, who: str, reason: str) -> None:
        """Record what is only done when it is recorded."""
        if not await self._tried(action, who, reason):
            raise ProblemError(503, "log-unavailable", "it could not be recorded, so it was not done")

    async def _tried(self, action: str, who: str, reason: str) -> bool:
        """Record what is done either way; whether it was."""
        try:
            await self._record(action, who, reason)
        except Exception:  # noqa: BLE001 - whatever keeps it from being recorded, the caller is told
            return False
        return True


def missing(standing: Standing, *, now: float, is_disconnected: bool) -> tuple[str, ...]:
    """What keeps requests from being served, as ids."""
    release = standing.release
    lacks = {
        "release": bool(release.reason) or not release.id or not release.begins <= now < release.ends,
        "log": not standing.is_log_writable,
        "upstreams": standing.upstreams < 1,
        "draining": standing.is_draining,
        "disconnected": is_disconnected,
    }
    return tuple(name for name, is_so in lacks.items() if is_so)


def _read(request: Request, who: str | None) -> tuple[Operation, Asked]:
    """What is asked, and by whom. Without a proof, nobody learns which paths there are."""
    found = routes.match(request.path)
    operation = None if found is None else found[0].get(request.method)
    if who is None and (operation is None or not operation.is_open):
        raise ProblemError(401, "bad-credential", "a valid token is needed")
    if found is None:
        raise ProblemError(404, "no-such-path", "there is nothing here", hint="GET /openapi.json")
    if operation is None:
        methods = ", ".join(sorted(found[0]))
        raise ProblemError(405, "bad-method", f"this path takes {methods}", allow=methods)
    if request.query:
        raise ProblemError(400, "bad-request", "nothing here takes a query")
    return operation, Asked(who or "", found[1], _body(operation, request))


def _body(operation: Operation, request: Request) -> Any:
    if operation.body is None:
        if request.body:
            raise ProblemError(400, "bad-request", "this takes no body")
        return None
    if not request.body and operation.body is routes.Nothing:
        return routes.Nothing()
    form = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if form != _JSON:
        raise ProblemError(415, "bad-media-type", "the body must be application/json")
    if len(request.body) > routes.MAX_BODY_BYTES:
        raise ProblemError(413, "too-large", f"the body is larger than {routes.MAX_BODY_BYTES} bytes")
    try:
        if strict_json.parse(request.body, max_bytes=routes.MAX_BODY_BYTES).duplicates:
            raise ProblemError(400, "ambiguous-request", "the body has a key twice")
        return msgspec.json.decode(request.body, type=operation.body)
    except msgspec.ValidationError as error:
        raise ProblemError(400, "bad-field", f"the body is not as described: {error}") from error
    except (ParseError, LimitExceededError, msgspec.MsgspecError, RecursionError) as error:
        raise ProblemError(400, "bad-json", "the body is not strict JSON") from error


def _owned(owner: str, who: str) -> str:
    return f"{owner} ({who})"


def _ok(body: msgspec.Struct) -> Answer:
    return Answer(200, msgspec.json.encode(body))


def _problem(status: int, problem: Problem, *, allow: str = "") -> Answer:
    return Answer(status, msgspec.json.encode(Failure(problem)), allow=allow)

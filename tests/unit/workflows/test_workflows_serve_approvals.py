"""What one worker puts down for a person and takes: the store is asked beside requests, and its failures approve nothing."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keelmark.core.approvals import Approval
from keelmark.core.call import Action, Api, Call, ToolUse
from keelmark.core.exchange import Decision, Exchange, Outcome, Request, deny
from keelmark.core.principal import Principal, Proof
from keelmark.deployment.protection.limit_settings import SharedLimitSettings
from keelmark.errors import ConfigurationError, StoreError
from keelmark.operation.inputs.tool_arguments import arguments_digest
from keelmark.store.approvals_redis import RedisApprovals
from keelmark.store.approvals_sqlite import SqliteApprovals
from keelmark.workflows.serve_approvals import ApprovalDesk, approval_store

ASK = Decision(outcome=Outcome.ASK, reason="needs-approval")


class Store:
    """Keeps what is put down, slowly where it is told to; fails as it is told to."""

    def __init__(self) -> None:
        self.put_down: list[Approval] = []
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.fails: Exception | None = None
        self.decided: list[tuple[str, bool]] = []
        self.is_closed = False

    def _check(self) -> None:
        self.goes_on.wait(60)
        if self.fails is not None:
            raise self.fails

    def put(self, asked: Approval) -> bool:
        self._check()
        self.put_down.append(asked)
        return True

    def waiting(self) -> list[Approval]:
        self._check()
        return list(self.put_down)

    def decide(self, id: str, *, is_allowed: bool) -> bool:  # noqa: A002 - as the store calls it
        self._check()
        self.decided.append((id, is_allowed))
        return True

    def take(self, principal: str, digest: str) -> bool:
        self._check()
        return (principal, digest) == ("ann", "d")

    def close(self) -> None:
        self.is_closed = True


def asking(arguments: object = None, *, decision: Decision = ASK) -> Exchange:
    given = {"to": "bob"} if arguments is None else arguments
    found = Exchange(
        id="0",
        request=Request(method="POST", path="/"),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        started_ns=0,
    )
    found.principal = Principal(id="ann", proof=Proof.API_KEY)
    found.call = Call(
        api=Api.MCP,
        action=Action.CALL_TOOL,
        model="m",
        body={},
        tool_uses=(ToolUse(name="other", arguments={}), ToolUse(name="send", arguments=given)),
    )
    found.decision = decision
    found.facts["to_approve"] = arguments_digest("send", given)
    found.facts["use_to_approve"] = found.call.tool_uses[1]
    return found


def waiting(desk: ApprovalDesk) -> list[Approval]:
    return list(asyncio.run(desk.waiting()))


def test_what_was_put_down_before_somebody_looked_is_seen_with_its_arguments() -> None:
    desk = ApprovalDesk(Store())
    desk.note(asking())
    [seen] = waiting(desk)
    assert (seen.principal, seen.subject, seen.arguments) == ("ann", "send", '{"to":"bob"}')
    assert seen.digest == arguments_digest("send", {"to": "bob"})
    desk.close()


def test_what_a_model_asks_for_in_its_answer_is_put_down_too() -> None:
    # The answer was stopped; the call of the caller asked for no tool.
    desk, exchange = ApprovalDesk(Store()), asking(decision=deny("needs-approval"))
    exchange.call.tool_uses = ()
    desk.note(exchange)
    assert [each.subject for each in waiting(desk)] == ["send"]
    desk.close()


def test_what_nobody_asks_a_person_about_is_not_put_down() -> None:
    desk = ApprovalDesk(Store())
    exchange = asking()
    exchange.principal = None
    desk.note(exchange)
    for name in ("to_approve", "use_to_approve"):
        exchange = asking()
        del exchange.facts[name]
        desk.note(exchange)
    assert waiting(desk) == []
    desk.close()


def test_what_cannot_be_shown_as_a_whole_is_not_put_down_and_is_told_once() -> None:
    told = []
    desk = ApprovalDesk(Store(), told=told.append)
    for length in (32 * 1024, 40 * 1024):
        desk.note(asking({"to": "x" * length}))
    desk.note(asking({"to": "x" * (32 * 1024 - 9)}))
    assert [len(each.arguments) for each in waiting(desk)] == [32 * 1024]
    assert told == ["arguments of more than 32768 bytes cannot be approved"]
    desk.close()


def test_a_decision_reaches_the_store() -> None:
    store = Store()
    desk = ApprovalDesk(store)
    for decision in ("allow", "deny"):
        assert asyncio.run(desk.decide("i", decision, owner="o", reason="r", by="b"))
    assert store.decided == [("i", True), ("i", False)]
    desk.close()
    assert store.is_closed


@pytest.mark.parametrize("error", [StoreError("away"), ConfigurationError("not private")])
def test_a_store_that_fails_approves_nothing_and_is_told_once_until_it_works(error: Exception) -> None:
    store, told = Store(), []
    desk = ApprovalDesk(store, told=told.append)
    assert desk.take("ann", "d")
    store.fails = error
    assert not any(desk.take("ann", "d") for _ in range(3))
    desk.note(asking())
    with pytest.raises(type(error)):
        waiting(desk)
    assert told == [f"nothing is approved: {error}"]
    store.fails = None
    assert desk.take("ann", "d")
    store.fails = error
    assert not desk.take("ann", "d")
    assert len(told) == 2
    desk.close()


def test_whatever_fails_while_something_is_put_down_the_next_one_is() -> None:
    store, told = Store(), []
    desk = ApprovalDesk(store, told=told.append)
    store.fails = UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no")
    desk.note(asking())
    with pytest.raises(UnicodeEncodeError):
        waiting(desk)
    store.fails = None
    desk.note(asking())
    assert len(waiting(desk)) == 1
    assert told == ["nothing is approved: an approval cannot be asked for (UnicodeEncodeError)"]
    desk.close()


def test_how_much_waits_for_a_slow_store_is_bounded() -> None:
    store = Store()
    store.goes_on.clear()
    desk = ApprovalDesk(store)
    for number in range(300):
        desk.note(asking({"to": number}))
    store.goes_on.set()
    assert len(waiting(desk)) == 200
    desk.note(asking())
    assert len(waiting(desk)) == 201
    desk.close()


def test_approvals_are_shared_where_limits_are(tmp_path: Path) -> None:
    shared = SharedLimitSettings(url="env:REDIS_URL")
    store = approval_store(shared, root=tmp_path, environment={"REDIS_URL": "redis://localhost"})
    assert isinstance(store, RedisApprovals)
    store.close()
    with pytest.raises(ConfigurationError):
        approval_store(shared, root=tmp_path, environment={})
    assert isinstance(approval_store(SharedLimitSettings(), root=tmp_path), SqliteApprovals)
    assert list(tmp_path.iterdir()) == []

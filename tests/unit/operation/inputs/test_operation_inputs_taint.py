"""Which conversations stay clean over several turns."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keelmark.core.call import Action, Api, Call, Provenance, Span
from keelmark.core.exchange import ALLOW, Exchange, Outcome, Request
from keelmark.core.principal import Principal, Proof
from keelmark.core.route import Route, RouteKind
from keelmark.operation.inputs.taint import EarlierAnswers, TaintMemory, mark

ANA = Principal(id="ana", proof=Proof.API_KEY)
SAID = {"type": "message", "content": []}


def asked(
    continues: str = "",
    *,
    who: Principal = ANA,
    upstream: str = "u",
    provenance: Provenance = Provenance.USER,
    is_tainted: bool = False,
    api: Api = Api.RESPONSES,
) -> Exchange:
    body = {"previous_response_id": continues} if continues else {}
    found = Exchange(
        id="0",
        request=Request(method="POST", path="/"),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        started_ns=0,
    )
    found.call = Call(
        api=api,
        action=Action.INFER,
        model="m",
        body=body,
        spans=(Span(text="x", provenance=provenance),),
        is_tainted=is_tainted or bool(continues),
        continues="" if is_tainted else continues,
    )
    found.principal = who
    found.route = Route(name="m", kind=RouteKind.MODEL, upstream=upstream, asset="m")
    mark(found)
    return found


@pytest.fixture
def earlier() -> EarlierAnswers:
    """Knows `r1` as a clean answer to Ana."""
    found = EarlierAnswers(TaintMemory())
    found.note(asked(), {"id": "r1", "output": [SAID]})
    return found


def is_tainted(earlier: EarlierAnswers, exchange: Exchange) -> bool:
    assert earlier(exchange) is ALLOW
    assert exchange.facts["tainted"] is exchange.call.is_tainted
    return exchange.call.is_tainted


def test_a_clean_answer_can_be_gone_on_from(earlier) -> None:
    exchange = asked("r1")
    assert exchange.call.is_tainted
    assert not is_tainted(earlier, exchange)
    assert "tainted_by" not in exchange.facts
    earlier.note(exchange, {"id": "r2", "output": [SAID, {"type": "function_call"}]})
    assert not is_tainted(earlier, asked("r2"))


@pytest.mark.parametrize(
    "exchange",
    [
        lambda: asked("unknown"),
        lambda: asked("r1", who=Principal(id="bob", proof=Proof.API_KEY)),
        lambda: asked("r1", who=Principal(id="ana", proof=Proof.TOKEN)),
        lambda: asked("r1", who=Principal(id="ana", proof=Proof.API_KEY, tenant="t")),
        lambda: asked("r1", upstream="v"),
        lambda: asked("r1", is_tainted=True),
        lambda: asked("r1", provenance=Provenance.TOOL),
    ],
)
def test_of_others_or_with_another_taint_it_stays_tainted(earlier, exchange) -> None:
    assert is_tainted(earlier, exchange())


def test_once_tainted_every_later_turn_is(earlier) -> None:
    exchange = asked("r1", provenance=Provenance.RETRIEVED)
    assert is_tainted(earlier, exchange)
    earlier.note(exchange, {"id": "r2", "output": [SAID]})
    assert is_tainted(earlier, asked("r2"))
    # The same id once more, now out of a tainted conversation: it counts no longer as clean.
    earlier.note(exchange, {"id": "r1", "output": [SAID]})
    assert is_tainted(earlier, asked("r1"))


@pytest.mark.parametrize(
    "body",
    [
        {"id": "r2", "output": [SAID, {"type": "web_search_call"}]},
        {"id": "r2", "output": [SAID, {"type": "mcp_call"}]},
        {"id": "r2", "output": [{}]},
        {"id": "r2", "output": ["x"]},
        {"id": "r2"},
        {"id": "", "output": []},
        {"id": "r" * 300, "output": []},
        {"output": []},
        [],
        None,
    ],
)
def test_an_answer_into_which_others_wrote_is_not_clean(earlier, body) -> None:
    earlier.note(asked(), body)
    for name in ("r2", "r" * 300):
        assert is_tainted(earlier, asked(name))


def test_other_interfaces_are_not_remembered_and_unread_requests_denied(earlier) -> None:
    earlier.note(asked(api=Api.CHAT), {"id": "r2", "output": [SAID]})
    assert is_tainted(earlier, asked("r2"))
    unread = asked()
    unread.call = None
    assert earlier(unread).outcome is Outcome.DENY
    earlier.note(unread, {"id": "r2", "output": []})
    unknown = asked()
    unknown.principal = None
    assert earlier(unknown).outcome is Outcome.DENY

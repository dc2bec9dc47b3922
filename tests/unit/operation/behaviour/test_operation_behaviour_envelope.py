"""The system is kept inside the envelope of its release, and what is beyond each line is told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keelmark.core.call import Action, Api, Call, Provenance, Span, ToolDefinition
from keelmark.core.exchange import ALLOW, Exchange, Outcome, Request
from keelmark.core.principal import Principal, Proof
from keelmark.core.release import EnvelopeLimit, GrowthLimits
from keelmark.operation.behaviour.envelope import Measures
from keelmark.operation.behaviour.stage_envelope import Beyond, EnvelopeSettings, EnvelopeStage

DAY = 86_400
NOON = 20_000 * DAY + DAY / 2


def limits(*declared: tuple[str, str], computed: tuple[tuple[str, str], ...] = (), **more) -> GrowthLimits:
    return GrowthLimits(
        declared=tuple(
            EnvelopeLimit(dimension=name, limit=limit, reason=f"threat of {name}") for name, limit in declared
        ),
        computed=tuple(
            EnvelopeLimit(dimension=name, limit=limit, reason="computed") for name, limit in computed
        ),
        **more,
    )


def asked(
    user: str = "a", *, tools: tuple[str, ...] = (), spans: tuple[Provenance, ...] = (), **facts
) -> Exchange:
    call = Call(
        api=Api.CHAT,
        action=Action.INFER,
        model="m",
        body={},
        spans=tuple(Span(text="x", provenance=each) for each in spans),
        tools=tuple(ToolDefinition(name=name, digest="") for name in tools),
    )
    request = Request(method="POST", path="/", peer=facts.pop("peer", "127.0.0.1"))
    principal = Principal(id=user, proof=Proof.API_KEY)
    return Exchange(
        id="0",
        request=request,
        started=datetime.now(UTC),
        started_ns=0,
        call=call,
        principal=principal,
        facts=facts,
    )


def staged(
    envelope: GrowthLimits | None, *, settings: EnvelopeSettings | None = None, now: list[float] | None = None
):
    clock = now or [NOON]
    return EnvelopeStage(
        settings or EnvelopeSettings(), limits=lambda: envelope, measures=Measures(), now=lambda: clock[0]
    )


def test_the_request_that_would_cross_is_stopped_and_told() -> None:
    stage = staged(limits(("requests_per_day", "2")))
    assert stage(asked()) is ALLOW
    assert stage(asked()) is ALLOW
    exchange = asked()
    said = stage(exchange)
    assert (said.outcome, said.reason, said.detail) == (Outcome.DENY, "outside-envelope", "requests_per_day")
    [ground] = exchange.grounds
    assert ground.detail == "requests_per_day: 3 of 2; beyond: threat of requests_per_day"
    assert stage(asked()).reason == "outside-envelope"


def test_users_are_counted_once_and_only_when_they_are_let_through() -> None:
    stage = staged(limits(("users", "2")))
    assert [stage(asked(user)).reason for user in "aabbcab"] == ["", "", "", "", "outside-envelope", "", ""]


def test_with_a_new_day_counts_begin_anew() -> None:
    now = [NOON]
    stage = staged(limits(("tools", "1"), ("requests_per_day", "1")), now=now)
    assert stage(asked(tools=("mail",))) is ALLOW
    assert stage(asked()).reason == "outside-envelope"
    now[0] += DAY
    assert stage(asked(tools=("search",))) is ALLOW


def test_tools_count_by_name() -> None:
    stage = staged(limits(("tools", "2")))
    assert stage(asked(tools=("mail", "search"))) is ALLOW
    assert stage(asked(tools=("search",))) is ALLOW
    assert stage(asked(tools=("refund",))).detail == "tools"


def test_steps_without_a_person_are_those_since_one_spoke() -> None:
    user, tool, model = Provenance.USER, Provenance.TOOL, Provenance.MODEL
    stage = staged(limits(("autonomy", "2")))
    assert stage(asked(spans=(user, tool, tool, tool, user, tool, model, tool))) is ALLOW
    assert stage(asked(spans=(user, tool, model, tool, model, tool))).detail == "autonomy"


@pytest.mark.parametrize(
    ("beyond", "outcome", "enforced"),
    [(Beyond.STOP, Outcome.DENY, True), (Beyond.ASK, Outcome.ASK, True), (Beyond.WARN, Outcome.ALLOW, False)],
)
def test_what_happens_beyond_a_line_is_as_configured(
    beyond: Beyond, outcome: Outcome, enforced: bool
) -> None:
    stage = staged(limits(("users", "0")), settings=EnvelopeSettings(users=beyond))
    exchange = asked()
    assert stage(exchange).outcome is outcome
    assert exchange.grounds[0].is_enforced is enforced


def test_the_strictest_of_several_lines_counts() -> None:
    settings = EnvelopeSettings(users=Beyond.STOP, requests_per_day=Beyond.ASK)
    for order in ((("users", "0"), ("requests_per_day", "0")), (("requests_per_day", "0"), ("users", "0"))):
        exchange = asked()
        assert staged(limits(*order), settings=settings)(exchange).outcome is Outcome.DENY
        assert len(exchange.grounds) == 2


def test_a_class_of_data_that_was_not_released_is_stopped() -> None:
    stage = staged(limits(data_classes=("public",)))
    assert stage(asked(data_class="public")) is ALLOW
    assert stage(asked()) is ALLOW
    assert stage(asked(data_class="health")).detail == "data_classes"


@pytest.mark.parametrize(
    ("peer", "inside"),
    [
        ("10.1.2.3", True),
        ("", True),
        ("fd00::1", True),
        ("8.8.8.8", False),
        ("2001:4860::1", False),
        ("x", False),
    ],
)
def test_an_internal_release_is_for_callers_from_inside(peer: str, inside: bool) -> None:
    stage = staged(limits(exposure="internal"))
    assert (stage(asked(peer=peer)) is ALLOW) is inside
    assert staged(limits(exposure="public"))(asked(peer=peer)) is ALLOW


@pytest.mark.parametrize("limit", ["many", "nan", "inf", "-1"])
def test_a_limit_that_cannot_be_read_lets_nothing_through(limit: str) -> None:
    assert staged(limits(("users", limit)))(asked()).reason == "outside-envelope"


def test_without_a_release_there_is_no_line() -> None:
    assert staged(None)(asked()) is ALLOW


@pytest.mark.parametrize("field", ["call", "principal"])
def test_nobody_and_nothing_is_denied(field: str) -> None:
    exchange = asked()
    setattr(exchange, field, None)
    assert staged(None)(exchange).reason == "stage-failed"

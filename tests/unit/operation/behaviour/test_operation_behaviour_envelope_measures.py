"""What a gateway measures against the envelope, and what it says it does not measure."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.operation.behaviour.test_operation_behaviour_envelope import DAY, NOON, asked, limits

from keelmark.core.call import Action, Api, Call, Provenance, Span, ToolDefinition, ToolUse, Usage
from keelmark.core.exchange import ALLOW, Outcome
from keelmark.core.principal import Principal, Proof
from keelmark.core.release import EnvelopeLimit, GrowthLimits
from keelmark.core.route import Route, RouteKind
from keelmark.gateway.pipeline import close
from keelmark.operation.behaviour.envelope import Measures, envelope_lines, is_internal, not_measured
from keelmark.operation.behaviour.envelope_distinct import Distinct
from keelmark.operation.behaviour.stage_envelope import Beyond, EnvelopeSettings, EnvelopeStage

ROUTE = Route(
    name="small", kind=RouteKind.MODEL, upstream="u", asset="models/small", revision="3", data_class="public"
)
PRICES = {"small": (2_000_000, 10_000_000)}


def paid(user: str = "a", *, tokens: int = 100, most: int = 50, **facts):
    exchange = asked(user, **facts)
    exchange.call.input_tokens, exchange.call.max_output_tokens = tokens, most
    exchange.route = ROUTE
    return exchange


def staged(
    envelope: GrowthLimits | None, measures: Measures | None = None, *, now=None, prices=None, **chosen
):
    clock = now or [NOON]
    return EnvelopeStage(
        EnvelopeSettings(**chosen),
        limits=lambda: envelope,
        measures=measures or Measures(),
        now=lambda: clock[0],
        prices=PRICES if prices is None else prices,
    )


def test_money_is_counted_at_most_before_and_as_it_was_after() -> None:
    measures = Measures()
    stage = staged(limits(("spend_per_day", "0.001")), measures)
    first = paid()
    assert stage(first) is ALLOW  # 100 in at 2 and 50 out at 10: 700 millionths.
    second = paid()
    assert stage(second).detail == "spend_per_day"
    [ground] = second.grounds
    assert ground.detail == "spend_per_day: 0.001400 of 0.001; beyond: threat of spend_per_day"
    first.usage, first.request_digest = Usage(input_tokens=100, output_tokens=1), "ab"
    close(first)
    assert measures.now(now_s=NOON)["spend_per_day"] == 210
    assert stage(paid()) is ALLOW
    assert stage(paid()).detail == "spend_per_day"


@pytest.mark.parametrize(
    ("usage", "sent", "spent"),
    [
        (None, "", 0),
        (None, "ab", 700),
        (Usage(), "ab", 700),
        (Usage(output_tokens=2), "ab", 220),
        (Usage(input_tokens=1), "ab", 502),
        (Usage(input_tokens=100, output_tokens=5000), "ab", 50_200),
    ],
)
def test_what_nobody_counted_costs_as_much_as_it_could(usage, sent: str, spent: int) -> None:
    measures = Measures()
    exchange = paid()
    assert staged(None, measures)(exchange) is ALLOW
    exchange.usage, exchange.request_digest = usage, sent
    close(exchange)
    assert measures.now(now_s=NOON)["spend_per_day"] == spent


def test_money_of_yesterday_changes_nothing_of_today() -> None:
    measures, now = Measures(), [NOON]
    stage = staged(None, measures, now=now)
    exchange = paid()
    assert stage(exchange) is ALLOW
    now[0] += DAY
    assert stage(paid()) is ALLOW
    close(exchange)
    assert measures.now(now_s=now[0])["spend_per_day"] == 700


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400), st.booleans()), max_size=30))
def test_money_that_is_let_through_never_crosses_the_line(steps) -> None:
    measures = Measures()
    stage = staged(limits(("spend_per_day", "0.01")), measures)
    spent = 0
    for most, really, is_settled in steps:
        exchange = paid(tokens=0, most=most)
        if stage(exchange) is not ALLOW:
            continue
        exchange.request_digest = "ab"
        used = min(most, really)
        if is_settled:
            exchange.usage = Usage(input_tokens=0, output_tokens=used)
        close(exchange)
        spent += 10 * (used if is_settled else most)
        assert measures.now(now_s=NOON)["spend_per_day"] == spent <= 10_000


def test_people_are_those_of_thirty_days() -> None:
    now = [NOON]
    stage = staged(limits(("users", "2")), now=now)
    assert stage(asked("a")) is ALLOW
    now[0] += 10 * DAY
    assert stage(asked("b")) is ALLOW
    now[0] += 19 * DAY
    assert stage(asked("c")).detail == "users"
    now[0] += DAY
    assert stage(asked("c")) is ALLOW


def test_one_name_proved_in_two_ways_is_two_callers() -> None:
    stage = staged(limits(("users", "1")))
    assert stage(asked("a")) is ALLOW
    exchange = asked()
    exchange.principal = Principal(id="a", proof=Proof.TOKEN)
    assert stage(exchange).detail == "users"


def called(conversation: str, *, action: Action = Action.CALL_TOOL, user: str = "a", spans=()):
    exchange = asked(user)
    exchange.call = Call(
        api=Api.MCP,
        action=action,
        model="tickets",
        body={},
        tool_uses=(ToolUse(name="close", arguments={}),) if action is Action.CALL_TOOL else (),
        spans=tuple(Span(text="x", provenance=each) for each in spans),
    )
    headers = {"x-conversation-id": conversation} if conversation else {}
    exchange.request = msgspec.structs.replace(exchange.request, headers=headers)
    return exchange


def test_calls_of_tools_in_a_conversation_are_steps_until_a_person_speaks() -> None:
    stage = staged(limits(("autonomy", "2")))
    assert stage(called("c")) is ALLOW
    assert stage(called("c", action=Action.LIST_TOOLS)) is ALLOW
    assert stage(called("c")) is ALLOW
    assert stage(called("c")).detail == "autonomy"
    assert stage(called("d")) is ALLOW
    assert stage(called("c", user="b")) is ALLOW
    spoken = (Provenance.TOOL, Provenance.USER)
    assert stage(called("c", action=Action.INFER, spans=spoken)) is ALLOW
    assert stage(called("c")) is ALLOW
    assert staged(limits(("autonomy", "0")))(called("")) is ALLOW
    assert staged(limits(("autonomy", "0")), conversation_header="")(called("c")) is ALLOW


def test_conversations_are_bounded() -> None:
    measures = Measures()
    for number in range(10_050):
        measures.note_steps("a", str(number), 1)
    assert len(measures._conversations) == 10_000
    assert measures.steps(called("x").call, "a", "10049") == 2


def test_tools_are_those_of_the_day_and_bounded() -> None:
    measures, now = Measures(), [NOON]
    stage = staged(limits(("tools", "2")), measures, now=now)
    assert stage(asked(tools=("mail", "mail", "search"))) is ALLOW
    assert stage(asked(tools=("mail",))) is ALLOW
    assert stage(asked(tools=("refund",))).detail == "tools"
    now[0] += DAY
    assert stage(asked(tools=("refund",))) is ALLOW
    measures.count("a", [str(number) for number in range(20_000)], money=0, now_s=NOON)
    assert measures.now(now_s=NOON)["tools"] == 10_000


@pytest.mark.parametrize("beyond", Beyond)
def test_money_is_stopped_asked_about_or_recorded(beyond: Beyond) -> None:
    exchange = paid()
    said = staged(limits(("spend_per_day", "0")), spend_per_day=beyond)(exchange)
    outcomes = {Beyond.STOP: Outcome.DENY, Beyond.ASK: Outcome.ASK, Beyond.WARN: Outcome.ALLOW}
    assert said.outcome is outcomes[beyond]
    assert exchange.grounds[0].is_enforced is (beyond is not Beyond.WARN)
    assert bool(exchange.at_end) is (beyond is Beyond.WARN)


@pytest.mark.parametrize(
    ("peer", "inside"),
    [("::ffff:10.0.0.1", True), ("::ffff:8.8.8.8", False), ("::1", True), ("fe80::1%eth0", True)],
)
def test_addresses_that_are_written_as_ipv6_are_taken_for_what_they_are(peer: str, inside: bool) -> None:
    assert (staged(limits(exposure="internal"))(asked(peer=peer)) is ALLOW) is inside


def test_addresses_that_are_remembered_are_bounded() -> None:
    stage = staged(None)
    for number in range(5000):
        stage(asked(peer=f"10.0.{number // 256}.{number % 256}"))
    assert len(stage._outside) <= 4096


def test_the_threat_analysis_says_internal_where_the_owner_says_nothing() -> None:
    computed = (("exposure", "0"),)
    assert is_internal(limits(computed=computed))
    assert not is_internal(limits(computed=(("exposure", "1"),)))
    assert not is_internal(limits(computed=computed, exposure="public"))
    assert staged(limits(computed=computed))(asked(peer="8.8.8.8")).detail == "exposure"


def test_what_is_limited_and_not_measured_is_named() -> None:
    found = limits(("spend_per_day", "5"), ("users", "1"), computed=(("data_value", "2"), ("exposure", "0")))
    assert not_measured(found) == ("data_value",)
    assert not_measured(found, unpriced=["small", "large"]) == (
        "data_value", "spend_per_day (no price: large, small)",
    )  # fmt: skip
    assert not_measured(limits(computed=(("exposure", "1"), ("tools", "")))) == ("exposure",)
    assert not_measured(limits(exposure="partners")) == ("exposure (who is a partner is not known)",)
    assert not_measured(limits(("users", "1")), unpriced=["small"]) == ()


@pytest.mark.parametrize(
    "limit",
    ["many", "nan", "inf", "-1", "1_000", " 5", "5 ", "٣", "0x10", "1e", "1e9999", "9" * 31, "+1", ".5"],
)
def test_numbers_are_read_strictly_and_else_let_nothing_through(limit: str) -> None:
    assert staged(limits(("requests_per_day", limit)))(asked()).detail == "requests_per_day"


@pytest.mark.parametrize(
    ("limit", "most"), [("5", 5), ("5.9", 5), ("1e+3", 1000), ("-0.5", -1), ("0", 0), ("1e-7", 0)]
)
def test_fractions_count_up_to_the_whole_number_inside(limit: str, most: int) -> None:
    [line] = envelope_lines(limits(("users", limit)))
    assert line.most == most
    [line] = envelope_lines(limits(("spend_per_day", limit)))
    assert line.most <= float(limit) * 1_000_000


def test_long_numbers_are_not_rounded() -> None:
    [line] = envelope_lines(limits(("spend_per_day", "9" * 30 + "." + "9" * 30)))
    assert line.most == int("9" * 36)
    [line] = envelope_lines(limits(("users", "1e999")))
    assert line.most == 10**999


def test_of_one_dimension_what_was_declared_counts() -> None:
    found = limits(("users", "5"), computed=(("users", "3"), ("tools", "7"), ("autonomy", "")))
    assert [(each.dimension, each.most) for each in envelope_lines(found)] == [("users", 5), ("tools", 7)]


def test_what_was_measured_outlives_a_restart() -> None:
    measures = Measures()
    stage = staged(None, measures)
    for user in "ab":
        assert stage(paid(user, tools=("mail",), peer="8.8.8.8")) is ALLOW
    before = measures.now(now_s=NOON)
    again = Measures()
    assert again.restore(measures.snapshot(), now_s=NOON + 60)
    kept = ("users", "requests_per_day", "tools", "spend_per_day", "data_classes", "models", "outside")
    assert {name: again.now(now_s=NOON)[name] for name in kept} == {name: before[name] for name in kept}
    assert before["models"] == before["data_classes"] == 1
    assert (before["requests_per_minute"], before["requests_per_second"], before["outside"]) == (2, 2, 2)
    assert list(again.models) == ["models/small@3"]
    assert again.restore(measures.snapshot(), now_s=NOON + DAY)
    tomorrow = again.now(now_s=NOON + DAY)
    assert (tomorrow["users"], tomorrow["requests_per_day"], tomorrow["spend_per_day"]) == (2, 0, 0)
    assert tomorrow["requests_per_minute"] == tomorrow["requests_per_second"] == 0


def test_what_cannot_be_read_changes_nothing() -> None:
    measures = Measures()
    assert staged(None, measures)(paid()) is ALLOW
    good = measures.snapshot()
    future = msgspec.json.encode({**msgspec.json.decode(good), "day": 10**9})
    negative = msgspec.json.encode({**msgspec.json.decode(good), "spent": -1})
    many = msgspec.json.encode({**msgspec.json.decode(good), "models": [str(each) for each in range(1001)]})
    users = msgspec.json.encode({**msgspec.json.decode(good), "users": {"seen": [[-1, 1]]}})
    for damaged in (b"", b"{}", b"[1]", b"\xff", good[:-1], future, negative, many, users):
        assert not measures.restore(damaged, now_s=NOON)
        assert measures.snapshot() == good


def test_there_is_something_to_write_at_most_each_five_seconds() -> None:
    measures = Measures()
    stage = staged(None, measures)
    assert stage(paid()) is ALLOW
    first = measures.snapshot(now_s=NOON)
    assert stage(paid("b")) is ALLOW
    assert measures.snapshot(now_s=NOON + 4.9) is first
    assert measures.snapshot() != first
    assert measures.snapshot(now_s=NOON + 5) != first
    assert measures.snapshot(now_s=NOON - 100) != first


def test_what_is_remembered_is_bounded() -> None:
    measures = Measures(users=Distinct(max_exact=100))
    for number in range(3_000):
        measures.note_model(str(number))
        measures.note_data_class(str(number))
        measures.count(str(number), [f"{number}" * 100], money=0, now_s=NOON)
    assert len(measures.models) == len(measures.data_classes) == 1000
    assert len(measures.snapshot()) < 1_000_000


def test_a_new_envelope_counts_from_the_next_request_on() -> None:
    current = [limits(("requests_per_day", "1"))]
    stage = EnvelopeStage(
        EnvelopeSettings(), limits=lambda: current[0], measures=Measures(), now=lambda: NOON
    )
    assert stage(asked()) is ALLOW
    assert stage(asked()).reason == "outside-envelope"
    current[0] = GrowthLimits(declared=(EnvelopeLimit(dimension="requests_per_day", limit="2"),))
    assert stage(asked()) is ALLOW
    current[0] = None
    assert stage(asked()) is ALLOW


def test_offered_tools_count_as_called_ones_do() -> None:
    exchange = asked()
    exchange.call.tools = (ToolDefinition(name="mail", digest=""),)
    exchange.call.tool_uses = (ToolUse(name="mail", arguments={}), ToolUse(name="refund", arguments={}))
    assert staged(limits(("tools", "1")))(exchange).detail == "tools"

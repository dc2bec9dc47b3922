"""The stage that decides what a caller may do, and the memory behind it, which must never change an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.call import Action, Api, Call, Provenance, Span, ToolDefinition, ToolUse
from keelmark.core.exchange import ALLOW, Exchange, Outcome, Request
from keelmark.core.principal import Principal, Proof
from keelmark.deployment.access.authoriser import AssetSettings, Authoriser, Bounds
from keelmark.deployment.access.policies import PolicySource, load_policies
from keelmark.deployment.access.questions import Kind
from keelmark.deployment.access.stage_authorise import Authorise
from keelmark.errors import ConfigurationError

EVERY = frozenset(f"{action.value}:*" for action in Action)


def caller(**changes) -> Principal:
    return Principal(
        **{"id": "ana", "proof": Proof.TOKEN, "team": "ml", "tenant": "acme", "scopes": EVERY, **changes}
    )


def stage(*texts: str, models=("small", "big"), assets=(), bounds=None) -> Authorise:
    book = load_policies(
        [PolicySource(name=f"{number}.cedar", text=text) for number, text in enumerate(texts)]
    )
    return Authorise(Authoriser(book, assets=assets, bounds=bounds), models=lambda: models)


def exchange(
    model: str = "small",
    action: Action = Action.INFER,
    *,
    principal: Principal | None = None,
    facts=None,
    peer="10.0.0.7",
    hour=12,
    **call,
) -> Exchange:
    return Exchange(
        id="1",
        request=Request(method="POST", path="/", peer=peer),
        started=datetime(2026, 5, 1, hour, tzinfo=UTC),
        started_ns=0,
        principal=principal or caller(),
        call=Call(**{"api": Api.CHAT, "action": action, "model": model, "body": {}, **call}),
        facts=facts or {},
    )


def reason(found: Authorise, asked: Exchange) -> str:
    decision = found(asked)
    assert (decision is ALLOW) == (decision.reason == "")
    return decision.reason


ALL = "permit(principal, action, resource);"
LISTED = 'permit(principal, action == Keelmark::Action::"listModels", resource);'
SERVERS = 'permit(principal, action == Keelmark::Action::"listTools", resource);'
ON_SMALL = 'permit(principal in Keelmark::Team::"ml", action, resource == Keelmark::Model::"small");'


def test_what_a_policy_permits_is_allowed_and_nothing_else() -> None:
    found = stage(ON_SMALL)
    assert reason(found, exchange("small")) == ""
    assert reason(found, exchange("small", Action.EMBED)) == ""
    assert reason(found, exchange("big")) != ""
    assert reason(found, exchange("small", principal=caller(team="sales"))) != ""
    assert reason(stage(), exchange("small")) != ""


def test_missing_scope_is_told_before_policies_are_asked() -> None:
    found = stage(ALL)
    assert reason(found, exchange(principal=caller(scopes=frozenset()))) == "missing-scope"
    assert reason(found, exchange(principal=caller(scopes=frozenset({"infer:big"})))) == "missing-scope"
    assert (
        reason(found, exchange("nothing", principal=caller(scopes=frozenset({"infer:big"}))))
        == "missing-scope"
    )
    assert reason(found, exchange(principal=caller(scopes=frozenset({"infer:small"})))) == ""


def test_existence_is_not_told_to_those_who_may_not_list() -> None:
    assert reason(stage(ON_SMALL), exchange("big")) == "no-such-model"
    assert reason(stage(ON_SMALL), exchange("never-was")) == "no-such-model"
    assert reason(stage(ON_SMALL, LISTED), exchange("big")) == "not-allowed"
    no_listing = caller(scopes=frozenset({"infer:*"}))
    assert reason(stage(ON_SMALL, LISTED), exchange("big", principal=no_listing)) == "no-such-model"


@pytest.mark.parametrize("name", ["", "x" * 513])
def test_name_that_is_none_is_no_model(name: str) -> None:
    assert reason(stage(ALL), exchange(name)) == "no-such-model"


def test_without_caller_or_call_nothing_is_allowed() -> None:
    asked = exchange()
    asked.principal = None
    assert reason(stage(ALL), asked) == "not-allowed"
    asked = exchange()
    asked.call = None
    assert reason(stage(ALL), asked) == "not-allowed"


def test_listing_shows_what_may_be_listed() -> None:
    only = 'permit(principal, action == Keelmark::Action::"listModels", resource == Keelmark::Model::"big");'
    asked = exchange("", Action.LIST_MODELS)
    assert reason(stage(only), asked) == ""
    assert asked.facts["visible_models"] == ("big",)
    asked = exchange("", Action.LIST_MODELS)
    assert reason(stage(), asked) == ""
    assert asked.facts["visible_models"] == ()
    assert (
        reason(stage(only), exchange("", Action.LIST_MODELS, principal=caller(scopes=frozenset({"infer:*"}))))
        == "missing-scope"
    )
    asked = exchange("big", Action.LIST_MODELS)
    assert reason(stage(only), asked) == ""
    assert asked.facts["visible_models"] == ("big",)
    asked = exchange("small", Action.LIST_MODELS)
    assert reason(stage(only), asked) == "no-such-model"
    assert "visible_models" not in asked.facts
    # What a policy lets everybody see is still not there when no route leads to it.
    asked = exchange("nowhere", Action.LIST_MODELS)
    assert reason(stage(ALL), asked) == ""
    assert "visible_models" not in asked.facts


# -- circumstances ------------------------------------------------------------------------------------------------


def when(condition: str) -> Authorise:
    return stage(f"permit(principal, action, resource) when {{ {condition} }};", LISTED)


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("10.1.2.3", "private"),
        ("fe80::1%eth0", "private"),
        ("::ffff:10.1.2.3", "private"),
        ("9.9.9.9", "public"),
        ("", "unknown"),
        ("/run/socket", "unknown"),
    ],
)
def test_origin_is_the_class_of_the_address(peer: str, origin: str) -> None:
    found = stage(f'permit(principal, action, resource) when {{ context.origin == "{origin}" }};')
    assert reason(found, exchange(peer=peer)) == ""


def test_address_is_told_and_facts_say_more() -> None:
    assert (
        reason(when('context has address && context.address.isInRange(ip("10.0.0.0/8"))'), exchange()) == ""
    )
    assert reason(when("context has address"), exchange(peer="")) == "not-allowed"
    assert reason(when('context.origin == "vpn"'), exchange(facts={"origin": "vpn"})) == ""
    assert reason(when('context.dataClass == "personal"'), exchange(facts={"data_class": "personal"})) == ""
    assert reason(when('context.dataClass == "unknown"'), exchange()) == ""
    assert reason(when("context.hour == 9 && context.weekday == 5"), exchange(hour=9)) == ""
    assert reason(when("context.stream"), exchange(stream=True)) == ""
    only = 'permit(principal, action == Keelmark::Action::"infer", resource) when {{ {} }};'.format
    assert (
        reason(
            stage(only('context.tools.contains("b")')), exchange(tools=(ToolDefinition(name="b", digest=""),))
        )
        == ""
    )
    assert (
        reason(stage(only("context.maxOutputTokens <= 100"), LISTED), exchange(max_output_tokens=101))
        == "not-allowed"
    )


@pytest.mark.parametrize(
    ("facts", "is_tainted"),
    [({}, True), ({"tainted": True}, False), ({"tainted": None}, False), ({"tainted": "no"}, False)],
)
def test_whatever_is_not_plainly_clean_is_tainted(facts, is_tainted: bool) -> None:
    found = when("!context.tainted")
    spans = (Span(text="x", provenance=Provenance.TOOL),)
    assert reason(found, exchange(facts=facts, is_tainted=is_tainted, spans=spans)) == "not-allowed"
    assert reason(found, exchange(facts={"tainted": False})) == ""


def test_only_what_is_plainly_approved_is_approved() -> None:
    found = when("context.approved")
    assert reason(found, exchange(facts={"approved": True})) == ""
    for value in (False, 1, "yes", None):
        decision = found(exchange(facts={"approved": value}))
        assert (decision.outcome, decision.reason) == (Outcome.ASK, "needs-approval")


def test_approval_is_not_asked_for_what_it_would_not_change() -> None:
    found = stage(
        "permit(principal, action, resource) when { context.approved && context.hour > 20 };", LISTED
    )
    assert reason(found, exchange()) == "not-allowed"


def test_assets_say_whose_they_are() -> None:
    assets = (
        AssetSettings(kind=Kind.MODEL, name="small", tenant="acme", data_class="internal"),
        AssetSettings(kind=Kind.MODEL, name="big", tenant="other"),
    )
    found = stage(
        "permit(principal, action, resource is Keelmark::Model) when { resource.tenant == principal.tenant };",
        assets=assets,
    )
    assert reason(found, exchange("small")) == ""
    assert reason(found, exchange("big")) == "no-such-model"
    with pytest.raises(ConfigurationError):
        stage(ALL, assets=assets[:1] * 2)
    with pytest.raises(ConfigurationError):
        stage(ALL, assets=(AssetSettings(kind=Kind.TOOL, name="a/b"),))


# -- collections --------------------------------------------------------------------------------------------------


def test_every_collection_must_be_allowed() -> None:
    found = stage(ON_SMALL, 'permit(principal, action, resource == Keelmark::Collection::"papers");')
    assert reason(found, exchange(facts={"collections": ("papers",)})) == ""
    assert reason(found, exchange(facts={"collections": ()})) == ""
    assert reason(found, exchange(facts={"collections": ("papers", "salaries")})) == "not-allowed"
    assert reason(found, exchange(facts={"collections": "papers"})) == "not-allowed"
    assert reason(found, exchange(facts={"collections": ("papers",) * 65})) == "not-allowed"
    assert (
        reason(stage(ALL), exchange("s", Action.LIST_TOOLS, facts={"collections": ("papers",)}))
        == "not-allowed"
    )


# -- tools --------------------------------------------------------------------------------------------------------


def tools(*uses: tuple[str, object], server: str = "files", **more) -> Exchange:
    found = tuple(ToolUse(name=name, arguments=arguments) for name, arguments in uses)
    return exchange(server, Action.CALL_TOOL, api=Api.MCP, tool_uses=found, **more)


IN_DATA = (
    'permit(principal, action == Keelmark::Action::"callTool", resource == Keelmark::Tool::"files/read")'
    ' when { context.arguments.hasTag("path") && context.arguments.getTag("path") like "/data/*" };'
)


def test_each_tool_is_judged_with_its_own_arguments() -> None:
    found = stage(IN_DATA, SERVERS)
    assert reason(found, tools(("read", {"path": "/data/a"}))) == ""
    assert reason(found, tools(("read", {"path": "/etc/a"}))) == "not-allowed"
    assert reason(found, tools(("read", {"path": "/data/a"}), ("read", {"path": "/etc/a"}))) == "not-allowed"
    assert reason(found, tools(("write", {"path": "/data/a"}))) == "not-allowed"
    assert reason(found, tools(("read", None))) == "not-allowed"


def test_arguments_as_one_text_tell_kinds_apart() -> None:
    found = stage(
        'permit(principal, action == Keelmark::Action::"callTool", resource) when { context.argumentsJson == "{\\"a\\":1,\\"b\\":true}" };'
    )
    assert reason(found, tools(("read", {"b": True, "a": 1}))) == ""
    assert reason(found, tools(("read", {"b": "true", "a": 1}))) != ""


def test_tools_of_servers_that_are_not_listed_do_not_exist() -> None:
    assert reason(stage(IN_DATA), tools(("write", {}))) == "no-such-model"


@pytest.mark.parametrize(
    "asked",
    [
        tools(),
        tools(("", {})),
        tools(("read", object())),
        tools(*[("read", {})] * 65),
        tools(("read", {}), server=""),
        tools(("c", {}), server="a/b"),
    ],
)
def test_calls_of_tools_that_cannot_be_told_are_denied(asked: Exchange) -> None:
    assert reason(stage(ALL), asked) in {"not-allowed", "no-such-model"}


def test_scopes_of_tools_name_server_and_tool() -> None:
    found = stage(ALL)
    only = caller(scopes=frozenset({"callTool:files/read"}))
    assert reason(found, tools(("read", {}), principal=only)) == ""
    assert reason(found, tools(("write", {}), principal=only)) == "missing-scope"
    assert reason(found, tools(("read", {}), server="mail", principal=only)) == "missing-scope"


def test_one_tool_that_needs_approval_asks_and_one_that_is_denied_denies() -> None:
    found = stage(
        IN_DATA,
        SERVERS,
        'permit(principal, action == Keelmark::Action::"callTool", resource == Keelmark::Tool::"files/write") when { context.approved };',
    )
    read, write, other = ("read", {"path": "/data/a"}), ("write", {}), ("remove", {})
    assert reason(found, tools(read, write)) == "needs-approval"
    assert reason(found, tools(write, read)) == "needs-approval"
    assert reason(found, tools(write, other)) == "not-allowed"


def test_resources_of_servers_are_judged_by_address() -> None:
    found = stage(
        'permit(principal, action == Keelmark::Action::"readResource", resource == Keelmark::Server::"files") when { context.uri like "file:///data/*" };',
        SERVERS,
    )

    def read(body: object) -> str:
        return reason(found, exchange("files", Action.READ_RESOURCE, body=body))

    assert read({"params": {"uri": "file:///data/a"}}) == ""
    for body in ({"params": {"uri": "file:///etc/a"}}, {"params": {"uri": 7}}, {"params": []}, {}, None):
        assert read(body) == "not-allowed"
    assert reason(found, exchange("files", Action.LIST_TOOLS)) == ""
    assert reason(found, exchange("mail", Action.READ_RESOURCE)) == "not-allowed"


# -- memory -------------------------------------------------------------------------------------------------------


POLICIES = (
    'permit(principal in Keelmark::Team::"ml", action, resource) when { !context.tainted };'
    'permit(principal, action == Keelmark::Action::"infer", resource == Keelmark::Model::"big") when { context.hour < 6 || context.approved };'
    'forbid(principal, action, resource) when { principal.hasTag("blocked") };'
    'permit(principal, action == Keelmark::Action::"listModels", resource == Keelmark::Model::"small");'
)
REQUESTS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["small", "big", "none"]),
        "action": st.sampled_from([Action.INFER, Action.EMBED, Action.LIST_MODELS]),
        "team": st.sampled_from(["ml", "sales"]),
        "id": st.sampled_from(["ana", "bob"]),
        "proof": st.sampled_from(list(Proof)),
        "scopes": st.sampled_from([EVERY, frozenset({"infer:big"}), frozenset({"infer:*", "listModels:*"})]),
        "attributes": st.sampled_from([(), (("blocked", "yes"),)]),
        "hour": st.sampled_from([3, 12]),
        "tainted": st.booleans(),
        "approved": st.booleans(),
        "stream": st.booleans(),
    }
)


def request(wanted) -> Exchange:
    who = caller(**{name: wanted[name] for name in ("team", "id", "proof", "scopes", "attributes")})
    return exchange(
        wanted["model"],
        wanted["action"],
        principal=who,
        hour=wanted["hour"],
        stream=wanted["stream"],
        facts={"tainted": wanted["tainted"], "approved": wanted["approved"]},
    )


WARM = stage(POLICIES, bounds=Bounds(max_decisions=64))


@given(st.lists(REQUESTS, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_memory_never_changes_a_decision(wanted) -> None:
    for each in wanted:
        cold = stage(POLICIES)
        assert WARM(request(each)) == cold(request(each))
        assert WARM(request(each)) == cold(request(each))


def counting(found: Authorise) -> list[int]:
    """Counts questions that reach the policies."""
    authoriser = found._now[0]
    asked: list[int] = []
    book = authoriser.book

    class Book:
        mentioned = book.mentioned

        def ask(self, question):
            asked.append(1)
            return book.ask(question)

    authoriser.book = Book()
    return asked


def test_circumstances_that_nobody_reads_do_not_cost_a_second_judgement() -> None:
    found = stage("permit(principal, action, resource) when { !context.tainted };")
    asked = counting(found)
    for hour, stream, peer in product(range(24), (True, False), ("10.0.0.1", "9.9.9.9")):
        assert reason(found, exchange(hour=hour, stream=stream, peer=peer)) == ""
    assert len(asked) == 1
    reason(found, exchange(is_tainted=True))
    assert len(asked) == 3  # the question, and whether the model may be listed


def test_memory_is_bounded_in_number_and_length() -> None:
    found = stage(IN_DATA, bounds=Bounds(max_decisions=4, max_characters=64))
    remembered = found._now[0]._remembered
    for number in range(50):
        reason(found, tools(("read", {"path": f"/data/{number}"})))
    assert len(remembered) <= 8
    asked = counting(found)
    for _ in range(3):
        assert reason(found, tools(("read", {"path": "/data/" + "x" * 100}))) == ""
    assert len(asked) == 3


def test_other_policies_are_used_at_once_and_forget() -> None:
    found = stage(ALL)
    assert reason(found, exchange()) == ""
    found.use(Authoriser(load_policies([])))
    assert reason(found, exchange()) == "no-such-model"

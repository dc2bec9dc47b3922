"""Policies: cut into statements, checked against the schema with words, and asked. What is not permitted is denied."""

from __future__ import annotations

import ipaddress
import json

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.call import Action
from keelmark.core.principal import Principal, Proof
from keelmark.deployment.access.policies import PolicySource, load_policies, schema_text
from keelmark.deployment.access.policy_text import Bounds, statements
from keelmark.deployment.access.questions import (
    CONTEXT,
    NEUTRAL,
    Kind,
    Question,
    Resource,
    context_json,
    entities_json,
    flatten,
    uid_of,
)
from keelmark.deployment.access.recent import Recent
from keelmark.deployment.access.scopes import allows, check_scopes
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError

ANA = Principal(
    id="ana",
    proof=Proof.TOKEN,
    team="ml",
    tenant="acme",
    scopes=frozenset({"infer:*"}),
    attributes=(("role", "lead"),),
)
SMALL = Resource(kind=Kind.MODEL, name="small")


def book(*texts: str):
    return load_policies(
        [PolicySource(name=f"{number}.cedar", text=text) for number, text in enumerate(texts)]
    )


def ask(
    text: str,
    *,
    action: Action = Action.INFER,
    resource: Resource = SMALL,
    principal: Principal = ANA,
    **context,
):
    return book(text).ask(Question(principal=principal, action=action, resource=resource, context=context))


def permit(condition: str = "", scope: str = "principal, action, resource") -> str:
    return f"permit({scope})" + (f" when {{ {condition} }};" if condition else ";")


# -- text ---------------------------------------------------------------------------------------------------------


def test_text_is_cut_at_ends_of_policies_and_knows_lines() -> None:
    text = '// one; two\n\npermit(principal, action, resource)\nwhen { "a;\\"//" == "b" }; forbid(principal,\naction, resource);\n// end'
    found = statements(text)
    assert [each.line for each in found] == [3, 4]
    assert all(each.text.endswith(";") for each in found)
    assert found[1].text.startswith("forbid")


def test_places_are_right_behind_other_alphabets() -> None:
    found = statements(
        '// ä漢字😀\n@id("😀")\npermit(principal, action, resource);\npermit(principal, action, resource);'
    )
    assert [each.line for each in found] == [2, 4]
    assert found[1].text == "permit(principal, action, resource);"


@pytest.mark.parametrize("text", ["permit(principal, action, resource)", '@id("x', "permit\n(", 'x "'])
def test_what_does_not_end_is_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        statements(text)
    assert caught.value.line == 1


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 5_000 + "true" + ")" * 5_000,
        "[" * 5_000 + "]" * 5_000 + " == []",
        "true" + " && true" * 5_000,
        "context" + ".a" * 5_000 + " == 1",
        "if true then true else " * 5_000 + "true",
        "1" + "+1" * 5_000 + " == 1",
        '{"a":' * 5_000 + "1" + "}" * 5_000 + " == {}",
    ],
)
def test_what_would_end_the_process_is_refused_before_cedar_sees_it(condition: str) -> None:
    with pytest.raises(LimitExceededError):
        statements(permit(condition))


def test_deepest_policy_within_bounds_is_read_and_asked() -> None:
    bounds = Bounds()
    deep = "(" * (bounds.max_depth - 1) + "true" + ")" * (bounds.max_depth - 1)
    assert ask(permit(deep)).is_allowed
    assert ask(permit("true" + " && true" * bounds.max_operators)).is_allowed


def test_long_lists_are_no_depth() -> None:
    names = ", ".join(f'Keelmark::Model::"m{number}"' for number in range(2_000))
    assert ask(
        permit(f"[{names}].contains(resource)", "principal, action, resource is Keelmark::Model"),
        resource=Resource(kind=Kind.MODEL, name="m7"),
    ).is_allowed


@given(st.text(max_size=80) | st.text(alphabet='permit(ncalo,sue);{}"\\/ \n@', max_size=80))
@settings(max_examples=200)
def test_any_text_is_policies_or_refused_with_words(text: str) -> None:
    try:
        book(text)
    except ConfigurationError as error:
        assert error.message  # noqa: PT017


# -- loading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\npermit(principal, action, resource)\nwhen { context.hoour > 3 };", 2, "hoour"),
        ('permit(principal in Keelmark::Teem::"a", action, resource);', 1, "Teem"),
        ('permit(principal, action == Keelmark::Action::"steal", resource);', 1, "steal"),
        ("permit(\nprincipal, action resource);", 1, "unexpected token"),
        ("permit(principal == ?principal, action, resource);", 1, "templates"),
        (permit("context.tainted == 1"), 1, "type"),
        (
            'permit(principal, action == Keelmark::Action::"callTool", resource) when { context.arguments.getTag("x") == "y" };',
            1,
            "unable to guarantee",
        ),
        ("permit(principal, action, resource);\n\npermit(principal, action, resource", 3, "without an end"),
    ],
)
def test_errors_of_policies_name_file_line_and_cause(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_policies([PolicySource(name="ops/a.cedar", text=text)])
    assert (caught.value.path, caught.value.line) == ("ops/a.cedar", line)
    assert words in caught.value.message
    assert "policy0" not in caught.value.message
    assert caught.value.hint


def test_all_errors_are_told_at_once() -> None:
    wrong = permit("context.one")
    with pytest.raises(ConfigurationError) as caught:
        book(wrong, f"{permit()}\n{permit('context.two')}")
    assert caught.value.place == "0.cedar:1"
    assert "1.cedar:2" in caught.value.message


def test_policies_are_bounded() -> None:
    sources = [PolicySource(name=str(number), text=permit()) for number in range(3)]
    for bounds in (Bounds(max_files=2), Bounds(max_bytes=10), Bounds(max_policies=2)):
        with pytest.raises(ConfigurationError, match="more than"):
            load_policies(sources, bounds=bounds)


def test_version_changes_with_each_policy_file_and_name() -> None:
    versions = {
        load_policies([PolicySource(name=name, text=text)]).version
        for name in ("a", "b")
        for text in (permit(), permit("true"))
    }
    assert len(versions) == 4


def test_schema_covers_every_action_with_its_circumstances() -> None:
    schema = cedarpy.Schema.from_str(schema_text())
    for action in Action:
        kind = {
            Action.CALL_TOOL: Kind.TOOL,
            Action.LIST_TOOLS: Kind.SERVER,
            Action.READ_RESOURCE: Kind.SERVER,
        }.get(action, Kind.MODEL)
        name = "files/read" if kind is Kind.TOOL else "x"
        question = Question(
            principal=ANA,
            action=action,
            resource=Resource(kind=kind, name=name),
            context={**{each: NEUTRAL[each] for each in CONTEXT[action]}, "address": "10.0.0.1"},
        )
        assert book(permit(scope="principal, action, resource")).ask(question).is_allowed
        for each in CONTEXT[action]:
            text = f'permit(principal, action == Keelmark::Action::"{action.value}", resource) when {{ context has {each} }};'
            assert cedarpy.validate_policies(text, schema).validation_passed
            assert book(text).mentioned[action] == (each,)


# -- asking -------------------------------------------------------------------------------------------------------


def test_no_policies_deny_everything_and_say_so() -> None:
    empty = book()
    assert not empty.ask(Question(principal=ANA, action=Action.INFER, resource=SMALL)).is_allowed
    assert "everything is denied" in empty.notes[0]
    assert book("// nothing yet").notes == empty.notes


def test_forbid_wins_and_reasons_name_places_and_ids() -> None:
    text = f'@id("all")\n{permit()}\n@id("not-dirty") forbid(principal, action, resource) when {{ context.tainted }};'
    assert ask(text).because == ("0.cedar:1 (all)",)
    denied = ask(text, tainted=True)
    assert not denied.is_allowed
    assert denied.because == ("0.cedar:3 (not-dirty)",)


def test_many_policies_keep_their_names() -> None:
    text = "\n".join(permit(f"context.hour == {number}") for number in range(24))
    for number in range(24):
        assert ask(text, hour=number).because == (f"0.cedar:{number + 1}",)


def test_two_policies_on_one_line_have_two_names() -> None:
    assert ask(f"{permit()} {permit()}").because == ("0.cedar:1 #1", "0.cedar:1 #2")


@pytest.mark.parametrize(
    ("scope", "is_allowed"),
    [
        ('principal == Keelmark::User::"ana", action, resource', True),
        ('principal == Keelmark::Key::"ana", action, resource', False),
        ('principal in Keelmark::Team::"ml", action, resource', True),
        ('principal in Keelmark::Team::"acme", action, resource', False),
        ('principal in Keelmark::Tenant::"acme", action, resource', True),
        ('principal is Keelmark::User, action == Keelmark::Action::"infer", resource', True),
        ('principal, action == Keelmark::Action::"embed", resource', False),
        ('principal, action, resource == Keelmark::Model::"small"', True),
        ('principal, action, resource == Keelmark::Collection::"small"', False),
    ],
)
def test_who_what_and_with_what(scope: str, is_allowed: bool) -> None:
    assert ask(permit(scope=scope)).is_allowed is is_allowed


@pytest.mark.parametrize(
    ("condition", "context", "is_allowed"),
    [
        ("context.hour >= 8 && context.hour < 18", {"hour": 9}, True),
        ("context.hour >= 8 && context.hour < 18", {"hour": 18}, False),
        ("context.weekday <= 5", {"weekday": 6}, False),
        ('context.origin == "private"', {"origin": "private"}, True),
        ('context has address && context.address.isInRange(ip("10.0.0.0/8"))', {"address": "10.2.3.4"}, True),
        (
            'context has address && context.address.isInRange(ip("10.0.0.0/8"))',
            {"address": "11.2.3.4"},
            False,
        ),
        ('context has address && context.address.isInRange(ip("10.0.0.0/8"))', {}, False),
        ('context.dataClass != "personal"', {"dataClass": "personal"}, False),
        ("!context.tainted || context.approved", {"tainted": True}, False),
        ("!context.tainted || context.approved", {"tainted": True, "approved": True}, True),
        ("!context.stream", {"stream": True}, False),
        ('principal.hasTag("role") && principal.getTag("role") == "lead"', {}, True),
        ('principal.scopes.contains("infer:*") && principal.team == "ml"', {}, True),
        ("resource.tenant == principal.tenant", {}, False),
    ],
)
def test_circumstances_decide(condition: str, context, is_allowed: bool) -> None:
    text = permit(condition, scope="principal, action, resource is Keelmark::Model")
    assert ask(text, **context).is_allowed is is_allowed


def test_tools_are_judged_by_server_and_arguments() -> None:
    text = (
        'permit(principal, action == Keelmark::Action::"callTool", resource in Keelmark::Server::"files")'
        ' when { context.arguments.hasTag("path") && context.arguments.getTag("path") like "/data/*"'
        ' && !(context.arguments.getTag("path") like "*..*") };'
    )

    def call(server: str, arguments: object) -> bool:
        tool = Resource(kind=Kind.TOOL, name=f"{server}/read")
        return ask(text, action=Action.CALL_TOOL, resource=tool, arguments=json.dumps(arguments)).is_allowed

    assert call("files", {"path": "/data/a"})
    assert not call("files", {"path": "/data/../etc"})
    assert not call("files", {"path": ["/data/a"]})
    assert not call("files", {})
    assert not call("mail", {"path": "/data/a"})
    assert not call("files", {"path": "/data/a", "more": {str(number): 1 for number in range(500)}})


def test_circumstances_of_the_wrong_kind_deny() -> None:
    for context in ({"hour": "nine"}, {"tainted": "no"}, {"origin": None}, {"address": "here"}):
        (name,) = context
        answer = ask(
            f"{permit()} forbid(principal, action, resource) when {{ context has {name} && false }};",
            **context,
        )
        assert not answer.is_allowed
        assert answer.errors


def test_error_in_one_policy_denies_although_another_permits() -> None:
    text = (
        f"{permit()} forbid(principal, action, resource) when {{ context.hour + 9223372036854775807 > 0 }};"
    )
    answer = ask(text, hour=5)
    assert not answer.is_allowed
    assert "overflow" in answer.errors[0]


def test_almost_names_permits_whose_conditions_fail() -> None:
    text = f'@id("day")\n{permit("context.hour < 18")}\n@id("other")\n{permit("true", "principal, action, resource == Keelmark::Model::" + chr(34) + "big" + chr(34))}'
    found = book(text)
    question = Question(principal=ANA, action=Action.INFER, resource=SMALL, context={"hour": 20})
    assert found.almost(question) == ("0.cedar:1 (day)",)


# -- what is read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        ("true", ()),
        ("context.tainted", ("tainted",)),
        ("context has address", ("address",)),
        ('context.hour > 3 && !(context.origin like "p*")', ("hour", "origin")),
        ("[context.hour].contains(3)", ("hour",)),
        ('{"a": context.stream}.a', ("stream",)),
        ("context == context", None),
        ("[context].isEmpty()", None),
        ('"context" == "context.tainted"', ()),
    ],
)
def test_read_circumstances_are_known_and_a_whole_context_is_all(condition: str, read) -> None:
    text = permit(condition, scope='principal, action == Keelmark::Action::"infer", resource')
    assert book(text).mentioned[Action.INFER] == (CONTEXT[Action.INFER] if read is None else read)


CONDITIONS = st.sampled_from(
    [
        "context.tainted",
        "context.hour > 11",
        "context.weekday == 3",
        'context.origin == "public"',
        'context has address && context.address.isInRange(ip("10.0.0.0/8"))',
        'context.dataClass == "personal"',
        "context.approved || context.stream",
        'principal.team == "ml"',
        "context.hour * 9223372036854775807 > 1",
    ]
)
POLICIES = st.lists(st.tuples(st.sampled_from(["permit", "forbid"]), CONDITIONS, st.booleans()), max_size=4)
CONTEXTS = st.fixed_dictionaries(
    {
        "hour": st.integers(0, 23),
        "weekday": st.integers(1, 7),
        "origin": st.sampled_from(["public", "private"]),
        "address": st.sampled_from(["", "10.0.0.1", "9.9.9.9", "::1"]),
        "dataClass": st.sampled_from(["unknown", "personal"]),
        "tainted": st.booleans(),
        "approved": st.booleans(),
        "stream": st.booleans(),
    }
)


@given(policies=POLICIES, context=CONTEXTS, team=st.sampled_from(["", "ml"]))
@settings(max_examples=100, deadline=None)
def test_leaving_out_what_nobody_reads_never_changes_the_answer(policies, context, team) -> None:
    text = "\n".join(
        f"{effect}(principal, action, resource) {'when' if positive else 'unless'} {{ {condition} }};"
        for effect, condition, positive in policies
    )
    caller = Principal(id="x", proof=Proof.API_KEY, team=team)
    question = Question(principal=caller, action=Action.EMBED, resource=SMALL, context=context)
    # The same question put to Cedar directly, with every circumstance and the text as it is.
    everything = CONTEXT[Action.EMBED]
    direct = cedarpy.is_authorized(
        {
            "principal": uid_of(caller),
            "action": {"type": "Keelmark::Action", "id": "embed"},
            "resource": SMALL.uid,
            "context": context_json(question, everything),
        },
        text,
        entities_json(question, everything),
        schema_text(),
    )
    assert book(text).ask(question).is_allowed == (direct.allowed and not direct.diagnostics.errors)


# -- arguments ----------------------------------------------------------------------------------------------------


def test_arguments_become_text_by_path() -> None:
    found = flatten({"a": "x", "b": {"c": [1, True, None, 1.5]}, "d": [], "e": {}})
    assert found == {"a": "x", "b.c.0": "1", "b.c.1": "true", "b.c.3": "1.5"}
    assert flatten(None) == {}


@pytest.mark.parametrize(
    "arguments",
    [
        [1],
        "text",
        {"a.b": 1, "a": {"b": 2}},
        {"a.b": None, "a": {"b": 2}},
        {"a.0": 1, "a": [2]},
        {str(number): 1 for number in range(300)},
        {"a": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]},
    ],
)
def test_arguments_that_cannot_be_told_are_refused(arguments) -> None:
    with pytest.raises(LimitExceededError):
        flatten(arguments)


# -- scopes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "action", "name", "is_allowed"),
    [
        ("infer:small", Action.INFER, "small", True),
        ("infer:small", Action.INFER, "small2", False),
        ("infer:small", Action.EMBED, "small", False),
        ("infer:*", Action.INFER, "anything", True),
        ("infer:*", Action.EMBED, "anything", False),
        ("callTool:files/read", Action.CALL_TOOL, "files/read", True),
        ("callTool:files/read", Action.CALL_TOOL, "files/write", False),
        ("callTool:files/*", Action.CALL_TOOL, "files/write", True),
        ("callTool:files/*", Action.CALL_TOOL, "filesystem/write", False),
        ("callTool:*", Action.CALL_TOOL, "mail/send", True),
        ("infer:files/*", Action.INFER, "files/x", False),
    ],
)
def test_scopes_allow_what_they_name(scope: str, action: Action, name: str, is_allowed: bool) -> None:
    assert allows(frozenset({scope}), action, name) is is_allowed
    assert not allows(frozenset(), action, name)


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "*",
        "*:*",
        "infer",
        "infer:",
        "INFER:x",
        "steal:x",
        "infer:a b",
        "infer:a*",
        "infer:**",
        "infer:a\n",
        "callTool:*/*",
        "infer:" + "x" * 256,
        "infer:files/*",
    ],
)
def test_text_that_names_nothing_in_particular_is_no_scope(scope: str) -> None:
    with pytest.raises(ConfigurationError):
        check_scopes([scope])


def test_scopes_are_bounded() -> None:
    with pytest.raises(ConfigurationError):
        check_scopes(f"infer:{number}" for number in range(257))


# -- recent -------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(1, 8))
def test_recent_never_lies_and_never_grows(keys, limit: int) -> None:
    recent: Recent[int, str] = Recent(limit)
    for each in keys:
        found = recent.get(each)
        assert found in {None, str(each)}
        if found is None:
            recent.put(each, str(each))
        assert recent.get(each) == str(each)
        assert len(recent) <= 2 * limit
    if keys:
        recent.forget(keys[-1])
        assert recent.get(keys[-1]) is None
    recent.clear()
    assert len(recent) == 0


def test_what_is_used_survives() -> None:
    recent: Recent[int, str] = Recent(4)
    recent.put(0, "zero")
    for number in range(1, 100):
        recent.put(number, str(number))
        assert recent.get(0) == "zero"


def test_address_of_a_question_is_an_address() -> None:
    assert ipaddress.ip_address("::1")
    assert not ask(permit("context has address"), address="not an address").is_allowed


def test_names_that_nobody_can_ask_for_are_told_with_their_policy() -> None:
    found = book(
        'permit (principal, action, resource == Keelmark::Model::"smal");\n'
        'permit (principal, action, resource) when { resource == Keelmark::Model::"small" };\n'
        'forbid (principal, action, resource in Keelmark::Server::"tickets");'
    )
    (told,) = found.strangers(Kind.MODEL, ("small",))
    assert "the model `smal`" in told
    assert ":1" in told
    assert found.strangers(Kind.MODEL, ("small", "smal")) == ()
    assert found.strangers(Kind.SERVER, ("tickets",)) == ()
    assert "the server `tickets`" in found.strangers(Kind.SERVER, ())[0]

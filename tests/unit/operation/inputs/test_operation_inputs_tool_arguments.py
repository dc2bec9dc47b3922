"""The numbered promises of the guard over tools."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keelmark.core.call import Action as CallAction
from keelmark.core.call import Api, Call, ToolDefinition, ToolUse
from keelmark.core.exchange import ALLOW, Exchange, Outcome, Request
from keelmark.core.principal import Principal, Proof
from keelmark.core.tools import stated_digest
from keelmark.operation.inputs.settings import ToolSettings
from keelmark.operation.inputs.tool_arguments import ToolGuard, arguments_digest, schema_of

RELEASED = {"mail": frozenset({"aa", "cc"})}
SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "pattern": r"^[a-z]+@corp\.io$"},
        "text": {"type": "string", "maxLength": 20},
    },
    "required": ["to"],
}
MAIL = {"name": "mail", "description": "Sends mail", "parameters": SCHEMA}
READ = {"name": "read", "description": "Reads", "input_schema": {"type": "object", "properties": {}}}
GOOD = {"to": "ann@corp.io", "text": "hi"}


def settings(**changes) -> ToolSettings:
    plain = {
        "pinned": (("mail", "aa"), ("read", "bb")),
        "allowed": (("tools:mail", "mail"), ("tools:read", "read")),
        "readers": ("read",),
    }
    return ToolSettings(**{**plain, **changes})


def exchange(
    *uses: ToolUse, tools=(), scopes=("tools:mail", "tools:read"), tainted: bool | None = False
) -> Exchange:
    found = Exchange(
        id="0",
        request=Request(method="POST", path="/"),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        started_ns=0,
    )
    found.principal = Principal(id="ann", proof=Proof.API_KEY, scopes=frozenset(scopes))
    found.call = Call(
        api=Api.MCP,
        action=CallAction.CALL_TOOL,
        model="m",
        body={},
        tools=tuple(tools),
        tool_uses=tuple(uses),
    )
    if tainted is not None:
        found.facts["tainted"] = tainted
    return found


def guard(approvals=None, **changes) -> ToolGuard:
    return ToolGuard(settings(**changes), definitions={"mail": MAIL, "read": READ}, approvals=approvals)


def use(name: str = "mail", arguments=GOOD) -> ToolUse:
    return ToolUse(name=name, arguments=arguments)


def test_call_that_fits_is_allowed():
    assert guard().judge(exchange(use(), use("read", {}))) is ALLOW


@pytest.mark.parametrize(("digest", "reason"), [("aa", ""), ("ab", "tool-changed")])
def test_changed_definition_is_refused(digest, reason):
    tool = ToolDefinition(name="mail", digest=digest, definition=MAIL)
    found = exchange(tools=[tool])
    assert guard().judge(found).reason == reason
    assert len(found.grounds) == bool(reason)


def test_definition_that_nobody_pinned_is_refused_unless_told_otherwise():
    tool = ToolDefinition(name="new", digest="cc", definition=MAIL)
    assert guard().judge(exchange(tools=[tool])).reason == "tool-not-allowed"
    free = guard(is_pinning_enforced=False, allowed=(("tools:mail", "*"),))
    assert free.judge(exchange(tools=[tool])) is ALLOW


def test_nothing_is_allowed_by_default():
    assert (
        ToolGuard(ToolSettings(), definitions={"mail": MAIL}).judge(exchange(use())).reason
        == "tool-not-allowed"
    )
    assert guard().judge(exchange(use(), scopes=())).reason == "tool-not-allowed"
    nobody = exchange(use())
    nobody.principal = None
    assert guard().judge(nobody).reason == "tool-not-allowed"
    tool = ToolDefinition(name="mail", digest="aa", definition=MAIL)
    assert guard().judge(exchange(tools=[tool], scopes=("tools:read",))).reason == "tool-not-allowed"


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        [],
        "x",
        {},
        {"to": "eve@evil.io"},
        {"to": 1},
        {**GOOD, "bcc": "eve@evil.io"},
        {**GOOD, "text": "x" * 21},
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments):
    decision = guard().judge(exchange(use(arguments=arguments)))
    assert decision.reason == "tool-arguments"
    assert "evil" not in decision.detail


def test_tool_without_usable_schema_is_refused():
    for definition in (
        {},
        {"parameters": {"magic": 1}},
        {"parameters": "x"},
        {"parameters": {"type": ["x"]}},
        {"parameters": {"properties": 3}},
    ):
        found = ToolGuard(settings(), definitions={"mail": definition}).judge(exchange(use()))
        assert found.reason == "tool-arguments"
    assert ToolGuard(settings()).judge(exchange(use())).reason == "tool-arguments"


def test_schema_comes_from_the_call_where_none_was_released():
    tool = ToolDefinition(name="mail", digest="aa", definition={"type": "function", "function": MAIL})
    assert ToolGuard(settings()).judge(exchange(use(), tools=[tool])) is ALLOW


def test_calls_beyond_the_budget_are_refused():
    found = exchange(use(), use(), use())
    assert guard(max_calls=2).judge(found).reason == "tool-not-allowed"
    assert found.facts["tool_calls"] == 3


@pytest.mark.parametrize("tainted", [True, None])
def test_effect_after_untrusted_text_is_refused_also_when_nothing_is_known(tainted):
    assert guard().judge(exchange(use(), tainted=tainted)).reason == "tainted"
    assert guard().judge(exchange(use("read", {}), tainted=tainted)) is ALLOW
    assert guard(allows_tainted_effects=True).judge(exchange(use(), tainted=tainted)) is ALLOW
    assert guard(effects=("read",)).judge(exchange(use("read", {}), tainted=tainted)).reason == "tainted"


class Granted:
    """Approvals that were given; those of `store` are tested there."""

    def __init__(self, *given: tuple[str, str]) -> None:
        self.given = list(given)

    def take(self, principal: str, digest: str) -> bool:
        if (principal, digest) not in self.given:
            return False
        self.given.remove((principal, digest))
        return True


def test_approval_is_for_the_very_arguments_and_used_once():
    approvals = Granted()
    strict = guard(approvals, approved_only=("mail",))
    asked = exchange(use())
    decision = strict.judge(asked)
    assert (decision.outcome, decision.reason) == (Outcome.ASK, "needs-approval")
    digest = asked.facts["to_approve"]
    assert digest == arguments_digest("mail", dict(reversed(GOOD.items())))
    approvals.given.append(("ann", digest))
    assert strict.judge(exchange(use(arguments={**GOOD, "text": "ho"}))).reason == "needs-approval"
    assert strict.judge(exchange(use())) is ALLOW
    assert strict.judge(exchange(use())).reason == "needs-approval"
    approvals.given.append(("bob", digest))
    assert strict.judge(exchange(use())).reason == "needs-approval"


def test_refused_call_uses_up_no_approval():
    strict = guard(Granted(("ann", arguments_digest("mail", GOOD))), approved_only=("mail",))
    assert strict.judge(exchange(use(), tainted=True)).reason == "tainted"
    assert strict.judge(exchange(use())) is ALLOW


def test_where_no_call_needs_an_approval_nobody_is_asked_for_one():
    assert guard(approvals=None).judge(exchange(use())) is ALLOW


def test_nobody_to_approve_means_no_approval():
    assert guard(approved_only=("mail",)).judge(exchange(use())).reason == "needs-approval"


def test_schema_is_found_in_the_forms_of_all_interfaces():
    assert schema_of({"function": {"parameters": 1}}) == 1
    assert schema_of({"input_schema": 2}) == 2
    assert schema_of({"inputSchema": 3}) == 3
    assert schema_of(None) is None


def test_call_that_was_not_parsed_is_refused():
    found = exchange()
    found.call = None
    assert guard().judge(found).reason == "stage-failed"


def offered(guard: ToolGuard, name: str, digest: str) -> str:
    tool = ToolDefinition(name=name, digest=digest)
    return guard.definition(exchange(), tool).reason


def test_what_the_release_states_is_a_pin_unless_the_settings_have_one():
    guard = ToolGuard(settings(pinned=()), released=lambda: RELEASED)
    assert [offered(guard, "mail", digest) for digest in ("aa", "cc", "bb")] == ["", "", "tool-changed"]
    assert offered(guard, "read", "bb") == "tool-not-allowed"
    own = ToolGuard(settings(pinned=(("mail", "bb"),)), released=lambda: RELEASED)
    assert [offered(own, "mail", digest) for digest in ("bb", "aa")] == ["", "tool-changed"]
    assert own.pinned == {"mail"}
    open_ = ToolGuard(settings(pinned=(), is_pinning_enforced=False), released=lambda: RELEASED)
    assert [offered(open_, "mail", "bb"), offered(open_, "read", "bb")] == ["tool-changed", ""]


def test_definitions_pin_their_tools_and_their_schemas_hold_for_calls_without_one():
    guard = ToolGuard(settings(pinned=()), definitions={"mail": MAIL})
    assert offered(guard, "mail", stated_digest(MAIL)) == ""
    assert offered(guard, "mail", "aa") == "tool-changed"
    assert guard.judge(exchange(ToolUse(name="mail", arguments=GOOD))) is ALLOW
    bad = guard.judge(exchange(ToolUse(name="mail", arguments={"to": "eve@evil.io"})))
    assert bad.reason == "tool-arguments"

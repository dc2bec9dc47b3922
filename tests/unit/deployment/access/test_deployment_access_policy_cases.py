"""Cases of policies: read with words for what is wrong, and run."""

from __future__ import annotations

import pytest

from keelmark.core.call import Action
from keelmark.core.principal import Proof
from keelmark.deployment.access.policies import PolicySource, load_policies
from keelmark.deployment.access.policy_cases import parse_cases, question_of, run_cases
from keelmark.errors import ConfigurationError

CASES = """\
cases:
  - name: the team uses the small model
    principal: {id: "user:ana", team: ml, attributes: {role: lead}}
    action: infer
    resource: model:small
    expect: allow
  - name: not after untrusted text
    principal: {id: "key:0a1b2c3d4e5f", team: ml}
    action: infer
    resource: {id: "model:small", tenant: acme, data_class: internal}
    context: {tainted: true, hour: 3, tools: [b, a]}
    expect: deny
  - name: files below data
    principal: service:robot
    action: callTool
    resource: tool:files/read
    context: {arguments: {path: /data/a, deep: {n: 1}}}
    expect: deny
"""
POLICY = 'permit(principal in Keelmark::Team::"ml", action, resource) when { !context.tainted };'


def test_cases_are_read_with_their_lines() -> None:
    first, second, third = parse_cases(CASES)
    assert (first.name, first.line, first.is_allowed) == ("the team uses the small model", 2, True)
    assert first.question.principal.attributes == (("role", "lead"),)
    assert second.question.principal.proof is Proof.API_KEY
    assert second.question.context["tools"] == ("a", "b")
    assert third.question.action is Action.CALL_TOOL
    assert third.question.context["argumentsJson"] == '{"deep":{"n":1},"path":"/data/a"}'


def test_cases_are_run_and_failures_are_known() -> None:
    book = load_policies([PolicySource(name="a.cedar", text=POLICY)])
    assert [result.is_right for result in run_cases(book, parse_cases(CASES))] == [True, True, True]
    other = parse_cases(CASES.replace("expect: allow", "expect: deny"))
    assert [result.is_right for result in run_cases(book, other)] == [False, True, True]


def test_denial_by_error_is_no_success() -> None:
    text = "permit(principal, action, resource) when { context.hour * 9223372036854775807 > 0 };"
    book = load_policies([PolicySource(name="a.cedar", text=text)])
    (_, second, _) = run_cases(book, parse_cases(CASES))
    assert not second.answer.is_allowed
    assert not second.is_right


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("cases:", "case:", None, "no cases"),
        ("expect: allow", "expect: yes", 6, "neither"),
        ("    expect: allow\n", "", 2, "no `expect`"),
        (
            "action: infer\n    resource: model:small",
            "action: infr\n    resource: model:small",
            2,
            "action `infr`",
        ),
        ("team: ml, attr", "tem: ml, attr", 3, "field `tem`"),
        ("expect: allow", "expects: allow", 6, "field `expects`"),
        ('"user:ana"', "ana", 2, "no principal"),
        ('"user:ana"', '"robot:ana"', 2, "no principal"),
        ("resource: model:small", "resource: small", 2, "no resource"),
        ("resource: model:small", "resource: [1]", 2, "no resource"),
        ("tainted: true", "taint: true", 7, "`taint`"),
        ("tainted: true", "tainted: maybe", 7, "should be like `false`"),
        ("hour: 3", "hour: true", 7, "should be like `12`"),
        ("tools: [b, a]", "tools: b", 7, "list of names"),
        ("arguments: {path: /data/a, deep: {n: 1}}", "arguments: [1]", 13, "names with values"),
        ("arguments: {path: /data/a, deep: {n: 1}}", "uri: x", 13, "`uri`"),
        ("context: {tainted: true, hour: 3, tools: [b, a]}", "context: 7", 7, "names and values"),
        ("team: ml, attributes: {role: lead}", "team: 7", 2, "no text"),
        ("attributes: {role: lead}", "scopes: infer", 2, "scopes are a list"),
        (
            "    action: infer\n    resource: model:small",
            "    action: infer\n    action: infer\n    resource: model:small",
            5,
            "twice",
        ),
        ("  - name: the", "  - [", None, "YAML"),
    ],
)
def test_errors_in_cases_name_line_and_cause(old: str, new: str, line: int | None, words: str) -> None:
    assert old in CASES
    with pytest.raises(ConfigurationError) as caught:
        parse_cases(CASES.replace(old, new, 1), path="cases.yaml")
    assert words in caught.value.message
    assert caught.value.path == "cases.yaml"
    if line is not None:
        assert caught.value.line == line


@pytest.mark.parametrize(
    "text", ["", "[]", "cases: []", "cases: {}", "cases: [1]", "cases: [{name: x}]\nmore: 1"]
)
def test_file_without_cases_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_cases(text)


def test_near_names_are_suggested() -> None:
    with pytest.raises(ConfigurationError) as caught:
        question_of(
            principal={"id": "user:a"}, action="infer", resource={"id": "model:a"}, context={"taint": True}
        )
    assert caught.value.hint == "did you mean `tainted`?"

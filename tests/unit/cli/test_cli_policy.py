"""`keelmark policy`: exit codes, failures with their causes, and answers for programs."""

from __future__ import annotations

import importlib
import json
import os
import sys

import pytest

from keelmark.cli.main import run
from keelmark.errors import UsageError

POLICIES = """\
@id("team")
permit(principal in Keelmark::Team::"ml", action == Keelmark::Action::"infer", resource)
when { context.hour < 18 };
@id("clean")
forbid(principal, action, resource) when { context.tainted };
"""
CASES = """\
cases:
  - name: by day
    principal: {id: "user:ana", team: ml}
    action: infer
    resource: model:small
    expect: allow
  - name: at night
    principal: {id: "user:ana", team: ml}
    action: infer
    resource: model:small
    context: {hour: 23}
    expect: deny
"""
EXPLAIN = ["policy", "explain", "--principal", "user:ana", "--action", "infer", "--resource", "model:small"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/ops.cedar").write_text(POLICIES)
    (tmp_path / "policies/README.md").write_text("no policy")
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def test_cases_as_expected_exit_with_zero(capsys) -> None:
    assert run(["policy", "test", "cases.yaml"]) == 0
    assert capsys.readouterr().out == "2 of 2 cases as expected, 2 policies\n"


def test_cases_not_as_expected_exit_with_one_and_say_why(place, capsys) -> None:
    (place / "cases.yaml").write_text(
        CASES.replace("{hour: 23}", "{hour: 9}").replace("team: ml", "team: x", 1)
    )
    assert run(["policy", "test", "cases.yaml"]) == 1
    out = capsys.readouterr().out
    assert "FAIL  by day (cases.yaml:2): deny, expected allow" in out
    assert "because no policy permits it" in out
    assert "FAIL  at night (cases.yaml:7): allow, expected deny" in out
    assert "because policies/ops.cedar:1 (team)" in out
    assert "0 of 2 cases" in out


def test_answers_for_programs(place, capsys) -> None:
    assert run(["policy", "test", "cases.yaml", "--policies", "policies/ops.cedar", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cases"], found["failed"], found["policies"]) == (2, 0, 2)
    assert found["results"][0]["because"] == ["policies/ops.cedar:1 (team)"]
    (place / "cases.yaml").write_text(CASES.replace("expect: allow", "expect: deny"))
    assert run(["policy", "test", "cases.yaml", "-f", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 1


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("cases.yaml", "cases: []", "no cases"),
        ("cases.yaml", "cases: [{", "cases.yaml:2"),
        (
            "policies/ops.cedar",
            "permit(principal, action, resource) when { context.houur > 1 };",
            "policies/ops.cedar:1",
        ),
        ("policies/ops.cedar", "(" * 10_000, "levels"),
        ("policies/ops.cedar", b"\xff", "UTF-8"),
    ],
)
def test_what_cannot_be_read_exits_with_two(
    place, capsys, *, file: str, content: str | bytes, words: str
) -> None:
    (place / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert run(["policy", "test", "cases.yaml"]) == 2
    assert words in capsys.readouterr().err


def test_missing_files_exit_with_two(place, capsys) -> None:
    assert run(["policy", "test", "none.yaml"]) == 2
    assert run(["policy", "test", "cases.yaml", "--policies", "none"]) == 2
    for number in range(65):
        (place / f"policies/{number}.cedar").touch()
    assert run(["policy", "test", "cases.yaml"]) == 2
    assert "more than 64 files" in capsys.readouterr().err


def test_no_policies_deny_and_are_told(place, capsys) -> None:
    (place / "policies/ops.cedar").unlink()
    assert run(["policy", "test", "cases.yaml"]) == 1
    assert "everything is denied" in capsys.readouterr().out


def test_explain_names_what_decided(capsys) -> None:
    assert run([*EXPLAIN, "--team", "ml"]) == 0
    assert (
        capsys.readouterr().out == "allow  user:ana infer model:small\nbecause  policies/ops.cedar:1 (team)\n"
    )
    assert run([*EXPLAIN, "--team", "ml", "--context", "tainted=true"]) == 1
    assert "because  policies/ops.cedar:4 (clean)" in capsys.readouterr().out
    assert run([*EXPLAIN, "--team", "ml", "--context", "hour=20"]) == 1
    out = capsys.readouterr().out
    assert "no policy permits it" in out
    assert "almost   policies/ops.cedar:1 (team): its conditions do not hold" in out


def test_explain_for_programs(capsys) -> None:
    assert (
        run(
            [*EXPLAIN, "--attribute", "role=lead", "--context", "hour=20", "--team", "ml", "--format", "json"]
        )
        == 1
    )
    found = json.loads(capsys.readouterr().out)
    assert (found["decision"], found["because"], found["almost"]) == (
        "deny",
        [],
        ["policies/ops.cedar:1 (team)"],
    )


@pytest.mark.parametrize(
    "more", [["--context", "hour"], ["--context", "hour=nine"], ["--context", "x=1"], ["--attribute", "=x"]]
)
def test_circumstances_that_are_none_exit_with_two(more, capsys) -> None:
    assert run([*EXPLAIN, *more]) == 2
    assert capsys.readouterr().out == ""


def test_words_of_others_cannot_drive_the_terminal(place, capsys) -> None:
    (place / "cases.yaml").write_text(
        CASES.replace("by day", '"\\e[31mred"').replace("expect: allow", "expect: deny")
    )
    assert run(["policy", "test", "cases.yaml"]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_missing_extra_is_told(monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    for name in (
        "cli.policy",
        "workflows.policies",
        "deployment.access.policies",
        "deployment.access.policy_cases",
    ):
        monkeypatch.delitem(sys.modules, f"keelmark.{name}", raising=False)
    with pytest.raises(UsageError, match="extra `serve`"):
        importlib.import_module("keelmark.cli.policy")


def test_place_that_cannot_be_read_exits_with_two(place, monkeypatch, capsys) -> None:
    monkeypatch.setattr(os, "scandir", lambda _: (_ for _ in ()).throw(OSError(13, "denied")))
    assert run(["policy", "test", "cases.yaml"]) == 2
    assert "denied" in capsys.readouterr().err


def test_schema_is_printed(capsys) -> None:
    assert run(["policy", "schema"]) == 0
    assert "namespace Keelmark" in capsys.readouterr().out

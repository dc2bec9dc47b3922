from __future__ import annotations

import pytest

from keelmark.formats.ci_expressions import untrusted_in
from keelmark.formats.ci_workflows import READERS
from keelmark.formats.source import Source


def read(text: str, path: str = ".github/workflows/ci.yml"):
    source = Source.of_bytes(text.encode(), path=path)
    found = [reading for reader in READERS if reader.recognises(source) for reading in reader.read(source)]
    assert len(found) == 1
    return found[0]


def flow(text: str, path: str = ".github/workflows/ci.yml"):
    return read(text, path).workflow


@pytest.mark.parametrize(
    "expression",
    [
        "github.event.issue.title",
        "github.event.pull_request.head.ref",
        "github.event['comment']['body']",
        "github.head_ref",
        "GITHUB.HEAD_REF",
        "github.event.commits[0].message",
        "format('{0}', github.event.review.body)",
        "github.event.issue.number == 1 && github.event.issue.title || ''",
        "toJSON(github.event)",
    ],
)
def test_text_of_an_outsider_is_untrusted(expression):
    assert untrusted_in("echo ${{ " + expression + " }}") == (expression,)


@pytest.mark.parametrize(
    "expression",
    [
        "github.event.issue.number",
        "github.sha",
        "github.event.pull_request.head.sha",
        "contains(github.event.head_commit.message, 'skip')",
        "github.head_ref == 'main'",
        "'github.head_ref'",
        "inputs.version",
        "secrets.TOKEN",
        "hashFiles('x')",
    ],
)
def test_harmless_expressions_are_not_named(expression):
    assert untrusted_in("echo ${{ " + expression + " }}") == ()


def test_environment_variable_is_the_safe_way():
    safe = flow(
        "on: issues\njobs:\n  a:\n    steps:\n      - env: {T: '${{ github.event.issue.title }}'}\n        run: echo \"$T\"\n"
    )
    assert safe.scripts[0].untrusted == ()
    unsafe = flow(
        "on: issues\njobs:\n  a:\n    env: {T: '${{ github.event.issue.title }}'}\n    steps:\n      - run: echo ${{ env.T }}\n"
    )
    assert unsafe.scripts[0].untrusted == ("env.T",)


def test_script_of_github_script_is_read():
    found = flow(
        "on: issues\njobs:\n  a:\n    steps:\n      - uses: actions/github-script@v7\n        with: {script: 'x(\"${{ github.event.issue.body }}\")'}\n"
    )
    assert found.scripts[0].untrusted == ("github.event.issue.body",)


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ("push", ("push",)),
        ("[push, pull_request]", ("push", "pull_request")),
        ("{push: {branches: [main]}, workflow_dispatch: }", ("push", "workflow_dispatch")),
    ],
)
def test_triggers_in_all_three_forms(stated, wanted):
    assert flow(f"on: {stated}\njobs: {{a: {{steps: []}}}}\n").triggers == wanted


def test_pins_are_told_from_names():
    commit = "a" * 40
    text = f"""
on: push
jobs:
  a:
    uses: o/r/.github/workflows/x.yml@main
  b:
    steps:
      - uses: actions/checkout@{commit}
      - uses: actions/checkout@v4
      - uses: ./local
      - uses: docker://alpine@sha256:{"b" * 64}
      - uses: docker://alpine:3
"""
    actions = flow(text).actions
    assert [(a.name, a.is_pinned) for a in actions] == [
        ("o/r/.github/workflows/x.yml", False),
        ("actions/checkout", True),
        ("actions/checkout", False),
        ("./local", True),
        ("docker://alpine", True),
        ("docker://alpine", False),
    ]
    assert actions[5].reference == "3"


def test_permissions_at_both_levels():
    found = flow("on: push\npermissions: read-all\njobs: {a: {permissions: {contents: write}, steps: []}}\n")
    assert found.permissions == (("*", "read-all"), ("contents", "write"))
    assert found.has_permissions
    empty = flow("on: push\npermissions: {}\njobs: {a: {steps: []}}\n")
    assert empty.has_permissions
    assert empty.permissions == ()
    assert not flow("on: push\njobs: {a: {steps: []}}\n").has_permissions


CHECKOUT = "jobs:\n  a:\n    {guard}\n    steps:\n      - uses: actions/checkout@v4\n        with:\n          ref: ${{{{ github.event.pull_request.head.sha }}}}\n"


def test_checkout_of_a_foreign_head_is_named_only_where_it_is_privileged():
    body = CHECKOUT.format(guard="runs-on: x")
    assert flow("on: pull_request_target\n" + body).checks_out_untrusted == (8,)
    assert flow("on: pull_request\n" + body).checks_out_untrusted == ()


def test_checkout_limited_to_the_own_repository_is_not_foreign():
    guard = "if: github.event.pull_request.head.repo.full_name == github.repository"
    assert flow("on: pull_request_target\n" + CHECKOUT.format(guard=guard)).checks_out_untrusted == ()


def test_plain_checkout_in_a_privileged_workflow_is_fine():
    text = "on: pull_request_target\njobs: {a: {steps: [{uses: actions/checkout@v4}]}}\n"
    assert flow(text).checks_out_untrusted == ()


def test_secrets_are_listed_once():
    text = "on: push\njobs:\n  a:\n    env: {A: '${{ secrets.K }}'}\n    steps: [{run: 'x ${{ secrets.K }} ${{ secrets.L }}'}]\n"
    assert flow(text).secrets == ("K", "L")


def test_composite_action_is_read():
    reading = read(
        "name: x\nruns:\n  using: composite\n  steps: [{run: a, shell: bash}, {uses: o/r@v1}]\n",
        "act/action.yml",
    )
    assert reading.format == "github-action"
    assert reading.workflow.scripts[0].text == "a"
    assert reading.workflow.actions[0].name == "o/r"


def test_gitlab_scripts_and_includes():
    text = """
include:
  - project: a/b
    ref: main
  - remote: https://x.example/y.yml
  - local: /z.yml
job:
  script:
    - echo $CI_COMMIT_MESSAGE
  rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]
"""
    found = flow(text, ".gitlab-ci.yml")
    assert [(a.name, a.is_pinned) for a in found.actions] == [
        ("a/b", False), ("https://x.example/y.yml", False), ("/z.yml", True),
    ]  # fmt: skip
    assert found.scripts[0].untrusted == ()
    assert found.triggers == ("merge_request_event",)


def test_azure_macros_are_filled_in_before_the_shell():
    reading = read(
        "trigger: [main]\nsteps:\n- script: echo $(Build.SourceBranchName)\n- bash: ok\n",
        "azure-pipelines.yml",
    )
    assert reading.workflow.scripts[0].untrusted == ("Build.SourceBranchName",)
    assert reading.workflow.scripts[1].untrusted == ()
    assert not reading.gaps[0].matters


def test_circleci_orbs():
    reading = read(
        "orbs: {a: x/a@1.2.3, b: x/b@1}\njobs: {j: {steps: [{run: make}, {run: {command: t}}]}}\n",
        ".circleci/config.yml",
    )
    assert [a.is_pinned for a in reading.workflow.actions] == [True, False]
    assert [s.text for s in reading.workflow.scripts] == ["make", "t"]


def test_jenkins_steps():
    reading = read(
        "pipeline { stages { stage('x') { steps { sh 'make'\n sh \"echo ${env.CHANGE_TITLE}\" } } } }",
        "Jenkinsfile",
    )
    assert [(s.text, s.untrusted) for s in reading.workflow.scripts] == [
        ("make", ()),
        ("echo ${env.CHANGE_TITLE}", ("CHANGE_TITLE",)),
    ]


@pytest.mark.parametrize(
    ("trigger", "pushes"),
    [
        ("on: push", ("branch:**",)),
        ("on: [push, pull_request]", ("branch:**",)),
        ("on:\n  push:\n    branches: [main, 'release/*']", ("branch:main", "branch:release/*")),
        ("on:\n  push:\n    tags: ['v*']", ("tag:v*",)),
        ("on:\n  push:\n    paths: [src/**]", ("branch:**",)),
        ("on:\n  release:\n    types: [published]", ()),
    ],
)
def test_what_a_push_must_match_is_told(trigger, pushes):
    text = f"{trigger}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{{run: make}}]\n"
    assert flow(text).pushes == pushes

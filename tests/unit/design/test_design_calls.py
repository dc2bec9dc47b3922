"""What the rules about calls promise beyond their example folders."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from keelmark.core.outcome import Outcome, Severity

if TYPE_CHECKING:
    from keelmark.core.finding import Finding


def answers(rule: str, project) -> list[Finding]:
    module = importlib.import_module(f"keelmark.design.checks.{rule}")
    return list(module.check(project))


def outcomes(rule: str, project) -> set[str]:
    return {finding.outcome.value for finding in answers(rule, project)}


LOAD = "import pickle\n\n\ndef load(file):\n    return pickle.load(file)\n"


@pytest.mark.parametrize("rule", ["unsafe_deserialisation", "sql_from_untrusted_text", "yaml_unsafe_load"])
def test_source_that_cannot_be_read_is_unknown_and_not_a_pass(rule: str, project) -> None:
    assert outcomes(rule, project({"broken.py": "def f(:\n"})) == {"unknown"}


def test_bundle_of_another_language_hides_no_python_defect(project) -> None:
    made = project({"app.py": "import json\n"})
    assert outcomes("unsafe_deserialisation", made) == {"pass"}


def test_failure_stays_a_failure_beside_a_file_that_cannot_be_read(project) -> None:
    assert "fail" in outcomes("unsafe_deserialisation", project({"a.py": LOAD, "broken.py": "def f(:\n"}))


def test_flows_in_another_language_are_unknown(project) -> None:
    assert outcomes("sql_from_untrusted_text", project({"app.js": "import x from 'y';\nx.run(1);\n"})) == {
        "unknown"
    }


def test_many_equal_calls_are_one_finding_with_at_most_twenty_places(project) -> None:
    body = "import requests\n" + "requests.get('https://a.example.com/x')\n" * 30
    (finding,) = answers("call_without_timeout", project({"a.py": body}))
    assert len(finding.locations) == 20
    assert "30 places" in finding.message


def test_test_code_weighs_little(project) -> None:
    (finding,) = answers("unsafe_deserialisation", project({"tests/test_a.py": LOAD}))
    assert finding.severity is Severity.LOW


def test_result_that_is_called_is_no_second_load(project) -> None:
    text = "import joblib\nmodel = joblib.load('https.joblib')\nmodel(1)\n"
    found = answers("unsafe_deserialisation", project({"a.py": text}))
    assert [finding.locations[0].line for finding in found] == [2]


def test_load_of_a_file_of_the_folder_weighs_less_than_one_of_unknown_origin(project) -> None:
    named = "import joblib\nmodel = joblib.load('model.joblib')\n"
    made = project({"a.py": named, "b.py": LOAD, "model.joblib": "x"})
    assert [finding.severity for finding in answers("unsafe_deserialisation", made)] == [
        Severity.MEDIUM,
        Severity.HIGH,
    ]


TORCH = "import torch\n\n\ndef load(path):\n    return torch.load(path{})\n"


@pytest.mark.parametrize(
    ("requirement", "given", "want"),
    [
        ("torch==2.7.1", "", Outcome.PASS),
        ("torch==2.5.1", "", Outcome.FAIL),
        ("torch==2.5.1", ", weights_only=True", Outcome.FAIL),
        ("torch>=2.6", "", Outcome.PASS),
        ("torch>=2.0", "", Outcome.FAIL),
        ("torch>=1.10,<2", "", Outcome.FAIL),
        ("torch>=1.10,<2", ", weights_only=True", Outcome.FAIL),
        ("torch~=2.7.0", "", Outcome.PASS),
        ("torch", "", Outcome.FAIL),
        ("torch", ", weights_only=True", Outcome.PASS),
        ("torch==2.7.1", ", weights_only=False", Outcome.FAIL),
        ("torch==2.7.1", ", weights_only=trusted()", Outcome.UNKNOWN),
        ("torch==2.7.1", ", pickle_module=dill", Outcome.FAIL),
    ],
)
def test_version_of_torch_decides_where_the_call_is_silent(requirement, given, want, project) -> None:
    made = project({"a.py": TORCH.format(given), "requirements.txt": f"{requirement}\n"})
    assert {finding.outcome for finding in answers("torch_load_without_weights_only", made)} == {want}


def test_conda_calls_torch_by_another_name(project) -> None:
    environment = "name: a\ndependencies:\n  - pytorch=1.11.0\n"
    made = project({"a.py": TORCH.format(""), "environment.yaml": environment})
    (finding,) = answers("torch_load_without_weights_only", made)
    assert finding.severity is Severity.HIGH


def test_own_hub_repository_weighs_little(project) -> None:
    call = "import torch\nmodel = torch.hub.load('acme/system', 'small')\n"
    (own,) = answers("remote_code_trusted", project({"a.py": call, "hubconf.py": "dependencies = []\n"}))
    assert own.severity is Severity.LOW


def test_foreign_hub_repository_fixed_to_a_commit_weighs_less(project) -> None:
    commit = "0123456789" * 4
    text = f"import torch\ntorch.hub.load('x/y', 'a')\ntorch.hub.load('x/y:{commit}', 'b')\n"
    found = answers("remote_code_trusted", project({"a.py": text}))
    assert [finding.severity for finding in found] == [Severity.HIGH, Severity.MEDIUM]


def test_expectation_of_a_mock_is_no_connection(project) -> None:
    text = "from unittest.mock import MagicMock\n\nmock = MagicMock()\nmock.get.assert_called_with(verify_ssl=False)\n"
    assert outcomes("transport_not_verified", project({"a.py": text})) == {"pass"}


def test_statement_that_changes_rows_needs_a_person(project) -> None:
    text = (
        "import sqlite3\nfrom langchain_core.tools import tool\nfrom langgraph.prebuilt import create_react_agent\n\n\n"
        "@tool\ndef refund(order: int) -> str:\n    '''Refund an order.'''\n    db = sqlite3.connect('a.db')\n"
        "    db.execute('UPDATE orders SET paid = 0 WHERE id = ?', (order,))\n    return 'done'\n\n\n"
        "agent = create_react_agent('openai:gpt-4o', [refund])\n"
    )
    assert outcomes("tool_without_approval", project({"a.py": text})) == {"fail"}
    assert outcomes(
        "tool_without_approval",
        project({"a.py": text.replace("UPDATE orders SET paid = 0", "SELECT 1 FROM orders")}),
    ) == {"pass"}


def test_agent_that_stops_before_its_tools_passes(project) -> None:
    text = (
        "import os\nfrom langchain_core.tools import tool\nfrom langgraph.prebuilt import create_react_agent\n\n\n"
        "@tool\ndef drop(name: str) -> str:\n    '''Remove a note.'''\n    os.remove('notes/a.txt')\n    return 'done'\n\n\n"
        "agent = create_react_agent('openai:gpt-4o', [drop], interrupt_before=['tools'])\n"
    )
    assert outcomes("tool_without_approval", project({"a.py": text})) == {"pass"}


def test_two_origins_at_one_call_are_one_finding(project) -> None:
    text = (
        "import subprocess\nfrom langchain_core.tools import tool\n\n\n@tool\ndef ping(host: str, count: str) -> str:\n"
        "    '''Ping a host.'''\n    return subprocess.getoutput(f'ping -c {count} {host}')\n"
    )
    (finding,) = answers("command_from_untrusted_text", project({"a.py": text}))
    assert finding.outcome is Outcome.FAIL

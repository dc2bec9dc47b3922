"""What the rules about calls promise beyond their example folders."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from keelmark.core.outcome import Severity

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


def test_load_of_a_file_weighs_less_than_one_of_bytes_from_the_network(project) -> None:
    named = "import joblib\nmodel = joblib.load('model.joblib')\n"
    opened = "import pickle\nwith open(place) as f:\n    model = pickle.load(f)\n"
    fetched = "import pickle\nimport requests\nmodel = pickle.loads(requests.get(place, timeout=5).content)\n"
    handed = "import pickle\n\n\ndef read(data):\n    return pickle.loads(data)\n"
    made = project({"a.py": named, "b.py": opened, "c.py": fetched, "d.py": handed, "model.joblib": "x"})
    assert {f.locations[0].path: f.severity for f in answers("unsafe_deserialisation", made)} == {
        "a.py": Severity.MEDIUM,
        "b.py": Severity.MEDIUM,
        "c.py": Severity.HIGH,
        "d.py": Severity.HIGH,
    }


LOADED = "import torch\n\n\ndef load(path):\n    return torch.load(path, weights_only=True)\n"


def test_old_version_for_some_platforms_only_is_not_held_to_be_what_runs(project) -> None:
    ranges = "torch>=2.2,<2.6; sys_platform == 'darwin'\ntorch>=2.2; sys_platform != 'darwin'\n"
    made = project({"app.py": LOADED, "requirements.txt": ranges})
    assert outcomes("torch_load_without_weights_only", made) == {"pass"}


def test_old_version_on_every_platform_fails_even_with_weights_only(project) -> None:
    ranges = "torch>=2.2,<2.6; sys_platform == 'darwin'\ntorch==2.5.1; sys_platform != 'darwin'\n"
    made = project({"app.py": LOADED, "requirements.txt": ranges})
    assert outcomes("torch_load_without_weights_only", made) == {"fail"}


def test_answers_of_routes_in_another_language_are_unknown(project) -> None:
    route = "import express from 'express';\nconst app = express();\napp.post('/a', (q, r) => r.json({ e: q }));\n"
    assert outcomes("internal_detail_in_response", project({"app.js": route})) == {"unknown"}

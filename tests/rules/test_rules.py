"""Every rule proves both sides: its faulty folder is named with the right id, the clean twin is silent."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import FOLDER, findings_of, rules

from keelmark.core.outcome import Outcome
from keelmark.formats import yaml_tree

RULES = sorted(rules())


def expected(rule: str) -> dict:
    file = FOLDER / rule / "expect.yaml"
    return yaml_tree.parse(file.read_text("utf-8")).plain() if file.is_file() else {}


@pytest.mark.parametrize("rule", RULES)
def test_faulty_folder_is_named(rule: str) -> None:
    failures = [f for f in findings_of(rule, FOLDER / rule / "bad") if f.outcome is Outcome.FAIL]
    assert failures, f"{rule} finds nothing in its faulty folder"
    places = {(location.path, location.line) for finding in failures for location in finding.locations}
    for place in expected(rule).get("bad", []):
        assert (place["path"], place.get("line", 0)) in places, f"{place} is not among {sorted(places)}"
    for finding in failures:
        assert finding.fix, "a failure says what to do"
        assert finding.message


@pytest.mark.parametrize("rule", RULES)
def test_clean_twin_is_silent(rule: str) -> None:
    findings = findings_of(rule, FOLDER / rule / "good")
    assert {f.outcome for f in findings} <= {Outcome.PASS, Outcome.NOT_APPLICABLE}, [
        f.message for f in findings
    ]
    assert any(f.outcome is Outcome.PASS for f in findings), (
        "the clean twin has what the rule looks at, done well"
    )


@pytest.mark.parametrize("rule", RULES)
def test_edge_case_is_answered_as_written(rule: str) -> None:
    want = expected(rule).get("edge")
    assert want, f"tests/rules/{rule}/expect.yaml does not say what the edge case is"
    outcomes = {f.outcome.value for f in findings_of(rule, FOLDER / rule / "edge")}
    assert want in outcomes
    if want != "fail":
        assert "fail" not in outcomes


@pytest.mark.parametrize("rule", RULES)
def test_empty_folder_never_fails_by_accident(rule: str, tmp_path: Path) -> None:
    findings = findings_of(rule, tmp_path)
    assert findings
    assert all("the rule failed" not in f.message for f in findings)

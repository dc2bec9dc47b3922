"""What the rules about threat models, suppliers and components promise beyond their example folders."""

from __future__ import annotations

import importlib

import pytest

CHAT = (
    "from openai import OpenAI\n\nclient = OpenAI()\n"
    "client.chat.completions.create(model='gpt-4o-2024-08-06', messages=[{'role': 'user', 'content': 'a'}])\n"
)
SYSTEM = "version: 1\nsystem: {name: a, purpose: b, owner: c}\n"


def outcomes(rule: str, project) -> set[str]:
    module = importlib.import_module(f"keelmark.design.checks.{rule}")
    return {finding.outcome.value for finding in module.check(project)}


@pytest.mark.parametrize(
    "rule",
    [
        "unaddressed_ai_threat",
        "impact_not_assessed",
        "threat_decision_without_owner",
        "automated_attacker_not_modelled",
    ],
)
def test_absent_threat_model_is_one_failure_and_not_five(rule: str, project) -> None:
    made = project({"a.py": CHAT})
    assert outcomes(rule, made) == {"unknown"}
    assert outcomes("missing_threat_model", made) == {"fail"}


def test_words_that_stand_on_two_lines_are_found(project) -> None:
    text = (
        "# Threat model\n\n"
        + "The team looked at every part of the assistant and wrote down what it found. " * 4
        + "\n\n"
        "## Threats\n\nPrompt\ninjection is mitigated. Leakage is mitigated. The supply\nchain is watched.\n"
    )
    made = project({"a.py": CHAT, "docs/threat-model.md": text})
    assert outcomes("unaddressed_ai_threat", made) == {"pass"}


@pytest.mark.parametrize(
    ("day", "want"), [("2026-06-01", "pass"), ("2025-06-01", "fail"), ("2027-06-01", "fail"), ("", "fail")]
)
def test_supplier_counts_for_a_year(day: str, want: str, project) -> None:
    entry = f", assessed_on: {day}" if day else ""
    made = project({"a.py": CHAT, "keelmark.yaml": f"{SYSTEM}suppliers:\n  - {{id: openai{entry}}}\n"})
    assert outcomes("supplier_not_assessed", made) == {want}


def test_document_about_the_provider_will_do(project) -> None:
    text = "# Suppliers\n\n## OpenAI\n\nAssessed on 2026-08-01: SOC 2 report read, retention 30 days, no training.\n"
    assert outcomes("supplier_not_assessed", project({"a.py": CHAT, "docs/suppliers.md": text})) == {"pass"}


@pytest.mark.parametrize(
    ("names", "want"), [("the hosted model gpt-4o-2024-08-06", "pass"), ("a model", "unknown")]
)
def test_threat_model_stands_in_for_declared_components(names: str, want: str, project) -> None:
    text = (
        "# Threat model\n\n"
        + f"The assistant asks {names} and shows what it says to the person who asked. " * 4
    )
    made = project({"a.py": CHAT, "docs/threat-model.md": text})
    assert outcomes("undeclared_component", made) == {want}


@pytest.mark.parametrize(
    ("envelope", "want"),
    [
        ("users: {limit: 10, now: 11}\n  tools: {limit: 1}", "fail"),
        ("users: {limit: 10, now: 10}\n  tools: {limit: 1}", "pass"),
    ],
)
def test_number_of_today_above_its_limit_fails(envelope: str, want: str, project) -> None:
    made = project({"a.py": CHAT, "keelmark.yaml": f"{SYSTEM}growth_envelope:\n  {envelope}\n"})
    assert outcomes("growth_envelope_exceeded", made) == {want}


def test_training_of_a_model_is_no_training_of_people(project) -> None:
    text = "# Training log\n\nEpoch 3 on 2020-01-01.\n"
    assert outcomes("staff_not_briefed", project({"a.py": CHAT, "docs/model-training.md": text})) == {
        "unknown"
    }


WRITTEN = (
    "# Threat model\n\n"
    + "The team looked at every part of the assistant and wrote down what it found. " * 5
    + "\n\n## Attackers\n\n"
)


OWN_FILE = "attackers:\n  - {id: program, skill: expert, automated: true}\n"


def attackers(*automated: bool) -> str:
    entries = "".join(
        f"    - {{id: attacker-{number}, skill: novice, automated: {str(each).lower()}}}\n"
        for number, each in enumerate(automated)
    )
    return f"{SYSTEM}threat_model:\n  attackers:\n{entries}"


@pytest.mark.parametrize(
    ("files", "want"),
    [
        ({"keelmark.yaml": attackers(False, True)}, "pass"),
        ({"keelmark.yaml": attackers(False)}, "fail"),
        ({"keelmark.yaml": attackers(True), "docs/threat-model.md": f"{WRITTEN}A rival.\n"}, "pass"),
        ({"keelmark.yaml": attackers(False), "docs/threat-model.md": f"{WRITTEN}Bots that adapt.\n"}, "pass"),
        ({"keelmark.yaml": attackers(False), "docs/threat-model.md": f"{WRITTEN}A rival.\n"}, "fail"),
        ({"threat-model.yaml": OWN_FILE, "keelmark.yaml": SYSTEM}, "pass"),
        ({"keelmark.yaml": f"{SYSTEM}threat_model: {{reviewed_on: 2026-11-20}}\n"}, "unknown"),
    ],
    ids=[
        "declared",
        "declared, none automated",
        "declared, not written",
        "written",
        "neither",
        "own file",
        "no attackers",
    ],
)
def test_automated_attackers_are_read_from_both_threat_models(
    files: dict[str, str], want: str, project
) -> None:
    assert outcomes("automated_attacker_not_modelled", project({"a.py": CHAT, **files})) == {want}


def test_place_of_an_automated_attacker_is_its_line(project) -> None:
    module = importlib.import_module("keelmark.design.checks.automated_attacker_not_modelled")
    (found,) = module.check(project({"a.py": CHAT, "keelmark.yaml": attackers(False, True)}))
    assert [(at.path, at.line) for at in found.locations] == [("keelmark.yaml", 6)]


def test_attackers_of_what_is_no_ai_system_are_left_alone(project) -> None:
    made = project({"clock.py": "print(1)\n", "keelmark.yaml": attackers(False)})
    assert outcomes("automated_attacker_not_modelled", made) == {"not-applicable"}

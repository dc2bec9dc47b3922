"""The two states of the example: what applies, why, and what a decision changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keelmark.config.settings import resolve
from keelmark.core.threats import ControlState, ThreatState
from keelmark.design.threats.analyse import analyse, applies_at, digest_of, model_digest
from keelmark.design.threats.library.load import load
from keelmark.design.threats.system import observed_of, system_of
from keelmark.workflows.assess import Examination, examine, target_of

EXAMPLES = Path(__file__).parents[4] / "examples" / "helpdesk"
LIBRARY = load()


def examined(state: str) -> Examination:
    settings = resolve({"write": False, "cache": False, "plugins": False, "as_of": None})
    return examine(target_of([EXAMPLES / state]), settings)


@pytest.fixture(scope="module")
def as_found() -> Examination:
    return examined("as-found")


@pytest.fixture(scope="module")
def secured() -> Examination:
    return examined("secured")


def test_threats_that_must_not_be_missed_are_open(as_found: Examination) -> None:
    found = analyse(as_found.project, as_found.assessment, LIBRARY)
    opened = {entry.threat.id for entry in found.threats if entry.state is ThreatState.OPEN}
    assert opened >= {
        "mcp-server-drives-tool", "mcp-server-changes", "retrieval-store-poisoned", "retrieved-text-drives-tool",
        "user-text-drives-tool", "output-run-as-command", "output-run-as-sql", "output-chooses-file", "output-shown-as-html",
        "weights-run-code", "tool-description-gives-orders", "caller-not-identified", "pipeline-taken-over",
        "untrusted-text-speaks-as-system", "automated-attacker", "budget-exhausted",
    }  # fmt: skip


def test_the_system_is_derived_once_for_rules_and_analysis(secured: Examination) -> None:
    found = analyse(secured.project, secured.assessment, LIBRARY)
    assert found.model is system_of(secured.project)
    assert observed_of(secured.project) is observed_of(secured.project)


def test_the_digest_is_known_without_evidence(as_found: Examination, secured: Examination) -> None:
    for state in (as_found, secured):
        assert (
            model_digest(state.project, LIBRARY) == analyse(state.project, state.assessment, LIBRARY).digest
        )


def test_threats_that_have_no_path_there_do_not_apply(as_found: Examination) -> None:
    found = analyse(as_found.project, as_found.assessment, LIBRARY)
    absent = dict(found.not_applicable)
    assert {
        "feedback-poisons-training",
        "membership-inferred",
        "output-drives-agent",
        "memory-poisoned",
    } <= set(absent)
    assert all(absent.values())


def test_path_of_the_worst_threat_is_told_from_the_user_to_the_shell(as_found: Examination) -> None:
    found = analyse(as_found.project, as_found.assessment, LIBRARY)
    threat = next(entry for entry in found.threats if entry.threat.id == "output-run-as-command")
    ends = {(path.elements[0].name, path.elements[-1].name) for path in threat.paths}
    assert ("user", "shell of helpdesk") in ends
    assert any(
        control.state is ControlState.FAILED and "command-from" in control.because
        for control in threat.controls
    )


def test_secured_state_has_no_open_threat_and_no_difference(secured: Examination) -> None:
    found = analyse(secured.project, secured.assessment, LIBRARY)
    assert not [entry.threat.id for entry in found.threats if entry.state is ThreatState.OPEN]
    assert found.discrepancies == ()
    accepted = [entry for entry in found.threats if entry.state is ThreatState.ACCEPTED]
    assert accepted
    assert all(entry.disposition and entry.disposition.expires for entry in accepted)


def test_attestation_alone_mitigates_nothing(secured: Examination) -> None:
    found = analyse(secured.project, secured.assessment, LIBRARY)
    for entry in found.threats:
        if entry.state is ThreatState.MITIGATED:
            assert any(control.state is ControlState.PROVEN for control in entry.controls)


def test_analysis_and_digest_are_the_same_each_time_and_follow_decisions(secured: Examination) -> None:
    found = analyse(secured.project, secured.assessment, LIBRARY)
    assert found == analyse(secured.project, secured.assessment, LIBRARY)
    declaration = secured.project.declaration
    assert declaration is not None
    assert declaration.threat_model is not None
    fewer = replace(declaration.threat_model, dispositions=declaration.threat_model.dispositions[1:])
    changed = replace(secured.project, declaration=replace(declaration, threat_model=fewer))
    assert analyse(changed, secured.assessment, LIBRARY).digest != found.digest


def test_moved_line_changes_no_digest(as_found: Examination) -> None:
    model = analyse(as_found.project, as_found.assessment, LIBRARY).model
    moved = replace(
        model,
        elements=tuple(
            replace(one, at=replace(one.at, line=one.at.line + 7)) if one.at else one
            for one in model.elements
        ),
    )
    assert digest_of(model, (), {}) == digest_of(moved, (), {})


def test_threat_that_needs_a_larger_system_does_not_apply_to_a_smaller_one(as_found: Examination) -> None:
    model = analyse(as_found.project, as_found.assessment, LIBRARY).model
    threat = next(entry for entry in LIBRARY.threats if entry.id == "other-users-data-told")
    assert (
        applies_at(threat, replace(model, size=replace(model.size, users=1)))
        == "users is 1, and it applies above 1"
    )
    assert not applies_at(threat, replace(model, size=replace(model.size, users=2)))
    assert not applies_at(threat, replace(model, size=replace(model.size, users=None)))


def test_disposition_of_a_threat_that_nobody_knows_is_a_gap(secured: Examination) -> None:
    declaration = secured.project.declaration
    assert declaration is not None
    assert declaration.threat_model is not None
    odd = replace(declaration.threat_model.dispositions[0], threat="no-such-threat")
    model = replace(declaration.threat_model, dispositions=(odd,))
    project = replace(secured.project, declaration=replace(declaration, threat_model=model))
    assert any("no-such-threat" in gap.detail for gap in analyse(project, secured.assessment, LIBRARY).gaps)

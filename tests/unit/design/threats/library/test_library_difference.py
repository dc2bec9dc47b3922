"""Two editions side by side: what changed, whom it concerns, what to look at again and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keelmark.core.declaration import ComponentKind
from keelmark.core.library_difference import Change
from keelmark.core.outcome import Severity
from keelmark.core.system_model import Element, Origin, SystemModel
from keelmark.core.threats import (
    Analysis,
    ApplicableThreat,
    Horizon,
    Library,
    Mitigation,
    PathPattern,
    Step,
    Technique,
    Threat,
    ThreatState,
)
from keelmark.design.threats.library.difference import difference, platforms_of


def _technique(key: str, **more: Any) -> Technique:
    parent = key.rpartition(".")[0] if key.count(".") > 1 else ""
    given = {"tactics": ("AML.TA0005",), "horizon": Horizon.DEMONSTRATED, "parent": parent, **more}
    return Technique(id=key, name=f"name of {key}", **given)


def _threat(key: str, *techniques: str, severity: Severity = Severity.HIGH) -> Threat:
    pattern = PathPattern(steps=(Step(),))
    return Threat(id=key, title=key, text=key, severity=severity, patterns=(pattern,), techniques=techniques)


INJECTION = _threat("injection", "AML.T0051")
LEAK = _threat("leak", "AML.T0057", severity=Severity.CRITICAL)
THEFT = _threat("theft", "AML.T0024")


def _library(*techniques: Technique, mitigations: tuple[Mitigation, ...] = ()) -> Library:
    base = {key: _technique(key) for key in ("AML.T0051", "AML.T0051.000", "AML.T0057", "AML.T0024")}
    return Library(
        threats=(INJECTION, LEAK, THEFT),
        techniques={**base, **{entry.id: entry for entry in techniques}},
        mitigations={entry.id: entry for entry in mitigations},
        versions=(("mitre-atlas", "1", ""),),
    )


def _analysis(*threats: Threat, kinds: tuple[ComponentKind, ...] = (ComponentKind.AGENT,)) -> Analysis:
    elements = tuple(
        Element(id=kind.value, kind=kind, name=kind.value, origin=Origin.OBSERVED) for kind in kinds
    )
    applicable = tuple(
        ApplicableThreat(threat=threat, paths=(), controls=(), state=ThreatState.OPEN, because="b")
        for threat in threats
    )
    return Analysis(
        model=SystemModel(name="s", elements=elements, links=()),
        threats=applicable,
        not_applicable=(),
        discrepancies=(),
        library=(),
        digest="",
    )


HERE = _analysis(INJECTION, LEAK)


def test_the_same_edition_changes_nothing() -> None:
    found = difference(_library(), _library(), HERE)
    assert (found.changes, found.applying, found.tasks) == ((), (), ())


def test_a_nearer_technique_is_a_task_for_the_threat_that_names_it() -> None:
    found = difference(_library(), _library(_technique("AML.T0051", horizon=Horizon.REALISED)), HERE)
    assert [(change.change, change.id, change.fields) for change in found.changes] == [
        (Change.CHANGED, "AML.T0051", ("maturity: demonstrated -> realised",))
    ]
    assert found.applying == (("AML.T0051", "`injection` applies here"),)
    (task,) = found.tasks
    assert (task.subject, task.entries) == ("injection", ("AML.T0051",))
    assert "demonstrated -> realised" in task.because


def test_a_part_of_a_named_technique_concerns_its_threat() -> None:
    found = difference(_library(), _library(_technique("AML.T0051.009")), HERE)
    assert [task.subject for task in found.tasks] == ["injection"]


def test_what_concerns_a_threat_that_does_not_apply_is_no_task() -> None:
    found = difference(_library(), _library(_technique("AML.T0024", horizon=Horizon.REALISED)), HERE)
    assert len(found.changes) == 1
    assert (found.applying, found.tasks) == ((), ())


@pytest.mark.parametrize(
    ("tactics", "platforms", "concerns"),
    [
        (("AML.TA0005",), ("Agentic AI",), True),
        (("AML.TA0005",), (), True),
        (("AML.TA0005",), ("Predictive AI",), False),
        (("AML.TA0099",), ("Agentic AI",), False),
    ],
)
def test_a_new_technique_concerns_a_system_of_its_tactic_and_platform(
    tactics: tuple[str, ...], platforms: tuple[str, ...], concerns: bool
) -> None:
    new = _technique("AML.T0200", tactics=tactics, platforms=platforms)
    found = difference(_library(), _library(new), HERE)
    assert [task.subject for task in found.tasks] == (["AML.T0200"] if concerns else [])


def test_a_model_of_unknown_kind_is_of_either() -> None:
    found = platforms_of(_analysis(kinds=(ComponentKind.MODEL,)))
    assert found == {"Predictive AI", "Generative AI", "Enterprise"}


def test_a_new_mitigation_brings_its_recommendations() -> None:
    mitigation = Mitigation(id="AML.M0037", name="Limits", recommendations=("X3.e", "SD-3.u"))
    new = _library(_technique("AML.T0051", mitigations=("AML.M0037",)), mitigations=(mitigation,))
    (task,) = difference(_library(), new, HERE).tasks
    assert task.text.endswith("weigh SD-3.u, X3.e")
    assert set(task.entries) == {"AML.M0037", "AML.T0051"}


def test_a_removed_technique_is_told() -> None:
    old = _library(_technique("AML.T0051.003"))
    found = difference(old, _library(), HERE)
    assert [(change.change, change.id) for change in found.changes] == [(Change.REMOVED, "AML.T0051.003")]
    assert [task.subject for task in found.tasks] == ["injection"]


def test_what_comes_nearer_stands_before_new_words_and_graver_threats_first() -> None:
    near = {"horizon": Horizon.REALISED}
    words = difference(
        _library(), _library(_technique("AML.T0051", **near), _technique("AML.T0057", text="other")), HERE
    )
    assert [task.subject for task in words.tasks] == ["injection", "leak"]
    both = difference(
        _library(), _library(_technique("AML.T0051", **near), _technique("AML.T0057", **near)), HERE
    )
    assert [task.subject for task in both.tasks] == ["leak", "injection"]


def test_white_space_is_no_change() -> None:
    old, new = (_library(_technique("AML.T0051", text=text)) for text in ("a  b\n", "a b"))
    assert difference(old, new).changes == ()


def test_platforms_count_only_where_both_editions_state_them() -> None:
    stated = _library(_technique("AML.T0051", platforms=("Agentic AI",)))
    assert difference(_library(), stated).changes == ()
    other = _library(_technique("AML.T0051", platforms=("Enterprise",)))
    (change,) = difference(stated, other).changes
    assert change.fields == ("platforms: +Enterprise -Agentic AI",)


def test_a_threat_that_came_nearer_is_a_change_of_its_own() -> None:
    old = _library()
    new = replace(old, threats=(replace(INJECTION, horizon=Horizon.REALISED), LEAK, THEFT))
    found = difference(old, new, HERE)
    assert [(change.kind, change.id) for change in found.changes] == [("threat", "injection")]
    assert [task.subject for task in found.tasks] == ["injection"]

"""Hazards become findings with a weight, and a file stands where its worst finding puts it."""

from __future__ import annotations

import pytest

from keelmark.core.facts import FileFacts, Gap, GapReason, Hazard, ModelFile, Reading, Technique
from keelmark.core.outcome import Severity
from keelmark.core.scan import ScanState
from keelmark.development.supplychain.judgement import findings_of, judge
from keelmark.development.supplychain.techniques import card_of, cards
from keelmark.guidelines import load
from keelmark.workflows.explain import explain
from keelmark.workflows.rulebook import rulebook

GAP = Gap(path="m.pkl", reason=GapReason.TRUNCATED)
HARMLESS_GAP = Gap(path="m.pkl", reason=GapReason.UNSUPPORTED, matters=False)


def hazard(technique=Technique.DANGEROUS_CALLABLE, **more):
    return Hazard(**{"technique": technique, "detail": "does harm", "subject": "os.system", **more})


def facts(*hazards, gaps=(), models=(), readings=True):
    made = (Reading(format="pickle", hazards=hazards, models=models),) if readings else ()
    return FileFacts(path="m.pkl", size=3, readings=made, gaps=gaps)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (facts(), ScanState.CLEAN),
        (facts(readings=False), ScanState.NO_ARTEFACT),
        (facts(gaps=(GAP,)), ScanState.NOT_ANALYSED),
        (facts(gaps=(HARMLESS_GAP,)), ScanState.CLEAN),
        (facts(hazard()), ScanState.UNSAFE),
        (facts(hazard(), gaps=(GAP,)), ScanState.UNSAFE),
        (facts(hazard(Technique.CUSTOM_OPERATOR)), ScanState.UNSAFE),
        (facts(hazard(Technique.EMBEDDED_SOURCE)), ScanState.CLEAN),
        (facts(hazard(Technique.EMBEDDED_SOURCE), gaps=(GAP,)), ScanState.NOT_ANALYSED),
    ],
)
def test_a_file_stands_where_its_worst_finding_puts_it(given, state) -> None:
    assert judge(given).state is state


def test_findings_come_worst_first_and_once() -> None:
    given = facts(
        hazard(Technique.EMBEDDED_SOURCE),
        hazard(offset=1),
        hazard(offset=9, code="os.system('x')"),
        hazard(member="inner"),
    )
    found = findings_of(given)
    assert [finding.severity for finding in found] == [Severity.CRITICAL, Severity.CRITICAL, Severity.INFO]
    assert found[0].hazard.code == "os.system('x')"
    assert len({finding.fingerprint for finding in found}) == 3


def test_a_model_that_is_called_dangerous_is_unsafe_whatever_its_reader_states() -> None:
    model = ModelFile(
        format="pickle", dangerous=("os.system: reaches the operating system",), unknown=("a.b",)
    )
    found = findings_of(facts(models=(model,)))
    assert [(finding.hazard.technique, finding.hazard.subject) for finding in found] == [
        (Technique.DANGEROUS_CALLABLE, "os.system"),
        (Technique.UNKNOWN_CALLABLE, "a.b"),
    ]


@pytest.mark.parametrize("technique", list(Technique))
def test_every_technique_is_explained(technique) -> None:
    card = card_of(technique)
    assert card.technique is technique
    for text in (card.title, card.what, card.why, card.fix):
        assert text[0].isupper()
        assert len(text) < 300
    assert not card.title.endswith(".")
    assert card.tags
    page = explain(str(technique), root=None)
    assert card.why in page
    assert card.fix in page


def test_no_rule_is_called_like_a_technique() -> None:
    rules = {found.card.id for found in rulebook(load())}
    assert not rules & {str(technique) for technique in cards()}

"""The packaged threats name only what exists, and the reader refuses everything else with its line."""

from __future__ import annotations

import pytest

from keelmark.design.threats.library.own import parse_own, read_own
from keelmark.design.threats.library.shipped import read_shipped
from keelmark.errors import ParseError
from keelmark.guidelines import load
from keelmark.workflows.rulebook import rulebook

OWN = read_own()
GOOD = """\
version: "1"
date: "2026-01-31"
threats:
  - id: a-threat
    title: A threat
    text: What it is.
    severity: high
    paths:
      - - { kinds: [model], trusts: [model-output] }
        - { sinks: [command], far: true }
    controls:
      - { title: A control, recommendations: [SD-3.k], rules: [], strength: 0.5 }
    atlas: [AML.T0050]
    tags: []
    growth:
      - { dimension: users, above: 10, exponent: 0.5 }
    horizon: realised
    fix: Do this.
"""


def test_every_recommendation_rule_and_technique_that_is_named_exists() -> None:
    catalogue, shipped = load(), read_shipped()
    rules = {found.card.id for found in rulebook(catalogue, with_plugins=False)}
    for threat in OWN.threats:
        assert set(threat.techniques) <= set(shipped.atlas.techniques), threat.id
        risks = {tag.removeprefix("cosai:") for tag in threat.tags if tag.startswith("cosai:")}
        assert risks <= set(shipped.cosai.risk_map.risks), threat.id
        for control in threat.controls:
            assert set(control.recommendations) <= set(catalogue.by_id), threat.id
            assert set(control.rules) <= rules, threat.id


def test_every_threat_has_controls_techniques_a_fix_and_known_kinds_of_tag() -> None:
    assert len(OWN.threats) >= 40
    for threat in OWN.threats:
        assert threat.controls, threat.id
        assert threat.techniques, threat.id
        assert all(control.recommendations for control in threat.controls), threat.id
        assert {tag.partition(":")[0] for tag in threat.tags} <= {
            "owasp-llm",
            "owasp-asi",
            "stride",
            "cosai",
        }, threat.id


def test_text_that_fits_is_read() -> None:
    (threat,) = parse_own(GOOD).threats
    assert threat.patterns[0].steps[1].far
    assert threat.growth[0].above == 10


@pytest.mark.parametrize(
    ("before", "after", "words", "line"),
    [
        ("severity: high", "severity: grave", "grave", 7),
        ("kinds: [model]", "kinds: [robot]", "robot", 9),
        ("sinks: [command]", "sinks: [drain]", "drain", 10),
        ("far: true", "far: perhaps", "far", 10),
        ("far: true", "near: true", "near", 10),
        ("strength: 0.5", "strength: 5", "strength", 12),
        ("strength: 0.5", "strength: much", "strength", 12),
        ("dimension: users", "dimension: weight", "weight", 16),
        ("title: A threat\n", "title: ''\n", "title", 5),
        ("    fix: Do this.", "    fix: Do this.\n    cure: none", "cure", 19),
        ("    tags: []", "    tags: x", "tags", 14),
    ],
)
def test_fault_is_told_with_its_line(before: str, after: str, words: str, line: int) -> None:
    with pytest.raises(ParseError, match=words) as raised:
        parse_own(GOOD.replace(before, after, 1))
    assert raised.value.line == line


def test_threat_that_stands_twice_is_refused() -> None:
    entry = GOOD[GOOD.index("  - id") :]
    with pytest.raises(ParseError, match="twice"):
        parse_own(GOOD + entry)


def test_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(ParseError, match="twice"):
        parse_own(GOOD.replace("    fix: Do this.", "    fix: Do this.\n    fix: Do that."))


def test_threat_without_a_path_is_refused() -> None:
    start, end = GOOD.index("    paths:"), GOOD.index("    controls:")
    with pytest.raises(ParseError, match="no path"):
        parse_own(GOOD[:start] + GOOD[end:])

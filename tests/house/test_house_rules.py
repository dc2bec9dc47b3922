"""Form of every rule: its page, its name, its tags, its proof."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
import re2

from keelmark.guidelines import load
from keelmark.workflows.rulebook import rulebook

CATALOGUE = load()
RULES = {found.card.id: found for found in rulebook(CATALOGUE, with_plugins=False)}
PROOFS = Path(__file__).parents[1] / "rules"
VOCABULARIES = {name: set(ids) for name, ids in CATALOGUE.vocabularies}
HEADINGS = ("What it finds", "Why it matters", "How to fix")

CWE = re2.compile(r"[1-9][0-9]{0,3}")
ATLAS = re2.compile(r"AML\.(T[0-9]{4}(\.[0-9]{3})?|TA[0-9]{4}|M[0-9]{4})")

each_rule = pytest.mark.parametrize("rule", sorted(RULES))


def is_known(tag: str) -> bool:
    vocabulary, _, name = tag.partition(":")
    match vocabulary:
        case "cwe":
            return bool(CWE.fullmatch(name))
        case "atlas":
            is_mitigation = name.startswith("AML.M")
            return bool(ATLAS.fullmatch(name)) and (
                not is_mitigation or name in VOCABULARIES["atlas_mitigations"]
            )
        case "owasp-llm":
            return name in VOCABULARIES["owasp_llm_2025"]
        case "owasp-agentic":
            return name in VOCABULARIES["owasp_agentic_2026"]
        case "en-304-223":
            return name in VOCABULARIES["etsi_en_304_223"]
        case _:
            return False


@each_rule
def test_page_has_a_first_line_and_its_headings_in_order(rule: str) -> None:
    page = inspect.cleandoc(RULES[rule].page)
    first, _, rest = page.partition("\n")
    assert first.endswith("."), "the first line is a sentence"
    assert len(first) <= 120
    assert not rest.strip() or rest.startswith("\n"), "an empty line follows the first"
    lines = [line.strip().strip("#*: ") for line in page.splitlines()]
    places = [lines.index(heading) for heading in HEADINGS if heading in lines]
    assert len(places) == len(HEADINGS), f"headings are {HEADINGS}"
    assert places == sorted(places)
    for start, end in zip(places, [*places[1:], len(lines)], strict=True):
        assert any(lines[start + 1 : end]), "no heading stands alone"


@each_rule
def test_name_of_the_rule_is_the_name_of_its_file(rule: str) -> None:
    assert RULES[rule].origin.rpartition(".")[2].replace("_", "-") == rule
    assert re2.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", rule), "two words or more, in lower case"


@each_rule
def test_card_says_what_a_failure_means(rule: str) -> None:
    card = RULES[rule].card
    assert card.title
    assert card.title[0].isupper() or card.title[0] == "`"
    assert not card.title.endswith(".")
    assert len(card.title) <= 80
    assert len(set(card.recommendations)) == len(card.recommendations) > 0
    assert set(card.recommendations) <= set(CATALOGUE.by_id)
    assert set(card.settles) <= set(card.recommendations)


@each_rule
def test_every_tag_is_a_word_of_its_vocabulary(rule: str) -> None:
    card = RULES[rule].card
    assert [tag for tag in card.tags if not is_known(tag)] == []
    assert len(set(card.tags)) == len(card.tags)
    assert card.tags, "a rule says where else its defect is known"


@each_rule
def test_rule_is_proved_on_both_sides(rule: str) -> None:
    for side in ("bad", "good", "edge"):
        files = [path for path in (PROOFS / rule / side).rglob("*") if path.is_file()]
        assert files, f"tests/rules/{rule}/{side} is missing"
    assert (PROOFS / rule / "expect.yaml").is_file()


def test_no_proof_is_left_without_its_rule() -> None:
    folders = {
        path.name for path in PROOFS.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))
    }
    assert folders - set(RULES) == set()


@each_rule
def test_every_fix_says_something(rule: str) -> None:
    # The proof folders show the real ones; here every `fix=""` in the source is caught as well.
    source = inspect.getsource(importlib.import_module(RULES[rule].origin))
    squeezed = source.replace(" ", "")
    assert 'fix=""' not in squeezed
    assert "fix=''" not in squeezed


def test_there_are_at_least_60_rules() -> None:
    assert len(RULES) >= 60


def test_every_item_has_a_rule() -> None:
    cited = {row for found in RULES.values() for row in found.card.recommendations}
    without = [item.id for item in CATALOGUE.items if not cited & set(item.recommendations)]
    assert without == []


def test_at_least_70_recommendations_are_spoken_to() -> None:
    cited = {row for found in RULES.values() for row in found.card.recommendations}
    assert len(cited & {row.id for row in CATALOGUE.recommendations}) >= 70


def test_every_area_has_rules() -> None:
    areas = {found.origin.split(".")[1] for found in RULES.values()}
    assert areas == {"design", "development", "deployment", "operation"}

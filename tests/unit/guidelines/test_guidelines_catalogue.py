from __future__ import annotations

import json
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

from keelmark.core.outcome import Gate
from keelmark.errors import CatalogueError
from keelmark.formats import yaml_tree
from keelmark.guidelines import applicability, load
from keelmark.guidelines.loader import parse

FOLDER = resources.files("keelmark.guidelines")
TEXT = FOLDER.joinpath("catalogue.yaml").read_text("utf-8")


def plain():
    return yaml_tree.parse(TEXT).plain()


def test_packaged_data_follows_its_schema() -> None:
    schema = json.loads(FOLDER.joinpath("catalogue.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(plain())] == []


def test_schema_refuses_what_the_gate_could_not_judge() -> None:
    validator = Draft202012Validator(json.loads(FOLDER.joinpath("catalogue.schema.json").read_text("utf-8")))
    damaged = plain()
    damaged["principles"][0]["gate"] = "maybe"
    assert not validator.is_valid(damaged)


def test_json_form_is_the_yaml_form() -> None:
    assert json.loads(FOLDER.joinpath("catalogue.json").read_text("utf-8")) == plain()


def test_counts_are_those_of_the_guidelines() -> None:
    catalogue = load()
    assert len(catalogue.items) == 17
    assert len(catalogue.recommendations) == 150
    assert len(catalogue.principles) == 12
    assert len(catalogue.gaps) == 24
    assert len(catalogue.extensions) == 14
    assert sum(row.gate is Gate.BLOCK for row in catalogue.recommendations) == 54


@pytest.mark.parametrize("text", ["", "[]", "catalogue: {}\n", TEXT.replace("gate: block", "gate: maybe", 1)])
def test_damaged_catalogue_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        parse(text)


def test_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(CatalogueError, match="twice"):
        parse(TEXT.replace("- id: P-2\n", "- id: P-1\n", 1))


def test_atlas_bridge_leads_to_known_recommendations() -> None:
    catalogue = load()
    assert not {row for _, rows in catalogue.atlas_bridge for row in rows} - catalogue.by_id.keys()


def test_applicability_names_known_recommendations_and_traits() -> None:
    from keelmark.development.assets.traits import TRAITS

    known = load().by_id
    for row, traits in applicability.needs().items():
        assert row in known
        assert set(traits) <= set(TRAITS)


def test_system_without_traits_has_only_general_recommendations_left() -> None:
    left = load().by_id.keys() - applicability.inapplicable([]).keys()
    assert "SD-2.a" in left
    assert "DEP-1.b" not in left


def test_more_traits_never_make_less_apply() -> None:
    few, more = applicability.inapplicable(["api"]), applicability.inapplicable(["api", "agent"])
    assert more.keys() <= few.keys()

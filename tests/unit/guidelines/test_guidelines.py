from __future__ import annotations

from importlib import resources

import pytest

from keelmark.core.catalogue import Automation
from keelmark.core.outcome import Area, Gate
from keelmark.development.assets.traits import TRAITS
from keelmark.errors import CatalogueError
from keelmark.guidelines import load
from keelmark.guidelines.applicability import inapplicable, needs
from keelmark.guidelines.loader import parse

CATALOGUE = load()
SOURCE = resources.files("keelmark.guidelines").joinpath("catalogue.yaml").read_text("utf-8")


def test_the_guidelines_are_whole() -> None:
    assert len(CATALOGUE.items) == 17
    assert len(CATALOGUE.recommendations) == 150
    assert len(CATALOGUE.principles) == 12
    assert {row.item for row in CATALOGUE.gaps} == {"G1", "G2"}
    assert {item.area for item in CATALOGUE.items} == set(Area)


def test_packaged_json_says_what_the_yaml_says() -> None:
    assert parse(SOURCE) == CATALOGUE


def test_every_row_belongs_to_its_item_in_order() -> None:
    for item in CATALOGUE.items:
        rows = [row.id for row in CATALOGUE.recommendations if row.item == item.id]
        assert rows == list(item.recommendations)
        assert all(row.startswith(f"{item.id}.") for row in rows)


def test_every_row_says_what_makes_it_fail_and_how_it_is_settled() -> None:
    for row in CATALOGUE.by_id.values():
        assert row.text
        assert row.check
        assert row.where
        assert row.evidence
        assert row.gate in Gate
        assert row.automation in Automation
        assert not row.check.endswith(".")  # Reports put the full stop.


def test_area_is_known_for_recommendations_only() -> None:
    assert CATALOGUE.area_of("SD-1.a") is Area.DESIGN
    assert CATALOGUE.area_of("OM-4.a") is Area.OPERATION
    assert CATALOGUE.area_of("P-1") is None
    assert CATALOGUE.area_of("nothing") is None


def test_applicability_speaks_of_known_rows_and_traits() -> None:
    table = needs()
    assert set(table) <= set(CATALOGUE.by_id)
    assert {trait for traits in table.values() for trait in traits} <= set(TRAITS)


def test_row_applies_as_soon_as_one_of_its_traits_is_there() -> None:
    everything = inapplicable(())
    assert set(everything) == set(needs())
    assert all(everything.values())
    assert inapplicable(TRAITS) == {}
    for row, traits in needs().items():
        for trait in traits:
            assert row not in inapplicable([trait])


def test_more_traits_never_excuse_more() -> None:
    for trait in TRAITS:
        assert set(inapplicable([trait])) <= set(inapplicable(()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: b",
        "catalogue: {}",
        SOURCE[: len(SOURCE) // 2],
        SOURCE.replace("gate: warn", "gate: never", 1),
        "\x00",
    ],
    ids=["empty", "list", "other", "short", "half", "bad gate", "bytes"],
)
def test_damaged_catalogue_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        parse(text)


def test_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(CatalogueError, match="twice"):
        parse(SOURCE.replace("- id: SD-1.b", "- id: SD-1.a", 1))

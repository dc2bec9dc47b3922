"""Loads the packaged catalogue into frozen words and refuses a damaged one."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec

from keelmark.core.catalogue import Automation, Catalogue, Item, Recommendation
from keelmark.core.outcome import Area, Gate
from keelmark.errors import CatalogueError, KeelmarkError
from keelmark.formats import yaml_tree

__all__ = ["load", "parse"]


@lru_cache(maxsize=1)
def load() -> Catalogue:
    """The catalogue that ships with this version.

    The packaged JSON is made from `catalogue.yaml` by `make docs`; reading it takes a hundredth of the time.

    Raises:
        CatalogueError: The data is damaged.
    """
    folder = resources.files("keelmark.guidelines")
    try:
        return _catalogue(msgspec.json.decode(folder.joinpath("catalogue.json").read_bytes()))
    except (OSError, msgspec.MsgspecError) as error:
        raise CatalogueError(f"the packaged catalogue cannot be read: {error}") from error


def parse(text: str) -> Catalogue:
    """A catalogue from YAML text.

    Raises:
        CatalogueError: It is no catalogue; says what is wrong.
    """
    try:
        node = yaml_tree.parse(text, path="catalogue.yaml")
    except KeelmarkError as error:
        raise CatalogueError(error.message, line=error.line, path="catalogue.yaml") from error
    return _catalogue(node.plain() if node is not None else None)


def _catalogue(raw: Any) -> Catalogue:
    try:
        areas = [(Area(area["id"]), item) for area in raw["areas"] for item in area["items"]]
        catalogue = Catalogue(
            version=str(raw["catalogue"]["version"]),
            items=tuple(_item(area, item) for area, item in areas),
            recommendations=tuple(
                _row(row, item["id"]) for _, item in areas for row in item["recommendations"]
            ),
            principles=tuple(_row(row, "P") for row in raw["principles"]),
            gaps=tuple(_row(row, gap["id"]) for gap in raw["gaps_left_open"] for row in gap["items"]),
            extensions=tuple(_row(row, "X") for row in raw["extensions"]),
            vocabularies=tuple((name, tuple(ids)) for name, ids in raw["vocabularies"].items()),
            atlas_bridge=tuple(
                (source, tuple(targets))
                for part in ("mitigation_to_recommendations", "techniques_without_atlas_mitigation_5_6")
                for source, targets in raw["atlas_bridge"][part].items()
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CatalogueError(f"the catalogue is damaged: {error!r}") from error
    count = len(catalogue.by_id)
    rows = (catalogue.recommendations, catalogue.principles, catalogue.gaps, catalogue.extensions)
    if count != sum(map(len, rows)):
        raise CatalogueError("the catalogue has an id that stands twice")
    return catalogue


def _item(area: Area, raw: Any) -> Item:
    return Item(
        id=raw["id"],
        title=raw["title"],
        area=area,
        recommendations=tuple(row["id"] for row in raw["recommendations"]),
        crosswalk=tuple((name, tuple(map(str, ids))) for name, ids in raw["crosswalk"].items()),
    )


def _row(raw: Any, item: str) -> Recommendation:
    return Recommendation(
        id=raw["id"],
        text=raw["text"],
        automation=Automation(raw["automation"]),
        where=tuple(raw["where"]),
        gate=Gate(raw["gate"]),
        evidence=tuple(raw["evidence"]),
        check=raw["check"],
        item=item,
        source=str(raw.get("source", "")),
    )

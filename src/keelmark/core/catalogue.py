"""The guidelines as data: 4 areas, 17 items, their recommendations, principles, gaps and extensions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from keelmark.core.outcome import Area, Gate

__all__ = ["Automation", "Catalogue", "Item", "Recommendation"]


class Automation(StrEnum):
    """How a recommendation can be settled."""

    ENFORCE = "enforce"
    CHECK = "check"
    ATTEST = "attest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One recommendation.

    Attributes:
        where: Where it can be seen: `project_folder`, `release_gate`, `gateway`, `running_system`, `active_test`,
            `person`.
        check: One sentence that says what makes it fail.
        item: Id of the item it belongs to: `DEV-1`, `P` for principles, `G1`, `G2`, `X` for extensions.
    """

    id: str
    text: str
    automation: Automation
    where: tuple[str, ...]
    gate: Gate
    evidence: tuple[str, ...]
    check: str
    item: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One of the 17 items, with its crosswalk to other frameworks."""

    id: str
    title: str
    area: Area
    recommendations: tuple[str, ...]
    crosswalk: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The whole catalogue.

    Attributes:
        version: Version of the data.
        recommendations: The 150 of the 17 items, in order.
        principles: P-1 to P-12.
        gaps: G1 and G2, what the guidelines leave open.
        extensions: X rows, what came after them.
        vocabularies: Ids of other frameworks that may be cited, by framework.
    """

    version: str
    items: tuple[Item, ...]
    recommendations: tuple[Recommendation, ...]
    principles: tuple[Recommendation, ...]
    gaps: tuple[Recommendation, ...]
    extensions: tuple[Recommendation, ...]
    vocabularies: tuple[tuple[str, tuple[str, ...]], ...] = ()
    atlas_bridge: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @cached_property
    def by_id(self) -> dict[str, Recommendation]:
        """Every row by its id."""
        rows = (*self.recommendations, *self.principles, *self.gaps, *self.extensions)
        return {row.id: row for row in rows}

    @cached_property
    def item_by_id(self) -> dict[str, Item]:
        """The 17 items by id."""
        return {item.id: item for item in self.items}

    def area_of(self, recommendation: str) -> Area | None:
        """The area a recommendation belongs to; None for principles, gaps and extensions."""
        row = self.by_id.get(recommendation)
        item = self.item_by_id.get(row.item) if row else None
        return item.area if item else None

"""What the page shows, arranged: areas, findings, recommendations, inventory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.asset import Asset
from keelmark.core.catalogue import Recommendation
from keelmark.core.decision import Standing
from keelmark.core.finding import Finding
from keelmark.core.outcome import Area, Status
from keelmark.report.reasons import blocking_of, in_order, is_blocking, title_of
from keelmark.report.summary import (
    AREA_TITLES,
    OTHER_ROWS,
    STATUS_WORDS,
    ItemSummary,
    Tally,
    area_of,
    assets_by_kind,
    item_summaries,
    outcome_word,
    tally_of_area,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card

__all__ = [
    "BOUNDS",
    "SYMBOLS",
    "AreaView",
    "AssetGroup",
    "Bounds",
    "FindingGroup",
    "FindingView",
    "RecommendationTable",
    "Segment",
    "areas",
    "asset_groups",
    "finding_groups",
    "outcome_counts",
    "recommendation_tables",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much the page holds; beyond it, it counts and points to the JSON report.

    Attributes:
        findings: Findings of one area.
        assets: Assets of one kind.
        gaps: Places of one reason.
        sentence: Characters of one text.
    """

    findings: int = 1_000
    assets: int = 500
    gaps: int = 200
    sentence: int = 1_000


BOUNDS = Bounds()

# A sign beside each word, so that no state is told by colour alone.
SYMBOLS: dict[str, str] = {
    "pass": "✓",
    "passed": "✓",
    "fail": "✕",
    "failed": "✕",
    "waived": "~",
    "attested": "§",
    "not-applicable": "–",  # noqa: RUF001 - a dash to look at
    "not applicable": "–",  # noqa: RUF001 - as above
    "unknown": "?",
    "good": "✓",
    "bad": "✕",
    "open": "?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One part of a bar: its status, and its start and width in thousandths."""

    status: Status
    start: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaView:
    """One area with its items."""

    area: Area
    title: str
    tally: Tally
    bar: tuple[Segment, ...]
    items: tuple[ItemSummary, ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """One finding with its title, tags and state in words."""

    finding: Finding
    title: str
    tags: tuple[str, ...]
    word: str
    is_blocking: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """The findings of one area, what weighs most first; `more` did not fit."""

    title: str
    findings: tuple[FindingView, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendationTable:
    """The recommendations of one area, each with where it stands; None when the catalogue does not know it."""

    title: str
    rows: tuple[tuple[Standing, Recommendation | None], ...]
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetGroup:
    """The assets of one kind; `more` did not fit."""

    kind: str
    assets: tuple[Asset, ...]
    more: int
    total: int


def areas(assessment: Assessment, catalogue: Catalogue) -> tuple[AreaView, ...]:
    """The four areas."""
    items = item_summaries(assessment, catalogue)
    views = []
    for area in Area:
        tally = tally_of_area(assessment, catalogue, area)
        own = tuple(summary for summary in items if summary.item.area is area)
        views.append(
            AreaView(
                area=area,
                title=AREA_TITLES[area],
                tally=tally,
                bar=_bar(tally),
                items=own,
                words=_words(tally),
            )
        )
    return tuple(views)


def finding_groups(
    assessment: Assessment, catalogue: Catalogue, cards: Mapping[str, Card]
) -> tuple[FindingGroup, ...]:
    """All findings by area; those of principles and extensions last."""
    blocking = blocking_of(assessment)
    ordered = in_order(assessment.findings, blocking)
    groups = []
    for area in (*Area, None):
        own = [finding for finding in ordered if area_of(finding, catalogue) is area]
        views = tuple(_finding(each, cards, blocking) for each in own[: BOUNDS.findings])
        if views:
            title = AREA_TITLES[area] if area else OTHER_ROWS
            groups.append(FindingGroup(title=title, findings=views, more=len(own) - len(views)))
    return tuple(groups)


def recommendation_tables(assessment: Assessment, catalogue: Catalogue) -> tuple[RecommendationTable, ...]:
    """Every recommendation by area; principles, gaps and extensions last."""
    tables = []
    for area in (*Area, None):
        rows = tuple(
            (row, catalogue.by_id.get(row.recommendation))
            for row in assessment.decision.standings
            if catalogue.area_of(row.recommendation) is area
        )
        if rows:
            title = AREA_TITLES[area] if area else OTHER_ROWS
            words = _words(tally_of_area(assessment, catalogue, area))
            tables.append(RecommendationTable(title=title, rows=rows, words=words))
    return tuple(tables)


def asset_groups(assessment: Assessment) -> tuple[AssetGroup, ...]:
    """The inventory by kind."""
    return tuple(
        AssetGroup(
            kind=kind.replace("-", " "),
            assets=assets[: BOUNDS.assets],
            more=max(0, len(assets) - BOUNDS.assets),
            total=len(assets),
        )
        for kind, assets in assets_by_kind(assessment)
    )


def outcome_counts(assessment: Assessment) -> dict[str, int]:
    """How many findings have which outcome, in the words of the page."""
    counts = dict.fromkeys(("failed", "unknown", "waived", "passed", "not applicable"), 0)
    for finding in assessment.findings:
        counts[outcome_word(finding)] += 1
    return counts


def _finding(finding: Finding, cards: Mapping[str, Card], blocking: frozenset[str]) -> FindingView:
    card = cards.get(finding.rule)
    return FindingView(
        finding=finding,
        title=title_of(finding.rule, cards),
        tags=card.tags if card is not None else (),
        word=outcome_word(finding),
        is_blocking=is_blocking(finding, blocking),
    )


def _bar(tally: Tally) -> tuple[Segment, ...]:
    segments = []
    done = 0
    for status, number in tally.counts:
        if number:
            start, end = 1000 * done // tally.total, 1000 * (done + number) // tally.total
            segments.append(Segment(status=status, start=start, width=max(1, end - start)))
        done += number
    return tuple(segments)


def _words(tally: Tally) -> str:
    parts = [f"{number} {STATUS_WORDS[status]}" for status, number in tally.counts if number]
    return ", ".join(parts) or "nothing judged"

"""Everything, in a terminal: every finding, standing, gap and asset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from keelmark.core.outcome import Area, Outcome
from keelmark.report.console_lines import (
    OUTCOME_SYMBOLS,
    STATUS_SYMBOLS,
    location_text,
    severity_text,
    wrapped,
)
from keelmark.report.reasons import blocking_of, in_order, is_blocking, title_of
from keelmark.report.sanitise import terminal, terminal_name
from keelmark.report.summary import (
    AREA_TITLES,
    OTHER_ROWS,
    STATUS_WORDS,
    area_of,
    assets_by_kind,
    gap_groups,
    outcome_word,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card, Finding

__all__ = ["lines"]

_MOST = 8
# The guidelines have no titles for what they leave open and for what came after them.
_TITLES = {
    "G1": "Marking and tracing of what an AI generates",
    "G2": "Choice of data",
    "X1": "People in control",
    "X2": "End of life",
    "X3": "Agents and their tools",
    "X4": "Results shared with authorities",
    "X5": "Reporting in time",
    "X6": "Bill of materials for AI",
    "X7": "Growth and automated attackers",
}


def lines(
    assessment: Assessment, *, catalogue: Catalogue, cards: Mapping[str, Card], width: int
) -> list[Text]:
    """All lines that follow the short report."""
    return [
        *_findings(assessment, catalogue, cards, width),
        *([] if assessment.is_partial else _standings(assessment, catalogue, width)),
        *_gaps(assessment, width),
        *_assets(assessment, width),
        *_run(assessment, width),
    ]


def _title(text: str) -> Iterator[Text]:
    yield Text()
    yield Text(text.upper(), style="bold underline")


def _findings(
    assessment: Assessment, catalogue: Catalogue, cards: Mapping[str, Card], width: int
) -> Iterator[Text]:
    blocking = blocking_of(assessment)
    ordered = in_order(assessment.findings, blocking)
    for area in (*Area, None):
        own = [finding for finding in ordered if area_of(finding, catalogue) is area]
        if own:
            yield from _title(f"Findings: {AREA_TITLES[area] if area else OTHER_ROWS}")
        for item in dict.fromkeys(_item_of(finding) for finding in own):
            yield Text(f"{item}  {_title_of(item, catalogue)}".rstrip() if item else "No item", style="bold")
            for finding in own:
                if _item_of(finding) == item:
                    blocks = is_blocking(finding, blocking)
                    yield from _finding(finding, cards, width, blocks=blocks)


def _title_of(item: str, catalogue: Catalogue) -> str:
    known = catalogue.item_by_id.get(item)
    row = catalogue.by_id.get(item)
    return known.title if known else row.text if row else _TITLES.get(item, "")


def _item_of(finding: Finding) -> str:
    return finding.recommendations[0].partition(".")[0] if finding.recommendations else ""


def _finding(finding: Finding, cards: Mapping[str, Card], width: int, *, blocks: bool) -> Iterator[Text]:
    first = Text("  ")
    if finding.is_open_failure:
        first.append_text(severity_text(finding.severity))
    else:
        first.append(f"{OUTCOME_SYMBOLS[finding.outcome]} {outcome_word(finding)}")
    first.append(" blocks " if blocks else " ", style="bold red" if blocks else "")
    message = terminal(finding.message) or title_of(finding.rule, cards)
    yield from wrapped(message, width=width, first=first, indent=4, most=_MOST)
    for location in finding.locations:
        yield Text(f"    {location_text(location, width - 4)}", style="cyan")
    ids = ", ".join(finding.recommendations)
    yield Text(f"    {terminal_name(finding.rule)}  {ids}  {finding.fingerprint[:12]}", style="dim")
    if finding.fix and finding.outcome in {Outcome.FAIL, Outcome.UNKNOWN}:
        first = Text("    fix: ")
        yield from wrapped(terminal(finding.fix), width=width, first=first, indent=9, most=_MOST)
    if finding.waiver is not None:
        waiver = finding.waiver
        said = f"{waiver.owner}, until {waiver.expires.isoformat()}: {waiver.reason}"
        first = Text("    waived by ")
        yield from wrapped(terminal(said), width=width, first=first, indent=9, most=_MOST)


def _standings(assessment: Assessment, catalogue: Catalogue, width: int) -> Iterator[Text]:
    for area in (*Area, None):
        rows = [row for row in assessment.decision.standings if catalogue.area_of(row.recommendation) is area]
        if rows:
            yield from _title(f"Recommendations: {AREA_TITLES[area] if area else OTHER_ROWS}")
        for row in rows:
            must = " (mandatory)" if row.is_mandatory else ""
            first = Text(f"  {STATUS_SYMBOLS[row.status]} {row.recommendation:<7} ")
            first.append(f"{STATUS_WORDS[row.status]}{must}: ", style="bold" if row.is_mandatory else "")
            yield from wrapped(terminal(row.reason), width=width, first=first, indent=12, most=_MOST)


def _gaps(assessment: Assessment, width: int) -> Iterator[Text]:
    groups = gap_groups(assessment)
    if groups or assessment.coverage.opaque:
        yield from _title("Not looked at")
    for group in groups:
        yield Text(f"{group.reason} ({len(group.gaps):,})", style="bold")
        for gap in group.gaps:
            place = terminal_name(gap.path, limit=max(20, width - 10))
            first = Text(f"  {place}:{gap.line}" if gap.line else f"  {place}")
            yield from wrapped(
                terminal(f" {gap.detail}" if gap.detail else ""),
                width=width,
                first=first,
                indent=4,
                most=_MOST,
            )
    if assessment.coverage.opaque:
        yield Text("no text inside", style="bold")
    for suffix, number in assessment.coverage.opaque:
        yield Text(f"  {number:,} {terminal_name(suffix, limit=40)}")


def _assets(assessment: Assessment, width: int) -> Iterator[Text]:
    if assessment.inventory.assets or assessment.inventory.absent:
        yield from _title("Inventory")
    for kind, assets in assets_by_kind(assessment):
        yield Text(f"{kind} ({len(assets):,})", style="bold")
        for asset in assets:
            name = terminal_name(asset.name, limit=40)
            place = terminal_name(asset.path, limit=max(20, width - len(name) - 24))
            where = f"{place}:{asset.line}" if asset.line else place
            absent = "" if asset.is_present else "  (not in the folder)"
            yield Text(f"  {name}  {where}  {terminal_name(asset.format, limit=20)}{absent}")
    for absence in assessment.inventory.absent:
        said = terminal(f"no {absence.what}; looked for {absence.looked_for}")
        yield from wrapped(said, width=width, first=Text("  - "), indent=4, most=_MOST)


def _run(assessment: Assessment, width: int) -> Iterator[Text]:
    yield from _title("Run")
    coverage = assessment.coverage
    facts = [
        ("run", assessment.id),
        ("started", assessment.started.isoformat(timespec="seconds")),
        ("profile", assessment.decision.profile),
        ("tree digest", assessment.tree_digest or "not known: a file could not be read"),
        (
            "files",
            f"{coverage.files:,} met, {coverage.read:,} read, {coverage.cached:,} unchanged since before",
        ),
        ("rules", f"{coverage.rules:,}"),
    ]
    facts += [(setting.name, f"{setting.value} ({setting.origin})") for setting in assessment.settings]
    for label, value in facts:
        first = Text(f"  {terminal_name(label, limit=30)}: ")
        yield from wrapped(terminal(value), width=width, first=first, indent=4, most=_MOST)

"""Markdown for a pull request: the answer on top, everything else folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.outcome import Area, Outcome, Status
from keelmark.report.reasons import blocking_of, in_order, is_blocking, reasons
from keelmark.report.sanitise import guard_lines, markdown, markdown_code
from keelmark.report.summary import (
    AREA_TITLES,
    STATUS_WORDS,
    Tone,
    area_of,
    count,
    gap_groups,
    headline,
    next_steps,
    tally_of_area,
    waived,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card, Finding
    from keelmark.core.location import Location
    from keelmark.report.reasons import Reason

__all__ = ["MAX_CHARACTERS", "render"]

# Code hosting services refuse a comment of more than 65,536 characters.
MAX_CHARACTERS = 60_000
_SENTENCE = 300
_NAME = 160
_SYMBOLS = {Tone.GOOD: "✅", Tone.BAD: "❌", Tone.OPEN: "❔"}


def render(assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The comment, at most `MAX_CHARACTERS` long; what does not fit is counted."""
    head = headline(assessment)
    top = reasons(assessment, catalogue=catalogue, cards=cards)
    system = markdown(assessment.system or assessment.target, limit=_NAME)
    parts = [
        f"### {_SYMBOLS[head.tone]} {head.words}: {system}",
        head.full_sentence,
        "\n".join(_reason(number, reason) for number, reason in enumerate(top, start=1)),
    ]
    if not assessment.is_partial:
        parts.append(_areas(assessment, catalogue))
    parts += [*_finding_sections(assessment, catalogue), *_gaps(assessment), *_waivers(assessment)]
    return guard_lines(_bounded([part for part in parts if part], _foot(assessment, top, cards)))


def _bounded(parts: Sequence[str], foot: str) -> str:
    kept: list[str] = []
    room = MAX_CHARACTERS - len(foot) - 200
    for part in parts:
        if len(part) + 2 > room:
            kept.append("_The rest does not fit here; the JSON and HTML reports hold all of it._")
            break
        kept.append(part)
        room -= len(part) + 2
    return "\n\n".join([*kept, foot]) + "\n"


def _reason(number: int, reason: Reason) -> str:
    word = f"**{reason.severity}**" if reason.severity is not None else "**missing**"
    place = f" {_place(reason.location)}" if reason.location is not None else ""
    lines = [
        f"{number}. {word} {markdown(reason.what, limit=_SENTENCE)}{place} ({markdown_code(reason.id, limit=_NAME)})"
    ]
    if reason.fix:
        lines.append(f"   <br>Fix: {markdown(reason.fix, limit=_SENTENCE)}")
    return "\n".join(lines)


def _place(location: Location) -> str:
    return markdown_code(str(location), limit=_NAME)


def _areas(assessment: Assessment, catalogue: Catalogue) -> str:
    head = " | ".join(STATUS_WORDS[status] for status in Status)
    rows = [f"| area | {head} |", "|---|" + "---:|" * len(Status)]
    for area in Area:
        tally = tally_of_area(assessment, catalogue, area)
        numbers = " | ".join(f"{tally.of(status):,}" for status in Status)
        rows.append(f"| {AREA_TITLES[area]} | {numbers} |")
    return "\n".join(rows)


def _finding_sections(assessment: Assessment, catalogue: Catalogue) -> Iterator[str]:
    blocking = blocking_of(assessment)
    ordered = in_order(assessment.findings, blocking)
    failures = [finding for finding in ordered if finding.is_open_failure]
    for area in (*Area, None):
        own = [finding for finding in failures if area_of(finding, catalogue) is area]
        title = f"{AREA_TITLES[area] if area else 'Principles and extensions'}: {count(len(own), 'failure')}"
        yield _folded(title, [_finding(finding, blocks=is_blocking(finding, blocking)) for finding in own])
    unknown = [finding for finding in ordered if finding.outcome is Outcome.UNKNOWN]
    lines = [_finding(finding, blocks=False) for finding in unknown]
    yield _folded(f"Could not be settled: {count(len(unknown), 'answer')}", lines)


def _folded(title: str, lines: Sequence[str], *, most: int = 40) -> str:
    if not lines:
        return ""
    more = [f"- and {len(lines) - most:,} more"] if len(lines) > most else []
    body = "\n".join([*lines[:most], *more])
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _finding(finding: Finding, *, blocks: bool) -> str:
    word = f"**{finding.severity}**" if finding.outcome is Outcome.FAIL else "**unknown**"
    place = f"{_place(finding.locations[0])} " if finding.locations else ""
    fix = f" Fix: {markdown(finding.fix, limit=_SENTENCE)}" if finding.fix else ""
    rule = markdown_code(finding.rule, limit=_NAME)
    ids = ", ".join(finding.recommendations)
    said = markdown(finding.message, limit=_SENTENCE)
    return f"- {word}{' (blocks)' if blocks else ''} {place}{said} ({rule}, {ids}){fix}"


def _gaps(assessment: Assessment) -> Iterator[str]:
    lines = []
    for group in gap_groups(assessment):
        examples = ", ".join(markdown_code(gap.path, limit=_NAME) for gap in group.gaps[:5])
        more = f" and {len(group.gaps) - 5:,} more" if len(group.gaps) > 5 else ""
        lines.append(f"- **{group.reason}**: {examples}{more}")
    opaque = sum(number for _, number in assessment.coverage.opaque)
    lines += [f"- {count(opaque, 'file')} without text (images, fonts)"] if opaque else []
    number = len(assessment.gaps) + opaque
    yield _folded(f"Not looked at: {count(number, 'place')}", lines)


def _waivers(assessment: Assessment) -> Iterator[str]:
    lines = []
    for finding in waived(assessment):
        assert finding.waiver is not None
        waiver = finding.waiver
        owner, reason = markdown(waiver.owner, limit=_NAME), markdown(waiver.reason, limit=_SENTENCE)
        rule = markdown_code(finding.rule, limit=_NAME)
        lines.append(f"- {rule} until {waiver.expires.isoformat()}, accepted by {owner}: {reason}")
    yield _folded(f"Waived: {count(len(lines), 'failure')}", lines)


def _foot(assessment: Assessment, top: tuple[Reason, ...], cards: Mapping[str, Card]) -> str:
    steps = ", ".join(markdown_code(step) for step in next_steps(assessment, top, cards))
    digest = f", tree {markdown_code(assessment.tree_digest[:12])}" if assessment.tree_digest else ""
    run = markdown_code(assessment.id, limit=_NAME)
    return f"Next: {steps}\n\n<sub>Run {run}, {assessment.today.isoformat()}{digest}</sub>"

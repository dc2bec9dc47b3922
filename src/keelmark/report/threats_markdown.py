"""A threat analysis as Markdown: the threat model that people review, beside the diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.system_model import DIMENSION_WORDS
from keelmark.core.threats import ControlState
from keelmark.report.sanitise import guard_lines, markdown, markdown_code
from keelmark.report.threats_summary import (
    STATE_WORDS,
    amount,
    headline_of,
    limit_text,
    money,
    weightiest_first,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.core.threats import Analysis, ApplicableThreat, RiskFigures

__all__ = ["render"]

_CONTROLS = {
    ControlState.PROVEN: "shown",
    ControlState.FAILED: "**fails**",
    ControlState.ATTESTED: "only stated",
    ControlState.WAIVED: "waived",
    ControlState.UNKNOWN: "not known",
    ControlState.NOT_APPLICABLE: "does not apply",
}


def render(analysis: Analysis, /) -> str:
    """The document as text."""
    return guard_lines("\n".join(_lines(analysis)).rstrip() + "\n")


def _lines(analysis: Analysis) -> Iterator[str]:
    head = headline_of(analysis)
    yield f"# Threat model of {markdown(analysis.model.name)}"
    yield ""
    yield f"**{head.words}**: {markdown(head.sentence)}"
    yield ""
    yield f"Written by `keelmark threats`; digest {markdown_code(analysis.digest)}. A control counts only where evidence shows it."
    yield ""
    yield from _system(analysis)
    yield "## Threats"
    yield ""
    yield from _table(
        ("threat", "severity", "state", "horizon"),
        (
            (
                f"[{markdown(each.threat.title)}](#{each.threat.id})",
                str(each.threat.severity),
                STATE_WORDS[each.state],
                str(each.threat.horizon),
            )
            for each in weightiest_first(analysis)
        ),
    )
    for applicable in weightiest_first(analysis):
        yield from _threat(applicable)
    yield from _envelope(analysis)
    if analysis.risk is not None:
        yield from _risk(analysis.risk)
    yield from _rest(analysis)


def _system(analysis: Analysis) -> Iterator[str]:
    model = analysis.model
    yield "## The system"
    yield ""
    yield from _table(
        ("element", "kind", "boundary", "known from"),
        (
            (markdown_code(each.name), str(each.kind), markdown(each.boundary), str(each.origin))
            for each in model.elements
        ),
    )
    yield from _table(
        ("from", "to", "carries", "trust"),
        (
            (markdown_code(each.source), markdown_code(each.target), markdown(each.carries), str(each.trust))
            for each in model.links
        ),
    )
    if analysis.discrepancies:
        yield "Declared is not what was found:"
        yield ""
        yield from (f"- {markdown(each.text)}" for each in analysis.discrepancies)
        yield ""


def _threat(applicable: ApplicableThreat) -> Iterator[str]:
    threat, disposition = applicable.threat, applicable.disposition
    yield f'<a id="{threat.id}"></a>'
    yield ""
    yield f"### {markdown(threat.title)}"
    yield ""
    if threat.text:
        yield markdown(threat.text)
        yield ""
    yield f"{STATE_WORDS[applicable.state].capitalize()}: {markdown(applicable.because)}."
    if disposition is not None:
        until = f" until {disposition.expires.isoformat()}" if disposition.expires else ""
        yield f"Decided: {disposition.treatment}{until}, by {markdown(disposition.owner)}: {markdown(disposition.reason)}."
    yield ""
    for path in applicable.paths:
        yield f"- by {' → '.join(markdown_code(element.name) for element in path.elements)}"
        yield from (f"  - assumed: {markdown(each)}" for each in path.assumes)
    if applicable.more_paths:
        yield f"- and {applicable.more_paths} more"
    yield ""
    if applicable.controls:
        yield from _table(
            ("control", "recommendations", "evidence", "why"),
            (
                (
                    markdown(each.control.title),
                    markdown(", ".join(each.control.recommendations)),
                    _CONTROLS[each.state],
                    markdown(each.because),
                )
                for each in applicable.controls
            ),
        )
    if threat.fix:
        yield f"To do: {markdown(threat.fix)}"
        yield ""
    yield f"Known as {markdown(', '.join((*threat.techniques, *threat.tags)) or threat.id)}."
    yield ""


def _envelope(analysis: Analysis) -> Iterator[str]:
    if analysis.envelope:
        yield "## How far it may grow"
        yield ""
        yield from _table(
            ("dimension", "now", "limit", "beyond it"),
            (
                (
                    DIMENSION_WORDS.get(each.dimension, markdown(each.dimension)),
                    amount(each.dimension, each.now),
                    limit_text(each),
                    markdown(", ".join(each.threats)),
                )
                for each in analysis.envelope
            ),
        )
    for each in analysis.scenarios:
        yield f"At {markdown(each.name)}: appears {markdown(', '.join(each.appearing) or 'nothing')}; leaves the appetite {markdown(', '.join(each.worsening) or 'nothing')}."
        yield ""


def _risk(risk: RiskFigures) -> Iterator[str]:
    yield "## Loss in a year"
    yield ""
    yield from _table(
        ("threat", "mean", "50 %", "90 %", "95 %", "99 %"),
        (
            (markdown(name), *map(money, (loss.mean, loss.p50, loss.p90, loss.p95, loss.p99)))
            for name, loss in (*risk.by_threat, ("all together", risk.total))
        ),
    )
    yield f"{risk.years:,} simulated years, seed {risk.seed}. Without an estimate: {markdown(', '.join(risk.not_estimated) or 'none')}."
    yield ""


def _rest(analysis: Analysis) -> Iterator[str]:
    unseen = (*analysis.model.unseen, *(f"{gap.path}: {gap.detail or gap.reason}" for gap in analysis.gaps))
    if unseen:
        yield "## Not looked at"
        yield ""
        yield from (f"- {markdown(each)}" for each in unseen)
        yield ""
    yield "## What does not apply"
    yield ""
    yield from (f"- {markdown(threat)}: {markdown(why)}" for threat, why in analysis.not_applicable)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""

"""The answer of a scan in a terminal: verdict, what the worst files would do, what was not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from keelmark.core.scan import ScanState
from keelmark.report.console_lines import TONE_STYLES, TONE_SYMBOLS, render_lines, severity_text, wrapped
from keelmark.report.sanitise import shorten_middle, terminal, terminal_name
from keelmark.report.scan_summary import headline_of, place_of, worst_first
from keelmark.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.facts import Gap
    from keelmark.core.scan import ScanFinding, ScannedFile, ScanReport

__all__ = ["render"]

MIN_WIDTH = 60
MAX_WIDTH = 160
_FILES, _FINDINGS, _GAPS = 3, 1, 2


def render(report: ScanReport, /, *, width: int = 80, color: bool = False, verbose: bool = False) -> str:
    """The report as text.

    Args:
        report: What to show.
        width: Columns of the terminal.
        color: Whether to write colours.
        verbose: Every file and finding, instead of the weightiest on at most 25 lines.
    """
    columns = min(max(width, MIN_WIDTH), MAX_WIDTH)
    return render_lines(list(_lines(report, columns, verbose=verbose)), columns, color=color)


def _lines(report: ScanReport, width: int, *, verbose: bool) -> Iterator[Text]:
    head = headline_of(report)
    style = TONE_STYLES[head.tone]
    yield Text.assemble((f"{TONE_SYMBOLS[head.tone]} {head.words}", f"bold {style}"), f"  {head.sentence}")
    shown = worst_first(report.files)
    for file in shown if verbose else shown[:_FILES]:
        yield Text()
        yield from _file(file, width, verbose=verbose)
    if not verbose and len(shown) > _FILES:
        left = count(len(shown) - _FILES, "further file")
        yield Text(f"  … and {left} with findings; --verbose shows all", style="dim")
    yield from _advice(shown, width)
    yield from _unread(report, width, verbose=verbose)
    yield Text(_counts(report), style="dim")
    for note in report.notes:
        yield from wrapped(terminal(note), width=width, first=Text("note: "), indent=6, most=3)


def _file(file: ScannedFile, width: int, *, verbose: bool) -> Iterator[Text]:
    formats = f"  ({', '.join(file.formats[:4])})" if file.formats else ""
    several = f"  {len(file.findings)} findings" if len(file.findings) > 1 else ""
    room = width - len(formats) - len(several)
    name = shorten_middle(terminal_name(file.path), room)
    yield Text.assemble((name, "bold"), (formats, "dim"), (several, "dim"))
    for finding in file.findings if verbose else file.findings[:_FINDINGS]:
        yield from _finding(finding, width, verbose=verbose)


def _finding(finding: ScanFinding, width: int, *, verbose: bool) -> Iterator[Text]:
    hazard = finding.hazard
    first = Text.assemble("  ", severity_text(finding.severity), " ")
    place = place_of(finding)
    where = f" ({terminal_name(place, limit=120)})" if place else ""
    technique = f" [{hazard.technique}]" if verbose else ""
    words = f"{terminal(hazard.detail)}{where}{technique}"
    yield from wrapped(words, width=width, first=first, indent=len(first.plain), most=4 if verbose else 2)
    if hazard.code:
        code, arrow = terminal(hazard.code, limit=600), Text("           > ")
        yield from wrapped(code, width=width, first=arrow, indent=13, most=6 if verbose else 1)
    if finding.clearance is not None:
        vouched = finding.clearance
        told = f"cleared by {vouched.owner} until {vouched.expires.isoformat()}: {vouched.reason}"
        yield from wrapped(terminal(told), width=width, first=Text("           ~ "), indent=13, most=2)


def _advice(shown: Sequence[ScannedFile], width: int) -> Iterator[Text]:
    """What to do about the weightiest finding that nobody cleared."""
    worst = next((finding for file in shown for finding in file.findings if finding.is_open), None)
    if worst is not None:
        first = Text("What to do  ", style="bold")
        words = f"keelmark explain {worst.hazard.technique}. {terminal(worst.fix)}"
        yield from wrapped(words, width=width, first=first, indent=12, most=3)


def _unread(report: ScanReport, width: int, *, verbose: bool) -> Iterator[Text]:
    gaps = [gap for file in report.of(ScanState.NOT_ANALYSED) for gap in file.gaps if gap.matters]
    gaps += [gap for file in report.of(ScanState.UNSAFE) for gap in file.gaps if gap.matters]
    gaps += [gap for gap in report.gaps if verbose or gap.matters]
    if not gaps:
        return
    yield Text()
    yield Text("Not looked at", style="bold")
    for gap in gaps if verbose else gaps[:_GAPS]:
        yield from _gap(gap, width, verbose=verbose)
    if not verbose and len(gaps) > _GAPS:
        yield Text(f"  … and {count(len(gaps) - _GAPS, 'more place')}; --verbose shows all", style="dim")


def _gap(gap: Gap, width: int, *, verbose: bool) -> Iterator[Text]:
    words = f"{terminal_name(gap.path, limit=160)}: {gap.reason}"
    detail = f": {terminal(gap.detail)}" if gap.detail else ""
    yield from wrapped(f"{words}{detail}", width=width, first=Text("  "), indent=4, most=3 if verbose else 1)


def _counts(report: ScanReport) -> str:
    names = {
        ScanState.CLEAN: "clean",
        ScanState.UNSAFE: "unsafe",
        ScanState.NOT_ANALYSED: "not analysed",
        ScanState.NO_ARTEFACT: "no artefact",
    }
    parts = [f"{len(report.of(state))} {words}" for state, words in names.items() if report.of(state)]
    size = sum(file.size for file in report.files)
    told = ", ".join(parts) or "no files"
    return f"{told}; {size / 1e6:,.1f} MB in {report.duration_s:.2f} s; nothing was loaded"

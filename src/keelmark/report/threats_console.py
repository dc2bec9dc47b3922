"""The answer of `keelmark threats` in a terminal: what is open, by which path, what holds it, and how far the system may grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from keelmark.core.system_model import DIMENSION_WORDS
from keelmark.core.threats import ControlState, ThreatState
from keelmark.report.console_lines import TONE_STYLES, TONE_SYMBOLS, render_lines, severity_text, wrapped
from keelmark.report.sanitise import terminal, terminal_name
from keelmark.report.threats_summary import (
    STATE_WORDS,
    amount,
    headline_of,
    limit_text,
    money,
    path_text,
    weightiest_first,
)
from keelmark.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.threats import Analysis, ApplicableThreat, RiskFigures

__all__ = ["render"]

MIN_WIDTH, MAX_WIDTH = 60, 160
_THREATS, _DISCREPANCIES, _UNSEEN = 5, 3, 2
_CONTROL_WORDS = {
    ControlState.FAILED: ("✗", "fails"),
    ControlState.UNKNOWN: ("?", "not known"),
    ControlState.WAIVED: ("~", "waived"),
    ControlState.ATTESTED: ("~", "only stated"),
    ControlState.PROVEN: ("✓", "shown"),
    ControlState.NOT_APPLICABLE: ("-", "does not apply"),
}
_NEEDS_CARE = frozenset({ThreatState.OPEN, ThreatState.UNKNOWN})


def render(analysis: Analysis, /, *, width: int = 80, color: bool = False, verbose: bool = False) -> str:
    """The analysis as text.

    Args:
        analysis: What to show.
        width: Columns of the terminal.
        color: Whether to write colours.
        verbose: Every threat with all paths and controls, instead of the weightiest.
    """
    columns = min(max(width, MIN_WIDTH), MAX_WIDTH)
    return render_lines(list(_lines(analysis, columns, verbose=verbose)), columns, color=color)


def _lines(analysis: Analysis, width: int, *, verbose: bool) -> Iterator[Text]:
    head = headline_of(analysis)
    style = TONE_STYLES[head.tone]
    first = Text.assemble((f"{TONE_SYMBOLS[head.tone]} {head.words}", f"bold {style}"), "  ")
    yield from wrapped(head.sentence, width=width, first=first, indent=2, most=3)
    ordered = weightiest_first(analysis)
    shown = ordered if verbose else [each for each in ordered if each.state in _NEEDS_CARE][:_THREATS]
    for threat in shown:
        yield Text()
        yield from _threat(threat, width, verbose=verbose)
    left = len(ordered) - len(shown)
    if left:
        yield Text(f"  … and {count(left, 'further threat')}; --verbose shows all", style="dim")
    yield from _discrepancies(analysis, width, verbose=verbose)
    yield from _envelope(analysis, width)
    yield from _scenarios(analysis, width)
    if analysis.risk is not None:
        yield from _risk(analysis.risk, width)
    yield from _unseen(analysis, width, verbose=verbose)
    yield Text(_counts(analysis), style="dim")


def _threat(applicable: ApplicableThreat, width: int, *, verbose: bool) -> Iterator[Text]:
    threat = applicable.threat
    first = Text.assemble(severity_text(threat.severity), " ", (terminal(threat.title), "bold"), " ")
    # The controls below say why; a decision of people stands in the reason alone.
    why = f": {terminal(applicable.because)}" if verbose or applicable.state not in _NEEDS_CARE else ""
    yield from wrapped(
        f"({STATE_WORDS[applicable.state]}{why})",
        width=width,
        first=first,
        indent=9,
        most=3,
    )
    for path in applicable.paths if verbose else applicable.paths[:1]:
        yield from wrapped(terminal(path_text(path)), width=width, first=Text("    by  "), indent=8, most=3)
        if verbose and path.assumes:
            told = "; ".join(path.assumes)
            yield from wrapped(
                terminal(told), width=width, first=Text("        assumed: "), indent=10, most=4
            )
    more = applicable.more_paths + (0 if verbose else len(applicable.paths[1:]))
    if more:
        yield Text(f"        … and {count(more, 'more path')}", style="dim")
    yield from _controls(applicable, width, verbose=verbose)
    if threat.fix and applicable.state in _NEEDS_CARE:
        yield from wrapped(terminal(threat.fix), width=width, first=Text("    do  "), indent=8, most=3)
    if verbose:
        told = ", ".join((threat.id, *threat.techniques, *threat.tags))
        yield from wrapped(terminal(told), width=width, first=Text("    id  "), indent=8, most=3)


def _controls(applicable: ApplicableThreat, width: int, *, verbose: bool) -> Iterator[Text]:
    worst_first = sorted(applicable.controls, key=lambda each: list(_CONTROL_WORDS).index(each.state))
    for each in worst_first if verbose else worst_first[:2]:
        symbol, words = _CONTROL_WORDS[each.state]
        told = f"{each.control.title}: {words}" + (f" ({each.because})" if each.because else "")
        yield from wrapped(terminal(told), width=width, first=Text(f"    {symbol}   "), indent=8, most=2)
    left = 0 if verbose else len(worst_first[2:])
    if left:
        yield Text(f"        … and {count(left, 'more control')}", style="dim")


def _discrepancies(analysis: Analysis, width: int, *, verbose: bool) -> Iterator[Text]:
    found = analysis.discrepancies
    if not found:
        return
    yield Text()
    yield Text("Declared is not what was found", style="bold")
    for each in found if verbose else found[:_DISCREPANCIES]:
        yield from wrapped(terminal(each.text), width=width, first=Text("  "), indent=4, most=2)
    if not verbose and len(found) > _DISCREPANCIES:
        left = count(len(found) - _DISCREPANCIES, "further difference")
        yield Text(f"  … and {left}; --verbose shows all", style="dim")


def _envelope(analysis: Analysis, width: int) -> Iterator[Text]:
    if not analysis.envelope:
        return
    yield Text()
    yield Text("How far it may grow", style="bold")
    told = [each for each in analysis.envelope if each.limit is not None or each.threats]
    silent = [each for each in analysis.envelope if each not in told]
    room = max((len(DIMENSION_WORDS.get(each.dimension, each.dimension)) for each in told), default=0)
    for each in told:
        words = DIMENSION_WORDS.get(each.dimension, each.dimension)
        size = f"now {amount(each.dimension, each.now)}, limit {limit_text(each)}"
        beyond = f"; beyond: {', '.join(each.threats)}" if each.threats else ""
        first = Text(f"  {words.ljust(room)}  ")
        yield from wrapped(terminal(f"{size}{beyond}"), width=width, first=first, indent=room + 4, most=3)
    for known, words in ((True, "no limit was found"), (False, "the size of today is not known")):
        names = [
            DIMENSION_WORDS.get(each.dimension, each.dimension)
            for each in silent
            if (each.now is not None) is known
        ]
        if names:
            line = f"{words}: {', '.join(names)}"
            yield from wrapped(terminal(line), width=width, first=Text("  "), indent=4, most=3)


def _scenarios(analysis: Analysis, width: int) -> Iterator[Text]:
    for each in analysis.scenarios:
        yield Text()
        yield Text(f"At {terminal(each.name)}", style="bold")
        if not each.appearing and not each.worsening:
            yield Text("  no further threat, and the appetite holds", style="dim")
        for words, ids in (("appears", each.appearing), ("leaves the appetite", each.worsening)):
            if ids:
                yield from wrapped(
                    terminal(", ".join(ids)), width=width, first=Text(f"  {words}: "), indent=4, most=6
                )


def _risk(risk: RiskFigures, width: int) -> Iterator[Text]:
    yield Text()
    total = risk.total
    yield Text("Loss in a year", style="bold")
    told = f"mean {money(total.mean)}, half of the years below {money(total.p50)}, 95 % below {money(total.p95)}, 99 % below {money(total.p99)}"
    yield from wrapped(told, width=width, first=Text("  "), indent=4, most=2)
    for name, loss in sorted(risk.by_threat, key=lambda pair: -pair[1].mean)[:3]:
        told = f"{terminal_name(name)}: mean {money(loss.mean)}, 95 % below {money(loss.p95)}"
        yield from wrapped(told, width=width, first=Text("  "), indent=4, most=2)
    if risk.exceeds:
        yield from wrapped(
            terminal(", ".join(risk.exceeds)),
            width=width,
            first=Text("  above the appetite: "),
            indent=4,
            most=2,
        )
    if risk.not_estimated:
        yield Text(f"  {count(len(risk.not_estimated), 'threat')} without an estimate", style="dim")


def _unseen(analysis: Analysis, width: int, *, verbose: bool) -> Iterator[Text]:
    unseen: Sequence[str] = (
        *analysis.model.unseen,
        *(f"{gap.path}: {gap.detail or gap.reason}" for gap in analysis.gaps if verbose or gap.matters),
    )
    if not unseen:
        return
    yield Text()
    yield Text("Not looked at", style="bold")
    for each in unseen if verbose else unseen[:_UNSEEN]:
        yield from wrapped(terminal(each), width=width, first=Text("  "), indent=4, most=2)
    if not verbose and len(unseen) > _UNSEEN:
        yield Text(f"  … and {len(unseen) - _UNSEEN} more; --verbose shows all", style="dim")


def _counts(analysis: Analysis) -> str:
    model = analysis.model
    sources = ", ".join(f"{name} {version}" for name, version, _ in analysis.library)
    told = f"{count(len(model.elements), 'element')}, {count(len(model.links), 'flow')}, {len(analysis.not_applicable)} threats without a path"
    return terminal(f"{told}; {sources}" if sources else told)

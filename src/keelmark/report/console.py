"""The answer in a terminal: verdict, three reasons, four areas, what was not looked at, what to do next."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from keelmark.core.outcome import Area, Status, Verdict
from keelmark.report import console_verbose
from keelmark.report.console_lines import TONE_STYLES, TONE_SYMBOLS, location_text, severity_text, wrapped
from keelmark.report.reasons import reasons
from keelmark.report.sanitise import guard_lines, shorten_middle, terminal, terminal_name
from keelmark.report.summary import (
    AREA_TITLES,
    GapGroup,
    count,
    gap_groups,
    headline,
    next_steps,
    tally_of_area,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card
    from keelmark.report.reasons import Reason

__all__ = ["MAX_LINES", "render", "wants_color"]

MAX_LINES = 25
MIN_WIDTH = 60
MAX_WIDTH = 160
_GAP_LINES = 2

_COLUMNS = (
    (Status.PASS, "passed"),
    (Status.FAIL, "failed"),
    (Status.WAIVED, "waived"),
    (Status.ATTESTED, "attested"),
    (Status.NOT_APPLICABLE, "n/a"),
    (Status.UNKNOWN, "unknown"),
)


def render(
    assessment: Assessment,
    /,
    *,
    catalogue: Catalogue,
    cards: Mapping[str, Card],
    width: int = 80,
    color: bool = False,
    verbose: bool = False,
) -> str:
    """The report for a terminal; at most `MAX_LINES` lines unless `verbose`."""
    width = min(max(width, MIN_WIDTH), MAX_WIDTH)
    top = reasons(assessment, catalogue=catalogue, cards=cards)
    blocks = [
        _headline(assessment, width),
        _reasons(assessment, top, width),
        [] if assessment.is_partial else _areas(assessment, catalogue),
        _not_looked_at(assessment, width),
        _next(assessment, top, cards, width),
    ]
    lines = _joined([block for block in blocks if block])
    if verbose:
        lines += console_verbose.lines(assessment, catalogue=catalogue, cards=cards, width=width)
    return _printed(lines, width=width, color=color)


def wants_color(*, is_terminal: bool, environment: Mapping[str, str]) -> bool:
    """Whether to use colour: only on a terminal, and never when `NO_COLOR` is set or the terminal is dumb."""
    return is_terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def _joined(blocks: list[list[Text]]) -> list[Text]:
    # Blank lines are air between the blocks: they are the first to go when there is no room for them.
    room = MAX_LINES - sum(map(len, blocks))
    lines: list[Text] = []
    for index, block in enumerate(blocks):
        if index and index <= room:
            lines.append(Text())
        lines += block
    return lines[:MAX_LINES]


def _headline(assessment: Assessment, width: int) -> list[Text]:
    head = headline(assessment)
    style = TONE_STYLES[head.tone]
    line = Text()
    # The verdict stands first, so that `head -1` and a reader both find it at the start of the line.
    line.append(head.words, style=f"bold {style}")
    line.append(f" {TONE_SYMBOLS[head.tone]} ", style=style)
    room = max(12, width - cell_len(line.plain) - len(head.brief) - 2)
    line.append(terminal_name(assessment.system or assessment.target, limit=room), style="bold")
    line.append(f": {head.brief}")
    return [line]


def _reasons(assessment: Assessment, top: tuple[Reason, ...], width: int) -> list[Text]:
    lines: list[Text] = []
    for number, reason in enumerate(top, start=1):
        lines += _reason(number, reason, width)
    if not lines and assessment.decision.verdict is Verdict.RELEASE:
        return [Text("No failure is open.", style="dim")]
    return lines


def _reason(number: int, reason: Reason, width: int) -> list[Text]:
    start = Text(f"{number}. ")
    start.append_text(severity_text(reason.severity))
    start.append(" ")
    lines = wrapped(terminal(reason.what, limit=400), width=width, first=start, indent=3, most=2)
    names = [terminal_name(reason.id, limit=48)]
    if reason.recommendation and reason.recommendation != reason.id:
        names.append(terminal_name(reason.recommendation, limit=12))
    if reason.others > 0:
        names.append(f"{reason.others:,} more")
    if reason.severity is None:
        names.append("mandatory")
    rest = f"({', '.join(names)})"
    place = Text("   ")
    if reason.location is not None:
        place.append(location_text(reason.location, max(20, width - 6 - len(rest))), style="cyan")
        place.append("  ")
    place.append(rest, style="dim")
    lines.append(place)
    if reason.fix:
        lines += wrapped(
            terminal(reason.fix, limit=400), width=width, first=Text("   fix: "), indent=8, most=2
        )
    return lines


def _areas(assessment: Assessment, catalogue: Catalogue) -> list[Text]:
    label = max(len(_short(area)) for area in Area)
    header = Text(" " * label)
    for _, word in _COLUMNS:
        header.append(f"  {word:>8}", style="dim")
    lines = [header]
    for area in Area:
        tally = tally_of_area(assessment, catalogue, area)
        line = Text(f"{_short(area):<{label}}")
        for status, _ in _COLUMNS:
            number = tally.of(status)
            style = _number_style(status, number)
            line.append(f"  {number:>8,}", style=style)
        lines.append(line)
    return lines


def _short(area: Area) -> str:
    return AREA_TITLES[area].partition(" and ")[0]


def _number_style(status: Status, number: int) -> str:
    if not number:
        return "dim"
    return {Status.FAIL: "bold red", Status.PASS: "green", Status.UNKNOWN: "yellow"}.get(status, "")


def _not_looked_at(assessment: Assessment, width: int) -> list[Text]:
    groups = gap_groups(assessment)
    opaque = sum(number for _, number in assessment.coverage.opaque)
    parts = [_gap_words(group, with_example=True) for group in groups]
    if sum(map(len, parts)) > _GAP_LINES * width - 60:
        parts = [_gap_words(group, with_example=False) for group in groups]
    parts += [f"{count(opaque, 'file')} without text (images, fonts)"] if opaque else []
    label = Text.assemble(("Not looked at: ", "bold"))
    if not parts:
        everything = f"nothing; all {count(assessment.coverage.files, 'file')} were looked at"
        return wrapped(everything, width=width, first=label, indent=3, most=1)
    return wrapped("; ".join(parts) + ".", width=width, first=label, indent=3, most=_GAP_LINES)


def _gap_words(group: GapGroup, *, with_example: bool) -> str:
    number = len(group.gaps)
    example = f", {terminal_name(group.gaps[0].path, limit=32)}" if with_example else ""
    return (
        f"{group.reason.partition(';')[0]} ({number:,}{example}{', ...' if example and number > 1 else ''})"
    )


def _next(
    assessment: Assessment, top: tuple[Reason, ...], cards: Mapping[str, Card], width: int
) -> list[Text]:
    steps = [terminal_name(step) for step in next_steps(assessment, top, cards)]
    while len(steps) > 1 and len("  |  ".join(steps)) > width - 6:
        steps.pop()
    line = Text.assemble(("Next: ", "bold"))
    line.append(shorten_middle("  |  ".join(steps), width - 6))
    return [line]


def _printed(lines: list[Text], *, width: int, color: bool) -> str:
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for line in lines:
        # Nothing is wrapped here: each line was made to fit, and what still is too long is cut.
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True, soft_wrap=False)
    return guard_lines(out.getvalue())

"""Pieces of terminal lines: symbols with words, places, and text broken to a width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from keelmark.core.outcome import Outcome, Severity, Status
from keelmark.report.sanitise import guard_lines, terminal_name
from keelmark.report.words import Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.location import Location

__all__ = [
    "OUTCOME_SYMBOLS",
    "STATUS_SYMBOLS",
    "TONE_STYLES",
    "TONE_SYMBOLS",
    "location_text",
    "render_lines",
    "severity_text",
    "wrapped",
]

TONE_STYLES = {Tone.GOOD: "green", Tone.BAD: "red", Tone.OPEN: "yellow"}
TONE_SYMBOLS = {Tone.GOOD: "✓", Tone.BAD: "✗", Tone.OPEN: "?"}

STATUS_SYMBOLS = {
    Status.PASS: "✓",
    Status.FAIL: "✗",
    Status.WAIVED: "~",
    Status.ATTESTED: "§",
    Status.NOT_APPLICABLE: "-",
    Status.UNKNOWN: "?",
}
OUTCOME_SYMBOLS = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✗",
    Outcome.NOT_APPLICABLE: "-",
    Outcome.UNKNOWN: "?",
}

_SEVERITIES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "",
    Severity.INFO: "dim",
}


def render_lines(lines: Sequence[Text], columns: int, *, color: bool) -> str:
    """Lines as text for a terminal of so many columns; no line of it can be read as a command by a CI system."""
    text = _colored(lines, columns) if color else "".join(f"{line.plain}\n" for line in lines)
    return guard_lines("\n".join(line.rstrip() for line in text.split("\n")))


def _colored(lines: Sequence[Text], columns: int) -> str:
    from io import StringIO  # noqa: PLC0415 - reports without colours are most, and need none of this

    from rich.console import Console  # noqa: PLC0415

    stream = StringIO()
    console = Console(
        file=stream,
        width=columns,
        force_terminal=True,
        highlight=False,
        color_system="standard",
        legacy_windows=False,
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    return stream.getvalue()


def severity_text(severity: Severity | None) -> Text:
    """`✗ high`; `? missing` for an answer that nobody gave."""
    if severity is None:
        return Text.assemble(("? missing", "yellow"))
    return Text.assemble((f"✗ {severity}", _SEVERITIES[severity]))


def location_text(location: Location, room: int) -> str:
    """`path:line (part)`, the path shortened in its middle so that all of it fits."""
    tail = f":{location.line}" if location.line else ""
    if location.part:
        tail += f" ({terminal_name(location.part, limit=min(24, max(8, room // 3)))})"
    return terminal_name(location.path, limit=max(12, room - len(tail))) + tail


def wrapped(text: str, *, width: int, first: Text, indent: int, most: int) -> list[Text]:
    """The cleaned text after `first`, broken between words, on at most `most` lines; the rest is cut with `…`."""
    lines: list[Text] = []
    line, room = first.copy(), width - cell_len(first.plain)
    rest = text
    while True:
        piece, rest = _piece(rest, room)
        if rest and len(lines) == most - 1:
            whole = f"{piece} {rest}"
            line.append(f"{set_cell_size(whole, max(1, room - 1)).rstrip()}…")
            return [*lines, line]
        line.append(piece)
        lines.append(line)
        if not rest:
            return lines
        line, room = Text(" " * indent), width - indent


def _piece(text: str, room: int) -> tuple[str, str]:
    if cell_len(text) <= room:
        return text, ""
    fitting = set_cell_size(text, room).rstrip()
    # Fullwidth characters may be cut in half by the cell size; what fits is counted in whole characters.
    fits = len(fitting) if text.startswith(fitting) else max(1, len(fitting) - 1)
    space = text.rfind(" ", 1, fits + 1)
    cut = space if space > room // 3 else fits
    return text[:cut].rstrip(), text[cut:].lstrip()

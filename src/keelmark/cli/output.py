"""Where a report goes: `--format NAME` to standard output, `--format NAME=FILE` to a file, whole or not at all."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keelmark.errors import UsageError
from keelmark.report.formats import FORMATS
from keelmark.report.sanitise import terminal
from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Wanted", "parse_formats", "print_table", "print_text", "write_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One report that was asked for; `file` None is standard output."""

    name: str
    file: Path | None = None


def parse_formats(values: Sequence[str]) -> tuple[Wanted, ...]:
    """The reports that `--format` asks for; the console when nothing is asked.

    Raises:
        UsageError: An unknown format, or two reports for standard output.
    """
    wanted = tuple(_one(value) for value in values) or (Wanted(name="console"),)
    files = [entry.file.resolve() for entry in wanted if entry.file is not None]
    if len(set(files)) < len(files):
        raise UsageError(
            "two reports cannot be written to one file", hint="name another file for one of them"
        )
    if sum(entry.file is None for entry in wanted) > 1:
        raise UsageError(
            "two reports cannot share standard output", hint="name a file: --format json=report.json"
        )
    return wanted


def _one(value: str) -> Wanted:
    name, has_file, file = value.partition("=")
    if name not in FORMATS:
        raise UsageError(f"there is no format `{name}`", hint=f"one of: {', '.join(FORMATS)}")
    if not has_file:
        return Wanted(name=name)
    if not file or Path(file).is_dir() or not Path(file).parent.is_dir():
        # Said at once, not after all the work; an empty variable in a script must not flood standard output.
        raise UsageError(
            f"`{value}` names no file that can be written", hint="write it like json=report.json"
        )
    return Wanted(name=name, file=Path(file))


def write_file(file: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        write_whole(file, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"`{file}` cannot be written: {error.strerror}") from error


def print_text(text: str) -> None:
    """Print a document to standard output, ending with one line feed."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings: fitted to a terminal; whole, and one line each, for other programs."""
    cells = [[terminal(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, no_wrap=column != columns[-1])
        for row in cells:
            table.add_row(*map(Text, row))  # Text is shown as it is; a plain string would be read as markup.
        Console().print(table)
        return
    lines = [list(columns), *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    print_text("\n".join(padded))

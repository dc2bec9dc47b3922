"""Where a report goes: `--format NAME` to standard output, `--format NAME=FILE` to a file, whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Wanted", "parse_formats", "print_table", "print_text", "terminal_style", "write_file"]


_WIDTH_OF_FILES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One report that was asked for; `file` None is standard output."""

    name: str
    file: Path | None = None


# Most of what is imported inside of functions here is heavy, and scans and short answers have no use for it.


def parse_formats(values: Sequence[str], *, known: Collection[str] = ()) -> tuple[Wanted, ...]:
    """The reports that `--format` asks for, among those `known` (those of assessments); the console when nothing is asked.

    Raises:
        UsageError: An unknown format, or two reports for standard output.
    """
    if values and not known:
        from keelmark.report.formats import FORMATS  # noqa: PLC0415 - see above

        known = FORMATS
    wanted = tuple(_one(value, known) for value in values) or (Wanted(name="console"),)
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


def _one(value: str, known: Collection[str]) -> Wanted:
    name, has_file, file = value.partition("=")
    if name not in known:
        raise UsageError(f"there is no format `{name}`", hint=f"one of: {', '.join(known)}")
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
    from keelmark.workflows.whole_file import write_whole  # noqa: PLC0415 - see above

    try:
        write_whole(file, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UsageError(f"`{file}` cannot be written: {error.strerror}") from error


def terminal_style() -> tuple[int, bool]:
    """Columns of standard output, and whether to write colours there."""
    if not sys.stdout.isatty():
        return _WIDTH_OF_FILES, False
    from keelmark.report.console import wants_color  # noqa: PLC0415 - see above

    return shutil.get_terminal_size().columns, wants_color(is_terminal=True, environment=os.environ)


def print_text(text: str) -> None:
    """Print a document to standard output, ending with one line feed."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings: fitted to a terminal; whole, and one line each, for other programs."""
    from keelmark.report.sanitise import terminal  # noqa: PLC0415 - see above

    cells = [[terminal(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - see above
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

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

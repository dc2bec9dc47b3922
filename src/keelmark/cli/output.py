"""Where a report goes: `--format NAME` to standard output, `--format NAME=FILE` to a file, whole or not at all."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.errors import UsageError
from keelmark.report.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Wanted", "parse_formats", "print_text", "write_file"]


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
    if sum(entry.file is None for entry in wanted) > 1:
        raise UsageError(
            "two reports cannot share standard output", hint="name a file: --format json=report.json"
        )
    return wanted


def _one(value: str) -> Wanted:
    name, _, file = value.partition("=")
    if name not in FORMATS:
        raise UsageError(f"there is no format `{name}`", hint=f"one of: {', '.join(FORMATS)}")
    return Wanted(name=name, file=Path(file) if file else None)


def write_file(file: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: It cannot be written.
    """
    draft = file.with_name(f"{file.name}.part")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(file)
    except OSError as error:
        raise UsageError(f"`{file}` cannot be written: {error.strerror}") from error


def print_text(text: str) -> None:
    """Print a document to standard output, ending with one line feed."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()

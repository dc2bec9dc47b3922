"""Runs a scan for the command line: what was asked for, what is read, where the answer goes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.cli.commands import STANDARD_INPUT
from keelmark.cli.memory import return_large_blocks
from keelmark.cli.output import parse_formats, print_text, terminal_style, write_file
from keelmark.cli.progress import watching
from keelmark.errors import UsageError
from keelmark.report.scan_summary import exit_code_of
from keelmark.workflows.scan import ScanSettings
from keelmark.workflows.scan import scan as run_scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.cli.plain_scan import ScanArguments
    from keelmark.core.scan import Clearance, ScanReport

__all__ = ["scan_files"]

_FORMATS = ("console", "json", "sarif")
_PIECE_BYTES = 1024 * 1024


def scan_files(asked: ScanArguments) -> int:
    """Scan, write the reports, and say how it ended: the exit code.

    Raises:
        UsageError: What was asked for makes no sense, or a file does not exist.
    """
    wanted = parse_formats(asked.format, known=_FORMATS)
    if not 0 < asked.max_seconds < float("inf"):
        raise UsageError(f"`--max-seconds` cannot be `{asked.max_seconds}`", hint="it is a number above 0")
    named = [*asked.paths, *(_listed(asked.files_from) if asked.files_from is not None else ())]
    if not named:
        raise UsageError("nothing to scan", hint="name files or folders: keelmark scan models/")
    if named.count(STANDARD_INPUT) + (asked.files_from == STANDARD_INPUT) > 1:
        raise UsageError("standard input can be read only once")
    settings = ScanSettings(
        with_digest=asked.digest,
        max_seconds=asked.max_seconds,
        clearances=_clearances(asked.clearances, asked.trusted_key),
        jobs=asked.jobs,
        ray=asked.ray,
    )
    return_large_blocks()
    with ExitStack() as stack:
        names: dict[Path, str] = {}
        if STANDARD_INPUT in named:
            names[stack.enter_context(_standard_input())] = "standard input"
        real = [*names, *(Path(path) for path in named if path != STANDARD_INPUT)]
        progress = stack.enter_context(watching(quiet=asked.quiet))
        report = run_scan(real, settings, names=names, progress=progress)
    for entry in wanted:
        text = _rendered(entry.name, report, verbose=asked.verbose)
        if entry.file is not None:
            write_file(entry.file, text)
        else:
            print_text(text)
    return exit_code_of(report)


def _clearances(file: Path | None, keys: Sequence[Path]) -> tuple[Clearance, ...]:
    if file is None:
        if keys:
            raise UsageError(
                "`--trusted-key` says who may clear findings", hint="name the file: --clearances FILE"
            )
        return ()
    if not keys:
        raise UsageError(
            "clearances count only when they are signed", hint="name the key: --trusted-key FILE"
        )
    from keelmark.trust.keys import load_public  # noqa: PLC0415 - only who clears findings pays for it
    from keelmark.workflows.clearances import read_clearances  # noqa: PLC0415 - as above

    try:
        loaded = [load_public(key.read_bytes()) for key in keys]
    except OSError as error:
        raise UsageError(f"`{error.filename}` cannot be read: {error.strerror}") from error
    return read_clearances(file, keys=loaded)


def _rendered(name: str, report: ScanReport, *, verbose: bool) -> str:
    """The report; each form is imported only where it is asked for."""
    if name == "json":
        from keelmark.report import scan_json  # noqa: PLC0415 - see above

        return scan_json.render(report)
    if name == "sarif":
        from keelmark.development.supplychain.techniques import cards  # noqa: PLC0415 - see above
        from keelmark.report import scan_sarif  # noqa: PLC0415

        return scan_sarif.render(report, cards=cards())
    from keelmark.report import scan_console  # noqa: PLC0415 - see above

    width, color = terminal_style()
    return scan_console.render(report, width=width, color=color, verbose=verbose)


def _listed(files_from: str) -> list[str]:
    try:
        raw = sys.stdin.buffer.read() if files_from == STANDARD_INPUT else Path(files_from).read_bytes()
    except OSError as error:
        raise UsageError(f"`{files_from}` cannot be read: {error.strerror}") from error
    separator = b"\0" if b"\0" in raw else b"\n"
    return [os.fsdecode(line.rstrip(b"\r")) for line in raw.split(separator) if line.strip()]


@contextmanager
def _standard_input() -> Iterator[Path]:
    """Standard input as a file, so that it can be mapped like any other; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="keelmark-") as folder:
        file = Path(folder) / "standard-input"
        with file.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream, _PIECE_BYTES)
        yield file

"""The program `keelmark`: finds the command, turns errors into messages and outcomes into exit codes.

Exit codes are an API: 0 release, 1 do not release, 2 could not run, 3 not enough evidence.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from keelmark.cli.commands import STANDARD_INPUT
from keelmark.cli.output import print_text
from keelmark.cli.plain_scan import arguments_of, with_address
from keelmark.errors import KeelmarkError
from keelmark.report.sanitise import terminal
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "run"]

EXIT_COULD_NOT_RUN = 2


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    try:
        code = _dispatched(arguments)
        sys.stdout.flush()  # What cannot be written is known now, not after the exit code is settled.
    except KeyboardInterrupt:
        return _failed("stopped before there was a result", "")
    except (BrokenPipeError, SystemExit):
        # The reader of our output went away; nothing can be said, and it must not look like a pass. Libraries end the
        # program when a pipe closes, and a plugin might end it for reasons of its own: neither is a verdict.
        return EXIT_COULD_NOT_RUN
    except Exception as error:  # noqa: BLE001 - an edge: a defect of ours must never look like a verdict
        if not {"--verbose", "-v"}.isdisjoint(arguments):
            sys.excepthook(*sys.exc_info())
        return _failed(*_words(error))
    if not arguments:
        return EXIT_COULD_NOT_RUN  # The help was shown; nothing was assessed, and that must not look like a pass.
    return code if isinstance(code, int) else 0


def _dispatched(arguments: Sequence[str]) -> object:
    """What the command returns. What runs in every pipeline is started without the weight of the full parser."""
    if list(arguments) == ["--version"]:
        print_text(__version__)
        return 0
    # The parser takes a lone hyphen for an option; everywhere else it means standard input.
    readable = [STANDARD_INPUT if argument == "-" else argument for argument in arguments]
    plain = arguments_of(readable)
    if plain is not None:
        from keelmark.cli.scanning import scan_files  # noqa: PLC0415 - only who scans pays for it

        return scan_files(plain)
    from keelmark.cli.app import app  # noqa: PLC0415 - as above

    return app(with_address(readable) if readable[:1] == ["scan"] else readable)


def main() -> None:
    """Entry point of the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(
                errors="backslashreplace"
            )  # A symbol must not break a report in a small charset.
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        # What is still buffered goes nowhere, or the interpreter would fail on it at its end with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(code)


def _words(error: Exception) -> tuple[str, str]:
    from cyclopts import CycloptsError  # noqa: PLC0415 - only who failed pays for it

    match error:
        case CycloptsError():
            return _plain(error), "keelmark --help shows the commands and their options"
        case KeelmarkError():
            return f"{error.place}: {error.message}" if error.place else error.message, error.hint
        case OSError():
            return f"the operating system refused: {error}", "nothing was decided; --verbose shows where"
        case _:
            hint = "this is a defect of Keelmark, not of your project; run again with --verbose and report it"
            return f"keelmark itself failed ({type(error).__name__}: {error})", hint


def _failed(message: str, hint: str) -> int:
    sys.stderr.write(f"error: {terminal(message, limit=1000)}\n")
    if hint:
        sys.stderr.write(f"help:  {terminal(hint, limit=1000)}\n")
    return EXIT_COULD_NOT_RUN


def _plain(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:].rstrip(".")

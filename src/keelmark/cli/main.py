"""The program `keelmark`: finds the command, turns errors into messages and outcomes into exit codes.

Exit codes are an API: 0 release, 1 do not release, 2 could not run, 3 not enough evidence.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

from cyclopts import App, CycloptsError
from rich.console import Console

from keelmark import __version__
from keelmark.cli.commands import COMMANDS
from keelmark.errors import KeelmarkError
from keelmark.report.sanitise import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "main", "run"]

EXIT_COULD_NOT_RUN = 2

app = App(
    name="keelmark",
    help="The Guidelines for secure AI system development as running software.",
    help_epilogue="Exit codes: 0 release, 1 do not release, 2 could not run, 3 not enough evidence.",
    help_format="markdown",
    version=__version__,
    error_console=Console(stderr=True),
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)

# Commands are named by import path, so that `keelmark --help` and shell completion load none of them.
for _command in COMMANDS:
    app.command(
        f"keelmark.cli.{_command.name}:{_command.name}",
        name=_command.name,
        help=_command.summary,
        help_epilogue=f"Examples:\n\n```text\n{_command.examples}\n```",
    )
app.register_install_completion_command(name="--install-completion")


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    try:
        code = app(list(arguments))
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


def _plain(error: CycloptsError) -> str:
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:].rstrip(".")

"""The commands and their options, parsed with all that a command line can be: help, errors, completion."""

from __future__ import annotations

from cyclopts import App
from rich.console import Console

from keelmark.cli.commands import COMMANDS
from keelmark.version import __version__

__all__ = ["app"]

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
    # A command with commands of its own is an application of its own, and says the rest itself.
    _more = {} if _command.has_commands else {"help_epilogue": _command.epilogue}
    app.command(
        f"keelmark.cli.{_command.name}:{_command.name}", name=_command.name, help=_command.summary, **_more
    )
app.register_install_completion_command(name="--install-completion")

"""`keelmark incident`: refuse everything at once, and let requests through again."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from keelmark.cli.commands import COMMANDS
from keelmark.cli.made_here import show_made_here
from keelmark.cli.output import print_text
from keelmark.core.clock import SystemClock
from keelmark.errors import UsageError
from keelmark.gateway.control import emergency
from keelmark.gateway.control.disconnect import FILE
from keelmark.gateway.settings import ControlSettings
from keelmark.report.reasons import EXIT_NOT_ENOUGH_EVIDENCE
from keelmark.report.sanitise import terminal

if TYPE_CHECKING:
    from keelmark.gateway.control.emergency import Turned

__all__ = ["incident"]

_COMMAND = next(command for command in COMMANDS if command.name == "incident")
_EXIT_CODES = (
    "Exit codes: 0 a gateway confirms it, or requests are let through; 1 everything is refused (status); 2 could not run; "
    "3 written to the file, and no gateway confirms it, or cannot tell (status)."
)
_REFUSED = 1

incident = App(name="incident", help=_COMMAND.summary, help_epilogue=f"{_COMMAND.epilogue}\n\n{_EXIT_CODES}")

incident.command(show_made_here, name="made-here")

Format = Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where the gateway is."""

    folder: Path = Path()
    """The folder that it was started in."""

    socket: Path | None = None
    """Its control socket, where its settings name another one."""

    @property
    def place(self) -> emergency.Place:
        """Its socket and its switch.

        Raises:
            UsageError: There is no such folder.
        """
        if not self.folder.is_dir():
            # A folder made up by a typing error would take the file, and nobody would ever look at it.
            raise UsageError(
                f"`{self.folder}` is no folder", hint="name the folder that the gateway was started in"
            )
        named = self.socket or self.folder / ControlSettings().socket
        return emergency.Place(socket=named, file=self.folder / FILE)


@incident.command
def disconnect(
    *,
    reason: str,
    owner: str,
    where: Where | None = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """Refuse every request within a second, across restarts, whether or not the gateway answers.

    Where gateways share a store, those on other machines do so, too, within about a second.

    Args:
        reason: Why.
        owner: Who answers for it: a role or person.
        where: Where the gateway is.
        format: console or json.
    """
    turned = emergency.disconnect((where or Where()).place, reason=reason, owner=owner, clock=SystemClock())
    return _told("disconnect", turned, "everything is refused", format)


@incident.command
def reconnect(
    *,
    reason: str,
    owner: str,
    where: Where | None = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """Let requests through again, where gateways share a store on all machines. What cannot be recorded is not done.

    Args:
        reason: Why it is safe again.
        owner: Who answers for it: a role or person.
        where: Where the gateway is.
        format: console or json.
    """
    turned = emergency.reconnect((where or Where()).place, reason=reason, owner=owner, clock=SystemClock())
    return _told("reconnect", turned, "requests are let through", format)


@incident.command
def status(*, where: Where | None = None, format: Format = "console") -> int:  # noqa: A002
    """Say whether everything is refused, since when, by whom and why.

    Args:
        where: Where the gateway is.
        format: console or json.
    """
    found = emergency.status((where or Where()).place, clock=SystemClock())
    note = found.note
    if format == "json":
        document = {
            "disconnected": found.is_on,
            "since": note.time if note else "",
            "reason": note.reason if note else "",
            "owner": note.owner if note else "",
            "by": note.by if note else "",
            "gateway": {"answers": found.missing is not None, "missing": found.missing or ()},
            "unanswered": found.unanswered,
            "file": found.file,
        }
        print_text(_json(document))
    else:
        lines = []
        if found.is_on:
            lines.append("disconnected: everything is refused")
            lines.append(
                f"since {note.time}, by {note.owner} ({note.by or 'not known'}): {note.reason}"
                if note
                else f"{found.file} cannot be read, or is not there; that counts as disconnected"
            )
        elif found.missing is not None:
            lines.append("connected")
        else:
            lines.append("not disconnected; whether a gateway serves cannot be told")
        if found.missing is None:
            lines.append(f"no gateway answers: {found.unanswered}")
        elif others := [each for each in found.missing if each != "disconnected"]:
            lines.append(f"not ready: {', '.join(others)}")
        print_text("\n".join(terminal(line, limit=2_000) for line in lines))
    if found.is_on:
        return _REFUSED
    return 0 if found.missing is not None else EXIT_NOT_ENOUGH_EVIDENCE


def _told(action: str, turned: Turned, words: str, form: str) -> int:
    if form == "json":
        document = {
            "action": action,
            "confirmed": turned.is_confirmed,
            "recorded": turned.is_recorded,
            "unanswered": turned.unanswered,
            "file": turned.file,
        }
        print_text(_json(document))
    elif not turned.is_confirmed:
        print_text(terminal(f"{action}ed by {turned.file}", limit=2_000))
    elif turned.unanswered:
        print_text(terminal(f"{words}: the gateway sees {turned.file}", limit=2_000))
    else:
        print_text(terminal(f"{words}: the gateway confirms it", limit=2_000))
    if not turned.is_confirmed:
        _say(
            f"no gateway confirms it ({turned.unanswered}): every one that was started in this folder sees it at once"
        )
        return EXIT_NOT_ENOUGH_EVIDENCE
    if not turned.is_recorded and not turned.unanswered:
        _say("the log of the gateway could not be written: the journal beside the file has it")
    return 0


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _say(words: str) -> None:
    sys.stderr.write(f"{terminal(words, limit=2_000)}\n")

"""Disconnects a gateway whether or not it answers: through its socket, and when nothing comes back from there, by its file.

1. A gateway has a quarter of a second to confirm a disconnection; then the file is written, and only after that is a slow
   gateway asked again whether it sees it.
2. Whatever but a plain confirmation comes back counts as no answer: the file is written.
3. A reconnection that a gateway refuses is not done behind its back.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keelmark.errors import StoreError, UsageError
from keelmark.gateway.control.client import UnansweredError, ask
from keelmark.gateway.control.disconnect import Disconnection, Note

if TYPE_CHECKING:
    from keelmark.core.clock import Clock

__all__ = ["Place", "Status", "Turned", "disconnect", "reconnect", "status"]

_DISCONNECT_TIMEOUT_S = 0.25
_CONFIRM_TIMEOUT_S = 1.0
_TIMEOUT_S = 5.0
_DONE = 200
_CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a gateway can be reached.

    Attributes:
        socket: Its control socket.
        file: Its switch.
    """

    socket: Path
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """What came of turning the switch.

    Attributes:
        is_confirmed: Whether a gateway says that it is so.
        is_recorded: Whether it says that it recorded it. The journal beside the file has it either way.
        file: The switch that was turned.
        unanswered: Why no gateway did it itself, so that the file was written or removed here; "" when one did.
    """

    is_confirmed: bool
    is_recorded: bool
    file: str
    unanswered: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the switch stands.

    Attributes:
        is_on: Whether everything is refused, as the file or the gateway says.
        note: Who disconnected and why, as far as it can be read.
        missing: What the gateway lacks to serve, as it says; None when it does not answer.
        unanswered: Why it does not.
        file: The switch that was looked at.
    """

    is_on: bool
    note: Note | None
    missing: tuple[str, ...] | None
    unanswered: str
    file: str


def disconnect(place: Place, *, reason: str, owner: str, clock: Clock) -> Turned:
    """Refuse everything.

    Raises:
        UsageError: There is no reason or no owner.
        StoreError: No gateway answered, and the file could not be written.
    """
    try:
        return _asked(place, "disconnect", reason, owner, timeout_s=_DISCONNECT_TIMEOUT_S)
    except (UnansweredError, _RefusedError) as error:
        switch = Disconnection(place.file, clock=clock)
        switch.disconnect(reason, owner, by=_user())
        return _by_file(place, switch, str(error), is_on=True)


def reconnect(place: Place, *, reason: str, owner: str, clock: Clock) -> Turned:
    """Let requests through again.

    Raises:
        UsageError: There is no reason or no owner, or nothing is disconnected.
        StoreError: It could not be recorded or done.
    """
    switch = Disconnection(place.file, clock=clock)
    was_on = switch.is_on
    try:
        return _asked(place, "reconnect", reason, owner, timeout_s=_TIMEOUT_S)
    except _RefusedError as error:
        if error.status == _CONFLICT:
            raise UsageError("nothing is disconnected", hint="keelmark incident status") from error
        raise StoreError(f"the gateway did not reconnect: {error}", hint=error.hint) from error
    except UnansweredError as error:
        try:
            switch.reconnect(reason, owner, by=_user())
        except UsageError:
            # A gateway that was only slow may have done it by now.
            if not was_on or switch.poll():
                raise
        return _by_file(place, switch, str(error), is_on=False)


def status(place: Place, *, clock: Clock) -> Status:
    """How the switch stands, by its file and by what the gateway says."""
    switch = Disconnection(place.file, clock=clock)
    missing: tuple[str, ...] | None = None
    unanswered = ""
    try:
        _, body = ask(place.socket, "GET", "/readyz", timeout_s=_TIMEOUT_S)
        missing = _missing(body)
    except UnansweredError as error:
        unanswered = str(error)
    is_on = switch.is_on or (missing is not None and "disconnected" in missing)
    return Status(
        is_on=is_on, note=switch.note, missing=missing, unanswered=unanswered, file=str(switch.file)
    )


class _RefusedError(Exception):
    """The gateway answered, and did not do it."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        problem = body.get("error")
        said = problem if isinstance(problem, dict) else {}
        super().__init__(str(said.get("message", f"status {status}")))
        self.status, self.hint = status, str(said.get("hint", ""))


def _asked(place: Place, action: str, reason: str, owner: str, *, timeout_s: float) -> Turned:
    code, body = ask(
        place.socket, "POST", f"/v1/{action}", {"reason": reason, "owner": owner}, timeout_s=timeout_s
    )
    if code != _DONE or body.get("action") != action:
        raise _RefusedError(code, body)
    file = str(body.get("detail") or place.file)
    return Turned(is_confirmed=True, is_recorded=body.get("recorded") is True, file=file)


def _by_file(place: Place, switch: Disconnection, unanswered: str, *, is_on: bool) -> Turned:
    """What came of turning the switch here: a gateway that was only slow says now whether it sees it."""
    try:
        _, body = ask(place.socket, "GET", "/readyz", timeout_s=_CONFIRM_TIMEOUT_S)
        is_seen = ("disconnected" in _missing(body)) is is_on
    except UnansweredError:
        is_seen = False
    return Turned(is_confirmed=is_seen, is_recorded=False, file=str(switch.file), unanswered=unanswered)


def _missing(body: dict[str, Any]) -> tuple[str, ...]:
    missing = body.get("missing")
    if not isinstance(missing, list) or not isinstance(body.get("ready"), bool):
        raise UnansweredError("what answers is no gateway")
    return tuple(map(str, missing))


def _user() -> str:
    return f"uid {os.geteuid()}"

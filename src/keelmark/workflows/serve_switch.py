"""The emergency switch over several machines: what is done at one reaches the others through a register that they share.

The file of each machine stays what its workers look at (`gateway/control/disconnect`). One worker of each machine compares
the file with the register four times a second, and carries over what changed.

1. While the register is away, the file alone counts. A connection that is lost ends no disconnection, nor begins one.
2. A disconnection that was not told yet wins over a reconnection elsewhere. What cannot be told apart is disconnected.
3. A reconnection is believed only when it is newer than what this machine knew, and done only once it is recorded here.
4. A register that was emptied or set back says nothing: who is disconnected tells it again.
5. What was known is kept beside the file, so that a machine that was off learns what it missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import fcntl
import os
import secrets
import socket
from typing import TYPE_CHECKING, Final

import msgspec

from keelmark.config.environment import secret_of
from keelmark.errors import ConfigurationError, KeelmarkError, LimitExceededError, StoreError, UsageError
from keelmark.gateway.control.disconnect import FILE, Note
from keelmark.store.durable import read_bounded, write_files
from keelmark.workflows.serve_parts import cluster_for, secret_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from keelmark.config.gateway import GatewaySettings
    from keelmark.core.register import Register
    from keelmark.gateway.control.disconnect import Disconnection
    from keelmark.gateway.control.ports import Record

__all__ = ["Known", "SharedSwitch", "Step", "Told", "step_of", "switch_register"]

_KNOWN, _LOCK = f"{FILE}.shared", f"{FILE}.lock"
_NAME = "disconnection"
_DATABASE = "env:"
_LOOK_S = 0.25
_MAX_BYTES = 64 * 1024
_MAX_REASON, _MAX_OWNER, _MAX_WHO = 1_000, 200, 200
_NOBODY = "not known"


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the register says: how the switch stands, and who turned it.

    Attributes:
        number: Rises with each turn.
        id: Random, of this turn.
        is_on: Whether everything is refused.
        note: Who turned it, when and why.
        machine: Where.
    """

    number: int
    id: str
    is_on: bool
    note: Note
    machine: str = ""


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this machine and the register agreed on last.

    Attributes:
        number: Of that turn.
        id: Of that turn.
        is_on: How the switch stood.
        mark: Tells the file that was there from any other.
    """

    number: int = 0
    id: str = ""
    is_on: bool = False
    mark: str = ""


class Step(enum.Enum):
    """What is to be done after a look."""

    NOTHING = enum.auto()
    ADOPT = enum.auto()
    DISCONNECT = enum.auto()
    RECONNECT = enum.auto()
    TELL = enum.auto()


def step_of(*, is_on: bool, mark: str, known: Known, told: Told | None) -> Step:
    """What is to be done.

    Args:
        is_on: How the switch of this machine stands.
        mark: Of its file.
        known: What was agreed on last.
        told: What the register says; None for nothing.
    """
    # A file that was laid since is a disconnection that nobody was told of, whatever was agreed on before.
    is_news = is_on and not (known.is_on and known.mark == mark)
    if told is None:
        return Step.TELL if is_on or known.is_on else Step.NOTHING
    if told.id == known.id:
        return Step.TELL if is_on is not told.is_on or is_news else Step.NOTHING
    if not is_on:
        return Step.DISCONNECT if told.is_on else Step.ADOPT
    if is_news:
        # Told as a turn of its own, also where the register says the same: who ends that one may know nothing of this.
        return Step.TELL
    if told.is_on:
        return Step.ADOPT
    return Step.RECONNECT if told.number > known.number else Step.TELL


_TOLD: Final = msgspec.json.Decoder(Told)
_AGREED: Final = msgspec.json.Decoder(Known)


class SharedSwitch:
    """Keeps the switch of this machine in step with those of others.

    Args:
        switch: That of this machine.
        register: What the machines share.
        root: The folder of the gateway.
        record: Keeps what was done at the instance of others.
        said: Takes what the operator should know.
        machine: Name of this one; None for that of the host.
    """

    def __init__(
        self,
        switch: Disconnection,
        register: Register,
        *,
        root: Path,
        record: Record,
        said: Callable[[str], None] = lambda _: None,
        machine: str | None = None,
    ) -> None:
        self._switch, self._register, self._root = switch, register, root
        self._record, self._said = record, said
        self._machine = socket.gethostname() if machine is None else machine
        self._known: Known | None = None
        self._recorded = self._fault = ""
        self._lock = -1

    async def keep(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_S)

    async def look(self) -> None:
        """Compare once, and carry over what changed; whatever fails is told once and tried again with the next look."""
        if not self._is_ours():
            return
        try:
            await self._look()
        except KeelmarkError as error:
            self._fails(error.message)
        except Exception as error:  # noqa: BLE001 - the edge: the next look may go well
            self._fails(type(error).__name__)
        else:
            if self._fault:
                self._said("disconnections are shared with other machines again")
            self._fault = ""

    def close(self) -> None:
        """Let go of the register; another worker looks from now on."""
        self._register.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _look(self) -> None:
        seen = await asyncio.to_thread(self._register.look)
        if self._known is None:
            self._known = self._read()
        told = _told_of(seen)
        is_on, mark = self._switch.poll(), self._switch.mark
        match step_of(is_on=is_on, mark=mark, known=self._known, told=told):
            case Step.TELL:
                await self._tell(seen, told, is_on=is_on)
            case Step.ADOPT if told is not None:
                self._agree(told)
            case Step.DISCONNECT if told is not None:
                await self._disconnect(told)
            case Step.RECONNECT if told is not None:
                await self._reconnect(told)
            case _:
                if told is None and seen is not None:
                    raise StoreError("what other machines said cannot be read")

    async def _tell(self, seen: bytes | None, told: Told | None, *, is_on: bool) -> None:
        """Tell the others how the switch stands here."""
        assert self._known is not None
        note = self._switch.note if is_on else self._switch.reconnected()
        if note is None:
            reason = "something lies at the place of the switch" if is_on else "the file was removed"
            note = Note("disconnect" if is_on else "reconnect", "", reason, _NOBODY)
        number = max(self._known.number, told.number if told is not None else 0) + 1
        new = Told(number, secrets.token_hex(16), is_on, note, self._machine)
        mark = self._switch.mark
        if await asyncio.to_thread(self._register.swap, seen, msgspec.json.encode(new)):
            self._agree(new, mark=mark)

    async def _disconnect(self, told: Told) -> None:
        """Refuse everything at the instance of another machine: done whether or not it can be recorded."""
        reason, owner, who = _words(told)
        self._switch.disconnect(reason, owner, by=who)
        self._said(f"disconnected by {told.machine or 'another machine'}: {reason} ({owner})")
        self._agree(told)
        with contextlib.suppress(Exception):
            await self._record("disconnect", f"{owner} ({who})"[:_MAX_OWNER], reason)

    async def _reconnect(self, told: Told) -> None:
        """Let requests through again at the instance of another machine: not done unless it is recorded."""
        reason, owner, who = _words(told)
        mark = self._switch.mark
        if self._recorded != told.id:
            await self._record("reconnect", f"{owner} ({who})"[:_MAX_OWNER], reason)
            self._recorded = told.id
            if self._switch.mark != mark:
                return  # Somebody disconnected here meanwhile: looked at anew.
        with contextlib.suppress(UsageError):  # Somebody did it here meanwhile.
            self._switch.reconnect(reason, owner, by=who)
        self._said(f"reconnected by {told.machine or 'another machine'}: {reason} ({owner})")
        self._agree(told)

    def _agree(self, told: Told, *, mark: str | None = None) -> None:
        """Both say the same now."""
        at = self._switch.mark if mark is None else mark
        self._known = Known(told.number, told.id, told.is_on, at if told.is_on else "")
        with contextlib.suppress(OSError):  # What is not kept is compared anew after a restart.
            write_files(self._root, [(_KNOWN, msgspec.json.encode(self._known))])

    def _read(self) -> Known:
        try:
            return _AGREED.decode(read_bounded(self._root / _KNOWN, _MAX_BYTES))
        except (OSError, LimitExceededError, msgspec.MsgspecError, RecursionError):
            return Known()

    def _is_ours(self) -> bool:
        """Whether it is this worker that looks: the first, and another one when that one is gone."""
        if self._lock >= 0:
            return True
        place = self._root / _LOCK
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._fails(f"`{place}` cannot be opened: {error.strerror}")
            return False
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(opened)
            return False
        # Another one may have looked before: what it agreed on is read again.
        self._lock, self._known = opened, None
        return True

    def _fails(self, words: str) -> None:
        if not self._fault:
            self._said(f"disconnections are not shared with other machines: {words}")
        self._fault = words


def switch_register(
    settings: GatewaySettings, *, root: Path, environment: Mapping[str, str] | None = None
) -> Register | None:
    """What machines share a disconnection through: the server of shared limits, else the database of keys; None for neither.

    Args:
        settings: Of the gateway.
        root: Paths of the settings start here.
        environment: Variables that name credentials.

    Raises:
        ConfigurationError: An address is not there or not sound.
        UsageError: The extra `cluster` is not installed.
    """
    shared, keys = settings.limits.shared, settings.access.keys
    if not shared.url and not keys.startswith(_DATABASE):
        return None
    with cluster_for("shared stores"):
        from keelmark.store.register_postgres import PostgresRegister  # noqa: PLC0415 - a part of an extra
        from keelmark.store.register_redis import RedisRegister  # noqa: PLC0415 - as above
    if shared.url:
        url = secret_from(shared.url, root=root, environment=environment)
        return RedisRegister(url, gateway=shared.name, name=_NAME, timeout_s=shared.timeout_s)
    found = secret_of(keys.removeprefix(_DATABASE), environment)
    if found is None:
        raise ConfigurationError(f"the variable `{keys.removeprefix(_DATABASE)}` is not set")
    return PostgresRegister(found, name=f"{_NAME}:{shared.name}")


def _told_of(seen: bytes | None) -> Told | None:
    """What the register says; None also for what cannot be read, which the next one who turns a switch puts right."""
    if seen is None:
        return None
    try:
        return _TOLD.decode(seen)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _words(told: Told) -> tuple[str, str, str]:
    """Reason, owner and who it was, within the bounds of the switch."""
    note = told.note
    reason, owner = (
        note.reason.strip()[:_MAX_REASON] or "not told",
        note.owner.strip()[:_MAX_OWNER] or _NOBODY,
    )
    return reason, owner, f"{note.by or _NOBODY} on {told.machine or 'another machine'}"[:_MAX_WHO]

"""The emergency switch: a file. Where it is, everything is refused.

A file works when nothing else does: with a gateway that does not answer, from a shell without Keelmark, across all workers.

1. From the moment the file is there, no request is let through later than a quarter of a second after: each process looks
   that often, and a request looks itself when nobody has for that long.
2. Whatever lies at that place counts, also what cannot be read; so does a place that cannot be looked at.
3. The file outlives a restart: only `reconnect`, with a reason and an owner, or a person, takes it away.
4. A disconnection is done whether or not it can be recorded. A reconnection that cannot be recorded is not done.
5. Who disconnects first stays in the file; every disconnection and reconnection is appended to the journal beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from keelmark.core.exchange import ALLOW, Decision, deny
from keelmark.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keelmark.core.clock import Clock
    from keelmark.core.exchange import Exchange

__all__ = ["FILE", "JOURNAL", "Change", "DisconnectBounds", "DisconnectStage", "Disconnection", "Note"]

FILE = ".keelmark/disconnected"
"""Where the switch lies, below the folder of the gateway."""

JOURNAL = "disconnections.jsonl"
"""Name of the journal, beside the switch."""

_HINT = "free space or rights are missing; until it works, stop the process"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisconnectBounds:
    """How the switch is read.

    Attributes:
        poll_s: Between two looks.
        late_s: After which a request looks itself.
        max_bytes: Read of the file, and of the end of the journal.
        max_reason: Characters of a reason.
        max_owner: Characters of an owner.
    """

    poll_s: float = 0.25
    late_s: float = 0.25
    max_bytes: int = 16 * 1024
    max_reason: int = 1000
    max_owner: int = 200


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who did what, when and why.

    Attributes:
        action: `disconnect` or `reconnect`.
        time: In UTC.
        reason: Why.
        owner: Who answers for it, as they say.
        by: Who it was, as the system knows.
    """

    action: str
    time: str
    reason: str
    owner: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The switch was turned.

    Attributes:
        is_on: To which side.
        note: Who did it, as far as it can be read.
        is_own: Whether this process did it.
    """

    is_on: bool
    note: Note | None
    is_own: bool


_DECODER = msgspec.json.Decoder(Note)
_UNSEEN: Final = (0, 0, 0, 0)


class Disconnection:
    """The switch as one process sees it.

    Args:
        file: Where it lies; `FILE` below the folder of the gateway.
        clock: The time of day.
        bounds: How it is read.
        now_ns: Nanoseconds that never go back.
        on_change: Told of every turn, once; what it raises is nobody's business here.
    """

    __slots__ = (
        "_bounds",
        "_clock",
        "_file",
        "_is_held",
        "_late_ns",
        "_looked_ns",
        "_now_ns",
        "_on_change",
        "_seen",
        "is_on",
        "note",
    )

    def __init__(
        self,
        file: Path,
        *,
        clock: Clock,
        bounds: DisconnectBounds | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        on_change: Callable[[Change], None] | None = None,
    ) -> None:
        self._file = file.absolute()
        self._clock, self._now_ns = clock, now_ns
        self._bounds = bounds or DisconnectBounds()
        self._late_ns = round(self._bounds.late_s * 1e9)
        self._on_change: Callable[[Change], None] | None = None
        self._is_held = False
        self._seen: tuple[int, int, int, int] | None = None
        self.is_on = False
        """Whether everything is refused, as of the last look."""
        self.note: Note | None = None
        """Who disconnected and why; None when it is not on, or cannot be read."""
        self.poll()
        self._on_change = on_change

    @property
    def file(self) -> Path:
        """Where the switch lies."""
        return self._file

    @property
    def journal(self) -> Path:
        """Where all that was done is kept."""
        return self._file.with_name(JOURNAL)

    @property
    def mark(self) -> str:
        """Differs when somebody disconnected since, also where everything was refused already; "" while there is no file."""
        seen = self._looked_at()
        if seen is None:
            return ""
        try:
            found = os.lstat(self.journal)
            written = found.st_ino, found.st_size
        except OSError:
            written = _UNSEEN[:2]
        return ":".join(map(str, (*seen, *written)))

    def reconnected(self) -> Note | None:
        """Who reconnected last; None when somebody disconnected since, or nobody can tell."""
        return self._last()

    def poll(self) -> bool:
        """Look at the file; whether everything is refused."""
        self._looked_ns = self._now_ns()
        self._look(is_own=False)
        return self.is_on

    def is_on_now(self) -> bool:
        """The same without a look when the last one is not old."""
        return self.poll() if self._now_ns() - self._looked_ns >= self._late_ns else self.is_on

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            self.poll()
            await asyncio.sleep(self._bounds.poll_s)

    def disconnect(self, reason: str, owner: str, *, by: str) -> Note:
        """Refuse everything from now on, in this process at once, in all others within a quarter of one.

        Raises:
            UsageError: There is no reason or no owner.
            StoreError: The others could not be told; this process refuses all the same.
        """
        note = self._noted("disconnect", reason, owner, by)
        failure: OSError | None = None
        if self._looked_at() is None or self.note is None:
            try:
                self._write(note)
            except OSError as error:
                failure = error
        # Held only as long as there is no file: where there is one, it alone says when this ends.
        self._is_held = self._looked_at() is None
        self._look(is_own=True)
        with contextlib.suppress(OSError):
            self._append(note)
        if self._is_held and failure is not None:
            raise StoreError(
                f"the file could not be written: {failure.strerror}", hint=_HINT, path=str(self._file)
            ) from failure
        return note

    def reconnect(self, reason: str, owner: str, *, by: str) -> Note:
        """Let requests through again, in this process at once, in all others with their next look.

        Raises:
            UsageError: There is no reason or no owner, or nothing was disconnected.
            StoreError: It could not be recorded or the file not removed; everything is refused as before.
        """
        note = self._noted("reconnect", reason, owner, by)
        if self._looked_at() is None and not self._is_held:
            raise UsageError("nothing is disconnected", hint="keelmark incident status")
        try:
            self._append(note)
            with contextlib.suppress(FileNotFoundError):
                self._file.unlink()
            _sync(self._file.parent)
        except OSError as error:
            raise StoreError(
                f"it could not be recorded and done: {error.strerror}",
                hint="everything is refused as before",
                path=str(self._file),
            ) from error
        self._is_held = False
        self._look(is_own=True)
        return note

    def _look(self, *, is_own: bool) -> None:
        seen = self._looked_at()
        if seen == self._seen and (seen is not None or self.is_on == self._is_held):
            return
        was_on, self._seen = self.is_on, seen
        self.is_on = seen is not None or self._is_held
        self.note = self._read() if seen is not None else None
        if self.is_on != was_on and self._on_change is not None:
            note = self.note if self.is_on else self._last()
            with contextlib.suppress(Exception):  # Whoever listens cannot keep the switch from working.
                self._on_change(Change(is_on=self.is_on, note=note, is_own=is_own))

    def _looked_at(self) -> tuple[int, int, int, int] | None:
        """What tells one file at that place from another; None when there is none."""
        try:
            found = os.lstat(self._file)
        except FileNotFoundError:
            return None
        except OSError:
            return _UNSEEN
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode

    def _noted(self, action: str, reason: str, owner: str, by: str) -> Note:
        for word, text, limit in (
            ("reason", reason, self._bounds.max_reason),
            ("owner", owner, self._bounds.max_owner),
        ):
            if not text.strip() or len(text) > limit:
                raise UsageError(
                    f"to {action} takes a{'n' * (word == 'owner')} {word} of 1 to {limit} characters",
                    hint='--reason "leaked key" --owner "Head of Platform"',
                )
        moment = f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ}"
        return Note(action, moment, reason.strip(), owner.strip(), by)

    def _write(self, note: Note) -> None:
        """Write the file whole and durably."""
        folder = self._file.parent
        folder.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(f".{self._file.name}.{secrets.token_hex(8)}.part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(msgspec.json.encode(note))
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._file)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        _sync(folder)

    def _append(self, note: Note) -> None:
        """Add a line to the journal, durably."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self.journal, flags, 0o644)
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            stream.write(msgspec.json.encode(note) + b"\n")
            os.fsync(stream.fileno())

    def _read(self) -> Note | None:
        content = _content(self._file, self._bounds.max_bytes)
        return None if content is None else _note(content)

    def _last(self) -> Note | None:
        """The newest line of the journal when it is a reconnection."""
        content = _content(self.journal, self._bounds.max_bytes)
        note = _note(content.rstrip(b"\n").rpartition(b"\n")[2]) if content else None
        return note if note is not None and note.action == "reconnect" else None


class DisconnectStage:
    """Refuses everything while the switch is on. It stands before all other stages that cost anything.

    Args:
        disconnection: The switch.
    """

    name = "disconnect"

    __slots__ = ("_disconnection",)

    def __init__(self, disconnection: Disconnection) -> None:
        self._disconnection = disconnection

    def __call__(self, exchange: Exchange) -> Decision:
        """Decide about the exchange."""
        del exchange
        return _DENIED if self._disconnection.is_on_now() else ALLOW


_DENIED: Final = deny("disconnected")


def _content(file: Path, limit: int) -> bytes | None:
    """The end of a file; None when it is no file or cannot be read."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as stream:
            found = os.fstat(stream.fileno())
            if not stat.S_ISREG(found.st_mode):
                return None
            stream.seek(max(0, found.st_size - limit))
            return stream.read(limit)
    except OSError:
        return None


def _note(content: bytes) -> Note | None:
    try:
        return _DECODER.decode(content)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

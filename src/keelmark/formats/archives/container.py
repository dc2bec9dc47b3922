"""What holds other files: the contract of an archive reader, and the budget that everything below one file shares."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from keelmark.core.facts import Gap, GapReason, Hazard, Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.cursor import BreaksOffError

if TYPE_CHECKING:
    from keelmark.errors import KeelmarkError
    from keelmark.formats.source import Source

__all__ = [
    "BombError",
    "Budget",
    "Container",
    "EncryptedError",
    "Limits",
    "Member",
    "Opened",
    "Stream",
    "UnsupportedError",
    "afresh",
    "reason_of",
    "view_of",
]

_MAX_HAZARDS = 100
_MAX_GAPS = 100
_MAX_TEXT = 200


class EncryptedError(ParseError):
    """Something cannot be read without its password."""


class UnsupportedError(ParseError):
    """A form of packing that is not read."""


class BombError(LimitExceededError):
    """So much comes out of so little that it serves nothing but to exhaust whoever unpacks it."""


def afresh(error: KeelmarkError) -> KeelmarkError:
    """The same error without its trace, which would keep views of the file alive."""
    return type(error)(error.message)


def reason_of(error: KeelmarkError) -> GapReason:
    """The reason of the gap that an error stands for."""
    match error:
        case LimitExceededError():
            return GapReason.TOO_LARGE
        case BreaksOffError():
            return GapReason.TRUNCATED
        case EncryptedError():
            return GapReason.ENCRYPTED
        case UnsupportedError():
            return GapReason.UNSUPPORTED
        case ParseError():
            return GapReason.MALFORMED
        case _:
            return GapReason.CRASHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of everything that is unpacked below one file.

    Attributes:
        max_bytes: Bytes that come out of compressed members, all together. Stored members cost nothing.
        max_members: Members met, all together.
        max_depth: Archives inside of archives.
        max_seconds: Wall time below one file.
        bomb_bytes: Bytes out of one stream from which its ratio counts.
        bomb_ratio: Bytes out for each byte in that no content has any use for.
        padding_bytes: Bytes of members that no reader recognises, all together, from which their ratio counts.
        padding_ratio: Such bytes for each byte of the file; tables and records do not shrink that far.
        dense_bytes: As `padding_bytes`, for a ratio that nothing but repetition reaches.
        dense_ratio: That ratio; the densest gzip stream has a thousand.
    """

    max_bytes: int = 4 * 1024**3
    max_members: int = 100_000
    max_depth: int = 16
    max_seconds: float = 120.0
    bomb_bytes: int = 1024**3
    bomb_ratio: int = 1000
    padding_bytes: int = 100 * 1024**2
    padding_ratio: int = 100
    dense_bytes: int = 16 * 1024**2
    dense_ratio: int = 5_000


@dataclass(slots=True, kw_only=True)
class Budget:
    """What is left of the limits; whoever unpacks asks here first."""

    limits: Limits = field(default_factory=Limits)
    monotonic: Callable[[], float] = time.monotonic
    spent_bytes: int = 0
    spent_members: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.started = self.monotonic()

    def spend(self, count: int) -> None:
        """Count bytes that came out of a compressed stream.

        Raises:
            LimitExceededError: More than one file may unpack to, or it takes too long.
        """
        self.spent_bytes += count
        if self.spent_bytes > self.limits.max_bytes:
            raise LimitExceededError(f"unpacks to more than {self.limits.max_bytes} bytes")
        self.check_time()

    def meter(self) -> Callable[[int, int], None]:
        """Counts one stream: called with all bytes that came out of it and went into it so far.

        Raises:
            BombError: The stream is a bomb.
            LimitExceededError: As `spend`.
        """
        before = 0

        def count(total: int, packed: int) -> None:
            nonlocal before
            if self.is_bomb(total, packed):
                raise BombError(f"more than {total} bytes come out of {packed}")
            self.spend(total - before)
            before = total

        return count

    def is_bomb(self, total: int, packed: int) -> bool:
        """Whether so many bytes out of so few are a bomb."""
        return total > self.limits.bomb_bytes and total > self.limits.bomb_ratio * packed

    def meet(self) -> None:
        """Count one member.

        Raises:
            LimitExceededError: More than are looked at, or it takes too long.
        """
        self.spent_members += 1
        if self.spent_members > self.limits.max_members:
            raise LimitExceededError(f"holds more than {self.limits.max_members} members")
        self.check_time()

    def check_time(self) -> None:
        """Compare the clock.

        Raises:
            LimitExceededError: The time is over.
        """
        if self.monotonic() - self.started > self.limits.max_seconds:
            raise LimitExceededError(f"takes longer than {self.limits.max_seconds:g} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file inside of an archive; nothing is unpacked before it is asked for.

    Attributes:
        name: As the archive states it; foreign text, may repeat, may lead outside.
        size: Bytes after unpacking as the archive states it; -1 when it does not say.
        start: The first bytes, at most as many as asked for; raises `ParseError` or `LimitExceededError`.
        load: All bytes, a view of the archive when stored; raises the same.
    """

    name: str
    size: int
    start: Callable[[int], bytes]
    load: Callable[[], memoryview]


def view_of(name: str, content: memoryview) -> Member:
    """A member whose bytes stand in the archive as they are."""
    return Member(
        name=name,
        size=len(content),
        start=lambda count: bytes(content[:count]),
        load=lambda: content[:],  # a view of its own, which its reader may release
    )


@dataclass(slots=True, kw_only=True)
class Opened:
    """An archive that was opened. `hazards` and `gaps` may still grow while the members are iterated.

    Attributes:
        format: `zip`, `tar`, `gzip`, ...
        members: In the order of the archive, met once.
    """

    format: str
    members: Iterable[Member] = ()
    hazards: list[Hazard] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def warn(
        self, technique: Technique, detail: str, *, subject: str = "", offset: int | None = None
    ) -> None:
        """Add a hazard: the first of each technique and subject, and no more than a reading may hold."""
        subject = subject[:_MAX_TEXT]
        if any(item.technique is technique and item.subject == subject for item in self.hazards):
            return
        if len(self.hazards) >= _MAX_HAZARDS:
            last = self.hazards[-1]
            if not last.detail.endswith(_MORE):
                self.hazards[-1] = replace(last, detail=last.detail + _MORE)
            return
        self.hazards.append(Hazard(technique=technique, detail=detail, subject=subject, offset=offset))

    def miss(self, error: KeelmarkError, name: str = "") -> None:
        """Add the gap that an error stands for, and the hazard when it is a bomb."""
        if isinstance(error, BombError):
            self.warn(Technique.BOMB, f"`{name[:_MAX_TEXT]}`: {error.message}", subject=name)
        if len(self.gaps) < _MAX_GAPS:
            detail = f"{name[:_MAX_TEXT]}: {error.message}" if name else error.message
            self.gaps.append(Gap(path="", reason=reason_of(error), detail=detail))


_MORE = "; more of the kind were left out"


class Stream(Protocol):
    """A decompressor with the shape of those of the standard library."""

    @property
    def eof(self) -> bool:
        """Whether the end was met."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether more has to be handed in before more comes out."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What stands behind the end."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next bytes."""
        ...


class Container(Protocol):
    """Opens one family of archives.

    Like a reader it answers for any byte string and never writes to disk under a name. A module of
    `formats.archives` offers `CONTAINER` or `CONTAINERS`.
    """

    @property
    def name(self) -> str:
        """Name of the family, unique among containers."""
        ...

    def recognises(self, source: Source) -> bool:
        """Whether the file may be such an archive: by its bytes, wherever they stand; cheap."""
        ...

    def open(self, source: Source, budget: Budget) -> Opened:
        """List what is inside.

        Raises:
            ParseError: Damaged beyond listing.
            LimitExceededError: A bound was reached before anything could be listed.
        """
        ...

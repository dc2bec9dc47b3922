"""Words of the fingerprint register: what is kept of texts that a model made, and the ports to keep and find it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["EVERY_MARK", "Coverage", "FingerprintIndex", "FingerprintRegister", "Found", "MadeText", "Missed"]

EVERY_MARK = 2**63 - 1
"""The `top` of a text of which every mark was kept: no mark is larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeText:
    """One text that a model made, as the register keeps it: keyed marks, nothing of its words.

    Attributes:
        request: Id of the request that it answered.
        time: When that began.
        part: Number of the text within its answer.
        model: As callers name it.
        release: Id of the release under which it was made; "" without one.
        words: How many words it has.
        marks: Keyed marks, numbers below 2^63 in size.
        top: The largest mark that was kept; those above it were left out for the bound. `EVERY_MARK` when none was.
    """

    request: str
    time: datetime
    part: int
    model: str
    release: str
    words: int
    marks: tuple[int, ...]
    top: int = EVERY_MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One registered text with marks that were asked for.

    Attributes:
        text: As it is kept, `marks` being those that were asked for.
        worker: Whose register it stands in.
    """

    text: MadeText
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Texts that were made and not registered.

    Attributes:
        reason: `queue-full`, `not-written`, `too-long` (its end is missing).
        texts: How many.
        last: When that was last so.
    """

    reason: str
    texts: int
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a register can speak of.

    Attributes:
        texts: How many it holds.
        first: When the oldest was made; None when there is none.
        last: When the newest was made.
        missed: What was not registered.
        unread: Parts of the register that could not be read, and why: what stood there is not known.
    """

    texts: int = 0
    first: datetime | None = None
    last: datetime | None = None
    missed: tuple[Missed, ...] = ()
    unread: tuple[str, ...] = ()


class FingerprintRegister(Protocol):
    """Keeps marks of texts that models made; used by one thread."""

    def keep(self, texts: Sequence[MadeText]) -> None:
        """Keep some texts.

        Raises:
            StoreError: They could not be kept.
        """
        ...

    def miss(self, reason: str, texts: int, *, now: datetime) -> None:
        """Keep that some texts were not registered.

        Raises:
            StoreError: Not even that could be kept.
        """
        ...

    def close(self) -> None:
        """Release it."""
        ...


class FingerprintIndex(Protocol):
    """Finds registered texts by their marks."""

    def find(self, marks: Collection[int]) -> Iterable[Found]:
        """Texts that have some of the marks, those with most of them first, up to a bound."""
        ...

    @property
    def coverage(self) -> Coverage:
        """What it can speak of."""
        ...

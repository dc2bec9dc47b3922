"""A compressed member: its start without the rest, its content in bounds, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from keelmark.formats.archives.compression import Unpacked, first_bytes, unpack_with
from keelmark.formats.archives.container import Budget, Member, Opened, Stream, afresh

__all__ = ["Packed"]


@dataclass(slots=True, kw_only=True)
class Packed:
    """Compressed bytes that somebody may want to read.

    Attributes:
        name: Of the member.
        size: Bytes after unpacking as the archive states it; -1 when it does not say.
        data: The compressed bytes, and whatever follows them.
        make: Gives a fresh decompressor.
        budget: What may come out.
        opened: Where gaps and hazards go.
        joined: Compressor whose streams continue each other.
        check: Told what came out once all of it did.
    """

    name: str
    size: int
    data: memoryview
    make: Callable[[], Stream]
    budget: Budget
    opened: Opened
    joined: str = ""
    check: Callable[[Unpacked], None] | None = None
    _missed: bool = field(default=False, init=False)

    def member(self) -> Member:
        """The member."""
        return Member(name=self.name, size=self.size, start=self.start, load=self.load)

    def start(self, count: int) -> bytes:
        """The first bytes."""
        return first_bytes(self.data, self.make, count=count)

    def load(self) -> memoryview:
        """All bytes, or those before a fault, which is then a gap."""
        done = unpack_with(self.data, self.make, spend=self.budget.meter(), joined=self.joined)
        complete = len(done.content) == self.size >= 0
        if done.error is not None and not complete:
            if not len(done.content):
                raise afresh(done.error)
            if not self._missed:
                self._missed = True
                self.opened.miss(done.error, self.name)
        elif self.check is not None:
            self.check(done)
        return done.content

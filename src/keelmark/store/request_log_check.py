"""Checks a request log: every line hashed again, every segment in its place, and as far as each head speaks of.

What is found:

1. a byte that was changed, in a line, in the first line of a segment or in `HEAD`;
2. lines or segments that were removed, reordered, repeated or put in;
3. a tail that was cut off below `HEAD`, or below any head that was published: what `HEAD` speaks of was told to be durable;
4. a log that goes on otherwise than it did when a head was published.

A torn tail, which a kill or a loss of power leaves, is told apart: nobody was told that it is durable. Nothing is written and
no lock is taken; a log that is being written can be checked, as far as it went when the check began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.errors import ParseError, StoreError
from keelmark.store.log_check import Problem
from keelmark.store.request_chain import GENESIS, Mark, event_of, name_of, parse_header, verified
from keelmark.store.request_log_files import (
    MAX_TAIL_BYTES,
    heads_of,
    is_being_written,
    lines_of,
    segments_of,
    tail_problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from keelmark.core.request_log import ChainHead

__all__ = ["RequestCheck", "check_requests", "events_of"]

_ATTEMPTS = 5


@dataclass(slots=True, kw_only=True)
class RequestCheck:
    """What a check of one request log found.

    Attributes:
        worker: Name of its folder.
        log: Its own name, hexadecimal.
        lines: That verify.
        segments: That were read.
        chain: Hash of the last line that verifies, hexadecimal.
        published: Heads from the transparency log that it agrees with.
        torn: Bytes that broke off at the end and that nobody is writing now.
        problems: What does not hold.
        notes: What is worth knowing.
    """

    worker: str
    log: str = ""
    lines: int = 0
    segments: int = 0
    chain: str = ""
    published: int = 0
    torn: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, where: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(where=f"{self.worker}/{where}", message=message))


def check_requests(
    place: Path, *, published: Mapping[str, Sequence[ChainHead]] | None = None, first: int = 1
) -> RequestCheck:
    """Check the request log in a folder.

    Args:
        place: The folder.
        published: Heads from the transparency log, by name of the request log.
        first: Number of the first segment that must be there; those before were taken away on purpose.

    Raises:
        StoreError: There is no request log, or it cannot be read.
    """
    found = RequestCheck(worker=place.name)
    # Before the lines: what a writer adds meanwhile is not missed then.
    marks = _marks(place, found)
    numbers = segments_of(place)
    if not numbers and marks is None:
        raise StoreError(
            "there is no request log here", hint="keelmark serve makes it, in .keelmark/requests"
        )
    wanted = list(range(first, (numbers[-1] if numbers else first) + 1))
    for missing in sorted(set(wanted) - set(numbers))[:10]:
        found.add(name_of(missing), "is missing")
    if wanted and numbers and not any(each.message == "is missing" for each in found.problems):
        try:
            _Walk(place, found, marks or (), published or {}).run(wanted)
        except StoreError as error:
            found.add("log", error.message)
    if marks == () or (marks is None and found.lines > 1):
        found.add("HEAD", "is missing or damaged")
    return found


def events_of(place: Path) -> Iterator[bytes]:
    """The event of each line, unchecked but for its form; what is torn or damaged is passed over.

    Raises:
        StoreError: It cannot be read.
    """
    for number in segments_of(place):
        at = 0
        for line in lines_of(place, number):
            at += 1
            if at == 1:
                continue
            try:
                yield event_of(line)
            except ValueError:
                continue


def _marks(place: Path, found: RequestCheck) -> tuple[Mark, ...] | None:
    marks: tuple[Mark, ...] = ()
    for _ in range(_ATTEMPTS):  # Whoever writes may be writing a slot just now.
        try:
            read = heads_of(place)
        except StoreError as error:
            found.add("HEAD", error.message)
            return ()
        if read is None:
            return None
        marks, is_whole = read
        if is_whole:
            return marks
    if marks:
        found.add("HEAD", "is damaged in one of its two slots; opening the log to write makes it anew")
    return marks


class _Walk:
    """One pass over all lines, in order."""

    def __init__(
        self,
        place: Path,
        found: RequestCheck,
        marks: Sequence[Mark],
        published: Mapping[str, Sequence[ChainHead]],
    ) -> None:
        self._place, self._found, self._marks, self._published = place, found, marks, published
        self._chain, self._at = GENESIS, 0
        self._heads: list[tuple[int, bytes, str]] = []

    def run(self, numbers: Sequence[int]) -> None:
        """Walk all segments, then see whether a head speaks of more."""
        is_last = False
        for number in numbers:
            is_last = number == numbers[-1]
            if not self._segment(number, is_first=number == numbers[0], is_last=is_last):
                break
        found = self._found
        found.lines, found.chain = self._at, self._chain.hex()
        if found.problems:
            return
        for lines, _, name in self._heads:
            found.add(
                name_of(found.segments),
                f"is truncated: {name} speaks of {lines} lines, and {self._at} are there",
            )
            break

    def _segment(self, number: int, *, is_first: bool, is_last: bool) -> bool:
        source = lines_of(self._place, number)
        try:
            self._begin(next(source, b""), number, is_first=is_first)
        except (ParseError, StoreError) as error:
            self._found.add(name_of(number), error.message)
            return False
        self._found.segments = number
        chain, at = self._chain, self._at
        due = self._heads[0][0] if self._heads else 0
        tail = b""
        for line in source:
            following = verified(line, after=chain, number=at + 1)
            if following is None:
                tail = line + b"".join(_up_to(source, MAX_TAIL_BYTES))
                break
            chain, at = following, at + 1
            if at == due:
                self._chain, self._at = chain, at
                due = self._compared()
        self._chain, self._at = chain, at
        if tail:
            self._end(tail, number, is_last=is_last)
        return not self._found.problems

    def _begin(self, line: bytes, number: int, *, is_first: bool) -> None:
        header, at, chain = parse_header(line)
        if header.number != number:
            raise StoreError(f"is segment {header.number}: it was moved")
        if is_first:
            self._chain, self._at = bytes.fromhex(header.previous), at - 1
            self._found.log = header.log
            self._heads = self._expected(header.log)
            if number == 1 and (at != 1 or self._chain != GENESIS):
                raise StoreError("does not begin at the beginning")
        if (
            header.log != self._found.log
            or at != self._at + 1
            or bytes.fromhex(header.previous) != self._chain
        ):
            raise StoreError("does not follow the segment before it")
        self._chain, self._at = chain, at
        self._compared()

    def _expected(self, log: str) -> list[tuple[int, bytes, str]]:
        """Number, hash and name of each head that is due, in order."""
        heads = [(mark.lines, mark.chain, "HEAD") for mark in self._marks]
        for mark in self._marks:
            if mark.log != log:
                raise StoreError("is not the log that HEAD speaks of")
        heads.extend(
            (head.lines, bytes.fromhex(head.chain), "a published head")
            for head in self._published.get(log, ())
        )
        before = [head for head in heads if head[0] <= self._at]
        if before and self._at:
            self._found.notes.append(f"{len(before)} heads speak of segments that were taken away")
        return sorted(head for head in heads if head[0] > self._at)

    def _compared(self) -> int:
        """Compare all heads of this line with its hash; the number of the next one that is due."""
        heads = self._heads
        while heads and heads[0][0] <= self._at:
            _, chain, name = heads.pop(0)
            if chain != self._chain:
                self._found.add(
                    f"line {self._at}", f"has another hash than {name} says: the log was written anew"
                )
            elif name != "HEAD":
                self._found.published += 1
        return heads[0][0] if heads else 0

    def _end(self, tail: bytes, number: int, *, is_last: bool) -> None:
        """Judge what follows the last line that verifies."""
        found = self._found
        where = f"line {self._at + 1} of {name_of(number)}"
        is_told = bool(self._heads)  # a head speaks of lines that do not verify
        if not is_last:
            found.add(where, "was changed, or does not follow the line before it")
        elif problem := tail_problem(tail, lines=self._at):
            found.add(where, f"was changed, or does not follow the line before it ({problem})")
        elif is_told:
            found.add(
                where, f"was changed or cut off: {self._heads[0][2]} speaks of {self._heads[0][0]} lines"
            )
        elif not is_being_written(self._place):
            found.torn = len(tail)


def _up_to(source: Iterator[bytes], limit: int) -> Iterator[bytes]:
    length = 0
    for line in source:
        length += len(line)
        yield line
        if length > limit:
            return

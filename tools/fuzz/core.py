"""What targets of fuzzing share: places to cut bytes at, inputs that are made of others, and one event loop."""

from __future__ import annotations

import asyncio
import atexit
import random
import zlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

__all__ = ["BrokenPromiseError", "in_loop", "mutated", "pieces", "promise"]

Got = TypeVar("Got")
_MAX_BYTES = 8192
_MAX_PIECES = 24
_INTERESTING = (0, 1, 9, 10, 13, 32, 34, 44, 46, 47, 48, 57, 58, 91, 92, 93, 123, 125, 127, 128, 255)
_runners: list[asyncio.Runner] = []


class BrokenPromiseError(AssertionError):
    """The code did not do what it promises."""


def promise(holds: object, words: str, *shown: object) -> None:
    """Something that must hold.

    Raises:
        BrokenPromiseError: It does not.
    """
    if not holds:
        raise BrokenPromiseError(f"{words}: {', '.join(map(repr, shown))}")


def in_loop(work: Coroutine[object, object, Got]) -> Got:
    """Run something in the one event loop of this process: a new one for each input would take most of the time."""
    if not _runners:
        _runners.append(asyncio.Runner())
        atexit.register(_runners[0].close)
    return _runners[0].run(work)


def pieces(data: bytes) -> list[bytes]:
    """The same bytes in several parts, cut at places that depend on them alone."""
    chance = random.Random(zlib.crc32(data))  # noqa: S311 - repeatable on purpose
    if len(data) < _MAX_PIECES * 4 and chance.random() < 0.5:
        return [data[at : at + 1] for at in range(len(data))]
    count = chance.randint(1, _MAX_PIECES)
    at = sorted({chance.randint(0, len(data)) for _ in range(count)})
    return [data[begin:end] for begin, end in zip([0, *at], [*at, len(data)], strict=True)]


def mutated(chance: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """An input made of others: bytes changed, taken out, doubled, put in, and parts of two joined."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 9))):
        act = chance.randrange(9)
        at = chance.randint(0, len(data))
        length = chance.choice((1, 1, 2, 3, 8, 40))
        if act == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif act == 1 and at < len(data):
            data[at] = chance.choice(_INTERESTING)
        elif act == 2:
            del data[at : at + length]
        elif act == 3:
            data[at:at] = data[at : at + length * chance.choice((1, 1, 20))]
        elif act in {4, 5} and words:
            data[at:at] = chance.choice(words)
        elif act == 6:
            begin = chance.randint(0, len(data))
            data[at:at] = data[begin : begin + length * 4]
        elif act == 7:
            other = chance.choice(seeds)
            data[at:] = other[chance.randint(0, len(other)) :]
        else:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        del data[_MAX_BYTES:]
    return bytes(data)

from array import array
from typing import Final

VERSION: Final[int]

class Walk:
    def __init__(
        self, written: bytes, effects: bytes, position: int, memo: int, min_bytes: int, max_places: int, /
    ) -> None: ...
    @property
    def position(self) -> int: ...
    def run(self, view: memoryview, budget: int, /) -> bool: ...
    def result(self) -> tuple[int, int, int, int, int, int, bytes, bytes, bytes]: ...

def recalls(
    written: bytes, effects: bytes, data: memoryview, position: int, stop: int, keys: array[int], /
) -> tuple[int, bool]: ...
def writes(
    written: bytes,
    effects: bytes,
    view: memoryview,
    position: int,
    stop: int,
    limit: int,
    every: int,
    count: int,
    /,
) -> tuple[int, int, bytes]: ...
def offset(inner: memoryview, outer: memoryview, /) -> int: ...

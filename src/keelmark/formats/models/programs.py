"""Programs at one place of a view: told by more than their first letters, so that numbers are not taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.formats.cursor import find

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["host_library", "program_at", "programs_in"]

_ELF = b"\x7fELF"
_CUDA, _AMDGPU = 190, 224
_MIN_ELF = 52
_MACH = frozenset({b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"})
_MACH_TYPES = frozenset({0x01000007, 0x0100000C, 7, 12})
_WASM = b"\x00asm\x01\x00\x00\x00"
# Programs for several systems at once, which begin as a shell script and as a program for Windows.
_PORTABLE = (b"MZqFpD='", b"jartsr='")
_MAX_FOUND = 4096


def program_at(data: memoryview) -> str:
    """Which kind of program starts here, "" when none does."""
    start = bytes(data[:64])
    if start.startswith(_ELF):
        return "ELF" if _machine(start) is not None else ""
    if start.startswith(_PORTABLE):
        return "portable"
    if start.startswith(b"MZ") and len(start) == 64:
        at = int.from_bytes(start[60:64], "little")
        return "Windows" if 64 <= at < 4096 and bytes(data[at : at + 4]) == b"PE\x00\x00" else ""
    if start[:4] in _MACH and int.from_bytes(start[4:8], "little") in _MACH_TYPES:
        return "Mach-O"
    return "WebAssembly" if start.startswith(_WASM) else ""


def _machine(start: bytes) -> int | None:
    """The machine that an ELF head is for; None when it is no such head."""
    if len(start) < _MIN_ELF or start[4] not in {1, 2} or start[5] not in {1, 2} or start[6] != 1:
        return None
    return int.from_bytes(start[18:20], "little" if start[5] == 1 else "big")


def host_library(data: memoryview) -> str:
    """Which kind of program for a processor starts here; code for graphics cards is none."""
    kind = program_at(data)
    return "" if kind == "ELF" and _machine(bytes(data[:64])) in {_CUDA, _AMDGPU} else kind


def programs_in(data: memoryview, *, stop: int) -> Iterator[tuple[int, str]]:
    """Places of ELF programs for a processor among the first `stop` bytes, with what they are."""
    at = find(data, _ELF, stop=stop)
    for _ in range(_MAX_FOUND):
        if at < 0:
            return
        kind = host_library(data[at : at + 64])
        if kind:
            yield at, kind
        at = find(data, _ELF, start=at + 4, stop=stop)

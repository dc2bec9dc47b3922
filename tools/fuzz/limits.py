"""Limits of one process: whatever is reserved, settled and cancelled when, no window admits more than its amount, and nothing is left.

Each byte of an input is a step: the upper bits say what, the lower ones how much.
"""

from __future__ import annotations

from collections import deque

from tools.fuzz.core import promise

from keelmark.deployment.protection.counters import SLOTS
from keelmark.deployment.protection.limits import (
    LimitRule,
    Limits,
    LimitSettings,
    Measure,
    Refused,
    Reservation,
    Subject,
)

__all__ = ["SEEDS", "WORDS", "one"]

_AMOUNT, _PLACES, _WINDOW_S = 20, 3, 10
_SETTINGS = LimitSettings(
    rules=(
        LimitRule(subject=Subject.KEY, measure=Measure.TOKENS, amount=_AMOUNT, window_s=_WINDOW_S),
        LimitRule(subject=Subject.KEY, measure=Measure.PLACES, amount=_PLACES),
        LimitRule(subject=Subject.ALL, measure=Measure.REQUESTS, amount=12, window_s=_WINDOW_S),
    ),
    max_counters=12,
)
_NS = 1_000_000_000

SEEDS = (
    bytes((0x05, 0x05, 0x05, 0x05, 0x05, 0x41, 0x83, 0xC4, 0x05)),
    bytes(range(256)),
    bytes((0x1F, 0x9F) * 30),
    b"\x01\x40" * 60,
)
WORDS = (b"\x05\x05\x05", b"\x41", b"\x81", b"\xc9", b"\xdf" * 4)


class _Clock:
    """Time that steps."""

    now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def one(data: bytes) -> None:
    """One history."""
    clock = _Clock()
    limits = Limits(_SETTINGS, now_ns=clock)
    held: deque[Reservation] = deque()
    # What was admitted, by caller: the moment, tokens that were reserved or settled, and whether it is under way.
    admitted: dict[str, list[list[int]]] = {}
    known: dict[int, list[int]] = {}
    for step in data:
        act, amount = step >> 6, step & 0x3F
        if act == 0:
            name = f"k{amount >> 4}"
            tokens = amount & 0xF
            found = limits.reserve(((name,), ("",), ("m",), (), ("all",)), (1, tokens, 0, 1))
            if isinstance(found, Refused):
                promise(found.retry_after_s >= -1, "a time that is none", found)
            else:
                entry = [clock.now_ns, tokens, 1]
                admitted.setdefault(name, []).append(entry)
                busy = sum(each[2] for each in admitted[name])
                promise(busy <= _PLACES, "more are under way than there are places", name, busy)
                known[id(found)] = entry
                held.append(found)
        elif act == 3:
            clock.now_ns += amount * _NS // 8
        elif held:
            reservation = held.popleft() if amount & 1 else held.pop()
            entry = known.pop(id(reservation))
            entry[2] = 0
            if act == 1:
                entry[1] = min(entry[1], amount >> 2)
                reservation.settle(tokens=entry[1])
            else:
                entry[1] = 0
                reservation.cancel()
        _check(admitted, clock.now_ns)
    for reservation in held:
        reservation.settle(tokens=0)
        reservation.cancel()  # Once is enough; a second time does nothing.
    clock.now_ns += 2 * (_WINDOW_S + 1) * _NS
    for rule, name, used in limits.used():
        promise(used == 0, "something is left", rule, name, used)


def _check(admitted: dict[str, list[list[int]]], now_ns: int) -> None:
    for name, entries in admitted.items():
        recent = sum(tokens for at, tokens, _ in entries if now_ns - at < _WINDOW_S * _NS)
        promise(recent <= _AMOUNT, "more is admitted in a window than its amount", name, recent)
        # Far behind the window nothing counts any more.
        entries[:] = [
            each for each in entries if each[2] or now_ns - each[0] < (1 + 2 / SLOTS) * _WINDOW_S * _NS
        ]

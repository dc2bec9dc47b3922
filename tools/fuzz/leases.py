"""What the server of shared limits answers: an answer to what was asked, in whole numbers, or an error; nothing else."""

from __future__ import annotations

import json
from typing import Any

from tools.fuzz.core import promise

from keelmark.core.leases import LeaseCounter, LeaseTrip
from keelmark.errors import StoreError
from keelmark.store.leases_redis import answer_of

__all__ = ["SEEDS", "WORDS", "one"]

_TRIP = LeaseTrip(
    worker="w",
    number=1,
    share=100,
    counters=(
        LeaseCounter(key="a", is_places=False, amount=10),
        LeaseCounter(key="b", is_places=True, amount=5, life_ms=1000),
    ),
    asks=(((0, 1), (1, 1)), ((0, 5),)),
)
_MOST = 2**53

SEEDS = (
    b"[[[0,0],[1,-1]],[[7,3,4],[0,0,5]]]",
    b"[[[2,50],[0,0]],[[7,0,10],[0,2,3]]]",
    b"[[[0,0]],[[7,3,4],[0,0,5]]]",
    b"[[],[]]", b"[]", b"{}", b"null", b"5", b'"OK"', b'[["ab","cd"],["abc","def"]]', b"[[[0.5,0],[0,0]],[[7,3,4],[0,0,5]]]",
    b'[{"0":1,"1":2},{"a":1}]', b"[[[99,0],[0,0]],[[7,-3,4],[0,0,5]]]",
)  # fmt: skip
WORDS = (
    b"[",
    b"]",
    b",",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e9",
    b"4503599627370497",
    b"99999999999999999999",
    b'"a"',
    b"{}",
    b"[0,0],",
    b"[0,0,0],",
    b"0.5",
    b"-5",
)


def one(data: bytes) -> None:
    """One answer, as the client of the server decodes it; texts are bytes there."""
    try:
        found = _as_client(json.loads(data.decode("utf-8")))
    except (ValueError, RecursionError):
        found = data
    try:
        answer = answer_of(found, _TRIP)
    except StoreError:
        return
    promise(len(answer.verdicts) == len(_TRIP.asks), "asks without a verdict", data)
    promise(len(answer.grants) == len(_TRIP.counters), "counters without a grant", data)
    for verdict in answer.verdicts:
        promise(
            type(verdict.short) is int and type(verdict.wait_ms) is int, "no whole numbers", data, verdict
        )
        promise(-1 <= verdict.short < len(_TRIP.counters), "short of something else", data, verdict)
        promise(-1 <= verdict.wait_ms <= _MOST, "a time that is none", data, verdict)
    for grant in answer.grants:
        numbers = (grant.slot, grant.extra, grant.used)
        promise({type(each) for each in numbers} == {int}, "no whole numbers", data, grant)
        promise(
            all(-_MOST <= each <= _MOST for each in numbers) and grant.extra >= 0,
            "an amount that is none",
            data,
            grant,
        )


def _as_client(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, list):
        return [_as_client(each) for each in value]
    return (
        {name.encode("utf-8", "replace"): _as_client(each) for name, each in value.items()}
        if isinstance(value, dict)
        else value
    )

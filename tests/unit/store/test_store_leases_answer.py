"""What a server of shared limits answers is taken in one form only."""

import pytest

from keelmark.core.leases import LeaseAnswer, LeaseCounter, LeaseGrant, LeaseTrip, LeaseVerdict
from keelmark.errors import StoreError
from keelmark.store.leases_redis import answer_of

TRIP = LeaseTrip(
    worker="w",
    number=1,
    share=100,
    counters=(LeaseCounter(key="a", is_places=False, amount=10),),
    asks=(((0, 1),),),
)


def test_an_answer_to_the_trip_is_read() -> None:
    assert answer_of([[[1, -1]], [[7, 3, -4]]], TRIP) == LeaseAnswer(
        verdicts=(LeaseVerdict(short=0, wait_ms=-1),), grants=(LeaseGrant(slot=7, extra=3, used=-4),)
    )


@pytest.mark.parametrize(
    "found",
    [
        {},
        {0: [[0, 0]], 1: [[7, 3, 4]]},
        None,
        b"OK",
        [],
        [[], []],
        [[[0, 0]], [[7, 3, 4]], []],
        [[b"ab"], [b"abc"]],
        [[[0.5, 0]], [[7, 3, 4]]],
        [[[True, 0]], [[7, 3, 4]]],
        [[[2, 0]], [[7, 3, 4]]],
        [[[-1, 0]], [[7, 3, 4]]],
        [[[0, -2]], [[7, 3, 4]]],
        [[[0, 0]], [[7, -3, 4]]],
        [[[0, 0]], [[7, 2**60, 4]]],
        [[[0, 0]], [[7, None, 4]]],
    ],
)
def test_anything_else_is_an_error_of_the_store(found: object) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        answer_of(found, TRIP)

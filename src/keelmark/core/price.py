"""What tokens cost, in whole millionths of the currency."""

from __future__ import annotations

__all__ = ["FREE", "Price", "cost_of"]

_MILLION = 1_000_000
Price = tuple[int, int]
"""Of a million tokens going in, and coming out, in millionths of the currency."""
FREE: Price = (0, 0)


def cost_of(price: Price, going_in: int, coming_out: int) -> int:
    """In millionths of the currency, rounded up: the sum of what was counted is never less than what was spent."""
    return -(-(price[0] * going_in + price[1] * coming_out) // _MILLION)

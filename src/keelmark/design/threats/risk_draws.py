"""The random numbers of a simulation, drawn once, so that what differs between two runs is what was changed and nothing else.

Each estimate has its own stream, seeded by the seed of the simulation and the estimate's own name. A year of an estimate holds
three numbers that never change: how frequent loss events are within the range, how many of them come, and where in the pool of
losses the year begins. Everything that follows grows with frequency and loss, number by number, so more of either never gives
a smaller loss at any percentile: this is exact and not true only on average.

- The frequency of a year is `exp(mu + sigma z)` of a lognormal distribution fitted to the 5th and 95th percentile.
- The count of events is the inverse of the Poisson distribution at a fixed probability, which grows with the frequency.
- The loss of a year is a run of that many entries of a pool of lognormal losses. Sums come from running totals of the pool, so
  a million events cost no more than one.
"""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from keelmark.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from numpy.random import Generator as Stream
    from numpy.typing import NDArray

    from keelmark.core.threat_model import Range

    Numbers = NDArray[np.float64]

__all__ = ["Draws", "at_percentile", "fit", "is_above", "load_numpy"]

MAX_EVENTS = 1e9
"""Events in a year that are told apart; more count as this many."""
MAX_MONEY = 1e30
MAX_RATIO = 1e9
"""A range that is wider than this says nothing."""
POOL = 65_536

_Z95 = NormalDist().inv_cdf(0.95)
_SMALL = 32.0  # below, counts are exact; above, the normal distribution is near enough
_DIGITS = 12


def fit(bounds: Range, *, what: str) -> tuple[float, float]:
    """Median and sigma of the lognormal distribution with these 5th and 95th percentiles.

    Raises:
        ConfigurationError: The ends are not positive numbers in order, or too far apart.
    """
    low, high = bounds.low, bounds.high
    if not (math.isfinite(low) and math.isfinite(high) and 0 < low <= high):
        raise ConfigurationError(
            f"{what}: a 90 % range goes from a number above 0 to one that is not smaller",
            hint="for what may never happen, give a small number: 0.001 is once in a thousand years",
        )
    ratio = float(f"{high / low:.{_DIGITS}g}")
    if ratio > MAX_RATIO:
        raise ConfigurationError(f"{what}: the ends of the range are a factor of {ratio:.0e} apart")
    return math.sqrt(low) * math.sqrt(high), math.log(ratio) / (2 * _Z95)


def at_percentile(values: Numbers, percentile: float) -> float:
    """The smallest of these sorted values that at least this share of them does not exceed."""
    return float(values[_index(values, percentile)])


def is_above(values: Numbers, percentile: float, limit: float) -> bool:
    """Whether the value at the percentile is larger than a limit; they need not be sorted."""
    return int((values <= limit).sum()) <= _index(values, percentile)


def _index(values: Numbers, percentile: float) -> int:
    return min(max(math.ceil(percentile / 100 * len(values)) - 1, 0), len(values) - 1)


class Draws:
    """The numbers of one estimate, for a count of years.

    Args:
        name: Of the estimate; the stream depends on it and on the seed alone.
        frequency: Loss events in a year.
        loss: Money lost in one event.

    Raises:
        ConfigurationError: A range is none.
        UsageError: numpy is not installed.
    """

    def __init__(self, name: str, *, frequency: Range, loss: Range, years: int, seed: int) -> None:
        numpy = load_numpy()
        stream = _stream(name, seed)
        often, spread = fit(frequency, what=f"frequency of `{name}`")
        self._median, sigma = fit(loss, what=f"loss of `{name}`")
        self._numpy = numpy
        self._rates: Numbers = often * numpy.exp(spread * stream.standard_normal(years))
        self._count_at: Numbers = stream.random(years)
        self._starts = stream.integers(0, POOL, years)
        pool = numpy.exp(sigma * stream.standard_normal(POOL))
        # Running totals over the pool twice: a run that passes its end goes on from its beginning.
        self._totals: Numbers = numpy.concatenate(([0.0], numpy.cumsum(numpy.concatenate((pool, pool)))))
        self._whole = float(self._totals[POOL])
        self._kept: tuple[float, Numbers] | None = None
        self._scores: tuple[Numbers, Numbers] | None = None

    def losses(self, *, frequency: float, loss: float) -> Numbers:
        """The loss of each year, with frequency and loss times these factors. Grows with both, year by year."""
        kept = self._kept
        if kept is None or kept[0] != frequency:
            kept = (frequency, self._sums(self._counts(self._rates * frequency)))
            self._kept = kept
        money: Numbers = self._numpy.minimum(kept[1] * (self._median * loss), MAX_MONEY)
        return money

    def _counts(self, rates: Numbers) -> Numbers:
        numpy = self._numpy
        counts: Numbers = numpy.zeros(len(rates))
        small = numpy.flatnonzero(rates <= _SMALL)
        counts[small] = self._small_counts(rates[small], self._count_at[small])
        large = numpy.flatnonzero(rates > _SMALL)
        if large.size:
            score, least = self._beyond()
            rate, score = numpy.minimum(rates[large], MAX_EVENTS), score[large]
            near = numpy.floor(rate + score * numpy.sqrt(rate) + (score * score - 1) / 6 + 0.5)
            # INVARIANT: never fewer than at a smaller rate.
            counts[large] = numpy.maximum(near, least[large])
        return counts

    def _beyond(self) -> tuple[Numbers, Numbers]:
        """What frequent events need, found once: the normal score of each year, and its count where exact counting ends."""
        if self._scores is None:
            numpy = self._numpy
            inverse = NormalDist().inv_cdf
            edge = 1e-12
            scores: Numbers = numpy.array(
                [inverse(min(max(p, edge), 1 - edge)) for p in self._count_at.tolist()]
            )
            least = self._small_counts(numpy.full(len(scores), _SMALL), self._count_at)
            self._scores = (scores, least)
        return self._scores

    def _small_counts(self, rates: Numbers, probability: Numbers) -> Numbers:
        """The inverse of the Poisson distribution, by adding up its terms until each year's probability is reached."""
        numpy = self._numpy
        counts: Numbers = numpy.zeros(len(rates))
        open_years = numpy.arange(len(rates))
        term = numpy.exp(-rates)
        total = term.copy()
        for count in range(1, 200):
            reached = total >= probability[open_years]
            counts[open_years[reached]] = count - 1
            left = ~reached
            open_years, total = open_years[left], total[left]
            if not open_years.size:
                return counts
            term = term[left] * rates[open_years] / count
            total = total + term
        counts[open_years] = 199
        return counts

    def _sums(self, counts: Numbers) -> Numbers:
        numpy = self._numpy
        rounds, rest = numpy.divmod(counts, POOL)
        # INVARIANT: one event more is never less, so a run that rounding made larger than the pool is cut.
        run = self._totals[self._starts + rest.astype(numpy.int64)] - self._totals[self._starts]
        sums: Numbers = rounds * self._whole + numpy.minimum(run, self._whole)
        return sums


def _stream(name: str, seed: int) -> Stream:
    """The random numbers of one name: the same ones wherever and whenever they are drawn."""
    # Optional, see `load_numpy`.
    from numpy.random import PCG64, Generator, SeedSequence  # noqa: PLC0415

    words = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")
    return Generator(PCG64(SeedSequence([seed, words])))


def load_numpy() -> ModuleType:
    """The numpy package, which the simulation alone needs.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import numpy  # noqa: PLC0415, ICN001 - optional: only people who want figures need it
    except ModuleNotFoundError as error:
        raise UsageError(
            "risk in numbers needs numpy, which is not installed", hint='pip install "keelmark[risk]"'
        ) from error
    return numpy

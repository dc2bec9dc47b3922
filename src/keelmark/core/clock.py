"""The one place that reads the time of day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

__all__ = ["Clock", "FixedClock", "SystemClock"]


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The current moment of the machine, in UTC."""
        return datetime.now(tz=UTC)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still: for tests and for assessments as of a given day."""

    moment: datetime

    @classmethod
    def on(cls, day: date) -> FixedClock:
        """A clock that stands at noon UTC of `day`."""
        return cls(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))

    def now(self) -> datetime:
        """The moment this clock stands at."""
        return self.moment

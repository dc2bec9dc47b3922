"""Days as people write them on the command line."""

from __future__ import annotations

from datetime import date

from keelmark.errors import UsageError

__all__ = ["day_of"]


def day_of(text: str | None) -> date | None:
    """The day that an option names; None when it was not given.

    Raises:
        UsageError: It is no day.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"`{text}` is no day", hint="write it like 2026-01-31") from None

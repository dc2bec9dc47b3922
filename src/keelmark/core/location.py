"""Where something stands in the assessed folder."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Location"]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Location:
    """A place in a file of the assessed folder.

    Attributes:
        path: POSIX path relative to the assessed folder.
        line: Line, counted from 1; 0 when the whole file is meant.
        column: Column, counted from 1; 0 when not known.
        part: The cell of a notebook or the member of an archive, if the place is inside one.
        anchor: The text of the place with white space folded; fingerprints rest on it, not on the line number.
    """

    path: str
    line: int = 0
    column: int = 0
    part: str = ""
    anchor: str = ""

    def __str__(self) -> str:
        """`path:line`, the form that terminals and editors understand."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place} ({self.part})" if self.part else place

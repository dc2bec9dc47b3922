"""Hazards of one reading, gathered in bounds; and whether a name that a file gives leads out of its folder."""

from __future__ import annotations

from dataclasses import replace

import re2

from keelmark.core.facts import Hazard, Technique

__all__ = ["HazardList", "announced", "way_out"]

_MAX_HAZARDS = 100
_MAX_TEXT = 200
_MIN_ABSURD = 1024**3
_ABSURD_RATIO = 100
_ADDRESS = re2.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.*")


class HazardList:
    """Hazards in the order in which they were met: the first of each technique and subject, at most `limit`.

    Args:
        limit: How many are kept.
    """

    def __init__(self, *, limit: int = _MAX_HAZARDS) -> None:
        self._limit = limit
        self._kept: dict[tuple[Technique, str, str], Hazard] = {}
        self._left_out = 0

    def add(
        self,
        technique: Technique,
        detail: str,
        *,
        subject: str = "",
        member: str = "",
        offset: int | None = None,
        code: str = "",
    ) -> None:
        """Keep one hazard; foreign text in it is cut."""
        key = (technique, subject[:_MAX_TEXT], member)
        if key in self._kept:
            return
        if len(self._kept) >= self._limit:
            self._left_out += 1
            return
        self._kept[key] = Hazard(
            technique=technique,
            detail=detail[: 3 * _MAX_TEXT],
            subject=key[1],
            member=member,
            offset=offset,
            code=code[:_MAX_TEXT],
        )

    def __bool__(self) -> bool:
        """Whether any was met."""
        return bool(self._kept)

    def close(self) -> tuple[Hazard, ...]:
        """What was kept; the last one says how many more there were."""
        found = list(self._kept.values())
        if self._left_out:
            detail = f"{found[-1].detail} ({self._left_out} more were left out)"
            found[-1] = replace(found[-1], detail=detail)
        return tuple(found)


def announced(count: int, what: str, size: int, found: HazardList) -> None:
    """Add that a header announces more than the file could be a part of; a download cut short is another matter."""
    if count > _MIN_ABSURD and count > _ABSURD_RATIO * size:
        detail = (
            f"the header announces {count} {what} in a file of {size} bytes, for which its reader makes room"
        )
        found.add(Technique.CONTRADICTORY_HEADER, detail, subject=what)


def way_out(path: str) -> str:
    """How a name that a file gives leads out of the folder of that file, as a short phrase; "" when it does not."""
    normal = path.replace("\\", "/")
    if "\x00" in path:
        return "hides its end behind a zero byte"
    if _ADDRESS.fullmatch(path) is not None:
        return "is an address"
    if normal.startswith("/") or normal[1:2] == ":":
        return "is absolute"
    if normal.startswith("~"):
        return "leads to a home folder"
    if ".." in normal.split("/"):
        return "climbs out of the folder"
    return ""

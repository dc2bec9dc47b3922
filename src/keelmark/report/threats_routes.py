"""The lines of a data-flow diagram: each flow has a place of its own at both boxes, and runs between the rows, not behind boxes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.report.threats_layout import BOX, GAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.system_model import Link
    from keelmark.report.threats_layout import Box, Layout

__all__ = ["Route", "routes"]

_LOOP = 30
_LABEL_RISE = 4
_SHIFTS = (0, 4, -4, 8, -8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The path of a flow in the notation of SVG, and where its label stands."""

    path: str
    label: tuple[int, int]


def routes(links: Sequence[Link], layout: Layout) -> list[Route]:
    """The route of each flow, in the order of the flows."""
    levels = _Levels(layout)
    return [
        _route(levels, (layout.boxes[link.source], layout.boxes[link.target]), heights)
        for link, heights in zip(links, _ports(links, layout), strict=True)
    ]


class _Levels:
    """The air between rows, in which flows run that pass other columns; each a little apart from the one before."""

    def __init__(self, layout: Layout) -> None:
        tops = {box.y for box in layout.boxes.values()}
        self._levels = sorted(
            {top - GAP[1] // 2 for top in tops} | {top + BOX[1] + GAP[1] // 2 for top in tops}
        )
        self._used: Counter[int] = Counter()

    def take(self, wanted: int) -> int:
        """The free height nearest to the wanted one."""
        level = min(self._levels, key=lambda each: (abs(each - wanted), each))
        shift = _SHIFTS[self._used[level] % len(_SHIFTS)]
        self._used[level] += 1
        return level + shift


def _ports(links: Sequence[Link], layout: Layout) -> list[tuple[int, int]]:
    """The height at which each flow leaves and arrives: those of one side of a box share it evenly, in the order of the far ends."""
    sides: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for index, link in enumerate(links):
        start, end = layout.boxes[link.source], layout.boxes[link.target]
        leaves, arrives = _sides(start, end)
        sides[link.source, leaves].append((end.y, index, 0))
        sides[link.target, arrives].append((start.y, index, 1))
    heights: list[list[int]] = [[0, 0] for _ in links]
    for (element, _), members in sides.items():
        top = layout.boxes[element].y
        for place, (_, index, is_arrival) in enumerate(sorted(members), start=1):
            heights[index][is_arrival] = top + place * BOX[1] // (len(members) + 1)
    return [(leaving, arriving) for leaving, arriving in heights]


def _sides(start: Box, end: Box) -> tuple[str, str]:
    if start.x == end.x:
        return "left", "left"
    return ("right", "left") if start.x < end.x else ("left", "right")


def _route(levels: _Levels, ends: tuple[Box, Box], heights: tuple[int, int]) -> Route:
    (start, end), (y1, y2) = ends, heights
    if start.id == end.id:
        x, y = start.x + BOX[0] // 2, start.y
        loop = f"M{x - 20} {y}C{x - _LOOP} {y - _LOOP} {x + _LOOP} {y - _LOOP} {x + 20} {y}"
        return Route(path=loop, label=(x, y - _LOOP + _LABEL_RISE))
    if start.x == end.x:
        bend = start.x - GAP[0] // 2
        path = f"M{start.x} {y1}C{bend} {y1} {bend} {y2} {end.x} {y2}"
        return Route(path=path, label=(bend, (y1 + y2) // 2))
    ahead = 1 if start.x < end.x else -1
    x1, x2 = (start.x + BOX[0], end.x) if ahead > 0 else (start.x, end.x + BOX[0])
    if abs(x2 - x1) <= GAP[0]:
        reach = ahead * GAP[0] // 2
        path = f"M{x1} {y1}C{x1 + reach} {y1} {x2 - reach} {y2} {x2} {y2}"
        return Route(path=path, label=((x1 + x2) // 2, (y1 + y2) // 2 - _LABEL_RISE))
    # It passes other columns: through the air between two rows.
    level = levels.take((y1 + y2) // 2)
    turn = ahead * (GAP[0] - 16)
    path = (
        f"M{x1} {y1}C{x1 + turn // 2} {y1} {x1 + turn // 2} {level} {x1 + turn} {level}"
        f"H{x2 - turn}C{x2 - turn // 2} {level} {x2 - turn // 2} {y2} {x2} {y2}"
    )
    return Route(path=path, label=((x1 + x2) // 2, level - _LABEL_RISE))

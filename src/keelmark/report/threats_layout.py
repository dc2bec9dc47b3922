"""Places for the boxes of a data-flow diagram: columns follow the flows, lanes are the trust boundaries.

A layered layout after Sugiyama, Tagawa and Toda (1981), cut to what such diagrams need: flows that close a circle are turned
round, each element stands one column behind its farthest source, and within a lane the elements of a column are ordered by
the mean of their neighbours, which keeps lines from crossing. The same system always gives the same picture.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keelmark.core.system_model import Link, SystemModel

__all__ = ["BOX", "GAP", "Box", "Lane", "Layout", "lay_out"]

BOX = (168, 46)
"""Width and height of a box in pixels."""
GAP = (92, 26)
"""Air between columns, and between boxes of a column."""
_MARGIN, _LANE_HEAD, _LANE_GAP = 24, 26, 18
_ROUNDS = 8
_MAX_ROWS = 6  # of one lane and column; more stand side by side


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Where an element stands; x and y of its upper left corner."""

    id: str
    x: int
    y: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Where a trust boundary runs; "" for what lies outside of all."""

    id: str
    y: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The whole picture, in pixels."""

    width: int
    height: int
    boxes: dict[str, Box]
    lanes: tuple[Lane, ...]


def lay_out(model: SystemModel) -> Layout:
    """Where everything of a system stands."""
    ids = [element.id for element in model.elements]
    ranks = _ranks(ids, model.links)
    cells: dict[tuple[str, int], list[str]] = defaultdict(list)
    for element in model.elements:
        cells[element.boundary, ranks[element.id]].append(element.id)
    _order(cells, model.links)
    return _placed(cells, _top_down(model))


def _top_down(model: SystemModel) -> list[str]:
    """The lanes that have an element: the outside, boundaries as they are declared, then those that nobody declares."""
    used = {element.boundary for element in model.elements}
    return [
        lane
        for lane in dict.fromkeys(("", *(each.id for each in model.boundaries), *sorted(used)))
        if lane in used
    ]


def _ranks(ids: Sequence[str], links: Iterable[Link]) -> dict[str, int]:
    """The column of each element: one behind its farthest source; links that close a circle do not count."""
    ahead = _without_circles(ids, links)
    sources: dict[str, int] = dict.fromkeys(ids, 0)
    for targets in ahead.values():
        for target in targets:
            sources[target] += 1
    ranks = dict.fromkeys(ids, 0)
    ready = [each for each in ids if not sources[each]]
    while ready:
        element = ready.pop(0)
        for target in ahead[element]:
            ranks[target] = max(ranks[target], ranks[element] + 1)
            sources[target] -= 1
            if not sources[target]:
                ready.append(target)
    return ranks


def _without_circles(ids: Sequence[str], links: Iterable[Link]) -> dict[str, list[str]]:
    """Targets of each element; found depth first, a link back to an element on the way is left out."""
    targets: dict[str, list[str]] = {each: [] for each in ids}
    for link in links:
        if link.source != link.target and link.target not in targets[link.source]:
            targets[link.source].append(link.target)
    kept: dict[str, list[str]] = {each: [] for each in ids}
    done: set[str] = set()
    for start in ids:
        on_way: dict[str, int] = {}
        stack = [] if start in done else [start]
        while stack:
            element = stack[-1]
            index = on_way.setdefault(element, 0)
            if index == len(targets[element]):
                stack.pop()
                done.add(element)
                del on_way[element]
                continue
            on_way[element] = index + 1
            target = targets[element][index]
            if target in on_way:
                continue
            kept[element].append(target)
            if target not in done:
                stack.append(target)
    return kept


def _order(cells: dict[tuple[str, int], list[str]], links: Sequence[Link]) -> None:
    """Order the boxes of each cell by the mean place of what they are joined to."""
    joined: dict[str, list[str]] = defaultdict(list)
    for link in links:
        joined[link.source].append(link.target)
        joined[link.target].append(link.source)
    for _ in range(_ROUNDS):
        place = {each: index for members in cells.values() for index, each in enumerate(members)}
        for members in cells.values():
            before = {each: index for index, each in enumerate(members)}
            members.sort(
                key=lambda each: (_mean([place[other] for other in joined[each]], before[each]), before[each])
            )


def _mean(places: list[int], otherwise: int) -> float:
    return sum(places) / len(places) if places else float(otherwise)


def _placed(cells: dict[tuple[str, int], list[str]], lanes: Sequence[str]) -> Layout:
    columns = sorted({rank for _, rank in cells})
    # A cell that is too tall takes more than one column of boxes.
    widths = {
        rank: max(-(-len(cells[lane, rank]) // _MAX_ROWS) for lane in lanes if (lane, rank) in cells)
        for rank in columns
    }
    starts: dict[int, int] = {}
    x = _MARGIN
    for rank in columns:
        starts[rank] = x
        x += widths[rank] * (BOX[0] + GAP[0])
    width = x - GAP[0] + _MARGIN
    boxes: dict[str, Box] = {}
    placed: list[Lane] = []
    y = _MARGIN
    for lane in lanes:
        rows = max(min(len(cells[lane, rank]), _MAX_ROWS) for rank in columns if (lane, rank) in cells)
        height = _LANE_HEAD + rows * (BOX[1] + GAP[1])
        for rank in columns:
            for index, each in enumerate(cells.get((lane, rank), ())):
                column, row = divmod(index, _MAX_ROWS)
                boxes[each] = Box(
                    id=each,
                    x=starts[rank] + column * (BOX[0] + GAP[0]),
                    y=y + _LANE_HEAD + row * (BOX[1] + GAP[1]),
                )
        placed.append(Lane(id=lane, y=y, height=height))
        y += height + _LANE_GAP
    return Layout(width=max(width, 320), height=y - _LANE_GAP + _MARGIN, boxes=boxes, lanes=tuple(placed))

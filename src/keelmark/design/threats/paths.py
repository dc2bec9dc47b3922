"""Finds the paths of a system that make a threat apply.

The rules, each with a test:

1. A path begins at an element that fits the first step and leaves it over a link that the attacker controls as the step asks.
2. What is untrusted stays so: a link that is trusted by itself carries on what came in before it. What a model puts out after
   it read untrusted text is model output. It ends at a person, who passes nothing on blindly, and where text turns into an
   effect: at a shell, an interpreter, a query, the weights of a model.
3. Between two steps other elements may stand only where the later step is `far`.
4. A property that is not known fits what is asked for, and the path says so.
5. A link that was seen to be cleaned for its sink does not fit a step that asks for this sink.
6. A path never ends where it began, and no path is longer than its bound.
7. What is shown does not begin in the middle of something else that is shown.
8. A later pattern of a threat speaks only of ends that no earlier one reached.
9. Elements and links only ever add ends that are reached.

Starts are carried as bits through the product of graph, pattern and trust, layer by layer, so that every pair of ends is
found once, with a shortest path, and the work does not grow with the number of paths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.system_model import Element, Link
from keelmark.core.threats import Step, ThreatPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.system_model import SystemModel
    from keelmark.core.threats import PathPattern

__all__ = ["Bounds", "Match", "match"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the search."""

    max_links: int = 12
    max_paths: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The paths that fit, shortest first, and how many pairs of ends have a path that is not shown."""

    paths: tuple[ThreatPath, ...]
    more: int


_BITS = {
    FlowTrust.TRUSTED: 0,
    FlowTrust.USER: 1,
    FlowTrust.THIRD_PARTY: 2,
    FlowTrust.MODEL_OUTPUT: 4,
}
_MODEL = _BITS[FlowTrust.MODEL_OUTPUT]
# Whoever reads a text and then writes one does not copy it blindly.
_ENDS_TEXT = frozenset({ComponentKind.PERSON})

# Where text still is text. Elsewhere it has turned into an effect, or was code and never text.
_CARRIES = frozenset(
    {"", "context", "system-prompt", "inference", "index", "memory", "training", "html", "tool-definition"}
)

# Element, step that it or one before it fitted, trust of what arrived.
_State = tuple[int, int, int]


def match(model: SystemModel, patterns: tuple[PathPattern, ...], *, bounds: Bounds | None = None) -> Match:
    """The paths of a system that fit one of the patterns."""
    limits = bounds or Bounds()
    graph = _Graph.of(model)
    found: dict[tuple[str, str], tuple[_Search, int, _State, int]] = {}
    settled: set[int] = set()
    for pattern in patterns:
        search = _Search(graph=graph, steps=pattern.steps, bounds=limits)
        reached: set[int] = set()
        for layer, start, state in search.run():
            if state[0] in settled:
                continue
            reached.add(state[0])
            ends = (graph.elements[start].id, graph.elements[state[0]].id)
            found.setdefault(ends, (search, layer, state, start))
        settled |= reached
    order = sorted(found.items(), key=lambda entry: (entry[1][1], entry[0]))
    # Twice as many as are shown: some only tell the end of a longer one.
    found_first = [
        search.path(start, state, layer) for _, (search, layer, state, start) in order[: 2 * limits.max_paths]
    ]
    paths = _without_ends_of_others(found_first)
    shown = paths[: limits.max_paths]
    left_out = len(found_first) - len(paths)
    return Match(paths=shown, more=len(order) - left_out - len(shown))


def _without_ends_of_others(paths: Sequence[ThreatPath]) -> tuple[ThreatPath, ...]:
    """Those that do not begin in the middle of another one: where the attacker starts is told once."""
    ways = [tuple(element.id for element in path.elements) for path in paths]
    return tuple(
        path
        for path, way in zip(paths, ways, strict=True)
        if not any(len(other) > len(way) and other[-len(way) :] == way for other in ways)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Graph:
    """The model with numbers for ids."""

    elements: tuple[Element, ...]
    leaving: tuple[tuple[tuple[int, Link], ...], ...]
    entering: tuple[tuple[tuple[int, Link], ...], ...]

    @classmethod
    def of(cls, model: SystemModel) -> _Graph:
        number = {element.id: index for index, element in enumerate(model.elements)}
        leaving: list[list[tuple[int, Link]]] = [[] for _ in number]
        entering: list[list[tuple[int, Link]]] = [[] for _ in number]
        for link in model.links:
            source, target = number[link.source], number[link.target]
            leaving[source].append((target, link))
            entering[target].append((source, link))
        for links in entering:
            links.sort(
                key=lambda entry: bool(entry[1].assumed)
            )  # Of two ways that are as short, the one that was seen.
        return cls(
            elements=model.elements, leaving=tuple(map(tuple, leaving)), entering=tuple(map(tuple, entering))
        )


@dataclass(slots=True, kw_only=True)
class _Search:
    """One pattern over one graph."""

    graph: _Graph
    steps: tuple[Step, ...]
    bounds: Bounds
    layers: list[dict[_State, int]] = field(default_factory=list)
    fits: list[list[bool]] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)

    def run(self) -> Iterator[tuple[int, int, _State]]:
        """Each pair of ends once: length, number of the first element, last state."""
        elements = self.graph.elements
        self.fits = [[_fits(element, step) for element in elements] for step in self.steps]
        # Trust that no later step asks for makes no difference between two states.
        self.wanted = [_asked(self.steps[index + 1 :]) for index in range(len(self.steps))]
        starts = [index for index, fits in enumerate(self.fits[0]) if fits]
        if len(self.steps) == 1:
            self.layers = [{(index, 0, 0): 1 << index for index in starts}]
            yield from ((0, index, (index, 0, 0)) for index in starts)
            return
        frontier = {(index, 0, 0): 1 << index for index in starts}
        seen = dict(frontier)
        done: dict[int, int] = {}
        self.layers = [frontier]
        for layer in range(1, self.bounds.max_links + 1):
            frontier = self._next(frontier, seen, is_first=layer == 1)
            self.layers.append(frontier)
            if not frontier:
                return
            yield from self._arrived(layer, frontier, done)

    def _next(
        self, frontier: dict[_State, int], seen: dict[_State, int], *, is_first: bool
    ) -> dict[_State, int]:
        following: dict[_State, int] = {}
        for state, bits in frontier.items():
            for target, link in self.graph.leaving[state[0]]:
                for reached in self._reached(state, target, link, is_first=is_first):
                    new = bits & ~seen.get(reached, 0)
                    if new:
                        seen[reached] = seen.get(reached, 0) | new
                        following[reached] = following.get(reached, 0) | new
        return following

    def _arrived(
        self, layer: int, frontier: dict[_State, int], done: dict[int, int]
    ) -> Iterator[tuple[int, int, _State]]:
        last = len(self.steps) - 1
        for state in sorted(frontier):
            if state[1] != last:
                continue
            end = state[0]
            new = frontier[state] & ~done.get(end, 0) & ~(1 << end)
            done[end] = done.get(end, 0) | new
            while new:
                start = (new & -new).bit_length() - 1
                new &= new - 1
                yield layer, start, state

    def _reached(self, state: _State, target: int, link: Link, *, is_first: bool) -> Iterator[_State]:
        source, index, carried = state
        if index == len(self.steps) - 1:
            return
        if is_first and not _fits_trust(self.steps[0], _BITS[link.trust]):
            return
        elements = self.graph.elements
        trust = _BITS[link.trust] | _passed_on(elements[source], carried)
        step = self.steps[index + 1]
        stays = elements[source].boundary == elements[target].boundary
        if self.fits[index + 1][target] and not (step.crosses and stays) and _fits_link(step, link, trust):
            yield (target, index + 1, trust & self.wanted[index + 1])
        if step.far and link.sink in _CARRIES and _lets_pass(elements[target], step):
            yield (target, index, trust & self.wanted[index])

    def path(self, start: int, state: _State, layer: int) -> ThreatPath:
        """A shortest path of one start to one state, walked backwards; the first in the order of the model's links."""
        bit = 1 << start
        links: list[Link] = []
        states = [state]
        while layer:
            layer -= 1
            state, link = self._before(state, layer, bit)
            links.append(link)
            states.append(state)
        states.reverse()
        links.reverse()
        elements = tuple(self.graph.elements[state[0]] for state in states)
        taken = tuple(f"{link.source} to {link.target}: {link.assumed}" for link in links if link.assumed)
        return ThreatPath(elements=elements, links=tuple(links), assumes=self._assumed(states) + taken)

    def _before(self, state: _State, layer: int, bit: int) -> tuple[_State, Link]:
        before = self.layers[layer]
        for source, link in self.graph.entering[state[0]]:
            for index in (state[1] - 1, state[1]):
                for trust in range(8):
                    origin = (source, index, trust)
                    if before.get(origin, 0) & bit and state in self._reached(
                        origin, state[0], link, is_first=layer == 0
                    ):
                        return origin, link
        msg = "a state that was reached has a state before it"
        raise AssertionError(msg)

    def _assumed(self, states: list[_State]) -> tuple[str, ...]:
        matched = [(states[0][0], 0)]
        for before, after in pairwise(states):
            if after[1] > before[1]:
                matched.append((after[0], after[1]))
        words = (
            f"{self.graph.elements[number].name}: {text}"
            for number, index in matched
            for text in _not_known(self.graph.elements[number], self.steps[index])
        )
        return tuple(dict.fromkeys(words))


def _passed_on(element: Element, carried: int) -> int:
    if not carried or element.kind in _ENDS_TEXT:
        return 0
    return _MODEL if element.kind is ComponentKind.MODEL else carried


def _lets_pass(element: Element, step: Step) -> bool:
    return element.kind not in _ENDS_TEXT and not any(_is_known(element, name) for name in step.past)


def _asked(steps: tuple[Step, ...]) -> int:
    # A model turns every kind of untrusted text into one, so none may be forgotten on the way to it.
    return 7 if any(step.trusts for step in steps) else 0


def _fits_trust(step: Step, trust: int) -> bool:
    if not step.trusts:
        return True
    return any(trust & _BITS[asked] if _BITS[asked] else not trust for asked in step.trusts)


def _fits_link(step: Step, link: Link, trust: int) -> bool:
    if step.sinks and (link.sink not in step.sinks or link.cleaned_by):
        return False
    return _fits_trust(step, trust)


def _fits(element: Element, step: Step) -> bool:
    if step.kinds and element.kind not in step.kinds:
        return False
    if step.effects and element.effect is not None and element.effect not in step.effects:
        return False
    return not any(_is_known(element, name) for name in step.unless)


def _is_known(element: Element, name: str) -> bool:
    """Whether the property is known to be as `unless` says, so that the path ends here."""
    value: bool | None = getattr(element, name.removeprefix("-"))
    return value is (not name.startswith("-"))


_WORDS = {
    "has_approval": "whether a person approves is not known",
    "is_authenticated": "whether callers are identified is not known",
    "is_limited": "whether calls are limited is not known",
    "is_pinned": "whether its version is fixed is not known",
    "executes": "whether it runs code that it brings along is not known",
    "is_shared": "whether several users share it is not known",
    "is_trained": "whether it is trained here is not known",
}


def _not_known(element: Element, step: Step) -> Iterator[str]:
    if step.effects and element.effect is None:
        yield "what it can do is not known"
    for name in step.unless:
        if getattr(element, name.removeprefix("-")) is None:
            yield _WORDS[name.removeprefix("-")]

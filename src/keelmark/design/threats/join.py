"""Joins what was found of a system with what is declared of it, and names every difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keelmark.core.declaration import Component, ComponentKind, Declaration, FlowTrust
from keelmark.core.glob import matches
from keelmark.core.system_model import Element, Link, Origin, SystemModel
from keelmark.core.threats import Discrepancy
from keelmark.design.threats.builder import OUTSIDE, USER
from keelmark.design.threats.declared import classes_of, effect_of, element_of, size_of
from keelmark.design.threats.identity import (
    MORE_EXACT,
    ONE_TO_ONE,
    WAYS_IN,
    by_kind,
    by_name,
    by_path,
    by_supplier,
    is_alike,
    is_program,
    is_sink,
    is_unnamed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import DeclaredFlow
    from keelmark.core.location import Location

__all__ = ["join", "undeclared_links"]

# What people need not draw: they look from inside, and these stand for the outside or for what code does in itself.
_NOT_DRAWN = frozenset(
    {ComponentKind.PERSON, ComponentKind.REGISTRY, ComponentKind.PIPELINE, ComponentKind.PROMPT}
)
DECLARATION = "keelmark.yaml"


def join(
    observed: SystemModel, declaration: Declaration | None, *, paths: Collection[str] = ()
) -> tuple[SystemModel, tuple[Discrepancy, ...]]:
    """The system as found and declared together, and where the two differ.

    Args:
        observed: As the folder shows it.
        declaration: As people declare it; None when there is none.
        paths: Files of the folder; what is declared at one of them is there, though it was not told what it is.
    """
    if declaration is None:
        return observed, ()
    joined = _Joined(observed=observed, declaration=declaration, paths=paths)
    joined.pair()
    elements = joined.elements()
    links = joined.links()
    model = declaration.threat_model
    return SystemModel(
        name=declaration.system.name if declaration.system else observed.name,
        elements=elements,
        links=links,
        boundaries=(*(model.boundaries if model else ()), *observed.boundaries),
        assets=tuple(replace(asset, where=joined.ids_of(asset.where)) for asset in model.assets)
        if model
        else (),
        attackers=tuple(replace(one, reaches=joined.ids_of(one.reaches)) for one in model.attackers)
        if model
        else (),
        size=size_of(observed.size, declaration.growth_envelope),
        unseen=observed.unseen,
    ), tuple(joined.differences)


@dataclass(slots=True)
class _Joined:
    """The pairs that were found between both sides.

    Attributes:
        parts: Ids of found elements by the id of the component that stands for them.
        component: The component that stands for a found element, by its id.
        renamed: New ids of found elements.
    """

    observed: SystemModel
    declaration: Declaration
    paths: Collection[str] = ()
    parts: dict[str, list[str]] = field(default_factory=dict)
    component: dict[str, Component] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    differences: list[Discrepancy] = field(default_factory=list)

    def pair(self) -> None:
        """Find which component stands for which element: by name, by path, by supplier, by kind, and then what is left one to one."""
        components = self.declaration.components
        for stands in (is_program, by_name, by_path, by_supplier, by_kind):
            for element in self.observed.elements:
                if element.id in self.component:
                    continue
                found = next(
                    (one for one in components if is_alike(one, element) and stands(one, element)), None
                )
                if found is not None:
                    self._pair(found, element)
        self._pair_what_is_left()
        for name, ids in self.parts.items():
            if len(ids) == 1:
                self.renamed[ids[0]] = name

    def _pair_what_is_left(self) -> None:
        """One that was found and one that is declared, where there is no other of the kind on either side."""
        components = self.declaration.components
        for kind in ONE_TO_ONE:
            free = [one for one in components if one.kind is kind and one.id not in self.parts]
            left = [
                e
                for e in self.observed.elements
                if e.kind is kind and e.id not in self.component and not e.boundary
            ]
            left = [element for element in left if not is_sink(element)]
            if len(free) == 1 and len(left) == 1:
                self._pair(free[0], left[0])
        free = [
            one
            for one in components
            if one.kind is ComponentKind.MODEL and one.id not in self.parts and not one.path
        ]
        unnamed = [element for element in self.observed.elements if is_unnamed(element)]
        if len(free) == 1:
            for element in unnamed:
                self._pair(free[0], element)

    def _pair(self, component: Component, element: Element) -> None:
        self.component[element.id] = component
        self.parts.setdefault(component.id, []).append(element.id)

    def ids_of(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The ids that stand for declared components."""
        return tuple(dict.fromkeys(identifier for name in names for identifier in self._ends(name)))

    def _ends(self, name: str) -> list[str]:
        return [self.renamed.get(part, part) for part in self.parts.get(name, ())] or [name]

    def elements(self) -> tuple[Element, ...]:
        """Every element once, with what both sides say of it."""
        declared = self.declaration
        found = [self._merged(element) for element in self.observed.elements]
        taken = {element.id for element in found}
        for index, component in enumerate(declared.components):
            if component.id in self.parts or component.id in taken:
                continue
            place = declared.at(f"components[{index}]", path=DECLARATION)
            found.append(element_of(component, declared, place))
        self.differences.extend(_differing_elements(self))
        if all(element.id != USER for element in found) and any(
            flow.trust is FlowTrust.USER for flow in declared.flows
        ):
            found.append(
                Element(
                    id=USER, kind=ComponentKind.PERSON, name=USER, origin=Origin.DECLARED, boundary=OUTSIDE
                )
            )
        return tuple(sorted(found, key=lambda element: (element.kind.value, element.id)))

    def _merged(self, element: Element) -> Element:
        component = self.component.get(element.id)
        tool = effect_of(self.declaration, element)
        if component is None:
            return replace(element, effect=tool)
        return replace(
            element,
            id=self.renamed.get(element.id, element.id),
            kind=component.kind if (element.kind, component.kind) in MORE_EXACT else element.kind,
            name=self.renamed.get(element.id, element.name),
            origin=Origin.BOTH,
            boundary=component.boundary or element.boundary,
            supplier=component.supplier or element.supplier,
            owner=component.owner,
            description=component.description or element.description,
            effect=tool,
            is_shared=element.is_shared if component.shared is None else component.shared,
            data_classes=classes_of(self.declaration, component),
        )

    def links(self) -> tuple[Link, ...]:
        """Every link once; what was found wins where it says more."""
        links: dict[tuple[str, str, str, str], Link] = {}
        for link in self.observed.links:
            moved = replace(
                link,
                source=self.renamed.get(link.source, link.source),
                target=self.renamed.get(link.target, link.target),
            )
            links[moved.source, moved.target, moved.trust.value, moved.sink] = moved
        # People may name what was found without declaring it.
        known = {element.id for element in self.observed.elements} | {
            identifier for component in self.declaration.components for identifier in self._ends(component.id)
        }
        for index, flow in enumerate(self.declaration.flows):
            place = self.declaration.at(f"flows[{index}]", path=DECLARATION)
            self._add_flow(links, flow, known, place)
        self._add_writers(links)
        self.differences.extend(_differing_links(self))
        return tuple(links[key] for key in sorted(links))

    def _add_writers(self, links: dict[tuple[str, str, str, str], Link]) -> None:
        """Somebody writes what a declared interface hands on as text of users, whether that person is drawn or not."""
        reached = {link.target for link in links.values() if link.trust is FlowTrust.USER}
        kinds = {component.id: component.kind for component in self.declaration.components}
        for link in [link for link in links.values() if link.trust is FlowTrust.USER]:
            if kinds.get(link.source) in WAYS_IN and link.source not in reached:
                key = (USER, link.source, FlowTrust.USER.value, "")
                links[key] = Link(source=USER, target=link.source, carries="what is written", trust=FlowTrust.USER,
                                  origin=Origin.DECLARED, assumed="text of users has a user")  # fmt: skip

    def _add_flow(
        self,
        links: dict[tuple[str, str, str, str], Link],
        flow: DeclaredFlow,
        known: set[str],
        place: Location,
    ) -> None:
        pairs = [(a, b) for a in self._ends(flow.source) for b in self._ends(flow.target) if a != b]
        pairs = [pair for pair in pairs if pair[0] in known and pair[1] in known]
        seen = [key for key in links if (key[0], key[1]) in pairs]
        for key in seen:
            if links[key].assumed:
                # What a person says of a flow weighs more than what had to be assumed of it.
                link = links.pop(key)
                links[key[0], key[1], flow.trust.value, key[3]] = replace(
                    link, trust=flow.trust, origin=Origin.BOTH, assumed="", carries=flow.carries or link.carries,
                    data_classes=flow.data_classes,
                )  # fmt: skip
            else:
                links[key] = replace(links[key], origin=Origin.BOTH, data_classes=flow.data_classes)
        met = {(key[0], key[1]) for key in seen}
        for source, target in pairs if not met else ():
            sink = _sink(self, source, target)
            links.setdefault(
                (source, target, flow.trust.value, sink),
                Link(source=source, target=target, carries=flow.carries or "a declared flow", trust=flow.trust,
                     origin=Origin.DECLARED, sink=sink, data_classes=flow.data_classes, at=place),
            )  # fmt: skip


_READERS = frozenset({ComponentKind.MODEL, ComponentKind.AGENT})


def _sink(joined: _Joined, source: str, target: str) -> str:
    """What a declared flow does at its target, as far as the kinds of its ends tell."""
    kinds = {joined.renamed.get(element.id, element.id): element.kind for element in joined.observed.elements}
    kinds.update(
        {
            component.id: component.kind
            for component in joined.declaration.components
            if component.id not in kinds
        }
    )
    start, end = kinds.get(source), kinds.get(target)
    if end in _READERS:
        return {ComponentKind.PROMPT: "system-prompt", ComponentKind.REGISTRY: "weights", ComponentKind.PIPELINE: "weights",
                ComponentKind.DATASET: "training" if end is ComponentKind.MODEL else "context"}.get(start or ComponentKind.PERSON, "context")  # fmt: skip
    return {ComponentKind.RETRIEVAL_STORE: "index", ComponentKind.MEMORY: "memory"}.get(
        end or ComponentKind.PERSON, ""
    )


def _differing_elements(joined: _Joined) -> Iterator[Discrepancy]:
    if not joined.declaration.components:
        return
    for element in joined.observed.elements:
        if element.id not in joined.component and not _need_not_be_drawn(element):
            yield Discrepancy(
                what="element",
                subject=element.id,
                is_declared=False,
                text=f"{element.kind.value.replace('-', ' ')} `{element.name}` was found"
                + (f" in {element.path}" if element.path else "")
                + ", and no declared component stands for it: declare it, or take it out",
            )
    for component in joined.declaration.components:
        if component.id in joined.parts or not component.path or joined.observed.unseen:
            continue
        if not any(
            matches(component.path, path) or path.startswith(f"{component.path}/") for path in joined.paths
        ):
            yield Discrepancy(
                what="element",
                subject=component.id,
                is_declared=True,
                text=f"component `{component.id}` is declared, and nothing like it was found at {component.path}: "
                "correct its path or kind, or take it out",
            )


def _need_not_be_drawn(element: Element) -> bool:
    return (
        element.kind in _NOT_DRAWN
        or is_sink(element)
        or (bool(element.boundary) and element.kind is ComponentKind.SERVICE)
    )


def undeclared_links(observed: SystemModel, declaration: Declaration) -> tuple[tuple[str, str, Link], ...]:
    """Untrusted flows that were found between declared parts, and that no declared flow covers, alone or with others in a row.

    Each is given with the components at its ends.
    """
    joined = _Joined(observed=observed, declaration=declaration)
    joined.pair()
    reached = _reached(declaration)
    found: dict[tuple[str, str], Link] = {}
    for link in observed.links:
        source, target = joined.component.get(link.source), joined.component.get(link.target)
        if source is None or target is None or source.id == target.id or link.trust is FlowTrust.TRUSTED:
            continue
        if target.id not in reached.get(source.id, ()):
            found.setdefault((source.id, target.id), link)
    return tuple((*ends, link) for ends, link in sorted(found.items()))


def _reached(declaration: Declaration) -> dict[str, set[str]]:
    """Which components each component reaches over declared flows."""
    drawn: dict[str, set[str]] = defaultdict(set)
    for flow in declaration.flows:
        drawn[flow.source].add(flow.target)
    reached: dict[str, set[str]] = {}
    for start in list(drawn):
        seen: set[str] = set()
        left = [start]
        while left:
            following = drawn.get(left.pop(), set()) - seen
            seen |= following
            left.extend(following)
        reached[start] = seen
    return reached


def _differing_links(joined: _Joined) -> Iterator[Discrepancy]:
    if not joined.declaration.flows:
        return
    for source, target, link in undeclared_links(joined.observed, joined.declaration):
        yield Discrepancy(
            what="link",
            subject=f"{source} -> {target}",
            is_declared=False,
            text=f"{link.carries} flows from `{source}` to `{target}` ({link.trust.value}), and no declared flow says so",
        )
    yield from _unknown_ends(joined)


def _unknown_ends(joined: _Joined) -> Iterator[Discrepancy]:
    declaration = joined.declaration
    known = {component.id for component in declaration.components}
    known.update(element.id for element in joined.observed.elements)
    for flow in declaration.flows:
        for end in (flow.source, flow.target):
            if end not in known:
                yield Discrepancy(
                    what="link",
                    subject=f"{flow.source} -> {flow.target}",
                    is_declared=True,
                    text=f"a flow is declared with `{end}`, which is no declared component: correct the name or declare it",
                )

"""Collects elements and links while a system is observed: one element for one thing, one link for one kind of flow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.system_model import Element, Link, Origin
from keelmark.core.threat_model import Boundary

if TYPE_CHECKING:
    from keelmark.core.location import Location

__all__ = ["DEVELOPMENT", "OUTSIDE", "USER", "Builder"]

USER = "user"
"""Id of whoever uses the system."""

DEVELOPMENT = "development"
"""Id of the boundary around what only developers use."""

OUTSIDE = "outside"
"""Id of the boundary around what others run."""


@dataclass(slots=True)
class Builder:
    """Elements and links found so far.

    Elements are asked for by a key (what makes them the same thing) and named by an id that people can read; equal names of
    different things are told apart by their path.
    """

    elements: dict[str, Element] = field(default_factory=dict)
    links: dict[tuple[str, str, str, str], Link] = field(default_factory=dict)
    _ids: dict[tuple[str, ...], str] = field(default_factory=dict)

    def element(
        self, kind: ComponentKind, name: str, *, key: tuple[str, ...] = (), **properties: object
    ) -> str:
        """The id of the element for a thing; it is made when it was not met before."""
        identity = (kind.value, *(key or (name,)))
        known = self._ids.get(identity)
        if known is not None:
            return known
        identifier = self._free(name, str(properties.get("path", "")))
        self._ids[identity] = identifier
        self.elements[identifier] = Element(
            id=identifier,
            kind=kind,
            name=name,
            origin=Origin.OBSERVED,
            **properties,  # type: ignore[arg-type]  # by name
        )
        return identifier

    def update(self, identifier: str, **properties: object) -> None:
        """Set properties of an element that became known later."""
        self.elements[identifier] = replace(self.elements[identifier], **properties)  # type: ignore[arg-type]  # by name

    def link(  # noqa: PLR0913 - every part of a link is named
        self,
        source: str,
        target: str,
        carries: str,
        *,
        trust: FlowTrust = FlowTrust.TRUSTED,
        sink: str = "",
        cleaned_by: str = "",
        at: Location | None = None,
        assumed: str = "",
    ) -> None:
        """A flow; equal ones are one, and it counts as cleaned only where each of them is."""
        if source == target:
            return
        key = (source, target, trust.value, sink)
        known = self.links.get(key)
        if known is None:
            self.links[key] = Link(
                source=source, target=target, carries=carries, trust=trust, origin=Origin.OBSERVED, sink=sink,
                cleaned_by=cleaned_by, at=at, assumed=assumed,
            )  # fmt: skip
        elif (known.cleaned_by and not cleaned_by) or (known.assumed and not assumed):
            self.links[key] = replace(known, cleaned_by=cleaned_by, carries=carries, at=at, assumed=assumed)

    def is_linked(self, identifier: str) -> bool:
        """Whether something flows to or from an element."""
        return any(identifier in key[:2] for key in self.links)

    def drop(self, identifier: str) -> None:
        """Take an element out to which nothing is linked."""
        del self.elements[identifier]

    def outside(self, name: str, kind: ComponentKind = ComponentKind.SERVICE, **properties: object) -> str:
        """The id of something that others run."""
        return self.element(kind, name, key=(OUTSIDE, name), boundary=OUTSIDE, **properties)

    def sorted_elements(self) -> tuple[Element, ...]:
        """Elements in a fixed order: kind, then id."""
        return tuple(sorted(self.elements.values(), key=lambda element: (element.kind.value, element.id)))

    def sorted_links(self) -> tuple[Link, ...]:
        """Links in a fixed order."""
        return tuple(self.links[key] for key in sorted(self.links))

    def boundaries(self) -> tuple[Boundary, ...]:
        """The boundaries that something lies in."""
        used = {element.boundary for element in self.elements.values()}
        known = (
            Boundary(id=OUTSIDE, title="What others run"),
            Boundary(id=DEVELOPMENT, title="What developers use"),
        )
        return tuple(boundary for boundary in known if boundary.id in used)

    def _free(self, name: str, path: str) -> str:
        shown = name.strip() or "unnamed"
        for candidate in (shown, f"{shown} ({path})" if path else shown):
            if candidate not in self.elements:
                return candidate
        count = 2
        while f"{shown} {count}" in self.elements:
            count += 1
        return f"{shown} {count}"

"""The system as a graph: elements, and what flows between them. Declared, observed, or both."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.location import Location
from keelmark.core.threat_model import Attacker, Boundary, ProtectedAsset

__all__ = ["DIMENSION_WORDS", "GROWING", "Effect", "Element", "Link", "Origin", "Size", "SystemModel"]


class Origin(StrEnum):
    """How something is known."""

    DECLARED = "declared"
    OBSERVED = "observed"
    BOTH = "declared-and-observed"


class Effect(StrEnum):
    """What an element can do outside of itself, least first."""

    NONE = "none"
    READ = "read"
    WRITE = "write"
    EXTERNAL = "external"
    EXECUTE = "execute"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One part of the system.

    Every property that may be None is not known then; a path never rests on what is not known being harmless.

    Attributes:
        id: Unique in the model.
        kind: What it is.
        name: What people call it.
        origin: How it is known.
        path: File or folder it stands for, "" for what runs elsewhere.
        boundary: Id of the trust boundary around it, "" for none.
        supplier: Who provides it, "" for the project itself.
        owner: Who looks after it.
        effect: The gravest thing it can do outside of itself.
        has_approval: Whether a person approves before the effect.
        executes: Whether loading it, or calling it, runs code that it brings along.
        is_authenticated: Whether callers are identified.
        is_limited: Whether the rate, size or cost of calls is limited.
        is_shared: Whether several tenants or users share its content.
        is_pinned: Whether its version or digest is fixed.
        is_trained: Whether the project trains or tunes it.
        data_classes: Classes of data it holds.
        at: Where it was found or declared.
    """

    id: str
    kind: ComponentKind
    name: str
    origin: Origin
    path: str = ""
    boundary: str = ""
    supplier: str = ""
    owner: str = ""
    description: str = ""
    effect: Effect | None = None
    has_approval: bool | None = None
    executes: bool | None = None
    is_authenticated: bool | None = None
    is_limited: bool | None = None
    is_shared: bool | None = None
    is_pinned: bool | None = None
    is_trained: bool | None = None
    data_classes: tuple[str, ...] = ()
    at: Location | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What flows from one element to another.

    Attributes:
        source: Id of an element.
        target: Id of an element.
        carries: What flows, in words.
        trust: How far it can be trusted where it starts.
        origin: How it is known.
        sink: What the target does with it where that matters: `command`, `code`, `sql`, `html`, `path`, `url`, `template`,
            `deserialise`, `system-prompt`, `training`, `weights`, `context`, `inference`, `index`, `memory`,
            `tool-definition`; "" for nothing
            special.
        cleaned_by: The check on the way that makes it harmless for this sink, as seen in code; "" for none.
        data_classes: Classes of data that flow.
        at: Where it was found or declared.
        assumed: Why it is taken to be so although nothing shows it, in words; "" when it was seen or declared.
    """

    source: str
    target: str
    carries: str
    trust: FlowTrust
    origin: Origin
    sink: str = ""
    cleaned_by: str = ""
    data_classes: tuple[str, ...] = ()
    at: Location | None = None
    assumed: str = ""


GROWING = ("users", "requests_per_day", "tools", "autonomy", "spend_per_day")
"""Dimensions that grow with use, and for which a limit can be declared in numbers."""

DIMENSION_WORDS = {
    "users": "people who can reach it",
    "requests_per_day": "requests in a day",
    "tools": "tools a model can call",
    "autonomy": "steps without a person",
    "spend_per_day": "money in a day",
    "exposure": "exposure",
    "data_value": "value of the data, as a factor",
    "attack_cost": "cost of an attack, as a factor",
    "capability": "capability of models, as a factor",
}
"""What the fields of a size are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large, exposed and attractive the system is. What is None is not known.

    Attributes:
        users: People who can reach it.
        requests_per_day: Load.
        tools: Tools a model can call.
        autonomy: Steps a model may take without a person.
        spend_per_day: Money.
        exposure: 0 internal, 1 partners, 2 public; None when not known.
        data_value: Factor on the losses; 1 today.
        attack_cost: Factor on what an attempt costs the attacker; 1 today, 0.1 when automation makes it ten times cheaper.
        capability: Factor on what models can do, for the system and for its attackers; 1 today.
    """

    users: float | None = None
    requests_per_day: float | None = None
    tools: float | None = None
    autonomy: float | None = None
    spend_per_day: float | None = None
    exposure: int | None = None
    data_value: float = 1.0
    attack_cost: float = 1.0
    capability: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SystemModel:
    """The whole system.

    Attributes:
        name: Of the system.
        elements: In a fixed order, ids unique.
        links: In a fixed order; both ends exist.
        boundaries: Trust boundaries, those that elements name.
        assets: What is worth protecting.
        attackers: Who wants it.
        size: Its size today.
        unseen: What could hide further elements or links, in words. While there is any, absence is not known.
    """

    name: str
    elements: tuple[Element, ...]
    links: tuple[Link, ...]
    boundaries: tuple[Boundary, ...] = ()
    assets: tuple[ProtectedAsset, ...] = ()
    attackers: tuple[Attacker, ...] = ()
    size: Size = field(default_factory=Size)
    unseen: tuple[str, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, Element]:
        """Every element by its id."""
        return {element.id: element for element in self.elements}

    @cached_property
    def leaving(self) -> dict[str, tuple[Link, ...]]:
        """The links that leave each element."""
        found: dict[str, list[Link]] = {element.id: [] for element in self.elements}
        for link in self.links:
            found[link.source].append(link)
        return {key: tuple(links) for key, links in found.items()}

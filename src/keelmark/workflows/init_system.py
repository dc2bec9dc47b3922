"""The parts and flows of a first declaration, as they were found: a user corrects them and does not write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.declaration import ComponentKind
from keelmark.core.facts import FileRole
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from keelmark.core.asset import Asset, Inventory
    from keelmark.core.system_model import Element, SystemModel

__all__ = ["DraftComponent", "DraftFlow", "draft_components", "draft_flows"]

_KINDS = {
    AssetKind.MODEL: ComponentKind.MODEL,
    AssetKind.ABSENT_MODEL: ComponentKind.MODEL,
    AssetKind.ADAPTER: ComponentKind.MODEL,
    AssetKind.HOSTED_MODEL: ComponentKind.MODEL,
    AssetKind.HUB_MODEL: ComponentKind.MODEL,
    AssetKind.DATASET: ComponentKind.DATASET,
    AssetKind.ABSENT_DATA: ComponentKind.DATASET,
    AssetKind.PROMPT: ComponentKind.PROMPT,
    AssetKind.TOOL: ComponentKind.TOOL,
    AssetKind.MCP_SERVER: ComponentKind.MCP_SERVER,
    AssetKind.SERVICE: ComponentKind.SERVICE,
    AssetKind.PIPELINE: ComponentKind.PIPELINE,
}
_WITHOUT_PATH = frozenset({AssetKind.HOSTED_MODEL, AssetKind.HUB_MODEL})
# What the inventory does not know as one thing, and only the graph shows.
_ONLY_SEEN = frozenset(
    {ComponentKind.AGENT, ComponentKind.RETRIEVAL_STORE, ComponentKind.MEMORY, ComponentKind.DATABASE,
     ComponentKind.PERSON, ComponentKind.SERVICE}
)  # fmt: skip
_WAYS_IN = frozenset({ComponentKind.API, ComponentKind.USER_INTERFACE})


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftComponent:
    """One entry of `components`; `stands_for` are ids of found elements."""

    id: str
    kind: str
    path: str = ""
    stands_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFlow:
    """One entry of `flows`."""

    source: str
    target: str
    carries: str
    trust: str


def draft_components(inventory: Inventory, system: SystemModel) -> tuple[DraftComponent, ...]:
    """The parts as the inventory and the graph show them, each once."""
    seen: set[str] = set()
    found = []
    named: set[tuple[AssetKind, str]] = set()
    for asset in inventory.of(*_KINDS):
        # A model that others run, or that is fetched, is one part however often it is named.
        is_again = asset.kind in _WITHOUT_PATH and (asset.kind, asset.name) in named
        if is_again or role_of(asset.path) is not FileRole.PRODUCT:
            continue
        named.add((asset.kind, asset.name))
        stands = tuple(element.id for element in system.elements if _is(element, asset))
        path = asset.path if asset.kind not in _WITHOUT_PATH else ""
        kind = _KINDS[asset.kind].value
        found.append(DraftComponent(id=_unique(asset.name, seen), kind=kind, path=path, stands_for=stands))
    taken = {identifier for component in found for identifier in component.stands_for}
    ways_in = tuple(element.id for element in system.elements if element.kind in _WAYS_IN and element.path)
    if ways_in or any(asset.kind is AssetKind.ROUTE for asset in inventory.assets):
        found.append(DraftComponent(id=_unique("api", seen), kind="api", stands_for=ways_in))
    found.extend(
        DraftComponent(
            id=_unique(element.name, seen),
            kind=element.kind.value,
            path=element.path,
            stands_for=(element.id,),
        )
        for element in system.elements
        if element.id not in taken and element.kind in _ONLY_SEEN and _is_part(element)
    )
    return tuple(found)


def draft_flows(components: tuple[DraftComponent, ...], system: SystemModel) -> tuple[DraftFlow, ...]:
    """The flows between these parts, each once."""
    names = {
        identifier: component.id for component in reversed(components) for identifier in component.stands_for
    }
    flows: dict[tuple[str, str, str], DraftFlow] = {}
    for link in system.links:
        source, target = names.get(link.source), names.get(link.target)
        if source and target and source != target:
            key = (source, target, link.trust.value)
            flows.setdefault(
                key, DraftFlow(source=source, target=target, carries=link.carries, trust=link.trust.value)
            )
    return tuple(flows.values())


def _is(element: Element, asset: Asset) -> bool:
    if element.kind is not _KINDS[asset.kind] and not (
        asset.kind is AssetKind.SERVICE
        and element.kind in {ComponentKind.DATABASE, ComponentKind.RETRIEVAL_STORE}
    ):
        return False
    return element.name == asset.name and (not element.path or element.path == asset.path)


def _is_part(element: Element) -> bool:
    """Whether it is more than what code does in itself (a shell, a query): those have an effect and no place."""
    return (
        bool(element.path)
        or element.boundary != ""
        or element.kind not in {ComponentKind.SERVICE, ComponentKind.DATABASE}
    )


def _unique(name: str, seen: set[str]) -> str:
    candidate, count = name, 1
    while candidate in seen:
        count += 1
        candidate = f"{name}-{count}"
    seen.add(candidate)
    return candidate

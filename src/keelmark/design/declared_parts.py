"""What was found of the system against what is declared of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.asset import Asset, AssetKind
from keelmark.core.declaration import Component, ComponentKind
from keelmark.core.facts import FileRole
from keelmark.core.glob import matches
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from keelmark.core.declaration import Declaration
    from keelmark.core.project import Project

__all__ = ["Declared", "declared_by", "is_declared", "observed"]

# Kinds of asset that are parts of the system, and what a component that stands for them is called.
_PARTS: dict[AssetKind, frozenset[ComponentKind]] = {
    AssetKind.TOOL: frozenset({ComponentKind.TOOL}),
    AssetKind.MCP_SERVER: frozenset({ComponentKind.MCP_SERVER}),
    AssetKind.MODEL: frozenset({ComponentKind.MODEL}),
    AssetKind.ADAPTER: frozenset({ComponentKind.MODEL}),
    AssetKind.ABSENT_MODEL: frozenset({ComponentKind.MODEL}),
    AssetKind.HOSTED_MODEL: frozenset({ComponentKind.MODEL, ComponentKind.SERVICE}),
    AssetKind.HUB_MODEL: frozenset({ComponentKind.MODEL}),
    AssetKind.DATASET: frozenset({ComponentKind.DATASET, ComponentKind.RETRIEVAL_STORE, ComponentKind.DATABASE}),
    AssetKind.ABSENT_DATA: frozenset({ComponentKind.DATASET, ComponentKind.RETRIEVAL_STORE, ComponentKind.DATABASE}),
    AssetKind.ROUTE: frozenset({ComponentKind.API, ComponentKind.USER_INTERFACE}),
}  # fmt: skip
# One declared interface stands for its routes: nobody draws each of them.
_BY_KIND_ALONE = {AssetKind.ROUTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The names and places that a declaration speaks of."""

    components: tuple[Component, ...]
    paths: tuple[str, ...]
    names: frozenset[str]


def declared_by(declaration: Declaration) -> Declared:
    """What a declaration speaks of, its registers of models, datasets and tools included."""
    models, datasets, tools = declaration.models, declaration.datasets, declaration.tools
    names = [model.id for model in models] + [tool.name for tool in tools]
    for supplier in declaration.suppliers:
        names.extend((supplier.id, *supplier.provides))
    return Declared(
        components=declaration.components,
        paths=tuple(path for path in (*(m.path for m in models), *(d.path for d in datasets)) if path),
        names=frozenset(name.lower() for name in names if name),
    )


def observed(project: Project) -> tuple[Asset, ...]:
    """The parts of the system that were found in product files."""
    return tuple(
        asset
        for asset in project.inventory.of(*_PARTS)
        if role_of(asset.path) is FileRole.PRODUCT and asset.get("role") in {"", "weights", "adapter"}
    )


def is_declared(asset: Asset, declared: Declared) -> bool:
    """Whether a part is declared by path, by name, or by an interface that stands for it."""
    if asset.name.lower() in declared.names or any(matches(path, asset.path) for path in declared.paths):
        return True
    return any(_stands_for(component, asset) for component in declared.components)


def _stands_for(component: Component, asset: Asset) -> bool:
    if component.kind not in _PARTS[asset.kind]:
        return False
    if component.path and matches(component.path, asset.path):
        return True
    if asset.kind in _BY_KIND_ALONE and not component.path:
        return True
    words = {component.id.lower(), component.supplier.lower()} - {""}
    return bool(words & {asset.name.lower(), asset.format.lower()})

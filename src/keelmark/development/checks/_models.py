"""What the document rules share: which models and datasets need a record, and which document speaks of which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import Asset, AssetKind
from keelmark.core.facts import DocumentKind, FileRole
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.facts import Document
    from keelmark.core.project import Project, Seen

__all__ = ["cards_of", "datasets_of", "models_of", "own_weights"]


# What a program wrote down of its runs is no dataset that somebody chose.
_LOG_FOLDERS = frozenset({"log", "logs"})


def models_of(project: Project) -> tuple[Asset, ...]:
    """Models of the product: weights in the folder, absent ones, hosted and hub models."""
    kinds = (
        AssetKind.MODEL,
        AssetKind.ADAPTER,
        AssetKind.ABSENT_MODEL,
        AssetKind.HOSTED_MODEL,
        AssetKind.HUB_MODEL,
    )
    return tuple(
        asset
        for asset in project.inventory.of(*kinds)
        if role_of(asset.path) is FileRole.PRODUCT and asset.get("role") in {"", "weights", "adapter"}
    )


def own_weights(project: Project) -> tuple[Asset, ...]:
    """Weights that belong to the project: here, or kept elsewhere by a pointer."""
    kinds = {AssetKind.MODEL, AssetKind.ADAPTER, AssetKind.ABSENT_MODEL}
    return tuple(asset for asset in models_of(project) if asset.kind in kinds)


def datasets_of(project: Project) -> tuple[Asset, ...]:
    """Datasets of the product, here or kept elsewhere."""
    return tuple(
        asset
        for asset in project.inventory.of(AssetKind.DATASET, AssetKind.ABSENT_DATA)
        if role_of(asset.path) is FileRole.PRODUCT
        and not _LOG_FOLDERS.intersection(asset.path.lower().split("/")[:-1])
    )


def cards_of(project: Project) -> Sequence[Seen[Document]]:
    """Model cards, of any length."""
    return project.documents(DocumentKind.MODEL_CARD)

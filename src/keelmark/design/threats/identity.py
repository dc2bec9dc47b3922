"""Which declared component stands for which element that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind
from keelmark.core.glob import matches

if TYPE_CHECKING:
    from keelmark.core.declaration import Component
    from keelmark.core.system_model import Element

__all__ = [
    "MORE_EXACT",
    "ONE_TO_ONE",
    "WAYS_IN",
    "by_kind",
    "by_name",
    "by_path",
    "by_supplier",
    "is_alike",
    "is_program",
    "is_sink",
    "is_unnamed",
]

# Kinds under which one thing may be declared.
_ALIKE: dict[ComponentKind, frozenset[ComponentKind]] = {
    ComponentKind.MODEL: frozenset({ComponentKind.MODEL, ComponentKind.SERVICE}),
    ComponentKind.ADAPTER: frozenset({ComponentKind.ADAPTER, ComponentKind.MODEL}),
    ComponentKind.DATASET: frozenset(
        {ComponentKind.DATASET, ComponentKind.RETRIEVAL_STORE, ComponentKind.DATABASE}
    ),
    ComponentKind.DATABASE: frozenset({ComponentKind.DATABASE, ComponentKind.DATASET, ComponentKind.SERVICE}),
    ComponentKind.RETRIEVAL_STORE: frozenset(
        {ComponentKind.RETRIEVAL_STORE, ComponentKind.DATABASE, ComponentKind.SERVICE}
    ),
    ComponentKind.API: frozenset({ComponentKind.API, ComponentKind.USER_INTERFACE}),
    ComponentKind.USER_INTERFACE: frozenset({ComponentKind.API, ComponentKind.USER_INTERFACE}),
    ComponentKind.AGENT: frozenset({ComponentKind.AGENT, ComponentKind.SERVICE}),
    ComponentKind.SERVICE: frozenset({ComponentKind.SERVICE, ComponentKind.AGENT}),
}
# One declared part stands for all that was found of these kinds; nobody draws each of them.
WAYS_IN = frozenset({ComponentKind.API, ComponentKind.USER_INTERFACE})
# A kind that was found, and the more exact one that people may give it.
MORE_EXACT = frozenset(
    {
        (ComponentKind.SERVICE, ComponentKind.AGENT),
        (ComponentKind.DATASET, ComponentKind.RETRIEVAL_STORE),
        (ComponentKind.DATASET, ComponentKind.DATABASE),
        (ComponentKind.DATABASE, ComponentKind.RETRIEVAL_STORE),
    }
)
# Of these kinds one that was found and one that is declared are the same.
ONE_TO_ONE = frozenset(
    {ComponentKind.AGENT, ComponentKind.RETRIEVAL_STORE, ComponentKind.MEMORY, ComponentKind.SERVICE}
)


def is_alike(component: Component, element: Element) -> bool:
    """Whether the component may be called what the element is."""
    return component.kind is element.kind or component.kind in _ALIKE.get(element.kind, frozenset())


def by_name(component: Component, element: Element) -> bool:
    """Whether they have one name."""
    return component.id.lower() in {element.id.lower(), element.name.lower()}


def by_path(component: Component, element: Element) -> bool:
    """Whether the element lies where the component is."""
    return (
        bool(component.path and element.path)
        and not is_sink(element)
        and (matches(component.path, element.path) or is_program(component, element))
    )


def is_program(component: Component, element: Element) -> bool:
    """Whether the component is the agent whose code lies in the folder of a program."""
    return (
        component.kind is ComponentKind.AGENT
        and element.kind in {ComponentKind.AGENT, ComponentKind.SERVICE}
        and bool(element.path)
        and component.path.startswith(f"{element.path}/")
    )


def by_supplier(component: Component, element: Element) -> bool:
    """Whether the supplier of a model stands for it."""
    return element.kind is ComponentKind.MODEL and bool(element.supplier) and element.supplier.lower() in {
        component.supplier.lower(), component.id.lower(),
    }  # fmt: skip


def by_kind(component: Component, element: Element) -> bool:
    """Whether it is the one interface that stands for every way in."""
    return (
        element.kind in WAYS_IN
        and component.kind is ComponentKind.API
        and not component.path
        and not is_sink(element)
    )


def is_sink(element: Element) -> bool:
    """Whether it stands for what code does in itself: a shell, a query, a page."""
    return element.effect is not None and not element.path and element.kind in {
        ComponentKind.SERVICE, ComponentKind.DATABASE, ComponentKind.USER_INTERFACE,
    }  # fmt: skip


def is_unnamed(element: Element) -> bool:
    """Whether it is a model that code asks for without a name that could be read."""
    return element.kind is ComponentKind.MODEL and element.at is None and not element.path

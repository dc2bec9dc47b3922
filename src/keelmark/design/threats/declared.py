"""What a declaration says of an element: its effect, its data, the size of the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind
from keelmark.core.system_model import Effect, Element, Origin, Size
from keelmark.design.threats.builder import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.declaration import Component, Declaration, GrowthEnvelope
    from keelmark.core.location import Location

__all__ = ["classes_of", "effect_of", "element_of", "size_of"]

# Suppliers whose models answer from elsewhere.
_HOSTS = frozenset(
    {
        "openai",
        "anthropic",
        "google",
        "azure",
        "mistral",
        "cohere",
        "groq",
        "xai",
        "bedrock",
        "together",
        "openrouter",
    }
)
_EFFECTS = {effect.value: effect for effect in Effect}
_WEIGHT = {effect: index for index, effect in enumerate(Effect)}
_EXPOSURE = {"internal": 0, "partners": 1, "public": 2}


def element_of(component: Component, declaration: Declaration, place: Location) -> Element:
    """An element that is declared and was not found."""
    is_data = component.kind in {ComponentKind.DATASET, ComponentKind.DATABASE, ComponentKind.RETRIEVAL_STORE}
    element = Element(
        id=component.id,
        kind=component.kind,
        name=component.id,
        origin=Origin.DECLARED,
        path=component.path,
        boundary=component.boundary,
        supplier=component.supplier,
        owner=component.owner,
        description=component.description,
        executes=False if is_data and not component.path.endswith((".pkl", ".pickle", ".joblib")) else None,
        is_shared=component.shared,
        data_classes=classes_of(declaration, component),
        at=place,
    )
    if component.kind is ComponentKind.MODEL and component.supplier.lower() in _HOSTS and not component.path:
        # Nothing of it is loaded here.
        element = replace(element, executes=False, is_trained=False, boundary=component.boundary or OUTSIDE)
    return replace(element, effect=effect_of(declaration, element))


def effect_of(declaration: Declaration, element: Element) -> Effect | None:
    """The graver of what was found and what is declared: a register that says less takes nothing back."""
    if element.kind is not ComponentKind.TOOL:
        return element.effect
    names = {element.id.lower(), element.name.lower()}
    said = [_EFFECTS.get(tool.effect) for tool in declaration.tools if tool.name.lower() in names]
    if not said and element.origin is Origin.DECLARED:
        # One component that stands for several tools can do what the gravest of them can.
        apart = {component.id.lower() for component in declaration.components}
        said = [_EFFECTS.get(tool.effect) for tool in declaration.tools if tool.name.lower() not in apart]
    known = [effect for effect in (element.effect, *said) if effect is not None]
    return max(known, key=lambda effect: _WEIGHT[effect]) if known else None


def classes_of(declaration: Declaration, component: Component) -> tuple[str, ...]:
    """The classes of data that a component holds, as declared."""
    return tuple(
        entry.name
        for entry in declaration.data_classes
        if component.id in entry.where or (component.path and component.path in entry.where)
    )


def size_of(found: Size, envelope: GrowthEnvelope | None) -> Size:
    """The size as counted and as declared; the larger where both say something."""
    if envelope is None:
        return found

    def now(name: str, counted: float | None) -> float | None:
        dimension = getattr(envelope, name)
        said = dimension.now if dimension else None
        known: Sequence[float] = [value for value in (said, counted) if value is not None]
        return max(known) if known else None

    return replace(
        found,
        users=now("users", found.users),
        requests_per_day=now("requests_per_day", found.requests_per_day),
        tools=now("tools", found.tools),
        autonomy=now("autonomy", found.autonomy),
        spend_per_day=now("spend_per_day", found.spend_per_day),
        exposure=_EXPOSURE.get(envelope.exposure, found.exposure),
    )

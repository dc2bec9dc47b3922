"""Takes the system over from the threat model of another tool, as the text of `threat-model.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from keelmark.config import declaration as declaration_file
from keelmark.errors import UsageError
from keelmark.formats import foreign_threat_model
from keelmark.guidelines import load as load_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.core.declaration import Component
    from keelmark.formats.foreign_threat_model import Imported

__all__ = ["import_threat_model"]


def import_threat_model(file: Path) -> tuple[str, tuple[str, ...]]:
    """The text of `threat-model.yaml` for a file of another tool, and what people have to look at in it.

    Raises:
        UsageError: The file cannot be read.
        ParseError: It is no threat model that is known.
        LimitExceededError: It is longer than is read.
    """
    try:
        found = foreign_threat_model.read(file.read_bytes(), path=file.name)
    except OSError as error:
        raise UsageError(f"`{file.name}` cannot be read: {error.strerror}") from error
    text = yaml.safe_dump(_document(found), sort_keys=False, allow_unicode=True, width=120)
    # What is written must be readable, here under the keys of the whole declaration.
    whole = {"version": 1, **_parts(found), "threat_model": _boundaries(found)}
    declaration_file.parse(yaml.safe_dump(whole), path=file.name, catalogue=load_catalogue())
    return text, found.notes


def _document(found: Imported) -> dict[str, Any]:
    return {**_parts(found), **_boundaries(found)}


def _parts(found: Imported) -> dict[str, Any]:
    return {
        "components": [_component(each) for each in found.components],
        "flows": [
            {"from": each.source, "to": each.target, "carries": each.carries, "trust": str(each.trust)}
            for each in found.flows
        ],
    }


def _component(component: Component) -> dict[str, str]:
    entry = {"id": component.id, "kind": str(component.kind)}
    if component.boundary:
        entry["boundary"] = component.boundary
    if component.description:
        entry["description"] = component.description
    return entry


def _boundaries(found: Imported) -> dict[str, Any]:
    return {"boundaries": [{"id": each.id, "title": each.title} for each in found.boundaries]}

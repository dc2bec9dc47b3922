"""What each technique of an artefact means to people: severity, why it matters, what to do."""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec

from keelmark.core.facts import Technique
from keelmark.core.scan import TechniqueCard
from keelmark.errors import CatalogueError
from keelmark.formats import yaml_tree

__all__ = ["card_of", "cards"]


@cache
def cards() -> dict[Technique, TechniqueCard]:
    """Every technique, in the order of the vocabulary.

    Raises:
        CatalogueError: The packaged data is damaged.
    """
    text = resources.files(__package__).joinpath("techniques.yaml").read_text(encoding="utf-8")
    tree = yaml_tree.parse(text)
    rows = tree.plain() if tree else None
    if not isinstance(rows, dict):
        raise CatalogueError("techniques.yaml is damaged")
    try:
        return {
            technique: msgspec.convert({**rows[technique], "technique": technique}, TechniqueCard)
            for technique in Technique
        }
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise CatalogueError(f"techniques.yaml is damaged: {error}") from error


def card_of(technique: Technique) -> TechniqueCard:
    """What one technique means."""
    return cards()[technique]

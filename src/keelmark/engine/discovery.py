"""Finds rules: every module of the areas' `checks` packages, and the entry points of other distributions.

A rule module has `CARD` and `check`. A rule that breaks the contract stops the run: a missing rule would be silence.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from keelmark.core.finding import Card, Rule
from keelmark.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from keelmark.core.catalogue import Catalogue

__all__ = ["ENTRY_POINT_GROUP", "Found", "discover"]

ENTRY_POINT_GROUP = "keelmark.rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A rule and where it comes from.

    Attributes:
        origin: Module path, or `distribution:entry-point`.
        page: The docstring of the rule, in Markdown.
    """

    rule: Rule
    origin: str
    page: str

    @property
    def card(self) -> Card:
        """The card of the rule."""
        return self.rule.CARD


def discover(
    packages: Sequence[ModuleType], *, catalogue: Catalogue, with_entry_points: bool = True
) -> tuple[Found, ...]:
    """All rules, sorted by id.

    Args:
        packages: Packages whose modules are rules.
        catalogue: Ids that cards may cite.
        with_entry_points: Whether other installed distributions may add rules.

    Raises:
        RuleError: A rule breaks the contract, or two have one id.
    """
    found: dict[str, Found] = {}
    candidates = list(_from_packages(packages))
    if with_entry_points:
        candidates.extend(_from_entry_points())
    for candidate in candidates:
        _validate(candidate, catalogue)
        if candidate.card.id in found:
            other = found[candidate.card.id].origin
            raise RuleError(f"two rules are called `{candidate.card.id}`: {other} and {candidate.origin}")
        found[candidate.card.id] = candidate
    return tuple(found[name] for name in sorted(found))


def _from_packages(packages: Iterable[ModuleType]) -> Iterable[Found]:
    for package in packages:
        for info in pkgutil.iter_modules(package.__path__, prefix=f"{package.__name__}."):
            name = info.name.rpartition(".")[2]
            if name.startswith("_"):
                continue
            module = importlib.import_module(info.name)
            yield _found(module, origin=info.name, page=module.__doc__ or "")


def _from_entry_points() -> Iterable[Found]:
    for point in metadata.entry_points(group=ENTRY_POINT_GROUP):
        distribution = point.dist.name if point.dist else "?"
        origin = f"{distribution}:{point.name}"
        try:
            loaded = point.load()
        except Exception as error:
            raise RuleError(f"rule `{origin}` cannot be loaded: {error}") from error
        yield _found(loaded, origin=origin, page=getattr(loaded, "__doc__", "") or "")


def _found(candidate: object, *, origin: str, page: str) -> Found:
    if not isinstance(candidate, Rule) or not isinstance(candidate.CARD, Card):
        raise RuleError(f"`{origin}` is no rule", hint="a rule has `CARD` and `check(project)`")
    return Found(rule=candidate, origin=origin, page=page)


def _validate(found: Found, catalogue: Catalogue) -> None:
    card = found.card
    unknown = [row for row in card.recommendations if row not in catalogue.by_id]
    if not card.recommendations or unknown:
        cited = ", ".join(unknown) or "nothing"
        raise RuleError(f"rule `{card.id}` cites {cited}, which the catalogue does not have")
    if not set(card.settles) <= set(card.recommendations):
        raise RuleError(f"rule `{card.id}` settles a recommendation that it does not cite")

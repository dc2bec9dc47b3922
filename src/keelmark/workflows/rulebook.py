"""Which rules there are: those of the four areas, and those that other packages add."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.deployment import checks as deployment_checks
from keelmark.design import checks as design_checks
from keelmark.development import checks as development_checks
from keelmark.engine.discovery import Found, discover
from keelmark.operation import checks as operation_checks

if TYPE_CHECKING:
    from keelmark.core.catalogue import Catalogue

__all__ = ["rulebook"]

_PACKAGES = (design_checks, development_checks, deployment_checks, operation_checks)


def rulebook(catalogue: Catalogue, *, with_plugins: bool = True) -> tuple[Found, ...]:
    """All rules, sorted by id.

    Raises:
        RuleError: A rule breaks the contract.
    """
    return discover(_PACKAGES, catalogue=catalogue, with_entry_points=with_plugins)

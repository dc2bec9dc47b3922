"""`keelmark rules`: which rules there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from keelmark.cli.output import print_table, print_text
from keelmark.core.outcome import Severity  # noqa: TC001 - read at run time by the command line
from keelmark.guidelines import load as load_catalogue
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from keelmark.core.finding import Card

__all__ = ["rules"]


def rules(
    pattern: str = "",
    *,
    item: str = "",
    severity: Severity | None = None,
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
) -> int:
    """List the rules.

    Args:
        pattern: Part of the rule's name or title.
        item: Item or recommendation of the guidelines: DEV-1, SD-3.g.
        severity: Only rules of this severity.
        format: console or json.
    """
    catalogue = load_catalogue()
    cards = [
        found.card
        for found in rulebook(catalogue)
        if _fits(found.card, pattern, item=item, severity=severity)
    ]
    if format == "json":
        print_text(msgspec.json.format(msgspec.json.encode(cards), indent=2).decode())
        return 0
    rows = [(card.id, card.severity.value, " ".join(card.recommendations), card.title) for card in cards]
    print_table(("rule", "severity", "recommendations", "what a failure means"), rows)
    print_text(f"{len(cards)} rules; keelmark explain RULE says more")
    return 0


def _fits(card: Card, pattern: str, *, item: str, severity: Severity | None) -> bool:
    if pattern.lower() not in f"{card.id} {card.title}".lower():
        return False
    if severity is not None and card.severity is not severity:
        return False
    return not item or any(row == item or row.startswith(f"{item}.") for row in card.recommendations)

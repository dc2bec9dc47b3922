"""`keelmark rules`: which rules there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from keelmark.cli.output import print_text
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
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("rule", "severity", "recommendations", "what a failure means"):
        table.add_column(column, no_wrap=column != "what a failure means")
    for card in cards:
        table.add_row(card.id, card.severity.value, " ".join(card.recommendations), card.title)
    console = Console()
    console.print(table)
    console.print(f"{len(cards)} rules; keelmark explain RULE says more", highlight=False)
    return 0


def _fits(card: Card, pattern: str, *, item: str, severity: Severity | None) -> bool:
    if pattern.lower() not in f"{card.id} {card.title}".lower():
        return False
    if severity is not None and card.severity is not severity:
        return False
    return not item or any(row == item or row.startswith(f"{item}.") for row in card.recommendations)

"""`keelmark diff`: what changed between two kept runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from keelmark.cli.output import print_text
from keelmark.report.sanitise import terminal
from keelmark.workflows.diff import Difference, difference, kept_runs

__all__ = ["diff"]


def diff(
    before: str = "",
    after: str = "latest",
    *,
    path: Path = Path(),
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
) -> int:
    """Say what changed between two runs. Without arguments: list the runs.

    Args:
        before: Id (or its beginning) of the earlier run.
        after: Id of the later run.
        path: The assessed folder.
        format: console or json.

    Returns 0 when nothing failed anew, 1 when something did.
    """
    if not before:
        return _list(path, format)
    changed = difference(path, before, after)
    if format == "json":
        print_text(msgspec.json.format(msgspec.json.encode(changed), indent=2).decode())
    else:
        _show(changed)
    return 1 if changed.new else 0


def _list(path: Path, form: str) -> int:
    runs = kept_runs(path)
    if form == "json":
        print_text(msgspec.json.format(msgspec.json.encode(runs), indent=2).decode())
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("run", "started", "verdict", "failures", "system"):
        table.add_column(column, no_wrap=True)
    for run in runs:
        started = f"{run.started:%Y-%m-%d %H:%M:%S}"
        table.add_row(run.id, started, run.verdict, str(run.failures), terminal(run.system))
    Console().print(table)
    return 0


def _show(changed: Difference) -> None:
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(f"{changed.before} ({changed.before_verdict}) -> {changed.after} ({changed.after_verdict})")
    for title, entries in (("new", changed.new), ("gone", changed.gone)):
        console.print(f"{title}: {len(entries)}")
        for entry in entries:
            console.print(
                f"  {entry.severity:8} {entry.rule}  {terminal(entry.place)}  {terminal(entry.message)}"
            )
    console.print(f"still there: {changed.same}")
    for status in changed.standings:
        console.print(f"  {status.recommendation}: {status.before} -> {status.after}")

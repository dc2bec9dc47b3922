"""`keelmark diff`: what changed between two kept runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from keelmark.cli.output import print_table, print_text
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
        print_text(json.dumps(msgspec.to_builtins(changed), indent=2))
    else:
        _show(changed)
    return 1 if changed.new else 0


def _list(path: Path, form: str) -> int:
    runs = kept_runs(path)
    if form == "json":
        print_text(json.dumps(msgspec.to_builtins(runs), indent=2))
        return 0
    rows = [
        (run.id, f"{run.started:%Y-%m-%d %H:%M:%S}", run.verdict, str(run.failures), run.system)
        for run in runs
    ]
    print_table(("run", "started", "verdict", "failures", "system"), rows)
    return 0


def _show(changed: Difference) -> None:
    # The runs lie in the assessed folder, where somebody else may have written them: everything is foreign text.
    lines = [
        f"{changed.before} ({changed.before_verdict}) -> {changed.after} ({changed.after_verdict})",
    ]
    for title, entries in (("new", changed.new), ("gone", changed.gone)):
        lines.append(f"{title}: {len(entries)}")
        lines.extend(
            f"  {entry.severity:8} {entry.rule}  {entry.place}  {entry.message}" for entry in entries
        )
    lines.append(f"still there: {changed.same}")
    lines.extend(f"  {row.recommendation}: {row.before} -> {row.after}" for row in changed.standings)
    print_text("\n".join(terminal(line, limit=2_000) for line in lines))

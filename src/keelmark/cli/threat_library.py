"""`keelmark threats library`: what the threat library knows, and what a newer edition changes for this project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from keelmark.cli.output import print_table, print_text
from keelmark.cli.progress import watching
from keelmark.config.settings import resolve
from keelmark.core.threats import Horizon
from keelmark.report.sanitise import terminal
from keelmark.workflows.assess import target_of
from keelmark.workflows.threat_library import compare_library, show_library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.library_difference import LibraryDifference
    from keelmark.core.threats import Library
    from keelmark.workflows.threat_library import LibraryReport

__all__ = ["library"]

_MAX_SHOWN = 40
_MAX_LINE = 1_000


def library(
    path: Path = Path(),
    *,
    file: Path | None = None,
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
) -> int:
    """Say what the threat library knows: editions, counts, faults of the sources. With --file, what a newer edition changes.

    Exit codes: 0 nothing to look at again, 1 there are tasks, 2 could not run.

    Args:
        path: The project that the tasks are for; only read with --file, and nothing is written.
        file: A newer ATLAS.yaml of MITRE ATLAS, in format 5 or 6.
        format: console or json.
        quiet: No progress.
    """
    if file is None:
        report = show_library()
    else:
        settings = resolve({"write": False})
        with watching(quiet=quiet) as progress:
            report = compare_library(file, target_of([path]), settings, progress=progress)
    if format == "json":
        print_text(msgspec.json.format(msgspec.json.encode(_plain(report)), indent=2).decode())
    else:
        _print(report)
    return 1 if report.difference is not None and report.difference.tasks else 0


def _plain(report: LibraryReport) -> dict[str, object]:
    return {
        "sources": [_named(source) for source in report.library.versions],
        "counts": dict(_counts(report.library)),
        "faults": [{"path": gap.path, "line": gap.line, "text": gap.detail} for gap in report.library.faults],
        "difference": report.difference,
    }


def _named(source: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("source", "version", "date"), source, strict=True))


def _print(report: LibraryReport) -> None:
    rows = [tuple(terminal(text) for text in source) for source in report.library.versions]
    print_table(("source", "version", "date"), rows)
    print_table(("what", "count"), [(name, str(count)) for name, count in _counts(report.library)])
    for gap in report.library.faults:
        place = f"{gap.path}:{gap.line}" if gap.line else gap.path
        print_text(terminal(f"fault: {place}: {gap.detail}", limit=_MAX_LINE))
    if report.difference is not None:
        print_text("\n".join(terminal(line, limit=_MAX_LINE) for line in _lines(report.difference)))


def _counts(found: Library) -> Iterator[tuple[str, int]]:
    yield "threats with paths", len(found.threats)
    yield "tactics", len(found.tactics)
    yield "techniques", sum(1 for entry in found.techniques.values() if not entry.parent)
    yield "sub-techniques", sum(1 for entry in found.techniques.values() if entry.parent)
    for horizon in Horizon:
        yield (
            f"techniques {horizon}",
            sum(1 for entry in found.techniques.values() if entry.horizon is horizon),
        )
    yield "mitigations", len(found.mitigations)
    yield (
        "techniques without mitigation",
        sum(1 for entry in found.techniques.values() if not entry.mitigations),
    )
    yield "CoSAI risks", len(found.risk_map.risks)
    yield "CoSAI controls", len(found.risk_map.controls)


def _lines(found: LibraryDifference) -> Iterator[str]:
    yield ""
    yield f"{len(found.changes)} entries differ, {len(found.applying)} of them concern this project"
    reasons = dict(found.applying)
    shown = sorted(found.changes, key=lambda change: change.id not in reasons)[:_MAX_SHOWN]
    for change in shown:
        what = f": {', '.join(change.fields)}" if change.fields else ""
        why = f" (here: {reasons[change.id]})" if change.id in reasons else ""
        yield f"  {change.change.value:8} {change.kind} {change.id} {change.name}{what}{why}"
    if len(found.changes) > len(shown):
        yield f"  and {len(found.changes) - len(shown)} more; --format json has all"
    yield ""
    yield f"{len(found.tasks)} tasks"
    for task in found.tasks:
        yield f"  {task.text}"
        yield f"    because {task.because}"

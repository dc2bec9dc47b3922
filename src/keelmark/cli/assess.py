"""`keelmark assess`: the main job."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - read at run time by the command line
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from keelmark.cli.days import day_of
from keelmark.cli.output import parse_formats, print_text, terminal_style, write_file
from keelmark.cli.progress import watching
from keelmark.config.settings import resolve
from keelmark.core.declaration import Profile  # noqa: TC001 - as above
from keelmark.guidelines import load as load_catalogue
from keelmark.report import console
from keelmark.report.formats import FORMATS
from keelmark.report.reasons import exit_code
from keelmark.workflows.assess import assess as run_assessment
from keelmark.workflows.assess import target_of
from keelmark.workflows.baseline import write_baseline as write_baseline_file
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card

__all__ = ["assess"]


def assess(  # noqa: PLR0913 - each option of the command is one argument
    *paths: Path,
    format: Annotated[tuple[str, ...], Parameter(name=("--format", "-f"), negative=())] = (),  # noqa: A002
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"), negative=())] = False,
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
    profile: Profile | None = None,
    advisories: Path | None = None,
    baseline: Path | None = None,
    new_only: Annotated[bool | None, Parameter(negative=())] = None,
    write_baseline: Path | None = None,
    write: bool | None = None,
    cache: bool | None = None,
    plugins: bool | None = None,
    as_of: str | None = None,
    max_seconds: float | None = None,
    log: Annotated[bool | None, Parameter(name="--log", negative="--no-log")] = None,
) -> int:
    """Assess a project and say: release, do not release, or not enough evidence.

    Args:
        paths: One folder (default: the current one), or files of the current folder.
        format: console, json, sarif, markdown, html, junit, oscal or cyclonedx; NAME=FILE writes a file. May be given several times.
        verbose: Every finding, asset, gap and recommendation.
        quiet: No progress.
        profile: strict treats every warning as blocking. There is nothing weaker than the default.
        advisories: File of known vulnerabilities: OSV JSON, JSON lines, or a zip of them.
        baseline: Baseline file or JSON report to compare with.
        new_only: Exit code and first line speak of failures that the baseline does not have.
        write_baseline: Write the failures of this run as a baseline.
        write: --no-write keeps no evidence and no cache: nothing at all is written.
        cache: --no-cache reads every file again.
        plugins: --no-plugins leaves out rules of other installed packages.
        as_of: Day the decision speaks of (2026-01-31); shown in every report.
        max_seconds: Bound on reading files; what is left then is named as not looked at.
        log: Begin a transparency log in .keelmark/log, and record the run in it; --no-log does not record. When not given, it is recorded
            where there is a log.
    """
    wanted = parse_formats(format)
    settings = resolve(
        {
            "profile": profile,
            "advisories": advisories,
            "baseline": baseline,
            "only_new": new_only,
            "write": write,
            "cache": cache,
            "plugins": plugins,
            "as_of": day_of(as_of),
            "max_seconds": max_seconds,
            "log": log,
        }
    )
    with watching(quiet=quiet) as progress:
        assessment = run_assessment(target_of(paths), settings, progress=progress)
    catalogue = load_catalogue()
    cards = {found.card.id: found.card for found in rulebook(catalogue, with_plugins=settings.plugins)}
    for entry in wanted:
        if entry.file is not None:
            write_file(entry.file, FORMATS[entry.name].render(assessment, catalogue=catalogue, cards=cards))
        elif entry.name == "console":
            print_text(_for_terminal(assessment, catalogue, cards, verbose=verbose))
        else:
            print_text(FORMATS[entry.name].render(assessment, catalogue=catalogue, cards=cards))
    if write_baseline is not None:
        write_baseline_file(assessment, write_baseline)
    return exit_code(assessment)


def _for_terminal(
    assessment: Assessment, catalogue: Catalogue, cards: Mapping[str, Card], *, verbose: bool
) -> str:
    width, color = terminal_style()
    return console.render(
        assessment,
        catalogue=catalogue,
        cards=cards,
        width=width,
        color=color,
        verbose=verbose,
    )

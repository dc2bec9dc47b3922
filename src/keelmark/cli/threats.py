"""`keelmark threats`: the threat model of a project, derived from what is in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from keelmark.cli.briefing import brief
from keelmark.cli.commands import COMMANDS
from keelmark.cli.days import day_of
from keelmark.cli.output import parse_formats, print_text, terminal_style, write_file
from keelmark.cli.progress import watching
from keelmark.cli.threat_import import import_model
from keelmark.cli.threat_library import library
from keelmark.config.settings import resolve
from keelmark.errors import UsageError
from keelmark.report import threats_console, threats_json, threats_markdown, threats_otm, threats_svg
from keelmark.report.threats_summary import exit_code_of
from keelmark.workflows.assess import target_of
from keelmark.workflows.threat_growth import Growth, Settings, with_growth
from keelmark.workflows.threats import model_threats

if TYPE_CHECKING:
    from keelmark.core.threats import Analysis

__all__ = ["threats"]

_RENDERERS = {
    "json": threats_json.render,
    "markdown": threats_markdown.render,
    "svg": threats_svg.render,
    "otm": threats_otm.render,
}
_FORMATS = ("console", *_RENDERERS)
_COMMAND = next(command for command in COMMANDS if command.name == "threats")

threats = App(name="threats", help=_COMMAND.summary, help_epilogue=_COMMAND.epilogue)
threats.command(library)
threats.command(brief)
threats.command(import_model, name="import")


@threats.default
def model(  # noqa: PLR0913 - each option of the command is one argument
    path: Path = Path(),
    *,
    format: Annotated[tuple[str, ...], Parameter(name=("--format", "-f"), negative=())] = (),  # noqa: A002
    at: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    envelope: bool = True,
    risk: bool | None = None,
    seed: int = 1,
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"), negative=())] = False,
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
    write: bool | None = None,
    cache: bool | None = None,
    plugins: bool | None = None,
    as_of: str | None = None,
) -> int:
    """Derive the threat model of a project: its parts and flows, the threats that apply by paths, and what stops each.

    Exit codes: 0 every threat is answered, 1 one is open, 2 could not run, 3 evidence is missing.

    Args:
        path: The folder.
        format: console, json, markdown, svg (a diagram of the data flows) or otm (Open Threat Model); NAME=FILE writes a file. May be given
            several times.
        at: Another size: 10x, users=100000, autonomy=20, exposure=public, attack-cost=0.1, capability=4; several by comma. May be given several
            times.
        envelope: --no-envelope does not look for the limits up to which the system may grow.
        risk: Losses in a year, simulated from the estimates of keelmark.yaml; needs the extra `risk`. --no-risk leaves them out.
        seed: Of the simulation.
        verbose: Every threat, path and control.
        quiet: No progress.
        write: --no-write keeps no evidence and no cache: nothing at all is written.
        cache: --no-cache reads every file again.
        plugins: --no-plugins leaves out rules of other installed packages.
        as_of: Day the analysis speaks of (2026-01-31).
    """
    wanted = parse_formats(format, known=_FORMATS)
    if not path.is_dir():
        raise UsageError(f"`{path}` is no folder", hint="name the folder of the project")
    settings = resolve({"write": write, "cache": cache, "plugins": plugins, "as_of": day_of(as_of)})
    asked = Growth(scenarios=at, envelope=envelope, figures=risk, settings=Settings(seed=seed))
    with watching(quiet=quiet) as progress:
        analysis = with_growth(model_threats(target_of([path]), settings, progress=progress), asked)
    for entry in wanted:
        text = _rendered(entry.name, analysis, verbose=verbose)
        if entry.file is not None:
            write_file(entry.file, text)
        else:
            print_text(text)
    return exit_code_of(analysis)


def _rendered(name: str, analysis: Analysis, *, verbose: bool) -> str:
    if name == "console":
        width, color = terminal_style()
        return threats_console.render(analysis, width=width, color=color, verbose=verbose)
    return _RENDERERS[name](analysis)

"""`keelmark scan`: model files alone, byte by byte, nothing loaded."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - read at run time by the command line
from typing import Annotated

from cyclopts import Parameter

from keelmark.cli.plain_scan import ScanArguments
from keelmark.cli.scanning import scan_files

__all__ = ["scan"]


def scan(  # noqa: PLR0913 - each option of the command is one argument
    *paths: str,
    format: Annotated[tuple[str, ...], Parameter(name=("--format", "-f"), negative=())] = (),  # noqa: A002
    files_from: str | None = None,
    digest: Annotated[bool, Parameter(negative=())] = False,
    clearances: Path | None = None,
    trusted_key: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"), negative=())] = False,
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
    max_seconds: float = 3600.0,
    jobs: int = 1,
    ray: str | None = None,
) -> int:
    """Say what loading model files would do, byte by byte; nothing is loaded.

    Exit codes: 0 clean, 1 unsafe, 2 could not run, 3 something could not be analysed, or there was nothing to analyse.

    Args:
        paths: Files and folders; `-` reads one artefact from standard input.
        format: console, json or sarif; NAME=FILE writes a file. May be given several times.
        files_from: File with one path per line (or separated by NUL bytes); `-` is standard input.
        digest: State the SHA-256 of every file, which takes longer than looking at large ones.
        clearances: File of clearances, written by `keelmark clear`.
        trusted_key: Public key in PEM form that must have signed the clearances. May be given several times.
        verbose: Every file and finding.
        quiet: No progress.
        max_seconds: Bound on the whole scan; files left then are not analysed.
        jobs: Processes that look at files; 0 is one for each core.
        ray: Spread the files over the Ray cluster of this address (`local` starts one here, `auto` finds the one of this machine); every node must
            see them under the same paths. Needs the extra `ray`.
    """
    return scan_files(
        ScanArguments(
            paths=paths,
            format=format,
            files_from=files_from,
            digest=digest,
            clearances=clearances,
            trusted_key=trusted_key,
            verbose=verbose,
            quiet=quiet,
            max_seconds=max_seconds,
            jobs=jobs,
            ray=ray,
        )
    )

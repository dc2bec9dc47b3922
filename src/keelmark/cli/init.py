"""`keelmark init`: a first declaration from what was found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keelmark.cli.output import print_text
from keelmark.cli.progress import watching
from keelmark.errors import UsageError
from keelmark.workflows.init import draft, write_declaration

__all__ = ["init"]


def init(
    path: Path = Path(),
    *,
    print_only: Annotated[bool, Parameter(name="--print", negative=())] = False,
) -> int:
    """Write keelmark.yaml from what was found in the folder. Never overwrites.

    Args:
        path: The folder.
        print_only: Print it instead of writing it.
    """
    if not path.is_dir():
        raise UsageError(f"`{path}` is no folder", hint="name the folder of the project")
    with watching(quiet=False) as progress:
        if print_only:
            text = draft(path.resolve(), progress=progress)
        else:
            written = write_declaration(path.resolve(), progress=progress)
    if print_only:
        print_text(text)
        return 0
    sys.stderr.write(f"{written.name} is written; fill in what only you can say, then run keelmark assess\n")
    return 0

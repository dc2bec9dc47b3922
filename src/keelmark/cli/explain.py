"""`keelmark explain`: what, why and how to fix, offline."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.markdown import Markdown

from keelmark.cli.output import print_text
from keelmark.report.sanitise import guard_lines
from keelmark.workflows.explain import explain as page_about

__all__ = ["explain"]


def explain(
    name: str = "",
    *,
    path: Path = Path(),
    format: Annotated[Literal["console", "markdown", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
) -> int:
    """Explain a rule, a technique, an item, a recommendation or a finding: what, why, how to fix. Offline.

    Args:
        name: Rule, technique of artefacts, item, recommendation, or the beginning of a fingerprint.
        path: The assessed folder, for findings.
        format: console, markdown or json.
    """
    page = page_about(name, root=path)
    if format == "json":
        print_text(json.dumps({"name": name, "markdown": page}, indent=2))
    elif format == "console" and sys.stdout.isatty():
        Console().print(Markdown(guard_lines(page)))
    else:
        print_text(guard_lines(page))
    return 0

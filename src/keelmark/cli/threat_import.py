"""`keelmark threats import`: take a system over that was modelled elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - read at run time by the command line

from keelmark.cli.output import print_text
from keelmark.report.sanitise import terminal
from keelmark.workflows.threat_import import import_threat_model

__all__ = ["import_model"]


def import_model(file: Path) -> int:
    """Print threat-model.yaml for a system that was modelled elsewhere: an Open Threat Model file in JSON, or what pytm writes with --json.

    Elements, flows and boundaries are taken over; threats are found anew, by their paths. What was guessed is told on standard error.

    Args:
        file: The file.
    """
    text, notes = import_threat_model(file)
    print_text(text)
    for note in notes:
        sys.stderr.write(f"note: {terminal(note)}\n")
    return 0

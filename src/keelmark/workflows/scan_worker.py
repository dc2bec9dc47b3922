"""One process of a scan with several: reads orders on standard input, answers on standard output, a line for each file.

Whatever else writes to standard output goes to standard error. It ends when its input does, also when its parent died.
"""

from __future__ import annotations

import os
import sys

from keelmark.workflows.scan_wire import answers

__all__ = ["READY", "main"]

READY = "ready"


def main() -> None:
    """Serve until the end of standard input."""
    said = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    orders = iter(sys.stdin.readline, "")
    stated = next(orders, "")
    print(READY, file=said, flush=True)
    for ordered in orders:
        for line in answers(stated, ordered):
            print(line, file=said, flush=True)

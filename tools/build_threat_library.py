"""Makes library.json, the fast form of the shipped threat data; with --check only says whether it is current."""

from __future__ import annotations

import sys
from pathlib import Path

from keelmark.design.threats.library.shipped import FAST_FORM, encode, read_files

FOLDER = Path(__file__).resolve().parent.parent / "src/keelmark/design/threats/library"


def main() -> int:
    """Write or check the fast form."""
    rendered = encode(read_files())
    target = FOLDER / FAST_FORM
    if "--check" in sys.argv:
        current = target.is_file() and target.read_bytes() == rendered
        if not current:
            print(f"{FAST_FORM} is older than the data beside it: run make docs", file=sys.stderr)
        return 0 if current else 1
    target.write_bytes(rendered)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

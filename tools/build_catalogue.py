"""Makes the packaged catalogue.json from catalogue.yaml; with --check only says whether it is current."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from keelmark.formats import yaml_tree
from keelmark.guidelines.loader import parse

FOLDER = Path(__file__).resolve().parent.parent / "src/keelmark/guidelines"


def main() -> int:
    """Write or check the JSON form."""
    text = (FOLDER / "catalogue.yaml").read_text("utf-8")
    parse(text)
    node = yaml_tree.parse(text)
    plain = node.plain() if node is not None else None
    rendered = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=False) + "\n"
    target = FOLDER / "catalogue.json"
    if "--check" in sys.argv:
        current = target.is_file() and target.read_text("utf-8") == rendered
        if not current:
            print("catalogue.json is older than catalogue.yaml: run make docs", file=sys.stderr)
        return 0 if current else 1
    target.write_text(rendered, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Build the index and write SHA256SUMS, or check both: python tools/release_files.py [--check]"""

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from helpdesk.store import INDEX, build  # noqa: E402

FILES = (
    "data/articles.jsonl",
    "data/index.json",
    "data/orders.csv",
    "data/tickets.csv",
    "integrations/shipping_tracker.json",
    "src/helpdesk/prompts.py",
)


def index() -> str:
    """The index of the articles as text."""
    lines = (ROOT / "data" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    return json.dumps(build([json.loads(line) for line in lines]), indent=1, sort_keys=True) + "\n"


def checksums() -> str:
    """One line for each file, in the form of sha256sum."""
    return "".join(f"{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES)


def main() -> int:
    """Exit with 1 when a file differs from its record."""
    if "--check" not in sys.argv:
        (ROOT / INDEX).write_text(index(), encoding="utf-8")
        (ROOT / "SHA256SUMS").write_text(checksums(), encoding="utf-8")
        return 0
    is_same = (ROOT / INDEX).read_text(encoding="utf-8") == index()
    is_same = is_same and (ROOT / "SHA256SUMS").read_text(encoding="utf-8") == checksums()
    print("every file is the recorded one" if is_same else "a file differs from its record")
    return 0 if is_same else 1


if __name__ == "__main__":
    raise SystemExit(main())

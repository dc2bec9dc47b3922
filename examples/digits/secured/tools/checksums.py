"""Write or check SHA256SUMS: python tools/checksums.py [--check]"""

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = ("data/digits.csv", "models/digits-mlp.safetensors")


def lines() -> str:
    """One line for each file, in the form of sha256sum."""
    return "".join(f"{hashlib.sha256((ROOT / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES)


def main() -> int:
    """Exit with 1 when a file differs from its record."""
    target = ROOT / "SHA256SUMS"
    if "--check" not in sys.argv:
        target.write_text(lines(), encoding="utf-8")
        return 0
    same = target.read_text(encoding="utf-8") == lines()
    print("every file is the recorded one" if same else "a file differs from its record")
    return 0 if same else 1


if __name__ == "__main__":
    raise SystemExit(main())

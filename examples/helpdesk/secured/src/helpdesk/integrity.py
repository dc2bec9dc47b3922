"""Files are used only if they are the released ones."""

import hashlib
from pathlib import Path


class IntegrityError(RuntimeError):
    """A file is not the one that was released."""


def released_bytes(root: Path, name: str, *, max_bytes: int = 1_000_000) -> bytes:
    """The content of a file whose digest stands in `SHA256SUMS`. What was measured is what is returned."""
    recorded = {}
    for line in (root / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        digest, _, path = line.partition("  ")
        recorded[path] = digest
    if name not in recorded:
        raise IntegrityError(f"no digest is recorded for {name}")
    path = root / name
    if path.stat().st_size > max_bytes:
        raise IntegrityError(f"{name} is larger than {max_bytes} bytes")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != recorded[name]:
        raise IntegrityError(f"{name} is not the released file")
    return data

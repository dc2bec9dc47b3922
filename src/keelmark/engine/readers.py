"""All readers: those of `formats`, found in their package, and those that join a format with a detector."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark import formats
from keelmark.engine.signals import TEXT_READER, RecordReader
from keelmark.errors import RuleError

if TYPE_CHECKING:
    from keelmark.formats.source import Reader

__all__ = ["all_readers", "code_state"]

DATASETS = "dataset"


@lru_cache(maxsize=1)
def all_readers() -> tuple[Reader, ...]:
    """Every reader, sorted by name. A module of `formats` offers `READER` or `READERS`.

    Raises:
        RuleError: Two readers have one name.
    """
    found: dict[str, Reader] = {TEXT_READER.name: TEXT_READER}
    for info in pkgutil.walk_packages(formats.__path__, prefix=f"{formats.__name__}."):
        module = importlib.import_module(info.name)
        offered = getattr(module, "READERS", None) or ((module.READER,) if hasattr(module, "READER") else ())
        for reader in offered:
            if found.get(reader.name, reader) is not reader:
                raise RuleError(f"two readers are called `{reader.name}`")
            found[reader.name] = reader
    found[DATASETS] = RecordReader(inner=found[DATASETS])
    return tuple(found[name] for name in sorted(found))


@lru_cache(maxsize=1)
def code_state() -> str:
    """One word for the code and data of the readers as they are installed.

    It changes with every edit, so that whoever works on a reader never meets what an older one remembered.
    """
    package = Path(formats.__file__).parent.parent
    state = hashlib.sha256()
    for folder in ("core", "detectors", "engine", "formats"):
        for file in sorted((package / folder).rglob("*")):
            if file.suffix in {".json", ".py", ".yaml"}:
                status = file.stat()
                state.update(
                    f"{file.relative_to(package)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()
                )
    return state.hexdigest()

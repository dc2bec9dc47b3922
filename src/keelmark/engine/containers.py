"""All containers, found in their package: a module of `formats.archives` offers `CONTAINER` or `CONTAINERS`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING

from keelmark.errors import RuleError
from keelmark.formats import archives

if TYPE_CHECKING:
    from keelmark.formats.archives.container import Container

__all__ = ["all_containers"]


@lru_cache(maxsize=1)
def all_containers() -> tuple[Container, ...]:
    """Every container, sorted by name.

    Raises:
        RuleError: Two containers have one name.
    """
    found: dict[str, Container] = {}
    for info in pkgutil.walk_packages(archives.__path__, prefix=f"{archives.__name__}."):
        module = importlib.import_module(info.name)
        offered = getattr(module, "CONTAINERS", None) or (
            (module.CONTAINER,) if hasattr(module, "CONTAINER") else ()
        )
        for container in offered:
            if found.get(container.name, container) is not container:
                raise RuleError(f"two containers are called `{container.name}`")
            found[container.name] = container
    return tuple(found[name] for name in sorted(found))

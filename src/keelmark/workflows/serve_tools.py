"""Definitions of tools that the gateway holds callers and servers to, from files that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.tools import stated_digest
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError
from keelmark.formats.strict_json import parse
from keelmark.store.durable import read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from keelmark.config.gateway import GatewaySettings

__all__ = ["definitions_of", "unpinned_note"]

_MAX_BYTES = 2 * 1024**2
_MAX_TOOLS = 2_000
_MAX_TOLD = 10
_LISTS = ("result", "tools", "functions")


def definitions_of(settings: GatewaySettings, root: Path) -> dict[str, Any]:
    """Definitions by name.

    Args:
        settings: Which files.
        root: The folder of the gateway, from which their paths start. They have to lie in the folder that was released.

    Raises:
        ConfigurationError: One cannot be read, states no tools, lies outside, or two define one name differently.
    """
    found: dict[str, Any] = {}
    folder = (root / settings.release.folder).resolve()
    for name in settings.tools.definitions:
        file = root / name
        if settings.release.off is None and not file.resolve().is_relative_to(folder):
            raise ConfigurationError(
                "definitions of tools lie outside of the folder that was released", path=name
            )
        for definition in _read(file, name):
            digest = stated_digest(definition)
            inner = definition.get("function", definition) if isinstance(definition, dict) else None
            if not digest or not isinstance(inner, dict):
                raise ConfigurationError(
                    "it holds what is no definition of a tool", path=name,
                    hint="objects with name, description, and parameters, input_schema or inputSchema",
                )  # fmt: skip
            if stated_digest(found.setdefault(inner["name"], inner)) != digest:
                raise ConfigurationError(
                    f"tool `{inner['name'][:64]}` is defined twice, differently", path=name
                )
            if len(found) > _MAX_TOOLS:
                raise ConfigurationError(f"more than {_MAX_TOOLS} tools are defined", path=name)
    return found


def _read(file: Path, name: str) -> Iterable[Any]:
    try:
        document = parse(read_bounded(file, _MAX_BYTES), max_bytes=_MAX_BYTES)
    except (OSError, LimitExceededError, ParseError) as error:
        raise ConfigurationError(f"definitions of tools cannot be read: {error}", path=name) from error
    if document.duplicates:
        raise ConfigurationError("a key stands twice in the definitions of tools", path=name)
    listed = list(_listed(document.value))
    if not listed:
        raise ConfigurationError("it defines no tools", path=name)
    return listed


def _listed(value: Any) -> Iterator[Any]:
    """The entries of a list of tools, bare, or as an MCP server answers."""
    while isinstance(value, dict):
        inner = next((value[key] for key in _LISTS if key in value), None)
        if inner is None:
            yield value
            return
        value = inner
    if isinstance(value, list):
        yield from value


def unpinned_note(unpinned: Iterable[str], *, pinned: Iterable[str]) -> str:
    """What the operator should know of tools that no digest is known of; "" when there is none.

    Args:
        unpinned: Names of tools in the release whose definition is made when a program runs.
        pinned: Names that the settings pin.
    """
    left = sorted(set(unpinned) - set(pinned))
    if not left:
        return ""
    more = f" and {len(left) - _MAX_TOLD} more" if len(left) > _MAX_TOLD else ""
    return (
        f"tools without a pin, as their definition is made when a program runs: {', '.join(left[:_MAX_TOLD])}{more}; "
        "none of them is let through until `tools.definitions` or `tools.pinned` states it"
    )

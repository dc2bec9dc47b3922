"""Telemetry of the gateway, put together as its settings say; off unless they name a receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keelmark.gateway.telemetry import Telemetry, export_to
from keelmark.workflows.serve_parts import secret_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from keelmark.config.gateway import GatewaySettings

__all__ = ["servers_of", "telemetry_of"]

_PORTS = {"http": 80, "https": 443}


def telemetry_of(
    settings: GatewaySettings, *, worker: str, root: Path, environment: Mapping[str, str] | None = None
) -> Telemetry | None:
    """What tells the receiver of finished requests; None where there is none.

    Args:
        settings: Which one.
        worker: Name of this worker.
        root: Paths of the settings start here.
        environment: Variables that hold headers.

    Raises:
        ConfigurationError: The packages for it are not installed, or a header is not where it should be.
    """
    wanted = settings.telemetry
    if not wanted.endpoint:
        return None
    headers = {
        each.name: secret_from(each.value, root=root, environment=environment) for each in wanted.headers
    }
    export = export_to(wanted, headers=headers, instance=worker)
    return Telemetry(export, servers=servers_of(settings), max_queue=wanted.max_queue)


def servers_of(settings: GatewaySettings) -> dict[str, tuple[str, int]]:
    """Host and port by name of an upstream."""
    found = {}
    for each in settings.upstreams:
        parts = urlsplit(each.url)
        found[each.name] = (parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
    return found

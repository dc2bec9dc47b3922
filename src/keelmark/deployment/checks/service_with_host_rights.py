"""A service has the rights of its host.

## What it finds

A compose service or Kubernetes container that runs privileged, shares the host's network, process or file namespaces,
mounts the container engine's socket or the root of the host, or adds capabilities such as `SYS_ADMIN`.

## Why it matters

A model server that is broken into then owns the machine and every other container on it.

## How to fix

Remove the right; mount only what the service needs, read-only where it can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Service
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="service-with-host-rights",
    title="A service has the rights of its host",
    severity=Severity.HIGH,
    recommendations=("DEP-1.a", "SD-3.i", "DEP-1.g"),
    tags=("cwe:250", "en-304-223:5.2.2-1", "atlas:AML.T0105"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

_CAPABILITIES = ("ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "NET_ADMIN", "DAC_READ_SEARCH")
_SETTINGS = {
    "network_mode": {"host"},
    "pid": {"host"},
    "ipc": {"host"},
    "hostNetwork": {"true", "True"},
    "hostPID": {"true", "True"},
    "hostIPC": {"true", "True"},
    "allowPrivilegeEscalation": {"true", "True"},
}


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    services = [Seen(f, r, service) for f, r in project.readings for service in r.services]
    wrong = [(seen, what) for seen in services for what in _rights(seen.fact)]
    for seen, what in wrong:
        yield CARD.failed(
            f"service `{seen.fact.name}` {what}",
            at=Location(path=seen.file.path, line=seen.fact.line, anchor=seen.fact.name),
            fix="Remove the right; mount only what the service needs, read-only where it can be.",
            subject=f"{seen.fact.name}:{what}",
            severity=CARD.severity if seen.is_product else Severity.LOW,
        )
    if not services:
        yield CARD.not_applicable("no compose or Kubernetes service was found")
    elif not wrong:
        yield CARD.passed(
            f"no rights of the host in {counted(len(services), 'service')}",
            at=tuple(s.at() for s in services[:5]),
        )


def _rights(service: Service) -> Iterator[str]:
    if service.is_privileged:
        yield "runs privileged"
    for key, value in service.settings:
        if value in _SETTINGS.get(key, ()):
            yield f"has {key}={value.lower()}"
        if key in {"cap_add", "capabilities.add"} and any(name in value.upper() for name in _CAPABILITIES):
            yield f"adds the capability {value}"
    for volume in service.volumes:
        source = volume.partition(":")[0]
        if source.endswith(("docker.sock", "containerd.sock", "podman.sock")):
            yield "mounts the socket of the container engine"
        elif source in {"/", "/etc", "/root", "/var/run"}:
            yield f"mounts {source} of the host"

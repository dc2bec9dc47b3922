"""A container in the cluster runs as root, or nobody said as whom.

## What it finds

Containers of Kubernetes objects that run as user 0, or that state neither `runAsNonRoot: true` nor a user other than 0,
at the container or at its pod. The first is a weakness; the second leaves it to the image, and weighs less.

```yaml
securityContext:
  runAsUser: 0          # bad
```

## Why it matters

Root in the container is one flaw of the kernel or one careless mount away from root on the node, beside every other
model that runs there.

## How to fix

```yaml
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  allowPrivilegeEscalation: false
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.facts import Service
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="kubernetes-container-as-root",
    title="A container in the cluster runs as root, or nobody said as whom",
    severity=Severity.MEDIUM,
    recommendations=("DEP-1.a", "SD-3.i"),
    tags=("cwe:250", "en-304-223:5.2.2-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

_FIX = (
    "Set runAsNonRoot: true, a user other than 0 and allowPrivilegeEscalation: false in its securityContext."
)
_MAX_PLACES = 20


def check(project: Project) -> Iterator[Finding]:
    """Answer for each container of a cluster."""
    found = [
        Seen(f, r, service)
        for f, r in project.readings
        for service in r.services
        if service.system == "kubernetes"
    ]
    if not found:
        templates = [file for file, reading in project.readings if reading.format == "helm"]
        if templates:
            yield CARD.unknown(
                f"{len(templates)} Helm templates are not rendered, so nothing says as whom their containers run",
                fix="Render them (helm template) and assess the result.",
                at=tuple(Location(path=file.path) for file in templates[:10]),
            )
        else:
            yield CARD.not_applicable("no container of a Kubernetes cluster was found")
        return
    root = [seen for seen in found if _user(seen.fact) == "0"]
    unset = [seen for seen in found if seen not in root and not _is_other(seen.fact)]
    for seen in root:
        yield CARD.failed(
            f"container `{seen.fact.name}` runs as root",
            at=_place(seen),
            fix=_FIX,
            subject=seen.fact.name,
            severity=CARD.severity if seen.is_product else Severity.LOW,
        )
    yield from _unset(unset)
    if not root and not unset:
        yield CARD.passed(
            f"{counted(len(found), 'container')} with another user than root",
            at=tuple(map(_place, found[:5])),
        )


def _unset(unset: Sequence[Seen[Service]]) -> Iterator[Finding]:
    what = "do not say as whom they run; the image decides, and most images say root"
    if len(unset) > _MAX_PLACES:
        places = tuple(map(_place, unset[:_MAX_PLACES]))
        yield CARD.failed(
            f"{len(unset)} containers {what}", at=places, fix=_FIX, subject="unset", severity=Severity.LOW
        )
        return
    for seen in unset:
        yield CARD.failed(
            f"container `{seen.fact.name}` does not say as whom it runs; the image decides, and most images say root",
            at=_place(seen),
            fix=_FIX,
            subject=seen.fact.name,
            severity=Severity.LOW,
        )


def _place(seen: Seen[Service]) -> Location:
    return Location(path=seen.file.path, line=seen.fact.line, anchor=seen.fact.name)


def _user(service: Service) -> str:
    return service.run_as_user.strip().lower().replace("root", "0")


def _is_other(service: Service) -> bool:
    if _user(service):
        return True
    return any(key == "runAsNonRoot" and value.lower() == "true" for key, value in service.settings)

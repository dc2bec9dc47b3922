"""A model server may take all memory of its host.

## What it finds

Compose services and Kubernetes containers that run a known model server (vLLM, Ollama, Triton, TGI, TorchServe, ...)
and have no limit on memory. Services that extend another one are not judged: the limit may stand there.

```yaml
services:
  model:
    image: ollama/ollama:0.12.3         # bad: nothing stops it
```

## Why it matters

Long prompts and many callers make a model server grow until the host kills something, and that may be the gateway or
the log.

## How to fix

```yaml
    deploy:
      resources:
        limits: {memory: 24g, cpus: "8"}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Service
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="service-without-limits",
    title="A model server may take all memory of its host",
    severity=Severity.LOW,
    recommendations=("DEP-1.a", "DEP-2.c"),
    tags=("cwe:770", "owasp-llm:LLM10", "atlas:AML.T0029", "en-304-223:5.2.2-1"),
    reads_single_files=True,
)

_SERVERS = re2.compile(
    r"(?i)(ollama/ollama|vllm|text-generation-inference|text-embeddings-inference|tritonserver|torchserve|"
    r"tensorflow/serving|llama\.cpp|localai|lmdeploy|sglang|mlserver|xinference|infinity:|openedai|tabbyapi|"
    r"(?:^|/)llama-server)"
)
_COMMANDS = re2.compile(
    r"(?i)(vllm(\.entrypoints|\s+serve)|ollama\s+serve|llama-server|sglang\.launch_server|tritonserver|torchserve\s+--start)"
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each model server."""
    services = [Seen(f, r, service) for f, r in project.readings for service in r.services]
    servers = [seen for seen in services if seen.is_product and _serves_model(seen.fact)]
    if not servers:
        yield CARD.not_applicable("no container that runs a known model server was found")
        return
    bare = [seen for seen in servers if not _has_limit(seen.fact)]
    hidden = [seen for seen in bare if any(key == "extends" for key, _ in seen.fact.settings)]
    for seen in bare:
        at = Location(path=seen.file.path, line=seen.fact.line, anchor=seen.fact.name)
        if seen in hidden:
            yield CARD.unknown(
                f"service `{seen.fact.name}` extends another one, where its limits may stand",
                fix="Render it (docker compose config) and assess the result.",
                at=at,
                subject=seen.fact.name,
            )
            continue
        yield CARD.failed(
            f"service `{seen.fact.name}` runs a model server without a limit on memory",
            at=at,
            fix="Set a limit on memory (deploy.resources.limits.memory, resources.limits.memory), and one on processors.",
            subject=seen.fact.name,
        )
    if not bare:
        yield CARD.passed(
            f"{counted(len(servers), 'model server')} with a limit on memory",
            at=tuple(s.at() for s in servers[:5]),
        )


def _serves_model(service: Service) -> bool:
    return bool(_SERVERS.search(service.image) or _COMMANDS.search(service.command))


def _has_limit(service: Service) -> bool:
    return any(limit.partition("=")[0] in {"memory", "mem_limit"} for limit in service.limits)

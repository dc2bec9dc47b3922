"""A store or model server is open to the whole network.

## What it finds

A compose service that publishes the port of a database, vector store, cache, model server or notebook on every
interface of the host (`6379:6379`, `0.0.0.0:11434:11434`). The same on `127.0.0.1` is left alone, and so is the port
of an application of your own.

## Why it matters

Docker writes its own firewall rules: a published port is reachable from outside even where the host's firewall says
no. Open Ollama, Redis and Qdrant ports are found within hours.

## How to fix

Publish on loopback (`127.0.0.1:6379:6379`), or do not publish at all: services of one compose file reach each other
without.
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
    id="service-published-to-all",
    title="A store or model server is open to the whole network",
    severity=Severity.MEDIUM,
    recommendations=("DEP-1.d", "DEP-1.a", "DEP-2.a"),
    tags=("cwe:668", "cwe:306", "en-304-223:5.2.2-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

# Ports of services that authenticate nobody, or whose password is in the compose file.
_SENSITIVE = {
    "1433", "2375", "3306", "5432", "5984", "6333", "6334", "6379", "6650", "7474", "7687", "8123", "8265", "8888",
    "9000", "9042", "9092", "9200", "9300", "11211", "11434", "19530", "27017", "28015",
}  # fmt: skip
_IMAGES = ("ollama", "vllm", "redis", "valkey", "postgres", "pgvector", "mysql", "mariadb", "mongo", "qdrant", "weaviate",
           "milvus", "chroma", "elasticsearch", "opensearch", "neo4j", "memcached", "jupyter", "minio", "text-generation-inference",
           "text-embeddings-inference", "llama.cpp", "localai", "triton")  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    services = [
        Seen(f, r, service)
        for f, r in project.readings
        for service in r.services
        if service.system == "compose"
    ]
    wrong = [(seen, port) for seen in services for port in seen.fact.ports if _is_exposed(seen.fact, port)]
    for seen, port in wrong:
        yield CARD.failed(
            f"service `{seen.fact.name}` publishes {port} on every interface",
            at=Location(path=seen.file.path, line=seen.fact.line, anchor=f"{seen.fact.name} {port}"),
            fix=f'Publish on loopback: "127.0.0.1:{port.removeprefix("0.0.0.0:")}", or do not publish it.',
            subject=f"{seen.fact.name}:{port}",
            severity=CARD.severity if seen.is_product else Severity.LOW,
        )
    if not services:
        yield CARD.not_applicable("no compose service was found")
    elif not wrong:
        yield CARD.passed(
            f"no store or model server among {counted(len(services), 'published service')}",
            at=tuple(s.at() for s in services[:5]),
        )


def _is_exposed(service: Service, port: str) -> bool:
    host, _, _ = port.rpartition(":")
    address, _, _ = host.rpartition(":")
    if address and address not in {"0.0.0.0", "::", "[::]"}:  # noqa: S104 - what the rule looks for
        return False
    container = port.rpartition(":")[2].partition("/")[0]
    image = service.image.rpartition("@")[0] or service.image
    return bool(host) and (container in _SENSITIVE or any(name in image for name in _IMAGES))

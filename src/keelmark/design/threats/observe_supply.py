"""What the system is built from and runs beside: packages, pipelines, services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.facts import FileRole
from keelmark.core.system_model import Effect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.facts import FileFacts, Service, Workflow
    from keelmark.core.project import Project
    from keelmark.design.threats.builder import Builder
    from keelmark.design.threats.scene import Scene

__all__ = ["add_pipelines", "add_services"]

_REGISTRIES = {
    "pypi": "Python packages of others",
    "npm": "JavaScript packages of others",
    "conda": "conda packages of others",
}
_VECTORS = re2.compile(r"(?i)qdrant|chroma|weaviate|milvus|pgvector|elastic|opensearch|lancedb")
_DATABASES = re2.compile(
    r"(?i)postgres|mysql|mariadb|mongo|redis|valkey|sqlite|cassandra|clickhouse|neo4j|minio"
)
_OPEN_TO_ALL = frozenset(
    {"pull_request_target", "issues", "issue_comment", "discussion", "discussion_comment", "workflow_run"}
)


def add_services(project: Project, builder: Builder, scenes: Sequence[Scene]) -> None:
    """Add the stores that run beside the program, and where its packages come from."""
    for file, reading in project.readings:
        if file.role is FileRole.PRODUCT:
            for service in reading.services:
                _add_service(builder, file, service)
    for name in _registries(project):
        registry = builder.outside(name, ComponentKind.REGISTRY)
        for scene in scenes:
            builder.link(
                registry, scene.program, "code of packages", trust=FlowTrust.THIRD_PARTY, sink="code"
            )


def _registries(project: Project) -> list[str]:
    found = {
        _REGISTRIES[seen.fact.ecosystem]
        for seen in project.manifests
        if seen.is_product and seen.fact.requirements and seen.fact.ecosystem in _REGISTRIES
    }
    return sorted(found)


def _add_service(builder: Builder, file: FileFacts, service: Service) -> None:
    text = f"{service.image} {service.name}"
    if _VECTORS.search(text):
        kind = ComponentKind.RETRIEVAL_STORE
    elif _DATABASES.search(text):
        kind = ComponentKind.DATABASE
    else:
        return
    builder.element(kind, service.name, key=("service", file.path, service.name), path=file.path)


def add_pipelines(project: Project, builder: Builder, scenes: Sequence[Scene]) -> None:
    """Add the pipelines that build and release, and whose text and code they run."""
    for file, reading in project.readings:
        if reading.workflow is not None and file.role is FileRole.PRODUCT:
            _add_pipeline(builder, file, reading.workflow, scenes)


def _add_pipeline(builder: Builder, file: FileFacts, flow: Workflow, scenes: Sequence[Scene]) -> None:
    identifier = builder.element(
        ComponentKind.PIPELINE,
        file.path.rpartition("/")[2],
        key=(file.path,),
        path=file.path,
        effect=Effect.EXECUTE,
    )
    floating = [action for action in flow.actions if not action.is_pinned]
    if floating:
        others = builder.outside("actions of others", ComponentKind.REGISTRY)
        builder.link(
            others,
            identifier,
            f"code of {floating[0].name} and what else floats",
            trust=FlowTrust.THIRD_PARTY,
            sink="code",
        )
    outsider = "contributor from outside"
    for script in flow.scripts:
        if script.untrusted:
            person = builder.outside(outsider, ComponentKind.PERSON)
            builder.link(
                person, identifier, ", ".join(script.untrusted[:3]), trust=FlowTrust.USER, sink="command"
            )
    if flow.checks_out_untrusted:
        person = builder.outside(outsider, ComponentKind.PERSON)
        builder.link(person, identifier, "code of a foreign pull request", trust=FlowTrust.USER, sink="code")
    for scene in scenes:
        builder.link(identifier, scene.program, "what is built and released", sink="code")

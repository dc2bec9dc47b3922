"""Nobody watches what the system does.

## What it finds

A project that answers requests or calls a model, and neither imports a metrics or tracing library nor starts one
beside itself nor describes how it is watched.

## Why it matters

Without measured outputs a sudden change (an attack, a broken update) and a gradual one (drift) look the same: like
nothing.

## How to fix

Count requests, refusals, errors, latency and tokens for each route and model version, for example with
prometheus_client or OpenTelemetry, and alert on steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-monitoring",
    title="Nobody watches what the system does",
    severity=Severity.MEDIUM,
    recommendations=("OM-1.a", "OM-1.b"),
    tags=("en-304-223:5.4.2-1", "atlas:AML.M0024"),
    audience=Audience.ML_ENGINEER,
)

LIBRARIES = (
    "agentops", "aws_xray_sdk", "datadog", "ddtrace", "elasticapm", "evidently", "helicone", "langfuse", "langsmith",
    "logfire", "mlflow", "newrelic", "nannyml", "openinference", "opentelemetry", "opik", "phoenix", "prometheus_client",
    "prometheus_fastapi_instrumentator", "sentry_sdk", "starlette_exporter", "statsd", "traceloop", "wandb", "whylogs",
    "azure.monitor", "@langfuse/tracing", "@opentelemetry/api", "@opentelemetry/sdk-node", "@sentry/nextjs", "@sentry/node",
    "@vercel/otel", "applicationinsights", "dd-trace", "elastic-apm-node", "prom-client",
)  # fmt: skip

DESCRIBED = Topic(
    name="monitoring",
    pattern=r"(we|is|are|be) monitor|monitoring (dashboard|plan|setup|of)|grafana|prometheus",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not {"api", "llm-application", "agent"}.intersection(project.inventory.traits):
        yield CARD.not_applicable("nothing that answers requests was found")
        return
    seen_imports = [
        (file, line, name)
        for file, line, name in project.imports(*LIBRARIES)
        if file.role is FileRole.PRODUCT
    ]
    services = [asset for asset in project.inventory.of(AssetKind.SERVICE) if is_monitor(asset.get("image"))]
    described = about(project, DESCRIBED)
    if seen_imports:
        file, line, name = seen_imports[0]
        yield CARD.passed(f"{name} measures the system", at=Location(path=file.path, line=line))
    elif services:
        yield CARD.passed(
            f"service {services[0].name} watches it",
            at=Location(path=services[0].path, line=services[0].line),
        )
    elif described:
        yield CARD.passed(f"{described[0].file.path} says how it is watched", at=described[0].at(0))
    else:
        yield CARD.failed(
            "it answers requests, and nothing measures what it does",
            fix="Count requests, refusals, errors and tokens per route and model version (prometheus_client, OpenTelemetry).",
        )


def is_monitor(image: str) -> bool:
    """Whether a container image is a known monitoring service."""
    return any(
        name in image for name in ("prometheus", "grafana", "otel", "opentelemetry", "jaeger", "langfuse")
    )

"""Requests leave no trace.

## What it finds

A project with network routes whose product code never logs: no logging library is imported in any module that serves
or answers. Access logs of the web server are not seen and do not hold who asked a model for what.

## Why it matters

What was not recorded cannot be investigated. The guidelines ask to log inputs, in line with privacy, so that
compliance, audit and remediation are possible.

## How to fix

Record one event for each request: who, which model, decision, digest or redacted content, duration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="inputs-not-logged",
    title="Requests leave no trace",
    severity=Severity.MEDIUM,
    recommendations=("OM-2.a", "OM-2.c"),
    confidence=Confidence.MEDIUM,
    tags=("en-304-223:5.4.2-1", "atlas:AML.M0024", "cwe:778"),
    audience=Audience.ML_ENGINEER,
)

LIBRARIES = (
    "logging",
    "loguru",
    "structlog",
    "logfire",
    "opentelemetry",
    "langfuse",
    "langsmith",
    "eliot",
    "logbook",
    "@axiomhq/js",
    "@opentelemetry/api",
    "@opentelemetry/sdk-node",
    "@vercel/otel",
    "bunyan",
    "consola",
    "express-winston",
    "log4js",
    "morgan",
    "next-axiom",
    "pino",
    "pino-http",
    "tslog",
    "winston",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    routes = [seen for seen in project.routes if seen.is_product]
    if not routes:
        yield CARD.not_applicable("no network route was found")
        return
    logging = [entry for entry in project.imports(*LIBRARIES) if entry[0].role is FileRole.PRODUCT]
    if logging:
        file, line, name = logging[0]
        yield CARD.passed(f"{name} records events", at=Location(path=file.path, line=line))
    else:
        yield CARD.failed(
            f"{counted(len(routes), 'route')}, and no product module uses a library that logs",
            at=routes[0].at(),
            fix="Record one event for each request: who, which model, decision, digest or redacted content, duration.",
            subject="routes",
        )

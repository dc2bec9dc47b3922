"""The provider of a hosted model was not assessed.

## What it finds

Providers of hosted models that are called in the code and whose assessment is older than twelve months or not there. It
is looked for under `suppliers` in `keelmark.yaml` and in documents: a section that names the provider, speaks of an
assessment (security posture, SOC 2, ISO 27001, retention, terms) and has a date. A model that runs on the own machine (Ollama, llama.cpp, vLLM) has no such provider.

## Why it matters

The provider reads every prompt. What it keeps, where, and who can read it there is part of the security of your system.

## How to fix

Look at the provider's security posture and terms once a year, and declare it.

```yaml
suppliers:
  - id: openai
    assessed_on: 2026-06-01
    assessment: docs/suppliers/openai.md
    conditions: no training on inputs, 30 days retention, EU region
```
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import re2

from keelmark.core.asset import AssetKind
from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.asset import Asset
    from keelmark.core.declaration import Supplier
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="supplier-not-assessed",
    title="The provider of a hosted model was not assessed",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.f", "DEV-1.c", "SD-3.d"),
    settles=("SD-3.f",),
    tags=("owasp-llm:LLM03", "owasp-agentic:ASI04", "en-304-223:5.1.2-4", "en-304-223:5.1.2-7"),
    audience=Audience.RISK_OWNER,
    references=("Guidelines for secure AI system development: Secure your supply chain",),
)

MAX_AGE_DAYS = 365
_ASSESSES = re2.compile(
    r"assess(ed|ment)|security posture|soc ?2|iso(/iec)? ?27001|due diligence|(data )?retention|terms of (use|service)|processing agreement"
)
_DATE = re2.compile(r"\b(20\d{2})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")
# Programs and packages that run a model on the own machine.
_LOCAL = {
    "", "gpt4all", "huggingface", "llama.cpp", "llama_cpp", "llamacpp", "lmstudio", "local", "localai", "ollama",
    "ollama_chat", "openai-whisper", "spacy", "timm", "torchhub", "ultralytics", "vllm",
}  # fmt: skip
# One provider under the names of several clients.
_SAME = {
    "azure_openai": "azure", "gemini": "google", "google_genai": "google", "google_vertexai": "google",
    "mistralai": "mistral", "vertex_ai": "google",
}  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer for every provider."""
    providers: dict[str, list[Asset]] = {}
    for asset in project.inventory.of(AssetKind.HOSTED_MODEL):
        provider = _SAME.get(asset.format.lower(), asset.format.lower())
        if provider not in _LOCAL and role_of(asset.path) is FileRole.PRODUCT:
            providers.setdefault(provider, []).append(asset)
    if not providers:
        yield CARD.not_applicable("no provider of a hosted model was found in the product")
        return
    suppliers = project.declaration.suppliers if project.declaration else ()
    for provider, models in providers.items():
        named = next((entry for entry in suppliers if _provides(entry, provider, models)), None)
        yield _answer(project, provider, models, named)


def _documented(project: Project, provider: str) -> date | None:
    """Latest day of a section that assesses the provider."""
    days: list[date] = []
    for seen in project.documents():
        for part in seen.fact.sections:
            text = f"{part.title} {part.text}".lower()
            if provider in text and _ASSESSES.search(text):
                days.extend(_days(text))
    return max((day for day in days if day <= project.today), default=None)


def _days(text: str) -> Iterator[date]:
    for found in _DATE.findall(text):
        try:
            yield date.fromisoformat("-".join(found))
        except ValueError:
            continue


def _provides(supplier: Supplier, provider: str, models: list[Asset]) -> bool:
    stated = (supplier.id.lower(), *(name.lower() for name in supplier.provides))
    names = {_SAME.get(name, name) for name in stated}
    return provider in names or any(model.name.lower() in names for model in models)


def _answer(project: Project, provider: str, models: list[Asset], supplier: Supplier | None) -> Finding:
    places = tuple(Location(path=model.path, line=model.line) for model in models[:20])
    fix = f"Assess {provider} and declare it under `suppliers` in keelmark.yaml with the day and where the assessment lies."
    if supplier is None:
        day = _documented(project, provider)
        if day is not None and 0 <= (project.today - day).days <= MAX_AGE_DAYS:
            return CARD.passed(
                f"a document assesses {provider} on {day.isoformat()}", at=places, subject=provider
            )
        return CARD.failed(
            f"no assessment of {provider}, which the code calls, is declared",
            at=places,
            fix=fix,
            subject=provider,
        )
    if supplier.assessed_on is None:
        return CARD.failed(f"the assessment of {provider} has no date", at=places, fix=fix, subject=provider)
    age = (project.today - supplier.assessed_on).days
    if age < 0:
        return CARD.failed(
            f"the assessment of {provider} is dated in the future", at=places, fix=fix, subject=provider
        )
    if age > MAX_AGE_DAYS:
        return CARD.failed(
            f"the assessment of {provider} is {age} days old", at=places, fix=fix, subject=provider
        )
    return CARD.passed(
        f"{provider} was assessed on {supplier.assessed_on.isoformat()}", at=places, subject=provider
    )

"""A system prompt is in no register.

## What it finds

A system prompt or prompt template of the product that neither `prompts` in keelmark.yaml nor a prompt register
document names, or whose registered digest differs from the text.

## Why it matters

A prompt is configuration that decides behaviour. Without version, owner and digest nobody notices that it was
changed, by whom, and since when.

## How to fix

Add it to `prompts` in keelmark.yaml with version, owner, purpose and digest (`keelmark init --print` writes the
entries).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind, PromptRole
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.assets.parts import INSTRUCTIONS
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.core.facts import Document, Prompt
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="prompt-not-registered",
    title="A system prompt is in no register",
    severity=Severity.LOW,
    recommendations=("DEV-3.c", "DEV-2.h"),
    settles=("DEV-3.c",),
    tags=("owasp-llm:LLM07", "en-304-223:5.2.4-3"),
)

_REGISTERED_ROLES = {PromptRole.SYSTEM, PromptRole.TEMPLATE}


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    prompts = [seen for seen in project.prompts if _is_own(seen)]
    if not prompts:
        yield CARD.not_applicable("no system prompt and no prompt template was found")
        return
    entries = project.declaration.prompts if project.declaration else ()
    registers = project.documents(DocumentKind.PROMPT_CARD)
    known = {entry.id: entry for entry in entries if entry.owner and entry.version}
    changed = [
        seen
        for seen in prompts
        if seen.fact.name in known and known[seen.fact.name].sha256 not in {"", seen.fact.digest}
    ]
    missing = [
        seen for seen in prompts if seen.fact.name not in known and not _named(seen.fact.name, registers)
    ]
    for seen in changed:
        yield CARD.failed(
            f"prompt `{seen.fact.name}` is not the text that is registered",
            at=seen.at(),
            fix="Look at the change, then register the new version and digest.",
            subject=f"changed:{seen.fact.name}",
            severity=Severity.MEDIUM,
        )
    if missing:
        names = ", ".join(dict.fromkeys(seen.fact.name for seen in missing[:8]))
        yield CARD.failed(
            f"{len(missing)} of {counted(len(prompts), 'prompt')} in no register: {names}",
            at=tuple(seen.at() for seen in missing[:20]),
            fix="Add each to `prompts` in keelmark.yaml with version, owner, purpose and digest.",
            subject="register",
        )
    elif not changed:
        yield CARD.passed(
            f"{counted(len(prompts), 'prompt')} registered", at=tuple(seen.at() for seen in prompts[:5])
        )


def _is_own(seen: Seen[Prompt]) -> bool:
    if seen.reading.format == INSTRUCTIONS:
        return False
    return seen.is_product and seen.fact.role in _REGISTERED_ROLES


def _named(name: str, registers: Iterable[Seen[Document]]) -> bool:
    return any(
        name.lower() in f"{part.title} {part.text}".lower()
        for seen in registers
        for part in seen.fact.sections
    )

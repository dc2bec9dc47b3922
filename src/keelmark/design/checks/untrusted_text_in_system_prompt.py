"""Untrusted text becomes part of the system prompt.

## What it finds

A value from a request, a tool argument, the output of a model or a retrieved document that is formatted into a message with
the role `system` (or `developer`), and a system prompt with a gap for the user's words (`{question}`), wherever it is
filled. Text in a message of the user or of a tool is not reported: that is where it belongs.

## Why it matters

A model gives the system prompt more weight than anything else. Text in it is obeyed as if the operator had written it.

## How to fix

Keep the system prompt constant. Put what users or documents say into their own message and say that it is data.

```python
# bad
messages = [{"role": "system", "content": f"Answer from: {page_text}"}, {"role": "user", "content": question}]

# good
messages = [
    {"role": "system", "content": SYSTEM_PROMPT},
    {"role": "user", "content": f"<document>{page_text}</document> {question}"},
]
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import PromptRole, Sink
from keelmark.core.finding import Card
from keelmark.core.outcome import Confidence, Outcome, Severity
from keelmark.design.checks._flows import answer_flows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="untrusted-text-in-system-prompt",
    title="Untrusted text becomes part of the system prompt",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.n", "SD-3.k"),
    tags=("cwe:1427", "owasp-llm:LLM01", "owasp-agentic:ASI01", "atlas:AML.T0051", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=(
        "CWE-1427: Improper Neutralization of Input Used for LLM Prompting",
        "OWASP Top 10 for LLM Applications 2025, LLM01",
    ),
)

# Names of gaps that only the words of a user fill.
_USER_WORDS = frozenset(
    {
        "customer_message", "customer_question", "question", "user_input", "user_message", "user_prompt", "user_query",
        "user_question", "utterance",
    }
)  # fmt: skip
_FIX = "Keep the system prompt constant and put the text into a message of the user or of a tool, marked as data."


def check(project: Project) -> Iterator[Finding]:
    """Answer for every flow to a system prompt, and for every system prompt with a gap for the user's words."""
    gaps = tuple(_gaps_for_users(project))
    danger = "becomes part of the system prompt"
    for found in answer_flows(CARD, project, Sink.SYSTEM_PROMPT, danger=danger, fix=_FIX):
        if found.outcome is Outcome.FAIL or not gaps:
            yield found
    yield from gaps


def _gaps_for_users(project: Project) -> Iterator[Finding]:
    arrived = {(seen.file.path, seen.fact.line) for seen in project.flows_to(Sink.SYSTEM_PROMPT)}
    for seen in project.prompts:
        names = sorted(_USER_WORDS.intersection(name.lower() for name in seen.fact.placeholders))
        is_told = (seen.file.path, seen.fact.line) in arrived
        # The text alone ("You are ...") does not tell in which role it is sent; its name does.
        is_system = seen.fact.role is PromptRole.SYSTEM and "system" in seen.fact.name.lower()
        if not is_system or not names or is_told:
            continue
        shown = ", ".join(f"`{name}`" for name in names)
        yield CARD.failed(
            f"system prompt `{seen.fact.name}` has a gap for the user's words: {shown}",
            at=seen.at(),
            fix=_FIX,
            subject=f"{seen.file.path}:{seen.fact.name}",
            severity=CARD.severity if seen.is_product else Severity.LOW,
            confidence=Confidence.MEDIUM,
        )

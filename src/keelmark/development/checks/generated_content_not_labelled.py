"""People and programs are not told that a model wrote the answer.

## What it finds

Routes of the product that hand out text of a language model, in a project where no text says how generated content is
labelled and no header for it was seen. What an answer's body says is not seen; therefore the finding is held for possible,
not for certain.

## Why it matters

Generated text is passed on, quoted and learned from. Without a mark nobody can treat it as what it is, and many laws ask
for one.

## How to fix

Write down which mark each kind of answer gets, and send it: `response.headers["AI-Disclosure"] = "mode=ai-originated"`, a
field `generated: true`, a line in the interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Route
    from keelmark.core.finding import Finding
    from keelmark.core.location import Location
    from keelmark.core.project import Project

CARD = Card(
    id="generated-content-not-labelled",
    title="People and programs are not told that a model wrote the answer",
    severity=Severity.LOW,
    confidence=Confidence.LOW,
    recommendations=("G1.f", "G1.g"),
    tags=("owasp-llm:LLM09",),
    audience=Audience.ML_ENGINEER,
    references=("Regulation (EU) 2024/1689, Article 50",),
)

# Calls whose result is text of a language model.
_WRITES = re2.compile(
    r"(?i)(^|\.)(openai|anthropic|mistralai|cohere|groq|ollama|litellm|google\.genai|google\.generativeai|langchain\w*|langgraph|llama_index|together)\.[\w.]*"
    r"(create|stream|invoke|ainvoke|astream|generate\w*|chat|achat|completion|acompletion|query|aquery|parse|complete|run)$"
    r"|^\*\.(ainvoke|astream|generate_content)$"
)
_PATH = re2.compile(
    r"(?i)/(chats?|completions?|generate|ask|answer|summari[sz]e|translate|assist(ant)?)(/|$)"
)
_MARK = re2.compile(
    r"(?i)ai[-_](disclosure|generated|originated)|x-ai-|generated[-_]by[-_](ai|model)|is_generated|machine[-_]generated|content[-_]credentials|c2pa"
)
POLICY = Topic(
    name="how generated content is labelled",
    pattern=r"(?s)(label|mark|disclos|flag|badge|watermark|tell|told|inform)\w*.{0,120}(generated|written by (a|an|the) (model|ai|machine)|ai[- ](generated|written)|(is|are) (an? )?ai\b|talking to (a|an) (machine|ai|bot|assistant))"
    r"|(ai[- ]generated|generated (content|text|answers?|output)|(drafts?|answers?) (are|is) (written|generated) by (a|an|the) (model|ai|language model)).{0,120}(label|mark|disclos|flag|badge|watermark|header|field|says so)",
)  # fmt: skip
_KINDS = (DocumentKind.USER_NOTICE, DocumentKind.PRIVACY_NOTICE, DocumentKind.MODEL_CARD, DocumentKind.README,
          DocumentKind.DECISION_RECORD, DocumentKind.OTHER)  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the routes that hand out generated text."""
    is_llm = "llm-application" in project.inventory.traits
    routes = [seen for seen in project.routes if is_llm and seen.is_product and _hands_out(seen.fact)]
    if not routes:
        yield CARD.not_applicable("no route that hands out text of a language model was found")
        return
    policy = [
        seen
        for seen in about(project, POLICY, *_KINDS)
        # Of general texts only those at the top speak for the whole project.
        if seen.fact.kind not in {DocumentKind.README, DocumentKind.OTHER} or seen.file.path.count("/") <= 1
    ]
    mark = next(_marks(project), None)
    if policy:
        yield CARD.passed(f"{policy[0].file.path} says how generated content is labelled", at=policy[0].at(0))
    elif mark is not None:
        yield CARD.passed("a header or field marks generated content", at=mark)
    else:
        yield CARD.failed(
            f"{len(routes)} route{'s hand' if len(routes) > 1 else ' hands'} out generated text, and nothing says how it is labelled",
            at=tuple(seen.at() for seen in routes[:10]),
            fix="Say in docs/user-notice.md how generated content is labelled, and send a header or field with each answer.",
            subject="label",
        )


def _hands_out(route: Route) -> bool:
    # What a handler calls in another file is not followed, so the words of the path count too.
    is_asked = "POST" in route.methods and bool(_PATH.search(route.path))
    return is_asked or any(_WRITES.search(name) for name in route.reaches)


def _marks(project: Project) -> Iterator[Location]:
    """Calls that hand over a header or field for generated content."""
    for seen in project.modules:
        for call in seen.fact.calls if seen.is_product else ():
            words = [word for entry in call.arguments for word in (entry.name, entry.text, *entry.items)]
            if any(_MARK.search(word) for word in words):
                yield seen.at(call.line, anchor=call.anchor)

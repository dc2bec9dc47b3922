"""Users are not told of the risks peculiar to AI.

## What it finds

Texts for users (user notice, README, model card, privacy notice) that say nothing of the risks that come with AI: wrong
answers, instructions hidden in content, data that must not be entered. Where a threat model exists, the texts must speak of
at least one of the threats it names.

## Why it matters

Users are part of the defence: they see the strange answer first, and they decide what to paste.

## How to fix

Write `docs/user-notice.md`: what the system can get wrong, that content it reads may carry instructions, what must not be
entered, when to ask a person, and where to report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import fitting, is_ai_system, names_threat, threat_models
from keelmark.design.checks._topics import topic
from keelmark.engine.answers import says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-user-guidance",
    title="Users are not told of the risks peculiar to AI",
    severity=Severity.LOW,
    recommendations=("SD-1.d", "P-7"),
    settles=("SD-1.d",),
    tags=("owasp-llm:LLM09", "owasp-agentic:ASI09", "en-304-223:5.1.1-1"),
    audience=Audience.RISK_OWNER,
    references=("Guidelines for secure AI system development: Raise staff awareness of threats and risks",),
)

_TEXTS = (DocumentKind.USER_NOTICE, DocumentKind.MODEL_CARD, DocumentKind.README, DocumentKind.PRIVACY_NOTICE)
RISK = topic(
    name="risks of AI",
    pattern=(
        r"hallucinat|(may|can|might|could) be (wrong|incorrect|inaccurate|false|misled|tricked|biased)|mak\w+ mistakes"
        r"|do not (enter|paste|share|send|upload|type)|never (enter|paste|share|send|upload|type)"
        r"|(check|verify|review) (the |its |every |all |each )?(answer|output|result|response|prediction)"
        r"|prompt[- ]injection|hidden instruction|adversarial|not (be )?rel(y|ied) on|known (limits|limitations|risks)|misuse"
    ),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the texts that speak to users."""
    if not is_ai_system(project):
        yield CARD.not_applicable("no part of an AI system was found")
        return
    texts = project.documents(*_TEXTS)
    telling = [seen for seen in texts if says(seen.fact, RISK)]
    models = threat_models(project)
    named = [t for t in fitting(project) if any(names_threat(model.fact, t) for model in models)]
    shared = [t for t in named if any(names_threat(seen.fact, t) for seen in texts)]
    fix = "Write docs/user-notice.md: what can go wrong, which threats users can meet, what not to enter, where to report."
    if not telling and not shared:
        said = "no text for users speaks" if texts else "there is no text for users that speaks"
        yield CARD.failed(f"{said} of risks peculiar to AI", at=texts[0].at(0) if texts else (), fix=fix)
    elif named and not shared:
        names = ", ".join(threat.topic.name for threat in named)
        yield CARD.failed(
            f"the texts for users name none of the threats of the threat model ({names})",
            at=telling[0].at(0),
            fix=fix,
        )
    else:
        place = next(
            seen.at(0) for seen in texts if seen in telling or any(names_threat(seen.fact, t) for t in shared)
        )
        what = ", ".join(threat.topic.name for threat in shared) or "risks of AI"
        yield CARD.passed(f"texts for users speak of {what}", at=place)

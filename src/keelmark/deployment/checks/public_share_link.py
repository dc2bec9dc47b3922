"""The app opens a public tunnel.

## What it finds

`launch(share=True)` of Gradio, or a tunnel (ngrok, cloudflared, localtunnel) opened by product code.

## Why it matters

The link is open to the internet, passes through somebody else's server, and stays out of every firewall rule.

## How to fix

Remove `share=True`; deploy behind authentication where others need access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="public-share-link",
    title="The app opens a public tunnel",
    severity=Severity.HIGH,
    recommendations=("DEP-1.a", "DEP-1.b", "P-4"),
    tags=("cwe:668", "en-304-223:5.2.2-1"),
    reads_single_files=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    launches = [
        seen
        for seen in project.calls("*.launch", "gradio.*", "pyngrok.ngrok.connect", "ngrok.connect")
        if _opens(seen.fact)
    ]
    public = [seen for seen in launches if _is_public(seen.fact)]
    for seen in public:
        yield CARD.failed(
            f"`{seen.fact.name}` opens a public tunnel",
            at=seen.at(),
            fix="Remove it; deploy behind authentication where others need access.",
            subject=seen.fact.name,
            severity=CARD.severity if seen.is_product else Severity.LOW,
        )
    if not launches:
        yield CARD.not_applicable("nothing that can open a tunnel was found")
    elif not public:
        yield CARD.passed(
            f"no public link in {counted(len(launches), 'launch', 'launches')}",
            at=tuple(seen.at() for seen in launches[:5]),
        )


def _opens(call: Call) -> bool:
    return call.name.endswith((".launch", "ngrok.connect"))


def _is_public(call: Call) -> bool:
    share = call.argument("share")
    return call.name.endswith("ngrok.connect") or (share is not None and share.literal is True)

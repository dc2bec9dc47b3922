"""Untrusted text reaches a tool or a command over a flow that nobody declared.

## What it finds

Flows that were found in the product, carry text of users, third parties or a model into a tool, a tool server, a command or a
query, and that no declared flow of `keelmark.yaml` covers. A flow is covered by one with the same ends, or by several in a row.
Flows between parts that no component stands for are left to `undeclared-component`. Without declared flows there is nothing to
compare with.

## Why it matters

Threats are followed along flows. One that is not drawn is one along which nobody looked.

## How to fix

Add the flow with the trust of what it carries, or take the way out of the product.

```yaml
flows:
  - {from: gpt, to: refund, carries: name and arguments of the tool, trust: model-output}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.design.threats.join import undeclared_links
from keelmark.design.threats.system import observed_of
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="undeclared-flow",
    title="Untrusted text reaches a tool or a command over a flow that nobody declared",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.a",),
    confidence=Confidence.MEDIUM,
    tags=("cwe:1059", "en-304-223:5.1.3-1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

_ACTING = frozenset({ComponentKind.TOOL, ComponentKind.MCP_SERVER, ComponentKind.DATABASE})
_SINKS = frozenset({"command", "code", "sql", "deserialise", "template"})


def check(project: Project) -> Iterator[Finding]:
    """Answer once for each pair of declared parts."""
    declaration = project.declaration
    if declaration is None or not declaration.flows:
        yield CARD.not_applicable("no flows are declared that those in the code could be compared with")
        return
    system = observed_of(project)
    kinds = {element.id: element.kind for element in system.elements}
    place = declaration.at("flows", path=project.declaration_path)
    is_whole = True
    for source, target, link in undeclared_links(system, declaration):
        if kinds[link.target] not in _ACTING and link.sink not in _SINKS:
            continue
        is_whole = False
        yield CARD.failed(
            f"{link.carries} flows from `{source}` to `{target}` ({link.trust.value}), and no declared flow covers it",
            at=(place, link.at) if link.at else place,
            fix=f"Add a flow from `{source}` to `{target}` with trust {link.trust.value}, or take the way out of the product.",
            subject=f"{source}->{target}",
        )
    if is_whole and system.unseen:
        yield CARD.unknown(
            f"a flow may be hidden in what could not be looked at: {system.unseen[0]}", at=place
        )
    elif is_whole:
        yield CARD.passed(
            f"{counted(len(declaration.flows), 'flow')} declared; none that was found into a tool or command is missing",
            at=place,
        )

"""Nobody decided what is done about a threat that applies.

## What it finds

Threats of the library of `keelmark threats` that apply, because the system has a path of theirs, and for which the section
`threat_model` of `keelmark.yaml` has no disposition that counts. One that has expired does not count. Without that section the
written threat model is read by other rules.

## Why it matters

A threat that nobody decided about is accepted without anybody knowing it.

## How to fix

`keelmark threats` shows the path. Decide to mitigate, accept until a day, transfer or avoid it, and write down who decided and why.

```yaml
threat_model:
  dispositions:
    - {threat: jailbreak, treatment: accept, reason: no right depends on the model, owner: Head of Support, expires: 2027-06-30}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import is_ai_system
from keelmark.design.threats.analyse import applies_at
from keelmark.design.threats.library.own import read_own
from keelmark.design.threats.paths import match
from keelmark.design.threats.states import current
from keelmark.design.threats.system import system_of
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project
    from keelmark.core.system_model import SystemModel
    from keelmark.core.threat_model import DeclaredThreatModel
    from keelmark.core.threats import Threat, ThreatPath

CARD = Card(
    id="threat-without-disposition",
    title="Nobody decided what is done about a threat that applies",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.c", "SD-2.d"),
    settles=("SD-2.c",),
    tags=("en-304-223:5.1.3-1", "en-304-223:5.1.3-1.1"),
    audience=Audience.RISK_OWNER,
    references=("MITRE ATLAS", "CoSAI Risk Map"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for each threat that applies and is not decided about."""
    declaration = project.declaration
    if declaration is None or declaration.threat_model is None:
        if not is_ai_system(project):
            yield CARD.not_applicable("no part of an AI system was found")
            return
        yield CARD.unknown(
            "no `threat_model` is declared that could say what is done about each threat",
            fix="`keelmark threats` names the threats that apply; write `threat_model` with a disposition for each.",
        )
        return
    place = declaration.at("threat_model.dispositions", path=project.declaration_path)
    model = system_of(project)
    applying = list(_applying(model))
    decided = {entry.threat: entry for entry in declaration.threat_model.dispositions}
    missing = [found for found in applying if current(decided.get(found[0].id), project.today) is None]
    for threat, path in missing:
        way = " > ".join(element.name for element in path.elements)
        yield CARD.failed(
            f"`{threat.id}` applies ({way}), and {_why(threat.id, declaration.threat_model)}",
            at=place,
            fix="Decide to mitigate, accept until a day, transfer or avoid it, with a reason and an owner.",
            subject=threat.id,
            severity=Severity.MEDIUM if threat.severity.weight >= Severity.MEDIUM.weight else Severity.LOW,
        )
    if not missing and model.unseen:
        yield CARD.unknown(
            f"a threat may be hidden in what could not be looked at: {model.unseen[0]}", at=place
        )
    elif not missing and not applying:
        yield CARD.not_applicable("no threat of the library has a path in what was found and declared")
    elif not missing:
        yield CARD.passed(f"{counted(len(applying), 'threat')} that apply, each decided about", at=place)


def _applying(model: SystemModel) -> Iterator[tuple[Threat, ThreatPath]]:
    for threat in read_own().threats:
        if not applies_at(threat, model):
            found = match(model, threat.patterns)
            if found.paths:
                yield threat, found.paths[0]


def _why(threat: str, model: DeclaredThreatModel) -> str:
    known = next((entry for entry in model.dispositions if entry.threat == threat), None)
    if known is None:
        return "nobody decided what is done about it"
    return f"what {known.owner} decided about it expired on {known.expires}"

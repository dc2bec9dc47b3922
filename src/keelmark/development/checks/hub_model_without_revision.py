"""A model is fetched from a hub by a name whose content can change.

## What it finds

Code that fetches a model from a hub (`from_pretrained`, `hf_hub_download`, `torch.hub.load`, `SentenceTransformer`, ...)
without a revision. Where loading can also run code that comes with the model (`trust_remote_code=True`,
`torch.hub.load`), it is reported as high. A path of the folder is no hub model. Tests, examples and a project that
fetches itself by its public name are low.

## Why it matters

Whoever controls the account, today or after it was taken over or its name was freed, decides which weights and which
code the next start of the program loads.

## How to fix

Name the full commit.

```python
# bad
model = AutoModel.from_pretrained("acme/sentiment")

# good
model = AutoModel.from_pretrained("acme/sentiment", revision="5f0c1b2e8a7d4c3b9e6f1a2d3c4b5a6978877665")
```
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import MAX_PLACES, plural
from keelmark.development.checks._references import hub_references, is_own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import ModelReference
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="hub-model-without-revision",
    title="A model is fetched from a hub by a name whose content can change",
    severity=Severity.MEDIUM,
    recommendations=("DEV-1.e", "DEV-2.h", "SD-4.i"),
    tags=("cwe:494", "cwe:829", "owasp-llm:LLM03", "atlas:AML.T0010.003", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)

# A tag can be moved as a branch can; a commit cannot.
_COMMIT = re2.compile(r"^[0-9a-f]{40}$|^sha256:[0-9a-f]{64}$")
_BRANCHES = frozenset({"", "main", "master", "HEAD", "latest"})


def check(project: Project) -> Iterator[Finding]:
    """Answer for each model that code fetches by name."""
    named = hub_references(project)
    loose = [seen for seen in named if not _COMMIT.search(seen.fact.revision)]
    groups: dict[tuple[str, str, bool, Severity], list[Seen[ModelReference]]] = defaultdict(list)
    for seen in loose:
        model = seen.fact
        groups[model.name, model.revision, model.executes, _severity(project, seen)].append(seen)
    for (name, revision, executes, severity), members in groups.items():
        how = f"at the movable name {revision}" if revision else "without a revision"
        code = ", and loading it runs code that comes with it" if executes else ""
        yield CARD.failed(
            f"{name} is fetched {how}{code}",
            at=tuple(seen.at() for seen in members[:MAX_PLACES]),
            fix="Name the full commit as revision; keep a copy of what was tested.",
            subject=name,
            severity=severity,
        )
    if loose:
        return
    if named:
        names = sorted({seen.fact.name for seen in named})
        yield CARD.passed(
            f"{plural(len(names), 'hub model')} fixed by a commit: {', '.join(names[:5])}",
            at=tuple(seen.at() for seen in named[:10]),
        )
    else:
        yield CARD.not_applicable("no model is fetched from a hub by name")


def _severity(project: Project, seen: Seen[ModelReference]) -> Severity:
    model = seen.fact
    # A project that fetches itself by its public name decides itself what stands there.
    if not seen.is_product or is_own(project, model.name):
        return Severity.LOW
    if model.executes:
        return Severity.HIGH
    return Severity.MEDIUM if model.revision in _BRANCHES else Severity.LOW

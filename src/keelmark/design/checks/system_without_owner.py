"""Nobody is accountable for the security of the system.

## What it finds

A `keelmark.yaml` whose `system.owner` is missing, empty or a placeholder (TBD, unknown), and waivers that name nobody
who accepts the failure.

## Why it matters

The guidelines put the provider in charge of the security outcome. Where no role answers for it, a decision to accept a
risk is nobody's decision.

## How to fix

```yaml
system:
  name: Ticket triage
  purpose: Sorts incoming tickets by urgency for the support team.
  owner: Head of support
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._declared import is_blank, place, undeclared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="system-without-owner",
    title="Nobody is accountable for the security of the system",
    severity=Severity.MEDIUM,
    recommendations=("P-1", "P-12"),
    settles=("P-1",),
    tags=("en-304-223:5.1.4-1",),
    audience=Audience.RISK_OWNER,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for the system and for each waiver."""
    declared = project.declaration
    if declared is None:
        yield undeclared(CARD, "who is accountable for the system", "system.owner")
        return
    owner = declared.system.owner if declared.system else ""
    has_owner = not is_blank(owner)
    if not has_owner:
        yield CARD.failed(
            f"the owner of the system is given as `{owner}`, which names nobody"
            if owner.strip()
            else "the system has no owner",
            at=place(project, "system.owner"),
            fix="Name the role or person accountable for its security in `system.owner`.",
            subject="system",
        )
    ownerless = [index for index, waiver in enumerate(declared.waivers) if is_blank(waiver.owner)]
    for index in ownerless:
        yield CARD.failed(
            f"nobody accepts what the waiver of {declared.waivers[index].rule} covers",
            at=place(project, f"waivers[{index}].owner"),
            fix="Name the role or person who accepts the failure in `owner` of the waiver, or remove the waiver.",
            subject=f"waiver {declared.waivers[index].rule} {declared.waivers[index].path}",
        )
    if has_owner and not ownerless:
        waivers = f" and {len(declared.waivers)} waivers have an owner" if declared.waivers else ""
        yield CARD.passed(f"{owner} is accountable{waivers}", at=place(project, "system.owner"))

"""A firewall lets the whole internet in.

## What it finds

Terraform and Bicep: security groups and firewall rules that admit every address (`0.0.0.0/0`, `::/0`, `Internet`) on
other ports than 80 and 443, and SageMaker notebooks and domains with direct access to the internet. Ports given by an
expression are not evaluated.

```hcl
ingress {                       # bad
  from_port   = 22
  to_port     = 22
  protocol    = "tcp"
  cidr_blocks = ["0.0.0.0/0"]
}
```

## Why it matters

Every open port is tried within the hour. A training host or notebook that answers everybody holds data, keys and
weights.

## How to fix

Name the addresses that need it, or go through a VPN, a bastion or the session service of the cloud.

```hcl
cidr_blocks = ["10.20.0.0/16"]  # good
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.deployment.checks._infrastructure import Fault, exposures, resources, values, weight
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Resource
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="infrastructure-open-to-world",
    title="A firewall lets the whole internet in",
    severity=Severity.MEDIUM,
    recommendations=("DEP-1.a", "DEP-1.d"),
    tags=("cwe:284", "cwe:668", "en-304-223:5.2.2-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

_NARROW = (
    "Name the addresses that need it, or go through a VPN, a bastion or the session service of the cloud."
)
_INSIDE = "Put it into a subnet of your own and turn direct access to the internet off."


def check(project: Project) -> Iterator[Finding]:
    """Answer for each rule of a firewall and each notebook."""
    seen = resources(project)
    judged = [
        entry
        for entry in seen
        if entry.fact.kind not in {"values", "variable", "output", "provider", "terraform"}
    ]
    if not judged:
        yield CARD.not_applicable("no infrastructure as code was found")
        return
    met = [exposure for entry in judged for exposure in exposures(entry)]
    faults = [
        Fault(
            seen=exposure.seen,
            line=exposure.line,
            what=f"lets every address reach {exposure.words}",
            fix=_NARROW,
            severity=Severity.HIGH if exposure.opens_data else None,
        )
        for exposure in met
        if exposure.low is not None and not exposure.is_meant
    ]
    faults += [fault for entry in judged for fault in _notebooks(entry)]
    for fault in faults:
        yield CARD.failed(
            f"{fault.name} {fault.what}", at=fault.at, fix=fault.fix, subject=f"{fault.name} {fault.what}",
            severity=weight(fault),
        )  # fmt: skip
    hidden = [exposure for exposure in met if exposure.low is None]
    for exposure in hidden:
        yield CARD.unknown(
            f"{exposure.seen.fact.kind}.{exposure.seen.fact.name} admits every address, on ports that are an expression",
            fix="Write the port as a number, or assess the rendered plan.",
            at=exposure.seen.at(exposure.line),
            subject=exposure.seen.fact.name,
        )
    if not faults and not hidden:
        yield CARD.passed(
            f"no other port than 80 and 443 open to every address in {counted(len(judged), 'resource')}",
            at=tuple(entry.at() for entry in judged[:5]),
        )


def _notebooks(seen: Seen[Resource]) -> Iterator[Fault]:
    stated = values(seen.fact)
    wanted = {
        "aws_sagemaker_notebook_instance": ("direct_internet_access", "enabled"),
        "aws_sagemaker_domain": ("app_network_access_type", "publicinternetonly"),
    }.get(seen.fact.kind)
    if wanted is None:
        return
    for value, line in stated.get(wanted[0], ()):
        if value.lower() == wanted[1]:
            yield Fault(seen=seen, line=line, what="has direct access to the internet", fix=_INSIDE)

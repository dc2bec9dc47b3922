"""A store of data is kept in the clear.

## What it finds

Terraform resources for disks, databases and file systems that switch encryption at rest off with a literal `false`.
What is left out is not judged: the defaults differ between clouds and accounts.

```hcl
resource "aws_db_instance" "features" {
  storage_encrypted = false             # bad
}
```

## Why it matters

A copied disk or snapshot gives away training data and weights without a key.

## How to fix

Set it to true, with a key of your own where who may decrypt matters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.deployment.checks._infrastructure import Fault, resources, values, weight
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Resource
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="storage-without-encryption",
    title="A store of data is kept in the clear",
    severity=Severity.MEDIUM,
    recommendations=("DEP-1.a", "DEP-2.a"),
    tags=("cwe:311", "en-304-223:5.2.2-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

_SWITCHES = {
    "aws_db_instance": ("storage_encrypted",),
    "aws_rds_cluster": ("storage_encrypted",),
    "aws_docdb_cluster": ("storage_encrypted",),
    "aws_neptune_cluster": ("storage_encrypted",),
    "aws_redshift_cluster": ("encrypted",),
    "aws_ebs_volume": ("encrypted",),
    "aws_efs_file_system": ("encrypted",),
    "aws_instance": ("root_block_device.encrypted", "ebs_block_device.encrypted"),
    "aws_opensearch_domain": ("encrypt_at_rest.enabled",),
    "aws_elasticache_replication_group": ("at_rest_encryption_enabled",),
}


def check(project: Project) -> Iterator[Finding]:
    """Answer for each store that can be encrypted."""
    stores = [seen for seen in resources(project) if seen.fact.kind in _SWITCHES]
    if not stores:
        yield CARD.not_applicable("no disk, database or file system was found in infrastructure as code")
        return
    faults = [fault for seen in stores for fault in _faults(seen)]
    for fault in faults:
        yield CARD.failed(
            f"{fault.name} {fault.what}",
            at=fault.at,
            fix=fault.fix,
            subject=f"{fault.name} {fault.what}",
            severity=weight(fault),
        )
    if not faults:
        yield CARD.passed(
            f"encryption at rest is not switched off in {counted(len(stores), 'store')}",
            at=tuple(s.at() for s in stores[:5]),
        )


def _faults(seen: Seen[Resource]) -> Iterator[Fault]:
    stated = values(seen.fact)
    for key in _SWITCHES[seen.fact.kind]:
        for value, line in stated.get(key, ()):
            if value.lower() == "false":
                what = f"switches encryption at rest off ({key})"
                yield Fault(seen=seen, line=line, what=what, fix=f"Set {key} to true.")

"""A store of data is open to everybody.

## What it finds

Terraform and Bicep: buckets and containers that everybody may read or write (a public ACL, `allUsers`, anonymous blob
access), a bucket whose public access block is switched off, and databases with a public address. A bucket that serves a
website is one as well; then waive the finding with that reason.

```hcl
resource "aws_s3_bucket_acl" "training" {
  bucket = aws_s3_bucket.training.id
  acl    = "public-read"                # bad
}
```

## Why it matters

Training data, weights and embeddings are read by whoever guesses a name, and what can be written can be poisoned.

## How to fix

Make it private and give out signed addresses; keep the public access block on.

```hcl
acl = "private"                         # good
```
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
    id="storage-open-to-world",
    title="A store of data is open to everybody",
    severity=Severity.HIGH,
    recommendations=("DEP-1.d", "DEP-1.a", "DEP-2.a"),
    tags=("cwe:284", "cwe:668", "owasp-llm:LLM02", "atlas:AML.T0025", "en-304-223:5.2.2-1"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

_PRIVATE = "Make it private and give out signed addresses, or waive it if everybody is meant to read it."
_INSIDE = "Keep it inside the network and connect through a private endpoint."
_PUBLIC_ACL = frozenset({"public-read", "public-read-write", "authenticated-read"})

# Kind of resource, attribute (numbers left out), values that open it, and what that means.
_OPENS: tuple[tuple[str, str, frozenset[str], str, str], ...] = (
    ("aws_s3_bucket", "acl", _PUBLIC_ACL, "has a public ACL", _PRIVATE),
    ("aws_s3_bucket_acl", "acl", _PUBLIC_ACL, "has a public ACL", _PRIVATE),
    ("google_storage_bucket_iam_member", "member", frozenset({"allusers", "allauthenticatedusers"}),
     "gives everybody a role on the bucket", _PRIVATE),
    ("google_storage_bucket_iam_binding", "members", frozenset({"allusers", "allauthenticatedusers"}),
     "gives everybody a role on the bucket", _PRIVATE),
    ("google_storage_bucket_acl", "predefined_acl", frozenset({"publicread", "publicreadwrite"}), "has a public ACL", _PRIVATE),
    ("azurerm_storage_account", "allow_nested_items_to_be_public", frozenset({"true"}), "admits anonymous readers", _PRIVATE),
    ("azurerm_storage_account", "allow_blob_public_access", frozenset({"true"}), "admits anonymous readers", _PRIVATE),
    ("azurerm_storage_container", "container_access_type", frozenset({"blob", "container"}), "admits anonymous readers", _PRIVATE),
    ("microsoft.storage/storageaccounts", "properties.allowBlobPublicAccess", frozenset({"true"}), "admits anonymous readers", _PRIVATE),
    ("microsoft.storage/storageaccounts/blobservices/containers", "properties.publicAccess", frozenset({"blob", "container"}),
     "admits anonymous readers", _PRIVATE),
    ("aws_db_instance", "publicly_accessible", frozenset({"true"}), "is a database with a public address", _INSIDE),
    ("aws_rds_cluster_instance", "publicly_accessible", frozenset({"true"}), "is a database with a public address", _INSIDE),
    ("aws_redshift_cluster", "publicly_accessible", frozenset({"true"}), "is a database with a public address", _INSIDE),
    ("google_sql_database_instance", "settings.ip_configuration.authorized_networks.value", frozenset({"0.0.0.0/0"}),
     "is a database that every address may reach", _INSIDE),
)  # fmt: skip

_BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
_STORES = frozenset(
    {
        *(kind for kind, *_ in _OPENS), "aws_s3_bucket_public_access_block", "google_storage_bucket",
        "aws_opensearch_domain", "aws_dynamodb_table",
    }
)  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer for each store."""
    stores = [seen for seen in resources(project) if seen.fact.kind.lower() in _STORES]
    if not stores:
        yield CARD.not_applicable("no store of data was found in infrastructure as code")
        return
    faults = [fault for seen in stores for fault in _faults(seen)]
    for fault in faults:
        yield CARD.failed(
            f"{fault.name} {fault.what}", at=fault.at, fix=fault.fix, subject=f"{fault.name} {fault.what}",
            severity=weight(fault),
        )  # fmt: skip
    if not faults:
        yield CARD.passed(
            f"{counted(len(stores), 'declared store')} not opened to everybody",
            at=tuple(s.at() for s in stores[:5]),
        )


def _faults(seen: Seen[Resource]) -> Iterator[Fault]:
    stated = values(seen.fact)
    kind = seen.fact.kind.lower()
    for wanted, key, open_values, what, fix in _OPENS:
        if kind != wanted:
            continue
        for value, line in stated.get(key, ()):
            if value.lower() in open_values:
                yield Fault(seen=seen, line=line, what=what, fix=fix)
    if kind == "aws_s3_bucket_public_access_block":
        # A block that is off opens nothing by itself: a policy or ACL that does may stand elsewhere.
        off = [
            (key, line) for key in _BLOCKS for value, line in stated.get(key, ()) if value.lower() == "false"
        ]
        if off:
            names = ", ".join(key for key, _ in off)
            yield Fault(
                seen=seen, line=off[0][1], what=f"switches {names} off", fix="Set all four to true.", severity=Severity.MEDIUM,
            )  # fmt: skip

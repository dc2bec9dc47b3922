"""Digests or signatures are there, and nobody is told how to check them.

## What it finds

Weights of the product for which a checksum file, a signature or keelmark.yaml records what they are, while no text in
the folder shows the command that checks it.

## Why it matters

A signature that no consumer verifies protects nobody: the exchanged file is loaded all the same.

## How to fix

Add one line to the README or the model card:

```sh
sha256sum --check SHA256SUMS
```
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.engine.answers import Topic, about
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="verification-not-shared",
    title="Digests or signatures are there, and nobody is told how to check them",
    severity=Severity.LOW,
    recommendations=("DEP-2.f",),
    settles=("DEP-2.f",),
    tags=("cwe:353", "owasp-llm:LLM03", "atlas:AML.M0014", "en-304-223:5.2.4-1.2"),
)

COMMAND = Topic(
    name="a command that verifies",
    pattern=r"(sha(256|384|512)sum|shasum|b3sum)\b[^\n]{0,40}\s(-c|--check|-[a-z]*c)\b|keelmark verify|model[_-]signing(\s+\w+)? verify"
    r"|cosign verify|gpg2? --verify|minisign -v|gh attestation verify|slsa-verifier verify|openssl dgst [^\n]{0,80}-verify"
    r"|get-filehash|certutil -hashfile",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the weights of the project."""
    weights = {
        asset.path
        for asset in project.inventory.of(AssetKind.MODEL, AssetKind.ADAPTER)
        if asset.is_present
        and asset.get("role") in {"", "weights", "adapter"}
        and role_of(asset.path) is FileRole.PRODUCT
    }
    if not weights:
        yield CARD.not_applicable("no weights were found in the folder")
        return
    recorded = _recorded(project, weights)
    if not recorded:
        yield CARD.not_applicable("neither a digest nor a signature is recorded for the weights")
        return
    told = about(project, COMMAND)
    if not told:
        place = next(iter(sorted(recorded.values())))
        yield CARD.failed(
            f"what the weights are is recorded in {place}, and no text says how to check it",
            at=Location(path=place),
            fix="Show the command in README.md or the model card, such as `sha256sum --check SHA256SUMS`.",
            subject="verification",
        )
        return
    found = CARD.passed(f"{told[0].file.path} shows how to check the weights", at=told[0].at(0))
    yield found if weights <= set(recorded) else replace(found, settles=())


def _recorded(project: Project, weights: set[str]) -> dict[str, str]:
    """Weights of which a digest or signature is recorded, and where."""
    found: dict[str, str] = {}
    for file, reading in project.readings:
        for path, _ in reading.digests:
            if path in weights and file.role is not FileRole.TEST:
                found.setdefault(path, file.path)
    for asset in project.inventory.of(AssetKind.SIGNATURE):
        # A detached signature names nothing; it stands beside its file and bears its name.
        for path in weights:
            if asset.path.startswith(f"{path}."):
                found.setdefault(path, asset.path)
    for entry in project.declaration.models if project.declaration else ():
        if entry.sha256 and entry.path in weights:
            found.setdefault(entry.path, project.declaration_path)
    return found

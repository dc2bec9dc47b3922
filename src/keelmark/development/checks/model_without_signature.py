"""Nothing tells a model of the project from another file of its name.

## What it finds

Weights of the product for which neither a signature nor a digest is recorded: not in a model-signing bundle, not in a
checksum file, not in a lock of the pipeline, not in keelmark.yaml. Recorded SHA-256 digests count only when they are
those of the file.

A pass says whether weights are signed or only recorded. It does not say who signed: that a signature is valid and of the
right person has to be verified with the key or identity of the signer.

## Why it matters

Without a record nobody notices that a model was exchanged, on the disk, in the store or on the way.

## How to fix

Sign the models with the release (OpenSSF model signing), or record their digests: `sha256sum models/* > SHA256SUMS`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import fail_by_folder, listed, plural
from keelmark.development.checks._files import absent_model_paths, recorded_digests, weights_here
from keelmark.development.checks._models import datasets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import FileFacts
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project
    from keelmark.development.checks._files import Recorded

CARD = Card(
    id="model-without-signature",
    title="Nothing tells a model of the project from another file of its name",
    severity=Severity.MEDIUM,
    recommendations=("DEP-2.d", "DEV-3.g", "DEV-2.g"),
    settles=("DEP-2.d", "DEV-3.g"),
    tags=("cwe:353", "owasp-llm:LLM03", "atlas:AML.M0013", "atlas:AML.M0014", "en-304-223:5.2.4-1.2"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each file of weights."""
    files = [seen.file for seen in weights_here(project)]
    absent = list(absent_model_paths(project))
    if not files:
        if absent:
            yield CARD.unknown(
                f"the weights are not in the folder, so no record could be compared: {listed(absent)}",
                fix="Fetch them (git lfs pull, dvc pull) and assess again.",
            )
        else:
            yield CARD.not_applicable("no weights were found")
        return
    signed, recorded = _covered(project, files)
    bare = [file for file in files if file.path not in signed | recorded]
    yield from fail_by_folder(
        CARD,
        [file.path for file in bare],
        one="is neither signed nor recorded by its digest",
        many="are neither signed nor recorded by their digests",
        fix="Sign with the release (OpenSSF model signing), or record the digests: sha256sum FILE... > SHA256SUMS.",
    )
    if not bare:
        yield _covered_pass(project, files, signed, absent)


def _covered(project: Project, files: list[FileFacts]) -> tuple[set[str], set[str]]:
    """Paths that a signature names, and paths whose digest is recorded in another way."""
    records = recorded_digests(project)
    signed: set[str] = set()
    recorded: set[str] = set()
    for file in files:
        for entry in records.get(file.path, ()):
            if entry.agrees(file) is False:
                continue
            (signed if entry.is_signed else recorded).add(file.path)
    # A detached signature names nothing; it stands beside its file and bears its name.
    for asset in project.inventory.of(AssetKind.SIGNATURE):
        signed.update(file.path for file in files if asset.path.startswith(f"{file.path}."))
    return signed, recorded


def _covered_pass(project: Project, files: list[FileFacts], signed: set[str], absent: list[str]) -> Finding:
    unsigned = [file.path for file in files if file.path not in signed]
    how = (
        "recorded by digest, not signed"
        if unsigned
        else "covered by a signature (who signed is not verified here)"
    )
    found = CARD.passed(
        f"{plural(len(files), 'file')} of weights {how}",
        at=tuple(Location(path=file.path) for file in files[:10]),
    )
    records = recorded_digests(project)
    settled = [] if unsigned or absent else ["DEP-2.d"]
    # The digests of the weights alone do not settle what is asked for the datasets as well.
    wanted = [*(file.path for file in files), *(asset.path for asset in datasets_of(project))]
    if not absent and all(_agrees(project, path, records.get(path, ())) for path in wanted):
        settled.append("DEV-3.g")
    return replace(found, settles=tuple(settled))


def _agrees(project: Project, path: str, entries: tuple[Recorded, ...]) -> bool:
    file = project.by_path.get(path)
    return file is not None and any(entry.agrees(file) for entry in entries)

"""The image carries a secret.

## What it finds

A container file that sets a credential with `ENV` or `ARG`, or copies an `.env` file or private key into the image.
Names without a value, and placeholders, are left alone.

## Why it matters

What is in a layer stays in the image's history, and goes to everybody who can pull it.

## How to fix

Hand secrets over at run time, or mount them for one step with `RUN --mount=type=secret`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import ContainerFile
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="secret-in-image",
    title="The image carries a secret",
    severity=Severity.HIGH,
    recommendations=("DEV-2.i", "DEP-2.g", "DEP-1.a"),
    tags=("cwe:522", "cwe:798", "en-304-223:5.2.2-4"),
    reads_single_files=True,
)

_NAME = re2.compile(
    r"(?i)([A-Z0-9_]*(SECRET|PASSWORD|PASSWD|TOKEN|API_?KEY|PRIVATE_KEY)[A-Z0-9_]*)(=|\s+)[\"']?([^\s\"']*)"
)
_HARMLESS = re2.compile(
    r"(?i)(|\$.*|<.*>|.*(your|change|example|placeholder|dummy|xxx).*|none|null|true|false|[0-9]{1,4}|/.*|.*_FILE)"
)
_COPIED = re2.compile(
    r"(?i)(^|[\s/])(\.env(\.(local|prod|production))?|id_rsa|id_ed25519|[^\s]*\.pem|credentials\.json)(\s|$)"
)


def check(project: Project) -> Iterator[Finding]:
    """Answer from the facts of the project."""
    files = [Seen(f, r, r.container) for f, r in project.readings if r.container is not None]
    found = [(seen, line, what) for seen in files for line, what in _carried(seen.fact)]
    for seen, line, what in found:
        yield CARD.failed(
            f"the image carries {what}",
            at=Location(path=seen.file.path, line=line, anchor=what),
            fix="Hand it over at run time, or mount it for one step with RUN --mount=type=secret.",
            subject=what,
            severity=CARD.severity if seen.is_product else Severity.LOW,
        )
    if not files:
        yield CARD.not_applicable("no container file was found")
    elif not found:
        yield CARD.passed(
            f"no credential is set or copied in {counted(len(files), 'container file')}",
            at=tuple(s.at(1) for s in files[:5]),
        )


def _carried(container: ContainerFile) -> Iterator[tuple[int, str]]:
    for instruction in container.instructions:
        if instruction.name.upper() in {"ENV", "ARG"}:
            match = _NAME.search(instruction.value)
            if (
                match
                and not _HARMLESS.fullmatch(match.group(4))
                and not match.group(1).upper().endswith("_FILE")
            ):
                yield instruction.line, f"the variable {match.group(1)}"
        elif instruction.name.upper() in {"COPY", "ADD"} and "--from=" not in instruction.value:
            match = _COPIED.search(instruction.value)
            if match:
                yield instruction.line, f"the file {match.group(2)}"

"""The image carries a secret.

## What it finds

A container file that sets a credential with `ENV` or `ARG`, or copies an `.env` file or private key into the image; and
one whose `ENV` keeps what is handed over as a build argument for a credential, in the stage that is shipped.
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

_WORDS = r"[A-Z0-9_]*(?:SECRET|PASSWORD|PASSWD|TOKEN|API_?KEY|PRIVATE_KEY)(?:_[A-Z0-9_]*)?"
_PAIR = re2.compile(rf"(?i)(?:^|\s)({_WORDS})=[\"']?([^\s\"']*)")
# The old form, with a blank in place of the equals sign, sets one variable.
_OLD_PAIR = re2.compile(rf"(?i)^({_WORDS})\s+[\"']?([^\s\"'=]*)")
# Settings of credentials, and what is meant for everybody's browser.
_NO_CREDENTIAL = re2.compile(
    r"(?i).*_(FILE|PATH|DIR|URL|URI|NAME|TYPE|HEADER|ALGORITHM|LIMIT|LENGTH|BUDGET|COUNT|TTL|EXPIR[A-Z_]*)|.*PUBLIC_.*"
)
_ARGUMENT = re2.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_STAGE = re2.compile(r"(?i)^(?:--[^\s]+\s+)*([^\s]+)(?:\s+AS\s+([^\s]+))?")
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
    shipped = _shipped(container)
    arguments: set[str] = set()
    for number, instruction in enumerate(container.instructions):
        name = instruction.name.upper()
        if name == "FROM":
            arguments = set()
        elif name == "ARG":
            arguments.add(instruction.value.partition("=")[0].strip())
        if name in {"ENV", "ARG"}:
            for variable, value in _credentials(instruction.value):
                handed = _ARGUMENT.match(value)
                if not _HARMLESS.fullmatch(value):
                    yield instruction.line, f"the variable {variable}"
                elif name == "ENV" and handed and handed.group(1) in arguments and number in shipped:
                    yield instruction.line, f"what the build argument {handed.group(1)} hands over"
        elif name in {"COPY", "ADD"} and "--from=" not in instruction.value:
            match = _COPIED.search(instruction.value)
            if match:
                yield instruction.line, f"the file {match.group(2)}"


def _credentials(value: str) -> Iterator[tuple[str, str]]:
    """Names of credentials and what they are set to."""
    for match in (*_PAIR.finditer(value), *_OLD_PAIR.finditer(value)):
        if not _NO_CREDENTIAL.fullmatch(match.group(1)):
            yield match.group(1), match.group(2)


def _shipped(container: ContainerFile) -> frozenset[int]:
    """Which instructions belong to the last stage and those it is built from."""
    stages: list[tuple[str, str, int]] = []
    for number, instruction in enumerate(container.instructions):
        match = _STAGE.match(instruction.value) if instruction.name.upper() == "FROM" else None
        if match:
            stages.append((match.group(1).lower(), (match.group(2) or "").lower(), number))
    ends = [*(start for _, _, start in stages[1:]), len(container.instructions)]
    found: set[int] = set()
    wanted = ""
    for place in reversed(range(len(stages))):
        base, name, start = stages[place]
        if not wanted or name == wanted:
            found.update(range(start, ends[place]))
            wanted = base
    return frozenset(found)

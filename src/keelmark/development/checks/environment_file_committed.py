"""An environment file with real credentials lies in the project.

## What it finds

A `.env` file that sets a variable whose name says credential (`..._KEY`, `..._TOKEN`, `..._SECRET`, `PASSWORD`) to a
value that is no placeholder. Patterns to copy (`.env.example`, `.env.sample`) and files that set no credential are left
alone.

## Why it matters

The file goes into copies, images and archives of the folder, and everybody who gets one of those has the access.

## How to fix

Revoke what stands in it, remove the file, list `.env` in `.gitignore` and `.dockerignore`, and commit `.env.example`
with empty values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.detectors import placeholders
from keelmark.development.checks._answers import MAX_PLACES, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import FileFacts
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="environment-file-committed",
    title="An environment file with real credentials lies in the project",
    severity=Severity.HIGH,
    recommendations=("DEV-2.i", "DEP-2.g"),
    tags=("cwe:538", "cwe:798", "owasp-llm:LLM02", "atlas:AML.T0055", "en-304-223:5.2.1-4"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

_CREDENTIAL = re2.compile(
    r"(?i)(^|_)(api_?key|access_?key|secret|secret_?key|private_?key|token|passw(or)?d|passwd|pwd|credential|dsn)s?(_|$)|_key$"
)
_NO_CREDENTIAL = re2.compile(
    r"(?i)(public|publishable|_id$|_name$|_path$|_file$|_url$|_limit|max_|_tokens$|tokenizer|_ttl|expir|_length|_header)"
)
_LOCAL = re2.compile(
    r"(?i)^(postgres|postgresql|mysql|redis|amqp|mongodb)\S*@(localhost|127\.0\.0\.1|db|redis|postgres)\b"
)
_MIN_CHARS = 8


def check(project: Project) -> Iterator[Finding]:
    """Answer for each environment file."""
    files = [(file, reading.environment) for file, reading in project.readings if reading.environment]
    files = [
        (file, values)
        for file, values in files
        if file.path.rpartition("/")[2].startswith(".env") or "env" in file.path.rpartition("/")[2]
    ]
    failed = False
    for file, values in files:
        if placeholders.is_sample_path(file.path):
            continue
        real = [(name, line) for name, value, line in values if _is_real(name, value)]
        if not real:
            continue
        failed = True
        yield CARD.failed(
            f"{file.path} sets real credentials: {listed([name for name, _ in real])}",
            at=tuple(Location(path=file.path, line=line, anchor=name) for name, line in real[:MAX_PLACES]),
            fix="Revoke them, remove the file, list it in .gitignore and .dockerignore, and commit .env.example instead.",
            subject=file.path,
            severity=_severity(file),
        )
    if failed:
        return
    if files:
        yield CARD.passed(
            f"{', '.join(file.path for file, _ in files[:3])} sets no real credential",
            at=tuple(Location(path=file.path) for file, _ in files[:5]),
        )
    else:
        yield CARD.not_applicable("no environment file was found")


def _is_real(name: str, value: str) -> bool:
    plain = value.strip().strip("'\"")
    if not _CREDENTIAL.search(name) or _NO_CREDENTIAL.search(name) or len(plain) < _MIN_CHARS:
        return False
    return not _LOCAL.search(plain) and not placeholders.reason(plain)


def _severity(file: FileFacts) -> Severity:
    return CARD.severity if file.role is FileRole.PRODUCT else Severity.LOW

"""What a server sends is run during the build.

## What it finds

Commands of container files, pipelines and package scripts that pipe a download into a shell
(`curl ... | sh`, `bash <(curl ...)`), or that install from a repository without a full commit
(`pip install git+https://...`). A command that checks a digest (`sha256sum -c`) before it runs the file passes.

A pipeline that uses no secret is reported as low. Shell scripts and the shell lines of notebooks are not looked at.

## Why it matters

Whoever controls the server, the domain or the branch on the day of the build is in the image. Nothing of it is
recorded.

## How to fix

Use a package, an image or a pinned action; or download, check the digest, then run.

```dockerfile
# bad
RUN curl -LsSf https://example.org/install.sh | sh

# good
COPY --from=ghcr.io/astral-sh/uv:0.8.22@sha256:9874eb7afe5ca16c363fe80b294fe700e460df29a55532bbfea234a0f12eddb1 /uv /bin/
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="install-script-from-url",
    title="What a server sends is run during the build",
    severity=Severity.MEDIUM,
    recommendations=("DEV-1.a", "DEV-1.e", "SD-3.m"),
    tags=("cwe:494", "cwe:829", "owasp-llm:LLM03", "atlas:AML.T0010.001", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)

_SHELL = r"(sudo\s+(-\S+\s+)*)?(env\s+\S+\s+)?(/\S*/)?(ba|z|da|k)?sh\b"
_PIPED = re2.compile(
    rf"\b(curl|wget)\b[^|;&\n]*\|\s*{_SHELL}|\b(ba|z)?sh\s+<\(\s*(curl|wget)\b|\bsh\s+-c\s+[\"']?\$\((curl|wget)\b"
    r"|\b(curl|wget)\b[^|;&\n]*\|\s*(sudo\s+)?python[0-9.]*(\s+-)?\s*($|[;&|\n])|\b(iwr|irm|Invoke-WebRequest)\b[^|\n]*\|\s*iex\b"
)
_FROM_REPOSITORY = re2.compile(
    r"\b(?:pip[0-9.]*|uv|pipx|poetry|npm)\s+(?:\S+\s+)*?(?:install|add)\s[^;&|\n]*?(git\+[a-z]+://[^\s\"';&|]+)"
)
_COMMIT = re2.compile(r"@[0-9a-f]{40}([#\s]|$)")
_CHECKED = re2.compile(r"(sha(256|512)sum|shasum)\b[^\n]*(-c|--check)|gpg\s+--verify|cosign\s+verify")
_LESSER = frozenset({FileRole.TEST, FileRole.EXAMPLE, FileRole.DOCUMENTATION})


def check(project: Project) -> Iterator[Finding]:
    """Answer for each command of a build."""
    commands = list(_commands(project))
    defects = [defect for at, text, lesser in commands for defect in _judge(at, text, lesser=lesser)]
    yield from fail_each(CARD, defects)
    if defects:
        return
    if commands:
        yield CARD.passed(f"{plural(len(commands), 'build command')} read; none runs what a server sends")
    else:
        yield CARD.not_applicable("no container file, pipeline or package script was found")


def _commands(project: Project) -> Iterator[tuple[Location, str, bool]]:
    for file, reading in project.readings:
        lesser = file.role in _LESSER or ".devcontainer/" in f"/{file.path}"
        for step in reading.container.instructions if reading.container else ():
            if step.name.upper() == "RUN":
                yield Location(path=file.path, line=step.line, anchor=step.value[:200]), step.value, lesser
        flow = reading.workflow
        for script in flow.scripts if flow else ():
            at = Location(path=file.path, line=script.line, anchor=script.text[:200])
            # A pipeline without secrets has nothing to steal and publishes nothing.
            yield at, script.text, lesser or not (flow and flow.secrets)
        if reading.manifest is not None and not reading.manifest.is_lock:
            for name, command in reading.manifest.scripts:
                yield Location(path=file.path, anchor=name), command, lesser


def _judge(at: Location, text: str, *, lesser: bool) -> Iterator[Defect]:
    joined = text.replace("\\\n", " ")
    severity = Severity.LOW if lesser else None
    if _PIPED.search(joined) and not _CHECKED.search(joined):
        yield Defect(
            message=f"{at.path} runs what a server sends",
            many="build commands run what a server sends",
            at=at,
            fix="Use a package or a pinned image; or download the script, check its digest, then run it.",
            subject=f"pipe {at.anchor[:80]}",
            severity=severity,
        )
    for reference in _FROM_REPOSITORY.findall(joined):
        if not _COMMIT.search(reference):
            yield Defect(
                message=f"{at.path} installs the moving head of {reference[:120]}",
                many="build commands install from a repository without a commit",
                at=at,
                fix="Name the full commit after @, or take a release of an index.",
                subject=reference[:120],
                severity=severity,
            )

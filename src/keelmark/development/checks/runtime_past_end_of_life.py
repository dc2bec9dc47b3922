"""The language or system below is no longer mended.

## What it finds

- A base image whose language or distribution is past its end of support at the day of the assessment.
- A project that allows only language versions past their end, in its manifest, `.python-version` or `runtime.txt`.
- As low: a project whose lowest allowed version is past its end. That is a floor, not what runs.

The table of endings is packaged; names that are not in it are not known and not reported.

## Why it matters

Weaknesses found from now on stay open.

## How to fix

Move to a supported line, and raise the floor of the manifest with it.

```dockerfile
# bad
FROM python:3.8-slim

# good
FROM python:3.13-slim
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, plural
from keelmark.development.supplychain import lifecycle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Manifest
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="runtime-past-end-of-life",
    title="The language or system below is no longer mended",
    severity=Severity.MEDIUM,
    recommendations=("DEV-1.f", "DEV-4.a"),
    tags=("cwe:1104", "owasp-llm:LLM03", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)

_CARET = re2.compile(r"^\^([0-9]+)\.([0-9]+)")
# Images for development and tests are not shipped.
_DEVELOPMENT = re2.compile(r"(?i)(^|/)\.devcontainer/|(^|[/._-])(dev|development|test|tests|ci)([/._-]|$)")
_PYTHONS = tuple(f"3.{minor}" for minor in range(4, 16))


def check(project: Project) -> Iterator[Finding]:
    """Answer for each base image and each manifest that names a language version."""
    defects: list[Defect] = []
    looked: list[Location] = []
    for file, reading in project.readings:
        for base in reading.container.bases if reading.container else ():
            endings = () if base.is_stage else lifecycle.image_endings(base.image, base.tag)
            at = Location(path=file.path, line=base.line, anchor=f"{base.image}:{base.tag}")
            looked += [at] if endings else []
            over = [ending for ending in endings if ending.end < project.today]
            if over:
                words = ", ".join(f"{item.product} {item.version} ({item.end.isoformat()})" for item in over)
                defects.append(
                    Defect(
                        message=f"base image {base.image}:{base.tag} is past its end of support: {words}",
                        many="base images are past their end of support",
                        at=at,
                        fix="Take the image of a supported line.",
                        subject=f"{base.image}:{base.tag}",
                        severity=None
                        if file.role == "product" and not _DEVELOPMENT.search(file.path)
                        else Severity.LOW,
                    )
                )
    for seen in project.manifests:
        if seen.fact.is_lock or not seen.fact.runtime or seen.fact.ecosystem != "pypi" or not seen.is_product:
            continue
        allowed = _allowed(seen.fact.runtime)
        looked += [seen.at(0, anchor=seen.fact.runtime)] if allowed else []
        defects += _of_range(project, seen, allowed)
    yield from fail_each(CARD, defects)
    if defects:
        return
    if looked:
        until = lifecycle.load().as_of.isoformat()
        yield CARD.passed(
            f"{plural(len(looked), 'base image or version range', 'base images and version ranges')} within support "
            f"(table of {until})",
            at=tuple(looked[:10]),
        )
    else:
        yield CARD.not_applicable("no base image and no version range of a known language was found")


def _allowed(text: str) -> tuple[str, ...]:
    """The Python lines that a range allows; empty when it cannot be read."""
    caret = _CARET.match(text.strip())
    if caret:
        text = f">={caret.group(1)}.{caret.group(2)},<{int(caret.group(1)) + 1}"
    try:
        wanted = SpecifierSet(text)
    except InvalidSpecifier:
        return ()
    # A late patch release stands for its line: `>=3.9.2` allows the line 3.9.
    return tuple(line for line in _PYTHONS if wanted.contains(f"{line}.99") or wanted.contains(f"{line}.0"))


def _of_range(project: Project, seen: Seen[Manifest], allowed: tuple[str, ...]) -> Iterator[Defect]:
    ends = {line: lifecycle.python_end(line) for line in allowed}
    over = [line for line, end in ends.items() if end is not None and end < project.today]
    if not over:
        return
    at = seen.at(0, anchor=seen.fact.runtime)
    if len(over) == len(allowed):
        yield Defect(
            message=f"{seen.file.path} allows only Python versions past their end of support: {seen.fact.runtime}",
            many="manifests allow only versions past their end of support",
            at=at,
            fix="Move to a supported Python and change the range.",
            subject=f"only {seen.file.path}",
        )
    else:
        yield Defect(
            message=f"{seen.file.path} still allows Python {over[0]}, which is past its end of support ({seen.fact.runtime})",
            many="manifests still allow versions past their end of support",
            at=at,
            fix="Raise the lowest version when the users of the old one are gone.",
            subject=f"floor {seen.file.path}",
            severity=Severity.LOW,
        )

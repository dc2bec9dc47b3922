"""Packages may come from a place that the project does not control.

## What it finds

- A second index beside the default one for pip (`--extra-index-url`): pip takes a package of the same name from
  either. The indexes of well-known projects for builds of their own packages (PyTorch, NVIDIA, JAX, PyG) are left
  alone, and so is an index that replaces the default one. uv, Poetry and Pipenv decide on one index for each package
  and are not reported.
- An index over plain HTTP, and options that switch the check of certificates off (`--trusted-host`).

Requirement files, project files and the commands of container files are looked at.

## Why it matters

Whoever registers the name of an internal package on the public index gets their code installed: dependency confusion.
Without a checked certificate, whoever sits on the way does.

## How to fix

Name one index that serves all packages, or bind each package to its index.

```toml
# good
[[tool.uv.index]]
name = "internal"
url = "https://packages.example.org/simple"
explicit = true

[tool.uv.sources]
acme-features = { index = "internal" }
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Manifest
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="untrusted-package-index",
    title="Packages may come from a place that the project does not control",
    severity=Severity.MEDIUM,
    recommendations=("DEV-1.e", "DEV-1.c"),
    tags=(
        "cwe:427",
        "cwe:829",
        "owasp-llm:LLM03",
        "atlas:AML.T0010.001",
        "atlas:AML.T0011.001",
        "en-304-223:5.2.3-1",
    ),
    reads_single_files=True,
    references=(
        "Dependency Confusion: How I Hacked Into Apple, Microsoft and Dozens of Other Companies (2021)",
    ),
)

# Projects that publish builds of their own packages beside the default index.
_KNOWN = re2.compile(
    r"(?i)^https://(download\.pytorch\.org|pypi\.nvidia\.com|data\.pyg\.org|data\.dgl\.ai"
    r"|storage\.googleapis\.com/(jax|libtpu)-[a-z-]+|pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org"
    r"|registry\.yarnpkg\.com|download\.openmmlab\.com|abetlen\.github\.io/llama-cpp-python)(/|$)"
)
_PLAIN = re2.compile(r"(?i)^http://")
_LOCAL = re2.compile(r"(?i)^http://(localhost|127\.|\[::1\])")
_EXTRA = re2.compile(r"--extra-index-url[ =]+[\"']?([^\s\"';&|]+)")
_TRUSTED = re2.compile(r"(--trusted-host|--allow-insecure-host)[ =]+[\"']?([^\s\"';&|]+)")
_HOST = re2.compile(r"^(pypi\.org|files\.pythonhosted\.org|pypi\.python\.org)$")
_ECOSYSTEMS = frozenset({"pypi", "npm"})


def check(project: Project) -> Iterator[Finding]:
    """Answer for each index and option."""
    manifests = [
        seen
        for seen in project.manifests
        if not seen.fact.is_lock
        and seen.fact.ecosystem in _ECOSYSTEMS
        and (seen.fact.requirements or seen.fact.includes or seen.fact.indexes or seen.fact.default_index)
    ]
    defects = [defect for seen in manifests for defect in _of_manifest(seen)]
    defects += _of_containers(project)
    yield from fail_each(CARD, defects)
    if defects:
        return
    named = sorted({url for seen in manifests for url in seen.fact.indexes})
    if manifests:
        where = f"the only other indexes are {', '.join(named[:3])}" if named else "no other index is named"
        yield CARD.passed(
            f"packages come from one index; {where}", at=tuple(seen.at(0) for seen in manifests[:5])
        )
    else:
        yield CARD.not_applicable("no dependency manifest was found")


def _of_manifest(seen: Seen[Manifest]) -> Iterator[Defect]:
    fact = seen.fact
    for url in dict.fromkeys((*fact.indexes, fact.default_index)):
        if not url:
            continue
        if _PLAIN.search(url) and not _LOCAL.search(url):
            yield _defect(
                seen.at(0, anchor=url),
                seen.is_product,
                "plain",
                f"{seen.file.path} takes packages over plain HTTP from {url}",
            )
        elif not _is_bound(fact, url):
            yield _defect(
                seen.at(0, anchor=url),
                seen.is_product,
                "second",
                f"{seen.file.path} takes packages from {url} or the default index, whichever has them",
            )
    for option in fact.trusts:
        yield _defect(
            seen.at(0, anchor=option),
            seen.is_product,
            "unchecked",
            f"{seen.file.path} switches the check of certificates off: {option}",
        )


def _is_bound(fact: Manifest, url: str) -> bool:
    """Whether an index cannot be confused with the default one: known, instead of it, or for one tool that binds."""
    return bool(_KNOWN.search(url)) or url == fact.default_index or fact.format != "requirements"


def _of_containers(project: Project) -> Iterator[Defect]:
    for file, reading in project.readings:
        if reading.container is None:
            continue
        product = file.role == "product"
        for step in reading.container.instructions:
            if step.name.upper() not in {"RUN", "ENV"}:
                continue
            at = Location(path=file.path, line=step.line, anchor=step.value[:200])
            for url in _EXTRA.findall(step.value):
                if not _KNOWN.search(url):
                    yield _defect(
                        at,
                        product,
                        "second",
                        f"{file.path} takes packages from a second index beside the default one",
                    )
            for option, host in _TRUSTED.findall(step.value):
                if not _HOST.search(host):
                    yield _defect(
                        at,
                        product,
                        "unchecked",
                        f"{file.path} switches the check of certificates off: {option} {host}",
                    )


_MANY = {
    "plain": "indexes are reached over plain HTTP",
    "second": "indexes compete with the default one",
    "unchecked": "options switch the check of certificates off",
}
_FIX = {
    "plain": "Reach the index over HTTPS.",
    "second": "Name one index that serves all packages, or bind each package to its index.",
    "unchecked": "Give the index a certificate that the machine trusts, and remove the option.",
}


def _defect(at: Location, is_product: bool, kind: str, message: str) -> Defect:  # noqa: FBT001 - private
    severe = Severity.HIGH if kind == "plain" else Severity.MEDIUM
    return Defect(
        message=message,
        many=_MANY[kind],
        at=at,
        fix=_FIX[kind],
        subject=f"{kind} {at.path}",
        severity=severe if is_product else Severity.LOW,
    )

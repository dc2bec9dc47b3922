"""The lock names versions and not what they contain.

## What it finds

A lock in which packages of an index have no digest. A lock with a digest for each package of an index passes; packages
from paths and version control have none by nature and are left alone.

## Why it matters

A version is a name; the archive behind it can be replaced on the index, a mirror or the way. With digests the
installer notices.

## How to fix

`pip-compile --generate-hashes`, `uv export --format requirements-txt` (with hashes), `poetry lock`, and install with
`--require-hashes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import RequirementSource
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, plural
from keelmark.development.checks._packages import product_locks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Manifest
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="lock-without-digests",
    title="The lock names versions and not what they contain",
    severity=Severity.LOW,
    recommendations=("DEV-1.e", "DEV-2.h"),
    tags=("cwe:494", "owasp-llm:LLM03", "atlas:AML.T0010.001", "atlas:AML.M0014", "en-304-223:5.2.3-1"),
    reads_single_files=True,
)

# Locks that can hold a digest for each package. Bundled and linked packages of npm have none, so a few may lack it.
_CAN_HOLD = frozenset(
    {"conda-lock", "package-lock", "pdm-lock", "pipfile-lock", "pnpm-lock", "poetry-lock", "pylock", "requirements",
     "uv-lock", "yarn-lock"}
)  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """Answer for each lock."""
    locks = [seen for seen in product_locks(project) if seen.fact.format in _CAN_HOLD and _indexed(seen)]
    bare = [seen for seen in locks if _lacks(seen)]
    yield from fail_each(
        CARD,
        (
            Defect(
                message=f"{seen.file.path} holds no digest for {plural(_lacks(seen), 'package')}",
                many="locks hold no digests",
                at=seen.at(0),
                fix="Lock with digests (pip-compile --generate-hashes, uv export, poetry lock) and require them.",
                subject=seen.file.path,
            )
            for seen in bare
        ),
    )
    if not locks:
        yield CARD.not_applicable("no lock that can hold digests was found")
    elif not bare:
        yield CARD.passed(
            f"{plural(len(locks), 'lock')} with a digest for each package of an index",
            at=tuple(seen.at(0) for seen in locks[:5]),
        )


def _indexed(seen: Seen[Manifest]) -> int:
    return sum(item.source is RequirementSource.INDEX for item in seen.fact.requirements)


def _lacks(seen: Seen[Manifest]) -> int:
    """Packages of an index without a digest; 0 where only a few of an npm lock lack it."""
    count = sum(
        item.source is RequirementSource.INDEX and not item.is_hashed for item in seen.fact.requirements
    )
    return 0 if seen.fact.ecosystem == "npm" and count * 2 < _indexed(seen) else count

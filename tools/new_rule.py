"""Makes the files of a new rule: the module, and its bad, good and edge folders."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

TEMPLATE = '''"""One sentence: what a failure means.

## What it finds

Which facts it looks at, what it reports and what it leaves alone.

## Why it matters

What an attacker, or time, makes of it.

## How to fix

What to do, with a short bad and good example where it is code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="{slug}",
    title="One line: what a failure means",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.n",),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    yield CARD.unknown("this rule was not written yet")
'''


def main() -> int:
    """Write the skeleton; never over existing files."""
    if len(sys.argv) != 3 or sys.argv[1] not in {"design", "development", "deployment", "operation"}:
        print(
            "usage: make new-rule AREA=design|development|deployment|operation SLUG=name-of-the-defect",
            file=sys.stderr,
        )
        return 2
    area, slug = sys.argv[1:]
    module = ROOT / f"src/keelmark/{area}/checks/{slug.replace('-', '_')}.py"
    examples = ROOT / "tests/rules" / slug
    if module.exists() or examples.exists():
        print(f"{slug} exists already", file=sys.stderr)
        return 1
    module.write_text(TEMPLATE.format(slug=slug), "utf-8")
    for name in ("bad", "good", "edge"):
        (examples / name).mkdir(parents=True)
    (examples / "expect.yaml").write_text("bad: []\nedge: pass\n", "utf-8")
    print(f"{module.relative_to(ROOT)}\n{examples.relative_to(ROOT)}/{{bad,good,edge}}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

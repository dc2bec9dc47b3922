"""What rules about code say when code could not be read: unknown, with the files that hide the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole, GapReason
from keelmark.core.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Gap
    from keelmark.core.finding import Card, Finding
    from keelmark.core.project import Project

__all__ = ["answer_code_gaps", "code_gaps"]

# Most rules look for what only Python has; a bundle of JavaScript that is too large hides nothing from them.
_SOURCE = (".ipynb", ".py", ".pyw")


def code_gaps(project: Project) -> tuple[Gap, ...]:
    """Source files of the product that were not read although they matter; what a person excluded is not among them."""
    return tuple(
        gap
        for gap in project.gaps
        if gap.matters
        and gap.reason is not GapReason.EXCLUDED
        and gap.path.lower().endswith(_SOURCE)
        and _is_product(project, gap.path)
    )


def _is_product(project: Project, path: str) -> bool:
    file = project.by_path.get(path)
    return file is None or file.role is FileRole.PRODUCT


def answer_code_gaps(card: Card, project: Project, what: str) -> Iterator[Finding]:
    """One unknown answer when source code of the product could not be read."""
    gaps = code_gaps(project)
    if not gaps:
        return
    first = gaps[0]
    more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
    yield card.unknown(
        f"no {what} in what was read, but {first.path}{more} could not be read ({first.reason.value})",
        fix="Mend the file so that it can be read, or exclude it with a reason.",
        at=tuple(Location(path=gap.path, line=gap.line) for gap in gaps[:10]),
    )

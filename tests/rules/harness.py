"""Runs rules over a folder the way `assess` does, without writing anything."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.config import declaration as declaration_file
from keelmark.config.settings import AssessSettings
from keelmark.core.project import Project
from keelmark.development.assets.inventory import take_inventory
from keelmark.engine.collect import collect, without_found
from keelmark.engine.exclusions import in_force
from keelmark.engine.readers import all_readers
from keelmark.engine.run import run_rules
from keelmark.engine.walk import walk
from keelmark.guidelines import load
from keelmark.workflows.extras import prepare_extras
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from keelmark.core.finding import Finding

TODAY = date(2026, 11, 23)
FOLDER = Path(__file__).parent


@lru_cache(maxsize=1)
def rules():
    """Every rule by id."""
    return {found.card.id: found for found in rulebook(load(), with_plugins=False)}


def project_of(root: Path, *, today: date = TODAY, advisories: Path | None = None) -> Project:
    """The facts of a folder."""
    file = declaration_file.find(root)
    declaration = declaration_file.read(file, catalogue=load()) if file else None
    met = walk(root, exclude=in_force(declaration.exclude, today=today) if declaration else ())
    files = [collected.facts for collected in collect(met.entries, all_readers())]
    gaps = [*met.gaps, *(gap for facts in files for gap in facts.gaps)]
    if (root / "advisories.jsonl").is_file():
        advisories = root / "advisories.jsonl"
    return Project(
        name=root.name,
        today=today,
        files=tuple(files),
        gaps=without_found(gaps, files),
        inventory=take_inventory(files),
        declaration=declaration,
        declaration_path=file.name if file else "keelmark.yaml",
        extras=prepare_extras(AssessSettings(advisories=advisories), root),
    )


def findings_of(rule: str, root: Path) -> tuple[Finding, ...]:
    """The answers of one rule about a folder."""
    return run_rules([rules()[rule].rule], project_of(root))

"""Builds projects from a few texts, the way an assessment does."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from keelmark.config import declaration as declaration_file
from keelmark.core.project import Project
from keelmark.development.assets.inventory import take_inventory
from keelmark.engine.collect import collect
from keelmark.engine.readers import all_readers
from keelmark.engine.walk import walk
from keelmark.guidelines import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TODAY = date(2026, 11, 23)


@pytest.fixture
def project(tmp_path: Path) -> Callable[[dict[str, str]], Project]:
    """A function that makes a project of these files."""

    def build(files: dict[str, str]) -> Project:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        found = declaration_file.find(tmp_path)
        met = walk(tmp_path)
        facts = [collected.facts for collected in collect(met.entries, all_readers())]
        return Project(
            name="system",
            today=TODAY,
            files=tuple(facts),
            gaps=(*met.gaps, *(gap for file in facts for gap in file.gaps)),
            inventory=take_inventory(facts),
            declaration=declaration_file.read(found, catalogue=load()) if found else None,
        )

    return build

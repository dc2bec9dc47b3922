"""What a rule looks at is damaged: it never passes, and where it says that nothing is there, the report names the hole.

"Not applicable" is a legitimate answer of a rule whose file can no longer be told for what it was, as long as a gap that
matters is named: the gate then holds what that answer would settle for unknown.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import FOLDER, project_of, rules

from keelmark.core.outcome import Outcome
from keelmark.engine.run import run_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

# Rules that name what could not be read; at least one of them must not pass.
TELLING = ("asset-not-here", "unread-model", "unread-part")


def garbage(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 16)


def broken_charset(file: Path) -> None:
    file.write_bytes(b"\xff\xfe" + file.read_bytes() + b"\x00\xd8")  # Half a pair of UTF-16.


def zeros(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:40] + b"\x00" * 9000)


def answers(rule: str, project: Project) -> tuple[Finding, ...]:
    return run_rules([rules()[rule].rule], project)


@pytest.mark.parametrize("damage", [garbage, broken_charset, zeros], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("rule", sorted(rules()))
def test_damaged_file_never_passes(rule: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(FOLDER / rule / "bad", root, symlinks=True)
    failures = [finding for finding in answers(rule, project_of(root)) if finding.outcome is Outcome.FAIL]
    named = {place.path for finding in failures for place in finding.locations if place.path}
    paths = sorted(path for path in named if (root / path).is_file() and path != "keelmark.yaml")
    if not paths:
        return  # The failure is that something is missing; a broken declaration ends the run.
    for path in paths:
        damage(root / path)
    project = project_of(root)
    outcomes = {finding.outcome for finding in answers(rule, project)}
    if outcomes & {Outcome.FAIL, Outcome.UNKNOWN}:
        return
    assert Outcome.PASS not in outcomes, f"{rule} passes over {paths}"
    unnamed = [path for path in paths if not any(gap.matters and gap.path == path for gap in project.gaps)]
    assert not unnamed, f"{rule}: no gap that matters names {unnamed}"
    told = {finding.outcome for name in TELLING for finding in answers(name, project)}
    assert told & {Outcome.FAIL, Outcome.UNKNOWN}

"""The examples that ship with the project: what is planted is found, and what is mended may be released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import pytest
import re2

from keelmark.config import declaration as declaration_file
from keelmark.config.settings import AssessSettings
from keelmark.core.assessment import Assessment
from keelmark.core.decision import Verdict
from keelmark.core.declaration import Attestation
from keelmark.core.outcome import Outcome, Severity, Status
from keelmark.formats import yaml_tree
from keelmark.guidelines import load
from keelmark.workflows.assess import assess, target_of

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FAULTS = ROOT / "tests" / "data" / "examples" / "faults.yaml"
TODAY = date(2026, 11, 23)
STATES = ("helpdesk", "digits")

_ROW = re2.compile(r"(?m)^\| `([^`]+)` \| [^|]+ \| ([^|]+) \|$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planted fault: where it stands, the findings that name it, and what no rule covers of it."""

    state: str
    where: str
    found: tuple[tuple[str, str, int], ...] = ()
    missed: str = ""

    @property
    def cell(self) -> str:
        """What examples/README.md says of it in its last column."""
        names = ", ".join(f"`{rule}`" for rule, _, _ in self.found)
        rest = f"not covered: {self.missed}" if self.missed else ""
        return "; ".join(part for part in (names, rest) if part)


def faults() -> tuple[Fault, ...]:
    """Every planted fault, in the order of the README."""
    root = yaml_tree.parse(FAULTS.read_text(encoding="utf-8"), path=FAULTS.name)
    return tuple(
        Fault(
            state=entry["state"],
            where=entry["where"],
            found=tuple((item["rule"], item["path"], int(item["line"])) for item in entry.get("found", ())),
            missed=entry.get("missed", ""),
        )
        for entry in root.plain()
    )


@lru_cache(maxsize=8)
def run(state: str) -> Assessment:
    """One assessment on a fixed day that writes nothing."""
    settings = AssessSettings(as_of=TODAY, write=False, cache=False, plugins=False)
    return assess(target_of([EXAMPLES / state]), settings)


@lru_cache(maxsize=8)
def failures(state: str) -> frozenset[tuple[str, str, int]]:
    """Rule, path and line of every place of every failure; an empty path for what concerns the folder."""
    found = [finding for finding in run(state).findings if finding.outcome is Outcome.FAIL]
    places = {(finding.rule, at.path, at.line) for finding in found for at in finding.locations}
    return frozenset(places | {(finding.rule, "", 0) for finding in found if not finding.locations})


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: f"{fault.state}:{fault.where}")
def test_a_planted_fault_is_found_at_its_place_or_named_as_missed(fault: Fault) -> None:
    absent = set(fault.found) - failures(f"{fault.state}/as-found")
    assert not absent
    assert fault.found or fault.missed


def test_the_readme_says_what_is_found_and_what_is_not() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    sheet = text[text.index("## What is wrong in as-found") : text.index("## How the secured states mend it")]
    assert _ROW.findall(sheet) == [(fault.where, fault.cell) for fault in faults()]


@pytest.mark.parametrize("state", STATES)
def test_what_teams_commit_is_not_released(state: str) -> None:
    decision = run(f"{state}/as-found").decision
    assert decision.verdict is Verdict.DO_NOT_RELEASE
    assert decision.blocking[0].severity is Severity.CRITICAL


def test_the_first_reason_is_what_an_outsider_can_run() -> None:
    first = {state: run(f"{state}/as-found").decision.blocking[0] for state in STATES}
    assert first["helpdesk"].rule == "command-from-untrusted-text"
    assert first["digits"].rule == "deserialisation-of-untrusted-bytes"


@pytest.mark.parametrize("state", STATES)
def test_the_mended_state_may_be_released(state: str) -> None:
    found = run(f"{state}/secured")
    assert found.decision.verdict is Verdict.RELEASE, [row.recommendation for row in found.decision.missing]
    assert [
        gap for gap in found.gaps if gap.path != ".keelmark"
    ] == []  # Records of an assessment somebody ran.


@pytest.mark.parametrize("state", STATES)
def test_nothing_open_is_left_in_the_mended_state(state: str) -> None:
    assert not [finding for finding in run(f"{state}/secured").findings if finding.outcome is Outcome.FAIL]


@pytest.mark.parametrize("state", STATES)
def test_no_failure_of_the_mended_state_is_waived(state: str) -> None:
    assert not [row for row in run(f"{state}/secured").decision.standings if row.status is Status.WAIVED]


@pytest.mark.parametrize("state", STATES)
def test_each_attestation_names_a_record_that_is_there(state: str) -> None:
    folder = EXAMPLES / state / "secured"
    for entry in attestations(folder):
        assert (folder / entry.evidence).is_file(), entry
        assert entry.is_current(TODAY)
        assert len(entry.statement.split()) >= 8


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_attested_that_a_rule_settles(state: str) -> None:
    folder = EXAMPLES / state / "secured"
    settled = {
        recommendation
        for finding in run(f"{state}/secured").findings
        if finding.outcome is Outcome.PASS
        for recommendation in finding.settles
    }
    assert not settled & {entry.recommendation for entry in attestations(folder)}


def attestations(folder: Path) -> tuple[Attestation, ...]:
    """The attestations of a folder's declaration."""
    declared = declaration_file.read(folder / "keelmark.yaml", catalogue=load())
    return declared.attestations

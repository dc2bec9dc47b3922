"""What runs leave in the transparency log: nothing without one, everything with one, statements once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.corpus.releases import CLOCK, assessment_of, day, declared, write

from keelmark.config.settings import AssessSettings
from keelmark.core.declaration import Attestation, Waiver
from keelmark.core.log import LogKind
from keelmark.workflows.assess import Target, assess
from keelmark.workflows.log import LOG_FOLDER, rows
from keelmark.workflows.records import document_of, log_place, record_assessment

if TYPE_CHECKING:
    from pathlib import Path


def kinds(root: Path) -> list[str]:
    return [str(row.leaf.kind) for row in rows(root / LOG_FOLDER)]


def test_run_is_recorded_where_there_is_a_log(project: Path, settings: AssessSettings) -> None:
    place = project / LOG_FOLDER
    assess(Target(root=project), settings, clock=CLOCK)
    assert not place.exists()
    found = assess(Target(root=project), replace(settings, log=True), clock=CLOCK)
    assert kinds(project) == ["findings"]
    (row,) = rows(place)
    assert row.leaf.subjects == (f"sha256:{found.tree_digest}",)
    assess(Target(root=project), settings, clock=CLOCK)
    assess(Target(root=project), replace(settings, log=False), clock=CLOCK)
    assess(Target(root=project), replace(settings, write=False, log=True), clock=CLOCK)
    assess(Target(root=project, only=("app.py",)), settings, clock=CLOCK)
    assert kinds(project) == ["findings", "findings"]


def test_waivers_and_attestations_are_recorded_once_and_while_they_count(tmp_path: Path) -> None:
    root = write(tmp_path / "project")
    (root / ".keelmark").mkdir()
    waiver = Waiver(rule="r", reason="x", owner="Lead", expires=day("2027-01-01"))
    attested = Attestation(
        recommendation="OM-3.b", statement="so", by="CISO", on=day("2026-11-01"), expires=day("2027-01-01")
    )
    declaration = declared(
        waivers=(waiver, replace(waiver, expires=day("2026-01-01"))), attestations=(attested,)
    )
    for changed in (
        declaration,
        declaration,
        replace(declaration, waivers=(replace(waiver, owner="Other"),)),
    ):
        record_assessment(root, assessment_of(root), changed, wanted=True, clock=CLOCK)
    assert kinds(root) == ["findings", "waiver", "attestation", "findings", "findings", "waiver"]
    row = next(row for row in rows(root / LOG_FOLDER) if row.leaf.kind is LogKind.WAIVER)
    digest = row.leaf.record.removeprefix("sha256:")
    kept = json.loads((root / LOG_FOLDER / "records" / digest[:2] / digest[2:]).read_bytes())
    assert (kept["rule"], kept["owner"], kept["expires"]) == ("r", "Lead", "2027-01-01")


def test_log_is_looked_for_in_the_project_alone(tmp_path: Path) -> None:
    assert log_place(tmp_path, wanted=None) is None
    assert log_place(tmp_path, wanted=False) is None
    assert log_place(tmp_path, wanted=True) == tmp_path / LOG_FOLDER
    (tmp_path / "checkpoint").touch()
    assert log_place(tmp_path, wanted=None) is None


def test_foreign_text_of_any_kind_can_be_recorded() -> None:
    assert document_of({"a": "\ud800\x1b"}) == b'{"a":"\\ud800\\u001b"}'

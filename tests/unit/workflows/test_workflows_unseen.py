"""Unknown is never pass: what was left out or only counted may hold the part that was not found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.outcome import Outcome, Severity, Status
from keelmark.workflows.assess import Target, assess

CLOCK = FixedClock(datetime(2026, 11, 23, 12, tzinfo=UTC))
API = "DEP-1.b"
"""A row that needs an `api`, settled by a rule."""
TOOLS = "SD-3.o"
"""A row that needs an `agent`, which no rule settles."""
SPOKEN = "{ path: server, reason: moved, owner: Head of Platform, expires: 2027-01-01 }"
SERVER = "from flask import Flask\n\napp = Flask(__name__)\n\n\n@app.post('/order')\ndef order():\n    return 'ok'\n"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    root = tmp_path / "plain"
    root.mkdir()
    (root / "report.py").write_text("print('sum', 1 + 2)\n")
    return root


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def exclude(root: Path, *entries: str) -> None:
    write(root, "keelmark.yaml", "version: 1\nexclude:\n" + "".join(f"- {entry}\n" for entry in entries))


def standings(root: Path, settings, **changes) -> dict[str, tuple[Status, str]]:
    found = assess(Target(root=root), replace(settings, **changes), clock=CLOCK)
    return {row.recommendation: (row.status, row.reason) for row in found.decision.standings}


# --- exclusions ----------------------------------------------------------------------------------


def test_everything_read_and_nothing_found_is_not_applicable(plain: Path, settings) -> None:
    rows = standings(plain, settings)
    assert rows[TOOLS] == (Status.NOT_APPLICABLE, "no tool that a model can call was found")
    assert rows[API][0] is Status.NOT_APPLICABLE


def test_exclusion_with_owner_and_expiry_is_named_beside_each_absence(plain: Path, settings) -> None:
    write(plain, "server/app.py", SERVER)
    exclude(plain, SPOKEN)
    rows = standings(plain, settings)
    apart = "(looked at everything apart from server, excluded by Head of Platform until 2027-01-01)"
    assert rows[TOOLS] == (Status.NOT_APPLICABLE, f"no tool that a model can call was found {apart}")
    assert rows[API][0] is Status.NOT_APPLICABLE
    assert rows[API][1].endswith(apart)


def test_exclusion_without_expiry_leaves_absence_unknown_and_says_what_to_do(plain: Path, settings) -> None:
    write(plain, "server/app.py", SERVER)
    exclude(plain, "{ path: server, reason: moved, owner: Head of Platform }")
    rows = standings(plain, settings)
    for row in (TOOLS, API):
        assert rows[row][0] is Status.UNKNOWN
        assert "server is excluded without an end: add `expires`" in rows[row][1]
        assert "keelmark.yaml" in rows[row][1]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{ path: server, reason: moved, owner: Head, expires: 2030-01-01 }", "for more than a year"),
        ("{ path: server, reason: '', owner: Head, expires: 2027-01-01 }", "without a reason or an owner"),
        ("{ path: server, reason: moved, owner: ' ', expires: 2027-01-01 }", "without a reason or an owner"),
    ],
)
def test_exclusion_that_nobody_answers_for_leaves_absence_unknown(
    plain: Path, settings, entry: str, words: str
) -> None:
    write(plain, "server/app.py", SERVER)
    exclude(plain, entry)
    status, reason = standings(plain, settings)[TOOLS]
    assert status is Status.UNKNOWN
    assert words in reason


def test_expired_exclusion_is_read_and_told(plain: Path, settings) -> None:
    write(plain, "server/app.py", SERVER)
    exclude(plain, SPOKEN)
    before = assess(Target(root=plain), replace(settings, as_of=date(2026, 12, 31)), clock=CLOCK)
    after = assess(Target(root=plain), replace(settings, as_of=date(2027, 1, 1)), clock=CLOCK)
    assert after.coverage.files == before.coverage.files + 1
    assert not any(gap.path == "server" for gap in after.gaps)
    rows = {row.recommendation: row for row in after.decision.standings}
    assert rows[API].status is Status.FAIL
    assert "apart from" not in rows[TOOLS].reason
    (told,) = [finding for finding in after.findings if finding.rule == "expired-exclusion"]
    assert (told.rule, told.outcome, told.severity) == ("expired-exclusion", Outcome.FAIL, Severity.LOW)
    assert (
        told.message
        == "the exclusion of server by Head of Platform expired on 2027-01-01; its files were read"
    )
    assert (told.locations[0].path, told.locations[0].line) == ("keelmark.yaml", 3)
    (quiet,) = [finding for finding in before.findings if finding.rule == "expired-exclusion"]
    assert quiet.outcome is Outcome.PASS
    assert rows["DEV-1.d"].status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("path", ["tests/test_a.py", "docs/a.py", "vendor/a/server.py", "examples/a.py"])
def test_excluded_files_outside_the_product_change_nothing(plain: Path, settings, path: str) -> None:
    before = standings(plain, settings)[TOOLS]
    write(plain, path, SERVER)
    exclude(plain, f"{{ path: {path.split('/', maxsplit=1)[0]}, reason: r, owner: o }}")
    assert standings(plain, settings)[TOOLS] == before


def test_excluded_folder_without_files_changes_nothing(plain: Path, settings) -> None:
    before = standings(plain, settings)[TOOLS]
    (plain / "server").mkdir()
    exclude(plain, "{ path: server, reason: r, owner: o }", "{ path: nowhere, reason: r, owner: o }")
    assert standings(plain, settings)[TOOLS] == before


def test_many_excluded_paths_are_counted(plain: Path, settings) -> None:
    for name in "abcde":
        write(plain, f"{name}.gen.py", SERVER)
    exclude(plain, "{ path: '*.gen.py', reason: r, owner: o, expires: 2027-01-01 }")
    status, reason = standings(plain, settings)[TOOLS]
    assert status is Status.NOT_APPLICABLE
    assert "apart from a.gen.py, b.gen.py, c.gen.py, 2 more paths, excluded by o" in reason
    exclude(plain, "{ path: '*.gen.py', reason: r, owner: o }")
    status, reason = standings(plain, settings)[TOOLS]
    assert status is Status.UNKNOWN
    assert "a.gen.py and 4 more is excluded without an end" in reason


def test_declared_and_unexpired_part_does_not_speak_for_another(plain: Path, settings) -> None:
    write(plain, "server/app.py", SERVER)
    write(plain, "worker/app.py", SERVER)
    exclude(plain, SPOKEN, "{ path: worker, reason: r, owner: o }")
    status, reason = standings(plain, settings)[TOOLS]
    assert status is Status.UNKNOWN
    assert "worker is excluded" in reason


# --- source that is only counted -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("server/main.go", "Go"),
        ("src/main.rs", "Rust"),
        ("Api/Program.cs", "C#"),
        ("public/index.php", "PHP"),
    ],
)
def test_program_that_is_only_counted_leaves_absence_unknown(
    plain: Path, settings, path: str, language: str
) -> None:
    write(plain, path, "serve()\n")
    rows = standings(plain, settings)
    for row in (TOOLS, API):
        assert rows[row][0] is Status.UNKNOWN
        assert f"{path} is source in {language}, which is counted but not analysed" in rows[row][1]


@pytest.mark.parametrize(
    "path",
    ["run.sh", "Makefile", "schema.sql", "style.css", "build.gradle.kts", "tests/main.go", "main_test.go",
     "vendor/a/main.go", "examples/main.rs", "docs/main.c"],
)  # fmt: skip
def test_scripts_and_files_outside_the_product_hide_nothing(plain: Path, settings, path: str) -> None:
    write(plain, path, "serve()\n")
    rows = standings(plain, settings)
    assert rows[TOOLS] == (Status.NOT_APPLICABLE, "no tool that a model can call was found")


def test_program_that_is_only_counted_can_be_left_out_by_who_answers_for_it(plain: Path, settings) -> None:
    write(plain, "server/main.go", "serve()\n")
    exclude(plain, SPOKEN)
    assert standings(plain, settings)[TOOLS][0] is Status.NOT_APPLICABLE


def test_program_that_is_only_counted_makes_nothing_else_worse(plain: Path, settings) -> None:
    before = assess(Target(root=plain), settings, clock=CLOCK)
    write(plain, "server/main.go", "serve()\n")
    write(plain, "server/other.go", "serve()\n")
    after = assess(Target(root=plain), settings, clock=CLOCK)
    was = {(finding.rule, finding.outcome) for finding in before.findings}
    assert {(finding.rule, finding.outcome) for finding in after.findings} == was
    assert not any(gap.matters for gap in after.gaps)
    (row,) = [row for row in after.decision.standings if row.recommendation == TOOLS]
    assert row.reason.endswith(
        "server/main.go is source in Go, which is counted but not analysed, as is 1 more"
    )
    absent = {row.recommendation for row in after.decision.standings if row.status is Status.NOT_APPLICABLE}
    assert absent == {"DEV-1.d", "P-11"}  # Nothing unread hides what keelmark.yaml does not say.


# --- every kind of run ---------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["", "{ path: server, reason: r, owner: o }"])
@pytest.mark.usefixtures("settled")
def test_remembered_facts_say_the_same(plain: Path, settings, entry: str) -> None:
    write(plain, "server/main.go", "serve()\n")
    if entry:
        exclude(plain, entry)
    first = standings(plain, settings)
    found = assess(Target(root=plain), settings, clock=CLOCK)
    assert found.coverage.cached
    assert standings(plain, settings) == first
    assert first[TOOLS][0] is Status.UNKNOWN


def test_partial_run_calls_nothing_absent(plain: Path, settings) -> None:
    write(plain, "server/app.py", SERVER)
    exclude(plain, SPOKEN)
    target = Target(root=plain, only=("report.py", "server/app.py"))
    found = assess(target, settings, clock=CLOCK)
    (row,) = [row for row in found.decision.standings if row.recommendation == TOOLS]
    assert row.status is Status.UNKNOWN
    assert "only the named files were looked at" in row.reason
    exclude(plain, "{ path: server, reason: r, owner: o }")
    found = assess(target, settings, clock=CLOCK)
    (row,) = [row for row in found.decision.standings if row.recommendation == TOOLS]
    assert "server/app.py is excluded without an end" in row.reason


def test_expired_exclusion_is_read_in_a_partial_run(plain: Path, settings) -> None:
    write(plain, "server/app.py", SERVER)
    exclude(plain, SPOKEN)
    target = Target(root=plain, only=("server/app.py",))
    assert assess(target, settings, clock=CLOCK).coverage.files == 0
    late = replace(settings, as_of=date(2027, 1, 1))
    assert assess(target, late, clock=CLOCK).coverage.files == 1


def test_baseline_does_not_turn_unknown_into_absent(plain: Path, settings, tmp_path: Path) -> None:
    from keelmark.workflows.baseline import write_baseline

    write(plain, "server/main.go", "serve()\n")
    known = tmp_path / "known.json"
    write_baseline(assess(Target(root=plain), settings, clock=CLOCK), known)
    assert standings(plain, settings, baseline=known)[TOOLS][0] is Status.UNKNOWN


def test_end_of_the_walk_hides_parts_whatever_the_next_file_is(plain: Path, settings) -> None:
    write(plain, "tests/test_a.py", "x = 1\n")
    status, reason = standings(plain, settings, max_files=1)["G1.a"]
    assert status is Status.UNKNOWN
    assert "tests/test_a.py could not be looked at" in reason


def test_pointer_names_what_it_stands_for_and_hides_nothing_else(plain: Path, settings) -> None:
    digest = "0" * 64
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 1234567\n"
    write(plain, "model.safetensors", pointer)
    assert standings(plain, settings)["G1.a"][0] is Status.NOT_APPLICABLE


# --- folders of tools and programs ---------------------------------------------------------------


def test_program_text_in_the_folder_of_a_tool_may_hide_a_part(plain: Path, settings) -> None:
    write(plain, "package.json", "{}")
    write(plain, "node_modules/left-pad/index.js", "x")
    assert standings(plain, settings)[TOOLS][0] is Status.NOT_APPLICABLE
    write(plain, "node_modules/server.js", "x")
    status, reason = standings(plain, settings)[TOOLS]
    assert status is not Status.NOT_APPLICABLE
    assert "node_modules looks like the folder of a tool" in reason


def test_a_committed_program_may_hide_a_part(plain: Path, settings) -> None:
    (plain / "bin").mkdir()
    (plain / "bin" / "server").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(200))
    status, reason = standings(plain, settings)[TOOLS]
    assert status is not Status.NOT_APPLICABLE
    assert "bin/server is a compiled program or library (ELF), whose source was not seen" in reason


def test_a_notebook_cell_that_is_no_python_may_hide_a_part(plain: Path, settings) -> None:
    cell = '{"cell_type": "code", "source": ["select * from t;"], "outputs": []}'
    write(plain, "report.ipynb", f'{{"cells": [{cell}], "metadata": {{}}, "nbformat": 4}}')
    status, reason = standings(plain, settings)[TOOLS]
    assert status is not Status.NOT_APPLICABLE
    assert "report.ipynb: cell 1 is no Python" in reason

"""The first line is the answer, and the default fits a screen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from keelmark.core.assessment import Comparison
from keelmark.core.outcome import Verdict
from keelmark.report import console

WIDTHS = (20, 60, 80, 100, 132, 500)


@pytest.fixture
def show(catalogue, cards):
    def _show(assessment, **options):
        return console.render(assessment, catalogue=catalogue, cards=cards, **options)

    return _show


GOLDEN = """\
DO NOT RELEASE ✗ Support bot: 4 failures block, 4 answers missing

1. ✗ critical `models/old.pt` calls `builtins.eval` when it is loaded
   models/old.pt (arc…ta.pkl)  (pickle-dangerous-import, DEV-1.f, 1 more)
   fix: Convert the weights to safetensors.
2. ✗ high the tool `refund` changes money and runs without approval
   src/bot/tools.py:88  (tool-without-approval, SD-3.k)
   fix: Ask a person before the tool runs; bind the approval to its exact
        parameters.
3. ✗ high an API key of a model provider stands in the source: `sk-a…9f`
   src/bot/client.py:14  (secret-in-code, DEV-2.h)
   fix: Revoke the key, read it from the environment, and remove it from the
        history.

                      passed    failed    waived  attested       n/a   unknown
Secure design              0         1         0         2         1        42
Secure development         2         3         0         0         1        33
Secure deployment          0         0         1         0         0        39
Secure operation           0         0         0         0         0        25

Not looked at: encrypted (1); malformed (1); only a pointer (1); no reader for
   this format yet (14); excluded (1); 37 files without text (images, fonts).

Next: keelmark explain pickle-dangerous-import  |  keelmark assess --verbose
"""


def test_the_default_report_reads_like_this(show, make):
    assert show(make()) == GOLDEN


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict.RELEASE, "RELEASE "),
        (Verdict.DO_NOT_RELEASE, "DO NOT RELEASE "),
        (Verdict.NOT_ENOUGH_EVIDENCE, "NOT ENOUGH EVIDENCE "),
    ],
)
@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_line_is_the_verdict(show, make, *, verdict, words, hostile, width):
    run = make(verdict=verdict, hostile=hostile)
    assert show(run, width=width, verbose=True).startswith(words)
    text = show(run, width=width)
    assert text.startswith(words)


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("hostile", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_default_fits_on_a_screen(show, make, *, verdict, hostile, width):
    lines = show(make(verdict=verdict, hostile=hostile, repeat=30), width=width).splitlines()
    assert len(lines) <= 25
    assert all(cell_len(line) <= min(max(width, 60), 160) for line in lines)
    assert lines[-1].startswith("Next: keelmark ")
    assert any(line.startswith("Not looked at: ") for line in lines)


def test_all_four_areas_and_what_was_not_looked_at_always_have_room(show, make):
    long = tuple(replace(f, message=f.message * 30, fix=f.fix * 30) for f in make().findings)
    text = show(make(findings=long), width=60)
    assert len(text.splitlines()) <= 25
    for words in (
        "Secure design",
        "Secure development",
        "Secure deployment",
        "Secure operation",
        "Not looked at",
    ):
        assert words in text


def test_the_verdict_is_not_cut_off_at_eighty_columns(show, make, make_compared):
    runs = [make(verdict=verdict) for verdict in Verdict]
    runs += [make(is_partial=True), make(is_interrupted=True), make_compared()]
    assert not any("…" in show(run).splitlines()[0] for run in runs)


def test_a_partial_run_says_that_it_is_no_release_decision(show, make):
    first = show(make(is_partial=True)).splitlines()[0]
    assert first.startswith("5 PROBLEMS in 412 files")
    assert "no release decision" in first
    clean = show(make(is_partial=True, findings=(), gaps=())).splitlines()[0]
    assert clean.startswith("NOTHING WRONG in 412 files")
    assert "no release decision" in clean


def test_an_interrupted_run_says_partial(show, make):
    first = show(make(is_interrupted=True)).splitlines()[0]
    assert first.startswith("PARTIAL")
    assert "no release decision" in first


def test_only_new_says_how_many_are_new_and_that_it_decides_nothing(show, make, make_compared):
    first = show(make_compared()).splitlines()[0]
    assert first.startswith("1 NEW PROBLEM")
    assert "no release decision" in first
    nothing = make(only_new=True, comparison=Comparison(source="b"))
    assert show(nothing).startswith("NOTHING NEW")


def test_no_colour_means_no_escape_at_all(show, make):
    assert "\x1b" not in show(make(hostile=True), verbose=True)


def test_colour_adds_nothing_but_colour(show, make):
    # INVARIANT: colour is never the only carrier.
    from rich.text import Text

    plain, colored = show(make()), show(make(), color=True)
    assert "\x1b[" in colored
    assert Text.from_ansi(colored).plain.rstrip() == plain.rstrip()


@pytest.mark.parametrize(
    ("is_terminal", "environment", "wanted"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": ""}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(is_terminal, environment, wanted):
    assert console.wants_color(is_terminal=is_terminal, environment=environment) is wanted


def test_verbose_names_every_finding_gap_asset_and_recommendation(show, make):
    run = make()
    text = show(run, verbose=True, width=160)
    for finding in run.findings:
        assert finding.rule in text
        assert finding.fingerprint[:12] in text
    for gap in run.gaps:
        assert gap.path in text
    for asset in run.inventory.assets:
        assert asset.name in text
    for row in run.decision.standings:
        assert f" {row.recommendation} " in text


def test_a_run_without_gaps_says_that_all_was_looked_at(show, make):
    run = make(gaps=())
    full = replace(run, coverage=replace(run.coverage, opaque=()))
    assert "Not looked at: nothing; all 412 files were looked at" in show(full)


def test_wide_characters_do_not_break_the_lines(show, make):
    wide = tuple(replace(f, message="漢字" * 200, fix="字" * 300) for f in make().findings)
    for line in show(make(findings=wide)).splitlines():
        assert cell_len(line) <= 80

"""Dossiers for readers and programs: the same facts in each form, and foreign text drives none of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.corpus.dossiers import EVIL, SECRETS, exported, project, without_analysis
from tests.corpus.releases import key
from tests.unit.report.test_report_html import Page
from trestle.oscal.assessment_results import AssessmentResults

from keelmark.core.dossier import DossierState, DossierVerification, Fact, Level
from keelmark.core.outcome import Outcome
from keelmark.deployment.release.dossier import redacted, sealed
from keelmark.deployment.release.dossier_sections import SECTIONS
from keelmark.guidelines import load
from keelmark.report import dossier_console, dossier_html, dossier_json, in_toto, model_card
from keelmark.report.dossier_view import BOUNDS, redactions
from keelmark.trust import stored_zip
from keelmark.workflows.verify_dossier import verify_archive

KEY = key()
SCHEMA = Draft202012Validator(dossier_json.schema())


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        without_analysis(patch)
        root: Path = tmp_path_factory.mktemp("report") / "project"
        project(root, KEY)
        return {level: exported(root, KEY, level) for level in Level}


def harmless(text: str) -> bool:
    return (
        "\x1b" not in text
        and "\u202e" not in text
        and "##[" not in text
        and not any(line.startswith("::") for line in text.splitlines())
    )


def with_facts(dossier, *facts: Fact):
    """The same dossier with further facts, committed to with another secret."""
    known = {name: Fact(name=name, value=value) for name, value in dossier.facts.items()}
    known.update({each.name: each for each in facts})
    return sealed(
        known.values(),
        secret=bytes(32),
        release=dossier.release,
        release_digest=dossier.release_digest,
        keelmark=dossier.keelmark,
    )


@pytest.mark.parametrize("level", list(Level))
def test_page_is_well_formed_and_cannot_be_injected_into(four, level) -> None:
    text = dossier_html.render(four[level].dossier, catalogue=load(), sections=SECTIONS)
    page = Page(text)
    assert (page.unbalanced, page.stack) == ([], [])
    assert page.all("script") == []
    assert page.all("img") == []
    assert harmless(text)
    assert page.headings[0] == 1
    assert not [tag for tag, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    anchors = {attrs["href"][1:] for attrs in page.all("a")}
    assert anchors <= set(ids)


def test_page_of_a_sealed_dossier_hides_nothing_and_says_so(four) -> None:
    text = dossier_html.render(four[Level.SEALED].dossier, catalogue=load(), sections=SECTIONS)
    assert "Nothing is hidden at this level." in text
    assert "Hidden at this level" not in text


def test_page_without_risks_gaps_or_threats_says_so(four) -> None:
    whole = four[Level.SEALED].dossier
    left_out = (
        "residual-risks",
        "threats",
        "gaps",
        "attestations",
        "accepted-threats",
        "exclusions",
        "exceptions",
        "waivers",
    )
    facts = [
        Fact(name=name, value=value)
        for name, value in whole.facts.items()
        if name.partition("/")[0] not in left_out and not name.startswith(("tests/", "findings/"))
    ]
    facts = [each for each in facts if each.name != "coverage/not-looked-at"]
    facts.append(Fact(name="coverage/not-looked-at", value={"places": {}, "can_hide_a_blocker": 0}))
    bare = sealed(
        facts, secret=bytes(32), release=whole.release, release_digest=whole.release_digest, keelmark="0.1.0"
    )
    text = dossier_html.render(bare, catalogue=load(), sections=SECTIONS)
    for words in (
        "No residual risk was found.",
        "No rule gave an answer.",
        "No threat of the library applies.",
        "Everything in the folder was looked at.",
        "The release rests on findings alone.",
    ):
        assert words in text


def test_long_tables_are_cut_and_counted(four) -> None:
    row = next(iter(four[Level.SEALED].dossier.of("gaps").values()))
    many = (Fact(name=f"gaps/{number:05}", value=row) for number in range(1, BOUNDS.rows + 6))
    text = dossier_html.render(
        with_facts(four[Level.SEALED].dossier, *many), catalogue=load(), sections=SECTIONS
    )
    assert "5 more are in leaves.json." in text


def test_redactions_join_runs_of_numbers(four) -> None:
    shown = redactions(four[Level.PUBLIC].dossier, SECTIONS)
    names = [text for row in shown.rows for text in row[-1].texts]
    assert "00001 to 00005" in names
    assert any("accepted-threats-" in each or "attestations-00001" in each for each in names)
    assert "evidence, folder, release" in names
    told = sum(int(row[1].texts[0].replace(",", "")) for row in shown.rows)
    assert told == len(four[Level.PUBLIC].dossier.hidden)
    assert {row[2].texts[0] for row in shown.rows} == {"customer", "authority", "sealed"}
    assert len(redactions(four[Level.SEALED].dossier, SECTIONS).rows) == 0


@pytest.mark.parametrize("level", list(Level))
def test_the_tool_of_the_standard_reads_the_oscal_of_each_level(four, level, tmp_path) -> None:
    data = stored_zip.parse(four[level].file.read_bytes())["oscal-assessment-results.json"]
    file = tmp_path / "results.json"
    file.write_bytes(data)
    read = AssessmentResults.oscal_read(file)
    assert read is not None
    props = {each.name: each.value for each in read.metadata.props}
    assert props["dossier-level"] == level
    assert props["dossier-root"] == four[level].dossier.root
    (result,) = read.results
    assert len(result.observations) == 5
    assert len(result.risks) == 2
    states = {each.target.target_id: each.target.status.state.value for each in result.findings}
    assert states["SD-1.a"] == "satisfied"
    assert states["X1.a"] == "not-satisfied"


@pytest.mark.parametrize("level", list(Level))
def test_facts_and_answers_fit_their_published_schema(four, level) -> None:
    done = four[level]
    parts = stored_zip.parse(done.file.read_bytes())
    SCHEMA.validate(json.loads(parts["leaves.json"]))
    place = f"/tmp/{EVIL}"
    exported_text = dossier_json.exported_json(done.dossier, done.stated, place=place, size=done.size)
    SCHEMA.validate(json.loads(exported_text))
    for keys in ([KEY.public], [key().public]):
        found = verify_archive(
            done.file.read_bytes(), keys=keys, against=four[Level.PUBLIC].file.read_bytes()
        )
        text = dossier_json.verified_json(found)
        SCHEMA.validate(json.loads(text))
        assert text.isascii()
    assert harmless(exported_text)


def test_schema_refuses_what_is_neither_shown_nor_hidden(four) -> None:
    tree = json.loads(stored_zip.parse(four[Level.PUBLIC].file.read_bytes())["leaves.json"])
    assert SCHEMA.is_valid(tree)
    shown = next(each for each in tree["leaves"] if "value" in each)
    shown["redacted"] = True
    assert not SCHEMA.is_valid(tree)


def test_console_says_what_was_written_and_what_verifying_says(four) -> None:
    done = four[Level.CUSTOMER]
    text = dossier_console.exported_text(done.dossier, place=f"/tmp/{EVIL}", size=done.size)
    assert text.startswith("EXPORTED  helpdesk 1.2.3, customer dossier\n")
    assert harmless(text)
    found = verify_archive(
        done.file.read_bytes(), keys=[KEY.public], against=four[Level.SEALED].file.read_bytes()
    )
    text = dossier_console.verified_text(found)
    assert text.startswith("VALID  helpdesk 1.2.3, customer dossier\n")
    assert "the same as the sealed dossier: one release, one root, the same facts" in text
    assert "hides none" in dossier_console.exported_text(four[Level.SEALED].dossier, place="x", size=1)


def test_console_cuts_many_reasons_and_cleans_them() -> None:
    found = DossierVerification(
        outcome=Outcome.FAIL, state=DossierState.DAMAGED, reasons=(EVIL,) * 30, notes=(EVIL,)
    )
    text = dossier_console.verified_text(found)
    assert text.startswith("NOT VALID  damaged\n")
    assert "… and 10 more; --verbose shows all" in text
    assert harmless(text)
    assert "more" not in dossier_console.verified_text(found, verbose=True)


def test_model_card_tells_verdict_and_risks_and_nothing_hidden(four) -> None:
    dossier = redacted(four[Level.SEALED].dossier, Level.PUBLIC)
    card = model_card.render(dossier)
    assert card.startswith("## Security evaluation\n")
    assert "**released**" in card
    assert dossier.release_digest in card
    assert "| low | An outbound call has no timeout" in card or "| low |" in card
    assert "2 failed" not in card
    assert "1 failed, 1 waived, 1 not known, 1 do not apply" in card
    assert harmless(card)
    assert all(secret not in card for secret in SECRETS)


def test_model_card_cleans_foreign_text_and_counts_what_is_left(four) -> None:
    dossier = four[Level.PUBLIC].dossier
    summary = {**dossier.facts["release/summary"], "system": EVIL, "critical": None}
    risk = {**next(iter(dossier.of("residual-risks").values())), "title": EVIL}
    many = (Fact(name=f"residual-risks/{number:05}", value=risk) for number in range(60))
    card = model_card.render(with_facts(dossier, Fact(name="release/summary", value=summary), *many))
    assert harmless(card)
    assert "<script>" not in card
    assert "not declared" in card
    assert "10 more are in the dossier." in card
    none = {name: value for name, value in dossier.facts.items() if not name.startswith("residual-risks/")}
    bare = sealed(
        (Fact(name=name, value=value) for name, value in none.items()),
        secret=bytes(32),
        release="id",
        release_digest="ab" * 32,
        keelmark="0.1.0",
    )
    assert "None was found." in model_card.render(bare)


def test_result_of_a_run_is_its_worst(four) -> None:
    dossier = four[Level.SEALED].dossier
    for results, worst in (
        (("pass", "not-applicable"), "PASSED"),
        (("pass", "unknown"), "WARNED"),
        (("pass", "waived"), "WARNED"),
        (("fail", "unknown"), "FAILED"),
    ):
        tests = [
            Fact(name=f"tests/rule-{number}", value={"result": result})
            for number, result in enumerate(results)
        ]
        own = sealed(tests, secret=bytes(32), release="id", release_digest="ab" * 32, keelmark="0.1.0")
        assert in_toto.predicate(own)["result"] == worst
    assert replace(dossier, leaves=()).facts == {}

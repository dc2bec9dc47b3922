"""The threat model in a file of its own: the same keys, the same checks, and never two answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keelmark.config.declaration import read
from keelmark.errors import ConfigurationError
from keelmark.guidelines import load

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.core.declaration import Declaration

CATALOGUE = load()
MAIN = "version: 1\nsystem: {name: Desk, purpose: answers, owner: Head}\n"
THREATS = (
    "components:\n- {id: api, kind: api}\ncurrency: CHF\ndispositions:\n"
    "- {threat: jailbreak, treatment: accept, reason: r, owner: o, expires: 2027-01-01}\n"
)


def both(folder: Path, main: str, beside: str) -> Declaration:
    (folder / "keelmark.yaml").write_text(main, encoding="utf-8")
    (folder / "threat-model.yaml").write_text(beside, encoding="utf-8")
    return read(folder / "keelmark.yaml", catalogue=CATALOGUE)


def refused(folder: Path, main: str, beside: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        both(folder, main, beside)
    return caught.value


def test_both_files_make_one_declaration(tmp_path: Path) -> None:
    found = both(tmp_path, MAIN, THREATS)
    assert found.system is not None
    assert found.components[0].id == "api"
    assert found.threat_model is not None
    assert found.threat_model.currency == "CHF"
    assert found.threat_model.dispositions[0].threat == "jailbreak"


def test_each_value_knows_its_file(tmp_path: Path) -> None:
    found = both(tmp_path, MAIN, THREATS)
    assert str(found.at("components[0]", path="keelmark.yaml")) == "threat-model.yaml:2"
    assert str(found.at("threat_model.dispositions[0]", path="keelmark.yaml")) == "threat-model.yaml:5"
    assert str(found.at("system", path="keelmark.yaml")) == "keelmark.yaml:2"


def test_section_may_be_split_over_both(tmp_path: Path) -> None:
    found = both(tmp_path, f"{MAIN}threat_model: {{reviewed_on: 2026-11-20}}\n", THREATS)
    assert found.threat_model is not None
    assert found.threat_model.reviewed_on is not None
    assert found.threat_model.currency == "CHF"


@pytest.mark.parametrize(
    "main", ["components: []\n", "threat_model:\n  currency: EUR\n"], ids=["shared key", "key of the section"]
)
def test_key_in_both_files_is_an_error_with_both_places(tmp_path: Path, main: str) -> None:
    error = refused(tmp_path, MAIN + main, THREATS)
    assert error.path == "threat-model.yaml"
    assert error.line is not None
    assert "keelmark.yaml:" in error.message


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        ("attackerz: []\n", "attackerz"),
        ("attestations: []\n", "attestations"),
        ("- a\n", "mapping"),
        ("currency: EUR\ncurrency: CHF\n", "twice"),
        ("dispositions:\n- {threat: t, treatment: accept, reason: r, owner: o}\n", "expires"),
        (
            "dispositions:\n- {threat: t, treatment: mitigate, reason: r, owner: o, controls: [XX-9]}\n",
            "XX-9",
        ),
        (
            "decisions:\n- {id: d, question: q, choice: c, reason: r, owner: o, on: 2026-01-01, recommendations: [XX-9]}\n",
            "XX-9",
        ),
        (
            "dispositions:\n- {threat: t, treatment: avoid, reason: r, owner: o}\n- {threat: t, treatment: avoid, reason: r, owner: o}\n",
            "two dispositions",
        ),
    ],
)
def test_fault_in_the_file_names_the_file(tmp_path: Path, beside: str, words: str) -> None:
    error = refused(tmp_path, MAIN, beside)
    assert error.path == "threat-model.yaml"
    assert words in error.message


def test_two_such_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "threat-model.yml").write_text("currency: EUR\n", encoding="utf-8")
    assert "both" in refused(tmp_path, MAIN, THREATS).message


def test_acceptance_without_an_end_is_refused_in_the_main_file_too(tmp_path: Path) -> None:
    main = (
        f"{MAIN}threat_model:\n  dispositions:\n  - {{threat: t, treatment: accept, reason: r, owner: o}}\n"
    )
    error = refused(tmp_path, main, "currency: EUR\n")
    assert (error.path, error.line) == ("keelmark.yaml", 5)

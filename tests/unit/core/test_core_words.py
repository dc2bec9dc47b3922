from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.finding import Card, fingerprint, numbered
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Severity

CARD = Card(id="some-defect", title="t", severity=Severity.HIGH, recommendations=("SD-2.a",))


def failure(line: int = 3, anchor: str = "x = eval(text)", subject: str = "f"):
    return CARD.failed("m", at=Location(path="a.py", line=line, anchor=anchor), fix="f", subject=subject)


def test_fingerprint_survives_moved_lines() -> None:
    assert fingerprint(failure(3)) == fingerprint(failure(300))
    assert fingerprint(failure(anchor="x  =  eval(text)")) == fingerprint(failure())


def test_fingerprint_tells_places_apart() -> None:
    other = replace(failure(), locations=(Location(path="b.py", line=3, anchor="x = eval(text)"),))
    prints = {
        fingerprint(failure()),
        fingerprint(other),
        fingerprint(failure(anchor="y")),
        fingerprint(failure(subject="g")),
    }
    assert len(prints) == 4


def test_equal_findings_of_one_file_are_numbered() -> None:
    first, second = numbered([failure(3), failure(9)])
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == fingerprint(failure())


@pytest.mark.parametrize(
    ("pattern", "path", "answer"),
    [
        ("*.py", "a.py", True),
        ("*.py", "deep/down/a.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/deep/a.py", False),
        ("src/**/*.py", "src/deep/down/a.py", True),
        ("src/**/*.py", "src/a.py", True),
        ("src", "src/deep/a.py", True),
        ("./src/", "src/a.py", True),
        ("**", "any/thing", True),
        ("?.py", "ab.py", False),
        ("src/a", "src/ab", False),
        ("", "a", False),
    ],
)
def test_glob(pattern: str, path: str, answer: bool) -> None:
    assert matches(pattern, path) is answer


@given(st.text(alphabet="a*?/", max_size=60), st.text(alphabet="ab/", max_size=60))
def test_glob_never_explodes(pattern: str, path: str) -> None:
    assert matches(pattern, path) in {True, False}


def test_failure_says_what_to_do() -> None:
    assert failure().fix
    assert failure().severity is Severity.HIGH
    assert CARD.passed("ok").severity is Severity.INFO

"""What follows from the facts of a project is computed once, for that project alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from keelmark.core.project import Project

PROJECT = Project(name="a", today=date(2026, 11, 23))


class Derivation:
    """Counts how often it was asked."""

    def __init__(self, answer: str | None = "") -> None:
        self.asked: list[str] = []
        self.answer = answer

    def __call__(self, project: Project) -> str | None:
        self.asked.append(project.name)
        return self.answer if self.answer is None else f"{self.answer}{project.name}"


@pytest.mark.parametrize("answer", ["of ", None], ids=["a value", "nothing"])
def test_what_follows_from_the_facts_is_computed_once(answer: str | None) -> None:
    derive = Derivation(answer)
    project = replace(PROJECT)
    assert project.once(derive) == project.once(derive)
    assert derive.asked == ["a"]


def test_a_project_with_other_facts_derives_anew() -> None:
    derive = Derivation()
    project = replace(PROJECT)
    project.once(derive)
    assert replace(project, name="b").once(derive) == "b"
    assert project.once(derive) == "a"
    assert derive.asked == ["a", "b"]


def test_two_derivations_do_not_share_an_answer() -> None:
    project = replace(PROJECT)
    assert (project.once(Derivation("x")), project.once(Derivation("y"))) == ("xa", "ya")


def test_what_was_derived_does_not_count_in_a_comparison() -> None:
    project = replace(PROJECT)
    project.once(Derivation())
    assert project == PROJECT
    assert repr(project) == repr(PROJECT)


def test_a_derivation_that_fails_fails_for_each_who_asks() -> None:
    def derive(project: Project) -> str:
        raise ValueError(project.name)

    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            PROJECT.once(derive)

"""The policies and cases that the documentation shows are sound, and come out as it says."""

from __future__ import annotations

from pathlib import Path

import re2

from keelmark.deployment.access.policies import PolicySource, load_policies, schema_text
from keelmark.deployment.access.policy_cases import parse_cases, run_cases
from keelmark.deployment.access.policy_text import Bounds
from keelmark.deployment.access.questions import NEUTRAL

PAGE = (Path(__file__).resolve().parents[4] / "docs/access.md").read_text("utf-8")


def shown(language: str) -> str:
    (found,) = re2.findall(rf"(?s)```{language}\n(.*?)```", PAGE)
    return found


def test_policies_and_cases_of_the_page_work() -> None:
    book = load_policies([PolicySource(name="ops.cedar", text=shown("cedar"))])
    results = run_cases(book, parse_cases(shown("yaml")))
    assert [result.case.name for result in results if not result.is_right] == []
    assert len(results) == 5


def test_page_names_every_circumstance_and_bound() -> None:
    assert [name for name in NEUTRAL if f"`context.{name}`" not in PAGE] == []
    assert [name for name in NEUTRAL if name not in schema_text()] == []
    limits = Bounds()
    assert f"{limits.max_policies:,} in {limits.max_files} files" in PAGE
    assert f"{limits.max_depth} levels of brackets and {limits.max_operators} operators" in PAGE

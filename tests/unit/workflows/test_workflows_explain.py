from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keelmark.core.outcome import Outcome
from keelmark.errors import UsageError
from keelmark.guidelines import load
from keelmark.workflows.assess import EVIDENCE_FILE, Target, assess
from keelmark.workflows.explain import explain
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = load()
RULES = {found.card.id: found for found in rulebook(CATALOGUE, with_plugins=False)}


def test_without_a_name_every_item_is_listed(tmp_path: Path) -> None:
    page = explain("", root=tmp_path)
    assert all(f"`{item.id}` {item.title}" in page for item in CATALOGUE.items)
    assert len(CATALOGUE.items) == 17


def test_every_name_that_the_contents_promise_has_a_page(tmp_path: Path) -> None:
    for name in ("P-1", f"P-{len(CATALOGUE.principles)}", "G1", "G2", "X1", "X7", "P", "g1", "x7"):
        assert explain(name, root=tmp_path).startswith(f"# {name.upper()}")
    with pytest.raises(UsageError):
        explain("X8", root=tmp_path)
    with pytest.raises(UsageError):
        explain(f"P-{len(CATALOGUE.principles) + 1}", root=tmp_path)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_a_page(rule: str, tmp_path: Path) -> None:
    page = explain(rule, root=tmp_path)
    assert page.startswith(f"# {rule}\n")
    for heading in ("What it finds", "Why it matters", "How to fix", "## What it speaks to"):
        assert heading in page
    card = RULES[rule].card
    assert all(f"`{row}`" in page for row in (*card.recommendations, *card.tags))
    assert page.count("a pass settles it") == len(card.settles)


def test_every_item_has_a_page_with_its_rows_and_rules(tmp_path: Path) -> None:
    for item in CATALOGUE.items:
        page = explain(item.id, root=tmp_path)
        assert page == explain(item.id.lower(), root=tmp_path)
        assert all(f"- `{row}` " in page for row in item.recommendations)
        assert "The same in other frameworks" in page


def test_every_row_has_a_page(tmp_path: Path) -> None:
    cited = {row for found in RULES.values() for row in found.card.recommendations}
    for row in CATALOGUE.by_id.values():
        page = explain(row.id, root=tmp_path)
        assert page == explain(row.id.lower(), root=tmp_path)
        assert page.startswith(f"# {row.id} {row.text}")
        assert row.check in page
        assert ("## Rules that answer" in page) == (row.id in cited)
        assert ("attestations:" in page) == (row.id not in cited)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("comand-from-untrusted-text", "command-from-untrusted-text"),
        ("DEV-1.zz", "DEV-1."),
        ("SD-33", "SD-3"),
    ],
)
def test_unknown_name_is_an_error_that_suggests(name: str, near: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is called") as caught:
        explain(name, root=tmp_path)
    assert near in caught.value.hint


def test_name_like_nothing_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        explain("?" * 40, root=tmp_path)
    assert "keelmark rules" in caught.value.hint


def test_finding_is_found_by_the_beginning_of_its_fingerprint(project: Path, settings) -> None:
    found = assess(Target(root=project), settings)
    failure = next(
        f for f in found.findings if f.rule == "command-from-untrusted-text" and f.outcome is Outcome.FAIL
    )
    for name in (failure.fingerprint, failure.fingerprint[:8], failure.fingerprint[:6]):
        page = explain(name, root=project)
        assert page.startswith(f"# Finding {failure.fingerprint}")
        assert "app.py:9" in page
        assert "**What to do:**" in page
        assert "# command-from-untrusted-text" in page
    with pytest.raises(UsageError):
        explain(failure.fingerprint[:5], root=project)
    with pytest.raises(UsageError):
        explain(failure.fingerprint, root=project.parent)


def test_store_that_cannot_be_read_is_no_reason_to_fail(project: Path) -> None:
    file = project / EVIDENCE_FILE
    file.parent.mkdir()
    file.write_bytes(b"damaged" * 1000)
    assert explain("DEV-1", root=project)
    with pytest.raises(UsageError):
        explain("0123456789ab", root=project)


def test_explaining_writes_nothing(project: Path, picture) -> None:
    before = picture(project)
    for name in ("", "SD-1", "command-from-untrusted-text"):
        explain(name, root=project)
    assert picture(project) == before

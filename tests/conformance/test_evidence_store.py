"""What every evidence store promises. A new store joins by adding its opener to STORES."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from keelmark.core.finding import Finding
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Outcome, Severity
from keelmark.errors import StoreError
from keelmark.store.sqlite import SqliteEvidence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keelmark.core.ports import EvidenceStore

# Opens a store that keeps its runs in the given folder; opening twice finds the same runs.
STORES: dict[str, Callable[[Path], EvidenceStore]] = {
    "sqlite": lambda folder: SqliteEvidence(folder / ".keelmark" / "evidence.db"),
}


@pytest.fixture(params=sorted(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], EvidenceStore]:
    return lambda: STORES[request.param](tmp_path)


def test_rich_run_comes_back_equal(opened, make_assessment) -> None:
    kept = make_assessment()
    with closing(opened()) as store:
        store.keep(kept)
    with closing(opened()) as store:
        assert store.load(kept.id) == kept


@pytest.mark.parametrize(
    "text", ["lone \udcff", "\ud800", "😀", "\x00", "\x1b[0m", "\u2028", "'; DROP TABLE run; --"]
)
def test_no_foreign_text_stops_keeping(opened, make_assessment, text: str) -> None:
    finding = Finding(
        rule="r",
        outcome=Outcome.FAIL,
        severity=Severity.LOW,
        confidence=Confidence.LOW,
        message=text,
        recommendations=(text,),
        locations=(Location(path=text, anchor=text, part=text),),
        evidence=((text, text),),
        subject=text,
        fix=text,
    )
    kept = make_assessment(findings=(finding,), system=text, target=text)
    with closing(opened()) as store:
        store.keep(kept)
        found = store.load("latest")
        summary = store.runs()[0]
    readable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    assert found.findings[0].message == readable
    assert found.findings[0].locations[0].path == readable
    assert found.findings[0].fingerprint == finding.fingerprint
    assert (found.system, found.target, summary.system) == (readable, readable, readable)


def test_summary_says_what_the_run_says(opened, make_assessment) -> None:
    kept = make_assessment()
    with closing(opened()) as store:
        store.keep(kept)
        (summary,) = store.runs()
    assert (summary.id, summary.started, summary.system) == (kept.id, kept.started, kept.system)
    assert (summary.verdict, summary.failures, summary.tree_digest) == (
        "do-not-release",
        1,
        kept.tree_digest,
    )


def test_newest_comes_first_whatever_the_ids_are(opened, make_assessment) -> None:
    moments = [datetime(2026, 1, 31, 12, 0, 0, micro, tzinfo=UTC) for micro in (0, 1, 500_000)]
    with closing(opened()) as store:
        for name, started in zip("cab", moments, strict=True):
            store.keep(make_assessment(id=f"20260131T120000-{name}", started=started))
        assert [summary.id[-1] for summary in store.runs()] == ["b", "a", "c"]
        assert [summary.id[-1] for summary in store.runs(limit=1)] == ["b"]
        assert store.load("latest").id.endswith("b")


def test_runs_of_one_moment_keep_their_order(opened, make_assessment) -> None:
    with closing(opened()) as store:
        for name in "zya":
            store.keep(make_assessment(id=name))
        assert store.load("latest").id == "a"


def test_unambiguous_beginning_finds_the_run(opened, make_assessment) -> None:
    with closing(opened()) as store:
        for name in ("20260131T120000-aa", "20260131T120000-ab", "20260131T120000-abc"):
            store.keep(make_assessment(id=name))
        assert store.load("20260131T120000-aa").id.endswith("-aa")
        assert store.load("20260131T120000-ab").id.endswith("-ab")  # Exact, though another begins with it.
        assert store.load("20260131T120000-abc").id.endswith("-abc")
        with pytest.raises(StoreError, match="more than one run"):
            store.load("20260131")


@pytest.mark.parametrize("name", ["", "nothing", "%", "_", "*", "\udcff", "'", "x" * 10_000])
def test_no_such_run_is_an_error(opened, make_assessment, name: str) -> None:
    with closing(opened()) as store:
        with pytest.raises(StoreError, match="no run"):
            store.load("latest")
        store.keep(make_assessment())
        with pytest.raises(StoreError, match="no run"):
            store.load(name)


def test_taken_id_is_refused_and_the_first_stays(opened, make_assessment) -> None:
    with closing(opened()) as store:
        store.keep(make_assessment(system="first"))
        with pytest.raises(StoreError, match="could not be kept"):
            store.keep(make_assessment(system="second"))
        assert store.load("latest").system == "first"


def test_two_open_stores_see_each_other(opened, make_assessment) -> None:
    with closing(opened()) as one, closing(opened()) as other:
        one.keep(make_assessment(id="a"))
        other.keep(make_assessment(id="b"))
        assert {summary.id for summary in one.runs()} == {"a", "b"}

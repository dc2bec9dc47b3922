"""Workers of one machine count together: nothing is overlooked, nobody counts twice, and nothing is forgotten when one dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.errors import StoreError
from keelmark.operation.behaviour.envelope import Measures
from keelmark.operation.behaviour.envelope_distinct import Distinct
from keelmark.store.shared_counts import SharedCounts

DAY = 86_400
NOON = 20_000 * DAY + DAY // 2
USERS, REQUESTS, TOOLS, _, SPEND = range(5)


@contextmanager
def workers(file: Path, count: int, **more) -> Iterator[list[Measures]]:
    """Measures of so many workers of one machine."""
    with ExitStack() as stack:
        made = []
        for row in range(count):
            shared = SharedCounts(file, row=row, rows=count)
            stack.callback(shared.close)
            made.append(Measures(users=Distinct(**more), shared=shared))
        yield made


def one_more(measures: Measures, user: str = "me", *tools: str, money: int = 0, now_s: float = NOON):
    return measures.measured(user, tools, steps=0, money=money, now_s=now_s)


def test_each_worker_sees_what_all_let_through(tmp_path: Path) -> None:
    with workers(tmp_path / "c", 3) as (first, second, third):
        first.count("a", ["mail"], money=5, now_s=NOON)
        second.count("b", ["mail", "search"], money=7, now_s=NOON, is_outside=True)
        first.count("a", [], money=1, now_s=NOON)
        for each in (first, second, third):
            assert one_more(each, "c", "pay", money=2) == (3, 4, 3, 0, 15)
            assert one_more(each, "a", "mail") == (2, 4, 2, 0, 13)
            assert each.now(now_s=NOON)["outside"] == 1


def test_what_a_request_did_cost_is_seen_by_the_others(tmp_path: Path) -> None:
    with workers(tmp_path / "c", 2) as (first, second):
        first.count("a", [], money=100, now_s=NOON)
        assert one_more(second)[SPEND] == 100
        first.settle(first.day, 100, 30)
        assert one_more(second)[SPEND] == 30


def test_with_a_new_day_rows_of_yesterday_count_as_nothing(tmp_path: Path) -> None:
    with workers(tmp_path / "c", 2) as (first, second):
        second.now(now_s=NOON)
        first.count("a", ["mail"], money=5, now_s=NOON)
        assert one_more(second, "b", now_s=NOON + DAY) == (2, 1, 0, 0, 0)
        first.count("a", [], money=3, now_s=NOON + DAY)
        assert one_more(second, "b", now_s=NOON + DAY) == (2, 2, 0, 0, 3)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c", f"c.{20_001}"]


def test_a_worker_that_died_counts_on_and_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "c"
    with workers(file, 2) as (first, second):
        second.count("b", ["mail"], money=5, now_s=NOON)
        dead = Measures(shared=SharedCounts(file, row=0, rows=2))
        dead.count("a", ["search"], money=2, now_s=NOON)
        assert one_more(second) == (3, 3, 2, 0, 7)
        del first
        again = Measures(shared=SharedCounts(file, row=0, rows=2))
        assert one_more(again) == (3, 3, 2, 0, 7)
        again.count("a", [], money=1, now_s=NOON)
        assert one_more(second) == (3, 4, 2, 0, 8)


def test_with_fewer_workers_nothing_of_today_is_forgotten(tmp_path: Path) -> None:
    with workers(tmp_path / "c", 4) as each:
        each[3].count("a", [], money=5, now_s=NOON)
    with workers(tmp_path / "c", 1) as (only,):
        assert one_more(only)[REQUESTS] == 2
        assert one_more(only)[SPEND] == 5


def test_what_was_written_down_and_what_is_shared_are_not_added_up(tmp_path: Path) -> None:
    with workers(tmp_path / "c", 1) as (before,):
        before.count("a", ["mail"], money=5, now_s=NOON)
        written = before.snapshot()
        before.count("b", [], money=5, now_s=NOON)
    with workers(tmp_path / "c", 1) as (after,):
        assert after.restore(written, now_s=NOON + 60)
        assert one_more(after, now_s=NOON + 60) == (3, 3, 1, 0, 10)
    # And where what is shared was lost, what was written down counts.
    with workers(tmp_path / "d", 1) as (after,):
        assert after.restore(written, now_s=NOON + 60)
        assert one_more(after, now_s=NOON + 60) == (2, 2, 1, 0, 5)


def test_many_names_are_counted_once_over_all_workers(tmp_path: Path) -> None:
    with workers(tmp_path / "c", 3, max_exact=50) as found:
        for number in range(300):
            found[number % 3].count(f"user {number % 100}", [], money=0, now_s=NOON)
        counts = [each.users.count() for each in found if each._listen() is None]
        assert counts[0] == counts[1] == counts[2]
        assert 100 <= counts[0] <= 110


@given(
    limit=st.integers(1, 12),
    asked=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=60),
)
def test_no_more_gets_through_than_the_line_and_what_is_under_way_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, limit: int, asked: list[tuple[int, bool]]
) -> None:
    """A worker decides at one moment and counts at a later one; in between, each other one may do as much."""
    with workers(tmp_path_factory.mktemp("w") / "c", 3) as found:
        decided: list[int | None] = [None] * 3
        through = 0
        for row, is_count in asked:
            if is_count and decided[row] is not None:
                found[row].count("a", [], money=0, now_s=NOON)
                decided[row] = None
                through += 1
            elif decided[row] is None and one_more(found[row])[REQUESTS] <= limit:
                decided[row] = row
        assert through <= limit + 2
        # What is decided and counted at once is exact.
        for row in (0, 1, 2) * (limit + 1):
            if one_more(found[row])[REQUESTS] <= limit:
                found[row].count("a", [], money=0, now_s=NOON)
                through += 1
        assert through >= limit


@given(data=st.binary(max_size=700))
def test_a_file_that_is_none_of_ours_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.mktemp("w") / "c"
    file.write_bytes(data)
    if data:
        with pytest.raises(StoreError, match="remove it"):
            raise_with_hint(file)
    else:
        SharedCounts(file, row=0, rows=1).close()


def raise_with_hint(file: Path) -> None:
    try:
        SharedCounts(file, row=0, rows=1)
    except StoreError as error:
        raise StoreError(f"{error.message}: {error.hint}") from error


def test_a_link_is_not_followed_and_others_may_not_look(tmp_path: Path) -> None:
    (tmp_path / "c").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        SharedCounts(tmp_path / "c", row=0, rows=1)
    assert not (tmp_path / "elsewhere").exists()
    with workers(tmp_path / "d", 1) as (only,):
        only.count("a", [], money=0, now_s=NOON)
        for each in ("d", "d.20000"):
            assert (tmp_path / each).stat().st_mode & 0o077 == 0


def test_rows_are_bounded(tmp_path: Path) -> None:
    for row, rows in ((0, 65), (1, 1), (-1, 2)):
        with pytest.raises(StoreError):
            SharedCounts(tmp_path / "c", row=row, rows=rows)

"""What is left out, for how long, and whether a part of the product can lie in it."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from keelmark.core.declaration import Exclusion
from keelmark.engine import walk as walking
from keelmark.engine.exclusions import exclusion_of, in_force, is_spoken_for
from keelmark.engine.walk import excluded, walk

TODAY = date(2026, 11, 23)


def excluding(
    path: str, *, expires: date | None = None, reason: str = "old", owner: str = "Head"
) -> Exclusion:
    return Exclusion(path=path, reason=reason, owner=owner, expires=expires)


@pytest.mark.parametrize(
    ("expires", "current", "spoken"),
    [
        (None, True, False),
        (TODAY - timedelta(days=1), False, False),
        (TODAY, False, False),
        (TODAY + timedelta(days=1), True, True),
        (TODAY + timedelta(days=366), True, True),
        (TODAY + timedelta(days=367), True, False),
    ],
)
def test_exclusion_counts_until_its_day_and_speaks_for_at_most_a_year(
    expires: date | None, current: bool, spoken: bool
) -> None:
    entry = excluding("old", expires=expires)
    assert in_force([entry], today=TODAY) == ((entry,) if current else ())
    assert is_spoken_for(entry, today=TODAY) is spoken


@pytest.mark.parametrize("blank", [{"reason": " "}, {"owner": ""}])
def test_nobody_speaks_for_an_exclusion_without_reason_or_owner(blank: dict[str, str]) -> None:
    assert not is_spoken_for(excluding("old", expires=TODAY + timedelta(days=9), **blank), today=TODAY)


def test_first_exclusion_that_matches_is_the_one() -> None:
    first, second = excluding("old"), excluding("**")
    assert exclusion_of("old/a.py", [first, second]) is first
    assert exclusion_of("new/a.py", [first, second]) is second
    assert exclusion_of("new/a.py", [first]) is None


def hides(root: Path, path: str) -> bool:
    """What the walk says of an excluded path; the same holds when it is asked about that path alone."""
    exclude = [excluding(path)]
    (gap,) = [gap for gap in walk(root, exclude=exclude).gaps if gap.path == path]
    alone = excluded(root / path, path, root=root, exclude=exclude)
    assert alone == gap
    assert not gap.matters
    return gap.may_hide


def write(root: Path, path: str, text: str = "x = 1\n") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize("path", ["server/main.py", "server/deep/down/main.go", "server/data.bin"])
def test_folder_with_a_product_file_may_hide_a_part(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert hides(tmp_path, "server")


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("tests", "tests/server.py"),
        ("docs", "docs/build/server.py"),
        ("vendor", "vendor/a/server.go"),
        ("server", "server/tests/main.py"),
        ("server", "server/test_main.py"),
        ("examples/bot", "examples/bot/server.py"),
        ("server", "server/node_modules/a/index.js"),
        ("node_modules", "node_modules/a/index.js"),
    ],
)
def test_folder_without_a_product_file_hides_nothing(tmp_path: Path, folder: str, path: str) -> None:
    write(tmp_path, "package.json")
    write(tmp_path, path)
    assert not hides(tmp_path, folder)


def test_folder_called_like_a_test_file_is_judged_by_what_lies_in_it(tmp_path: Path) -> None:
    write(tmp_path, "quickstart.py/server.py")
    assert hides(tmp_path, "quickstart.py")


def test_empty_folder_and_empty_files_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "old" / "older").mkdir(parents=True)
    assert not hides(tmp_path, "old")
    write(tmp_path, "old/__init__.py", "")
    assert not hides(tmp_path, "old")
    assert not hides(tmp_path, "old/__init__.py")


def test_excluded_virtual_environment_hides_nothing(tmp_path: Path) -> None:
    write(tmp_path, "env/pyvenv.cfg")
    write(tmp_path, "env/bin/python")
    write(tmp_path, "env/lib/python3.12/site-packages/a.py")
    assert not hides(tmp_path, "env")
    write(tmp_path, "env/server.py")
    assert hides(tmp_path, "env")


def test_single_file_is_judged_by_its_own_role(tmp_path: Path) -> None:
    write(tmp_path, "app.py")
    write(tmp_path, "test_app.py")
    assert hides(tmp_path, "app.py")
    assert not hides(tmp_path, "test_app.py")


def test_excluded_link_hides_what_it_leads_to_outside_alone(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, "app.py")
    write(tmp_path, "elsewhere/app.py")
    (root / "inside").symlink_to("app.py")
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    assert not hides(root, "inside")
    assert hides(root, "outside")


def test_excluded_pipe_may_hide_a_part(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert hides(tmp_path, "pipe")


def test_folder_that_cannot_be_listed_may_hide_a_part_but_not_among_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old" / "closed").mkdir(parents=True)
    (tmp_path / "tests" / "closed").mkdir(parents=True)
    scan = os.scandir

    def closed(path: object):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scan(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", closed)
    assert hides(tmp_path, "old")
    assert not hides(tmp_path, "tests")


def test_more_files_than_are_met_may_hide_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "tests/a.py")
    write(tmp_path, "tests/b.py")
    assert not hides(tmp_path, "tests")
    monkeypatch.setattr(walking, "Bounds", lambda: walking_bounds(1))
    assert hides(tmp_path, "tests")


walking_bounds_type = walking.Bounds


def walking_bounds(files: int) -> walking.Bounds:
    return walking_bounds_type(max_files=files)


def test_path_that_went_away_may_have_hidden_a_part(tmp_path: Path) -> None:
    gap = excluded(tmp_path / "gone.py", "gone.py", root=tmp_path, exclude=[excluding("gone.py")])
    assert gap is not None
    assert gap.may_hide

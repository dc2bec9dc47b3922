from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from keelmark.core.declaration import Exclusion, Waiver
from keelmark.core.facts import FileRole, Gap, GapReason
from keelmark.engine.roles import role_of
from keelmark.engine.walk import Bounds, Entry, entry_of, walk

REASON = {"reason": "not ours", "owner": "Head of Platform"}


def paths(root: Path, **options) -> list[str]:
    return [entry.path for entry in walk(root, **options).entries]


def gaps(root: Path, **options) -> dict[str, GapReason]:
    return {gap.path: gap.reason for gap in walk(root, **options).gaps}


def test_files_come_out_sorted(tmp_path: Path) -> None:
    for name in ("b/z.py", "a.py", "b/a.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert paths(tmp_path) == ["a.py", "b/a.py", "b/z.py"]


def test_link_loops_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "nowhere").symlink_to("missing")
    assert paths(tmp_path) == []
    found = gaps(tmp_path)
    assert found["self"] is GapReason.LINK
    assert found["nowhere"] is GapReason.LINK
    assert found["a/loop"] is GapReason.EXCLUDED


def test_link_that_leaves_the_folder_is_named_and_matters(tmp_path: Path) -> None:
    inside = tmp_path / "project"
    inside.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"x")
    (inside / "model.bin").symlink_to(tmp_path / "secret.bin")
    (gap,) = walk(inside).gaps
    assert gap.reason is GapReason.LINK
    assert gap.matters


def test_link_into_an_annex_is_a_pointer(tmp_path: Path) -> None:
    (tmp_path / "model.bin").symlink_to(".git/annex/objects/aa/bb/SHA256E-s1--00/SHA256E-s1--00")
    assert gaps(tmp_path)["model.bin"] is GapReason.NOT_HERE


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert gaps(tmp_path)["pipe"] is GapReason.SPECIAL_FILE
    assert isinstance(entry_of(tmp_path / "pipe", "pipe"), Gap)


def environment(folder: Path) -> None:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to("/nowhere/python3")
    (folder / "lib" / "python3.12" / "site-packages").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("")


def test_tool_folders_are_named_not_entered(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    for name in (".git", "node_modules", "__pycache__", "web/node_modules"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "x.py").write_text("")
    environment(tmp_path / "env")
    assert paths(tmp_path) == ["package.json"]
    assert set(gaps(tmp_path)) == {".git", "node_modules", "__pycache__", "env", "web/node_modules"}
    assert not any(gap.may_hide for gap in walk(tmp_path).gaps)


def test_a_name_or_a_mark_alone_makes_no_folder_of_a_tool(tmp_path: Path) -> None:
    (tmp_path / "app" / "node_modules").mkdir(parents=True)
    (tmp_path / "app" / "node_modules" / "server.js").write_text("")
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "pyvenv.cfg").write_text("home = /usr/bin")
    (tmp_path / "service" / "main.py").write_text("")
    assert gaps(tmp_path) == {}
    assert paths(tmp_path) == ["app/node_modules/server.js", "service/main.py", "service/pyvenv.cfg"]


@pytest.mark.parametrize(
    ("path", "hides"),
    [
        ("node_modules/server.js", True),
        ("node_modules/a/index.js", False),
        (".mypy_cache/3.12/app.py", True),
        (".mypy_cache/3.12/app.data.json", False),
        ("__pycache__/app.py", True),
        ("__pycache__/app.cpython-312.pyc", False),
        (".ipynb_checkpoints/a-checkpoint.ipynb", False),
        ("env/server.py", True),
        (".git/hooks.py", False),
    ],
)
def test_program_text_of_its_own_in_the_folder_of_a_tool_may_hide(
    tmp_path: Path, path: str, hides: bool
) -> None:
    (tmp_path / "package.json").write_text("{}")
    environment(tmp_path / "env")
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("x")
    found = {gap.path: gap.may_hide for gap in walk(tmp_path).gaps}
    assert found[path.partition("/")[0]] is hides


def test_bound_on_files_is_a_gap(tmp_path: Path) -> None:
    for index in range(5):
        (tmp_path / f"{index}.py").write_text("")
    met = walk(tmp_path, bounds=Bounds(max_files=3))
    assert len(met.entries) == 3
    assert met.gaps[0].reason is GapReason.TOO_MANY


def test_bound_on_depth_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    assert gaps(tmp_path, bounds=Bounds(max_depth=2))["a/b/c"] is GapReason.TOO_DEEP


def test_name_that_is_no_utf8_is_readable(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.py")).write_text("x = 1\n")
    (entry,) = walk(tmp_path).entries
    assert entry.path == "caf\\xe9.py"
    assert entry.file.read_text() == "x = 1\n"


def test_exclusion_is_named_with_reason_and_owner(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.py").write_text("")
    (gap,) = walk(tmp_path, exclude=[Exclusion(path="old", **REASON)]).gaps
    assert gap.path == "old"
    assert "not ours" in gap.detail
    assert "Head of Platform" in gap.detail


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        walk(tmp_path / "missing")


def test_changed_file_has_another_identity(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    before = entry_of(file, "a.py")
    stamp = file.stat()
    file.write_text("x = 2\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # An attacker can set mtime back, not ctime.
    after = entry_of(file, "a.py")
    assert isinstance(before, Entry)
    assert isinstance(after, Entry)
    assert before.identity != after.identity


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("src/app.py", FileRole.PRODUCT),
        ("tests/test_app.py", FileRole.TEST),
        ("app_test.py", FileRole.TEST),
        ("latest.py", FileRole.PRODUCT),
        ("examples/chat.py", FileRole.EXAMPLE),
        ("docs/conf.py", FileRole.DOCUMENTATION),
        ("third_party/lib.py", FileRole.VENDORED),
        ("api_pb2.py", FileRole.GENERATED),
        ("contest/run.py", FileRole.PRODUCT),
    ],
)
def test_role_by_place(path: str, role: FileRole) -> None:
    assert role_of(path) is role


def test_waiver_expires_on_its_day() -> None:
    waiver = Waiver(rule="r", reason="x", owner="o", expires=date(2026, 1, 31))
    assert waiver.is_current(date(2026, 1, 30))
    assert not waiver.is_current(date(2026, 1, 31))


def test_closed_folder_is_a_gap_and_the_others_are_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("")
    real = os.scandir

    def scandir(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(folder)

    real_stat = os.stat

    def look(path, *arguments, **options):
        if "/closed/" in os.fspath(path):
            raise PermissionError(13, "Permission denied")
        return real_stat(path, *arguments, **options)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", look)
    assert paths(tmp_path) == ["open/a.py"]
    assert gaps(tmp_path) == {"closed": GapReason.UNREADABLE}

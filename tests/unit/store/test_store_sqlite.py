from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from keelmark.errors import StoreError
from keelmark.store.sqlite import SqliteEvidence

if TYPE_CHECKING:
    from pathlib import Path

# Keeps runs for ever and says the id of each once it is kept.
WRITER = textwrap.dedent("""
    import sys
    from dataclasses import replace
    from pathlib import Path
    from keelmark.store.sqlite import SqliteEvidence
    file, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with SqliteEvidence(Path(sys.argv[4])) as source:
        model = source.load("latest")
    with SqliteEvidence(file) as store:
        for number in range(count):
            store.keep(replace(model, id=f"{name}-{number:06}"))
            print(f"{name}-{number:06}", flush=True)
""")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".keelmark" / "evidence.db"


@pytest.fixture
def model(tmp_path: Path, make_assessment) -> Path:
    path = tmp_path / "model" / "evidence.db"
    with SqliteEvidence(path) as store:
        store.keep(make_assessment())
    return path


def writer(file: Path, name: str, count: int, model: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(file), name, str(count), str(model)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_folder_keeps_itself_out_of_version_control(file: Path) -> None:
    SqliteEvidence(file).close()
    assert (file.parent / ".gitignore").read_text() == "*\n"


def test_gitignore_of_the_user_stays(file: Path) -> None:
    file.parent.mkdir()
    (file.parent / ".gitignore").write_text("mine\n")
    SqliteEvidence(file).close()
    assert (file.parent / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    "statement", ["UPDATE run SET verdict = 'release'", "DELETE FROM run", "UPDATE run SET document = x'00'"]
)
def test_kept_run_is_never_changed_or_removed(file: Path, make_assessment, statement: str) -> None:
    with SqliteEvidence(file) as store:
        store.keep(make_assessment())
    connection = sqlite3.connect(file)
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        connection.execute(statement)
    connection.close()


def test_newer_version_is_refused_with_a_way_out(file: Path) -> None:
    SqliteEvidence(file).close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="version 99") as caught:
        SqliteEvidence(file)
    assert caught.value.hint


def test_what_is_no_database_is_an_error_and_stays_as_it_is(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"not a database, but somebody's text\n" * 100)
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        SqliteEvidence(file)
    assert "--no-write" in caught.value.hint
    assert file.read_bytes().startswith(b"not a database")


def test_damaged_page_is_an_error_never_an_empty_history(file: Path, make_assessment) -> None:
    with SqliteEvidence(file) as store:
        for number in range(40):
            store.keep(make_assessment(id=f"{number:03}"))
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    store = SqliteEvidence(file)
    with pytest.raises(StoreError, match="damaged"):
        store.runs()
    with pytest.raises(StoreError, match="damaged"):
        store.load("latest")
    store.close()


@pytest.mark.parametrize(
    "document",
    [b"", b"{}", b"[]", b"\xff", b'{"id": "\xff"}', b'{"id": 1' + b"0" * 5000 + b"}", b"[" * 100_000],
    ids=["empty", "object", "list", "bytes", "charset", "number", "deep"],
)
def test_run_that_cannot_be_read_is_named(file: Path, document: bytes) -> None:
    SqliteEvidence(file).close()
    connection = sqlite3.connect(file)
    connection.execute("INSERT INTO run VALUES ('a', 'x', '', '', 0, '', ?)", (document,))
    connection.commit()
    connection.close()
    with SqliteEvidence(file) as store:
        with pytest.raises(StoreError, match="run `a` cannot be read"):
            store.load("a")
        with pytest.raises(StoreError, match="damaged"):
            store.runs()  # Its start is no moment.


def test_foreign_tables_of_the_same_name_are_an_error(file: Path, make_assessment) -> None:
    file.parent.mkdir()
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE run (a)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError):
        SqliteEvidence(file)


@pytest.mark.parametrize("linked", ["folder", "file", "gitignore"])
def test_link_laid_in_the_folder_does_not_make_us_write_elsewhere(tmp_path: Path, linked: str) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    file = project / ".keelmark" / "evidence.db"
    if linked == "folder":
        file.parent.symlink_to(elsewhere)
    else:
        file.parent.mkdir()
        (file if linked == "file" else file.parent / ".gitignore").symlink_to(elsewhere / "victim")
    if linked == "gitignore":
        SqliteEvidence(file).close()
    else:
        with pytest.raises(StoreError, match="is a link"):
            SqliteEvidence(file)
    assert list(elsewhere.iterdir()) == []


def test_place_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".keelmark").write_text("a file, not a folder")
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteEvidence(tmp_path / ".keelmark" / "evidence.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can write everywhere")
def test_read_only_folder_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError) as caught:
        SqliteEvidence(tmp_path / ".keelmark" / "evidence.db")
    tmp_path.chmod(0o700)
    assert "--no-write" in caught.value.hint


def test_read_only_database_is_an_error_not_a_lost_run(file: Path, make_assessment) -> None:
    with SqliteEvidence(file) as store:
        store._connection.execute("PRAGMA query_only = ON")
        with pytest.raises(StoreError, match="could not be kept"):
            store.keep(make_assessment())


def test_full_disk_is_an_error_and_the_store_stays_whole(file: Path, make_assessment) -> None:
    with SqliteEvidence(file) as store:
        store.keep(make_assessment(id="a"))
        large = make_assessment(id="b", system="x" * 1_000_000)
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="could not be kept"):
            store.keep(large)
    with SqliteEvidence(file) as store:
        assert store.load("a").id == "a"


def test_two_processes_write_at_once_and_nothing_is_lost(file: Path, model: Path) -> None:
    both = [writer(file, name, 40, model) for name in ("a", "b")]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    with SqliteEvidence(file) as store:
        assert {summary.id for summary in store.runs(limit=1_000)} == {name for part in said for name in part}
    assert [len(part) for part in said] == [40, 40]


def test_killed_while_writing_loses_no_run_that_was_acknowledged(file: Path, model: Path) -> None:
    acknowledged: list[str] = []
    for round_number, after in enumerate((1, 7, 20)):
        process = writer(file, f"r{round_number}", 1_000_000, model)
        assert process.stdout is not None
        seen = [process.stdout.readline().strip() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
        acknowledged += seen + [line for line in rest.split("\n")[:-1] if line]
    with SqliteEvidence(file) as store:
        kept = {summary.id for summary in store.runs(limit=1_000_000)}
        assert set(acknowledged) <= kept
        assert len(acknowledged) >= 28
        for name in kept - set(acknowledged):  # At most the one that was being said when the process ended.
            assert store.load(name).id == name
        assert len(kept - set(acknowledged)) <= 3
        assert store._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM run; END",
        "CREATE TABLE more (a)",
        "DROP TRIGGER run_is_never_removed",
    ],
)
def test_schema_that_was_changed_from_outside_is_refused(file: Path, statement: str) -> None:
    SqliteEvidence(file).close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
    with pytest.raises(StoreError, match="changed from outside"):
        SqliteEvidence(file)

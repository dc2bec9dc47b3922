from __future__ import annotations

import os
import sqlite3
import stat
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keelmark.core.facts import (
    FileFacts,
    FileRole,
    Gap,
    GapReason,
    Pointer,
    PointerKind,
    Prompt,
    PromptRole,
    Reading,
)
from keelmark.store import fact_cache
from keelmark.store.fact_cache import SqliteFactCache, readers_version

if TYPE_CHECKING:
    from pathlib import Path

FACTS = FileFacts(
    path="src/a.py",
    size=3,
    digest="ab" * 32,
    role=FileRole.TEST,
    readings=(Reading(format="python", environment=(("A", "b", 1),)), Reading(format="text")),
    gaps=(Gap(path="src/a.py", reason=GapReason.TRUNCATED, detail="x", line=4, matters=False),),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "facts.db"


def kept(file: Path, facts: FileFacts = FACTS, *, version: str = "1", identity: str = "1:2:3") -> None:
    cache = SqliteFactCache(file, version=version)
    cache.remember(identity, facts)
    cache.close()


def recalled(file: Path, path: str, digest: str, *, version: str = "1") -> FileFacts | None:
    cache = SqliteFactCache(file, version=version)
    found = cache.recall(path, digest)
    cache.close()
    return found


def test_what_was_read_comes_back_equal(file: Path) -> None:
    kept(file)
    assert recalled(file, FACTS.path, FACTS.digest) == FACTS


def test_recall_asks_for_path_and_content_and_readers(file: Path) -> None:
    kept(file)
    assert recalled(file, "src/b.py", FACTS.digest) is None
    assert recalled(file, FACTS.path, "cd" * 32) is None
    assert recalled(file, FACTS.path, FACTS.digest, version="2") is None
    assert recalled(file, FACTS.path, FACTS.digest) == FACTS


def test_identity_names_its_digest_and_no_other_does(file: Path) -> None:
    kept(file, identity="1:2:3")
    cache = SqliteFactCache(file, version="1")
    assert cache.digest_of("1:2:3") == FACTS.digest
    assert cache.digest_of("1:2:4") is None
    cache.close()


def test_version_changes_with_each_reader_and_with_keelmark() -> None:
    def version(*readers: tuple[str, int], keelmark: str = "1") -> str:
        named = [SimpleNamespace(name=name, version=number) for name, number in readers]
        return readers_version(named, keelmark=keelmark)  # type: ignore[arg-type]

    first = version(("a", 1), ("b", 1))
    assert version(("b", 1), ("a", 1)) == first
    others = {version(("a", 2), ("b", 1)), version(("a", 1)), version(("a", 1), ("b", 1), keelmark="2")}
    assert first not in others
    assert len(others) == 3


def test_only_its_owner_can_read_it(file: Path) -> None:
    kept(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("content", [b"not a database\n" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_damaged_file_is_forgotten_and_made_anew(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    assert recalled(file, FACTS.path, FACTS.digest) is None
    kept(file)
    assert recalled(file, FACTS.path, FACTS.digest) == FACTS


def test_damaged_pages_never_stop_a_run(file: Path) -> None:
    for number in range(50):
        kept(file, replace(FACTS, path=f"{number}.py"), identity=str(number))
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    assert recalled(file, "1.py", FACTS.digest) is None
    kept(file)


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_document_is_read_again_never_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    file = tmp_path / "one.db"
    kept(file)
    document = bytearray(msgspec.msgpack.encode(FACTS))
    for _ in range(data.draw(st.integers(1, 4))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    connection = sqlite3.connect(file)
    connection.execute("UPDATE facts SET document = ?", (bytes(document),))
    connection.commit()
    connection.close()
    found = recalled(file, FACTS.path, FACTS.digest)
    assert found is None or (found.path, found.digest) == (FACTS.path, FACTS.digest)


@pytest.mark.parametrize("document", [b"\xa1\xff", b"", b"\x91" * 100_000, "text", 3])
def test_document_that_is_none_is_read_again(file: Path, document: object) -> None:
    kept(file)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE facts SET document = ?", (document,))
    connection.commit()
    connection.close()
    assert recalled(file, FACTS.path, FACTS.digest) is None


def test_charset_damage_in_a_name_is_read_again(file: Path) -> None:
    kept(file)
    document = msgspec.msgpack.encode(FACTS).replace(b"src/a.py", b"src/\xff.py")
    connection = sqlite3.connect(file)
    connection.execute("UPDATE facts SET document = ?", (document,))
    connection.commit()
    connection.close()
    assert recalled(file, FACTS.path, FACTS.digest) is None


def test_cache_of_another_user_is_ignored(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(file)
    before = file.read_bytes()
    monkeypatch.setattr(os, "getuid", lambda: file.stat().st_uid + 1)
    assert recalled(file, FACTS.path, FACTS.digest) is None
    kept(file, replace(FACTS, path="other"))
    assert file.read_bytes() == before


def test_what_cannot_be_encoded_is_skipped_and_the_rest_is_kept(file: Path) -> None:
    prompt = Prompt(name="p", line=1, text="lone \udcff", role=PromptRole.SYSTEM, digest="0")
    pointer = Pointer(kind=next(iter(PointerKind)), target="m", digest="", algorithm="", size=2**70)
    cache = SqliteFactCache(file, version="1")
    cache.remember("1", replace(FACTS, path="text", readings=(Reading(format="x", prompts=(prompt,)),)))
    cache.remember("2", replace(FACTS, path="number", readings=(Reading(format="x", pointers=(pointer,)),)))
    cache.remember("3", FACTS)
    cache.close()
    assert recalled(file, "text", FACTS.digest) is None
    assert recalled(file, "number", FACTS.digest) is None
    assert recalled(file, FACTS.path, FACTS.digest) == FACTS


def test_name_with_a_surrogate_is_only_not_remembered(file: Path) -> None:
    kept(file, replace(FACTS, path="a\udcff"))
    assert recalled(file, "a\udcff", FACTS.digest) is None


def test_place_that_cannot_be_made_is_no_cache_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    kept(tmp_path / "cache" / "facts.db")
    assert recalled(tmp_path / "cache" / "facts.db", FACTS.path, FACTS.digest) is None


def test_growth_is_bounded(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fact_cache, "MAX_ENTRIES", 3)
    for number in range(6):
        kept(file, replace(FACTS, path=f"{number}.py"), identity=str(number))
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM facts").fetchone()[0] <= 4
    connection.close()
    assert recalled(file, "5.py", FACTS.digest) is not None

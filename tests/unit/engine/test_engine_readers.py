from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.facts import GapReason, Reading
from keelmark.engine import readers as module
from keelmark.engine.collect import read_source
from keelmark.engine.readers import DATASETS, all_readers
from keelmark.engine.signals import RecordReader, TextBounds, TextReader
from keelmark.errors import RuleError
from keelmark.formats.datasets import READER as RECORDS
from keelmark.formats.source import Source

NAMES = (
    "a.py", "a.ipynb", "requirements.txt", "pyproject.toml", "package.json", "Dockerfile", "compose.yaml", "main.tf",
    ".github/workflows/ci.yml", ".env", "mcp.json", "model.pkl", "model.safetensors", "model.gguf", "model.onnx",
    "model.pt", "model.h5", "model.keras", "data.csv", "data.jsonl", "data.parquet", "README.md", "prompts/system.txt",
    "dvc.yaml", "model.bin.dvc", "bom.json", "app.js", "x.npy", "poetry.lock", "config.json", "croissant.json",
)  # fmt: skip
HEADS = (
    b"",
    b"PK\x03\x04",
    b"\x80\x04",
    b"GGUF",
    b"\x89HDF\r\n\x1a\n",
    b"\x93NUMPY",
    b"PAR1",
    b'{"',
    b"---\n",
    b"\xff\xfe",
)


def test_readers_are_sorted_and_each_name_stands_once() -> None:
    names = [reader.name for reader in all_readers()]
    assert names == sorted(set(names))
    assert "text" in names
    assert DATASETS in names
    assert all_readers() is all_readers()


def test_records_are_read_with_their_personal_data() -> None:
    (reader,) = [reader for reader in all_readers() if reader.name == DATASETS]
    assert isinstance(reader, RecordReader)
    assert reader.version > reader.inner.version  # A change of either forgets what was remembered.
    rows = "".join(f"anna.keller{n}@posteo.de,hello\n" for n in range(30))
    (reading,) = reader.read(Source.of_bytes(f"email,text\n{rows}".encode(), path="d.csv"))
    assert reading.dataset is not None
    assert reading.dataset.read_rows == 30
    assert {found.kind for found in reading.dataset.personal}


def test_two_readers_of_one_name_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = SimpleNamespace(name="same", version=1)
    other = SimpleNamespace(name="same", version=1)
    modules = {"f.a": SimpleNamespace(READER=mine), "f.b": SimpleNamespace(READERS=(other,))}
    monkeypatch.setattr(
        module.pkgutil, "walk_packages", lambda *_, **__: [SimpleNamespace(name=name) for name in modules]
    )
    monkeypatch.setattr(module.importlib, "import_module", modules.__getitem__)
    with pytest.raises(RuleError, match="two readers are called `same`"):
        all_readers.__wrapped__()


def test_secrets_are_looked_for_in_every_text_and_lines_count_over_parts() -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    text = "x = 1\n" * 50 + f'aws_access_key_id = "{key}"\n'
    small = TextReader(bounds=TextBounds(part_bytes=64, max_bytes=100_000))
    for reader in (TextReader(), small):
        (reading,) = reader.read(Source.of_bytes(text.encode(), path="conf.ini"))
        assert [secret.line for secret in reading.secrets] == [51]
        assert key not in repr(reading)


def test_text_beyond_the_bound_is_named() -> None:
    reader = TextReader(bounds=TextBounds(part_bytes=64, max_bytes=128))
    (reading,) = reader.read(Source.of_bytes(b"x = 1\n" * 100, path="a.ini"))
    assert [gap.reason for gap in reading.gaps] == [GapReason.TOO_LARGE]


def test_places_count_over_all_parts_and_what_was_found_before_the_bound_is_kept() -> None:
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    text = f'aws_access_key_id = "{key}"\n' + "sk-a sk-b\n" * 20
    # One key, one name, and two beginnings a line.
    for most, reasons in ((42, []), (41, [GapReason.TOO_LARGE])):
        reader = TextReader(bounds=TextBounds(part_bytes=64, max_places=most))
        (reading,) = reader.read(Source.of_bytes(text.encode(), path="a.md"))
        assert [secret.line for secret in reading.secrets] == [1]
        assert [gap.reason for gap in reading.gaps] == reasons
        assert all(gap.matters for gap in reading.gaps)


def test_secrets_beyond_the_bound_are_named() -> None:
    text = "".join(f'aws_access_key_id = "AKIA{chr(65 + n)}YLPMN5HHHFPZAM2"\n' for n in range(20))
    found = {}
    for most in (1, 20):
        reader = TextReader(bounds=TextBounds(part_bytes=128, max_secrets=most))
        (reading,) = reader.read(Source.of_bytes(text.encode(), path="conf.ini"))
        found[most] = (len(reading.secrets), [gap.reason for gap in reading.gaps])
    assert found[1][1] == [GapReason.TOO_LARGE]
    assert found[20] == (found[20][0], [])
    assert 1 < found[1][0] < found[20][0]


def test_wide_records_are_looked_at_up_to_the_bound_and_never_called_complete() -> None:
    text = "a,b\n" + "".join(f"name{n}@example.org,x\n" for n in range(10))
    for most, complete in ((100, True), (10, False)):
        reader = RecordReader(inner=RECORDS, max_values=most)
        (reading,) = reader.read(Source.of_bytes(text.encode(), path="data.csv"))
        assert reading.dataset is not None
        assert reading.dataset.is_complete is complete


@given(st.sampled_from(NAMES), st.sampled_from(HEADS), st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_under_any_name_are_read_or_named(name: str, head: bytes, tail: bytes) -> None:
    facts = read_source(Source.of_bytes(head + tail, path=name), all_readers())
    assert [gap.detail for gap in facts.gaps if gap.reason is GapReason.CRASHED] == []
    assert all(isinstance(reading, Reading) for reading in facts.readings)
    assert len(facts.digest) == 64


def test_state_of_the_code_changes_with_every_edit() -> None:
    from pathlib import Path

    from keelmark import formats
    from keelmark.engine.readers import code_state

    file = Path(formats.__file__)
    before, stamp = code_state.__wrapped__(), file.stat()
    try:
        os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 1))
        assert code_state.__wrapped__() != before
    finally:
        os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert code_state.__wrapped__() == before

"""The digest of a large file is read in pieces."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from keelmark.formats.models.huggingface import READER
from keelmark.formats.source import Source

if TYPE_CHECKING:
    from pathlib import Path

PIECE = 1024 * 1024


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 7])
def test_digest_is_that_of_the_whole_file(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    file = tmp_path / "model.bin"
    file.write_bytes(content)
    with Source(file, path="model.bin") as source:
        assert source.digest == hashlib.sha256(content).hexdigest()


def test_a_file_cut_short_while_it_is_read_has_no_digest(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"x" * (3 * PIECE))
    with Source(file, path="model.bin") as source:
        with file.open("r+b") as other:
            other.truncate(10)
        with pytest.raises(OSError, match="cut short"):
            _ = source.digest
        with pytest.raises(OSError, match="cut short"):
            list(source.pieces())


def test_a_configuration_nested_too_deeply_is_a_gap_wherever_its_telling_keys_stand() -> None:
    deep = b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "model_type": "llama", "hidden_size": 1}'
    for name in ("config.json", "tokenizer_config.json"):
        with Source.of_bytes(deep, path=f"model/{name}") as source:
            assert [gap.matters for reading in READER.read(source) for gap in reading.gaps] == [True]
            assert READER.recognises(source)

"""The digest of a large file is read in pieces."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

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


def test_file_cut_short_while_it_is_read_does_not_end_the_program(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"x" * (3 * PIECE))
    with Source(file, path="model.bin") as source:
        with file.open("r+b") as other:
            other.truncate(10)
        assert len(source.digest) == 64

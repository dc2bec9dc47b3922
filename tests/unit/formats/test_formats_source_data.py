"""Content is read as a whole, or mapped when it is too large to hold; a file cut short meanwhile ends nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from keelmark.formats import source as module
from keelmark.formats.source import Source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * 1024 * 1024])
def test_content_of_any_size_is_the_same_read_or_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = os.urandom(size)
    file = tmp_path / "a.bin"
    file.write_bytes(content)
    for most in (64 * 1024 * 1024, 0):
        monkeypatch.setattr(module, "_MAP_FROM_BYTES", most)
        with Source(file, path="a.bin") as source:
            assert source.data == content
            assert len(source.data) == source.size


@pytest.mark.parametrize("size", [1_000, 3 * 1024 * 1024])
def test_a_file_cut_short_is_told_and_ends_nothing(tmp_path: Path, size: int) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * size)
    with Source(file, path="a.bin") as source:
        os.truncate(file, size // 2)
        with pytest.raises(OSError, match="cut short"):
            _ = source.data


def test_what_was_read_before_the_cut_stays_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 3 * 1024 * 1024)
    with Source(file, path="a.bin") as source:
        view = source.data
        os.truncate(file, 0)
        assert bytes(view) == b"x" * 3 * 1024 * 1024

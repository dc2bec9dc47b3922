from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import GapReason
from keelmark.formats.source import Source
from keelmark.formats.unclaimed import gap_of_unclaimed


def gap(data: bytes, path: str):
    return gap_of_unclaimed(Source.of_bytes(data, path=path))


@pytest.mark.parametrize("name", ["w.bin", "net.t7", "m.CKPT", "x/y.h5", "a.engine", "b.ptl"])
def test_unknown_bytes_called_like_a_model_are_a_gap_that_matters(name):
    found = gap(b"\x01\x02\x00\x03" * 30, name)
    assert found.reason is GapReason.UNSUPPORTED
    assert found.matters
    assert "called like a model" in found.detail


@pytest.mark.parametrize(
    ("head", "name", "word"),
    [
        (b"PK\x03\x04\x00", "pack.zip", "zip"),
        (b"PK\x03\x04\x00", "lib.jar", "zip"),
        (b"\x1f\x8b\x08\x00", "d.tar.gz", "gzip"),
        (b"7z\xbc\xaf\x27\x1c\x00", "a.7z", "7-zip"),
        (b"Rar!\x1a\x07\x00", "a", "rar"),
        (b"\x00" * 257 + b"ustar\x0000", "a.tar", "tar"),
    ],
)
def test_archive_is_a_gap_that_matters_whatever_its_name(head, name, word):
    found = gap(head, name)
    assert found.matters
    assert found.detail.startswith(f"{word} archive")


def test_compiled_programs_and_bytecode_are_named():
    program = gap(b"\x7fELF\x02\x01\x01" + b"\x00" * 100, "bin/tool")
    assert "ELF" in program.detail
    assert not program.matters
    assert "Windows" in gap(b"MZ\x90\x00" + b"\x00" * 100, "t32.exe").detail
    assert "bytecode" in gap(b"\xa7\r\r\n\x00\x00", "a.pyc").detail


def test_data_of_unknown_form_matters():
    assert gap(b"\x00\x01\x02", "train.tfrecord").matters
    assert gap(b"\x00\x01\x02", "x.mat").matters


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a.png"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a.wav"),
        (b"wOF2\x00\x01", "f.woff2"),
        (b"PK\x03\x04\x14\x00", "paper.docx"),
        (b"", "empty.bin"),
        (b"plain words\n", "notes.dat"),
        (b"MZ", "x"),
    ],
)
def test_pictures_sound_papers_and_text_are_not_named(data, path):
    assert gap(data, path) is None


@given(st.binary(max_size=600), st.sampled_from(["a", "a.bin", "a.zip", "a.dat", "a.png"]))
def test_any_bytes_are_a_gap_or_nothing(data, path):
    found = gap(data, path)
    assert found is None or found.reason is GapReason.UNSUPPORTED


def test_file_called_like_a_text_that_holds_none_is_named_and_matters() -> None:
    for path in ("Dockerfile", ".mcp.json", "compose.yaml", "data/train.csv", "app.py", ".env"):
        gap = gap_of_unclaimed(Source.of_bytes(bytes(range(256)) * 16, path=path))
        assert gap is not None, path
        assert gap.matters
        assert gap_of_unclaimed(Source.of_bytes(b"a: 1\n", path=path)) is None


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "api.Dockerfile",
        "requirements-dev.txt",
        ".env",
        "deploy/app.yaml",
        "main.tf",
        "SHA256SUMS",
        "rows.csv",
    ],
)
def test_binary_called_like_text_that_is_read_is_a_gap_that_matters(name: str) -> None:
    found = gap(b"\x00\x01\x02\x03" * 30, name)
    assert found.reason is GapReason.MALFORMED
    assert found.matters


@pytest.mark.parametrize("name", ["film.ts", "photo.jpg", "notes.doc", "requirements.pdf"])
def test_film_and_papers_are_not_called_broken_text(name: str) -> None:
    packet = b"G\x40\x00\x10" + b"\x00" * 184
    assert gap(packet * 4, name) is None


def test_locked_file_of_git_crypt_is_named_as_encrypted() -> None:
    found = gap(b"\x00GITCRYPT\x00" + b"\x81" * 40, "deploy/.env")
    assert found.reason is GapReason.ENCRYPTED
    assert found.matters


def test_wide_mark_over_other_bytes_is_told_when_it_turned_out_binary() -> None:
    source = Source.of_bytes(b"\xff\xfeFROM python\n\x00\xd8", path="Dockerfile")
    assert gap_of_unclaimed(source) is None
    assert gap_of_unclaimed(source, is_binary=True).reason is GapReason.MALFORMED

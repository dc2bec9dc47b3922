from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import GapReason
from keelmark.formats.source import Source
from keelmark.formats.unclaimed import gap_of_unclaimed


def gap(data: bytes, path: str):
    return gap_of_unclaimed(Source.of_bytes(data, path=path))


@pytest.mark.parametrize("data", [b'{"a":' + b"[" * 2000, b'{"a": ' * 600, b"[ " * 2000])
def test_json_that_opens_level_below_level_is_a_gap(data):
    found = gap(data, "m.json")
    assert found.reason is GapReason.TOO_DEEP
    assert found.matters


def test_json_of_many_short_lists_is_none():
    assert gap(b"[" + b"[[1]]," * 5000 + b"0]", "m.json") is None


def test_a_stream_of_openings_called_like_a_model_is_a_gap():
    assert gap(b"\x91" * 2000, "m.msgpack").matters


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
    assert not gap(b"\xca\xfe\xba\xbe" + b"\x00" * 100, "org/Checksum.class").matters


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
    named = {GapReason.UNSUPPORTED, GapReason.ENCRYPTED, GapReason.MALFORMED}
    assert found is None or found.reason in named


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


def test_tables_in_archives_are_named_and_matter_less_than_what_loaders_follow() -> None:
    binary = bytes(range(256)) * 16
    found = {
        name: gap_of_unclaimed(Source.of_bytes(binary, path=f"a.whl!{name}"), in_archive=True).matters
        for name in ("t.tsv", "t.dat", "t.db", "config.json", "setup.py", "w.bin", "w.pt")
    }
    assert [name for name, matters in found.items() if matters] == [
        "config.json",
        "setup.py",
        "w.bin",
        "w.pt",
    ]
    library = b"\x7fELF" + bytes(100)
    assert not gap(library, "_checksum.abi3.so").matters


def test_a_program_without_its_source_may_hide_a_part_of_the_system() -> None:
    assert gap(b"\x7fELF\x02\x01\x01" + b"\x00" * 100, "bin/tool").may_hide
    assert gap(b"\xa7\r\r\n\x00\x00", "app.pyc").may_hide
    packed = Source.of_bytes(b"\x7fELF\x02\x01\x01" + b"\x00" * 100, path="a.whl!lib.so")
    assert not gap_of_unclaimed(packed, in_archive=True).may_hide


@pytest.mark.parametrize("name", ["server.go", "Main.java", "lib.rs", "api.php", "handler.rb", "page.vue"])
def test_source_with_a_zero_byte_is_named_and_matters(name: str) -> None:
    found = gap(b"package main\n\x00\x00func main() {}\n", name)
    assert found.reason is GapReason.MALFORMED
    assert found.matters


@pytest.mark.parametrize("name", ["drawing.mm", "data.m", "numbers.r"])
def test_what_other_programs_call_by_the_suffix_of_a_language_is_not_named(name: str) -> None:
    assert gap(b"\x00\x01\x02\x03" * 30, name) is None


@pytest.mark.parametrize(
    "name", ["m.pkl", "m.pt", "m.joblib", "m.onnx", "m.h5", "m.safetensors", "m.gguf", "m.npz"]
)
def test_text_called_like_a_model_is_a_gap_that_matters(name: str) -> None:
    found = gap(b"Entry not found, sorry\n", name)
    assert found.reason is GapReason.MALFORMED
    assert found.matters
    assert found.detail == f"called like a model (`.{name[2:]}`), and holds text that is none"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'amends "package://pkg.pkl-lang.org/x"\n', "config.pkl"),
        (b"/// A module\nmodule a.b\n", "config.pkl"),
        (b'<html xmlns:tal="http://xml.zope.org/namespaces/tal">', "page.pt"),
        (b"import os; x = 1\n", "patch.pth"),
        (b"/opt/project/src\n", "__editable__.project.pth"),
        (b"Bem-vindo ao tutor\n" * 200, "tutor.pt"),
        (b"the 1\nof 2\n", "vocab.model"),
        (b"1,2,3\n", "rows.dat"),
        (b"\n", "empty.pkl"),
    ],
)
def test_text_with_a_name_that_models_share_is_not_named(data: bytes, name: str) -> None:
    assert gap(data, name) is None


def test_parts_of_office_papers_are_no_models():
    data = bytes(range(256)) * 4

    def matters(path: str) -> bool:
        return gap_of_unclaimed(Source.of_bytes(data, path=path), in_archive=True).matters

    assert not matters("a.xlsx!xl/printerSettings/printerSettings1.bin")
    assert matters("a.xlsx!xl/vbaProject.bin")
    assert matters("a.zip!weights/model.bin")

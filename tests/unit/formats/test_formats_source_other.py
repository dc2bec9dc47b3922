"""Source that is counted: the language, the lines, and whether a part of a system may lie in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import Gap, GapReason
from keelmark.formats.source import Source
from keelmark.formats.source_other import READER, language_of


def gap_of(path: str, text: bytes = b"x = 1\n") -> Gap | None:
    with Source.of_bytes(text, path=path) as source:
        if not READER.recognises(source):
            return None
        ((gap,),) = [reading.gaps for reading in READER.read(source)]
    assert (gap.path, gap.reason, gap.matters) == (path, GapReason.UNSUPPORTED, False)
    return gap


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("main.go", "Go"),
        ("lib.rs", "Rust"),
        ("App.java", "Java"),
        ("App.kt", "Kotlin"),
        ("App.scala", "Scala"),
        ("Program.cs", "C#"),
        ("serve.cpp", "C++"),
        ("serve.c", "C"),
        ("app.rb", "Ruby"),
        ("index.php", "PHP"),
        ("App.swift", "Swift"),
        ("app.ex", "Elixir"),
        ("main.dart", "Dart"),
        ("app.R", "R"),
        ("app.jl", "Julia"),
        ("app.pl", "Perl"),
        ("app.lua", "Lua"),
        ("train.cu", "CUDA"),
        ("App.vue", "Vue"),
        ("App.fs", "F#"),
    ],
)
def test_program_is_named_by_its_language_and_may_hide_a_part(path: str, language: str) -> None:
    gap = gap_of(path)
    assert gap is not None
    assert gap.may_hide
    assert gap.detail == f"source in {language}, which is counted but not analysed"


@pytest.mark.parametrize(
    "path", ["run.sh", "run.zsh", "run.ps1", "run.bat", "run.cmd", "build.gradle.kts", "k.metal", "t.sol"]
)
def test_script_hides_nothing(path: str) -> None:
    gap = gap_of(path)
    assert gap is not None
    assert not gap.may_hide


@pytest.mark.parametrize("text", [b"", b"\n \n\t\n"])
def test_empty_program_hides_nothing(text: bytes) -> None:
    gap = gap_of("doc.go", text)
    assert gap is not None
    assert not gap.may_hide


@pytest.mark.parametrize(
    ("line", "hides"),
    [
        (b"#!/usr/bin/env node\n", True),
        (b"#!/usr/bin/env -S deno run\n", True),
        (b"#!/usr/bin/ruby2.7\n", True),
        (b"#!/usr/bin/php8.1 -q\n", True),
        (b"#!/bin/bash -e\n", False),
        (b"#!/usr/bin/env pwsh\n", False),
    ],
)
def test_program_without_a_suffix_is_known_by_its_first_line(line: bytes, hides: bool) -> None:
    gap = gap_of("bin/serve", line + b"x\n")
    assert gap is not None
    assert gap.may_hide is hides


@pytest.mark.parametrize("line", [b"#!/usr/bin/env python3\n", b"#!/usr/bin/rubybooks\n", b"plain\n"])
def test_other_file_without_a_suffix_is_left_to_others(line: bytes) -> None:
    assert gap_of("bin/serve", line) is None


def test_one_control_byte_does_not_unmake_a_program() -> None:
    assert gap_of("index.php", b"<?php // \x07\nserve();\n") is not None
    assert gap_of("index.php", b"<?php // \x00\nserve();\n") is None


@given(st.binary(max_size=300), st.sampled_from(["main.go", "run", "a.sh", "index.php"]))
def test_any_bytes_are_read_or_left(data: bytes, path: str) -> None:
    with Source.of_bytes(data, path=path) as source:
        if READER.recognises(source):
            (reading,) = READER.read(source)
            assert reading.module is not None
            assert language_of(source) == reading.module.language

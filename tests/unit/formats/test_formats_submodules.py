"""Submodules of git are named as not looked at."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import FileFacts, GapReason
from keelmark.engine.collect import without_found
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats.source import Source
from keelmark.formats.submodules import READER, Bounds, SubmodulesReader

TEXT = '[submodule "ncnn"]\n\tpath = third/ncnn\n\turl = https://x:secret@git.example.com/ncnn\n[submodule "b"]\n  path = b/\n'


def gaps(text: str | bytes, path: str = ".gitmodules"):
    data = text if isinstance(text, bytes) else text.encode()
    (reading,) = READER.read(Source.of_bytes(data, path=path))
    return reading.gaps


def test_each_submodule_is_a_gap_at_its_path_without_its_password():
    first, second = gaps(TEXT)
    assert (first.path, first.reason, first.line) == ("third/ncnn", GapReason.NOT_HERE, 1)
    assert first.may_hide
    assert "git.example.com/ncnn" in first.detail
    assert "secret" not in first.detail
    assert (second.path, second.line) == ("b", 4)


def test_submodule_whose_files_are_here_is_no_gap():
    here = FileFacts(path="third/ncnn/net.cpp", size=1)
    assert [gap.path for gap in without_found(gaps(TEXT), [here])] == ["b"]


@pytest.mark.parametrize("path", ["../up", "a/../../b", "", "."])
def test_path_that_leaves_the_folder_is_left_out(path):
    assert gaps(f'[submodule "x"]\npath = {path}\n') == ()


def test_long_file_is_refused_and_many_submodules_are_cut():
    with pytest.raises(LimitExceededError):
        SubmodulesReader(Bounds(max_bytes=10)).read(Source.of_bytes(TEXT.encode(), path=".gitmodules"))
    (reading,) = SubmodulesReader(Bounds(max_submodules=1)).read(
        Source.of_bytes(TEXT.encode(), path=".gitmodules")
    )
    assert [gap.reason for gap in reading.gaps] == [GapReason.NOT_HERE, GapReason.TOO_MANY]


def test_only_the_file_of_git_is_recognised():
    assert READER.recognises(Source.of_bytes(TEXT.encode(), path="sub/.gitmodules"))
    assert not READER.recognises(Source.of_bytes(TEXT.encode(), path="gitmodules.txt"))


@given(st.binary(max_size=300))
def test_any_bytes_never_crash(data):
    with contextlib.suppress(KeelmarkError):
        gaps(data)

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import GapReason
from keelmark.formats.dockerfile import READER, Bounds, parse, split_image
from keelmark.formats.source import Source


def source(text: str | bytes, path: str = "Dockerfile") -> Source:
    return Source.of_bytes(text if isinstance(text, bytes) else text.encode(), path=path)


def read(text: str):
    (reading,) = READER.read(source(text))
    return reading


def test_final_stage_and_its_user_are_told():
    container = read(
        "FROM python:3.11 AS build\nUSER builder\nFROM python:3.11-slim@sha256:" + "a" * 64 + "\nUSER app\n"
    ).container
    first, last = container.bases
    assert (first.image, first.tag, first.alias, first.is_final) == ("python", "3.11", "build", False)
    assert last.digest == "sha256:" + "a" * 64
    assert last.is_final
    assert (container.user, container.user_line) == ("app", 4)


def test_user_of_an_earlier_unrelated_stage_does_not_count():
    container = read("FROM a AS build\nUSER app\nFROM b\nCOPY --from=build /x /x\n").container
    assert container.user == ""
    assert container.user_line == 0


def test_user_is_inherited_from_the_stage_that_is_built_on():
    container = read("FROM a AS base\nUSER app\nFROM base\nRUN true\n").container
    assert container.user == "app"
    assert container.bases[1].is_stage


def test_defaults_of_arguments_are_filled_in():
    container = read(
        "ARG V=3.11\nARG REG\nFROM python:${V}-slim\nFROM ${OTHER:-debian}:12\nFROM $REG/x\n"
    ).container
    assert [(b.image, b.tag, b.is_resolved) for b in container.bases] == [
        ("python", "3.11-slim", True),
        ("debian", "12", True),
        ("$REG/x", "", False),
    ]


def test_scratch_and_platform_are_read():
    base = read("FROM --platform=linux/amd64 scratch as x\n").container.bases[0]
    assert (base.image, base.alias, base.is_resolved) == ("scratch", "x", True)


def test_continuation_lines_are_joined_and_comments_dropped():
    container = read("FROM a\nRUN apt-get update \\\n  # why\n\n  && apt-get install x\n").container
    assert container.instructions[1].value == "apt-get update && apt-get install x"
    assert container.instructions[1].line == 2


def test_heredoc_belongs_to_its_instruction():
    container = read("FROM a\nRUN <<EOF\nUSER evil\nFROM other\nEOF\nUSER app\n").container
    assert len(container.bases) == 1
    assert "USER evil" in container.instructions[1].value
    assert container.user == "app"


def test_shift_operator_is_no_heredoc():
    container = read('FROM a\nRUN python -c "print(1 << x)"\nUSER app\n').container
    assert container.user == "app"


def test_escape_directive_is_honoured():
    container = read("# escape=`\nFROM a\nRUN dir C:\\\nUSER app\n").container
    assert container.user == "app"
    assert container.instructions[1].value == "dir C:\\"


def test_user_variable_takes_its_default():
    assert read("FROM a\nARG U=app\nUSER $U\n").container.user == "app"


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("Dockerfile", "FROM a", True),
        ("Dockerfile.gpu", "# x\nARG A=1\nFROM a", True),
        ("Containerfile", "FROM a", True),
        ("app.dockerfile", "FROM a", True),
        ("docker/Dockerfile-dev", "FROM a", True),
        ("Dockerfile.md", "FROM a", False),
        ("Dockerfile.txt", "how to build it", False),
        ("Modelfile", "FROM llama3", False),
        ("Dockerfile", b"\x00\x01\x02", False),
    ],
)
def test_recognised_by_name_and_first_instruction(path, text, wanted):
    assert READER.recognises(source(text, path)) is wanted


def test_text_that_is_no_dockerfile_is_a_gap():
    reading = read("%%% nothing\n")
    assert reading.gaps[0].reason is GapReason.MALFORMED


def test_too_many_instructions_are_a_gap():
    _, gaps = parse(["FROM a", "RUN x", "RUN y"], path="D", bounds=Bounds(max_instructions=2))
    assert gaps[0].reason is GapReason.TOO_LARGE


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("localhost:5000/a/b", ("localhost:5000/a/b", "", "")),
        ("localhost:5000/a/b:1", ("localhost:5000/a/b", "1", "")),
        ("a:1@sha256:" + "0" * 64, ("a", "1", "sha256:" + "0" * 64)),
    ],
)
def test_image_reference_is_split(reference, parts):
    assert split_image(reference) == parts


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_reading_or_a_named_fault(data):
    item = source(data)
    if READER.recognises(item):
        assert READER.read(item)

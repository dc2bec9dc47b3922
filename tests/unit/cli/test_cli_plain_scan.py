"""The plain forms of `keelmark scan` mean what the full parser takes them for."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keelmark.cli.app import app
from keelmark.cli.commands import STANDARD_INPUT
from keelmark.cli.main import run
from keelmark.cli.plain_scan import ScanArguments, arguments_of
from keelmark.version import __version__

WORDS = (
    "a.pt", "models/", "scan", "--version", "-v", "--verbose", "-q", "--quiet", "--digest", "-f", "--format", "json", "json=r.json", "sarif",
    STANDARD_INPUT, "", "a b", "é", "--", "-", "--no-digest", "--jobs", "2", "--help", "-fjson", "--format=json", "-vq", "@x", "1", "-1",
)  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=6))
@example(["a.pt", "-f", "json", "-f", "sarif=s.sarif", "--digest", "-q", "b.pt"])
@example(["-v", "-v"])
@settings(max_examples=200, deadline=None)
def test_plain_arguments_mean_what_the_parser_takes_them_for(words) -> None:
    plain = arguments_of(["scan", *words])
    if plain is None:
        return
    command, bound, _ = app.parse_args(["scan", *words], exit_on_error=False, print_error=False)
    assert command.__name__ == "scan"
    bound.apply_defaults()
    assert ScanArguments(**bound.arguments) == plain


@pytest.mark.parametrize(
    "arguments",
    [[], ["assess"], ["scan", "--help"], ["scan", "-f"], ["scan", "-f", "-q"], ["scan", "a", "--jobs", "2"]],
)
def test_everything_else_is_left_to_the_parser(arguments) -> None:
    assert arguments_of(arguments) is None


def test_both_know_the_same_options() -> None:
    _, bound, _ = app.parse_args(["scan"], exit_on_error=False, print_error=False)
    bound.apply_defaults()
    assert set(bound.arguments) == {field.name for field in dataclasses.fields(ScanArguments)}
    assert ScanArguments(**bound.arguments) == ScanArguments()


def test_the_version_is_one_line(capsys) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"

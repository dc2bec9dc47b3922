"""Foreign text cannot drive a terminal, a CI log, a page or another tool."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.report import sanitise

ANY_TEXT = st.text(st.characters(categories=None), max_size=400)  # surrogates and control characters, too
FUNCTIONS = [
    sanitise.sentence,
    sanitise.name,
    sanitise.terminal,
    sanitise.terminal_name,
    sanitise.markdown,
    sanitise.markdown_code,
    sanitise.command_value,
    sanitise.command_property,
    sanitise.uri,
]


@pytest.mark.parametrize("clean", FUNCTIONS)
@given(text=ANY_TEXT)
def test_no_character_that_cannot_be_seen_survives(clean, text):
    result = clean(text)
    assert all(char.isprintable() for char in result)
    assert not any(
        unicodedata.bidirectional(c) in {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
        for c in result
    )
    result.encode("utf-8")


@pytest.mark.parametrize("clean", [sanitise.sentence, sanitise.name, sanitise.terminal_name])
@given(text=ANY_TEXT)
def test_cleaning_is_bounded(clean, text):
    assert len(clean(text, limit=20)) <= 20 + text.count("::") + text.count("##[")


@given(text=ANY_TEXT)
def test_no_line_of_a_terminal_starts_a_command(text):
    shown = sanitise.guard_lines(f"\n  {sanitise.terminal(text)}\n{text}")
    assert not any(line.lstrip().startswith("::") for line in shown.split("\n"))
    assert "##[" not in shown


@given(text=ANY_TEXT)
def test_a_uri_is_relative_and_has_no_scheme(text):
    result = sanitise.uri(text)
    assert result.isascii()
    assert result
    assert not result.startswith("/")
    assert ":" not in result


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("\u200b\ufe0f\u3164", "\\u200b\\ufe0f\\u3164"),
        ("\U000e0041", "\\U000e0041"),
        ("zero\u00a0width", "zero width"),
        ("one\r\n  two\u2028three", "one two three"),
        ("日本語 ñ Ω עברית", "日本語 ñ Ω עברית"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "\\u0301e"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text, shown):
    assert sanitise.sentence(text) == shown


def test_a_name_keeps_its_line_break_visible():
    assert sanitise.name("a\nb\tc") == "a\\nb\\tc"


def test_a_tower_of_marks_is_cut_down():
    assert len(sanitise.sentence("a" + "\u0301" * 10)) > 11


def test_a_long_name_is_shortened_in_its_middle():
    shown = sanitise.name("src/" + "x" * 5_000 + "/model.py", limit=40)
    assert len(shown) == 40
    assert shown.startswith("src/")
    assert shown.endswith("/model.py")


def test_a_shortened_name_never_puts_a_mark_on_the_ellipsis():
    assert "…\u0301" not in sanitise.name("a\u0301" * 100, limit=20)
    assert "…\u0301" not in sanitise.name("a\u0301" * 100, limit=21)


def test_a_long_sentence_says_that_it_was_cut():
    assert sanitise.sentence("word " * 5_000).endswith("…")


def test_ordinary_text_stays_as_it_is():
    text = "`torch::jit` in a.cpp: std::move, 50 % (see C++ notes), naïve"
    assert sanitise.terminal(text) == text
    assert sanitise.sentence(text) == text


def test_markdown_cannot_mention_link_or_open_a_block():
    shown = sanitise.markdown("@everyone #12 https://evil.example [x](y) <b> GH-3 www.evil.example")
    for active in ("@everyone", "#12", "https://", "[x]", "<b>", "GH-3", "www."):
        assert active not in shown.replace("\\", "\\")
    assert sanitise.markdown("- item").startswith("\\-")
    assert sanitise.markdown("1. item").startswith("1\\.")


def test_markdown_keeps_quoted_values_as_code():
    assert sanitise.markdown("call `os.system` now") == "call `os.system` now"


def test_markdown_code_cannot_be_closed_from_inside():
    assert sanitise.markdown_code("a``b`") == "``` a``b` ```"


def test_an_unclosed_backtick_is_a_plain_character():
    assert list(sanitise.segments("a `b` c ` d")) == [("a ", False), ("b", True), (" c ` d", False)]


def test_workflow_commands_cannot_be_continued():
    assert sanitise.command_value("50%\n::error::x") == "50%25 ::error::x"
    assert sanitise.command_property("a,b:c%") == "a%2Cb%3Ac%25"


def test_a_path_that_is_no_utf8_keeps_its_bytes_in_a_uri():
    assert sanitise.uri("a\udcff b.py") == "a%FF%20b.py"
    assert sanitise.uri("//host/x") == "host/x"
    assert sanitise.uri("") == "."

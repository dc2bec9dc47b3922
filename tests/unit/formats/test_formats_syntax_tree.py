"""Foreign source is parsed within time and memory, or refused."""

from __future__ import annotations

import itertools

import pytest
import tree_sitter_hcl
import tree_sitter_javascript
from tree_sitter import Language

from keelmark.core.facts import GapReason
from keelmark.errors import LimitExceededError
from keelmark.formats import javascript, terraform
from keelmark.formats.js_syntax import Bounds as ScriptBounds
from keelmark.formats.source import Source
from keelmark.formats.syntax_tree import Bounds, parse, tokens_of

HCL = Language(tree_sitter_hcl.language())
JAVASCRIPT = Language(tree_sitter_javascript.language())


@pytest.mark.parametrize(
    ("text", "expected"), [(b"", 0), (b"f(a1, 'b c');\n", 11), (b"a\nb\n", 4), ("é = ñ".encode(), 3)]
)
def test_tokens_are_words_marks_and_line_ends(text: bytes, expected: int) -> None:
    assert tokens_of(text) == expected


def test_tokens_up_to_the_bound_are_parsed_and_beyond_are_refused() -> None:
    bounds = Bounds(max_tokens=100)
    assert parse(b"a;" * 50, JAVASCRIPT, path="a.js", bounds=bounds).root_node.child_count
    with pytest.raises(LimitExceededError, match="100 words and marks"):
        parse(b"a;" * 51, JAVASCRIPT, path="a.js", bounds=bounds)


def test_what_takes_too_long_is_refused() -> None:
    ticks = itertools.count()
    with pytest.raises(LimitExceededError, match="too long"):
        parse(b"A\n=\n" * 8_000, HCL, path="a.tf", clock=lambda: float(next(ticks)))


def test_comments_without_end_are_refused() -> None:
    with pytest.raises(LimitExceededError, match="too long"):
        parse(b"/* x\n" * 20_000, JAVASCRIPT, path="a.js", bounds=Bounds(max_rereads=2))


def test_a_long_sound_source_is_parsed_piece_by_piece_and_keeps_its_text() -> None:
    data = b"const a = f(1, 'x');\n" * 2_000
    root = parse(data, JAVASCRIPT, path="a.js", bounds=Bounds(max_untimed=0)).root_node
    assert root.child_count == 2_000
    assert not root.has_error
    assert root.text == data
    assert root.children[-1].text == b"const a = f(1, 'x');"


def test_scripts_and_terraform_pass_the_limit_on() -> None:
    tight = ScriptBounds(parse=Bounds(max_tokens=10))
    with (
        Source.of_bytes(b"f(x);\n" * 10, path="a.js") as source,
        pytest.raises(LimitExceededError, match="words and marks"),
    ):
        type(javascript.READER)(bounds=tight).read(source)
    bounds = terraform.Bounds()
    with (
        Source.of_bytes(b"#" * (bounds.max_bytes + 1), path="a.tf") as source,
        pytest.raises(LimitExceededError),
    ):
        terraform.READER.read(source)
    with Source.of_bytes(b"#" * bounds.max_bytes, path="a.tf") as source:
        assert not terraform.READER.read(source)[0].gaps


def test_a_long_object_of_models_is_looked_through_once() -> None:
    pairs = "".join(f"k{n}: 'openai/gpt-{n}', id: 'openai/gpt-4',\n" for n in range(3_000))
    with Source.of_bytes(f"x = {{{pairs}}};".encode(), path="a.js") as source:
        (reading,) = javascript.READER.read(source)
    assert not [gap for gap in reading.gaps if gap.reason is not GapReason.TOO_MANY]


def test_a_name_that_grows_by_each_alias_is_cut() -> None:
    text = (
        "import b0 from 'x'\n"
        + "".join(f"const b{n + 1} = b{n}.part\n" for n in range(2_000))
        + "b2000.go()\n"
    )
    with Source.of_bytes(text.encode(), path="a.js") as source:
        (reading,) = javascript.READER.read(source)
    assert max(len(call.name) for call in reading.module.calls) <= ScriptBounds().max_name

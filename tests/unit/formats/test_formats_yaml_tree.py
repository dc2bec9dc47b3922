"""YAML as a tree with lines: aliases count, depth and number of nodes are bounded, nothing is constructed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.yaml_tree import Bounds, Mapping, Scalar, parse, parse_all


def plain(text: str) -> object:
    node = parse(text)
    return node.plain() if node is not None else None


def test_aliases_stand_for_what_they_name_with_its_line() -> None:
    root = parse("a: &x {k: 1}\nb: *x\n*x : 3\n")
    assert isinstance(root, Mapping)
    assert root.entries["b"] is root.entries["a"]
    assert root.find("b", "k") == Scalar(line=1, column=11, text="1", value=1)


def test_an_anchor_may_be_given_again_and_ends_with_its_document() -> None:
    assert plain("a: &x 1\nb: &x 2\nc: *x\n") == {"a": 1, "b": 2, "c": 2}
    with pytest.raises(ParseError, match="undefined alias") as error:
        parse_all("a: &x 1\n---\nb: *x\n")
    assert error.value.line == 3


def test_merges_give_way_to_own_keys_and_quoted_ones_are_keys() -> None:
    assert plain("a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}\nc: {<<: [*x], '<<': 4}\n") == {
        "a": {"k": 1, "l": 2},
        "b": {"k": 3, "l": 2},
        "c": {"k": 1, "l": 2, "<<": 4},
    }


def test_language_tags_stay_visible_and_standard_ones_do_not() -> None:
    (first, second, third) = parse("- !!python/object:a.b {}\n- !!str 1\n- ! 1\n").items  # type: ignore[union-attr]
    assert first.tag == "tag:yaml.org,2002:python/object:a.b"
    assert (second.tag, third.tag) == ("", "")


def test_keys_that_stand_twice_are_told_with_their_lines() -> None:
    root = parse("a: 1\nb: 2\na: 3\n")
    assert isinstance(root, Mapping)
    assert root.duplicates == (("a", 3),)
    assert root.plain() == {"a": 3, "b": 2}


def test_nesting_up_to_the_bound_is_read_and_beyond_is_refused() -> None:
    bounds = Bounds(max_depth=5)
    assert parse("[" * 5 + "]" * 5, bounds=bounds) is not None
    with pytest.raises(LimitExceededError, match="deeper than 5"):
        parse("[" * 6 + "]" * 6, bounds=bounds)
    with pytest.raises(LimitExceededError, match="deeper"):
        parse("[" * 1_000_000)


def test_nodes_up_to_the_bound_are_read_and_beyond_are_refused() -> None:
    bounds = Bounds(max_nodes=11)
    assert parse("- a\n" * 10, bounds=bounds) is not None
    with pytest.raises(LimitExceededError, match="more than 11 nodes"):
        parse("- a\n" * 11, bounds=bounds)


def test_each_use_of_an_alias_counts_with_all_below_it() -> None:
    doubled = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30))
    with pytest.raises(LimitExceededError, match="nodes"):
        parse(doubled)
    with pytest.raises(LimitExceededError, match="deeper"):
        parse("a: &a [[[x]]]\nb: [[[*a]]]\n", bounds=Bounds(max_depth=5))


def test_a_node_inside_of_itself_is_refused() -> None:
    with pytest.raises(LimitExceededError, match="inside of itself"):
        parse("a: &a [*a]\n")


def test_no_yaml_is_told_with_its_line() -> None:
    with pytest.raises(ParseError) as error:
        parse("a: b\nc: [\n")
    assert error.value.line
    with pytest.raises(ParseError, match="more than one"):
        parse("a\n---\nb\n")


@given(st.text(alphabet="ab:-[]{}&*!<>|'\"?#%,. \n\t1", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        for node in parse_all(text):
            assert sum(1 for _ in node.walk()) >= 1
    except (ParseError, LimitExceededError):
        pass

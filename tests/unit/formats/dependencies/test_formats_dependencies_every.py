"""What holds for every reader of dependencies: bounds, lines, and any bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.formats.dependencies.dependency_files import read

from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.dependencies import READERS
from keelmark.formats.dependencies.json_lines import key_lines, object_lines
from keelmark.formats.dependencies.limits import Bounds, reading, text_of
from keelmark.formats.dependencies.toml_lines import lines_of, table_lines
from keelmark.formats.source import Source

NAMES = [
    "requirements.txt", "requirements/base.txt", "constraints.txt", "pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock",
    "pylock.toml", "Pipfile", "Pipfile.lock", "environment.yml", "conda-lock.yml", "conda-linux-64.lock", "setup.cfg",
    "setup.py", "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "Cargo.toml",
    "Cargo.lock", "go.mod", "go.sum", "Gemfile.lock", "pom.xml", "build.gradle", "build.gradle.kts",
]  # fmt: skip


def test_reader_names_are_unique():
    assert len({reader.name for reader in READERS}) == len(READERS)
    assert all(reader.version >= 1 for reader in READERS)


@pytest.mark.parametrize("name", ["package.json", "package-lock.json", "Pipfile.lock"])
@pytest.mark.parametrize("text", ["{", "[" * 200_000, '{"a": 1} x'])
def test_broken_json_is_a_parse_error_and_deep_json_a_limit(name, text):
    source = Source.of_bytes(text.encode(), path=name)
    for reader in READERS:
        if reader.recognises(source):
            with pytest.raises(LimitExceededError if len(text) > 100 else ParseError):
                reader.read(source)


def test_json_that_is_no_object_is_a_parse_error():
    with pytest.raises(ParseError):
        read("[]", "package-lock.json")
    with pytest.raises(ParseError):
        read("- a\n", "pnpm-lock.yaml")


def test_file_beyond_the_bound_is_a_limit():
    with pytest.raises(LimitExceededError):
        text_of(Source.of_bytes(b"torch\n" * 10, path="requirements.txt"), Bounds(max_bytes=10))


def test_too_many_requirements_are_cut_and_named():
    source = Source.of_bytes(b"a\nb\nc\n", path="requirements.txt")
    (found,) = READERS[0].read(source)
    cut = reading(source, found.manifest, bounds=Bounds(max_requirements=2))
    assert len(cut.manifest.requirements) == 2
    assert [gap.reason for gap in cut.gaps] == [GapReason.TOO_MANY]


def test_json_lines_follow_paths():
    text = '{\n "a": {"b": 1,\n  "c": {"d": {"e": 1}}},\n "l": [{"no": 1}],\n "f": "x:y{"\n}'
    assert key_lines(text) == {
        ("a",): 2,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", "d"): 3,
        ("l",): 4,
        ("f",): 5,
    }
    assert object_lines('{\n  "a\\"b": {\n    "x": 1\n  }\n}') == {'a"b': 2}


def test_toml_lines_are_not_misled_by_strings_and_comments():
    text = (
        'a = "x#y" # z\nm = """\n[no]\nk = 1\n"""\n[[t]]\nn = { q = [1, 2] }\n[t.sub]\nk = 2020-01-01 10:00:00\n'
        "[[t]]\n'quoted key' = ''\n\"esc\\\"aped\" = '''\n[[t]]\n'''\nlast = [\n  'x', # c ]\n  ['y'],\n]\n"
    )
    lines = lines_of(text)
    assert lines.of("a") == 1
    assert lines.of("k") == 0
    assert lines.of("t", 0, "n", "q", 1) == 7
    assert lines.of("t", 0, "sub", "k") == 9
    assert lines.of("t", 1, "quoted key") == 11
    assert lines.of("t", 1, 'esc"aped') == 12
    assert lines.of("t", 1, "last", 1) == 17
    assert lines.of("t", 1, "unknown") == 10
    assert table_lines(text, "t", expected=2) == (0, 0)
    assert table_lines(text, "t", expected=3) == (6, 10, 13)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_never_crash(name, data):
    source = Source.of_bytes(data, path=name)
    for reader in READERS:
        try:
            if reader.recognises(source):
                reader.read(source)
        except KeelmarkError:
            pass


_WORD = st.sampled_from(
    ["name", "version", "package", "packages", "dependencies", "source", "files", "hash", "git", "url", "project", "tool",
     "poetry", "uv", "default", "metadata", "a", "1.0", "group", "index", "resolution", "hashes", "vcs", "engines", "scripts"]
)  # fmt: skip
_TREE = st.recursive(
    _WORD | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORD, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(
        [name for name in NAMES if name.endswith((".json", ".yaml", ".yml", "Pipfile.lock"))]
    ),
    tree=_TREE,
)
def test_any_shape_never_crashes(name, tree):
    prefix = "dependencies:\n" if name == "environment.yml" else ""
    test_any_bytes_never_crash.hypothesis.inner_test(name, (prefix + json.dumps(tree)).encode())


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from([name for name in NAMES if "toml" in name or name in {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile"}]),
       tree=st.dictionaries(_WORD, _TREE, max_size=4))  # fmt: skip
def test_any_toml_shape_never_crashes(name, tree):
    text = "\n".join(f"{json.dumps(key)} = {_inline(value)}" for key, value in tree.items())
    test_any_bytes_never_crash.hypothesis.inner_test(name, text.encode())


def _inline(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps("none" if value is None else value)

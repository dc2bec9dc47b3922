"""Definitions of tools, from files that were released."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from keelmark.config.gateway import parse
from keelmark.errors import ConfigurationError
from keelmark.workflows.serve_tools import definitions_of, unpinned_note

SCHEMA = {"type": "object", "properties": {"number": {"type": "string"}}}
TRACK = {"name": "track", "description": "Where a parcel is.", "parameters": SCHEMA}
LOOK = {"name": "look", "description": "Looks.", "inputSchema": SCHEMA}


def found(root: Path, *values: object, more: str = ""):
    names = []
    for number, value in enumerate(values):
        names.append(f"{number}.json")
        (root / names[-1]).write_text(value if isinstance(value, str) else json.dumps(value))
    text = (
        "version: 1\nrelease: {keys: [release.pub]}\nupstreams: []\n"
        f"tools: {{definitions: [{', '.join([*names, *([more] if more else [])])}]}}\n"
    )
    return definitions_of(parse(text, today=date(2026, 1, 1)), root)


def test_every_form_of_a_list_is_read(tmp_path) -> None:
    assert found(tmp_path) == {}
    rpc = {"jsonrpc": "2.0", "id": 1, "result": {"tools": [LOOK]}}
    assert found(tmp_path, [{"type": "function", "function": TRACK}], rpc) == {"track": TRACK, "look": LOOK}
    # The same tool twice, in two forms, is one tool.
    assert set(found(tmp_path, TRACK, {"functions": [TRACK]})) == {"track"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["{"], "cannot be read"),
        ([[]], "defines no tools"),
        (["1"], "defines no tools"),
        ([[{"name": 1}]], "no definition of a tool"),
        (['[{"name": "a", "name": "b"}]'], "stands twice"),
        ([TRACK, {**TRACK, "description": "Other."}], "defined twice"),
        ([[{"name": f"t{number}"} for number in range(2_001)]], "more than 2000"),
    ],
)
def test_what_is_no_list_of_tools_is_refused(tmp_path, values, words) -> None:
    with pytest.raises(ConfigurationError, match=words):
        found(tmp_path, *values)


def test_a_file_outside_of_what_was_released_is_refused(tmp_path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "tools.json").write_text(json.dumps([TRACK]))
    (tmp_path / "project" / "link.json").symlink_to(tmp_path / "tools.json")
    for name in ("../tools.json", "link.json"):
        with pytest.raises(ConfigurationError, match="outside of the folder"):
            found(tmp_path / "project", more=name)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        found(tmp_path / "project", more="none.json")


def test_tools_without_a_pin_are_named() -> None:
    assert unpinned_note(["a"], pinned=["a"]) == ""
    assert "at run time" not in unpinned_note([], pinned=[])
    assert ": b; none of them" in unpinned_note(["b", "a"], pinned=["a"])
    assert " and 2 more;" in unpinned_note(map(str, range(12)), pinned=())

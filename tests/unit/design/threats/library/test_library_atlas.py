"""MITRE ATLAS data, formats 5 and 6: what is read, what is reported, what is refused."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.threats import Horizon
from keelmark.design.threats.library.atlas import parse_atlas
from keelmark.design.threats.library.records import Bounds
from keelmark.design.threats.library.shipped import shipped_atlas, shipped_atlas_schema
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats import yaml_tree

SMALL_5 = """\
id: ATLAS
name: Adversarial Threat Landscape
version: 5.9.0
matrices:
- id: ATLAS
  name: ATLAS Matrix
  tactics:
  - {id: AML.TA0002, name: Reconnaissance, object-type: tactic, description: d, modified_date: 2026-01-02}
  techniques:
  - {id: AML.T0051, name: Injection, object-type: technique, description: d, tactics: [AML.TA0002], maturity: realized}
  - {id: AML.T0051.000, name: Direct, object-type: technique, description: d, subtechnique-of: AML.T0051, maturity: feasible}
  mitigations:
  - id: AML.M0001
    name: Limit
    object-type: mitigation
    description: d
    techniques: [{id: AML.T0051, use: u}]
    ml-lifecycle: [Deployment]
case-studies:
- {id: AML.CS0001, name: A case, object-type: case-study, summary: s, case-study-type: incident,
   procedure: [{tactic: AML.TA0002, technique: AML.T0051, description: d},
               {tactic: AML.TA0002, technique: AML.T0051, description: again}]}
"""

SMALL_6 = """\
format-version: 6.0.0
collection: {id: ATLAS-collection, object-type: collection, version: "2026.09", modified-date: '2026-09-01'}
matrix: {id: ATLAS-matrix, object-type: matrix, name: ATLAS}
tactics:
  AML.TA0005: {id: AML.TA0005, object-type: tactic, name: Execution}
  AML.TA0002: {id: AML.TA0002, object-type: tactic, name: Reconnaissance}
techniques:
  AML.T0051:
    id: AML.T0051
    object-type: technique
    name: Injection
    description: Words that act.
    maturity: Realized
    platforms: [Generative AI, Agentic AI]
    modified-date: '2026-05-27'
  AML.T0051.001: {id: AML.T0051.001, object-type: technique, name: Indirect, maturity: Demonstrated, platforms: [Agentic AI]}
mitigations:
  AML.M0039: {id: AML.M0039, object-type: mitigation, name: AI Honeypots, description: d}
case-studies:
  AML.CS0001: {id: AML.CS0001, object-type: case-study, name: A case, type: Exercise}
relationships:
  ATLAS-matrix:
    sequences:
    - {source: ATLAS-matrix, target: AML.TA0005, relationship-type: sequences, position: 2}
    - {source: ATLAS-matrix, target: AML.TA0002, relationship-type: sequences, position: 1}
  AML.T0051:
    achieves: [{source: AML.T0051, target: AML.TA0005, relationship-type: achieves}]
  AML.T0051.001:
    achieves: [{source: AML.T0051.001, target: AML.TA0005, relationship-type: achieves}]
    specializes: [{source: AML.T0051.001, target: AML.T0051, relationship-type: specializes}]
  AML.M0039:
    mitigates: [{source: AML.M0039, target: AML.T0051.001, relationship-type: mitigates, description: how}]
  AML.CS0001:
    employs: [{source: AML.CS0001, target: AML.T0051, relationship-type: employs, tactic: AML.TA0005, step-id: S00, leads-to: []}]
"""


def _plain(data: bytes) -> Any:
    node = yaml_tree.parse(data.decode())
    assert node is not None
    return node.plain()


def _edges(old: dict[str, Any]) -> dict[str, dict[str, list[dict[str, str]]]]:
    matrix = old["matrices"][0]
    whole = {node["id"]: node for node in matrix["techniques"]}
    found = [("sequences", "ATLAS-matrix", node["id"]) for node in matrix["tactics"]]
    for node in matrix["techniques"]:
        parent = whole.get(node.get("subtechnique-of"))
        found += [("achieves", node["id"], tactic) for tactic in (parent or node)["tactics"]]
        found += [("specializes", node["id"], parent["id"])] if parent else []
    for node in matrix["mitigations"]:
        found += [("mitigates", node["id"], entry["id"]) for entry in node["techniques"]]
    for node in old["case-studies"]:
        found += [("employs", node["id"], step["technique"]) for step in node["procedure"]]
    edges: dict[str, dict[str, list[dict[str, str]]]] = {}
    for kind, source, target in found:
        entry = {"source": source, "target": target, "relationship-type": kind}
        edges.setdefault(source, {}).setdefault(kind, []).append(entry)
    return edges


def _as_format_6(old: dict[str, Any]) -> dict[str, Any]:
    """The same content the way format 6 writes it, by its description."""
    matrix = old["matrices"][0]

    def records(nodes: list[dict[str, Any]], field: str = "", old_field: str = "") -> dict[str, Any]:
        made = {}
        for node in nodes:
            kept = {key: node[key] for key in ("id", "name", "object-type")}
            text = {"description": node.get("description", "")}
            more = {field: node[old_field].title()} if field else {}
            made[node["id"]] = {**kept, **text, "modified-date": "2026-05-27", **more}
        return made

    return {
        "format-version": "6.0.0",
        "collection": {"id": "ATLAS-collection", "version": "2026.05"},
        "matrix": {"id": "ATLAS-matrix"},
        "tactics": records(matrix["tactics"]),
        "techniques": records(matrix["techniques"], "maturity", "maturity"),
        "mitigations": records(matrix["mitigations"]),
        "case-studies": records(old["case-studies"], "type", "case-study-type"),
        "relationships": _edges(old),
    }


def test_shipped_edition_is_read_whole() -> None:
    found = parse_atlas(shipped_atlas())
    assert (found.version, found.format, found.date) == ("5.6.0", "5", "2026-04-30")
    assert (len(found.tactics), len(found.techniques), len(found.mitigations)) == (16, 170, 35)
    assert (found.incidents, found.exercises) == (17, 40)
    assert sum(1 for technique in found.techniques.values() if technique.parent) == 69
    assert sum(1 for technique in found.techniques.values() if not technique.mitigations) == 96
    assert all(technique.horizon and technique.tactics for technique in found.techniques.values())


def test_shipped_edition_fits_the_schema_of_its_authors() -> None:
    jsonschema.validate(_plain(shipped_atlas()), msgspec.json.decode(shipped_atlas_schema()))


def test_a_technique_in_place_of_a_stage_is_a_fault_with_its_line() -> None:
    faults = parse_atlas(shipped_atlas()).faults
    assert [(fault.line, "AML.T0052.001" in fault.detail) for fault in faults] == [(4787, True), (5404, True)]


def test_the_misplaced_technique_is_not_guessed_to_be_mitigated() -> None:
    assert parse_atlas(shipped_atlas()).techniques["AML.T0052.001"].mitigations == ()


def test_both_formats_say_the_same() -> None:
    old = parse_atlas(shipped_atlas())
    new = parse_atlas(json.dumps(_as_format_6(_plain(shipped_atlas()))).encode())  # JSON is YAML too
    assert new.faults == ()
    assert (new.techniques, new.mitigations, new.tactics) == (old.techniques, old.mitigations, old.tactics)
    assert list(new.tactics) == list(old.tactics)


def test_small_edition_in_format_5() -> None:
    found = parse_atlas(SMALL_5.encode())
    assert found.faults == ()
    assert found.techniques["AML.T0051"].horizon is Horizon.REALISED
    assert found.techniques["AML.T0051"].mitigations == ("AML.M0001",)
    assert found.techniques["AML.T0051"].incidents == 1, "a case counts once, however often it uses it"
    assert found.techniques["AML.T0051.000"].tactics == ("AML.TA0002",), "a part belongs where its whole does"


def test_small_edition_in_format_6() -> None:
    found = parse_atlas(SMALL_6.encode())
    assert found.faults == ()
    assert (found.version, found.format, found.date) == ("2026.09", "6.0.0", "2026-05-27")
    assert list(found.tactics) == ["AML.TA0002", "AML.TA0005"], "in the order of the matrix"
    assert found.techniques["AML.T0051"].platforms == ("Generative AI", "Agentic AI")
    assert found.techniques["AML.T0051"].exercises == 1
    assert found.techniques["AML.T0051.001"].parent == "AML.T0051"
    assert found.techniques["AML.T0051.001"].mitigations == ("AML.M0039",)


def test_last_file_of_format_5_names_the_parent_with_the_new_word() -> None:
    text = SMALL_5.replace("subtechnique-of", "specializes")
    assert parse_atlas(text.encode()).techniques["AML.T0051.000"].parent == "AML.T0051"


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ("maturity: Realized", "maturity: Rumoured", "maturity"),
        ("target: AML.T0051, relationship-type: employs", "target: AML.T9999, relationship-type: employs", "AML.T9999"),
        ("target: AML.TA0005, relationship-type: achieves}]\n  AML.T0051.001", "target: AML.TA0099, relationship-type: achieves}]\n  AML.T0051.001", "AML.TA0099"),
        ("  AML.M0039: {id: AML.M0039", "  AML.M0039: {id: AML.M0038", "another one"),
        ("name: AI Honeypots", "name: ''", "no name"),
        ("object-type: mitigation", "object-type: technique", "records of kind mitigation"),
        ("platforms: [Agentic AI]", "platforms: [Quantum AI]", "platform"),
        ("platforms: [Agentic AI]", "platforms: Agentic AI", "no list"),
        ("type: Exercise", "type: Rumour", "neither incident nor exercise"),
        ("mitigates: [", "heals: [", "another one"),
        ("  AML.M0039:\n    mitigates", "  AML.M0040:\n    mitigates", "another one"),
        ("{source: AML.M0039, target: AML.T0051.001", "{source: AML.M0040, target: AML.T0051.001", "another one"),
        ("    specializes: [{source: AML.T0051.001, target: AML.T0051, relationship-type: specializes}]\n", "", "does not say which technique"),
        ("target: AML.T0051, relationship-type: specializes", "target: AML.T0051.001, relationship-type: specializes", "its id says otherwise"),
        ("    mitigates: [{source: AML.M0039, target: AML.T0051.001, relationship-type: mitigates", "    heals: [{source: AML.M0039, target: AML.T0051.001, relationship-type: heals", "kind that is not known"),
        ("    achieves: [{source: AML.T0051.001, target: AML.TA0005, relationship-type: achieves}]\n", "", "belongs to no tactic"),
        ("mitigations:\n", "mitigations: []\nothers:\n", "no mapping of records"),
        ("  AML.CS0001: {id", "  AML.CS0002: 7\n  AML.CS0001: {id", "is no record"),
        ("  AML.CS0001: {id", "  AML.CS0001: {id: x}\n  AML.CS0001: {id", "stands twice"),
        ("matrix: {id", "matrix: {}\nmatrix: {id", "stands twice"),
        ("  AML.CS0001:\n    employs", "  AML.CS0009: 3\n  AML.CS0001:\n    employs", "are no mapping"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_fault_and_the_rest_is_read(old: str, new: str, detail: str) -> None:
    assert old in SMALL_6
    found = parse_atlas(SMALL_6.replace(old, new).encode())
    assert any(detail in fault.detail for fault in found.faults), found.faults
    assert "AML.T0051" in found.techniques


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("[1, 2]", 1),
        ("a: b", 1),
        ("a: [", 1),
        ("format-version: 7.0.0\ncollection: {version: '2030.01'}\n", 1),
        ("format-version: 6.0.0\ncollection: {}\n", 1),
        ("version: 5.6.0\nmatrices: []\n", 1),
        ("matrices: []\n", 1),
        ("\na: 1\nb: {", 3),
    ],
)
def test_what_is_no_such_data_is_refused_with_its_place(text: str, line: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse_atlas(text.encode(), path="new.yaml")
    assert caught.value.path == "new.yaml"
    assert caught.value.line is not None
    assert caught.value.line >= line


def test_bytes_that_are_no_text_are_refused_with_the_line() -> None:
    with pytest.raises(ParseError) as caught:
        parse_atlas(b"id: ATLAS\nname: \xff\n")
    assert caught.value.line == 2


def test_bounds_are_kept() -> None:
    with pytest.raises(LimitExceededError):
        parse_atlas(SMALL_5.encode(), bounds=Bounds(max_bytes=10))
    with pytest.raises(LimitExceededError):
        parse_atlas(SMALL_5.encode(), bounds=Bounds(max_nodes=5))
    few = parse_atlas(SMALL_5.encode(), bounds=Bounds(max_records=1))
    assert len(few.techniques) == 1
    assert any("only the first 1" in fault.detail for fault in few.faults)


def test_relationships_and_records_beyond_the_bound_are_told() -> None:
    found = parse_atlas(SMALL_6.encode(), bounds=Bounds(max_edges=2))
    assert any("are more than 2" in fault.detail for fault in found.faults)
    found = parse_atlas(SMALL_6.encode(), bounds=Bounds(max_records=1))
    assert any("only the first 1 were read" in fault.detail for fault in found.faults)


def test_faults_beyond_the_bound_are_counted() -> None:
    rows = "\n".join(f"  - {{id: BAD{number}, name: x}}" for number in range(20))
    text = SMALL_5.replace("  mitigations:\n", f"{rows}\n  mitigations:\n")
    found = parse_atlas(text.encode(), bounds=Bounds(max_faults=3))
    assert len(found.faults) == 4
    assert found.faults[-1].detail == "17 further faults"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_atlas(data)
    except KeelmarkError:
        return


_WORDS = st.sampled_from(
    ["AML.T0051", "AML.TA0002", "AML.M0039", "AML.CS0001", "Realized", "6.0.0", "ATLAS-matrix", "", "x"]
)
_VALUES = st.recursive(
    _WORDS | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_value_in_any_place_is_a_fault_at_most(data: st.DataObject) -> None:
    plain = _plain((SMALL_6 if data.draw(st.booleans()) else SMALL_5).encode())
    place: Any = plain
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(_VALUES)
        break
    try:
        parse_atlas(json.dumps(plain).encode())
    except KeelmarkError:
        return

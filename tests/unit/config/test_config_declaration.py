from __future__ import annotations

import os
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from keelmark.config.declaration import find, parse, read
from keelmark.core.declaration import ComponentKind, Declaration, FlowTrust, Profile
from keelmark.errors import ConfigurationError
from keelmark.guidelines import load

if TYPE_CHECKING:
    from pathlib import Path

CATALOGUE = load()
ATTESTATION = """\
version: 1
attestations:
  - recommendation: {id}
    statement: s
    by: b
    on: {on}
    expires: {expires}
"""


def declared(text: str) -> Declaration:
    return parse(text, catalogue=CATALOGUE)


def refused(text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        declared(text)
    assert caught.value.path == "keelmark.yaml"
    return caught.value


def test_smallest_declaration_has_only_defaults() -> None:
    assert declared("version: 1\n") == Declaration(version=1, provenance=(("version", 1),))


def test_every_kind_of_value_arrives() -> None:
    found = declared(
        "version: 1\nprofile: strict\n"
        "system: { name: Desk, purpose: answers, owner: Head, version: 1.10 }\n"
        "components:\n- { id: a, kind: mcp-server, path: 007 }\n"
        "flows:\n- { from: a, to: b, trust: model-output }\n"
        "data_classes:\n- { name: personal, where: [a, b], retention_days: 0 }\n"
        "growth_envelope: { users: { limit: 5, now: 1.5 }, exposure: internal }\n"
        "suppliers:\n- { id: s, assessed_on: 2026-01-31 }\n"
        "datasets:\n- { path: d, synthetic_share: 1 }\n"
    )
    assert found.profile is Profile.STRICT
    assert found.system is not None
    assert found.system.version == "1.10"  # Text stays as written, also when it looks like a number.
    assert found.components[0].kind is ComponentKind.MCP_SERVER
    assert found.components[0].path == "007"
    assert (found.flows[0].source, found.flows[0].target) == ("a", "b")
    assert found.flows[0].trust is FlowTrust.MODEL_OUTPUT
    assert found.data_classes[0].where == ("a", "b")
    assert found.data_classes[0].retention_days == 0
    assert found.growth_envelope is not None
    assert found.growth_envelope.users is not None
    assert found.growth_envelope.users.now == 1.5
    assert found.growth_envelope.tools is None
    assert found.suppliers[0].assessed_on == date(2026, 1, 31)
    assert found.datasets[0].synthetic_share == 1.0
    assert found.line("system.owner") == 3
    assert found.line("flows[0].trust") == 7
    assert found.line("nowhere") == 0


@pytest.mark.parametrize(
    ("text", "line", "name", "hint"),
    [
        ("version: 1\ncomponent: []\n", 2, "component", "components"),
        ("version: 1\nsystem:\n  name: a\n  purpos: b\n  owner: c\n", 4, "system.purpos", "purpose"),
        ("version: 1\ncomponents:\n- id: a\n  kynd: model\n", 4, "components[0].kynd", "kind"),
        (
            "version: 1\ngrowth_envelope:\n  users:\n    limitt: 4\n",
            4,
            "growth_envelope.users.limitt",
            "limit",
        ),
        ("version: 1\nflows:\n- { from: a, to: b, source: c }\n", 3, "flows[0].source", ""),
        ("version: 1\nprovenance: []\n", 2, "provenance", ""),
        ("version: 1\n? [a, b]\n: c\n", 2, "?", ""),
    ],
)
def test_unknown_key_is_named_with_line_and_nearest_key(text: str, line: int, name: str, hint: str) -> None:
    error = refused(text)
    assert f"unknown key `{name}`" in error.message
    assert error.line == line
    assert f"did you mean `{hint}`?" in error.hint if hint else "known keys are" in error.hint


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("profile: strict\n", 1, "`version` is missing in `the file`"),
        ("version: 1\nsystem:\n  name: a\n  purpose: b\n", 3, "`owner` is missing in `system`"),
        (
            "version: 1\nwaivers:\n- rule: a\n  reason: b\n  owner: c\n",
            3,
            "`expires` is missing in `waivers[0]`",
        ),
        ("version: 2\n", 1, "version 1"),
        ("version: one\n", 1, "`version` must be a whole number, not `one`"),
        ("version: 1.5\n", 1, "whole number"),
        ("version: true\n", 1, "whole number"),
        ("version: 1\ncomponents: model\n", 2, "`components` must be a list"),
        ("version: 1\ncomponents: { id: a }\n", 2, "`components` must be a list"),
        ("version: 1\nsystem: [a]\n", 2, "`system` must be a mapping"),
        ("version: 1\nsystem: a\n", 2, "`system` must be a mapping"),
        ("- version: 1\n", 1, "`the file` must be a mapping"),
        (
            "version: 1\nsystem: { name: [a], purpose: b, owner: c }\n",
            2,
            "`system.name` must be a single value",
        ),
        ("version: 1\nsystem: { name: , purpose: b, owner: c }\n", 2, "`system.name` must be text"),
        (
            "version: 1\ncriticality:\n  physical: yes\n  reputational: false\n",
            3,
            "`criticality.physical` must be `true` or `false`, not `yes`",
        ),
        ("version: 1\ngrowth_envelope: { users: { limit: many } }\n", 2, "must be a number, not `many`"),
        ("version: 1\ngrowth_envelope: { users: { limit: .nan } }\n", 2, "must be a number"),
        ("version: 1\ngrowth_envelope: { users: { limit: .inf } }\n", 2, "must be a number"),
        ("version: 1\ngrowth_envelope: { users: { limit: 1e999 } }\n", 2, "must be a number"),
        ("version: 1\nsuppliers:\n- id: a\n  assessed_on: 31.01.2026\n", 4, "a date such as 2026-01-31"),
        ("version: 1\nsuppliers:\n- id: a\n  assessed_on: 2026-02-30\n", 4, "a date such as 2026-01-31"),
        ("version: 1\nsuppliers:\n- id: a\n  assessed_on: 20260131\n", 4, "a date such as 2026-01-31"),
        ("version: 1\nsuppliers:\n- id: a\n  assessed_on: 2026-W05-6\n", 4, "a date such as 2026-01-31"),
        ("version: 1\nversion: 1\n", 2, "`version` stands twice"),
        ("version: 1\ntools:\n- name: a\n  name: b\n", 4, "`tools[0].name` stands twice"),
        ("version: 1\n---\nversion: 1\n", None, "more than one YAML document"),
        ("version: [1\n", 2, "no YAML"),
        ("version: 1\nsystem: !!python/object/apply:os.system [id]\n", 2, "carries the tag"),
        ("version: !secret 1\n", 1, "carries the tag `!secret`"),
        ("", None, "empty"),
        ("# only words\n", None, "empty"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(text: str, line: int | None, words: str) -> None:
    error = refused(text)
    assert words in error.message
    assert error.line == line


def test_bad_choice_suggests_the_nearest() -> None:
    assert refused("version: 1\nprofile: stricct\n").hint == "did you mean `strict`?"
    error = refused("version: 1\ncomponents:\n- id: a\n  kind: mcp_server\n")
    assert error.line == 4
    assert error.hint == "did you mean `mcp-server`?"
    assert refused("version: 1\nprofile: off\n").hint == "one of: default, strict"


def test_there_is_no_profile_weaker_than_the_default() -> None:
    assert [member.value for member in Profile] == ["default", "strict"]


@pytest.mark.parametrize("part", ["attestations", "not_applicable"])
def test_unknown_recommendation_is_named(part: str) -> None:
    rest = {
        "attestations": "statement: s, by: b, on: 2026-01-01, expires: 2026-02-01",
        "not_applicable": "reason: r, owner: o, review: 2026-02-01",
    }[part]
    error = refused(f"version: 1\n{part}:\n- {{ recommendation: SD-9.z, {rest} }}\n")
    assert "`SD-9.z` is no recommendation of the catalogue" in error.message
    assert error.line == 3


def test_attestation_holds_for_366_days_and_not_for_367() -> None:
    on = date(2026, 1, 31)
    text = ATTESTATION.format(id="OM-2.a", on=on, expires=on + timedelta(days=366))
    assert declared(text).attestations[0].is_current(on)
    for days in (367, 0, -1):
        error = refused(ATTESTATION.format(id="OM-2.a", on=on, expires=on + timedelta(days=days)))
        assert "at most 366 days" in error.message
        assert error.line == 7


def test_merge_keys_and_aliases_are_read_as_yaml_means_them() -> None:
    found = declared("version: 1\ntools:\n- &a { name: x, scope: s }\n- { <<: *a, name: y }\n- *a\n")
    assert [(tool.name, tool.scope) for tool in found.tools] == [("x", "s"), ("y", "s"), ("x", "s")]


def test_aliases_cannot_explode() -> None:
    lines = ["version: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "nodes" in refused("\n".join(lines)).message


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nexclude: " + "[" * 5_000 + "]" * 5_000,
        "version: 1\n# " + "x" * 2_000_000,
        "version: 1\ntools:\n" + "- name: a\n" * 60_000,
        "a: &a [*a]\n",
        "version: 1\nsystem: *nowhere\n",
        "\x00",
        'version: 1\nsystem: { name: "\\ud800", purpose: b, owner: c }\n',
    ],
    ids=["deep", "long", "many", "circle", "no anchor", "nul", "surrogate"],
)
def test_hostile_text_is_an_error_with_words(text: str) -> None:
    assert refused(text).message


def test_two_declarations_are_an_error(tmp_path: Path) -> None:
    for name in ("keelmark.yaml", "keelmark.yml"):
        (tmp_path / name).write_text("version: 1\n")
    with pytest.raises(ConfigurationError, match="both"):
        find(tmp_path)


def test_either_name_is_found(tmp_path: Path) -> None:
    assert find(tmp_path) is None
    (tmp_path / "keelmark.yml").write_text("version: 1\n")
    file = find(tmp_path)
    assert file == tmp_path / "keelmark.yml"
    assert read(file, catalogue=CATALOGUE).version == 1


def test_declaration_that_is_no_file_is_an_error_not_silence(tmp_path: Path) -> None:
    for name in ("folder", "pipe", "link", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "folder" / "keelmark.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe" / "keelmark.yaml")
    (tmp_path / "outside.yaml").write_text("version: 1\n")
    (tmp_path / "link" / "keelmark.yaml").symlink_to(tmp_path / "outside.yaml")
    (tmp_path / "broken" / "keelmark.yaml").symlink_to("nowhere")
    for name in ("folder", "pipe", "link", "broken"):
        file = find(tmp_path / name)
        assert file is not None
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read(file, catalogue=CATALOGUE)


def test_other_charset_is_an_error_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "keelmark.yaml"
    file.write_bytes("version: 1\nexclude:\n- { path: café, reason: r, owner: o }\n".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
        read(file, catalogue=CATALOGUE)
    assert caught.value.line == 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_charsets_with_a_mark_are_read(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "keelmark.yaml"
    file.write_bytes("version: 1\ntools: [{ name: café }]\n".encode(encoding))
    assert read(file, catalogue=CATALOGUE).tools[0].name == "café"


def test_binary_and_huge_files_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "keelmark.yaml"
    for content in (b"\x80\x04\x95\x00\x00", b"\xff\xfe\x00", b"#" * (5 * 1024**2)):
        file.write_bytes(content)
        with pytest.raises(ConfigurationError):
            read(file, catalogue=CATALOGUE)

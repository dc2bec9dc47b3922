from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keelmark.config.declaration import parse, read
from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.system_model import Element, Link, Origin, SystemModel
from keelmark.errors import UsageError
from keelmark.formats import yaml_tree
from keelmark.guidelines import load
from keelmark.workflows import init as module
from keelmark.workflows.init import SCHEMA_FILE, draft, write_declaration

CATALOGUE = load()
RULES = Path(__file__).parents[2] / "rules"
FOLDERS = sorted(
    path for rule in sorted(RULES.iterdir())[::4] for path in (rule / "bad", rule / "good") if path.is_dir()
)
HOSTILE = (
    "evil\nsystem: {}\n", "a: b", "- x", "{{ x }}", '"; rm -rf /', "'", "\\", "# no comment", "!!python/object:x",
    "&a", "*a", "%TAG", "---", "...", "\t", "\r", "\x85", "\u2028", "\u2029", "\ufeff", "\u202e", "\x1b[31m", "\x7f",
    "\x00", "😀", "\U0010ffff", "\ud800", "\udcff", "<<", "null", "yes", "1e9", "2026-01-31", "", " ", "x" * 5000,
)  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_draft_of_every_kind_of_folder_is_valid(folder: Path) -> None:
    declared = parse(draft(folder), catalogue=CATALOGUE)
    assert declared.version == 1
    assert declared.system is not None
    assert declared.system.name == folder.name
    assert declared.attestations == declared.waivers == declared.not_applicable == declared.exclude == ()


def test_examples_in_comments_can_be_used_as_they_stand(tmp_path: Path) -> None:
    text = draft(tmp_path)
    start = text.index("exclude: []")
    example = text[start:].replace("exclude: []", "exclude:").replace("\n# ", "\n")
    (entry,) = parse(text[:start] + example, catalogue=CATALOGUE).exclude
    assert entry.expires is not None
    assert entry.owner
    assert "expir" in text[text.rindex("# Files", 0, start) : start]


def test_what_was_found_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from openai import OpenAI\nfrom langchain.tools import tool\n\n"
        "SYSTEM_PROMPT = 'You are a helpful assistant that answers questions about orders.'\n\n\n"
        "@tool\ndef refund(order: str) -> str:\n    'Give money back.'\n    return order\n\n\n"
        "def ask(q):\n    return OpenAI().chat.completions.create(model='gpt-4o', messages=[{'role': 'user', 'content': q}])\n"
    )
    declared = parse(draft(tmp_path), catalogue=CATALOGUE)
    assert [tool.name for tool in declared.tools] == ["refund"]
    assert [model.id for model in declared.models] == ["gpt-4o"]
    assert [(prompt.id, prompt.path) for prompt in declared.prompts] == [("SYSTEM_PROMPT", "app.py")]
    assert len(declared.prompts[0].sha256) == 64
    assert {component.kind.value for component in declared.components} >= {"tool", "model", "prompt"}


def test_written_file_names_the_schema_and_fits_it(project: Path) -> None:
    file = write_declaration(project)
    assert file == project / "keelmark.yaml"
    assert file.read_text().startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    schema = json.loads((project / SCHEMA_FILE).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    node = yaml_tree.parse(file.read_text())
    assert node is not None
    jsonschema.validate(node.plain(), schema)
    assert read(file, catalogue=CATALOGUE).system is not None


@pytest.mark.parametrize("name", ["keelmark.yaml", "keelmark.yml"])
@pytest.mark.parametrize("kind", ["file", "folder", "broken link"])
def test_what_is_there_is_never_overwritten(project: Path, picture, name: str, kind: str) -> None:
    if kind == "file":
        (project / name).write_text("mine: yes\n")
    elif kind == "folder":
        (project / name).mkdir()
    else:
        (project / name).symlink_to("nowhere")
    before = picture(project)
    with pytest.raises(UsageError, match="never overwrites"):
        write_declaration(project)
    assert picture(project) == before


@pytest.mark.parametrize("linked", [".keelmark", SCHEMA_FILE])
def test_link_laid_in_the_folder_does_not_make_us_write_elsewhere(
    project: Path, tmp_path: Path, linked: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "victim").write_text("mine")
    if linked == ".keelmark":
        (project / linked).symlink_to(elsewhere)
        with pytest.raises(UsageError, match="is a link"):
            write_declaration(project)
        assert not (project / "keelmark.yaml").exists()
    else:
        (project / ".keelmark").mkdir()
        (project / linked).symlink_to(elsewhere / "victim")
        write_declaration(project)
    assert [path.name for path in elsewhere.iterdir()] == ["victim"]
    assert (elsewhere / "victim").read_text() == "mine"


def named(name: str) -> Inventory:
    kinds = (AssetKind.PROMPT, AssetKind.TOOL, AssetKind.MODEL, AssetKind.HOSTED_MODEL, AssetKind.HUB_MODEL,
             AssetKind.DATASET, AssetKind.SERVICE, AssetKind.MCP_SERVER, AssetKind.DOCUMENT)  # fmt: skip
    return Inventory(
        assets=tuple(
            Asset(
                kind=kind,
                name=name,
                path=name,
                format="user-notice" if kind is AssetKind.DOCUMENT else name,
                digest="sha256:" + "12" * 32,
                detail=(("revision", name),),
            )
            for kind in kinds
        )
    )


def drawn(name: str) -> SystemModel:
    """A system whose parts and flows carry the name."""
    agent = Element(id="a", kind=ComponentKind.AGENT, name=name, origin=Origin.OBSERVED, path=name or "x")
    memory = Element(id="m", kind=ComponentKind.MEMORY, name=name, origin=Origin.OBSERVED)
    flow = Link(source="a", target="m", carries=name, trust=FlowTrust.USER, origin=Origin.OBSERVED)
    return SystemModel(name=name, elements=(agent, memory), links=(flow,))


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_name_stays_one_scalar(name: str) -> None:
    text = "".join(f"{line}\n" for line in module._lines(name, named(name), drawn(name)))
    declared = parse(text, catalogue=CATALOGUE)
    readable = name.encode("utf-8", "backslashreplace").decode("utf-8")
    assert declared.system is not None
    assert declared.system.name == readable
    assert declared.user_notice is not None
    assert declared.user_notice.path == readable
    assert {prompt.id for prompt in declared.prompts} == {readable}
    assert {tool.name for tool in declared.tools} == {readable}
    assert declared.waivers == declared.exclude == declared.attestations == ()
    assert [flow.carries for flow in declared.flows] == [readable]


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_any_name_comes_back(name: str) -> None:
    node = yaml_tree.parse(f"k: {module._text(name)}\n")
    assert node is not None
    assert node.plain() == {"k": name.encode("utf-8", "backslashreplace").decode("utf-8")}


@given(
    st.text(st.characters(exclude_characters="/\x00", exclude_categories=("Cs",)), min_size=1, max_size=30)
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files_may_be_called_anything(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    root = tmp_path_factory.mktemp("named")
    (root / f"{name.strip('.') or 'x'}.csv").write_text("question,answer\na,b\nc,d\n")
    assert parse(draft(root), catalogue=CATALOGUE).version == 1


def test_drafting_writes_nothing(project: Path, picture) -> None:
    before = picture(project)
    draft(project)
    assert picture(project) == before


def test_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be listed"):
        draft(tmp_path / "nowhere")


def test_bound_on_entries_is_said(tmp_path: Path) -> None:
    for number in range(module.MAX_ENTRIES + 5):
        (tmp_path / f"d{number:03}.csv").write_text("question,answer\na,b\nc,d\n")
    text = draft(tmp_path)
    declared = parse(text, catalogue=CATALOGUE)
    assert len(declared.datasets) == module.MAX_ENTRIES
    assert "5 more were found" in text

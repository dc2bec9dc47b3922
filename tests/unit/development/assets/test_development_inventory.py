from __future__ import annotations

import random
from dataclasses import replace

import pytest

from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.facts import FileFacts, ModelFile, ModelRole, Pointer, PointerKind, Reading
from keelmark.development.assets.inventory import take_inventory
from keelmark.development.assets.traits import TRAITS
from keelmark.engine.collect import read_source
from keelmark.engine.readers import all_readers
from keelmark.formats.source import Source

APP = """\
from fastapi import FastAPI
from openai import OpenAI
from langchain.tools import tool

app = FastAPI()
SYSTEM_PROMPT = "You are a helpful assistant that answers questions about orders."


@tool
def refund(order: str) -> str:
    "Give money back."
    return order


@app.post("/ask")
def ask(q: str):
    return OpenAI().chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": q}])
"""


def read(path: str, content: str | bytes) -> FileFacts:
    data = content.encode() if isinstance(content, str) else content
    return read_source(Source.of_bytes(data, path=path), all_readers())


def kinds(inventory: Inventory) -> set[AssetKind]:
    return {asset.kind for asset in inventory.assets}


def names(inventory: Inventory, kind: AssetKind) -> list[str]:
    return [asset.name for asset in inventory.of(kind)]


def test_what_an_application_is_made_of() -> None:
    found = take_inventory([read("app.py", APP), read("requirements.txt", "fastapi==0.110\nopenai\n")])
    assert names(found, AssetKind.TOOL) == ["refund"]
    assert names(found, AssetKind.PROMPT) == ["SYSTEM_PROMPT"]
    assert names(found, AssetKind.HOSTED_MODEL) == ["gpt-4o"]
    assert names(found, AssetKind.ROUTE) == ["/ask"]
    assert names(found, AssetKind.DEPENDENCY) == ["fastapi", "openai"]
    assert names(found, AssetKind.MANIFEST) == ["requirements.txt"]
    assert {"agent", "api", "hosted-model", "llm-application"} <= set(found.traits)


def test_nothing_is_said_twice_and_the_order_is_that_of_the_names() -> None:
    files = [read(path, APP) for path in ("b.py", "a.py", "c/d.py")]
    first = take_inventory(files)
    keys = [(asset.kind, asset.path, asset.line, asset.name) for asset in first.assets]
    assert keys == sorted(set(keys))
    random.Random(1).shuffle(files)
    assert take_inventory(files) == first


def test_same_file_met_twice_is_one_asset() -> None:
    file = read("app.py", APP)
    assert take_inventory([file, file]).assets == take_inventory([file]).assets


@pytest.mark.parametrize("folder", ["tests", "examples", "docs", "vendor"])
def test_what_is_not_shipped_shows_no_trait(folder: str) -> None:
    found = take_inventory([read(f"{folder}/app.py", APP)])
    assert AssetKind.TOOL in kinds(found)  # It is listed, but says nothing about the system.
    assert found.traits == ()


def test_what_was_looked_for_and_not_found_is_stated() -> None:
    empty = take_inventory([])
    assert empty.assets == ()
    stated = {absence.what for absence in empty.absent}
    assert {"model file", "dataset", "prompt", "incident plan", "threat model"} <= stated
    assert all(absence.looked_for for absence in empty.absent)
    full = take_inventory([read("app.py", APP)])
    assert stated - {absence.what for absence in full.absent} == {
        "prompt",
        "agent tool",
        "network route",
        "hosted model",
    }


def test_pointer_to_a_model_that_is_not_here_is_an_absent_model() -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 4096\n"
    found = take_inventory([read("weights/model.safetensors", text)])
    (asset,) = found.of(AssetKind.ABSENT_MODEL)
    assert (asset.path, asset.size, asset.digest) == (
        "weights/model.safetensors",
        4096,
        f"sha256:{'ab' * 32}",
    )
    assert not asset.is_present
    assert "model-file" in found.traits
    assert "model file" not in {absence.what for absence in found.absent}


def test_pointer_beside_its_bytes_is_present() -> None:
    pointer = Reading(format="dvc", pointers=(Pointer(kind=PointerKind.DVC, target="data.csv", digest="0"),))
    files = [
        FileFacts(path="data.csv.dvc", size=1, digest="1" * 64, readings=(pointer,)),
        read("data.csv", "a,b\n1,2\n3,4\n"),
    ]
    assert [asset.is_present for asset in take_inventory(files).of(AssetKind.ABSENT_DATA)] == [True]
    assert [asset.is_present for asset in take_inventory(files[:1]).of(AssetKind.ABSENT_DATA)] == [False]


@pytest.mark.parametrize(("can_execute", "words"), [(True, "yes"), (False, "no"), (None, "not settled")])
def test_model_says_whether_loading_it_runs_code(can_execute: bool | None, words: str) -> None:
    model = ModelFile(format="x", role=ModelRole.WEIGHTS, parameters=0, can_execute=can_execute)
    file = FileFacts(path="m.bin", size=3, digest="ab" * 32, readings=(Reading(format="x", models=(model,)),))
    (asset,) = take_inventory([file]).of(AssetKind.MODEL)
    assert asset.get("runs code when loaded") == words
    assert asset.get("parameters") == "0"  # Zero is a number, not an absence.
    assert asset.digest == f"sha256:{'ab' * 32}"


def test_file_without_a_digest_has_none_in_the_inventory() -> None:
    model = ModelFile(format="x", role=ModelRole.WEIGHTS)
    file = FileFacts(path="m.bin", size=3, digest="", readings=(Reading(format="x", models=(model,)),))
    assert take_inventory([file]).of(AssetKind.MODEL)[0].digest == ""


def test_traits_are_known_words_in_order() -> None:
    found = take_inventory([read("app.py", APP), read("train.py", "from trl import SFTTrainer\n")])
    assert list(found.traits) == sorted(set(found.traits))
    assert set(found.traits) <= set(TRAITS)
    assert "training" in found.traits


@pytest.mark.parametrize(
    ("code", "trait"),
    [
        ("import openai_whisper_local\n", "llm-application"),
        ("text = 'import openai'\n", "llm-application"),
        ("# from trl import SFTTrainer\n", "training"),
        ("import mcpython\n", "mcp"),
        ("class A:\n    def backward(self): ...\n", "training"),
        ("def route(path): return path\n", "api"),
    ],
)
def test_look_alikes_show_no_trait(code: str, trait: str) -> None:
    assert trait not in take_inventory([read("app.py", code)]).traits


def test_asset_detail_is_found_by_its_key() -> None:
    asset = Asset(kind=AssetKind.TOOL, name="t", path="a.py", detail=(("effects", "write"),))
    assert asset.get("effects") == "write"
    assert replace(asset, detail=()).get("effects") == ""

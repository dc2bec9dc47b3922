"""The lists of callables: exact, free of contradictions, and strict about constructors that reach further."""

from __future__ import annotations

import importlib.util
import json
import sys
import zipfile
from importlib import resources
from pathlib import Path

import pytest

from keelmark.core.facts import Technique
from keelmark.formats.models.pickle import machine
from keelmark.formats.models.pickle.callables import Danger, judge
from keelmark.formats.models.pickle.values import Global

ROOT = Path(__file__).resolve().parents[4]
CREATED = ("ultralytics.nn.tasks", "DetectionModel")
CALLED = ("torch.nn.modules.linear", "Linear")


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def named(pair: tuple[str, str]) -> bytes:
    return text(pair[0]) + text(pair[1]) + b"\x93"


def hazards(body: bytes):
    found = machine.inspect(memoryview(b"\x80\x04" + body + b"."))
    assert found.error is None
    return {hazard.technique for hazard in found.hazards.values()}


@pytest.mark.parametrize(
    "body",
    [
        named(CREATED) + b")\x81}b",
        text("copyreg")
        + text("_reconstructor")
        + b"\x93"
        + named(CREATED)
        + named(("builtins", "object"))
        + b"N\x87R",
        text("copyreg") + text("__newobj__") + b"\x93" + named(CREATED) + b"\x85R",
        b"(" + named(CREATED) + b"o",
        named(CALLED) + b"K\x01K\x02\x86R",
        named(CALLED) + b")\x81}b",
    ],
)
def test_objects_made_as_libraries_write_them_are_harmless(body) -> None:
    assert hazards(body) == set()


@pytest.mark.parametrize(
    "body",
    [
        named(CREATED) + text("http://x/model.yaml") + b"\x85R",
        named(CREATED) + b")R",
        b"(" + named(CREATED) + text("x") + b"o",
        text("functools") + text("partial") + b"\x93" + named(CREATED) + text("x") + b"\x86R)R",
    ],
)
def test_a_constructor_that_reaches_further_is_not(body) -> None:
    assert hazards(body) == {Technique.UNKNOWN_CALLABLE}


@pytest.mark.parametrize(
    ("body", "is_harmful"),
    [
        (named(("builtins", "iter")) + b"]K\x01a\x85R", False),
        (named(("builtins", "iter")) + named(("math", "sqrt")) + b"K\x00\x86R", True),
        (named(("functools", "partial")) + named(("builtins", "iter")) + b"\x85R", True),
        (named(("builtins", "getattr")) + named(CALLED) + b"K\x01K\x02\x86R" + text("save") + b"\x86R", True),
        (
            named(("builtins", "getattr")) + named(CALLED) + b"K\x01K\x02\x86R" + text("forward") + b"\x86R",
            False,
        ),
        (named(("builtins", "bytearray")) + b"\x8a\x05\xff\xff\xff\xff\x03\x85R", True),
        (named(("builtins", "bytearray")) + b"K\x08\x85R", False),
    ],
)
def test_what_calls_reaches_or_fills_further_is_told_by_its_arguments(body, is_harmful) -> None:
    assert bool(hazards(body)) is is_harmful


def test_no_class_of_a_library_is_known_to_do_harm_and_no_name_hides_a_module() -> None:
    folder = resources.files("keelmark.formats.models.pickle")
    tables = json.loads(folder.joinpath("classes.json").read_text("utf-8"))
    assert set(tables) == {"libraries", "called", "created", "named"}
    assert len(tables["libraries"]) > 80
    assert all(versions for versions in tables.pop("libraries").values())
    for table in tables.values():
        for module, names in table.items():
            assert names == sorted(set(names))
            assert all(part.isidentifier() for name in names for part in name.split("."))
            assert all(part.isidentifier() for part in module.split("."))


@pytest.mark.parametrize(
    "pair",
    [
        ("sympy.core.symbol", "Symbol"),
        ("joblib.memory", "MemorizedFunc"),
        ("torch.hub", "load"),
        ("torch.nn.modules.linear", "torch.os.system"),
        ("torch.nn.modules.linear", "Linear.__init__"),
        ("torch.nn", "Linearity"),
        ("transformers.pipelines", "pipeline"),
        ("nltk.data", "load"),
        ("xgboost.core", "Booster.load_model"),
    ],
)
def test_what_reaches_further_is_on_no_list(pair) -> None:
    assert judge(Global(*pair)).danger is not Danger.HARMLESS


@pytest.fixture(scope="module")
def lister():
    spec = importlib.util.spec_from_file_location("lister", ROOT / "tools" / "list_library_classes.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["lister"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


SOURCE = """
import os
from .helpers import gets, harmless
class Plain:
    def __init__(self, a): self.a = harmless(a)
class Opens:
    def __init__(self, path): self.file = open(path)
class Heir(Opens): pass
class HeirThatCalls(Opens):
    def __init__(self, name): super().__init__(name)
class Far:
    def __init__(self, name): self.a = gets(name)
class OwnMethods:
    def __init__(self, name): self.first(name)
    def first(self, name): self.second(name)
    def second(self, name): os.remove(name)
class Handed:
    def __init__(self, function): self.a = function(1)
class OnlyMakes:
    def __init__(self, function):
        def later(): return function(1)
        self.a = later
class Named:
    def __init__(self, checkpoint): self.a = checkpoint
class Sets:
    def __setstate__(self, state): exec(state["code"])
class SetsProperty:
    @property
    def a(self): return 1
    @a.setter
    def a(self, value): os.system(value)
class HeirOfSets(Sets): pass
class Looks:
    def __init__(self, module, name): self.f = getattr(module, name)
class LooksAtItself:
    def __init__(self, name): self.f = getattr(self, name)
class Formula:
    def __setstate__(self, state):
        from patsy import dmatrices
        self.x = dmatrices(state["formula"])
class Thread(threading.Thread): pass
class Meta(metaclass=Registry): pass
def function(): pass
if True:
    class Conditional: pass
"""
HELPERS = """
import urllib.request
def harmless(a): return a
def gets(name): return again(name)
def again(name): return urllib.request.urlopen(name)
"""


def written(path, name, files):
    with zipfile.ZipFile(path / f"{name}-py3-none-any.whl", "w") as wheel:
        for inside, content in files.items():
            wheel.writestr(inside, content)


def test_the_list_of_a_library_holds_only_what_keeps_to_itself(lister, tmp_path) -> None:
    written(tmp_path, "acme-1.0", {
        "acme/nets.py": SOURCE, "acme/helpers.py": HELPERS, "acme/tests/test_nets.py": "class InATest: pass\n",
        "acme/broken.py": "class (:\n",
    })  # fmt: skip
    written(tmp_path, "other-2.0", {
        "other/x.py": "from acme.nets import HeirOfSets, Plain\nclass Far(HeirOfSets): pass\nclass Near(Plain): pass\n",
    })  # fmt: skip
    versions, tables = lister.libraries(tmp_path)
    assert versions == {"acme": ["1.0"], "other": ["2.0"]}
    found = {kind: {name for module, name in keys if module == "acme.nets"} for kind, keys in tables.items()}
    assert found["called"] == {"Conditional", "LooksAtItself", "OnlyMakes", "Plain"}
    assert found["created"] == {
        "Far",
        "Handed",
        "Heir",
        "HeirThatCalls",
        "Looks",
        "Named",
        "Opens",
        "OwnMethods",
    }
    assert ("other.x", "Near") in tables["called"]
    assert not any(("other.x", "Far") in keys for keys in tables.values())


def test_the_strictest_version_of_a_library_counts(lister, tmp_path) -> None:
    written(tmp_path, "acme-1.0", {"acme/a.py": "class A: pass\nclass B: pass\n"})
    written(
        tmp_path, "acme-2.0", {"acme/a.py": "class A:\n    def __init__(self, x): open(x)\nclass C: pass\n"}
    )
    versions, tables = lister.libraries(tmp_path)
    assert versions == {"acme": ["1.0", "2.0"]}
    assert tables["called"] == {("acme.a", "B"), ("acme.a", "C")}
    assert tables["created"] == {("acme.a", "A")}


def test_functions_that_reach_further_are_not_named(lister, tmp_path) -> None:
    source = (
        "import os\ndef plain(f): return f(1)\ndef gone(a): os.remove(a)\ndef through(a): return gone(a)\n"
    )
    written(tmp_path, "networkx-1.0", {"networkx/a.py": source})
    written(tmp_path, "acme-1.0", {"acme/a.py": source})
    assert lister.libraries(tmp_path)[1]["named"] == {("networkx.a", "plain")}


@pytest.mark.parametrize(
    ("pair", "is_created"),
    [
        (("torchtext.vocab.vectors", "GloVe"), True),
        (("torchtext.vocab.vectors", "Vectors"), True),
        (("ultralytics.nn.autobackend", "AutoBackend"), True),
        (("torch.nn.modules.linear", "Linear"), False),
        (("joblib.memory", "Memory"), True),
    ],
)
def test_constructors_that_load_or_fetch_are_told_from_others(pair, is_created) -> None:
    verdict = judge(Global(*pair))
    assert (verdict.danger, verdict.is_only_created) == (Danger.HARMLESS, is_created)

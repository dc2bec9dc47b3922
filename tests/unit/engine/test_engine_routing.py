"""Routing leaves out only readers that cannot recognise a file, and imports nothing for those."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests import corpus

from keelmark.engine.clues import READERS, Clue, Route
from keelmark.engine.containers import all_containers
from keelmark.engine.routing import CONTAINER_ROUTER, READER_ROUTER, Routed, Router, may_be, offered
from keelmark.errors import KeelmarkError, RuleError
from keelmark.formats import models, notebook, pointers, token_lists
from keelmark.formats.source import HEAD_BYTES, Source

NAMES = (
    "x", "m.bin", "m.pkl", "m.pt", "m.npz", "m.json", "m.yaml", "MLmodel", "a.bMLmodel", "m.safetensors", "m.gguf", "m.onnx", "m.weights",
    "m.mnn", "m.skops", "m.prototxt", "m.ipynb", "t.jinja", "t.txt", "m.faiss", "m.keras", "m.nemo", "m.xml", "m.tar", "m.rds",
)  # fmt: skip
MARKS = (
    b"", b"PK\x03\x04", b"PK\x05\x06", b"\x80\x04", b"GGUF", b"\x89HDF\r\n\x1a\n", b"\x93NUMPY", b'{"', b" {", b"\xef\xbb\xbf{", b"<?xml", b"<net ",
    b"<PMML ", b"\xff\xfe<\x00", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\x00", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd", b"\x78\x9c",
    b"\x5d\x00\x00", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"!<arch>\n", b"070701", b"\xac\xed\x00\x05", b"X\n\x00\x00\x00\x03", b"RDX3\nX\n",
    b"MZqFpD", b"ftrt", b"CBM1", b"binf", b"tree\nversion=v", b"\x08\x07\x12", b"\x0a\x05", b"\x81\xa1", b"\xde\x00\x01", b"ZF0x", b"cos\nsystem\n",
    b"I1\n", b"\x03\x00\x00\x00", b"4\n", b"lmgg", b"version https://git-lfs.github.com/spec/v1\n", b"outs:\n- md5: 0", b"flavors:\n", b"\x16\x00\x00",
    b"\x20\x00\x00\x00TFL3", b"\x20\x00\x00\x00ORTM", b"\x20\x00\x00\x00ET12", b"\x20\x00\x00\x00\x00\x00\x00\x00{", bytes(24),
)  # fmt: skip


@cache
def samples() -> dict[str, bytes]:
    """The corpus of the tests."""
    found: dict[str, bytes] = {}
    for info in pkgutil.iter_modules(corpus.__path__):
        module = importlib.import_module(f"tests.corpus.{info.name}")
        for kind in ("malicious", "benign"):
            made = getattr(module, kind, dict)()
            found.update({f"{info.name}/{kind}/{name}": data for name, data in made.items()})
    return found


def left_out(data: bytes, path: str) -> set[str]:
    """Readers and containers that recognise a file and would not have been asked."""
    missed = set()
    with Source.of_bytes(data, path=path) as source:
        for router in (READER_ROUTER, CONTAINER_ROUTER):
            asked = {target.name for target in router.of(source)}
            for each in router.all:
                try:
                    is_known = each.target.recognises(source)
                except KeelmarkError:
                    is_known = True  # Its complaint would be a gap, which must not be lost either.
                if is_known and (each.name not in asked or not may_be(each.route, source)):
                    missed.add(each.name)
    return missed


def test_every_reader_and_container_has_its_clues() -> None:
    found = {}
    modules = [info.name for info in pkgutil.walk_packages(models.__path__, f"{models.__name__}.")]
    for module in (*modules, notebook.__name__, pointers.__name__, token_lists.__name__):
        for reader in offered(importlib.import_module(module)):
            found[reader.name] = f"keelmark.formats.{READER_ROUTED[reader.name].route.module}"
            assert found[reader.name] == module
    assert sorted(found) == [each.name for each in READER_ROUTER.all]
    assert [each.target for each in CONTAINER_ROUTER.all] == list(all_containers())
    assert READER_ROUTED["pickle"].version == READER_ROUTED["pickle"].target.version


READER_ROUTED = {each.name: each for each in READER_ROUTER.all}


def test_a_route_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(RuleError, match="offers no `pigeon`"):
        _ = Routed(Route(name="pigeon", module="notebook", clues=())).target
    assert offered(object()) == ()


def test_no_clue_states_more_than_is_looked_at() -> None:
    for route in READERS:
        for clue in route.clues:
            assert sum(map(bool, (clue.ending, clue.at, clue.number, clue.holds))) <= 1


def test_nothing_that_recognises_a_sample_is_left_out() -> None:
    for name, data in samples().items():
        assert left_out(data, name) == set(), name
        assert left_out(data, "x") == set(), name


@given(st.sampled_from(MARKS), st.binary(max_size=64), st.sampled_from(MARKS), st.sampled_from(NAMES))
@example(b"\xef\xbb\xbf \n{", b'"@class"', b"", "x")
@settings(max_examples=400, deadline=None)
def test_nothing_that_recognises_any_bytes_is_left_out(
    head: bytes, middle: bytes, tail: bytes, name: str
) -> None:
    assert left_out(head + middle + tail, name) == set()


@given(st.data(), st.integers(0, 300), st.binary(min_size=1, max_size=8), st.sampled_from(NAMES))
@settings(max_examples=300, deadline=None)
def test_nothing_that_recognises_a_changed_sample_is_left_out(data, place, change, name) -> None:
    sample = samples()[data.draw(st.sampled_from(sorted(samples())))]
    assert left_out(sample[:place] + change + sample[place + len(change) :], name) == set()


def test_long_files_are_asked_about_whatever_their_head_holds() -> None:
    with Source.of_bytes(b"x" * HEAD_BYTES, path="x") as source:
        assert "zip" in {container.name for container in CONTAINER_ROUTER.of(source)}
    with Source.of_bytes(b"-" * 100, path="x") as source:
        assert CONTAINER_ROUTER.of(source) == []


def test_a_file_that_matches_several_formats_is_offered_to_each() -> None:
    with Source.of_bytes(b'{"class":"x"}PK\x05\x06', path="m.json") as source:
        asked = [target.name for target in READER_ROUTER.of(source)]
        assert asked == sorted(asked)
        assert {"huggingface", "spark-ml", "xgboost", "config-targets"} <= set(asked)
        assert [container.name for container in CONTAINER_ROUTER.of(source)] == ["zip"]


def test_made_up_suffixes_do_not_fill_memory() -> None:
    router = Router((Routed(Route(name="notebook", module="notebook", clues=(Clue(first=b"{"),))),))
    for number in range(5_000):
        router.of(Source.of_bytes(b"{", path=f"x.{number}"))
    assert len(router._kinds) <= 2_000


@pytest.mark.parametrize("kind", ["pickle", "safetensors", "png"])
def test_a_scan_of_clean_files_imports_nothing_heavy(tmp_path, kind) -> None:
    files = {
        "pickle": b"\x80\x04K\x01.",
        "safetensors": b"\x02" + bytes(7) + b"{}",
        "png": b"\x89PNG\r\n\x1a\n",
    }
    file = tmp_path / f"m.{kind}"
    file.write_bytes(files[kind])
    code = (
        "import sys; from keelmark.cli.main import run; run(['scan', sys.argv[1]]);"
        "print([name for name in ('cyclopts', 'rich.console', 'jinja2', 'tree_sitter', 'phonenumbers', 'stdnum',"
        " 'license_expression', 'keelmark.detectors.secrets', 'keelmark.formats.notebook', 'keelmark.formats.models.onnx')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"

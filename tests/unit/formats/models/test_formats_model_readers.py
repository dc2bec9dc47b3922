"""What holds for every reader of models: any bytes are a valid input, and each sample belongs to one reader."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keelmark.core.facts import Reading
from keelmark.errors import KeelmarkError
from keelmark.formats import models, pointers
from keelmark.formats.source import Source


def readers():
    for info in pkgutil.walk_packages(models.__path__, prefix=f"{models.__name__}."):
        module = importlib.import_module(info.name)
        yield from getattr(module, "READERS", None) or ((module.READER,) if hasattr(module, "READER") else ())
    yield from pointers.READERS


READERS = tuple(readers())
SUFFIXES = (
    "bin",
    "safetensors",
    "gguf",
    "onnx",
    "pt",
    "pkl",
    "joblib",
    "npz",
    "keras",
    "dvc",
    "json",
    "xml",
    "h5",
)


def read_all(data, path):
    found = {}
    with Source.of_bytes(data, path=path) as source:
        for reader in READERS:
            try:
                if reader.recognises(source):
                    found[reader.name] = reader.read(source)
            except KeelmarkError:
                found[reader.name] = ()
        for readings in found.values():
            assert all(isinstance(item, Reading) for item in readings)
    return found


def test_names_are_unique():
    names = [reader.name for reader in READERS]
    assert len(set(names)) == len(names)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(SUFFIXES))
def test_any_bytes_are_a_valid_input(data, suffix):
    read_all(data, f"model.{suffix}")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_truncation_of_a_valid_file_is_a_valid_input(data, samples):
    name = data.draw(st.sampled_from(sorted(samples)))
    whole = samples[name]
    read_all(whole[: data.draw(st.integers(0, len(whole)))], name)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_changed_bytes_of_a_valid_file_are_a_valid_input(data, samples):
    name = data.draw(st.sampled_from(sorted(samples)))
    content = bytearray(samples[name])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    read_all(bytes(content), name)


def test_each_sample_is_read_by_one_reader_whatever_its_name(samples):
    for name, content in samples.items():
        path = name if name.endswith(".dvc") else "renamed.data"
        claimed = [reader for reader, readings in read_all(content, path).items() if readings]
        assert len(claimed) == 1, (name, claimed)


@pytest.mark.parametrize(
    "text",
    [
        "import os\nprint('hello')\n",
        "(defun f (x) x)\n",
        '{"name": "x", "version": "1.0"}',
        '{"learner": "a person"}',
        '{"model_type": "car", "doors": 4}',
        "import sys; sys.path.insert(0, 'x')\n",
        "class Foo\nbar.\n",
        "outs: 3\n",
        "I am a letter.\n",
        "N.\n",
        "version https://example.org\n",
        '<html><body><net class="x"></net></body></html>',
        "cos\n",
        "",
    ],
)
def test_plain_text_is_no_model(text):
    assert not any(read_all(text.encode(), "notes.txt").values())


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=64, max_size=400))
def test_random_bytes_without_a_telling_name_are_no_model(data):
    # Two bytes are enough to look like a pickle that breaks off, and a pickle runs before it breaks.
    found = {name: item for name, item in read_all(data, "blob").items() if item}
    assert not set(found) - {"pickle"}


@pytest.mark.parametrize("padding", [b"\x00", b"\xff", b" "])
def test_mapped_files_close_after_every_reader(tmp_path, samples, padding):
    for name, content in samples.items():
        file = tmp_path / name
        file.write_bytes(content + padding * (1024**2))
        with Source(file, path=name) as source:
            for reader in READERS:
                with contextlib.suppress(KeelmarkError):
                    if reader.recognises(source):
                        reader.read(source)

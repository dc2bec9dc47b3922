"""Bundles around torch models: what their sources, graphs and compiled parts reach."""

from __future__ import annotations

import json
import struct

import pytest

from keelmark.core.facts import GapReason, Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.models.python_source import Bounds, source_hazards
from keelmark.formats.models.torch_bundles import (
    ExecuTorchReader,
    ExportedProgramReader,
    TorchServeReader,
)

QUIET = (
    b"import torch\nclass Handler:\n    def handle(self, data):\n        return torch.tensor(data).tolist()\n"
)


def manifest(**model):
    return json.dumps({"model": {"modelName": "m", "handler": "handler.py", **model}})


def told(reading):
    return [(hazard.technique, hazard.subject) for hazard in reading.hazards]


def hazards_in(text):
    return [(hazard.technique, hazard.subject) for hazard in source_hazards(memoryview(text), member="h.py")]


def test_handler_that_starts_programs_is_dangerous(make):
    source = b"import subprocess as sp\nsp.Popen(['true'])\n"
    bundle = make.archive({"MAR-INF/MANIFEST.json": manifest(), "handler.py": source})
    (reading,) = make.read(TorchServeReader(), bundle, "m.mar")
    assert told(reading) == [(Technique.DANGEROUS_SOURCE, "subprocess.Popen")]
    assert reading.hazards[0].code == "sp.Popen(['true'])"
    assert reading.models[0].can_execute is True


def test_quiet_handler_is_only_noted_and_read_once(make):
    bundle = make.archive({"MAR-INF/MANIFEST.json": manifest(), "handler.py": QUIET})
    (reading,) = make.read(TorchServeReader(), bundle, "m.mar")
    assert told(reading) == [(Technique.EMBEDDED_SOURCE, "handler.py")]
    assert set(reading.covers) == {"MAR-INF/MANIFEST.json", "handler.py"}
    assert reading.gaps == ()


def test_manifest_that_leads_outside_is_named(make):
    bundle = make.archive({"MAR-INF/MANIFEST.json": manifest(handler="../../srv/handler.py")})
    (reading,) = make.read(TorchServeReader(), bundle, "m.mar")
    assert told(reading) == [(Technique.OUTSIDE_PATH, "../../srv/handler.py")]


def test_damaged_manifest_and_source_are_gaps(make):
    bundle = make.archive({"MAR-INF/MANIFEST.json": "{", "handler.py": b"def ("})
    (reading,) = make.read(TorchServeReader(), bundle, "m.mar")
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED] * 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"from os import system as s\ns('true')\n", "os.system"),
        (b"__import__('os').system('true')\n", "os.system"),
        (b"import importlib\nimportlib.import_module('subprocess').run(['true'])\n", "subprocess.run"),
        (b"exec(open('x').read())\n", "builtins.exec"),
        (b"import socket\nsocket.create_connection(('127.0.0.1', 9))\n", "socket.create_connection"),
        (b"import ctypes\nctypes.CDLL('x.so')\n", "ctypes.CDLL"),
        (b"open('/tmp/x', 'w')\n", "builtins.open"),
        (b"class A:\n    f = open('/tmp/x', mode='ab')\n", "builtins.open"),
    ],
)
def test_source_that_reaches_the_system_is_dangerous(text, name):
    assert hazards_in(text) == [(Technique.DANGEROUS_SOURCE, name)]


@pytest.mark.parametrize(
    "text",
    [
        b"def save(path):\n    with open(path, 'w') as f:\n        f.write('x')\n",
        b"text = open('labels.txt').read()\n",
        QUIET,
        b"import os\nimport json\nwith open(os.path.join('a', 'b')) as f:\n    json.load(f)\n",
        b"import torch\nmodel = torch.load('m.pt', weights_only=True)\nmodel.eval()\n",
        b"import re\nP = re.compile('a')\nos = None\n",
        b"class os:\n    pass\n",
    ],
)
def test_ordinary_source_is_only_noted(text):
    assert hazards_in(text) == [(Technique.EMBEDDED_SOURCE, "h.py")]


def test_source_out_of_bounds_is_refused():
    with pytest.raises(LimitExceededError):
        source_hazards(memoryview(b"x = 1\n" * 10), member="h.py", bounds=Bounds(max_bytes=10))
    with pytest.raises(ParseError):
        source_hazards(memoryview(b"def ("), member="h.py")


def test_exported_program_names_foreign_operators(make):
    graph = b'{"target": "torch.ops.aten.add.Tensor"}, {"target": "torch.ops.acme.go.default"}'
    bundle = make.archive({"m/archive_format": "pt2", "m/models/model.json": graph, "m/version": "0"})
    (reading,) = make.read(ExportedProgramReader(), bundle, "m.pt2")
    assert told(reading) == [(Technique.CUSTOM_OPERATOR, "acme.go")]


def test_exported_program_with_compiled_code_is_named(make):
    library = b"\x7fELF\x02\x01\x01" + bytes(11) + struct.pack("<H", 62) + bytes(60)
    bundle = make.archive({"m/archive_format": "pt2", "m/data/aotinductor/model/x.so": library})
    (reading,) = make.read(ExportedProgramReader(), bundle, "m.pt2")
    assert told(reading) == [(Technique.NATIVE_LIBRARY, "m/data/aotinductor/model/x.so")]


def test_plain_exported_program_is_quiet(make):
    bundle = make.archive({
        "serialized_exported_program.json": b'{"target": "torch.ops.aten.add.Tensor"}', "version": "5"
    })  # fmt: skip
    (reading,) = make.read(ExportedProgramReader(), bundle, "m.pt2")
    assert (told(reading), reading.gaps, reading.models[0].can_execute) == ([], (), False)


def test_program_of_executorch_is_recognised(make):
    (reading,) = make.read(ExecuTorchReader(), struct.pack("<I", 16) + b"ET12" + bytes(40), "m.pte")
    assert reading.models[0].format == "executorch"
    assert make.read(ExecuTorchReader(), b"\xff\xff\xff\xffET12" + bytes(40), "m.pte") == ()


def test_other_archives_are_no_bundles(make):
    for reader in (TorchServeReader(), ExportedProgramReader()):
        assert make.read(reader, make.archive({"a.txt": b"x"}), "a.zip") == ()
        assert make.read(reader, b"PK\x03\x04 broken", "a.mar") == ()

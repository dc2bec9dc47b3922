from __future__ import annotations

from keelmark.core.facts import GapReason
from keelmark.formats import pipelines, source_other
from keelmark.formats.source import Source


def read(text: str, path: str, reader=pipelines.READER):
    source = Source.of_bytes(text.encode(), path=path)
    return reader.read(source)[0] if reader.recognises(source) else None


def test_stages_of_dvc():
    text = "stages:\n  train:\n    cmd: [python a.py, echo]\n    deps: [data/x, a.py]\n    outs:\n    - m.pkl:\n        cache: false\n  each:\n    foreach: [1]\n    do: {cmd: run, wdir: sub, outs: [o]}\n"
    train, each = read(text, "ml/dvc.yaml").pipeline.stages
    assert (train.name, train.line, train.command) == ("train", 2, "python a.py\necho")
    assert (train.inputs, train.outputs) == (("ml/data/x", "ml/a.py"), ("ml/m.pkl",))
    assert (each.command, each.outputs) == ("run", ("ml/sub/o",))


def test_lock_records_digests():
    text = "schema: '2.0'\nstages:\n  t:\n    cmd: x\n    deps:\n    - {path: a, md5: aa, size: 1}\n    outs:\n    - {path: d, md5: bb.dir}\n"
    pipeline = read(text, "dvc.lock").pipeline
    assert pipeline.is_lock
    assert pipeline.digests == (("a", "md5:aa"), ("d", "md5:bb.dir"))
    assert pipeline.stages[0].outputs == ("d",)


def test_outputs_of_a_lock_are_gaps_and_inputs_are_not():
    text = "schema: '2.0'\nstages:\n  t:\n    cmd: x\n    deps:\n    - {path: a.py, md5: aa}\n    outs:\n    - {path: m.pkl, md5: bb}\n"
    reading = read(text, "ml/dvc.lock")
    assert [(gap.path, gap.reason, gap.matters) for gap in reading.gaps] == [
        ("ml/m.pkl", GapReason.NOT_HERE, True)
    ]


def test_remotes_lose_their_credentials():
    text = "[core]\n    remote = r\n['remote \"r\"']\n    url = https://u:pw@h.example/x\n"
    assert read(text, ".dvc/config").pipeline.remotes == ("https://h.example/x",)


def test_mlproject_and_kedro():
    points = read(
        "name: x\nentry_points:\n  main:\n    command: python t.py {a}\n", "MLproject"
    ).pipeline.stages
    assert points[0].command == "python t.py {a}"
    text = "cars:\n  type: pandas.CSVDataset\n  filepath: s3://b/c.csv\nlocal: {filepath: data/a.csv}\n"
    assert read(text, "conf/base/catalog.yml").pipeline.remotes == ("s3://b/c.csv",)


def test_parameters_are_not_claimed():
    assert read("a: 1\n", "params.yaml") is None


def test_other_languages_are_counted_and_named():
    reading = read("#!/bin/sh\n# TODO x\necho\n", "run", source_other.READER)
    assert (reading.format, reading.module.lines, reading.module.markers) == ("source-shell", 3, (2,))
    assert not reading.gaps[0].matters
    assert read("package x\n", "a.go", source_other.READER).module.language == "go"
    assert read("#!/usr/bin/env python3\n", "run", source_other.READER) is None
    assert read("plain\n", "notes", source_other.READER) is None

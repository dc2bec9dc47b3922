"""Boosted trees, files of model repositories, pointers."""

from __future__ import annotations

import json

import pytest

from keelmark.core.facts import GapReason, ModelRole, PointerKind
from keelmark.formats.models.boosting import CatBoostReader, LightGbmReader, XgboostReader
from keelmark.formats.models.huggingface import READER as HUB
from keelmark.formats.pointers import AnnexReader, DvcReader, LfsReader


def hub(make, value, path="config.json"):
    return make.model(HUB, json.dumps(value).encode(), path)


def test_xgboost_json_tells_its_learner(make):
    model = make.model(XgboostReader(), make.XGBOOST, "m.json")
    assert (model.architecture, model.can_execute) == ("gbtree", False)
    assert dict(model.metadata) == {
        "encoding": "json", "version": "3.2.0", "objective": "multi:softprob", "features": "4", "classes": "3",
    }  # fmt: skip


def test_xgboost_binary_forms_are_known(make):
    assert make.model(XgboostReader(), b"binf" + bytes(20)).format == "xgboost"
    assert make.model(XgboostReader(), b"{L" + bytes(7) + b"\x07learner{").format == "xgboost"


def test_broken_xgboost_is_a_gap_and_other_json_is_none(make):
    (reading,) = make.read(XgboostReader(), make.XGBOOST[:-5])
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert make.read(XgboostReader(), b'{"learner": {"name": "Ann"}}') == ()


def test_lightgbm_and_catboost_are_known_by_their_starts(make):
    assert dict(make.model(LightGbmReader(), make.LIGHTGBM).metadata)["objective"] == "binary"
    assert make.read(LightGbmReader(), b"tree\nof life\n") == ()
    (reading,) = make.read(CatBoostReader(), b"CBM1\xff\x00\x00\x00ab")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_configuration_with_own_code_is_dangerous(make):
    model = hub(make, {"architectures": ["A"], "auto_map": {"AutoModel": "modeling_a.A"}})
    assert (model.role, model.architecture, model.can_execute) == (ModelRole.CONFIGURATION, "A", None)
    assert model.dangerous == (
        "auto_map AutoModel = modeling_a.A: code in the repository is run with trust_remote_code",
    )


def test_plain_configuration_is_harmless(make):
    model = hub(make, {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 384})
    assert (model.dangerous, model.can_execute) == ((), False)
    assert ("model_type", "bert") in model.metadata


def test_tokenizer_keeps_its_chat_template(make):
    assert hub(make, {"tokenizer_class": "T", "chat_template": "{{ m }}"}).template == "{{ m }}"
    several = [{"name": "tool", "template": "b"}, {"name": "default", "template": "a"}]
    assert hub(make, {"tokenizer_class": "T", "chat_template": several}).template == "a"
    assert make.model(HUB, b"{% for m in messages %}{% endfor %}", "x/chat_template.jinja").template


def test_fast_tokenizer_is_known_by_its_parts(make):
    model = hub(
        make, {"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {}}}, "tokenizer.json"
    )
    assert (model.role, model.architecture) == (ModelRole.TOKENIZER, "BPE")


def test_adapter_names_its_base(make):
    model = hub(
        make, {"peft_type": "LORA", "base_model_name_or_path": "acme/base", "r": 8}, "adapter_config.json"
    )
    assert model.role is ModelRole.ADAPTER
    assert ("base_model_name_or_path", "acme/base") in model.metadata


def test_index_lists_its_shards_and_refuses_those_outside(make):
    value = {
        "metadata": {"total_size": 10},
        "weight_map": {"a": "model-1.safetensors", "b": "../x.safetensors"},
    }
    model = hub(make, value, "model.safetensors.index.json")
    assert (model.role, model.tensors) == (ModelRole.INDEX, 2)
    assert len(model.dangerous) == 1


@pytest.mark.parametrize(
    "value",
    [
        {"name": "app"},
        {"model_type": "car"},
        {"architectures": "x86"},
        {"added_tokens": 3},
        ["model_type"],
        {"weight_map": 1},
    ],
)
def test_other_json_is_not_claimed(make, value):
    assert make.read(HUB, json.dumps(value).encode(), "config.json") == ()


def test_broken_configuration_is_a_gap(make):
    (reading,) = make.read(HUB, b'{"architectures": ["A"', "config.json")
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]


def test_lfs_pointer_names_digest_size_and_the_absent_file(make):
    (reading,) = make.read(LfsReader(), make.LFS, "models/big.safetensors")
    (pointer,) = reading.pointers
    assert (pointer.kind, pointer.algorithm, pointer.size) == (PointerKind.GIT_LFS, "sha256", 12345)
    assert (pointer.target, pointer.digest) == ("models/big.safetensors", "4d" * 32)
    assert [(gap.reason, gap.path) for gap in reading.gaps] == [
        (GapReason.NOT_HERE, "models/big.safetensors")
    ]


def test_dvc_import_names_its_source(make):
    data = (
        b"md5: f5ea\ndeps:\n- path: get/data.xml\n  repo:\n    url: https://example.org/registry\n    rev_lock: f593\n"
        b"outs:\n- md5: 22a1a2931c8370d3aeedd7183606fd7f\n  size: 14\n  hash: md5\n  path: data.xml\n"
    )
    (reading,) = make.read(DvcReader(), data, "data/data.xml.dvc")
    (pointer,) = reading.pointers
    assert (pointer.target, pointer.algorithm, pointer.size) == ("data/data.xml", "md5", 14)
    assert pointer.source == "https://example.org/registry@f593:get/data.xml"
    assert pointer.line == 8


def test_dvc_that_is_no_yaml_is_a_gap(make):
    (reading,) = make.read(DvcReader(), b"outs: [\n", "x.dvc")
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]


def test_pipeline_with_outs_is_no_pointer(make):
    assert make.read(DvcReader(), b"stages:\n  train:\n    outs:\n    - model.pkl\n", "dvc.yaml") == ()


def test_annex_pointer_names_digest_and_size(make):
    key = "SHA256E-s1048576--" + "ab" * 32 + ".bin"
    (reading,) = make.read(AnnexReader(), f"/annex/objects/{key}\n".encode(), "w.bin")
    (pointer,) = reading.pointers
    assert (pointer.kind, pointer.algorithm, pointer.digest, pointer.size) == (
        PointerKind.GIT_ANNEX,
        "sha256",
        "ab" * 32,
        1048576,
    )
    assert make.read(AnnexReader(), f"../.git/annex/objects/aa/bb/{key}/{key}".encode(), "w.bin")


def test_text_about_annex_is_no_pointer(make):
    assert make.read(AnnexReader(), b"Files live in .git/annex/objects/ on disk.\n", "README") == ()

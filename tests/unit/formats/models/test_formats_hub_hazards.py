"""Model repositories: what runs their code or imports by name is found, plain configurations are left alone."""

from __future__ import annotations

import json

import pytest

from keelmark.core.facts import Technique
from keelmark.formats.models.huggingface import READER
from keelmark.formats.source import Source

CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8, "vocab_size": 9}
PIPELINE = {"_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.30.0", "unet": ["diffusers", "UNet2DConditionModel"],
            "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"], "scheduler": ["diffusers", "DDIMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"], "feature_extractor": [None, None]}  # fmt: skip
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]


def module(**change):
    return [MODULES[0], {**MODULES[1], **change}]


HARMFUL = {
    "auto_map": ({**CONFIG, "auto_map": {"AutoModel": "modeling_x.Net"}}, "remote-code", "modeling_x.Net"),
    "auto_map of others": (
        {**CONFIG, "auto_map": {"AutoModel": "evil/repo--m.Net"}},
        "remote-code",
        "evil/repo--m.Net",
    ),
    "auto_map list": ({"auto_map": {"AutoTokenizer": ["tok.Slow", None]}}, "remote-code", "tok.Slow"),
    "custom pipeline": ({**CONFIG, "custom_pipelines": {"x": {"impl": "p.Pipe"}}}, "remote-code", "p.Pipe"),
    "pipeline class": (
        {**PIPELINE, "_class_name": ["my_pipeline", "MyPipeline"]},
        "remote-code",
        "my_pipeline.MyPipeline",
    ),
    "pipeline part": ({**PIPELINE, "unet": ["my_unet", "Net"]}, "remote-code", "my_unet.Net"),
    "custom pipeline alone": (
        {"model_type": "x", "custom_pipelines": {"p": {"impl": "pipe.P"}}},
        "remote-code",
        "pipe.P",
    ),
    "custom generate": (
        {"custom_generate": "evil/repo"},
        "remote-code",
        "evil/repo--custom_generate.generate",
    ),
    "kernel of a hub": (
        {"model_type": "llama", "_attn_implementation": "evil/kernel:fn"},
        "outside-address",
        "evil/kernel:fn",
    ),
    "pipeline part without a version": (
        {"_class_name": "StableDiffusionPipeline", "unet": ["os", "system"]},
        "remote-code",
        "os.system",
    ),
    "shard": ({"weight_map": {"a": "../../etc/x.safetensors"}}, "outside-path", "../../etc/x.safetensors"),
    "parent library": (
        {"peft_type": "LORA", "auto_mapping": {"parent_library": "os", "base_model_class": "system"}},
        "dangerous-class",
        "os.system",
    ),
    "unknown parent library": (
        {"peft_type": "LORA", "auto_mapping": {"parent_library": "acme.net", "base_model_class": "Net"}},
        "unknown-class",
        "acme.net.Net",
    ),
    "module": (module(type="os.system"), "dangerous-class", "os.system"),
    "unknown module": (module(type="acme.net.Net"), "unknown-class", "acme.net.Net"),
    "module path": (module(path="/etc"), "outside-path", "/etc"),
    "template": (
        {"tokenizer_class": "T", "chat_template": "{{ x.__class__ }}"},
        "template-reaches-objects",
        "chat_template",
    ),
    "template of several": (
        {
            "tokenizer_class": "T",
            "chat_template": [
                {"name": "default", "template": "a"},
                {"name": "tool_use", "template": "{% include 'x' %}"},
            ],
        },
        "template-outside-set",
        "chat_template tool_use",
    ),
}
HARMLESS = {
    "configuration": CONFIG,
    "attention": {**CONFIG, "_attn_implementation": "flash_attention_2"},
    "no map": {**CONFIG, "auto_map": {}},
    "pipeline": PIPELINE,
    "index": {"weight_map": {"a": "model-00001-of-00002.safetensors"}, "metadata": {"total_size": 1}},
    "adapter": {"peft_type": "LORA", "auto_mapping": None, "base_model_name_or_path": "/home/me/llama"},
    "adapter with a mapping": {
        "peft_type": "LORA",
        "auto_mapping": {
            "base_model_class": "BertModel",
            "parent_library": "transformers.models.bert.modeling_bert",
        },
    },
    "modules": MODULES,
    "tokenizer": {"tokenizer_class": "T", "chat_template": "{% for m in messages %}{{ m.role }}{% endfor %}"},
}


def read(data: bytes, path: str):
    with Source.of_bytes(data, path=path) as source:
        return READER.read(source) if READER.recognises(source) else ()


@pytest.mark.parametrize("name", HARMFUL)
def test_what_runs_code_of_the_repository_is_found(name) -> None:
    value, technique, subject = HARMFUL[name]
    (reading,) = read(json.dumps(value).encode(), "some/file.json")
    assert [(hazard.technique, hazard.subject) for hazard in reading.hazards] == [
        (Technique(technique), subject)
    ]
    assert not reading.gaps


@pytest.mark.parametrize("name", HARMLESS)
def test_plain_configurations_are_left_alone(name) -> None:
    (reading,) = read(json.dumps(HARMLESS[name]).encode(), "some/file.json")
    assert not reading.hazards
    assert not reading.gaps


def test_a_template_that_cannot_be_parsed_is_a_gap() -> None:
    (reading,) = read(b'{"tokenizer_class": "T", "chat_template": "{% for %}"}', "tokenizer_config.json")
    assert [gap.matters for gap in reading.gaps] == [True]
    (reading,) = read(b"{% for %} {{ messages[0].role }}", "chat_template.jinja")
    assert [gap.matters for gap in reading.gaps] == [True]


def test_templates_of_applications_are_only_asked_whether_they_reach_objects() -> None:
    (page,) = read(b"{% extends 'base.html' %}{{ url_for('x') }}", "templates/page.html.j2")
    assert not page.hazards
    (page,) = read(b"{{ x.__init__.__globals__ }}", "templates/page.html.j2")
    assert [hazard.technique for hazard in page.hazards] == [Technique.TEMPLATE_REACHES_OBJECTS]
    assert read(b"{{ x | from other engines }}", "templates/page.html.j2") == ()
    assert read(b"plain", "templates/page.html.j2") == ()


def test_lists_that_are_no_modules_are_not_claimed() -> None:
    assert read(b'[{"idx": 1, "path": "x"}, {"type": 2}]', "a.json") == ()

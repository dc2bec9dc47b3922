"""Every chat template of a GGUF file is judged, under its own key."""

from __future__ import annotations

import struct

import pytest

from keelmark.core.facts import Technique
from keelmark.formats.models.gguf import READER
from keelmark.formats.source import Source

PLAIN = "{% for m in messages %}{{ m.role }}{% endfor %}"


def text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(**templates: str) -> bytes:
    pairs = {"general.architecture": "llama"} | {
        f"tokenizer.chat_template{key}": value for key, value in templates.items()
    }
    body = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in pairs.items())
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body


def read(data: bytes):
    with Source.of_bytes(data, path="m.gguf") as source:
        (reading,) = READER.read(source)
    return reading


@pytest.mark.parametrize("key", ["", ".tool_use"])
def test_a_template_that_reaches_objects_is_found_under_its_key(key) -> None:
    (hazard,) = read(gguf(**{".default": PLAIN, key: "{{ x.__class__ }}"})).hazards
    assert hazard.technique is Technique.TEMPLATE_REACHES_OBJECTS
    assert hazard.subject == f"tokenizer.chat_template{key}"


def test_templates_that_format_are_left_alone() -> None:
    reading = read(gguf(**{"": PLAIN, ".tool_use": PLAIN}))
    assert not reading.hazards
    assert not reading.gaps


def test_a_template_that_cannot_be_parsed_is_a_gap() -> None:
    assert [gap.matters for gap in read(gguf(**{"": "{% if %}"})).gaps] == [True]

"""The packaged table of endings: whole, dated, exact."""

from datetime import date

import pytest

from keelmark.development.supplychain.lifecycle import (
    image_endings,
    load,
    model_retirement,
    node_end,
    python_end,
)


def test_table_is_dated_and_each_entry_has_a_source():
    table = load()
    assert table.as_of == date(2026, 11, 22)
    assert all(item.source and "://" not in item.source for item in (*table.endings, *table.models))
    assert all(model.announced is None or model.announced <= model.retired for model in table.models)


def test_entries_are_unique():
    table = load()
    assert len({(item.product, item.version) for item in table.endings}) == len(table.endings)
    assert len({(item.provider, item.name) for item in table.models}) == len(table.models)


@pytest.mark.parametrize(
    ("version", "end"),
    [
        ("3.8", date(2024, 10, 7)),
        ("3.9.18", date(2025, 10, 31)),
        ("3.11", date(2027, 10, 31)),
        ("3", None),
        ("4.0", None),
        ("x", None),
    ],
)
def test_python(version, end):
    assert python_end(version) == end


def test_node():
    assert node_end("v18.19.0") == date(2025, 4, 30)
    assert node_end("22") == date(2027, 4, 30)
    assert node_end("lts") is None
    assert node_end("99") is None


@pytest.mark.parametrize(
    ("name", "tag", "found"),
    [
        ("python", "3.9-slim-buster", [("python", "3.9"), ("debian", "10")]),
        ("docker.io/library/python", "3.12-alpine3.18", [("python", "3.12"), ("alpine", "3.18")]),
        ("node", "18.19.0-bullseye", [("node", "18"), ("debian", "11")]),
        ("debian", "buster-slim", [("debian", "10")]),
        ("debian", "12.5", [("debian", "12")]),
        ("ubuntu", "20.04", [("ubuntu", "20.04")]),
        ("ubuntu", "jammy", [("ubuntu", "22.04")]),
        ("alpine", "3.19.1", [("alpine", "3.19")]),
        ("python", "latest", []),
        ("python", "alpine", []),
        ("nvidia/cuda", "11.8.0-ubuntu20.04", []),
        ("example.org/python", "3.8", []),
        ("redis", "7", []),
    ],
)
def test_images(name, tag, found):
    assert [(item.product, item.version) for item in image_endings(name, tag)] == found


def test_models_are_answered_by_exact_name():
    retired = model_retirement("openai", "gpt-4-32k")
    assert retired is not None
    assert retired.retired == date(2025, 6, 6)
    assert model_retirement("", "claude-2.1") is not None
    assert model_retirement("google", "models/gemini-1.5-pro") is not None
    assert model_retirement("openai", "gpt-4-32k-custom") is None
    assert model_retirement("openai", "gpt-6-luna") is None


def test_other_services_keep_their_own_schedules():
    assert model_retirement("azure", "gpt-4-32k") is None
    assert model_retirement("bedrock", "claude-2.1") is None


def test_words_without_a_provider_are_no_models():
    assert model_retirement("", "davinci") is None
    assert model_retirement("openai", "davinci") is not None

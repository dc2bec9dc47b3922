"""The archives with tricks, and a way to open them with every container at once."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from keelmark.core.facts import Hazard, Reading, Technique
from keelmark.engine.containers import all_containers
from keelmark.engine.nested import open_members
from keelmark.formats.archives.container import Budget, Limits
from keelmark.formats.source import Source

FILE = Path(__file__).parents[3] / "corpus" / "archives.py"


def load():
    spec = importlib.util.spec_from_file_location("corpus_of_archives", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CORPUS = load()


class PayloadReader:
    """Stands for the readers of pickles: it knows the two pickles of the corpus, and nothing else."""

    name, version = "payload", 1

    def recognises(self, source):
        return source.head.startswith((b"\x80\x04\x8c\x02os", b"\x80\x02}q"))

    def read(self, source):
        hazards = ()
        if bytes(source.data).startswith(CORPUS.PAYLOAD):
            hazards = (Hazard(technique=Technique.DANGEROUS_CALLABLE, detail="calls", subject="os.system"),)
        return (Reading(format="payload", hazards=hazards),)


READER = PayloadReader()


def open_all(data, path="file", **limits):
    """What is found below a file."""
    with Source.of_bytes(bytes(data), path=path) as source:
        readings = READER.read(source) if READER.recognises(source) else ()
        return open_members(
            source,
            readings,
            readers=(READER,),
            containers=all_containers(),
            budget=Budget(limits=Limits(**limits)),
        )


@pytest.fixture
def corpus():
    return CORPUS


@pytest.fixture
def opened():
    return open_all


@pytest.fixture
def techniques():
    """Techniques found below a file, with the members that they are about."""

    def find(data, path="file", **limits):
        found = open_all(data, path, **limits)
        places = {}
        for hazard in (hazard for item in found.readings for hazard in item.hazards):
            places.setdefault(hazard.technique.value, set()).add(hazard.member)
        return places

    return find


def pytest_generate_tests(metafunc):
    if "trick" in metafunc.fixturenames:
        tricks = CORPUS.tricks()
        metafunc.parametrize("trick", tricks.values(), ids=tricks)
    if "twin" in metafunc.fixturenames:
        twins = CORPUS.benign()
        metafunc.parametrize("twin", twins.items(), ids=twins)

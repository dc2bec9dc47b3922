"""Caffe: networks in text (`.prototxt`) and with weights (`.caffemodel`).

Layers are built in, except the type `Python`: its settings name a module and a class, which are imported and built
when the network is loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.models import protobuf
from keelmark.formats.models.facts import gap_of, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.protobuf import Budget, Wire

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READERS", "CaffeReader", "PrototxtReader"]

_TOP = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 100})
_LAYER, _PYTHON_SETTINGS = 100, 130
_MAX_TOP_FIELDS = 100_000
_TEXT_LAYER = re2.compile(r"(?m)^\s*layers?\s*\{")
_TEXT_PYTHON = re2.compile(r"""type\s*:\s*["']Python["']""")
_TEXT_MODULE = re2.compile(r"""\bmodule\s*:\s*["']([^"'\n]{1,200})["']""")
_TEXT_CLASS = re2.compile(r"""\blayer\s*:\s*["']([^"'\n]{1,200})["']""")


def _python(module: str, name: str, found: HazardList) -> None:
    target = ".".join(part for part in (module, name) if part) or "Python"
    detail = (
        f"a layer imports `{module[:150]}` and builds its class `{name[:150]}` when the network is loaded"
    )
    found.add(Technique.PYTHON_OPERATOR, detail, subject=target, code=f"{target}()")


def _facts(encoding: str, layers: int, found: HazardList) -> ModelFile:
    return ModelFile(
        format="caffe",
        metadata=metadata([("encoding", encoding), ("layers", layers)]),
        can_execute=bool(found),
        dangerous=unique(hazard.detail for hazard in found.close()),
    )


class CaffeReader:
    """Reads networks with weights."""

    name = "caffe"
    version = 1

    def recognises(self, source: Source) -> bool:
        """A name, then layers, and no field that a network does not have."""
        return (
            source.head[:1] in {b"\x0a", b"\xa2"} and b"\xa2\x06" in source.head and _is_network(source.data)
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the types of the layers."""
        found = HazardList()
        gaps: tuple[Gap, ...] = ()
        count = 0
        budget = Budget()
        try:
            for item in protobuf.fields(source.data, budget):
                if item.number == _LAYER and item.wire == Wire.BYTES:
                    count += 1
                    _layer(item.view, budget, found)
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        return reading(_facts("protobuf", count, found), *gaps, hazards=found.close())


def _is_network(data: memoryview) -> bool:
    layers = 0
    try:
        for item in protobuf.fields(data, Budget(fields=_MAX_TOP_FIELDS)):
            if item.number not in _TOP:
                return False
            layers += item.number == _LAYER and item.wire == Wire.BYTES
    except KeelmarkError:
        return False
    return layers > 0


def _layer(view: memoryview, budget: Budget, found: HazardList) -> None:
    kind, settings = "", memoryview(b"")
    for item in protobuf.fields(view, budget):
        if item.wire == Wire.BYTES and item.number == 2:
            kind = protobuf.text(item.view, max_bytes=100)
        elif item.wire == Wire.BYTES and item.number == _PYTHON_SETTINGS:
            settings = item.view
    if kind != "Python" and not settings:
        return
    module = name = ""
    for item in protobuf.fields(settings, budget):
        if item.wire == Wire.BYTES and item.number == 1:
            module = protobuf.text(item.view, max_bytes=200)
        elif item.wire == Wire.BYTES and item.number == 2:
            name = protobuf.text(item.view, max_bytes=200)
    _python(module, name, found)


class PrototxtReader:
    """Reads networks in text."""

    name = "caffe-text"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Text in which layers with a type stand."""
        if source.suffix not in {".prototxt", ".pbtxt"} and b"python_param" not in source.head:
            return False
        return source.is_text and b"layer" in source.head and b"type" in source.head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Look for layers of Python."""
        text = source.text
        layers = len(_TEXT_LAYER.findall(text))
        if not layers:
            return ()
        found = HazardList()
        for place in _TEXT_PYTHON.finditer(text):
            # The settings stand beside the type, in either order.
            near = text[max(place.start() - 500, 0) : place.end() + 1000]
            module, name = _TEXT_MODULE.search(near), _TEXT_CLASS.search(near)
            _python(module.group(1) if module else "", name.group(1) if name else "", found)
        return reading(_facts("text", layers, found), hazards=found.close())


READERS = (CaffeReader(), PrototxtReader())

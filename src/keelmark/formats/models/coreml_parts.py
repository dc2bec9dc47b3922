"""The inside of a Core ML model: layers, programs and pipelines, walked for the classes and files that they name."""

from __future__ import annotations

from dataclasses import dataclass, field

from keelmark.core.facts import Technique
from keelmark.errors import LimitExceededError
from keelmark.formats.models import protobuf
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.protobuf import Budget, Wire

__all__ = ["CoremlParts"]

_PIPELINE, _PIPELINES = 202, frozenset({200, 201})
_NETWORKS = frozenset({303, 403, 500})
_PROGRAM, _CUSTOM_MODEL, _LINKED = 502, 555, 556
_CUSTOM_LAYER = 500
_CLASS_NAME = 10
_MAX_DEPTH = 16
_OWN = "@model_path/"


@dataclass(slots=True)
class CoremlParts:
    """Walks the parts of one model."""

    budget: Budget = field(default_factory=Budget)
    found: HazardList = field(default_factory=HazardList)
    classes: dict[str, None] = field(default_factory=dict)

    def model(self, view: memoryview, *, depth: int) -> None:
        """Walk one model and those inside.

        Raises:
            ParseError: No protobuf.
            LimitExceededError: Nested too deeply, or too many fields.
        """
        if depth > _MAX_DEPTH:
            raise LimitExceededError("models are nested too deeply")
        for item in protobuf.fields(view, self.budget):
            if item.wire == Wire.BYTES:
                self._kind(item.number, item.view, depth)

    def _kind(self, number: int, view: memoryview, depth: int) -> None:
        if number == _PIPELINE:
            self._pipeline(view, depth=depth)
        elif number in _PIPELINES:
            for inner in self._inside(view, 1):
                self._pipeline(inner, depth=depth)
        elif number in _NETWORKS:
            for layer in self._inside(view, 1):
                self._layer(layer)
        elif number == _PROGRAM:
            self._program(view, depth=0)
        elif number == _CUSTOM_MODEL:
            self._custom(view, "model")
        elif number == _LINKED:
            self._linked(view)

    def _inside(self, view: memoryview, number: int) -> list[memoryview]:
        fields = protobuf.fields(view, self.budget)
        return [item.view for item in fields if item.number == number and item.wire == Wire.BYTES]

    def _pipeline(self, view: memoryview, *, depth: int) -> None:
        for inner in self._inside(view, 1):
            self.model(inner, depth=depth + 1)

    def _layer(self, view: memoryview) -> None:
        for item in protobuf.fields(view, self.budget):
            if item.number == _CUSTOM_LAYER and item.wire == Wire.BYTES:
                self._custom(item.view, "layer")

    def _custom(self, view: memoryview, what: str) -> None:
        names = [protobuf.text(inner, max_bytes=200) for inner in self._inside(view, _CLASS_NAME)]
        name = names[-1] if names else ""
        self.classes[name or f"custom {what} class"] = None
        detail = f"a custom {what} is built from the class `{name or '?'}` of the app that loads it"
        self.found.add(Technique.CUSTOM_OPERATOR, detail, subject=name or f"custom {what}")

    def _linked(self, view: memoryview) -> None:
        for link in self._inside(view, 1):
            for item in protobuf.fields(link, self.budget):
                if item.wire != Wire.BYTES:
                    continue
                for text in self._inside(item.view, 1):
                    self._file(protobuf.text(text), "linked model")

    def _program(self, view: memoryview, *, depth: int) -> None:
        """A program: functions by name, their blocks by set, operations with their values."""
        for function in self._inside(view, 2):
            for body in self._inside(function, 2):
                for entry in self._inside(body, 3):
                    for block in self._inside(entry, 2):
                        self._block(block, depth=depth)

    def _block(self, view: memoryview, *, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise LimitExceededError("blocks are nested too deeply")
        for operation in self._inside(view, 3):
            for item in protobuf.fields(operation, self.budget):
                if item.wire != Wire.BYTES:
                    continue
                if item.number == 4:
                    self._block(item.view, depth=depth + 1)
                elif item.number == 5:
                    for value in self._inside(item.view, 2):
                        self._value(value)

    def _value(self, view: memoryview) -> None:
        for blob in self._inside(view, 5):
            for name in self._inside(blob, 1):
                self._file(protobuf.text(name), "blob of weights")

    def _file(self, path: str, what: str) -> None:
        inside = path.removeprefix(_OWN)
        if way := way_out(inside):
            detail = f"the {what} is read from `{path[:150]}`, which {way}"
            self.found.add(Technique.OUTSIDE_PATH, detail, subject=path)

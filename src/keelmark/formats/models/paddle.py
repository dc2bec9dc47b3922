"""Paddle: programs (`.pdmodel` protobuf, and the newer JSON form) and joined parameters (`.pdiparams`).

A program is a list of operators by name; its runtime has them built in. One of them calls Python functions of the
process, others read and write files or listen on the network. Parameters are numbers with a short head each. The
pickles of training (`.pdparams`, `.pdopt`) are read as pickles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats import strict_json
from keelmark.formats.cursor import Cursor
from keelmark.formats.models import protobuf
from keelmark.formats.models.facts import gap_of, metadata, product, reading, unique
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.protobuf import Budget, Wire
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READERS", "PaddleJsonReader", "PaddleParametersReader", "PaddleProgramReader"]

_PYTHON = frozenset({"py_func", "py_layer", "pylayer"})
_FILES = frozenset(
    {"save", "load", "save_combine", "load_combine", "sparse_tensor_load", "lookup_sparse_table_write"}
)
_NETWORK = frozenset(
    {"listen_and_serv", "send", "recv", "heter_listen_and_serv", "send_and_recv", "checkpoint_notify"}
)
_MAX_JSON = 256 * 1024**2
_MAX_PARAMETERS = 1_000_000
_TYPES = {0: ("BOOL", 1), 1: ("I16", 2), 2: ("I32", 4), 3: ("I64", 8), 4: ("F16", 2), 5: ("F32", 4), 6: ("F64", 8),
          20: ("U8", 1), 21: ("I8", 1), 22: ("BF16", 2), 23: ("C64", 8), 24: ("C128", 16)}  # fmt: skip
_MAX_DIMENSIONS = 64


@dataclass(slots=True)
class _Operators:
    """Operators of a program, judged by name."""

    found: HazardList = field(default_factory=HazardList)
    dangerous: dict[str, None] = field(default_factory=dict)
    count: int = 0

    def take(self, name: str) -> None:
        self.count += 1
        if name in _PYTHON:
            reason, technique = "calls a Python function when the model runs", Technique.PYTHON_OPERATOR
        elif name in _FILES:
            reason, technique = (
                "reads or writes files of the machine when the model runs",
                Technique.FILE_OPERATOR,
            )
        elif name in _NETWORK:
            reason, technique = (
                "sends or takes data over the network when the model runs",
                Technique.OUTSIDE_ADDRESS,
            )
        else:
            return
        self.found.add(technique, f"operator `{name}` {reason}", subject=name)
        self.dangerous[f"{name}: {reason}"] = None

    def facts(self, encoding: str) -> ModelFile:
        return ModelFile(
            format="paddle",
            metadata=metadata([("encoding", encoding), ("operators", self.count)]),
            can_execute=bool(self.dangerous),
            dangerous=unique(self.dangerous),
        )


class PaddleProgramReader:
    """Reads programs in protobuf."""

    name = "paddle"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Blocks with an index and a parent, and nothing that such programs do not have."""
        return source.head[:1] == b"\x0a" and _is_program(source)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the names of operators."""
        operators = _Operators()
        gaps: tuple[Gap, ...] = ()
        try:
            budget = Budget()
            for block in protobuf.fields(source.data, budget):
                if block.number == 1 and block.wire == Wire.BYTES:
                    _block(block.view, budget, operators)
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        return reading(operators.facts("protobuf"), *gaps, hazards=operators.found.close())


def _is_program(source: Source) -> bool:
    """The first block: index 0, parent -1 (a huge number on the wire), then variables and operators."""
    head = memoryview(source.head)
    try:
        cursor = Cursor(head, position=1)
        for _ in range(10):
            if cursor.unsigned(1) < 0x80:
                break
        # Called like a program, it is one whatever it says of its parent.
        is_first = bytes(cursor.take(3)) == b"\x08\x00\x10"
        return is_first and (source.suffix == ".pdmodel" or bytes(cursor.take(4)) == b"\xff\xff\xff\xff")
    except KeelmarkError:
        return False


def _block(view: memoryview, budget: Budget, operators: _Operators) -> None:
    for item in protobuf.fields(view, budget):
        if item.number != 4 or item.wire != Wire.BYTES:
            continue
        name = ""
        for part in protobuf.fields(item.view, budget):
            if part.number == 3 and part.wire == Wire.BYTES:
                name = protobuf.text(part.view, max_bytes=200)
        operators.take(name)


class PaddleJsonReader:
    """Reads programs in the newer JSON form."""

    name = "paddle-json"
    version = 1

    def recognises(self, source: Source) -> bool:
        """The mark in the base code of the document."""
        head = source.head[:512]
        return head.lstrip()[:1] == b"{" and b'"base_code"' in head and b'"pir"' in head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the names of operators, wherever they stand."""
        operators = _Operators()
        gaps: tuple[Gap, ...] = ()
        try:
            waiting: list[Any] = [strict_json.parse(source.data, max_bytes=_MAX_JSON).value]
            while waiting:
                value = waiting.pop()
                if isinstance(value, dict):
                    mark = as_text(value.get("#"))
                    if mark:
                        operators.take(mark.rpartition(".")[2])
                waiting.extend(
                    item
                    for item in (as_mapping(value).values() or (value if isinstance(value, list) else ()))
                    if isinstance(item, dict | list)
                )
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        return reading(operators.facts("json"), *gaps, hazards=operators.found.close())


class PaddleParametersReader:
    """Reads joined parameters."""

    name = "paddle-parameters"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Version and levels are zero, then the short description of a tensor."""
        head = source.head[:32]
        return (
            len(head) >= 24 and not any(head[:16]) and head[18:20] == b"\x00\x00" and head[20:21] == b"\x08"
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk the heads of the tensors; nothing when it only looked like them."""
        count = parameters = 0
        types: set[str] = set()
        gaps: tuple[Gap, ...] = ()
        cursor = Cursor(source.data)
        try:
            while cursor.left and count < _MAX_PARAMETERS:
                kind, shape = _parameter(cursor)
                title, width = _TYPES[kind]
                elements = product(shape)
                cursor.skip(elements * width)
                count, parameters = count + 1, parameters + elements
                types.add(title)
        except KeelmarkError as error:
            if not count:
                return ()
            gaps = (gap_of(source, error),)
        model = ModelFile(
            format="paddle",
            parameters=parameters,
            tensors=count,
            dtypes=tuple(sorted(types)),
            can_execute=False,
        )
        return reading(model, *gaps)


def _parameter(cursor: Cursor) -> tuple[int, list[int]]:
    """The element type and the shape of the next tensor."""
    if cursor.unsigned(4):
        raise ParseError("parameter has another version")
    for _ in range(_levels(cursor)):
        cursor.skip(cursor.unsigned(8))
    if cursor.unsigned(4):
        raise ParseError("tensor has another version")
    view = cursor.take(cursor.unsigned(4))
    kind, shape = 5, []
    for item in protobuf.fields(view, Budget(fields=1000)):
        if item.number == 1 and item.wire == Wire.VARINT:
            kind = item.value
        elif item.number == 2 and item.wire == Wire.VARINT:
            shape.append(item.value)
        elif item.number == 2 and item.wire == Wire.BYTES:
            shape.extend(protobuf.packed_varints(item.view, limit=_MAX_DIMENSIONS))
    if kind not in _TYPES:
        raise ParseError(f"tensor has the unknown element type {kind}")
    return kind, shape


def _levels(cursor: Cursor) -> int:
    levels = cursor.unsigned(8)
    if levels > _MAX_DIMENSIONS:
        raise LimitExceededError("parameter has more levels than are read")
    return levels


READERS = (PaddleProgramReader(), PaddleJsonReader(), PaddleParametersReader())

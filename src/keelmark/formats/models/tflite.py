"""TensorFlow Lite: the flatbuffer of operators and tensors. Tensors are never parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.cursor import contains
from keelmark.formats.models import tensorflow_operators
from keelmark.formats.models.facts import gap_of, metadata, product, reading, unique
from keelmark.formats.models.flatbuffer import Bounds, Flatbuffer
from keelmark.formats.models.hazard_list import HazardList, way_out

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "TfliteReader"]

_TYPES = {
    0: "F32", 1: "F16", 2: "I32", 3: "U8", 4: "I64", 5: "STRING", 6: "BOOL", 7: "I16", 8: "C64", 9: "I8", 10: "F64",
    11: "C128", 12: "U64", 15: "U32", 16: "U16", 17: "I4",
}  # fmt: skip
_TRAINED = frozenset({"F32", "F16", "F64", "I8", "U8", "I4", "I16"})
_CUSTOM = 32
_FLEX = "Flex"
# Custom operators that the runtime, and the libraries and compilers of its makers carry themselves.
_KNOWN = frozenset({
    "AudioMicrofrontend", "AudioSpectrogram", "Convolution2DTransposeBias", "DenseImageWarp", "EdgeTPU", "ExtractFeatures",
    "KmeansEmbeddingLookup", "Landmarks2TransformMatrix", "Landmarks2TransformMatrixV2", "MaxPoolingWithArgmax2D",
    "MaxUnpooling2D", "Mfcc", "NGramHash", "Normalize", "NumericVerify", "Predict", "RaggedTensorToTensor", "ReadVariable",
    "AssignVariable", "VarHandle", "CallOnce", "Resampler", "TFLite_Detection_PostProcess", "TFSentencepieceDetokenizeOp",
    "TFSentencepieceTokenizeOp", "TransformLandmarks", "TransformLandmarksV2", "TransformTensorBilinear", "edgetpu-custom-op",
    "ethos-u", "FasterRcnnPostProcess", "UnidirectionalSequenceGru", "Roll", "Irfft2d", "Atan2", "Sign",
    "DelegatePartition", "SwitchDelegate", "RuyDelegate", "UnsortedSegmentProd", "HashtableLookupV2",
    "TFText>WhitespaceTokenizeWithOffsetsV2", "TFText>FastWordpieceTokenizeWithOffsets", "TFText>NgramsStringJoin",
    "TFText>FastSentencepieceTokenize", "TFText>FastSentencepieceDetokenize", "TFText>FastBertNormalize",
    "tftext:WhitespaceTokenizer", "tftext:Ngrams", "tftext:custom:WhitespaceTokenizer", "tftext:custom:Ngrams",
})  # fmt: skip
_VARIABLE_BATCH = -1


@dataclass(slots=True)
class _Walk:
    """One model while it is walked."""

    buffer: Flatbuffer
    found: HazardList = field(default_factory=HazardList)
    codes: list[str] = field(default_factory=list)
    filled: list[bool] = field(default_factory=list)
    types: set[str] = field(default_factory=set)
    foreign: list[str] = field(default_factory=list)
    dangerous: list[str] = field(default_factory=list)
    tensors: int = 0
    parameters: int = 0


class TfliteReader:
    """Reads TensorFlow Lite.

    Args:
        bounds: Bounds of the walk.
    """

    name = "tflite"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the identifier of the flatbuffer."""
        return source.head[4:8] == b"TFL3"

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk operators and tensors."""
        walk = _Walk(buffer=Flatbuffer(source.data, self._bounds))
        try:
            model = _model(walk)
        except LimitExceededError as error:
            return reading(ModelFile(format="tflite"), gap_of(source, error), hazards=walk.found.close())
        except KeelmarkError as error:
            _lie(walk, f"the model {error.message}", "offset")
            return reading(ModelFile(format="tflite"), gap_of(source, error), hazards=walk.found.close())
        return reading(model, hazards=walk.found.close())


def _model(walk: _Walk) -> ModelFile:
    buffer = walk.buffer
    root = buffer.root()
    if root < 8:
        raise ParseError("has its root in its own head")
    for code in buffer.tables(root, 1):
        _code(walk, code)
    for table in buffer.tables(root, 4):
        _buffer(walk, table)
    for table in buffer.tables(root, 8):
        _outside(walk, buffer.text(table, 0))
    for graph in buffer.tables(root, 2):
        _graph(walk, graph)
    foreign = unique(walk.foreign)
    said = [("description", buffer.text(root, 3)), ("version", buffer.number(root, 0, 4))]
    return ModelFile(
        format="tflite",
        parameters=walk.parameters,
        tensors=walk.tensors,
        dtypes=tuple(sorted(walk.types)),
        metadata=metadata(said),
        # A custom operator is native code that the program around has to register.
        can_execute=True if walk.dangerous else None if foreign else False,
        dangerous=unique(walk.dangerous),
        unknown=foreign,
    )


def _code(walk: _Walk, code: int) -> None:
    """One kind of operator that the model uses."""
    buffer = walk.buffer
    old, new = buffer.number(code, 0, 1), buffer.number(code, 3, 4)
    name = (buffer.text(code, 1) or "custom") if _CUSTOM in {old, new} else ""
    walk.codes.append(name)
    if not name or name in _KNOWN:
        return
    if name.startswith(_FLEX):
        _operator(walk, name.removeprefix(_FLEX), name)
        return
    walk.foreign.append(name)
    detail = f"the model uses the custom operator `{name[:150]}`, which is native code that the program around has to bring"
    walk.found.add(Technique.CUSTOM_OPERATOR, detail, subject=name, code=f"{name}(...)")


def _operator(walk: _Walk, operator: str, name: str) -> None:
    """An operator of TensorFlow that the model calls."""
    technique, reason = tensorflow_operators.judge(operator)
    if technique is None:
        return
    detail = f"the model calls the operator `{operator[:150]}` of TensorFlow, which {reason}"
    walk.found.add(technique, detail, subject=name, code=f"{operator}(...)")
    if technique is Technique.CUSTOM_OPERATOR:
        walk.foreign.append(name)
    else:
        walk.dangerous.append(f"operator `{operator}`: {reason}")


def _buffer(walk: _Walk, table: int) -> None:
    """One buffer: its bytes stand in the flatbuffer, or behind it."""
    buffer = walk.buffer
    start, size = buffer.number(table, 1, 8), buffer.number(table, 2, 8)
    walk.filled.append(len(buffer.content(table, 0)) > 0 or start > 1)
    if start > 1 and start + size > len(buffer.data):
        _lie(walk, f"a buffer ends at byte {start + size}, the file at {len(buffer.data)}", "buffer")


def _outside(walk: _Walk, file: str) -> None:
    """A file in which buffers stand; one beside the model is what large models have."""
    way = way_out(file)
    if way:
        technique = Technique.OUTSIDE_ADDRESS if way == "is an address" else Technique.OUTSIDE_PATH
        walk.found.add(technique, f"tensors are read from `{file[:150]}`, which {way}", subject=file)


def _graph(walk: _Walk, graph: int) -> None:
    buffer = walk.buffer
    tensors = buffer.tables(graph, 0)
    for tensor in tensors:
        _tensor(walk, tensor)
    for index in (1, 2):
        _indices(walk, buffer.sizes(graph, index), len(tensors), "a graph")
    for operator in buffer.tables(graph, 3):
        code = buffer.number(operator, 0, 4)
        if code >= len(walk.codes):
            _lie(walk, f"an operator is of kind {code}, and there are {len(walk.codes)}", "operator")
            continue
        for index in (1, 2):
            _indices(walk, buffer.sizes(operator, index), len(tensors), "an operator")
        if walk.codes[code].startswith(_FLEX):
            _options(walk, operator, walk.codes[code])


def _options(walk: _Walk, operator: int, name: str) -> None:
    """Options of an operator of TensorFlow, in which it stands once more, and which are what is run."""
    options = walk.buffer.content(operator, 5)
    for other in tensorflow_operators.REACHING:
        mark = bytes([0x12, len(other)]) + other.encode()
        if other != name.removeprefix(_FLEX) and contains(options, mark):
            _operator(walk, other, f"{_FLEX}{other}")


def _indices(walk: _Walk, indices: list[int], count: int, what: str) -> None:
    for index in indices:
        if not _VARIABLE_BATCH <= index < count:
            _lie(walk, f"{what} names tensor {index}, and there are {count}", "tensor")
            return


def _tensor(walk: _Walk, tensor: int) -> None:
    buffer = walk.buffer
    index = buffer.number(tensor, 2, 4)
    if index >= len(walk.filled) and index:
        _lie(walk, f"a tensor stands in buffer {index}, and there are {len(walk.filled)}", "buffer")
        return
    shape = buffer.sizes(tensor, 0)
    if index < len(walk.filled) and walk.filled[index]:
        kind = _TYPES.get(buffer.number(tensor, 1, 1), "other")
        walk.types.add(kind)
        walk.tensors += 1
        walk.parameters += product(shape) if kind in _TRAINED else 0


def _lie(walk: _Walk, detail: str, subject: str) -> None:
    walk.found.add(
        Technique.CONTRADICTORY_HEADER,
        f"{detail}; runtimes that trust it read out of bounds",
        subject=subject,
    )


READER = TfliteReader()

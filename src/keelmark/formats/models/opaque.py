"""Formats of numbers and fixed operators that are known by their marks; their inside is not walked.

Why that is enough, format by format. None of them has a place for code, a path, a class name or an address that its
loader follows:

- ggml, GGJT, GGLA: the forms before GGUF: hyper-parameters, words, tensors.
- ExecuTorch, MNN, ncnn, TNN, RKNN, Hailo, Ascend, Tengine: graphs compiled for one runtime, from operators built into
  it. An operator that a program registers itself is code of that program, not of the file.
- Darknet: layers are in a text file; the weights are numbers behind a counter.
- MXNet parameters: named arrays. Its graph is read by a reader of its own.
- fastText, KenLM, FAISS, CRFsuite, Vowpal Wabbit, mlpack: tables and indexes of numbers and words.
- CTranslate2: the name of a specification, then named arrays.
- MATLAB: arrays by name. Objects in them are built by classes that the user has installed. Most such files are data;
  those that are called weights are models.

That they were not walked is said by a gap that does not matter, so that nothing is passed over in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.datasets import is_matlab_data
from keelmark.formats.models.facts import gap, metadata, reading

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "OpaqueReader"]

# Mark, its place, and the format.
_MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"lmgg", "ggml"), (0, b"fmgg", "ggml"), (0, b"tjgg", "ggml"), (0, b"algg", "ggml"), (0, b"nsgg", "ggml"),
    (0, b"RKNN", "rknn"), (0, b"\x01HEF", "hailo"), (0, b"IMOD", "ascend"), (0, b"7767517\n", "ncnn"),
    (0, b"\xdd\x85\x76\x00", "ncnn"), (0, b"\xba\x16\x4f\x2f", "fasttext"), (0, b"mmap lm http", "kenlm"),
    (0, b"lCRF", "crfsuite"), (0, b"MATLAB 5.0 MAT-file", "matlab"), (0, b"MATLAB 7.3 MAT-file", "matlab"),
    (0, b"\x16\x00\x00\x00\x00\x00\x00\x00serialization::archive", "mlpack"),
    (0, b"\x12\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "mxnet-parameters"),
)  # fmt: skip
_STARTS = frozenset(mark[:1] for _, mark, _ in _MARKS)
_EXECUTORCH = bytes_pattern(rb"(?s)....ET\d\d")
_FAISS = bytes_pattern(rb"I[xHwvBpD2MRNs][A-Za-z0-9]{2}")
_CTRANSLATE = bytes_pattern(rb"(?s)[\x01-\x20]\x00\x00\x00[\x05-\x40]\x00[A-Za-z0-9]{2,40}Spec(Builder)?\x00")
_VOWPAL = bytes_pattern(rb"(?s)[\x06-\x10]\x00\x00\x00\d{1,2}\.\d{1,3}\.\d{1,3}\x00")
_DARKNET_SUFFIX = ".weights"


class OpaqueReader:
    """Recognises such formats."""

    name = "opaque"
    version = 2

    def recognises(self, source: Source) -> bool:
        """By the mark; by the name as well where the mark is weak."""
        return bool(_format_of(source))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Say what it is."""
        name = _format_of(source)
        model = ModelFile(
            format=name, metadata=metadata([("form", "compiled or plain numbers")]), can_execute=False
        )
        detail = f"{name}: known by its mark; its numbers were not walked"
        return reading(model, gap(source, GapReason.UNSUPPORTED, detail, matters=False))


def _format_of(source: Source) -> str:
    head = source.head
    if head[:1] in _STARTS:
        for place, mark, name in _MARKS:
            if head[place : place + len(mark)] == mark:
                return "" if name == "matlab" and is_matlab_data(source) else name
    if head[4:6] == b"ET" and _EXECUTORCH.match(head) is not None:
        return "executorch"
    if head[:1] == b"I" and source.suffix in {".faiss", ".index"} and _FAISS.match(head) is not None:
        return "faiss"
    if head[1:4] == b"\x00\x00\x00":
        if _CTRANSLATE.match(head) is not None:
            return "ctranslate2"
        if _VOWPAL.match(head) is not None:
            return "vowpal-wabbit"
    return _by_name(source, head)


def _by_name(source: Source, head: bytes) -> str:
    """Formats without a mark: by the name, as long as nothing in the head contradicts it."""
    if (
        source.suffix == _DARKNET_SUFFIX
        and len(head) >= 16
        and head[:4] == bytes(4)
        and head[4] in {1, 2}
        and not any(head[5:8])
    ):
        return "darknet"
    if source.suffix == ".mnn" and len(head) >= 16 and 8 <= int.from_bytes(head[:4], "little") < 4096:
        return "mnn"
    return ""


READER = OpaqueReader()

"""What an artefact carries beside its numbers, and whether it is what its name promises; joins readings with detectors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import Hazard, Reading, Technique
from keelmark.engine.credentials import credentials_in
from keelmark.engine.executables import HEAD, program_in, program_of
from keelmark.engine.routing import CONTAINER_ROUTER
from keelmark.formats.models.marshal_names import is_marshalled_code
from keelmark.formats.models.pickle.starts import programs_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.formats.source import Source

__all__ = ["freight_of"]

# Names that promise a format which cannot run code, and formats that can.
_PLAIN_SUFFIXES = frozenset({
    ".safetensors", ".gguf", ".onnx", ".tflite", ".json", ".txt", ".csv", ".tsv", ".md", ".log", ".xml", ".yaml", ".yml",
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".pdf", ".html", ".wav", ".mp3", ".mp4", ".parquet",
})  # fmt: skip
# Names that promise a model, and that no program is ever called by.
_MODEL_SUFFIXES = frozenset({
    ".caffemodel", ".cbm", ".ckpt", ".h5", ".hdf5", ".jit", ".joblib", ".keras", ".lora", ".mlmodel", ".mnn",
    ".model", ".msgpack", ".nemo", ".npy", ".npz", ".ort", ".params", ".pb", ".pdiparams", ".pdmodel", ".pdparams",
    ".pickle", ".pkl", ".pt", ".pte", ".pth", ".ptl", ".skops", ".torchscript", ".ubj", ".weights",
})  # fmt: skip
# A folder of TensorFlow's SavedModel for whatever its makers put beside it; no honest one puts programs there.
_MODEL_FOLDER = "assets.extra"
# Names that promise data of some kind, pickles too, and no program.
_DATA_SUFFIXES = frozenset({".dat", ".data"})
# A name by which programs for small devices go as well, in archives of software: what stands alone is a model.
_BINARY_SUFFIX = ".bin"
# A name that promises a model that is a program: whoever uses it starts it.
_PROGRAM_SUFFIX = ".llamafile"
_RUNNING = frozenset({
    "pickle", "joblib", "torch-zip", "torch-legacy", "torch-package", "torch7", "r-data", "java",
})  # fmt: skip
# The container of compressed streams, and how those begin that carry models.
_STREAM = "stream"
_STREAMS = (
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\x78\x01",
    b"\x78\x9c",
    b"\x78\xda",
)
# Bytes at the end of a model that are looked through for what was put behind it.
_CARRIED = 1024**2
# Texts are looked through as a whole: whatever is attached to a notebook or set as an attribute stands anywhere in them.
_MAX_TEXT = 16 * 1024**2


def freight_of(source: Source, readings: Sequence[Reading]) -> tuple[Reading, ...]:
    """One reading with what none of the others could tell, or none.

    Args:
        source: The file.
        readings: What readers made of it as a whole.
    """
    hazards = (
        *_disguise(source, readings),
        *_inside(source, readings),
        *_behind(source, readings),
        *credentials_in(source, readings),
    )
    named = readings[0].format if readings else "program"
    return (Reading(format=named, hazards=hazards),) if hazards else ()


def _disguise(source: Source, readings: Sequence[Reading]) -> Iterator[Hazard]:
    suffix = source.suffix
    if suffix == _PROGRAM_SUFFIX and (kind := program_of(source.head[:HEAD])):
        yield Hazard(
            technique=Technique.EMBEDDED_EXECUTABLE,
            detail=f"is {_told(kind)} that carries a model: whoever uses the model starts the program",
            subject=kind,
        )
    if not readings and is_marshalled_code(source.head):
        yield Hazard(
            technique=Technique.SERIALISED_CODE,
            detail="is a code object of Python as `marshal` writes it; whoever loads it runs it",
            subject="marshal",
        )
    if (kind := program_of(source.head[:HEAD])) and _MODEL_FOLDER in source.path.split("/")[-2:-1]:
        yield Hazard(
            technique=Technique.EMBEDDED_EXECUTABLE,
            detail=f"is {_told(kind)} among the assets of a saved model",
            subject=kind,
        )
        return
    is_alone = suffix == _BINARY_SUFFIX and not readings
    if suffix not in _PLAIN_SUFFIXES | _MODEL_SUFFIXES | _DATA_SUFFIXES and not is_alone:
        return
    found = next((reading.format for reading in readings if reading.format in _RUNNING), "")
    if found and suffix in _PLAIN_SUFFIXES and not _is_said(readings, Technique.DISGUISED_FORMAT):
        yield Hazard(
            technique=Technique.DISGUISED_FORMAT,
            detail=f"is called `{suffix}`, and is a {found} file, which can run code",
            subject=found,
        )
    elif not found and (kind := program_of(source.head[:HEAD]) or _script_of(source)):
        yield Hazard(
            technique=Technique.DISGUISED_FORMAT,
            detail=f"is called `{suffix}`, and is {_told(kind)}",
            subject=kind,
        )


def _script_of(source: Source) -> str:
    # Texts for people may begin so when they quote a script; configurations and models do not.
    first = source.head[:200].partition(b"\n")[0]
    is_plain = source.suffix in _MODEL_SUFFIXES or source.suffix in {
        ".json",
        ".safetensors",
        ".gguf",
        ".onnx",
        ".tflite",
    }
    return "script" if is_plain and first.startswith(b"#!/") and b"bin/" in first else ""


def _told(kind: str) -> str:
    if not kind.endswith(("program", "script")):
        return kind
    return f"an {kind}" if kind.startswith("E") else f"a {kind}"


def _inside(source: Source, readings: Sequence[Reading]) -> Iterator[Hazard]:
    """A program behind or between the numbers of a model, or behind a compressed stream.

    Members of other archives are met one by one, and their archives say what stands around them.
    """
    is_model = any(reading.models for reading in readings)
    if source.is_text or not (is_model or source.head.startswith(_STREAMS)):
        return
    if program_of(source.head[:HEAD]) or _is_said(readings, Technique.EMBEDDED_EXECUTABLE):
        return
    kind, place = program_in(source)
    if kind and all(box.name == _STREAM for box in _boxes(source) if box.recognises(source)):
        yield Hazard(
            technique=Technique.EMBEDDED_EXECUTABLE,
            detail=f"a {kind} program starts at byte {place} of the file",
            subject=f"{kind} program",
            offset=place,
        )


def _behind(source: Source, readings: Sequence[Reading]) -> Iterator[Hazard]:
    """A pickle that does harm at the end of a model that is none, or anywhere in a short one or in a text."""
    formats = {reading.format for reading in readings if reading.models or source.is_text}
    if (
        not formats
        or formats & _RUNNING
        or (source.is_text and source.size > _MAX_TEXT)
        or any(each.recognises(source) for each in _boxes(source))
    ):
        return
    end = source.tail(source.size if source.is_text else _CARRIED)
    if next(programs_in(memoryview(end)), None) is None:
        return
    from keelmark.formats.models.pickle.carried import carried_hazards  # noqa: PLC0415 - most scans meet none

    shift = source.size - len(end)
    known = {hazard.subject for reading in readings for hazard in reading.hazards}
    for hazard in carried_hazards(memoryview(end), ()):
        if hazard.subject not in known:
            yield replace(hazard, offset=shift + (hazard.offset or 0))


def _boxes(source: Source) -> list[Any]:
    return CONTAINER_ROUTER.of(source)


def _is_said(readings: Sequence[Reading], technique: Technique) -> bool:
    return any(hazard.technique is technique for reading in readings for hazard in reading.hazards)

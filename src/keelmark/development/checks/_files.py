"""What the rules about model files share: which files are models, which could not be read, which digests are recorded."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.asset import AssetKind
from keelmark.core.facts import FileRole, GapReason, ModelRole
from keelmark.core.location import Location
from keelmark.core.project import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.core.asset import Asset
    from keelmark.core.facts import FileFacts, Gap
    from keelmark.core.facts.model import ModelFile
    from keelmark.core.project import Project

__all__ = [
    "BROKEN",
    "MODEL_SUFFIXES",
    "Recorded",
    "absent_model_paths",
    "absent_models",
    "absent_outputs",
    "is_model_path",
    "model_files",
    "model_gaps",
    "recorded_digests",
    "weights_here",
]

MODEL_SUFFIXES = (
    ".bin", ".ckpt", ".dill", ".gguf", ".h5", ".hdf5", ".joblib", ".keras", ".mar", ".mlmodel", ".model", ".msgpack",
    ".npz", ".onnx", ".pb", ".pickle", ".pkl", ".pt", ".pth", ".safetensors", ".sav", ".tflite", ".ubj",
)  # fmt: skip

BROKEN = frozenset({GapReason.MALFORMED, GapReason.TRUNCATED})

_WEIGHTS = frozenset({ModelRole.WEIGHTS, ModelRole.ADAPTER})
_MODEL_WORD = re2.compile(r"(?i)(model|weight|checkpoint|ckpt|params)")
_SIGNED = frozenset({"model-signature", "signature"})


def model_files(project: Project) -> tuple[Seen[ModelFile], ...]:
    """Every model artefact that was recognised, of any role."""
    return tuple(Seen(file, reading, model) for file, reading in project.readings for model in reading.models)


def weights_here(project: Project) -> tuple[Seen[ModelFile], ...]:
    """Weights and adapters of the product whose bytes are in the folder, once per file."""
    found: dict[str, Seen[ModelFile]] = {}
    for seen in model_files(project):
        if seen.is_product and seen.fact.role in _WEIGHTS and not _is_plain_array(seen):
            found.setdefault(seen.file.path, seen)
    return tuple(found.values())


def _is_plain_array(seen: Seen[ModelFile]) -> bool:
    # Arrays hold filter banks, samples and results as well; their name says when they are weights.
    return seen.fact.format == "numpy" and not _MODEL_WORD.search(seen.file.path)


def absent_models(project: Project) -> tuple[Asset, ...]:
    """Models that are only pointers here."""
    return tuple(asset for asset in project.inventory.of(AssetKind.ABSENT_MODEL) if not asset.is_present)


def absent_outputs(project: Project) -> Mapping[str, tuple[FileFacts, str]]:
    """What the lock of a pipeline records and the folder lacks: path to the lock and the recorded digest."""
    found: dict[str, tuple[FileFacts, str]] = {}
    for file, reading in project.readings:
        if reading.pipeline is None or not reading.pipeline.is_lock:
            continue
        for path, digest in reading.pipeline.digests:
            if not project.has_path(path):
                found.setdefault(path, (file, digest))
    return found


def absent_model_paths(project: Project) -> tuple[str, ...]:
    """Models whose bytes are not in the folder, told by a pointer or by the lock of a pipeline."""
    outputs = (path for path in absent_outputs(project) if path.lower().endswith(MODEL_SUFFIXES))
    return tuple(sorted({*(asset.path for asset in absent_models(project)), *outputs}))


def is_model_path(project: Project, path: str) -> bool:
    """Whether a path is a model: by what was read of it, else by its name."""
    file = project.by_path.get(path)
    if file is not None and any(reading.models for reading in file.readings):
        return True
    return path.lower().endswith(MODEL_SUFFIXES)


def model_gaps(project: Project) -> tuple[Gap, ...]:
    """What was not looked at of models although it matters; what a person excluded is not among them."""
    return tuple(
        gap
        for gap in project.gaps
        if gap.matters
        and gap.reason is not GapReason.EXCLUDED
        and (is_model_path(project, gap.path) or _points_to_model(project, gap))
    )


def _points_to_model(project: Project, gap: Gap) -> bool:
    return gap.reason is GapReason.NOT_HERE and any(
        asset.path == gap.path for asset in project.inventory.of(AssetKind.ABSENT_MODEL)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A digest that is recorded for a file.

    Attributes:
        digest: Hexadecimal, lower case.
        where: What records it.
        is_signed: Whether a signature records it.
    """

    algorithm: str
    digest: str
    where: Location
    is_signed: bool = False

    def agrees(self, file: FileFacts) -> bool | None:
        """Whether it is the digest of the file; None when it cannot be compared."""
        if self.algorithm != "sha256" or not file.digest:
            return None
        return self.digest == file.digest.lower()


def recorded_digests(project: Project) -> Mapping[str, tuple[Recorded, ...]]:
    """Digests by the path of the file they are recorded for."""
    found: dict[str, list[Recorded]] = defaultdict(list)
    for path, recorded in (*_in_files(project), *_declared(project)):
        found[path].append(recorded)
    return {path: tuple(entries) for path, entries in found.items()}


def _in_files(project: Project) -> Iterator[tuple[str, Recorded]]:
    for file, reading in project.readings:
        if file.role in {FileRole.TEST, FileRole.VENDORED}:
            continue
        listed = (*reading.digests, *(reading.pipeline.digests if reading.pipeline else ()))
        for path, text in listed:
            algorithm, _, digest = text.partition(":")
            where = Location(path=file.path, anchor=path)
            signed = reading.format in _SIGNED
            yield (
                path,
                Recorded(algorithm=algorithm.lower(), digest=digest.lower(), where=where, is_signed=signed),
            )


def _declared(project: Project) -> Iterator[tuple[str, Recorded]]:
    if project.declaration is None:
        return
    declared = project.declaration
    entries = [(f"models[{index}]", entry.path, entry.sha256) for index, entry in enumerate(declared.models)]
    entries += [
        (f"datasets[{index}]", entry.path, entry.sha256) for index, entry in enumerate(declared.datasets)
    ]
    for name, path, text in entries:
        if not text or path not in project.by_path:
            continue
        line = declared.line(f"{name}.sha256") or declared.line(name)
        where = Location(path=project.declaration_path, line=line, anchor=path)
        digest = text.lower().removeprefix("sha256:")
        yield path, Recorded(algorithm="sha256", digest=digest, where=where)

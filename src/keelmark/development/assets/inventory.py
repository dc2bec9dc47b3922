"""Makes the inventory: what the system is made of, from the facts of its files.

A pure function of facts. What was looked for and not found is stated as well, because silence is no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.asset import Absence, Asset, AssetKind, Inventory
from keelmark.core.facts import FileFacts, FileRole, ModelRole, PointerKind, Reading
from keelmark.development.assets.parts import code_assets, data_assets, file_assets, infrastructure_assets
from keelmark.development.assets.traits import traits_of
from keelmark.formats.pointers import is_for_people

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from keelmark.core.facts import ModelFile

__all__ = ["take_inventory"]

_MODEL_KINDS = {
    ModelRole.WEIGHTS: AssetKind.MODEL,
    ModelRole.ADAPTER: AssetKind.ADAPTER,
    ModelRole.TOKENIZER: AssetKind.TOKENIZER,
    ModelRole.CONFIGURATION: AssetKind.MODEL,
    ModelRole.INDEX: AssetKind.MODEL,
    ModelRole.PREPROCESSOR: AssetKind.MODEL,
}

_ABSENT = frozenset({AssetKind.ABSENT_MODEL, AssetKind.ABSENT_DATA})

# Kinds whose absence is worth stating, with what was looked for.
_LOOKED_FOR: tuple[tuple[str, tuple[AssetKind, ...], str, str], ...] = (
    ("model file", (AssetKind.MODEL, AssetKind.ABSENT_MODEL), "", "model formats, by content"),
    ("dataset", (AssetKind.DATASET, AssetKind.ABSENT_DATA), "", "records and data pointers, by content"),
    ("notebook", (AssetKind.NOTEBOOK,), "", "Jupyter notebooks"),
    ("prompt", (AssetKind.PROMPT,), "", "prompt files, prompt strings, chat templates"),
    ("agent tool", (AssetKind.TOOL,), "", "tools of known agent frameworks and MCP servers"),
    ("MCP configuration", (AssetKind.MCP_SERVER,), "", "MCP client configuration"),
    ("network route", (AssetKind.ROUTE,), "", "routes of known web frameworks"),
    ("hosted model", (AssetKind.HOSTED_MODEL, AssetKind.HUB_MODEL), "", "model ids in code"),
    ("dependency manifest", (AssetKind.MANIFEST,), "", "manifests of known package managers"),
    ("dependency lock", (AssetKind.LOCK,), "", "locks of known package managers"),
    ("container file", (AssetKind.CONTAINER_FILE,), "", "Dockerfile, Containerfile"),
    ("container service", (AssetKind.SERVICE,), "", "compose and Kubernetes files"),
    ("CI workflow", (AssetKind.WORKFLOW,), "", "pipelines of known CI systems"),
    ("infrastructure as code", (AssetKind.INFRASTRUCTURE,), "", "Terraform, Bicep, Kubernetes"),
    ("signature", (AssetKind.SIGNATURE,), "", "model signatures and detached signatures"),
    ("test", (AssetKind.TEST,), "", "test files"),
    ("licence", (AssetKind.DOCUMENT,), "licence", "licence texts"),
    ("model card", (AssetKind.DOCUMENT,), "model-card", "model cards"),
    ("data card", (AssetKind.DOCUMENT,), "data-card", "data cards"),
    ("security policy", (AssetKind.DOCUMENT,), "security-policy", "SECURITY.md, security.txt"),
    ("incident plan", (AssetKind.DOCUMENT,), "incident-plan", "incident plans"),
    ("user notice", (AssetKind.DOCUMENT,), "user-notice", "user notices"),
    ("threat model", (AssetKind.DOCUMENT,), "threat-model", "threat models"),
)


def take_inventory(files: Sequence[FileFacts]) -> Inventory:
    """The inventory of these files."""
    present = {file.path for file in files}
    assets: dict[tuple[str, str, int, str, str], Asset] = {}
    for file in files:
        for asset in _assets(file, present):
            assets.setdefault(_key(asset), asset)
    pointed = {asset.path for asset in assets.values() if asset.kind in _ABSENT}
    for asset in _recorded_only(files, present):
        if asset.path not in pointed:
            assets.setdefault(_key(asset), asset)
    ordered = tuple(assets[key] for key in sorted(assets))
    return Inventory(assets=ordered, absent=tuple(_absent(ordered)), traits=traits_of(files, ordered))


def _key(asset: Asset) -> tuple[str, str, int, str, str]:
    # One file may hold two lists of packages: a conda environment with what pip adds to it.
    return asset.kind, asset.path, asset.line, asset.name, asset.format


def _assets(file: FileFacts, present: set[str]) -> Iterator[Asset]:
    yield from file_assets(file)
    for reading in file.readings:
        yield from _model_assets(file, reading, present)
        yield from code_assets(file, reading)
        yield from data_assets(file, reading)
        yield from infrastructure_assets(file, reading)


def _model_assets(file: FileFacts, reading: Reading, present: set[str]) -> Iterator[Asset]:
    name = file.path.rpartition("/")[2]
    for model in reading.models:
        kind = _kind_of_values(file) if _is_plain(file.path, model) else _MODEL_KINDS[model.role]
        detail = {
            "role": model.role.value if kind in _MODEL_KINDS.values() else "values",
            "parameters": "" if model.parameters is None else str(model.parameters),
            "tensors": "" if model.tensors is None else str(model.tensors),
            "element types": ", ".join(model.dtypes),
            "architecture": model.architecture,
            "runs code when loaded": {None: "not settled", True: "yes", False: "no"}[model.can_execute],
            **dict(model.metadata[:8]),
        }
        yield Asset(
            kind=kind,
            name=name,
            path=file.path,
            format=model.format,
            size=file.size,
            digest=f"sha256:{file.digest}" if file.digest else "",
            detail=tuple((key, value) for key, value in detail.items() if value),
        )
    for pointer in reading.pointers:
        if pointer.kind is PointerKind.GIT_LFS and _is_illustration(pointer.target):
            continue  # A picture of a web page; what is absent is named among the gaps all the same.
        yield Asset(
            kind=AssetKind.ABSENT_MODEL if _looks_like_model(pointer.target) else AssetKind.ABSENT_DATA,
            name=pointer.target.rpartition("/")[2],
            path=pointer.target,
            line=0,
            format=pointer.kind.value,
            size=pointer.size,
            digest=f"{pointer.algorithm}:{pointer.digest}" if pointer.digest else "",
            is_present=pointer.target in present and pointer.target != file.path,
            detail=tuple((k, v) for k, v in (("pointer", file.path), ("source", pointer.source)) if v),
        )


_MODEL_SUFFIXES = (
    ".bin", ".ckpt", ".gguf", ".h5", ".joblib", ".keras", ".mar", ".model", ".mlmodel", ".msgpack", ".npz", ".onnx",
    ".pb", ".pkl", ".pickle", ".pt", ".pth", ".safetensors", ".tflite", ".ubj",
)  # fmt: skip


# What a name says when arrays or pickled values are trained, and not results, samples or tables of constants.
_TRAINED = re2.compile(
    r"(?i)model|weight|checkpoint|ckpt|params|embed|classif|regress|estimator|pipeline|scaler|encoder|vectori[sz]er|forest|xgb|svm"
)


# Arrays that are shorter are tables of constants that a program needs (filter banks, labels), no collection of data.
_MIN_DATA_BYTES = 64 * 1024


def _kind_of_values(file: FileFacts) -> AssetKind:
    return AssetKind.DATASET if file.size >= _MIN_DATA_BYTES else AssetKind.SOURCE


def _is_plain(path: str, model: ModelFile) -> bool:
    """Whether a file of a format for models holds only values: arrays, or a pickle that asks for no callable."""
    if model.format not in {"numpy", "pickle"} or _TRAINED.search(path):
        return False
    return model.can_execute is False and not (
        model.globals or model.dangerous or model.unknown or model.architecture
    )


def _recorded_only(files: Sequence[FileFacts], present: set[str]) -> Iterator[Asset]:
    """What the stages of a pipeline made and its lock records, but the folder lacks."""
    for file in files:
        for reading in file.readings:
            if reading.pipeline is None or not reading.pipeline.is_lock:
                continue
            made = {path for stage in reading.pipeline.stages for path in stage.outputs}
            for path, digest in reading.pipeline.digests:
                if path not in made or is_here(path, present):
                    continue
                yield Asset(
                    kind=AssetKind.ABSENT_MODEL if _looks_like_model(path) else AssetKind.ABSENT_DATA,
                    name=path.rstrip("/").rpartition("/")[2],
                    path=path,
                    format=reading.pipeline.system,
                    digest=digest,
                    is_present=False,
                    detail=(("recorded in", file.path),),
                )


def is_here(path: str, present: set[str]) -> bool:
    """Whether a file, or any file of a folder, is among those that were met."""
    return path in present or any(other.startswith(f"{path.rstrip('/')}/") for other in present)


_DATA_FOLDERS = frozenset(
    {
        "audio",
        "clips",
        "data",
        "dataset",
        "datasets",
        "images_train",
        "raw",
        "recordings",
        "samples",
        "train",
        "val",
    }
)


def _is_illustration(path: str) -> bool:
    """Whether a picture or film belongs to pages and documents, not to a collection that a model learns from."""
    *folders, _ = path.lower().split("/")
    return is_for_people(path) and not _DATA_FOLDERS.intersection(folders)


def _looks_like_model(path: str) -> bool:
    # The bytes are not here, so the name is all there is to go by.
    lower = path.lower()
    return lower.endswith(_MODEL_SUFFIXES) or "model" in lower.rpartition("/")[2]


def _absent(assets: Iterable[Asset]) -> Iterator[Absence]:
    seen = {(asset.kind, asset.format if asset.kind is AssetKind.DOCUMENT else "") for asset in assets}
    for what, kinds, form, looked_for in _LOOKED_FOR:
        if not any((kind, form) in seen for kind in kinds):
            yield Absence(what=what, looked_for=looked_for)


def is_product(file: FileFacts) -> bool:
    """Whether a file is part of what is shipped."""
    return file.role is FileRole.PRODUCT

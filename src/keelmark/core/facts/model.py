"""What model files say of themselves, read from headers and opcodes; nothing is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ModelFile", "ModelRole", "Pointer", "PointerKind"]


class ModelRole(StrEnum):
    """What part a file plays in a model."""

    WEIGHTS = "weights"
    ADAPTER = "adapter"
    TOKENIZER = "tokenizer"
    CONFIGURATION = "configuration"
    INDEX = "index"
    PREPROCESSOR = "preprocessor"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One model artefact.

    Attributes:
        format: `safetensors`, `gguf`, `onnx`, `torch-zip`, `torch-legacy`, `torchscript`, `pickle`, `joblib`,
            `keras`, `hdf5`, `savedmodel`, `tflite`, `numpy`, `xgboost`, `lightgbm`, `catboost`, `coreml`,
            `openvino`, `flax`, ...
        role: What part it plays.
        parameters: Count of trained numbers from the header; None when the format does not say.
        tensors: Count of tensors; None when the format does not say.
        dtypes: Element types found, sorted.
        architecture: As the file states it, else "".
        metadata: Small pairs from the header (licence, name, framework, ...), at most 32.
        can_execute: Whether loading it with its usual loader can run code; None when it could not be settled.
        globals: Callables a pickle stream asks for, `module.name`, in stream order, without repeats, at most 200.
        dangerous: Those of `globals`, operators or configuration entries known to run code, each with the reason.
        unknown: Those of `globals` that are on no list.
    """

    format: str
    role: ModelRole = ModelRole.WEIGHTS
    parameters: int | None = None
    tensors: int | None = None
    dtypes: tuple[str, ...] = ()
    architecture: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    can_execute: bool | None = None
    globals: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    template: str = ""


class PointerKind(StrEnum):
    """Which tool keeps the real bytes elsewhere."""

    GIT_LFS = "git-lfs"
    DVC = "dvc"
    GIT_ANNEX = "git-annex"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A file that stands for bytes that are not here; those bytes were not looked at.

    Attributes:
        kind: The tool.
        target: Path of the absent file, relative to the assessed folder.
        algorithm: Digest algorithm of `digest`, "" when the pointer carries none.
        size: Bytes of the absent file; None when not said.
        source: Where the bytes come from (URL, remote), "" when not said.
    """

    kind: PointerKind
    target: str
    digest: str = ""
    algorithm: str = ""
    size: int | None = None
    source: str = ""
    line: int = 0

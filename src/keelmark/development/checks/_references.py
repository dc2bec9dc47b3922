"""What the rules about named models share: which of them a hub keeps and which a service answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.project import Seen

if TYPE_CHECKING:
    from keelmark.core.facts import ModelReference
    from keelmark.core.project import Project

__all__ = ["HUBS", "hosted_references", "hub_references", "is_local_path", "is_own"]

HUBS = frozenset({"huggingface", "sentence-transformers", "spacy", "tfhub", "timm", "torchhub"})

# What people run on their own machine has no snapshot of a provider.
_SELF_HOSTED = frozenset({"llama-cpp", "lmstudio", "local", "ollama", "vllm"})
_WEIGHTS = re2.compile(
    r"(?i)\.(bin|ckpt|gguf|h5|joblib|keras|onnx|pickle|pkl|pt|pth|safetensors|tar\.gz|tflite|zip)(\?|$)"
)
_LOCAL = re2.compile(r"^(\.{0,2}/|~/|[A-Za-z]:\\)|\.(bin|ckpt|gguf|h5|onnx|pt|pth|safetensors)$")


def is_local_path(name: str) -> bool:
    """Whether a model id is plainly the path of a file or folder."""
    return bool(_LOCAL.search(name))


def is_own(project: Project, name: str) -> bool:
    """Whether a hub model is the project itself, fetched by its public name."""
    last = _key(name.rpartition("/")[2].partition(":")[0])
    return last == _key(project.name) or any(
        last == _key(seen.fact.name) for seen in project.manifests if seen.fact.name and seen.is_product
    )


def _key(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _is_download(name: str) -> bool:
    # Whatever is fetched by address is a model only when its name says so: examples fetch images as well.
    return "://" in name and not _WEIGHTS.search(name)


def hub_references(project: Project) -> tuple[Seen[ModelReference], ...]:
    """Models that code fetches from a hub by name; paths of the folder are left out."""
    return tuple(
        Seen(seen.file, seen.reading, model)
        for seen in project.modules
        for model in seen.fact.models
        if model.provider in HUBS
        and model.name
        and not is_local_path(model.name)
        and not _is_download(model.name)
        and not project.has_path(model.name)
    )


def hosted_references(project: Project) -> tuple[Seen[ModelReference], ...]:
    """Models that a service answers for."""
    return tuple(
        Seen(seen.file, seen.reading, model)
        for seen in project.modules
        for model in seen.fact.models
        if model.provider not in HUBS | _SELF_HOSTED and model.name and not is_local_path(model.name)
    )

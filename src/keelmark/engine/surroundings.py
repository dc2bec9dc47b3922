"""What lies around a file in the folder that is scanned: whether it is part of a model repository, and where a link leads.

A text alone is no artefact. Beside a model it is part of what is handed on: whoever gets the repository has the keys in
it, and its requirements are installed. Names and the start of configurations tell; nothing else is opened.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import re2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["ALONE", "Repositories", "Surroundings", "leads_to_system"]

_LOOKED = 64 * 1024
# How far below its configuration a file still belongs to a repository.
_LEVELS = 4
_CONFIGURATION = "config.json"
_MARKS = (b'"model_type"', b'"architectures"', b'"auto_map"', b'"_class_name"', b'"peft_type"')
_NAMES = frozenset({"MLmodel", "adapter_config.json", "model_index.json", "tokenizer_config.json"})
_PACKAGE = ".mlpackage"
_SUFFIXES = frozenset({
    "caffemodel", "cbm", "ckpt", "ggml", "gguf", "h5", "hdf5", "joblib", "keras", "mar", "mlmodel", "nemo", "onnx", "pdiparams",
    "pdmodel", "pdparams", "pickle", "pkl", "pt", "safetensors", "skops", "tflite", "torchscript", "ubj",
})  # fmt: skip
# Where credentials and start-up files of a person lie, and what only the system has; compiled for the first link.
_PERSONAL = (
    r".*/\.(?:ssh|aws|gnupg|kube|docker|azure|password-store)(?:/.*)?|.*/\.config/gcloud(?:/.*)?|.*/\.(?:cache/)?huggingface/(?:token|stored_tokens)"
    r"|.*/\.(?:netrc|git-credentials|pypirc|npmrc|pgpass|(?:bash|zsh|python)_history|bashrc|bash_profile|profile|zshrc|kaggle/kaggle\.json)"
    r"|/proc/(?:self|\d+)/(?:environ|mem|maps|cmdline|fd/.*)|(?:/var)?/run/secrets/.*|/etc/(?:shadow|gshadow|sudoers)-?"
)
_SYSTEM = r"/(?:etc|proc|sys|boot|var/log|var/spool|var/run)(?:/.*)?|/dev/(?:[^s]|s[^h]).*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known of the place of a file.

    Attributes:
        in_repository: Whether it is part of a model repository.
        link: Where it leads when it is a link out of the scanned folder to what no model may name; "" for all others.
    """

    in_repository: bool = False
    link: str = ""


ALONE = Surroundings()
"""A file of which nothing is known but itself."""


class Met(Protocol):
    """A file as it was met."""

    @property
    def file(self) -> Path:
        """Where it is."""
        ...

    @property
    def path(self) -> str:
        """As it is called."""
        ...


class Repositories:
    """The model repositories among the files of one scan.

    Args:
        entries: Every file that was met.
    """

    def __init__(self, entries: Iterable[Met]) -> None:
        self._roots: set[str] = set()
        self._folders: set[str] = set()
        for entry in entries:
            folder, _, name = entry.path.rpartition("/")
            if name in _NAMES or (name == _CONFIGURATION and _is_configuration(entry.file)):
                self._roots.add(folder)
            elif name.rpartition(".")[2].lower() in _SUFFIXES:
                self._folders.add(folder)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._roots or self._folders)

    def hold(self, path: str) -> bool:
        """Whether a file is part of one: beside a model, or below a configuration. A model speaks for itself."""
        folder, _, name = path.rpartition("/")
        if name.rpartition(".")[2].lower() in _SUFFIXES:
            return False
        if folder in self._folders or f"{_PACKAGE}/" in path:
            return True
        for _ in range(_LEVELS):
            if folder in self._roots:
                return True
            if not folder:
                return False
            folder = folder.rpartition("/")[0]
        return False


def leads_to_system(target: str, *, in_repository: bool) -> bool:
    """Whether a link leads to credentials or start-up files of a person; or, in a model repository, into the system."""
    personal, system = _places()
    return personal.fullmatch(target) is not None or (in_repository and system.fullmatch(target) is not None)


@cache
def _places() -> tuple[Any, Any]:
    return re2.compile(_PERSONAL), re2.compile(_SYSTEM)


def _is_configuration(file: Path) -> bool:
    try:
        # A pipe or device that took the place of the file meanwhile must not hold up the scan.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        start = os.pread(descriptor, _LOOKED, 0)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return any(mark in start for mark in _MARKS)

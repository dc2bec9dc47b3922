"""Zip archives of torch: state dicts and whole models, TorchScript programs, packages of `torch.package`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import GapReason, ModelFile
from keelmark.errors import KeelmarkError
from keelmark.formats.model_facts import gap, gap_of, reading, unique
from keelmark.formats.pickle_sequence import facts, inspect_all
from keelmark.formats.zip_directory import EncryptedError, ZipDirectory, is_zip

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.pickle_machine import Inspection
    from keelmark.formats.pickle_values import Global
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "TorchArchiveReader"]

_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".ptl", ".jit"})
_OPERATOR = re2.compile(r"\bops\.([A-Za-z_]\w{0,99})\.([A-Za-z_]\w{0,99})")
_KNOWN_OPERATORS = frozenset({
    "aten", "prim", "prims", "quantized", "quantized_decomposed", "prepacked", "xnnpack", "mkldnn", "torchvision",
    "torchaudio", "static_runtime", "sparse", "cuda", "profiler", "tensorexpr", "inductor", "_caffe2", "mkl",
})  # fmt: skip
_FILE_CALLS = re2.compile(r"\b(torch\.from_file|torch\.save|ops\.aten\.(?:from_file|save))\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of an archive."""

    max_code_bytes: int = 64 * 1024**2
    max_pickle_bytes: int = 256 * 1024**2


class TorchArchiveReader:
    """Reads zip archives of torch.

    Args:
        bounds: Bounds of reading.
    """

    name = "torch-archive"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """A zip archive whose directory lists a pickle at the place of torch; a broken one by its name."""
        if not is_zip(source.head):
            return False
        try:
            return _kind(ZipDirectory(source.data)) != ""
        except KeelmarkError:
            return source.suffix in _SUFFIXES

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Follow the pickles that the loader would load."""
        try:
            archive = ZipDirectory(source.data)
        except KeelmarkError as error:
            return reading(ModelFile(format="torch-zip"), gap_of(source, error))
        kind = _kind(archive)
        found, gaps = self._inspect(source, archive, kind)
        model, more = facts(
            source,
            found,
            name=kind,
            said=_said(archive),
            is_foreign=_is_foreign if kind == "torchscript" else _all,
        )
        gaps.extend(more)
        if any(name.endswith(".pkl") for name in archive.duplicates):
            gaps.append(gap(source, GapReason.MALFORMED, "a pickle stands twice in the archive"))
        if kind == "torchscript":
            model = self._with_code(source, archive, model, gaps)
        elif kind == "torch-package":
            model = replace(model, can_execute=True)
        if gaps and model.can_execute is False:
            model = replace(model, can_execute=None)
        return reading(model, *gaps)

    def _inspect(
        self, source: Source, archive: ZipDirectory, kind: str
    ) -> tuple[list[Inspection], list[Gap]]:
        found: list[Inspection] = []
        gaps: list[Gap] = []
        for name in _pickles(archive, kind):
            try:
                data = archive.read(name, max_bytes=self._bounds.max_pickle_bytes)
            except EncryptedError as error:
                gaps.append(gap(source, GapReason.ENCRYPTED, error.message))
            except KeelmarkError as error:
                gaps.append(gap_of(source, error))
            else:
                found.extend(inspect_all(data, max_pickles=1))
        return found, gaps

    def _with_code(
        self, source: Source, archive: ZipDirectory, model: ModelFile, gaps: list[Gap]
    ) -> ModelFile:
        """Add operators of the program that touch files or that torch does not carry itself."""
        dangerous: list[str] = []
        unknown: list[str] = []
        left = self._bounds.max_code_bytes
        for name, member in archive.members.items():
            if "/code/" not in f"/{name}" or not name.endswith(".py"):
                continue
            try:
                text = bytes(archive.read(name, max_bytes=max(left, 1))).decode("utf-8", "replace")
            except KeelmarkError as error:
                gaps.append(gap_of(source, error))
                break
            left -= max(len(text), member.size)
            dangerous.extend(f"{call}: reads or writes files" for call in _FILE_CALLS.findall(text))
            unknown.extend(
                f"{space}.{op}" for space, op in _OPERATOR.findall(text) if space not in _KNOWN_OPERATORS
            )
        return replace(
            model,
            dangerous=unique((*model.dangerous, *dangerous)),
            unknown=unique((*model.unknown, *unknown)),
            can_execute=True if dangerous or model.can_execute else (None if unknown else model.can_execute),
        )


def _kind(archive: ZipDirectory) -> str:
    names = archive.members
    roots = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == "data.pkl"}
    if any(name.rpartition("/")[2] == "constants.pkl" for name in names) and roots:
        return "torchscript"
    if any(name.endswith((".data/extern_modules", ".data/python_version")) for name in names):
        return "torch-package"
    if any(root.count("/") == 0 for root in roots):
        return "torch-zip"
    return ""


def _pickles(archive: ZipDirectory, kind: str) -> list[str]:
    if kind == "torch-package":
        return [name for name in archive.members if name.endswith(".pkl")]
    wanted = {"data.pkl", "constants.pkl", "bytecode.pkl"} if kind == "torchscript" else {"data.pkl"}
    return [name for name in archive.members if name.rpartition("/")[2] in wanted]


def _said(archive: ZipDirectory) -> list[tuple[str, object]]:
    for name in archive.members:
        if name.rpartition("/")[2] in {"version", ".format_version"}:
            try:
                return [
                    (
                        "archive version",
                        bytes(archive.read(name, max_bytes=64))[:20].decode("latin-1").strip(),
                    )
                ]
            except KeelmarkError:
                return []
    return []


def _all(_: Global) -> bool:
    return True


def _is_foreign(wanted: Global) -> bool:
    # Types of the program itself; the loader of TorchScript compiles them and imports nothing.
    return not wanted.module.startswith("__torch__")


READER = TorchArchiveReader()

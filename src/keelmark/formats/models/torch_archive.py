"""Zip archives of torch: state dicts, whole models, TorchScript programs, packages, exported programs, served models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, ModelFile, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.archives.container import EncryptedError
from keelmark.formats.archives.zip_directory import ZipDirectory, is_zip
from keelmark.formats.models.facts import gap, gap_of, unique
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.pickle.carried import carried_hazards
from keelmark.formats.models.pickle.sequence import facts, hazards_of, inspect_all
from keelmark.formats.models.python_source import source_hazards
from keelmark.formats.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.facts import Hazard
    from keelmark.formats.models.pickle.inspection import Inspection
    from keelmark.formats.models.pickle.values import Global

__all__ = ["READER", "Bounds", "TorchArchiveReader"]

_SUFFIXES = frozenset({".pt", ".pth", ".ckpt", ".ptl", ".jit"})
_OPERATOR = re2.compile(r"\bops\.([A-Za-z_]\w{0,99})\.([A-Za-z_]\w{0,99})")
_KNOWN_OPERATORS = frozenset({
    "aten", "prim", "prims", "quantized", "quantized_decomposed", "prepacked", "xnnpack", "mkldnn", "torchvision",
    "torchaudio", "static_runtime", "sparse", "cuda", "profiler", "tensorexpr", "inductor", "_caffe2", "mkl",
    "mkldnn_prepacked", "metal_prepack", "vulkan_prepack", "_quantized", "_test", "rngprims", "nnapi", "torch_scatter",
})  # fmt: skip
_FILE_CALLS = re2.compile(r"\b(torch\.from_file|torch\.save|ops\.aten\.(?:from_file|save))\(")
_PICKLES = {"torchscript": ("data.pkl", "constants.pkl", "bytecode.pkl", "attributes.pkl")}
# Small texts and numbers that torch writes beside the pickle and never loads as anything else.
_SMALL = frozenset({
    "version", "byteorder", ".format_version", ".storage_alignment", "serialization_id", "python_version",
    "extern_modules", "archive_format", "archive_version", ".data_version",
})  # fmt: skip
_MAX_SMALL = 64 * 1024
_CODE = re2.compile(r"(?:.*/)?code/.*\.py(?:\.debug_pkl)?|(?:.*/)?debug_pkl/.*")
_PROGRAM = re2.compile(r"(?:.*/)?code/.*\.py")
_LIBRARY = re2.compile(r"(?i).*\.(so|dll|dylib|pyd|cubin)(\.[0-9]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of an archive."""

    max_code_bytes: int = 64 * 1024**2
    max_pickle_bytes: int = 256 * 1024**2


@dataclass(slots=True, kw_only=True)
class _Work:
    """One archive while it is read."""

    source: Source
    archive: ZipDirectory
    kind: str
    gaps: list[Gap]
    hazards: HazardList
    covers: dict[str, None]

    def content(self, name: str, max_bytes: int) -> memoryview | None:
        """The content of a member; None when it cannot be read, with a gap that says why."""
        try:
            return self.archive.read(name, max_bytes=max_bytes)
        except EncryptedError as error:
            self.gaps.append(gap(self.source, GapReason.ENCRYPTED, error.message))
        except KeelmarkError as error:
            self.gaps.append(gap_of(self.source, error))
        return None

    def cover(self, name: str) -> None:
        """Nobody has to open the member again, unless there are two of that name."""
        if name not in self.archive.duplicates:
            self.covers[name] = None


class TorchArchiveReader:
    """Reads zip archives of torch.

    Args:
        bounds: Bounds of reading.
    """

    name = "torch-archive"
    version = 2

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
            model = ModelFile(format="torch-zip")
            return (Reading(format=model.format, models=(model,), gaps=(gap_of(source, error),)),)
        work = _Work(
            source=source, archive=archive, kind=_kind(archive), gaps=[], hazards=HazardList(), covers={}
        )
        found = self._inspect(work)
        model, more = facts(source, [item for _, item in found], name=work.kind, said=_said(archive))
        work.gaps.extend(more)
        if any(name.endswith(".pkl") for name in archive.duplicates):
            work.gaps.append(gap(source, GapReason.MALFORMED, "a pickle stands twice in the archive"))
        if work.kind == "torchscript":
            model = self._with_code(work, model)
        elif work.kind == "torch-package":
            self._with_sources(work)
            model = replace(model, can_execute=True)
        hazards = _by_member(found) + work.hazards.close()
        if work.gaps and model.can_execute is False:
            model = replace(model, can_execute=None)
        _cover_small(work, found)
        return (
            Reading(
                format=model.format,
                models=(model,),
                hazards=hazards[:_MAX_HAZARDS],
                covers=tuple(work.covers),
                gaps=tuple(work.gaps),
            ),
        )

    def _inspect(self, work: _Work) -> list[tuple[str, Inspection]]:
        found: list[tuple[str, Inspection]] = []
        is_foreign = _is_foreign_to(work)
        for name in _pickles(work.archive, work.kind):
            data = work.content(name, self._bounds.max_pickle_bytes)
            if data is not None:
                work.cover(name)
                read = inspect_all(data, is_foreign=is_foreign)
                found.extend((name, item) for item in read)
                for hazard in carried_hazards(memoryview(data), read):
                    work.hazards.add(
                        hazard.technique,
                        hazard.detail,
                        subject=hazard.subject,
                        member=name,
                        offset=hazard.offset,
                        code=hazard.code,
                    )
        return found

    def _with_code(self, work: _Work, model: ModelFile) -> ModelFile:
        """Add operators of the program that touch files or that torch does not carry itself."""
        dangerous: list[str] = []
        unknown: list[str] = []
        left = self._bounds.max_code_bytes
        for name, member in work.archive.members.items():
            if not _CODE.fullmatch(name):
                continue
            if not _PROGRAM.fullmatch(name):
                continue
            content = work.content(name, max(left, 1))
            if content is None:
                break
            work.cover(name)
            text = bytes(content).decode("utf-8", "replace")
            left -= max(len(text), member.size)
            for call in _FILE_CALLS.findall(text):
                dangerous.append(f"{call}: reads or writes files")
                work.hazards.add(
                    Technique.FILE_OPERATOR,
                    f"the program calls `{call}`, which reads or writes files when the model runs",
                    subject=call,
                    member=name,
                )
            for space, operator in _OPERATOR.findall(text):
                if space in _KNOWN_OPERATORS:
                    continue
                unknown.append(f"{space}.{operator}")
                work.hazards.add(
                    Technique.CUSTOM_OPERATOR,
                    f"the program needs the operator `{space}.{operator}`, which torch does not carry itself",
                    subject=f"{space}.{operator}",
                    member=name,
                )
        return replace(
            model,
            dangerous=unique((*model.dangerous, *dangerous)),
            unknown=unique((*model.unknown, *unknown)),
            can_execute=True if dangerous or model.can_execute else (None if unknown else model.can_execute),
        )

    def _with_sources(self, work: _Work) -> None:
        """State what the sources of a package reach."""
        for name in work.archive.members:
            if not name.endswith(".py"):
                continue
            content = work.content(name, self._bounds.max_code_bytes)
            if content is None:
                continue
            try:
                found = source_hazards(content, member=name)
            except KeelmarkError as error:
                work.gaps.append(gap_of(work.source, error))
                continue
            work.cover(name)
            for hazard in found:
                work.hazards.add(
                    hazard.technique, hazard.detail, subject=hazard.subject, member=name, code=hazard.code
                )


_MAX_HAZARDS = 100


def _by_member(found: list[tuple[str, Inspection]]) -> tuple[Hazard, ...]:
    names = dict.fromkeys(name for name, _ in found)
    return tuple(
        hazard
        for name in names
        for hazard in hazards_of([item for member, item in found if member == name], member=name)
    )


def _cover_small(work: _Work, found: list[tuple[str, Inspection]]) -> None:
    """Raw numbers that the pickle refers to, and the small texts of the format, are nothing but that to torch."""
    roots = {name.rpartition("/")[0] for name, _ in found}
    keys = {key for _, item in found for key in item.storages}
    for name, member in work.archive.members.items():
        folder, _, last = name.rpartition("/")
        is_storage = last in keys and (folder.removesuffix("/data") in roots or folder.endswith(".data"))
        if (
            (is_storage and (folder.endswith("data") or work.kind == "torchscript"))
            or (last in _SMALL and member.size <= _MAX_SMALL)
            or (folder.endswith("/constants") and work.kind == "torchscript")
        ):
            work.cover(name)


def _kind(archive: ZipDirectory) -> str:
    names = archive.members
    roots = {name.rpartition("/")[0] for name in names if name.rpartition("/")[2].lower() == "data.pkl"}
    if any(name.rpartition("/")[2] == "constants.pkl" for name in names) and roots:
        return "torchscript"
    if any(name.endswith((".data/extern_modules", ".data/python_version")) for name in names):
        return "torch-package"
    if any(root.count("/") == 0 for root in roots):
        return "torch-zip"
    return ""


def _pickles(archive: ZipDirectory, kind: str) -> list[str]:
    if kind == "torch-package":
        return [name for name in archive.members if name.lower().endswith(".pkl")]
    # The loader looks for its member without regard to case.
    wanted = _PICKLES.get(kind, ("data.pkl",))
    return [name for name in archive.members if name.rpartition("/")[2].lower() in wanted]


def _said(archive: ZipDirectory) -> list[tuple[str, object]]:
    for name in archive.members:
        if name.rpartition("/")[2] in {"version", ".format_version"}:
            try:
                text = bytes(archive.read(name, max_bytes=64))[:20].decode("latin-1").strip()
            except KeelmarkError:
                return []
            return [("archive version", text)]
    return []


def _is_foreign_to(work: _Work) -> Callable[[Global], bool]:
    """Whether a callable comes from outside of the archive."""
    if work.kind == "torchscript":
        # Types of the program itself; the loader of TorchScript compiles them and imports nothing.
        return lambda wanted: not wanted.module.startswith("__torch__")
    if work.kind == "torch-package":
        own = _own_modules(work.archive)
        return lambda wanted: wanted.module.removeprefix("<torch_package_0>.") not in own
    return lambda _: True


def _own_modules(archive: ZipDirectory) -> frozenset[str]:
    """Modules whose source the package carries; their sources are looked at."""
    found: set[str] = set()
    for name in archive.members:
        if name.endswith(".py"):
            path = name.partition("/")[2].removesuffix(".py").removesuffix("/__init__")
            found.add(path.replace("/", "."))
    return frozenset(found)


READER = TorchArchiveReader()

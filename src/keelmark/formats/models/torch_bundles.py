"""Bundles around torch models: archives of TorchServe, exported programs (`.pt2`), programs of ExecuTorch (`.pte`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.archives.container import EncryptedError
from keelmark.formats.archives.zip_directory import ZipDirectory, is_zip
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.facts import gap, gap_of, metadata
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.programs import host_library
from keelmark.formats.models.python_source import source_hazards

if TYPE_CHECKING:
    from keelmark.core.facts import Gap
    from keelmark.formats.source import Source

__all__ = ["READERS", "Bounds", "ExecuTorchReader", "ExportedProgramReader", "TorchServeReader"]

_MANIFEST = "MAR-INF/MANIFEST.json"
_PATHS = ("handler", "serializedFile", "modelFile", "requirementsFile", "configFile")
_OPERATOR = bytes_pattern(rb"torch\.ops\.([A-Za-z_]\w{0,60})\.([A-Za-z_]\w{0,90})")
_KNOWN_OPERATORS = frozenset({
    "aten", "prim", "prims", "quantized", "quantized_decomposed", "mkldnn", "torchvision", "torchaudio", "inductor",
    "higher_order", "sym", "rngprims", "_quantized", "xnnpack", "profiler", "c10d_functional", "_c10d_functional",
    "export", "triton", "torchao", "fbgemm", "mkl", "onednn", "inductor_prims", "executorch", "dim_order_ops",
})  # fmt: skip
_PROGRAM = b"ET12"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a bundle."""

    max_manifest_bytes: int = 1024**2
    max_source_bytes: int = 4 * 1024**2
    max_program_bytes: int = 64 * 1024**2
    max_sources: int = 500


def _members(source: Source) -> dict[str, int]:
    """Names and sizes of the members; none when the directory is damaged, which the reader of archives states."""
    if not is_zip(source.head):
        return {}
    try:
        return {name: member.size for name, member in ZipDirectory(source.data).members.items()}
    except KeelmarkError:
        return {}


class _Bundle:
    """An archive that is looked into member by member; what cannot be read becomes a gap."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.archive = ZipDirectory(source.data)
        self.hazards = HazardList()
        self.gaps: list[Gap] = []
        self.covers: list[str] = []

    def content(self, name: str, *, max_bytes: int) -> memoryview | None:
        try:
            return self.archive.read(name, max_bytes=max_bytes)
        except EncryptedError as error:
            self.gaps.append(gap(self.source, GapReason.ENCRYPTED, error.message))
        except KeelmarkError as error:
            self.gaps.append(gap_of(self.source, error))
        return None

    def covered(self, name: str) -> None:
        if name not in self.archive.duplicates:
            self.covers.append(name)

    def look_at_source(self, name: str, *, max_bytes: int) -> None:
        content = self.content(name, max_bytes=max_bytes)
        if content is None:
            return
        try:
            found = source_hazards(content, member=name)
        except KeelmarkError as error:
            self.gaps.append(gap_of(self.source, error))
            return
        self.covered(name)
        for hazard in found:
            self.hazards.add(
                hazard.technique, hazard.detail, subject=hazard.subject, member=name, code=hazard.code
            )

    def reading(self, model: ModelFile) -> tuple[Reading, ...]:
        return (
            Reading(
                format=model.format,
                models=(model,),
                hazards=self.hazards.close(),
                covers=tuple(self.covers),
                gaps=tuple(self.gaps),
            ),
        )


class TorchServeReader:
    """Reads model archives of TorchServe: the handler inside is Python that the server imports.

    Args:
        bounds: Bounds of reading.
    """

    name = "torchserve"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """A zip archive with the manifest of TorchServe."""
        return _MANIFEST in _members(source)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the manifest and the sources; other members are read by their own readers."""
        bundle = _Bundle(source)
        said = self._manifest(bundle)
        sources = [name for name in bundle.archive.members if name.lower().endswith((".py", ".pyw"))]
        for name in sources[: self._bounds.max_sources]:
            bundle.look_at_source(name, max_bytes=self._bounds.max_source_bytes)
        if len(sources) > self._bounds.max_sources:
            bundle.gaps.append(
                gap(source, GapReason.TOO_LARGE, f"more than {self._bounds.max_sources} sources")
            )
        model = ModelFile(format="torchserve", metadata=metadata(said), can_execute=True if sources else None)
        return bundle.reading(model)

    def _manifest(self, bundle: _Bundle) -> list[tuple[str, object]]:
        content = bundle.content(_MANIFEST, max_bytes=self._bounds.max_manifest_bytes)
        if content is None:
            return []
        try:
            value = strict_json.parse(content, max_bytes=self._bounds.max_manifest_bytes).value
        except KeelmarkError as error:
            bundle.gaps.append(gap_of(bundle.source, error))
            return []
        bundle.covered(_MANIFEST)
        model = strict_json.as_mapping(strict_json.as_mapping(value).get("model"))
        for key in _PATHS:
            path = strict_json.as_text(model.get(key))
            leaves = way_out(path) if path else ""
            if leaves:
                bundle.hazards.add(
                    Technique.OUTSIDE_PATH,
                    f"the manifest names `{path[:200]}` as `{key}`, which {leaves}",
                    subject=path[:200],
                    member=_MANIFEST,
                )
        return [("name", model.get("modelName")), ("handler", model.get("handler"))]


class ExportedProgramReader:
    """Reads programs that `torch.export` wrote.

    Args:
        bounds: Bounds of reading.
    """

    name = "torch-exported"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """A zip archive with the parts of an exported program."""
        names = _members(source)
        return any(
            name == "serialized_exported_program.json"
            or (name.rpartition("/")[2] == "archive_format" and names[name] <= 64)
            for name in names
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """State foreign operators and compiled libraries; the weights are read by their own readers."""
        bundle = _Bundle(source)
        for name, member in bundle.archive.members.items():
            if name.endswith(".json") and ("models/" in name or name.startswith("serialized_exported")):
                self._graph(bundle, name)
            elif name.rpartition("/")[2] in {"archive_format", "archive_version", "version", "byteorder"}:
                if member.size <= 64:
                    bundle.covered(name)
            elif "aotinductor/" in name:
                self._compiled(bundle, name)
        return bundle.reading(
            ModelFile(format="torch-exported", can_execute=False if not bundle.hazards else None)
        )

    def _graph(self, bundle: _Bundle, name: str) -> None:
        content = bundle.content(name, max_bytes=self._bounds.max_program_bytes)
        if content is None:
            return
        for space, operator in _OPERATOR.findall(bytes(content)):
            dotted = f"{space.decode()}.{operator.decode()}"
            if space.decode() not in _KNOWN_OPERATORS:
                bundle.hazards.add(
                    Technique.CUSTOM_OPERATOR,
                    f"the program needs the operator `{dotted}`, which torch does not carry itself",
                    subject=dotted,
                    member=name,
                )

    def _compiled(self, bundle: _Bundle, name: str) -> None:
        try:
            content = bundle.archive.read_start(name, count=256)
        except KeelmarkError as error:
            bundle.gaps.append(gap_of(bundle.source, error))
            return
        if host_library(content):
            bundle.hazards.add(
                Technique.NATIVE_LIBRARY,
                f"the program carries `{name[:200]}`, compiled code that its loader runs",
                subject=name[:200],
                member=name,
            )


class ExecuTorchReader:
    """Recognises programs of ExecuTorch: graphs for a runtime that imports nothing."""

    name = "executorch"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the identifier behind the first offset."""
        head = source.head
        return head[4:8] == _PROGRAM and 8 <= int.from_bytes(head[:4], "little") < source.size

    def read(self, source: Source) -> tuple[Reading, ...]:
        """One model; the runtime runs only operators that were linked into it."""
        del source
        model = ModelFile(format="executorch", can_execute=False)
        return (Reading(format=model.format, models=(model,)),)


READERS = (TorchServeReader(), ExportedProgramReader(), ExecuTorchReader())

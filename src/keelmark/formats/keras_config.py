"""Keras 3 `.keras` archives, and the configuration of layers that they share with Keras HDF5 files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import GapReason, ModelFile
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats import callables, strict_json
from keelmark.formats.callables import Danger
from keelmark.formats.model_facts import gap, gap_of, metadata, reading, unique
from keelmark.formats.pickle_values import Global
from keelmark.formats.strict_json import as_mapping, as_text
from keelmark.formats.zip_directory import EncryptedError, ZipDirectory, is_zip

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "KerasReader", "Layers", "look_at"]

_OWN = frozenset({
    "keras", "keras_hub", "keras_nlp", "keras_cv", "keras_core", "tf_keras", "tensorflow", "keras_tuner", "kt",
})  # fmt: skip
# Functions of Keras that fetch or load when a configuration names them.
_GADGETS = {
    "get_file": "downloads files",
    "load_model": "loads another model",
    "load_img": "reads files",
    "save_model": "writes files",
    "enable_unsafe_deserialization": "switches the safe mode off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of an archive."""

    max_config_bytes: int = 64 * 1024**2
    max_nodes: int = 2_000_000


@dataclass(slots=True)
class Layers:
    """What a configuration names."""

    architecture: str = ""
    count: int = 0
    dangerous: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def look_at(config: object, *, bounds: Bounds | None = None) -> Layers:
    """Walk a configuration for Lambda layers, and for classes and functions that do not belong to Keras.

    Raises:
        LimitExceededError: More values than are read.
    """
    limits = bounds or Bounds()
    layers = Layers()
    root = as_mapping(config)
    layers.architecture = as_text(root.get("class_name"))[:200]
    pending: list[Any] = [config]
    seen = 0
    while pending:
        value = pending.pop()
        seen += 1
        if seen > limits.max_nodes:
            raise LimitExceededError("configuration has more values than are read")
        if isinstance(value, list):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
            if "class_name" in value:
                _entry(value, layers)
    return layers


def _entry(value: dict[str, Any], layers: Layers) -> None:
    name, module = as_text(value.get("class_name")), as_text(value.get("module"))
    config = value.get("config")
    layers.count += 1
    if name in {"Lambda", "__lambda__"} and _is_own(module):
        layers.dangerous.append(_lambda(as_mapping(config), name))
        return
    wanted = as_text(config) if name == "function" else name
    if module and not _is_own(module):
        asked = Global(module, wanted or name)
        verdict = callables.judge(asked)
        if module == "builtins" and name in {
            "function",
            "NoneType",
            "dict",
            "list",
            "tuple",
            "str",
            "int",
            "float",
        }:
            return  # a function of Keras by its short name, or a plain value
        if verdict.danger is Danger.DANGEROUS:
            layers.dangerous.append(f"{asked.dotted}: {verdict.reason}")
        elif verdict.danger is Danger.UNKNOWN:
            layers.unknown.append(asked.dotted)
    elif module and wanted in _GADGETS:
        layers.dangerous.append(f"{module}.{wanted}: {_GADGETS[wanted]}")


def _is_own(module: str) -> bool:
    return not module or module.split(".", 1)[0] in _OWN


def _lambda(config: dict[str, Any], name: str) -> str:
    function = config.get("function")
    if isinstance(function, dict) and function.get("class_name") == "function":
        return "Lambda layer: calls a function by name"
    return f"{'Lambda layer' if name == 'Lambda' else 'lambda'}: runs code carried in the file"


class KerasReader:
    """Reads `.keras` archives.

    Args:
        bounds: Bounds of reading.
    """

    name = "keras"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """A zip archive with `config.json` beside `metadata.json` or the weights."""
        if not is_zip(source.head):
            return False
        try:
            names = ZipDirectory(source.data).members
        except KeelmarkError:
            return source.suffix == ".keras"
        return "config.json" in names and bool({"metadata.json", "model.weights.h5"} & set(names))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the configuration."""
        try:
            archive = ZipDirectory(source.data)
            config = self._json(archive, "config.json")
            said = (
                as_mapping(self._json(archive, "metadata.json")) if "metadata.json" in archive.members else {}
            )
            layers = look_at(config, bounds=self._bounds)
        except EncryptedError as error:
            return reading(ModelFile(format="keras"), gap(source, GapReason.ENCRYPTED, error.message))
        except KeelmarkError as error:
            return reading(ModelFile(format="keras"), gap_of(source, error))
        shown = [
            ("keras", said.get("keras_version")),
            ("saved", said.get("date_saved")),
            ("layers", layers.count),
        ]
        model = ModelFile(
            format="keras",
            architecture=layers.architecture,
            metadata=metadata(shown),
            can_execute=bool(layers.dangerous or layers.unknown),
            dangerous=unique(layers.dangerous),
            unknown=unique(layers.unknown),
        )
        if "config.json" in archive.duplicates:
            return reading(
                model, gap(source, GapReason.MALFORMED, "`config.json` stands twice in the archive")
            )
        return reading(model)

    def _json(self, archive: ZipDirectory, name: str) -> object:
        data = archive.read(name, max_bytes=self._bounds.max_config_bytes)
        return strict_json.parse(data, max_bytes=self._bounds.max_config_bytes).value


READER = KerasReader()

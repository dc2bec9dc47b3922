"""Configurations of Keras: `.keras` archives, and those that stand in a file of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, ModelRole, Reading, Technique
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats import strict_json
from keelmark.formats.archives.container import EncryptedError
from keelmark.formats.archives.zip_directory import ZipDirectory, is_zip
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models import keras_walk
from keelmark.formats.models.facts import gap, gap_of, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.strict_json import as_mapping

if TYPE_CHECKING:
    from keelmark.formats.models.keras_walk import Layers
    from keelmark.formats.source import Source
    from keelmark.formats.strict_json import Document

__all__ = ["READERS", "Bounds", "KerasJsonReader", "KerasReader"]

_CONFIG = "config.json"
_MAX_SAME = 16
_BESIDE = frozenset({"metadata.json", "model.weights.h5", "model.weights.json", "model.weights.npz"})
# Keys that decide what is built.
_DECIDING = frozenset({"class_name", "config", "module", "registered_name", "function", "function_type"})
# Letters that nobody has to escape; who does so hides a word.
_ESCAPED_LETTER = bytes_pattern(rb"(?i)\\u00(?:4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])")
# Words that a configuration cut to what loaders need still has.
_WEAK_MARKS = (b'"Sequential"', b'"Functional"', b'"Lambda"', b'"__lambda__"', b'"keras.')
_MARKS = (
    b'"registered_name"',
    b'"keras_version"',
    b'"backend"',
    b'"inbound_nodes"',
    b'"model_config"',
    b'"build_config"',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a configuration."""

    max_config_bytes: int = 64 * 1024**2


class KerasReader:
    """Reads `.keras` archives.

    Args:
        bounds: Bounds of reading.
    """

    name = "keras"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """A zip archive with `config.json` beside `metadata.json` or the weights, or one that is called `.keras`."""
        if not is_zip(source.head):
            return False
        try:
            names = ZipDirectory(source.data).members
        except KeelmarkError:
            return source.suffix == ".keras"
        return _CONFIG in names and (bool(_BESIDE & names.keys()) or source.suffix == ".keras")

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the configuration; the weights are asked about on their own."""
        found = HazardList()
        gaps = []
        layers = keras_walk.Layers()
        said: dict[str, object] = {}
        try:
            archive = ZipDirectory(source.data)
            said = self._about(archive)
            for content in self._configs(archive, _CONFIG):
                layers = _judged(content, found, member=_CONFIG)
        except EncryptedError as error:
            gaps.append(gap(source, GapReason.ENCRYPTED, error.message))
        except KeelmarkError as error:
            gaps.append(gap_of(source, error))
        hazards = found.close()
        shown = [
            ("keras", said.get("keras_version")),
            ("saved", said.get("date_saved")),
            ("layers", layers.count),
        ]
        model = ModelFile(
            format="keras",
            architecture=layers.architecture,
            metadata=metadata(shown),
            can_execute=bool(layers.dangerous or layers.unknown) or (None if gaps else False),
            dangerous=unique(layers.dangerous),
            unknown=unique(layers.unknown),
        )
        return (
            Reading(
                format="keras",
                models=(model,),
                hazards=hazards,
                gaps=tuple(gaps),
                covers=(_CONFIG, "metadata.json"),
            ),
        )

    def _about(self, archive: ZipDirectory) -> dict[str, object]:
        if "metadata.json" not in archive.members:
            return {}
        try:
            content = archive.read("metadata.json", max_bytes=self._bounds.max_config_bytes)
            return as_mapping(strict_json.parse(content, max_bytes=self._bounds.max_config_bytes).value)
        except KeelmarkError:
            return {}  # it says nothing that loading depends on

    def _configs(self, archive: ZipDirectory, name: str) -> list[Document]:
        """The configuration; every one of them when several have the name."""
        limit = self._bounds.max_config_bytes

        def spend(total: int, _: int) -> None:
            if total > limit:
                raise LimitExceededError(f"member `{name}` unpacks to more than {limit} bytes")

        contents = [archive.read(name, max_bytes=limit)]
        if name in archive.duplicates:
            same = [entry for entry in archive.entries if entry.name == name]
            contents.extend(
                archive.unpack(entry, spend=spend).content if entry.method else archive.packed(entry)
                for entry in same[:_MAX_SAME]
            )
        return [strict_json.parse(content, max_bytes=limit) for content in reversed(contents)]


class KerasJsonReader:
    """Reads configurations in files of their own: `model.to_json()`, and those of presets.

    Args:
        bounds: Bounds of reading.
    """

    name = "keras-json"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """An object that names a class, in words of Keras."""
        head = source.head
        if head[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
            return False
        is_hidden = b"\\u00" in head and _ESCAPED_LETTER.search(head) is not None
        if b'"class_name"' not in head and not is_hidden:
            return False
        return is_hidden or source.size > len(head) or any(mark in head for mark in (*_MARKS, *_WEAK_MARKS))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge the configuration; nothing when the file turns out to be another one."""
        found = HazardList()
        try:
            content = strict_json.parse(source.data, max_bytes=self._bounds.max_config_bytes)
            value = as_mapping(content.value)
            inner = as_mapping(value.get("modelTopology") or value)
            root = as_mapping(inner.get("model_config") or inner)
            if not ("class_name" in root and "config" in root):
                return ()
            layers = _judged(content, found)
        except KeelmarkError as error:
            marked = any(mark in source.head for mark in _MARKS)
            model = ModelFile(format="keras-json", role=ModelRole.CONFIGURATION)
            return reading(model, gap_of(source, error)) if marked else ()
        model = ModelFile(
            format="keras-json",
            role=ModelRole.CONFIGURATION,
            architecture=str(root.get("class_name"))[:200],
            metadata=metadata([("keras", value.get("keras_version")), ("layers", layers.count)]),
            can_execute=bool(layers.dangerous or layers.unknown),
            dangerous=unique(layers.dangerous),
            unknown=unique(layers.unknown),
        )
        return reading(model, hazards=found.close())


def _judged(content: Document, found: HazardList, *, member: str = "") -> Layers:
    """Walk one configuration; keys that stand twice are read differently by different parsers."""
    for key in content.duplicates:
        if key in _DECIDING:
            detail = f"`{key}` stands twice in one object, and parsers differ in which one they take"
            found.add(Technique.READERS_DISAGREE, detail, subject=key, member=member)
    return keras_walk.look_at(content.value, found, member=member)


READERS = (KerasReader(), KerasJsonReader())

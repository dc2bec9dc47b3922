"""HDF5 files: models of Keras, weights, tables of PyTables and pandas, and data of any kind.

The tree is walked from its root: configurations of Keras are judged as in `.keras` archives, objects that are kept as
pickles are followed, and links and datasets that stand in other files are named. Where the tree is damaged, what it may
hold is looked for by how it begins, and the damage is a gap.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.cursor import contains, find, find_all
from keelmark.formats.models import keras_walk
from keelmark.formats.models.facts import gap, gap_of, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.hdf5_file import File, signature_at
from keelmark.formats.models.hdf5_hazards import hazards_of_hdf5
from keelmark.formats.models.hdf5_objects import judge_pickle
from keelmark.formats.models.hdf5_tree import Found, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.models.keras_walk import Layers
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "Hdf5Reader"]

_KERAS = frozenset({
    "keras_version", "layer_names", "weight_names", "model_config", "training_config", "backend", "top_level_model_weights",
})  # fmt: skip
_WEIGHTS = frozenset(
    {"_layer_checkpoint_dependencies", "model_weights", "layers", "optimizer_weights", "vars"}
)
_CLASS = b'"class_name"'
_STARTS = (b'{"class_name": ', b'{"module": "keras', b'{"class_name":', b'{"config": {', b'{"name": ')
_MARKERS = (
    b"keras_version",
    b"model_weights",
    b"layer_names",
    b"weight_names",
    b"_layer_checkpoint_dependencies",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the search through a damaged file, and of one configuration."""

    max_search_bytes: int = 256 * 1024**2
    max_config_bytes: int = 32 * 1024**2
    max_attempts: int = 32


class Hdf5Reader:
    """Reads HDF5.

    Args:
        bounds: Bounds of the search.
    """

    name = "hdf5"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the signature at one of the places the format allows."""
        return signature_at(source.head) >= 0

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Walk the tree, and judge what it holds."""
        try:
            found = tree(File(source.data))
        except KeelmarkError as error:
            return self._damaged(source, error)
        hazards = HazardList()
        gaps = []
        layers = keras_walk.Layers()
        is_keras = bool(found.names & _WEIGHTS)
        for path, attribute in found.attributes:
            is_keras = is_keras or (not path and attribute.name in _KERAS)
            for value in attribute.values:
                if _CLASS in value:
                    try:
                        layers = _merged(layers, self._judged(value, hazards))
                    except KeelmarkError as error:
                        if attribute.name in _KERAS:
                            gaps.append(gap_of(source, error))
                elif not attribute.kind.is_text or attribute.kind.is_variable:
                    judge_pickle(value, hazards, where=f"{path}@{attribute.name}")
        for path, value in found.values:
            judge_pickle(value, hazards, where=path)
        _outside(found, hazards, is_keras=is_keras)
        if not is_keras:
            return (Reading(format="hdf5", hazards=hazards.close(), gaps=tuple(gaps)),)
        runs = bool(layers.dangerous or layers.unknown)
        model = ModelFile(
            format="hdf5",
            architecture=layers.architecture,
            metadata=metadata([("framework", "keras"), ("layers", layers.count or None)]),
            can_execute=runs or (None if gaps else False),
            dangerous=unique(layers.dangerous),
            unknown=unique(layers.unknown),
        )
        return reading(model, *gaps, hazards=hazards.close())

    def _judged(self, value: bytes, hazards: HazardList) -> Layers:
        document = strict_json.parse(value.rstrip(b"\x00"), max_bytes=self._bounds.max_config_bytes)
        return keras_walk.look_at(document.value, hazards)

    def _damaged(self, source: Source, error: KeelmarkError) -> tuple[Reading, ...]:
        """What can be told of a file whose tree cannot be walked to its end."""
        data, limit = source.data, self._bounds.max_search_bytes
        hazards = HazardList()
        gaps = [gap_of(source, error)]
        layers = keras_walk.Layers()
        try:
            for config in self._configs(data):
                layers = _merged(layers, keras_walk.look_at(config, hazards))
        except KeelmarkError as other:
            gaps.append(gap_of(source, other))
        if source.size > limit:
            gaps.append(gap(source, GapReason.TOO_LARGE, f"only the first {limit} bytes were searched"))
        model = ModelFile(
            format="hdf5",
            architecture=layers.architecture,
            metadata=metadata([("framework", "keras"), ("layers", layers.count or None)]),
            can_execute=bool(layers.dangerous or layers.unknown) or None,
            dangerous=unique(layers.dangerous),
            unknown=unique(layers.unknown),
        )
        is_keras = any(contains(data, marker, stop=limit) for marker in _MARKERS)
        models = (model,) if is_keras or layers.count else ()
        told = (*hazards.close(), *hazards_of_hdf5(data))
        return (Reading(format="hdf5", models=models, hazards=told, gaps=tuple(gaps)),)

    def _configs(self, data: memoryview) -> Iterator[object]:
        decoder = json.JSONDecoder()
        seen: set[int] = set()
        for start in _STARTS:
            for place in find_all(
                data, start, limit=self._bounds.max_attempts, stop=self._bounds.max_search_bytes
            ):
                end = find(data, b"\x00", start=place, stop=place + self._bounds.max_config_bytes)
                end = end if end >= 0 else min(len(data), place + self._bounds.max_config_bytes)
                # JSON of Keras is ASCII; what follows in the file is not, and is left out by the decoder.
                text = bytes(data[place:end]).decode("latin-1")
                try:
                    value, _ = decoder.raw_decode(text)
                except (ValueError, RecursionError):
                    continue
                is_config = isinstance(value, dict) and "class_name" in value and "config" in value
                if place not in seen and is_config:
                    seen.add(place)
                    yield value


def _merged(one: Layers, other: Layers) -> Layers:
    """What several configurations name; the architecture is that of the first that has layers."""
    architecture = one.architecture or other.architecture
    return keras_walk.Layers(
        architecture=architecture,
        count=one.count + other.count,
        dangerous=[*one.dangerous, *other.dangerous],
        unknown=[*one.unknown, *other.unknown],
    )


def _outside(found: Found, hazards: HazardList, *, is_keras: bool) -> None:
    """References to other files. Data may be spread over neighbours; a model of Keras never is."""
    for each in found.outside:
        way = way_out(each.file)
        if way or is_keras:
            why = f"which {way}" if way else "and Keras writes no such references"
            detail = f"{each.what} at `{each.path[-100:]}` stands in the file `{each.file[:150]}`, {why}"
            hazards.add(Technique.OUTSIDE_PATH, detail, subject=each.file)


READER = Hdf5Reader()

"""HDF5 files of Keras: the signature, and the `model_config` attribute found by its JSON text.

The tree of HDF5 objects is not walked. Keras writes the configuration as one run of JSON, which is found by how it
starts; where markers of Keras stand without it, weights alone are taken to be there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason, ModelFile, Reading
from keelmark.errors import KeelmarkError
from keelmark.formats import keras_config
from keelmark.formats.cursor import contains, find, find_all
from keelmark.formats.model_facts import gap, gap_of, metadata, reading, unique

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "Hdf5Reader"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MARKERS = (
    b"keras_version",
    b"model_weights",
    b"layer_names",
    b"weight_names",
    b"_layer_checkpoint_dependencies",
)
_STARTS = (b'{"class_name": ', b'{"module": "keras', b'{"class_name":', b'{"config": {', b'{"name": ')


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the search."""

    max_search_bytes: int = 256 * 1024**2
    max_config_bytes: int = 32 * 1024**2
    max_attempts: int = 32


class Hdf5Reader:
    """Reads HDF5 files of Keras.

    Args:
        bounds: Bounds of the search.
    """

    name = "hdf5"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the signature at one of the places the format allows."""
        head = source.head
        return any(head[place : place + 8] == _SIGNATURE for place in (0, 512, 1024, 2048, 4096))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Look for the configuration."""
        limit = self._bounds.max_search_bytes
        data = source.data
        gaps = []
        if source.size > limit:
            gaps.append(gap(source, GapReason.TOO_LARGE, f"only the first {limit} bytes were searched"))
        if not any(contains(data, marker, stop=limit) for marker in _MARKERS):
            # Data without a model; whether it matters is for whoever reads datasets.
            return (Reading(format="hdf5", gaps=tuple(gaps)),)
        named = find(data, b"model_config", stop=limit)
        config = self._config(data) if named >= 0 else None
        if named >= 0 and config is None:
            gaps.append(
                gap(
                    source,
                    GapReason.UNSUPPORTED,
                    "the configuration of the model is not stored as plain text",
                )
            )
        try:
            layers = keras_config.look_at(config) if config is not None else keras_config.Layers()
        except KeelmarkError as error:
            return reading(ModelFile(format="hdf5"), *gaps, gap_of(source, error))
        found = bool(layers.dangerous or layers.unknown)
        model = ModelFile(
            format="hdf5",
            architecture=layers.architecture,
            metadata=metadata([("framework", "keras"), ("layers", layers.count or None)]),
            can_execute=found or (None if gaps else False),
            dangerous=unique(layers.dangerous),
            unknown=unique(layers.unknown),
        )
        return reading(model, *gaps)

    def _config(self, data: memoryview) -> object | None:
        decoder = json.JSONDecoder()
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
                if isinstance(value, dict) and "class_name" in value and "config" in value:
                    return value
        return None


READER = Hdf5Reader()

"""TensorFlow.js: the manifest of a model, which names the files of its weights.

Layers without code of their own are all that browsers know, so that only the paths can lead outside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READER", "TfjsReader"]

_MAX_BYTES = 64 * 1024**2


class TfjsReader:
    """Reads manifests of weights."""

    name = "tfjs"
    version = 1

    def recognises(self, source: Source) -> bool:
        """An object with the key of the manifest."""
        head = source.head
        return head[:64].lstrip()[:1] == b"{" and (b'"modelTopology"' in head or b'"weightsManifest"' in head)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge the paths."""
        try:
            value = as_mapping(strict_json.parse(source.data, max_bytes=_MAX_BYTES).value)
        except KeelmarkError:
            return ()
        groups = value.get("weightsManifest")
        found = HazardList()
        for group in groups if isinstance(groups, list) else ():
            paths = as_mapping(group).get("paths")
            for path in map(as_text, paths if isinstance(paths, list) else ()):
                way = way_out(path)
                if way:
                    technique = Technique.OUTSIDE_ADDRESS if "address" in way else Technique.OUTSIDE_PATH
                    detail = f"the weights are read from `{path[:150]}`, which {way}"
                    found.add(technique, detail, subject=path)
        return (Reading(format="tfjs", hazards=found.close()),) if groups is not None else ()


READER = TfjsReader()

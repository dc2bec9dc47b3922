"""Core ML: `.mlmodel` protobufs, and the manifest of an `.mlpackage` folder.

A model carries no code. Custom layers and custom models name a class of the app around, which the app must bring; linked
models and blobs name files, which may lie outside. Pipelines hold models, which are read as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, ModelRole, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.models import protobuf
from keelmark.formats.models.coreml_parts import CoremlParts
from keelmark.formats.models.facts import gap_of, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.protobuf import Budget, Wire
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READERS", "CoremlPackageReader", "CoremlReader"]

_KINDS = {
    200: "pipeline-classifier", 201: "pipeline-regressor", 202: "pipeline", 300: "glm-regressor",
    301: "support-vector-regressor", 302: "tree-ensemble-regressor", 303: "neural-network-regressor",
    304: "bayesian-probit-regressor", 400: "glm-classifier", 401: "support-vector-classifier",
    402: "tree-ensemble-classifier", 403: "neural-network-classifier", 404: "k-nearest-neighbours-classifier",
    500: "neural-network", 501: "item-similarity-recommender", 502: "ml-program", 555: "custom-model",
    556: "linked-model", 560: "class-confidence-thresholding", 600: "one-hot-encoder", 601: "imputer",
    602: "feature-vectorizer", 603: "dict-vectorizer", 604: "scaler", 606: "categorical-mapping", 607: "normalizer",
    609: "array-feature-extractor", 610: "non-maximum-suppression", 900: "identity", 2000: "text-classifier",
    2001: "word-tagger", 2002: "vision-feature-print", 2003: "sound-analysis-preprocessing", 2004: "gazetteer",
    2005: "word-embedding", 2006: "audio-feature-print", 3000: "serialized-model",
}  # fmt: skip
_MAX_SPECIFICATION, _MAX_MANIFEST_BYTES = 32, 4 * 1024**2
_NATIVE = frozenset({"custom-model"})


class CoremlReader:
    """Reads `.mlmodel` files."""

    name = "coreml"
    version = 2

    def recognises(self, source: Source) -> bool:
        """A protobuf with the version of the specification, a description, and one known kind of model."""
        return source.head[:1] == b"\x08" and _look(source.data) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read version and kind, and walk what can name classes and files."""
        seen = _look(source.data)
        if seen is None:
            return ()
        specification, kind = seen
        inside = CoremlParts()
        gaps: tuple[Gap, ...] = ()
        try:
            inside.model(source.data, depth=0)
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        unknown = tuple(inside.classes) or (("custom model class",) if kind in _NATIVE else ())
        model = ModelFile(
            format="coreml",
            architecture=kind,
            metadata=metadata([("specification", specification)]),
            # A custom layer is a class of the app around; the file carries no code.
            can_execute=None if unknown else False,
            unknown=unique(unknown),
        )
        return reading(model, *gaps, hazards=inside.found.close())


def _look(data: memoryview) -> tuple[int, str] | None:
    specification, kind, has_description = 0, "", False
    try:
        for item in protobuf.fields(data, Budget(fields=1000)):
            if item.number == 1 and item.wire == Wire.VARINT:
                specification = item.value
            elif item.number == 2 and item.wire == Wire.BYTES:
                has_description = True
            elif item.number in _KINDS and item.wire == Wire.BYTES:
                kind = _KINDS[item.number]
            elif item.number != 10:
                return None
    except KeelmarkError:
        return None
    if not 0 < specification <= _MAX_SPECIFICATION or not has_description or not kind:
        return None
    return specification, kind


class CoremlPackageReader:
    """Reads the manifest of an `.mlpackage`."""

    name = "coreml-package"
    version = 2

    def recognises(self, source: Source) -> bool:
        """JSON that lists items and names the root model among them."""
        if not source.head.lstrip().startswith(b"{"):
            return False  # A text that speaks of such packages is none.
        return b'"rootModelIdentifier"' in source.head and b'"itemInfoEntries"' in source.head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the paths of the package."""
        try:
            value = strict_json.parse(source.data, max_bytes=_MAX_MANIFEST_BYTES).value
        except KeelmarkError as error:
            return reading(ModelFile(format="coreml", role=ModelRole.INDEX), gap_of(source, error))
        entries = as_mapping(as_mapping(value).get("itemInfoEntries"))
        if not entries:
            return ()
        items = [("item", as_text(as_mapping(entry).get("path"))) for entry in entries.values()]
        found = HazardList()
        for _, path in items:
            if way := way_out(path):
                detail = f"the manifest names the part `{path[:150]}`, which {way}"
                found.add(Technique.OUTSIDE_PATH, detail, subject=path)
        said = [("manifest", as_mapping(value).get("fileFormatVersion")), *items]
        return reading(
            ModelFile(format="coreml", role=ModelRole.INDEX, metadata=metadata(said), can_execute=False),
            hazards=found.close(),
        )


READERS = (CoremlReader(), CoremlPackageReader())

"""Core ML: `.mlmodel` protobufs, and the manifest of an `.mlpackage` folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, ModelRole
from keelmark.errors import KeelmarkError
from keelmark.formats import protobuf, strict_json
from keelmark.formats.model_facts import gap_of, metadata, reading
from keelmark.formats.protobuf import Budget, Wire
from keelmark.formats.strict_json import as_mapping

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
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
    version = 1

    def recognises(self, source: Source) -> bool:
        """A protobuf with the version of the specification, a description, and one known kind of model."""
        return source.head[:1] == b"\x08" and _look(source.data) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read version and kind."""
        seen = _look(source.data)
        if seen is None:
            return ()
        specification, kind = seen
        model = ModelFile(
            format="coreml",
            architecture=kind,
            metadata=metadata([("specification", specification)]),
            # A custom model is a class of the app around; the file carries no code.
            can_execute=None if kind in _NATIVE else False,
            unknown=("custom model class",) if kind in _NATIVE else (),
        )
        return reading(model)


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
    version = 1

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
        items = [("item", as_mapping(entry).get("path")) for entry in entries.values()]
        said = [("manifest", as_mapping(value).get("fileFormatVersion")), *items]
        return reading(
            ModelFile(format="coreml", role=ModelRole.INDEX, metadata=metadata(said), can_execute=False)
        )


READERS = (CoremlReader(), CoremlPackageReader())

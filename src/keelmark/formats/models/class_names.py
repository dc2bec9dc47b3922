"""JSON that names classes for its loader: stages of Spark, and objects that Jackson builds by `@class` (DL4J)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, ModelRole, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.config_targets import dangerous_target
from keelmark.formats.models.facts import gap_of, metadata, reading
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.java_objects import judge_class
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READERS", "JacksonReader", "SparkReader"]

_MAX_BYTES = 16 * 1024**2
_STAGES = (
    "org.apache.spark.", "pyspark.", "com.microsoft.azure.synapse.ml.", "com.microsoft.ml.spark.", "synapse.ml.",
    "ml.dmlc.xgboost4j.", "xgboost.spark.", "com.johnsnowlabs.", "sparknlp", "ai.h2o.", "ml.combust.mleap.",
    "ai.catboost.spark.", "catboost_spark.", "com.databricks.", "com.linkedin.", "com.nvidia.", "spark_rapids_ml.",
    "mmlspark.", "com.intel.analytics.", "zoo.", "bigdl.", "org.apache.sysds.", "onnxmltools.", "ml.feature.",
)  # fmt: skip
_CLASS = bytes_pattern(rb'"@class"\s*:\s*"([A-Za-z_$\[][A-Za-z0-9_$.;\[]{0,255})"')


class SparkReader:
    """Reads the metadata of a stage of Spark."""

    name = "spark-ml"
    version = 1

    def recognises(self, source: Source) -> bool:
        """An object that starts with the class of the stage."""
        head = source.head[:4096]
        return head.startswith(b'{"class":') and b'"uid"' in head and b"park" in head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge the class that is imported and asked to read the stage."""
        try:
            value = as_mapping(strict_json.parse(source.data, max_bytes=_MAX_BYTES).value)
        except KeelmarkError as error:
            return reading(ModelFile(format="spark-ml", role=ModelRole.CONFIGURATION), gap_of(source, error))
        if "sparkVersion" not in value and "timestamp" not in value:
            return ()
        name = as_text(value.get("class"))
        found = HazardList()
        if not name.startswith(_STAGES):
            is_known_chain = judge_class(name) is Technique.DANGEROUS_CLASS
            reason = dangerous_target(name) or (
                "is a part of known chains that end in a call" if is_known_chain else ""
            )
            technique = Technique.DANGEROUS_CLASS if reason else Technique.UNKNOWN_CLASS
            detail = f"the stage is read by the class `{name[:150]}`, which {reason or 'is on no list'}"
            found.add(technique, detail, subject=name, code=f"{name}.read().load(...)")
        model = ModelFile(
            format="spark-ml",
            role=ModelRole.CONFIGURATION,
            architecture=name[:200],
            metadata=metadata([("spark", as_text(value.get("sparkVersion")))]),
            can_execute=bool(found),
        )
        return reading(model, hazards=found.close())


class JacksonReader:
    """Looks for classes in JSON that known chains are made of."""

    name = "jackson"
    version = 1

    def recognises(self, source: Source) -> bool:
        """The key by which classes are named."""
        return b'"@class"' in source.head and source.head.lstrip()[:1] in {b"{", b"["}

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge each name; a network of DL4J is told as a model."""
        found = HazardList()
        for place in _CLASS.finditer(bytes(source.data[:_MAX_BYTES])):
            name = place.group(1).decode("ascii")
            if judge_class(name) is Technique.DANGEROUS_CLASS:
                detail = f"the loader builds `{name}`, a part of known chains that end in a call"
                found.add(Technique.DANGEROUS_CLASS, detail, subject=name, code=f"new {name}(...)")
        if b"org.deeplearning4j" in source.head:
            model = ModelFile(format="dl4j", role=ModelRole.CONFIGURATION, can_execute=bool(found))
            return reading(model, hazards=found.close())
        return (Reading(format="jackson", hazards=found.close()),) if found else ()


READERS = (SparkReader(), JacksonReader())

"""Boosted trees in the formats of their own libraries: XGBoost (JSON, UBJSON, binary), LightGBM, CatBoost.

None of them carries code: a tree is numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import re2

from keelmark.core.facts import GapReason, ModelFile
from keelmark.formats.model_facts import gap, metadata, reading

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READERS", "CatBoostReader", "LightGbmReader", "XgboostReader"]

_MAX_JSON_BYTES = 1024**3
_LEARNER_JSON = re2.compile(rb'^\s*\{\s*"(?:learner|version|Config|Model)"\s*:')
_LEARNER_UBJ = re2.compile(rb"^\{(?:[iU]\x07|I\x00\x07|l\x00\x00\x00\x07|L\x00{7}\x07)(?:learner|version)")
_LIGHTGBM_LINE = re2.compile(
    r"(?m)^(version|num_class|max_feature_idx|objective|num_tree_per_iteration)=(.{0,200})$"
)


class _Named(msgspec.Struct):
    name: str = ""


class _Learner(msgspec.Struct):
    gradient_booster: _Named
    objective: _Named = msgspec.field(default_factory=_Named)
    learner_model_param: dict[str, Any] = msgspec.field(default_factory=dict)


class _Document(msgspec.Struct):
    # Only these are built; the trees, which are the bulk, are stepped over.
    learner: _Learner
    version: list[int] = msgspec.field(default_factory=list)


class XgboostReader:
    """Reads models of XGBoost."""

    name = "xgboost"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the learner that the document starts with, or the magic of the binary form."""
        head = source.head
        if head.startswith(b"binf") or _LEARNER_UBJ.match(head):
            return True
        return _LEARNER_JSON.match(head) is not None and b'"learner"' in head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read what the learner says of itself."""
        if source.head.startswith(b"binf"):
            return reading(ModelFile(format="xgboost", metadata=(("encoding", "binary"),), can_execute=False))
        if _LEARNER_UBJ.match(source.head):
            return reading(ModelFile(format="xgboost", metadata=(("encoding", "ubjson"),), can_execute=False))
        if source.size > _MAX_JSON_BYTES:
            model = ModelFile(format="xgboost", can_execute=False)
            return reading(model, gap(source, GapReason.TOO_LARGE, "model is too large to read"))
        try:
            document = msgspec.json.decode(source.data, type=_Document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            # JSON with a key `learner` need not be a model.
            if b'"gradient_booster"' not in source.head and b'"learner_model_param"' not in source.head:
                return ()
            model = ModelFile(format="xgboost", can_execute=False)
            return reading(model, gap(source, GapReason.MALFORMED, f"no model of XGBoost: {error}"))
        learner = document.learner
        said = [
            ("encoding", "json"),
            ("version", ".".join(map(str, document.version[:4]))),
            ("objective", learner.objective.name),
            ("features", learner.learner_model_param.get("num_feature")),
            ("classes", learner.learner_model_param.get("num_class")),
        ]
        model = ModelFile(
            format="xgboost",
            architecture=learner.gradient_booster.name[:200],
            metadata=metadata(said),
            can_execute=False,
        )
        return reading(model)


class LightGbmReader:
    """Reads text models of LightGBM."""

    name = "lightgbm"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the first two lines."""
        return source.head.replace(b"\r", b"").startswith(b"tree\nversion=v")

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the lines before the first tree."""
        text = source.head[:16384].replace(b"\r", b"").decode("utf-8", "replace").split("\nTree=", 1)[0]
        said = _LIGHTGBM_LINE.findall(text)
        return reading(ModelFile(format="lightgbm", metadata=metadata(said), can_execute=False))


class CatBoostReader:
    """Reads binary models of CatBoost."""

    name = "catboost"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the magic."""
        return source.head.startswith(b"CBM1")

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Check that the core of the model is all there."""
        model = ModelFile(format="catboost", can_execute=False)
        if 8 + int.from_bytes(source.head[4:8], "little") > source.size:
            return reading(model, gap(source, GapReason.TRUNCATED, "model breaks off"))
        return reading(model)


READERS = (XgboostReader(), LightGbmReader(), CatBoostReader())

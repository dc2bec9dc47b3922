"""Boosted trees in the formats of their own libraries: XGBoost (JSON, UBJSON, binary), LightGBM, CatBoost.

None of them carries code: a tree is numbers. What can be wrong with them is a structure that native prediction follows
out of its arrays, and bytes behind the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import re2

from keelmark.core.facts import GapReason, ModelFile, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.boosted_trees import AbsurdLengthError, check_lightgbm, check_trees, walk_ubjson
from keelmark.formats.models.facts import gap, gap_of, metadata, reading
from keelmark.formats.models.hazard_list import HazardList, announced

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READERS", "CatBoostReader", "LightGbmReader", "XgboostReader"]

_OLD_PARAMETERS = 136
_OBJECTIVE = bytes_pattern(rb"(reg|binary|multi|rank|count|survival):[a-z_:]{2,40}")
_MAX_JSON_BYTES = 64 * 1024**2
_LEARNER_JSON = bytes_pattern(rb'^\s*\{\s*"(?:learner|version|Config|Model)"\s*:')
_LEARNER_UBJ = bytes_pattern(rb"^\{(?:[iU]\x07|I\x00\x07|l\x00\x00\x00\x07|L\x00{7}\x07)(?:learner|version)")
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
    version = 2

    def recognises(self, source: Source) -> bool:
        """By the learner that the document starts with, or the magic of the binary form."""
        head = source.head
        if head.startswith(b"binf") or _LEARNER_UBJ.match(head) or _is_old(head):
            return True
        return _LEARNER_JSON.match(head) is not None and b'"learner"' in head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read what the learner says of itself."""
        if source.head.startswith(b"binf") or _is_old(source.head):
            return reading(ModelFile(format="xgboost", metadata=(("encoding", "binary"),), can_execute=False))
        if _LEARNER_UBJ.match(source.head):
            return _ubjson(source)
        if source.size > _MAX_JSON_BYTES:
            model = ModelFile(format="xgboost", can_execute=False)
            return reading(
                model,
                gap(
                    source,
                    GapReason.TOO_LARGE,
                    "only the start of the model was looked at; trees are numbers",
                    matters=False,
                ),
            )
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
        found = HazardList()
        check_trees(source.data, found)
        return reading(model, hazards=found.close())


def _is_old(head: bytes) -> bool:
    """The binary form of old versions: fixed parameters, then the name of the objective with its length."""
    if len(head) < _OLD_PARAMETERS + 16 or head[_OLD_PARAMETERS + 1 : _OLD_PARAMETERS + 8] != bytes(7):
        return False
    length = head[_OLD_PARAMETERS]
    name = head[_OLD_PARAMETERS + 8 : _OLD_PARAMETERS + 8 + length]
    return _OBJECTIVE.match(name) is not None


def _ubjson(source: Source) -> tuple[Reading, ...]:
    model = ModelFile(format="xgboost", metadata=(("encoding", "ubjson"),), can_execute=False)
    found = HazardList()
    try:
        end = walk_ubjson(source.data)
    except AbsurdLengthError as error:
        announced(error.length, "bytes or values", source.size, found)
        return reading(model, gap_of(source, error), hazards=found.close())
    except KeelmarkError as error:
        return reading(model, gap_of(source, error))
    if end < source.size:
        detail = f"{source.size - end} bytes stand behind the model"
        found.add(Technique.HIDDEN_DATA, detail, subject="behind the model", offset=end)
    return reading(model, hazards=found.close())


class LightGbmReader:
    """Reads text models of LightGBM."""

    name = "lightgbm"
    version = 2

    def recognises(self, source: Source) -> bool:
        """By the first two lines."""
        return source.head.replace(b"\r", b"").startswith(b"tree\nversion=v")

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the lines before the first tree."""
        text = source.head[:16384].replace(b"\r", b"").decode("utf-8", "replace").split("\nTree=", 1)[0]
        said = _LIGHTGBM_LINE.findall(text)
        found = HazardList()
        check_lightgbm(source.data, found)
        model = ModelFile(format="lightgbm", metadata=metadata(said), can_execute=False)
        return reading(model, hazards=found.close())


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
        length = int.from_bytes(source.head[4:8], "little")
        if 8 + length > source.size:
            found = HazardList()
            announced(length, "bytes of the model", source.size, found)
            cut = gap(source, GapReason.TRUNCATED, "model breaks off")
            return reading(model, cut, hazards=found.close())
        return reading(model)


READERS = (XgboostReader(), LightGbmReader(), CatBoostReader())

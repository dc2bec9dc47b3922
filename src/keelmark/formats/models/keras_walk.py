"""Walks a configuration of Keras: what its loader would import, call, build from code, read and fetch.

Every object of the configuration that names a class is looked at, wherever it stands: in layers, arguments of calls,
losses, metrics and what custom classes hold. Names are held to exact lists, never to the package they stand in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from keelmark.core.facts import Technique
from keelmark.errors import LimitExceededError
from keelmark.formats.models import tensorflow_operators
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.keras_lists import (
    Known,
    Opinion,
    judge_class,
    judge_function,
    judge_registered,
)
from keelmark.formats.models.marshal_names import decoded, words
from keelmark.formats.strict_json import as_mapping, as_text

__all__ = ["Bounds", "Layers", "Walk", "look_at"]

# Objects of a configuration that stand for plain values.
_VALUES = frozenset({
    "__bytes__", "__complex__", "__ellipsis__", "__keras_tensor__", "__list__", "__numpy__", "__ragged_tensor__",
    "__slice__", "__tensor__", "__tuple__", "CompositeTensor", "DType", "Ellipsis", "TensorShape", "TypeSpec",
})  # fmt: skip
_LAMBDAS = frozenset({"Lambda", "__lambda__"})
_CALLS = frozenset({"TFOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "SlicingOpLambda"})
_TENSORS = frozenset({
    "RaggedTensor", "SparseTensor", "Tensor", "ragged.RaggedTensor", "sparse.SparseTensor", "TensorArray", "IndexedSlices",
    "TensorShape", "strings", "compat.v1.RaggedTensor", "compat.v1.SparseTensor",
})  # fmt: skip
# Entries whose text the loader takes for the place of a file.
_PATHS = frozenset({
    "vocabulary", "vocabulary_file", "vocab_file", "vocabulary_path", "vocab_path", "filepath", "file_path", "filename",
    "file_name", "path", "merges", "merges_file", "proto", "proto_file", "idf_weights", "bpe_merges", "handle",
    "checkpoint_path", "weights_path", "model_path", "preset", "url", "uri", "origin", "fname", "spm_path", "saved_model",
    "weights_file",
})  # fmt: skip
_MAX_PATH = 4096
_MAX_WORDS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a walk."""

    max_nodes: int = 4_000_000


@dataclass(slots=True)
class Layers:
    """What a configuration names, as the facts of a model state it."""

    architecture: str = ""
    count: int = 0
    dangerous: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def look_at(
    config: object,
    found: HazardList,
    *,
    member: str = "",
    revives: bool = False,
    bounds: Bounds | None = None,
) -> Layers:
    """Walk a configuration, add what it does to `found`, and tell what it names.

    Args:
        config: The configuration.
        found: Where hazards go.
        member: The member of the archive in which the configuration stands.
        revives: Whether the loader builds classes that it does not know from their graphs, as it does for SavedModels.
        bounds: Bounds of the walk.

    Raises:
        LimitExceededError: More values than are read.
    """
    walk = Walk(found=found, member=member, revives=revives)
    walk.layers.architecture = as_text(as_mapping(config).get("class_name"))[:200]
    limit = (bounds or Bounds()).max_nodes
    pending: list[Any] = [config]
    seen = 0
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            seen += len(value)
            pending.extend(item for item in value if isinstance(item, list | dict))
        elif isinstance(value, dict):
            seen += len(value)
            walk.entry(value)
            pending.extend(item for item in value.values() if isinstance(item, list | dict))
        if seen > limit:
            raise LimitExceededError("configuration has more values than are read")
    return walk.layers


@dataclass(slots=True, kw_only=True)
class Walk:
    """One configuration while it is walked."""

    found: HazardList
    member: str = ""
    revives: bool = False
    layers: Layers = field(default_factory=Layers)
    # Functions that were told together with the layer around them.
    _told: set[int] = field(default_factory=set)

    def entry(self, value: dict[str, Any]) -> None:
        """Judge one object of the configuration."""
        name = value.get("class_name")
        if id(value) in self._told:
            pass
        elif isinstance(name, str) and name not in _VALUES:
            self._class(value, name)
        elif "function_type" in value or "node_def" in value:
            self._lambda("", value, is_layer=True)
        self._paths(value, as_text(value.get("name")))

    def _class(self, value: dict[str, Any], name: str) -> None:
        module, config = as_text(value.get("module")), value.get("config")
        inner = as_mapping(config)
        shown = as_text(inner.get("name"))[:80]
        self.layers.count += 1
        if name == "__typespec__":
            name = as_text(value.get("spec_name"))
            self._judge(judge_class(module or "tensorflow", name), module, name, shown)
        elif name == "function":
            self._function(module, value, config, shown)
        elif name in _LAMBDAS and _is_keras(module):
            self._told.add(id(config))
            self._lambda(shown, inner, is_layer=name == "Lambda", whole=value)
        elif name in _CALLS:
            self._call(name, inner)
        elif name == "TensorFlowOpLayer":
            self._operator(inner.get("node_def"))
        elif not self._registered(value, module, name, shown):
            self._judge(judge_class(module, name), module, name, shown)

    def _function(self, module: str, value: dict[str, Any], config: object, shown: str) -> None:
        names = {as_text(config)}
        registered = as_text(value.get("registered_name"))
        if registered and registered != "function":
            names.add(registered.rpartition(">")[2])
        for name in sorted(names - {""}):
            self._judge(judge_function(module, name), module, name, shown, is_function=True)

    def _registered(self, value: dict[str, Any], module: str, name: str, shown: str) -> bool:
        """Whether the name under which a class is registered decides, which is looked up before the class itself."""
        registered = as_text(value.get("registered_name")) or name
        if registered == name and ">" not in name:
            return False
        opinion = judge_registered(registered)
        if opinion.known is Known.OWN:
            return ">" in name
        own = judge_class(module, name)
        if opinion.known is Known.DANGEROUS or own.known in {Known.DANGEROUS, Known.FOREIGN}:
            self._judge(opinion if opinion.known is Known.DANGEROUS else own, module, name, shown)
        elif own.known is Known.OWN:
            detail = f"the class `{registered[:150]}`, whose code the file does not bring, takes the place of `{name[:100]}`"
            self._add(Technique.UNKNOWN_CLASS, registered, detail)
        elif ">" in registered and not self.revives:
            detail = f"the loader builds the class `{registered[:150]}`, which code registers that the file does not bring"
            self._add(Technique.UNKNOWN_CLASS, registered, detail)
        else:
            return False
        return True

    def _judge(
        self, opinion: Opinion, module: str, name: str, shown: str, *, is_function: bool = False
    ) -> None:
        dotted = f"{module}.{name}" if module else name
        where = f" in `{shown}`" if shown else ""
        call = f"{dotted}(...)" if is_function else f"{dotted}.from_config(...)"
        match opinion.known:
            case Known.DANGEROUS:
                detail = f"the loader calls `{dotted[:150]}`{where}, which {opinion.reason}"
                self._add(Technique.DANGEROUS_CLASS, dotted, detail, code=call)
                self.layers.dangerous.append(f"{dotted}: {opinion.reason}")
            case Known.FOREIGN:
                kind = "function" if is_function else "class"
                detail = (
                    f"the loader imports the {kind} `{dotted[:150]}`{where}, which is on no list of Keras"
                )
                self._add(Technique.UNKNOWN_CLASS, dotted, detail, code=call)
                self.layers.unknown.append(dotted)
            case Known.BROUGHT if not self.revives:
                kind = "function" if is_function else "class"
                detail = f"the {kind} `{name[:150]}`{where} is none of Keras; whoever loads the file brings its code"
                self._add(Technique.CUSTOM_CLASS, name, detail)
            case _:
                return

    def _lambda(
        self, shown: str, config: dict[str, Any], *, is_layer: bool, whole: dict[str, Any] | None = None
    ) -> None:
        """Code that the configuration carries, under any of the entries in which layers keep functions."""
        codes = {key: _code(config, key) for key in ("function", "output_shape", "mask", "value", "code")}
        for key in ("function", "output_shape", "mask"):
            inner = as_mapping(config.get(key))
            if is_layer and inner.get("class_name") == "__lambda__":
                codes[key] = _code(as_mapping(inner.get("config")), "code") or ""
                self._told.add(id(inner))
        what = f"Lambda `{shown}`" if shown else "Lambda"
        for key, text in codes.items():
            if text is None:
                continue
            names = ", ".join(words(decoded(text))[:_MAX_WORDS])[:300]
            uses = f" naming {names}" if names else ""
            detail = f"{what}: its {key} is marshalled code{uses}, which the loader turns into a function and calls"
            self._add(
                Technique.SERIALISED_CODE,
                shown or "lambda",
                detail,
                code=f"lambda: ...  # {names}" if names else "lambda: ...",
            )
            self.layers.dangerous.append(
                "Lambda layer: runs code carried in the file"
                if is_layer
                else "lambda: runs code carried in the file"
            )
            return
        if not is_layer and whole is not None:
            detail = "a function is stored as code, which the loader builds and calls"
            self._add(Technique.SERIALISED_CODE, shown or "lambda", detail)
            self.layers.dangerous.append("lambda: runs code carried in the file")
        named = config.get("function")
        if isinstance(named, str) and named and config.get("function_type") != "raw":
            # Older releases write beside it where the function stood, which for honest ones is the code of its makers.
            module = as_text(config.get("module"))
            opinion = judge_function(module, named)
            if opinion.known is not Known.DANGEROUS:
                module, opinion = "", judge_function("", named)
            self._judge(opinion, module, named, shown, is_function=True)

    def _call(self, name: str, config: dict[str, Any]) -> None:
        """Layers that look a function of TensorFlow up by its public name."""
        if name in {"TFOpLambda", "SlicingOpLambda"}:
            wanted = as_text(config.get("function"))
            if not wanted or tensorflow_operators.is_function(wanted):
                return
            opinion = judge_function("tensorflow", wanted.rpartition(".")[2])
            reason = opinion.reason or tensorflow_operators.reason_of_function(wanted)
            known = Known.DANGEROUS if reason else Known.FOREIGN
            self._judge(Opinion(known=known, reason=reason), "tensorflow", wanted, "", is_function=True)
        elif name == "ClassMethod":
            wanted, method = as_text(config.get("cls_symbol")), as_text(config.get("method_name"))
            if wanted not in _TENSORS:
                self._judge(
                    Opinion(known=Known.FOREIGN), "tensorflow", f"{wanted}.{method}", "", is_function=True
                )
        else:
            wanted = as_text(config.get("method_name") or config.get("attr_name"))
            if wanted.startswith("_") and not tensorflow_operators.is_function(
                f"__operators__.{wanted.strip('_')}"
            ):
                self._judge(
                    Opinion(known=Known.FOREIGN), "tensorflow", f"Tensor.{wanted}", "", is_function=True
                )

    def _operator(self, node: object) -> None:
        """The operator of a layer that holds a node of a graph as text."""
        try:
            parsed = as_mapping(json.loads(node)) if isinstance(node, str) else as_mapping(node)
        except (ValueError, RecursionError):
            parsed = {}
        operator = as_text(parsed.get("op"))
        if not operator and isinstance(node, str):
            # The text form of protobuf.
            operator = node.partition('op: "')[2].partition('"')[0]
        technique, reason = tensorflow_operators.judge(operator)
        if technique is not None:
            detail = f"a layer holds the operator `{operator[:100]}`, which {reason}"
            self._add(technique, operator or "node", detail, code=f"{operator}(...)")
            self.layers.dangerous.append(f"operator `{operator}`: {reason}")

    def _paths(self, value: dict[str, Any], shown: str) -> None:
        for key in _PATHS & value.keys():
            for path in _texts(value[key]):
                way = way_out(path) if len(path) <= _MAX_PATH else ""
                if not way:
                    continue
                technique = Technique.OUTSIDE_ADDRESS if way == "is an address" else Technique.OUTSIDE_PATH
                if path.lower().startswith("file:"):
                    technique = Technique.OUTSIDE_PATH
                detail = f"`{key}` of `{shown[:80]}` is read from `{path[:150]}`, which {way}"
                self._add(technique, path, detail)

    def _add(self, technique: Technique, subject: str, detail: str, *, code: str = "") -> None:
        self.found.add(technique, detail, subject=subject, member=self.member, code=code)


def _is_keras(module: str) -> bool:
    return module.partition(".")[0] in {
        "",
        "keras",
        "tf_keras",
        "keras_core",
        "tensorflow",
        "builtins",
        "None",
    }


def _code(config: dict[str, Any], key: str) -> str | None:
    """The code that an entry carries as text; None when it carries none."""
    value = _without_tuple(config.get(key))
    if isinstance(value, dict):
        # A mapping with code is another object of the configuration, which is met on its own unless it is nameless.
        return None if "class_name" in value else _text_of_code(value.get("code") or value.get("value"))
    if key in {"value", "code"}:
        return _text_of_code(value) if isinstance(value, list | str) and len(value) else None
    kind = config.get(f"{key}_type")
    if (
        isinstance(value, list)
        and value
        and isinstance(value[0], str)
        and (kind == "lambda" or key == "function")
    ):
        return value[0]
    if kind == "lambda" and value:
        # Said to be code, in a form that is not known.
        return value if isinstance(value, str) else ""
    return None


def _without_tuple(value: object) -> object:
    """Keras writes a tuple as an object of its own."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return value.get("items") or value.get("config")
    return value


def _text_of_code(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> tuple[str, ...]:
    """The texts of an entry that may be a path; a list is the words themselves, and so is a text of many lines."""
    if isinstance(value, str) and "\n" not in value:
        return (value,)
    return ()

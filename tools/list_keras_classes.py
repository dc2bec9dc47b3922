"""Writes `formats/models/keras_classes.json`: what configurations of Keras name, per exact module, from real wheels.

    pip download --no-deps --only-binary=:all: -d wheels keras==3.15.1 keras==2.15.0 tf_keras keras_hub ...
    python tools/list_keras_classes.py wheels src/keelmark/formats/models/keras_classes.json

The wheels are read, never installed: their source is parsed, so that no foreign code runs here. Listed are

- `classes`: those that are exported under a public name of a part that models are made of, and those that are not
  exported and derive from a layer, an operation or their like, under the module in which they stand;
- `functions`: those exported as activations, losses, metrics, operations and the like.

What loads, fetches, writes or switches protection off is in neither, whatever it derives from.
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

_CLASS_PARTS = frozenset({
    "layers", "models", "optimizers", "losses", "metrics", "initializers", "regularizers", "constraints", "activations",
    "dtype_policies", "mixed_precision", "quantizers", "random", "experimental", "_legacy", "tokenizers", "samplers",
    "bounding_box", "premade", "Sequential", "Model", "Function", "Operation", "Layer", "Variable", "KerasTensor",
    "InputSpec", "Initializer", "Loss", "Metric", "Optimizer", "Quantizer", "Regularizer", "DTypePolicy",
    "FloatDTypePolicy", "RematScope", "ops", "legacy", "__internal__", "applications", "Input",
})  # fmt: skip
_FUNCTION_PARTS = frozenset({
    "activations", "losses", "metrics", "initializers", "regularizers", "constraints", "ops", "random", "applications",
    "layers",
})  # fmt: skip
_ROOTS = frozenset({
    "Layer", "Operation", "Model", "Loss", "Metric", "Optimizer", "BaseOptimizer", "OptimizerV2", "Initializer",
    "Regularizer", "Constraint", "Quantizer", "DTypePolicy", "Policy", "LearningRateSchedule", "RandomInitializer",
    "Wrapper", "RNN", "AbstractRNNCell", "KerasSaveable", "SeedGenerator", "LossFunctionWrapper", "LossScaleOptimizer",
})  # fmt: skip
# Judged apart: what they hold or fetch is not theirs.
_NEVER = frozenset({
    "Lambda", "TFSMLayer", "TorchModuleWrapper", "load_model", "save_model", "get_file", "TensorFlowOpLayer", "KerasLayer",
    "KerasFileEditor", "ReloadedLayer", "SidecarEvaluator",
})  # fmt: skip
_REACHING = (
    "load",
    "save",
    "download",
    "get_file",
    "deserialize",
    "from_json",
    "from_yaml",
    "from_preset",
    "upload",
)
# Of networks with trained weights nothing is named but what prepares their input: the others fetch.
_ONLY = {"applications": "preprocess_input"}
_ABOUT = frozenset({"get", "serialize", "enable_v2_dtype_behavior", "disable_v2_dtype_behavior"})
_TESTS = (
    "_test.py",
    "/tests/",
    "/testing",
    "integration_tests",
    "benchmarks/",
    "/tools/",
    "backup/",
    "/layers/__init__",
)
_Table = dict[str, set[str]]


def main(wheels: Path, target: Path) -> None:
    """Read every wheel of a folder, write the lists."""
    tables: dict[str, _Table] = {"classes": defaultdict(set), "functions": defaultdict(set)}
    for wheel in sorted(wheels.glob("*.whl")):
        _read(wheel, tables)
    parts = []
    for kind, table in tables.items():
        rows = ",\n".join(
            f"  {json.dumps(module)}: {json.dumps(sorted(names))}" for module, names in sorted(table.items())
        )
        parts.append(f' "{kind}": {{\n{rows}\n }}')
        print(f"{kind}: {sum(map(len, table.values()))} in {len(table)} modules", file=sys.stderr)
    target.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def _read(wheel: Path, tables: dict[str, _Table]) -> None:
    classes: dict[str, list[ast.ClassDef]] = defaultdict(list)
    placed: list[tuple[str, ast.ClassDef]] = []
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith(".py") or any(part in f"/{name}" for part in _TESTS):
                continue
            module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for node in ast.parse(archive.read(name)).body:
                if isinstance(node, ast.ClassDef):
                    classes[node.name].append(node)
                    placed.append((module, node))
                    _exported(node, tables["classes"], _CLASS_PARTS)
                elif isinstance(node, ast.FunctionDef):
                    _exported(node, tables["functions"], _FUNCTION_PARTS)
    for module, node in placed:
        if node.name not in _NEVER and _derives(node, classes, set()):
            tables["classes"][module].add(node.name)


def _exported(node: ast.ClassDef | ast.FunctionDef, table: _Table, wanted: frozenset[str]) -> None:
    """The public names in the decorator of an exported class or function."""
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call) or not _last(decorator.func).endswith("_export"):
            continue
        given = [*decorator.args, *(keyword.value for keyword in decorator.keywords)]
        for value in (item for each in given for item in ast.walk(each)):
            if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
                continue
            module, _, name = value.value.rpartition(".")
            part = value.value.split(".")[1] if "." in value.value else ""
            if (
                part in wanted
                and name not in _NEVER
                and not (isinstance(node, ast.FunctionDef) and _is_odd(part, name))
            ):
                table[module].add(name)


def _is_odd(part: str, name: str) -> bool:
    """Whether a function of a part does other things than compute."""
    if name in _ABOUT or any(word in name.lower() for word in _REACHING):
        return True
    return _ONLY.get(part, name) != name


def _derives(node: ast.ClassDef, classes: dict[str, list[ast.ClassDef]], seen: set[str]) -> bool:
    """Whether a class derives from a root, by the names of its bases."""
    if node.name in _ROOTS:
        return True
    seen.add(node.name)
    for base in map(_last, node.bases):
        if base in _ROOTS:
            return True
        if base not in seen and any(_derives(each, classes, seen) for each in classes.get(base, ())):
            return True
    return False


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

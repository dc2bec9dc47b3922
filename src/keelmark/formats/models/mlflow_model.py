"""MLflow: the `MLmodel` file, which names the module that loads a model and the files that it loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, ModelRole, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import yaml_tree
from keelmark.formats.models.config_targets import dangerous_target
from keelmark.formats.models.facts import gap_of, metadata, reading, unique
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.yaml_tree import Mapping, Scalar

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "MlflowReader"]

# Modules of MLflow and of the flavours that others publish for it.
_KNOWN = ("mlflow.", "mlflow_", "mlflavors.", "azureml.", "databricks.", "snowflake.", "bentoml.")
_PATHS = frozenset({
    "code", "data", "model_path", "model_data", "python_model", "pickled_model", "state_dict", "artifact_path",
    "sklearn_model", "model_binary", "pipeline_path",
})  # fmt: skip


class MlflowReader:
    """Reads `MLmodel` files."""

    name = "mlflow"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Flavours at the left edge of a text."""
        head = source.head[:8192]
        is_spoken_of = source.name == "MLmodel" or head.startswith(b"flavors:") or b"\nflavors:" in head
        return is_spoken_of and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge the loader and the paths of each flavour."""
        try:
            tree = yaml_tree.parse(source.text, path=source.path)
        except KeelmarkError as error:
            if source.name != "MLmodel":
                return ()
            return reading(ModelFile(format="mlflow", role=ModelRole.CONFIGURATION), gap_of(source, error))
        flavours = tree.find("flavors") if tree is not None else None
        if not isinstance(flavours, Mapping):
            return ()
        found = HazardList()
        unknown: list[str] = []
        for name, flavour in flavours.entries.items():
            if isinstance(flavour, Mapping):
                unknown.extend(_flavour(name, flavour, found))
        said = [
            ("flavours", ", ".join(flavours.entries)),
            ("mlflow", _text(tree.find("mlflow_version") if tree else None)),
        ]
        model = ModelFile(
            format="mlflow",
            role=ModelRole.CONFIGURATION,
            metadata=metadata(said),
            can_execute=True if found else None,
            unknown=unique(unknown),
        )
        return reading(model, hazards=found.close())


def _flavour(name: str, flavour: Mapping, found: HazardList) -> list[str]:
    unknown: list[str] = []
    loader = _text(flavour.entries.get("loader_module"))
    if loader and loader != "mlflow" and not loader.startswith(_KNOWN):
        reason = dangerous_target(f"{loader}._load_pyfunc")
        if reason:
            detail = f"the model is loaded by the module `{loader[:150]}`, which {reason}"
            found.add(Technique.DANGEROUS_CLASS, detail, subject=loader, code=f"{loader}._load_pyfunc(...)")
        else:
            unknown.append(loader)
            detail = f"the model is loaded by the module `{loader[:150]}`, which is none of MLflow; it is imported and called"
            found.add(Technique.UNKNOWN_CLASS, detail, subject=loader, code=f"{loader}._load_pyfunc(...)")
    for key, value in flavour.entries.items():
        path = _text(value)
        way = way_out(path) if key in _PATHS else ""
        if way:
            detail = f"flavour `{name[:60]}` takes its {key} from `{path[:150]}`, which {way}"
            found.add(Technique.OUTSIDE_PATH, detail, subject=path)
    return unknown


def _text(node: object) -> str:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""


READER = MlflowReader()

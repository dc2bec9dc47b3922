"""Models of a unit: hosted, fetched from a hub, carried as files, trained here; and the prompts that instruct them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.asset import AssetKind
from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.facts import FileRole, PromptRole, Sink, Trust
from keelmark.design.threats.builder import OUTSIDE
from keelmark.design.threats.signs import (
    GENERATIVE_PACKAGES,
    HUBS,
    asks_model,
    is_generative,
    loads_model,
    trains,
)
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from keelmark.core.asset import Asset
    from keelmark.core.facts import ModelReference, Module, Prompt
    from keelmark.core.project import Seen
    from keelmark.design.threats.scene import Scene

__all__ = ["add_models"]

_EXECUTING = frozenset(
    {
        "pickle",
        "joblib",
        "torch-zip",
        "torch-legacy",
        "torch",
        "keras",
        "hdf5",
        "savedmodel",
        "dill",
        "cloudpickle",
    }
)
_FROM_USERS = re2.compile(
    r"(?i)(^|_)(question|query|user_?input|input|message|utterance|request|user_?(text|message|prompt))s?$"
)
_NO_MODEL = re2.compile(
    r"(?i)index|cache|chunk|article|docs|documents|vocab|history|results?\b|metrics|stopwords|corpus|passages"
)
# What is loaded beside a model and is none.
_NOT_WEIGHTS = re2.compile(r"Tokenizer|Processor|FeatureExtractor|AutoConfig|GenerationConfig|tokenizer_from")
# Packages that only wire models together name no provider.
_WIRING = frozenset(
    {"langchain", "langgraph", "instructor", "dspy", "semantic_kernel", "agents", "swarm", "ai", "@langchain"}
)


MIN_NAME = 4


def add_models(scene: Scene) -> None:
    """Add the models of the unit and what flows into them from the program."""
    for seen in scene.unit.modules:
        for reference in seen.fact.models:
            _add_reference(scene, seen, reference)
    package = scene.unit.imports_any(GENERATIVE_PACKAGES)
    if package and not scene.generative and any(asks_model(call) for _, call in scene.unit.calls):
        _add_unnamed(scene, package)
    _add_files(scene)
    _add_trained(scene)
    _add_loaded(scene)
    for model in scene.generative:
        scene.builder.link(scene.program, model, "prompt and conversation", sink="context")
    for model in scene.judging:
        element = scene.builder.elements[model]
        # Beside a model that writes text, one from elsewhere ranks or embeds for it; nobody gains by deceiving it alone.
        is_part = bool(scene.generative) and not element.path and not element.is_trained
        scene.builder.link(scene.program, model, "input", sink="" if is_part else "inference")
    for seen in scene.unit.modules:
        for prompt in seen.fact.prompts:
            _add_prompt(scene, seen, prompt)
        _add_flows(scene, seen)


def _add_unnamed(scene: Scene, package: str) -> None:
    """A model that is asked and whose name stands elsewhere."""
    supplier = "" if package in _WIRING else package.lstrip("@").partition("/")[0]
    name = f"model of {supplier}" if supplier else "model"
    scene.generative.append(
        _model(scene, name, boundary=OUTSIDE, supplier=supplier, executes=False, is_trained=False)
    )


def _model(scene: Scene, name: str, **properties: object) -> str:
    return scene.builder.element(
        ComponentKind.MODEL, name, key=(scene.unit.name, name), **{"path": "", **properties}
    )


def _add_reference(scene: Scene, seen: Seen[Module], reference: ModelReference) -> None:
    is_trained = any(trains(call) for _, call in scene.unit.calls)
    if _NOT_WEIGHTS.search(reference.loader) and not is_trained:
        return  # Where something is trained, a tokenizer is named like the model that the training starts from.
    is_hub = reference.provider in HUBS
    writes = is_generative(reference.name, reference.loader, is_hub=is_hub)
    is_remote = not is_hub and reference.provider not in {
        "ollama",
        "llama-cpp",
        "llamacpp",
        "gpt4all",
        "vllm",
    }
    known = set(scene.builder.elements)
    model = _model(
        scene,
        reference.name,
        supplier=reference.provider,
        boundary=OUTSIDE if is_remote else "",
        executes=reference.executes,
        is_pinned=bool(reference.revision),
        is_trained=False,
        at=seen.at(reference.line),
    )
    if model in known:
        was = scene.builder.elements[model]
        scene.builder.update(
            model,
            executes=bool(was.executes) or reference.executes,
            is_pinned=bool(was.is_pinned) and bool(reference.revision),
        )
    if is_hub:
        hub = scene.builder.outside(
            f"hub {reference.provider}", ComponentKind.REGISTRY, supplier=reference.provider
        )
        scene.builder.link(hub, model, f"weights of {reference.name}", trust=FlowTrust.THIRD_PARTY, sink="weights",
                           at=seen.at(reference.line))  # fmt: skip
    group = scene.generative if writes else scene.judging
    if model not in group and model not in (*scene.generative, *scene.judging):
        group.append(model)


def _add_files(scene: Scene) -> None:
    """Weights in the folder that the unit names."""
    for asset in scene.project.inventory.of(AssetKind.MODEL, AssetKind.ADAPTER, AssetKind.ABSENT_MODEL):
        if asset.get("role") not in {"", "weights", "adapter"} or not _names(scene, asset):
            continue
        if _NO_MODEL.search(asset.name):
            _add_values(scene, asset)
        else:
            is_adapter = asset.kind is AssetKind.ADAPTER
            model = scene.builder.element(
                ComponentKind.ADAPTER if is_adapter else ComponentKind.MODEL,
                asset.name,
                key=("file", asset.path),
                path=asset.path,
                executes=_executes(asset),
                is_pinned=bool(asset.digest) or None,
            )
            if is_adapter and scene.generative:
                scene.builder.link(model, scene.generative[0], "changes of the weights", sink="weights")
            else:
                scene.judging.append(model)


def _add_values(scene: Scene, asset: Asset) -> None:
    """Values that are kept in a format of models: an index, a cache."""
    values = scene.builder.element(ComponentKind.DATASET, asset.name, key=("file", asset.path), path=asset.path,
                                   executes=_executes(asset), is_pinned=bool(asset.digest) or None)  # fmt: skip
    scene.builder.link(values, scene.program, "values", sink="deserialise" if _executes(asset) else "")


def _executes(asset: Asset) -> bool | None:
    if asset.format in _EXECUTING:
        return True  # Whatever this file holds today, the next one of its format may bring code.
    return {"yes": True, "no": False}.get(asset.get("runs code when loaded"))


def _names(scene: Scene, asset: Asset) -> bool:
    """Whether a call of the unit names the file."""
    return len(asset.name) >= MIN_NAME and scene.names(asset.name)


def _add_loaded(scene: Scene) -> None:
    """A model that is loaded from a place that a setting names: the one file there is, or one that was not seen."""
    if scene.generative or scene.judging:
        return
    calls = [(path, call) for path, call in scene.unit.calls if loads_model(call)]
    if not calls:
        return
    path, call = calls[0]
    files = [
        asset
        for asset in scene.project.inventory.of(AssetKind.MODEL, AssetKind.ABSENT_MODEL)
        if asset.get("role") in {"", "weights"} and role_of(asset.path) is FileRole.PRODUCT
    ]
    if len(files) == 1:
        model = scene.builder.element(
            ComponentKind.MODEL, files[0].name, key=("file", files[0].path), path=files[0].path,
            executes=_executes(files[0]), is_pinned=bool(files[0].digest) or None,
        )  # fmt: skip
    else:
        is_pickle = call.name.startswith(("joblib.", "pickle.", "dill.", "cloudpickle."))
        trusts_code = call.argument("trust_remote_code")
        is_remote = call.name.endswith((".from_pretrained", "transformers.pipeline"))
        executes = bool(trusts_code and trusts_code.literal) if is_remote else (True if is_pickle else None)
        model = _model(
            scene,
            f"model that {call.name} loads",
            executes=executes,
            at=scene.at(path, call.line),
        )
    scene.judging.append(model)


_SAVES_CODE = ("pickle.dump", "joblib.dump", "torch.save", "dill.dump", "cloudpickle.dump")
_SAVES_DATA = ("save_file", "save_pretrained", "onnx.export", "to_onnx", "save_model")


def _saved_as(scene: Scene) -> bool | None:
    """Whether what is trained is saved in a form that can bring code along."""
    names = [call.name for _, call in scene.unit.calls]
    if any(name in _SAVES_CODE for name in names):
        return True
    return False if any(name.endswith(_SAVES_DATA) for name in names) else None


def _add_trained(scene: Scene) -> None:
    calls = [(path, call) for path, call in scene.unit.calls if trains(call)]
    if not calls:
        return
    path, call = calls[0]
    files = [model for model in scene.judging if scene.builder.elements[model].path]
    if files:
        for model in files:
            scene.builder.update(model, is_trained=True)
        trained = files
    else:
        trained = [_model(scene, f"model trained by {scene.unit.name}", executes=_saved_as(scene), is_pinned=None, is_trained=True,
                          at=scene.at(path, call.line))]  # fmt: skip
        scene.judging.extend(trained)
    _add_bases(scene, trained)


def _add_bases(scene: Scene, trained: list[str]) -> None:
    """What is fetched where something is trained is what the training starts from, and answers nobody itself."""
    bases = [
        one for one in (*scene.generative, *scene.judging) if scene.builder.elements[one].supplier in HUBS
    ]
    for base in bases:
        for model in trained:
            scene.builder.link(base, model, "weights that training starts from", sink="weights")
    if any(base in scene.generative for base in bases):
        scene.judging = [one for one in scene.judging if one not in trained]
        scene.generative.extend(trained)
    scene.generative = [one for one in scene.generative if one not in bases]
    scene.judging = [one for one in scene.judging if one not in bases]


def _add_prompt(scene: Scene, seen: Seen[Module], prompt: Prompt) -> None:
    if prompt.role is not PromptRole.SYSTEM:
        return
    element = scene.builder.element(
        ComponentKind.PROMPT, prompt.name, key=(seen.file.path, prompt.name, prompt.digest), path=seen.file.path,
        at=seen.at(prompt.line),
    )  # fmt: skip
    filled = [name for name in prompt.placeholders if _FROM_USERS.search(name)]
    for model in scene.generative:
        scene.builder.link(
            element, model, f"instructions of {prompt.name}", sink="system-prompt", at=seen.at(prompt.line)
        )
        if filled:
            words = f"{', '.join(f'`{name}`' for name in filled)} filled into {prompt.name}"
            scene.builder.link(scene.program, model, words, sink="system-prompt", at=seen.at(prompt.line))


def _add_flows(scene: Scene, seen: Seen[Module]) -> None:
    trusts = {
        Trust.REQUEST: FlowTrust.USER,
        Trust.RETRIEVED: FlowTrust.THIRD_PARTY,
        Trust.MODEL_OUTPUT: FlowTrust.MODEL_OUTPUT,
    }
    for flow in seen.fact.flows:
        if flow.sink is Sink.SYSTEM_PROMPT and flow.source in trusts:
            for model in scene.generative:
                scene.builder.link(scene.program, model, f"{flow.origin} in the system prompt", trust=trusts[flow.source],
                                   sink="system-prompt", cleaned_by=flow.cleaned_by, at=seen.at(flow.line))  # fmt: skip

"""Data of a unit: what it looks up, remembers, reads and trains on, and who can write there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.design.threats.observe_tools import WORLD
from keelmark.design.threats.signs import (
    MEMORY_CALLS,
    STORE_PACKAGES,
    fetches,
    imported_from,
    is_ingest,
    is_lookup,
    trains,
)

if TYPE_CHECKING:
    from keelmark.core.asset import Asset
    from keelmark.core.facts import Call
    from keelmark.design.threats.scene import Scene

__all__ = ["add_data"]

_NOT_SEEN = "who writes into the store was not seen"
_MEMORY_PACKAGES = ("mem0", "zep_python", "zep_cloud", "letta", "langmem")
_TENANT_KEYS = frozenset({"user_id", "session_id", "tenant", "tenant_id", "namespace", "thread_id"})
MIN_NAME = 4
_CODE = (".py", ".js", ".ts", ".sh", ".ipynb", ".yaml", ".yml", ".toml")


def add_data(scene: Scene) -> None:
    """Add stores, memory and datasets of the unit."""
    _add_stores(scene)
    _add_memory(scene)
    _add_datasets(scene)
    _add_stages(scene)
    _close_stores(scene)


def _stem_of(path: str) -> str:
    """What people would call a module: its name, or that of its folder."""
    name = path.rpartition("/")[2].partition(".")[0]
    return path.split("/")[-2] if name in {"__init__", "index"} and "/" in path else name


def _add_stores(scene: Scene) -> None:
    if not scene.generative:
        return
    for seen in scene.unit.modules:
        package = imported_from(seen.fact, STORE_PACKAGES)
        if package:
            _store(scene, package.lstrip("@").partition("/")[0].rpartition(".")[2], seen.file.path)
    if scene.stores:
        return
    tools = {tool.name for seen in scene.unit.modules for tool in seen.fact.tools}
    for path, call in scene.unit.calls:
        if path not in scene.model_modules or not is_lookup(call.name):
            continue
        target, name = scene.place(call.name, path)
        if target and target != path and name not in tools and (target, name) in scene.by_scope:
            _store(scene, _stem_of(target), target)


def _store(scene: Scene, name: str, path: str) -> None:
    identifier = scene.builder.element(
        ComponentKind.RETRIEVAL_STORE, name, key=(scene.unit.name, name), path=path, at=scene.at(path, 0)
    )
    scene.stores[path] = identifier
    for call_path, call in scene.unit.calls:
        if call_path == path and fetches(call):
            world = scene.builder.outside(WORLD)
            scene.builder.link(world, identifier, f"what {call.name} fetches", trust=FlowTrust.THIRD_PARTY, sink="index",
                               at=scene.at(path, call.line))  # fmt: skip


def _close_stores(scene: Scene) -> None:
    """Link each store to the models that read it; how far that text can be trusted follows from what feeds the store."""
    for store in sorted(set(scene.stores.values())):
        feeds = [
            link for link in scene.builder.links.values() if link.target == store and link.sink == "index"
        ]
        for model in scene.generative:
            if feeds:
                scene.builder.link(store, model, "texts that were looked up", sink="context")
            else:
                scene.builder.link(store, model, "texts that were looked up", trust=FlowTrust.THIRD_PARTY, sink="context",
                                   assumed=_NOT_SEEN)  # fmt: skip


def _add_memory(scene: Scene) -> None:
    if not scene.generative:
        return
    for path, call in scene.unit.calls:
        if MEMORY_CALLS.search(call.name):
            _memory(scene, _class_of(call.name), path, call)
    package = scene.unit.imports_any(_MEMORY_PACKAGES)
    if package:
        _memory(scene, package, "", None)


def _class_of(name: str) -> str:
    """The class whose name stands last in a dotted one."""
    return next((part for part in reversed(name.split(".")) if part[:1].isupper()), name.rpartition(".")[2])


def _memory(scene: Scene, name: str, path: str, call: Call | None) -> None:
    has_key = any(
        argument.name in _TENANT_KEYS or argument.text in _TENANT_KEYS
        for _, other in scene.unit.calls
        for argument in other.arguments
    )
    identifier = scene.builder.element(
        ComponentKind.MEMORY,
        name,
        key=(scene.unit.name, name),
        path=path,
        # A key for each user was seen somewhere; whether every read uses it cannot be told.
        is_shared=None,
        description="a key for each user or conversation was seen" if has_key else "",
        at=scene.at(path, call.line) if call else None,
    )
    scene.builder.link(scene.program, identifier, "what was said", sink="memory")
    for model in scene.generative:
        scene.builder.link(identifier, model, "what was said before", sink="context")


def _add_datasets(scene: Scene) -> None:
    for asset in scene.project.inventory.of(AssetKind.DATASET, AssetKind.ABSENT_DATA):
        for path, call in scene.unit.calls:
            if _names(call, asset):
                _dataset(scene, asset, path, call)
    for path, call in scene.unit.calls:
        if (
            call.name.endswith("load_dataset")
            and call.arguments
            and isinstance(call.arguments[0].literal, str)
        ):
            _fetched(scene, call.arguments[0].literal, path, call)


def _add_stages(scene: Scene) -> None:
    """What a pipeline hands to a program of the unit: it is trained on where the program trains, else it is read."""
    trained = [one for one in (*scene.generative, *scene.judging) if scene.builder.elements[one].is_trained]
    for _, reading in scene.project.readings:
        for stage in reading.pipeline.stages if reading.pipeline else ():
            runs = {path for path in scene.unit.paths if path in stage.command.split()}
            inputs = [name for name in stage.inputs if not name.endswith(_CODE)] if runs else []
            for name in inputs:
                data = scene.builder.element(ComponentKind.DATASET, name.rstrip("/").rpartition("/")[2], key=("file", name), path=name,
                                             executes=False)  # fmt: skip
                for model in trained:
                    scene.builder.link(data, model, f"input of stage {stage.name}", sink="training")
                if not trained:
                    scene.builder.link(data, scene.program, f"input of stage {stage.name}")


def _names(call: Call, asset: Asset) -> bool:
    """Whether a call names the file; a word without a suffix stands anywhere by chance."""
    name = asset.path.rpartition("/")[2]
    if len(name) < MIN_NAME or "." not in name:
        return False
    texts = (argument.literal for argument in call.arguments)
    return any(isinstance(text, str) and text.rpartition("/")[2] == name for text in texts)


def _dataset(scene: Scene, asset: Asset, path: str, call: Call) -> None:
    identifier = scene.builder.element(
        ComponentKind.DATASET, asset.name, key=("file", asset.path), path=asset.path, executes=False,
        is_pinned=bool(asset.digest) or None,
    )  # fmt: skip
    _feed(scene, identifier, path, call, trust=FlowTrust.TRUSTED)


def _fetched(scene: Scene, name: str, path: str, call: Call) -> None:
    pinned = call.argument("revision")
    identifier = scene.builder.outside(
        name,
        ComponentKind.DATASET,
        supplier="huggingface",
        executes=False,
        is_pinned=bool(pinned and pinned.literal),
    )
    _feed(scene, identifier, path, call, trust=FlowTrust.THIRD_PARTY)


def _feed(scene: Scene, dataset: str, path: str, call: Call, *, trust: FlowTrust) -> None:
    """Link a dataset to what the code around it does: index it, train on it, or just read it."""
    place = scene.at(path, call.line)
    trained = [
        model for model in (*scene.generative, *scene.judging) if scene.builder.elements[model].is_trained
    ]
    is_store = path in scene.stores and (is_ingest(call.scope.rpartition(".")[2]) or not call.scope)
    if is_store:
        scene.builder.link(
            dataset, scene.stores[path], "texts to look up", trust=trust, sink="index", at=place
        )
    elif trained and any(trains(other) for where, other in scene.unit.calls if where == path):
        for model in trained:
            scene.builder.link(dataset, model, "records to train on", trust=trust, sink="training", at=place)
    else:
        scene.builder.link(dataset, scene.program, "records", trust=trust, at=place)

"""What the JSON files of a model repository make their loader do: run code of the repository, import classes by name.

Sources: the loading code of transformers (`auto_map`, `custom_pipelines`), diffusers (`model_index.json`), peft (`auto_mapping`)
and sentence-transformers (`modules.json`). Fields of the same names elsewhere mean nothing to those loaders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.facts import Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.pickle import callables
from keelmark.formats.models.pickle.callables import Danger
from keelmark.formats.models.pickle.values import Global
from keelmark.formats.models.templates import hazards_of_template
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Hazard

__all__ = ["hazards_of", "hazards_of_modules", "hazards_of_other_texts", "hazards_of_templates"]

_LIBRARIES = frozenset({
    "diffusers", "transformers", "onnxruntime", "optimum", "peft", "accelerate", "flax", "k_diffusion", "note_seq",
    "stable_diffusion", "invisible_watermark", "timm", "sentence_transformers", "torchvision", "compel", "torch",
})  # fmt: skip
_MAX_TEXTS = 20
# Folders of pipelines within diffusers, which hold parts of their own.
_PIPELINES = frozenset({
    "allegro", "alt_diffusion", "amused", "animatediff", "audio_diffusion", "audioldm", "audioldm2", "aura_flow",
    "blip_diffusion", "cogvideo", "cogview3", "cogview4", "consistency_models", "controlnet", "cosmos", "dance_diffusion",
    "ddim", "ddpm", "deepfloyd_if", "dit", "flux", "hidream_image", "hunyuan_video", "hunyuandit", "i2vgen_xl",
    "kandinsky", "kandinsky2_2", "kandinsky3", "kandinsky5", "kolors", "latent_consistency_models", "latent_diffusion",
    "latte", "ledits_pp", "ltx", "lumina", "lumina2", "marigold", "mochi", "musicldm", "omnigen", "pag",
    "paint_by_example", "pia", "pixart_alpha", "pndm", "qwenimage", "repaint", "sana", "score_sde_ve",
    "semantic_stable_diffusion", "shap_e", "spectrogram_diffusion", "stable_audio", "stable_cascade",
    "stable_diffusion", "stable_diffusion_3", "stable_diffusion_attend_and_excite", "stable_diffusion_safe",
    "stable_diffusion_xl", "stable_video_diffusion", "stochastic_karras_ve", "t2i_adapter", "text_to_video_synthesis",
    "unclip", "unidiffuser", "versatile_diffusion", "visualcloze", "vq_diffusion", "wan", "wuerstchen",
})  # fmt: skip
_MODULES = (
    "sentence_transformers.models.", "sentence_transformers.sparse_encoder.models.",
    "sentence_transformers.sentence_transformer.modules.", "sentence_transformers.base.modules.",
    "sentence_transformers.cross_encoder.", "pylate.models.",
)  # fmt: skip


def hazards_of(value: dict[str, Any]) -> tuple[tuple[Hazard, ...], tuple[KeelmarkError, ...]]:
    """What one object does; and what kept a template from being parsed."""
    found = HazardList()
    _repository_code(value, found)
    _shards(value, found)
    _pipeline_parts(value, found)
    _parent_library(value, found)
    templates, errors = hazards_of_templates(_templates(value))
    return (*found.close(), *templates), errors


def hazards_of_templates(
    named: Iterator[tuple[str, str]],
) -> tuple[tuple[Hazard, ...], tuple[KeelmarkError, ...]]:
    """What chat templates do, given as (name, text); and what kept one from being parsed."""
    found: list[Hazard] = []
    errors: list[KeelmarkError] = []
    for name, text in named:
        try:
            found.extend(hazards_of_template(text, subject=name))
        except KeelmarkError as error:
            errors.append(error.with_traceback(None))
    return tuple(found), tuple(errors)


def hazards_of_other_texts(named: Iterator[tuple[str, str]]) -> tuple[Hazard, ...]:
    """What templates do that stand under any name in the metadata of a model, given as (name, text).

    They are only asked whether they reach objects; texts that are no templates after all are passed over.
    """
    found: list[Hazard] = []
    for name, text in named:
        # Whatever reaches objects names them, or puts their names together in a tag.
        if not ("{{" in text or "{%" in text) or len(found) >= _MAX_TEXTS:
            continue
        try:
            found.extend(hazards_of_template(text, subject=name[:200], is_chat=False))
        except KeelmarkError:
            continue
    return tuple(found)


def hazards_of_modules(value: list[Any]) -> tuple[Hazard, ...] | None:
    """What a `modules.json` of sentence-transformers imports; None when it is no such list."""
    entries = [as_mapping(item) for item in value]
    if not entries or not all({"idx", "path", "type"} <= set(entry) for entry in entries):
        return None
    found = HazardList()
    for entry in entries:
        kind = as_text(entry.get("type"))
        if not kind.startswith(_MODULES):
            _imported(kind, found, why="modules.json makes the loader import")
        path = as_text(entry.get("path"))
        if way := way_out(path):
            found.add(Technique.OUTSIDE_PATH, f"module path `{path[:200]}` {way}", subject=path)
    return found.close()


def _repository_code(value: dict[str, Any], found: HazardList) -> None:
    for kind, target in as_mapping(value.get("auto_map")).items():
        targets = target if isinstance(target, list) else [target]
        for item in map(as_text, targets):
            if item:
                _runs(f"auto_map {kind}", item, found)
    generate = as_text(value.get("custom_generate"))
    if "/" in generate:
        _runs("custom_generate", f"{generate}--custom_generate.generate", found)
    kernel = value.get("_attn_implementation")
    for name in (kernel, *as_mapping(kernel).values()):
        if isinstance(name, str) and "/" in name:
            detail = f"_attn_implementation fetches the native kernel `{name[:160]}` from a hub"
            found.add(Technique.OUTSIDE_ADDRESS, detail, subject=name)
    for task, entry in as_mapping(value.get("custom_pipelines")).items():
        _runs(f"custom_pipelines {task}", as_text(as_mapping(entry).get("impl")) or task, found)


def _runs(where: str, target: str, found: HazardList) -> None:
    repository, dashes, name = target.partition("--")
    whose = f"of the repository `{repository}`" if dashes else "of this repository"
    found.add(
        Technique.REMOTE_CODE,
        f"{where[:80]} runs `{(name or target)[:120]}` {whose} once remote code is trusted",
        subject=target,
        code=f"from_pretrained(..., trust_remote_code=True)  # imports {target}",
    )


def _shards(value: dict[str, Any], found: HazardList) -> None:
    for shard in sorted({as_text(item) for item in as_mapping(value.get("weight_map")).values()}):
        if way := way_out(shard):
            found.add(Technique.OUTSIDE_PATH, f"shard `{shard[:200]}` {way}", subject=shard)


def _pipeline_parts(value: dict[str, Any], found: HazardList) -> None:
    """Parts of a diffusers pipeline: pairs of library and class; a library that is none is a file of the repository."""
    name = value.get("_class_name")
    is_pipeline = isinstance(name, str) and name.endswith("Pipeline")
    if "_diffusers_version" not in value and not isinstance(name, list) and not is_pipeline:
        return
    if isinstance(name, list) and len(name) == 2:
        _runs("_class_name", ".".join(map(as_text, name)), found)
    for key, entry in value.items():
        if not isinstance(entry, list) or len(entry) != 2 or not all(isinstance(part, str) for part in entry):
            continue
        library = str(entry[0])
        top = library.partition(".")[0]
        if key != "_class_name" and top not in _LIBRARIES and library not in _PIPELINES:
            _runs(key, f"{library}.{entry[1]}", found)


def _parent_library(value: dict[str, Any], found: HazardList) -> None:
    library = as_text(as_mapping(value.get("auto_mapping")).get("parent_library"))
    if library and library.partition(".")[0] not in _LIBRARIES:
        name = as_text(as_mapping(value.get("auto_mapping")).get("base_model_class"))
        _imported(f"{library}.{name}" if name else library, found, why="auto_mapping makes the loader import")


def _imported(dotted: str, found: HazardList, *, why: str) -> None:
    module, _, name = dotted.rpartition(".")
    verdict = callables.judge(Global(module, name))
    if verdict.danger is Danger.DANGEROUS:
        found.add(
            Technique.DANGEROUS_CLASS, f"{why} `{dotted[:160]}`, which {verdict.reason}", subject=dotted
        )
    elif verdict.danger is Danger.UNKNOWN:
        found.add(Technique.UNKNOWN_CLASS, f"{why} `{dotted[:160]}`, which is on no list", subject=dotted)


def _templates(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    template = value.get("chat_template")
    if isinstance(template, str):
        yield "chat_template", template
    entries = template if isinstance(template, list) else []
    for entry in map(as_mapping, entries):
        if isinstance(entry.get("template"), str):
            yield f"chat_template {as_text(entry.get('name'))[:60]}".strip(), entry["template"]
    for name, text in as_mapping(template).items():
        if isinstance(text, str):
            yield f"chat_template {name[:60]}", text

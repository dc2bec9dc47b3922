"""JSON files of a Hugging Face repository: configuration, tokenizer, adapter, index, preprocessor, chat template.

They have no magic, so each is known by keys that belong together; other JSON is not claimed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import re2

from keelmark.core.facts import ModelFile, ModelRole, Reading
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.models.facts import MAX_TEMPLATE, gap_of, leaves_folder, metadata, reading, unique
from keelmark.formats.models.hub_hazards import hazards_of, hazards_of_modules
from keelmark.formats.models.templates import hazards_of_template
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.facts import Gap, Hazard
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "HuggingFaceReader"]

_HINTS = (
    b'"model_type"', b'"architectures"', b'"auto_map"', b'"chat_template"', b'"peft_type"', b'"weight_map"',
    b'"tokenizer_class"', b'"added_tokens"', b'"image_processor_type"', b'"feature_extractor_type"',
    b'"custom_generate"', b'"custom_pipelines"', b'"_attn_implementation"', b'"processor_class"', b'"added_tokens_decoder"', b'"_class_name"', b'"transformers_version"',
)  # fmt: skip
_MODULE_HINTS = (b'"idx"', b'"path"', b'"type"')
_TEMPLATE_SUFFIXES = frozenset({".jinja", ".jinja2", ".j2"})
# What only the template of a chat model asks of a message.
_CONVERSATION = re2.compile(r"""\bmessages?\b(?s:.)*?(?:\.role\b|\[["']role["']\])""")
_TEXT_SUFFIXES = frozenset({"", ".txt", ".template", ".tmpl", ".tpl", ".prompt"})
_CODE = "code in the repository is run with trust_remote_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a document; a tokenizer is stepped over, so it may be longer."""

    max_bytes: int = 32 * 1024**2
    max_tokenizer_bytes: int = 256 * 1024**2


class _TokenizerModel(msgspec.Struct):
    type: str | None = None


class _Tokenizer(msgspec.Struct):
    # Only these are built; vocabulary and merges, which are the bulk, are stepped over.
    added_tokens: list[Any]
    model: _TokenizerModel
    version: str | None = None


class HuggingFaceReader:
    """Reads the JSON files of a model repository.

    Args:
        bounds: Bounds of one document.
    """

    name = "huggingface"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """An object in whose head one of the telling keys stands; or a Jinja file named as a chat template."""
        if _is_template(source):
            return True
        head = source.head.lstrip(b"\xef\xbb\xbf \t\r\n")
        if head.startswith(b"["):
            return all(hint in head[:4096] for hint in _MODULE_HINTS) and source.is_text
        if not head.startswith(b"{") or not source.is_text:
            return False
        # A name is enough to look: a hostile configuration could hide its telling keys behind a long head.
        return source.name in _NAMES or any(hint in head for hint in _HINTS)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the document; nothing when it only looked like one."""
        if _is_template(source):
            return _read_template(source)
        if b'"added_tokens"' in source.head and b'"model_type"' not in source.head:
            found = self._tokenizer(source)
            if found is not None:
                return reading(found)
        try:
            value = strict_json.parse(source.data, max_bytes=self._bounds.max_bytes).value
        except KeelmarkError as error:
            known = source.name in _NAMES
            return (
                reading(ModelFile(format="huggingface", role=_NAMES[source.name]), gap_of(source, error))
                if known
                else ()
            )
        if isinstance(value, list):
            modules = hazards_of_modules(value)
            model = ModelFile(format="modules", role=ModelRole.CONFIGURATION, can_execute=False)
            return (
                () if modules is None else (Reading(format=model.format, models=(model,), hazards=modules),)
            )
        if isinstance(value, dict):
            for is_it, build in _KINDS:
                if is_it(value):
                    return _read_object(source, value, build(value))
        return ()

    def _tokenizer(self, source: Source) -> ModelFile | None:
        if source.size > self._bounds.max_tokenizer_bytes:
            return None
        try:
            document = msgspec.json.decode(source.data, type=_Tokenizer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        said = [("version", document.version), ("added tokens", len(document.added_tokens))]
        return ModelFile(
            format="tokenizer",
            role=ModelRole.TOKENIZER,
            architecture=(document.model.type or "")[:200],
            metadata=metadata(said),
            can_execute=False,
        )


def _read_object(source: Source, value: dict[str, Any], model: ModelFile) -> tuple[Reading, ...]:
    hazards, errors = hazards_of(value)
    gaps = tuple(gap_of(source, error) for error in errors)
    return (Reading(format=model.format, models=(model,), hazards=hazards, gaps=gaps),)


def _read_template(source: Source) -> tuple[Reading, ...]:
    """A template in a file of its own; one that belongs to no chat model may include files, but reach no objects."""
    text = source.text
    if "{%" not in text and "{{" not in text:
        return ()
    is_chat = "chat_template" in source.path or _CONVERSATION.search(text) is not None
    hazards: tuple[Hazard, ...] = ()
    gaps: tuple[Gap, ...] = ()
    try:
        hazards = tuple(hazards_of_template(text, subject=source.name, is_chat=is_chat))
    except KeelmarkError as error:
        if not is_chat:
            return ()  # Other templates may be written for another engine, which this one does not understand.
        gaps = (gap_of(source, error),)
    if not is_chat:
        return (Reading(format="template", hazards=hazards),)
    model = ModelFile(
        format="chat-template", role=ModelRole.TOKENIZER, can_execute=False, template=text[:MAX_TEMPLATE]
    )
    return (Reading(format=model.format, models=(model,), hazards=hazards, gaps=gaps),)


def _is_template(source: Source) -> bool:
    if source.suffix in _TEMPLATE_SUFFIXES:
        return source.is_text
    # One without the name of a template has to look like one of a chat model, and like nothing else.
    return (
        source.suffix in _TEXT_SUFFIXES
        and b"{%" in source.head
        and b"message" in source.head
        and source.is_text
    )


def _code(value: dict[str, Any]) -> tuple[str, ...]:
    """Entries of `auto_map`: classes that come with the repository."""
    found: list[str] = []
    for kind, target in as_mapping(value.get("auto_map")).items():
        targets = target if isinstance(target, list) else [target]
        found.extend(f"auto_map {kind} = {as_text(item)}: {_CODE}" for item in targets if as_text(item))
    found.extend(f"custom_pipelines {task}: {_CODE}" for task in as_mapping(value.get("custom_pipelines")))
    return unique(found)


def _file(
    value: dict[str, Any], *, name: str, role: ModelRole, keys: tuple[str, ...], architecture: str = ""
) -> ModelFile:
    dangerous = _code(value)
    return ModelFile(
        format=name,
        role=role,
        architecture=architecture[:200],
        metadata=metadata((key, as_text(value.get(key))) for key in keys),
        # Loaders run that code only when they are told to trust it.
        can_execute=None if dangerous else False,
        dangerous=dangerous,
        template=_template(value),
    )


def _template(value: dict[str, Any]) -> str:
    template = value.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = [as_mapping(item) for item in template]
        first = [item for item in named if item.get("name") == "default"] or named
        template = first[0].get("template") if first else None
    return as_text(template)[:MAX_TEMPLATE]


def _adapter(value: dict[str, Any]) -> ModelFile:
    keys = (
        "base_model_name_or_path",
        "revision",
        "peft_type",
        "task_type",
        "r",
        "lora_alpha",
        "peft_version",
    )
    return _file(
        value, name="adapter", role=ModelRole.ADAPTER, keys=keys, architecture=as_text(value.get("peft_type"))
    )


def _index(value: dict[str, Any]) -> ModelFile:
    shards = sorted({as_text(item) for item in as_mapping(value.get("weight_map")).values()})
    total = as_mapping(value.get("metadata")).get("total_size")
    return ModelFile(
        format="index",
        role=ModelRole.INDEX,
        tensors=len(as_mapping(value.get("weight_map"))),
        metadata=metadata(
            [("total_size", as_text(total)), ("shards", len(shards)), *(("shard", s) for s in shards)]
        ),
        can_execute=False,
        dangerous=unique(
            f"shard `{s}`: the path leaves the folder of the model" for s in shards if leaves_folder(s)
        ),
    )


def _tokenizer_config(value: dict[str, Any]) -> ModelFile:
    keys = ("tokenizer_class", "model_max_length", "bos_token", "eos_token")
    name = as_text(value.get("tokenizer_class"))
    return _file(value, name="tokenizer", role=ModelRole.TOKENIZER, keys=keys, architecture=name)


def _preprocessor(value: dict[str, Any]) -> ModelFile:
    keys = ("processor_class", "image_processor_type", "feature_extractor_type")
    return _file(value, name="preprocessor", role=ModelRole.PREPROCESSOR, keys=keys)


def _configuration(value: dict[str, Any]) -> ModelFile:
    keys = ("model_type", "_name_or_path", "_class_name", "transformers_version", "torch_dtype", "dtype", "license",
            "hidden_size", "num_hidden_layers", "vocab_size", "max_position_embeddings")  # fmt: skip
    listed = value.get("architectures")
    names = ", ".join(as_text(item) for item in listed[:8]) if isinstance(listed, list) else ""
    architecture = names or as_text(value.get("_class_name"))
    return _file(
        value, name="huggingface", role=ModelRole.CONFIGURATION, keys=keys, architecture=architecture
    )


def _is_configuration(value: dict[str, Any]) -> bool:
    if isinstance(value.get("architectures"), list) or isinstance(value.get("auto_map"), dict):
        return True
    if isinstance(value.get("custom_pipelines"), dict) or isinstance(value.get("custom_generate"), str):
        return True
    beside = {
        "transformers_version",
        "_name_or_path",
        "hidden_size",
        "vocab_size",
        "torch_dtype",
        "initializer_range",
        "_attn_implementation",
    }
    if isinstance(value.get("model_type"), str):
        return bool(beside & set(value))
    name = value.get("_class_name")
    is_pipeline = isinstance(name, str) and name.endswith("Pipeline")
    return isinstance(name, str | list) and ("_diffusers_version" in value or is_pipeline)


def _is_tokenizer(value: dict[str, Any]) -> bool:
    if isinstance(value.get("tokenizer_class"), str) and not isinstance(value.get("architectures"), list):
        return "model_type" not in value
    return isinstance(value.get("added_tokens_decoder"), dict) or isinstance(
        value.get("chat_template"), str | list
    )


_KINDS: tuple[tuple[Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], ModelFile]], ...] = (
    (lambda value: isinstance(value.get("peft_type"), str), _adapter),
    (lambda value: isinstance(value.get("weight_map"), dict), _index),
    (_is_tokenizer, _tokenizer_config),
    (
        lambda value: any(
            isinstance(value.get(key), str) for key in ("image_processor_type", "feature_extractor_type")
        ),
        _preprocessor,
    ),
    (_is_configuration, _configuration),
)
_NAMES = {
    "config.json": ModelRole.CONFIGURATION,
    "tokenizer.json": ModelRole.TOKENIZER,
    "tokenizer_config.json": ModelRole.TOKENIZER,
    "adapter_config.json": ModelRole.ADAPTER,
}

READER = HuggingFaceReader()

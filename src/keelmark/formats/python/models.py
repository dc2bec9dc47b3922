"""Models that are named in code: hosted ones, and those fetched from a hub."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import ModelReference
from keelmark.formats.python.authentication import last_part
from keelmark.formats.python.names import LOCAL
from keelmark.formats.python.table_models import (
    LOADERS,
    MODEL_KEYWORDS,
    NO_MODELS,
    Loader,
    client_of,
    is_hub_id,
    is_known_on_hub,
    pinned,
    provider_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import CallSite, Scope

__all__ = ["models_of"]

_NAMES = re2.compile(r"(?i)(model|llm|deployment|embedd?(ing|er)|embed_|engine|re_?ranker)")
_MODEL_CLASS = re2.compile(r"(Chat|LLM|Model|Completion|Embed\w*)$")
_COMMIT = re2.compile(r"^[0-9a-f]{40}$")
_PICKLED = re2.compile(r"(?i)\.(bin|ckpt|joblib|pickle|pkl|pth?|dill)$")
# Without `weights_only=True`, which only the first of them knows, each runs what the file says.
_CHECKPOINT_LOADERS = frozenset(
    {
        "torch.load",
        "pickle.load",
        "pickle.loads",
        "joblib.load",
        "dill.load",
        "cloudpickle.load",
        "pandas.read_pickle",
    }
)
# Libraries whose short names (`gpt2`) are ids on the hub; others must say `owner/name` to be believed.
_HUB_ROOTS = (
    "transformers.",
    "diffusers.",
    "peft.",
    "sentence_transformers.",
    "tokenizers.",
    "optimum.",
    "huggingface_hub.",
    "langchain",
    "llama_index.",
    "spacy.",
    "timm.",
    "keras_hub.",
    "keras_nlp.",
    "keras_cv.",
    "whisper.",
    "faster_whisper.",
    "vllm.",
    "setfit.",
    "flair.",
)
_ENVIRONMENT = frozenset({"os.getenv", "os.environ.get", "os.environ.setdefault", "decouple.config"})


def models_of(index: Index) -> tuple[ModelReference, ...]:
    """Every reference once for each line, in order of the text."""
    found: dict[tuple[str, int], ModelReference] = {}
    for reference in (*_loaded(index), *_called(index), *_assigned(index), *_defaults(index)):
        found.setdefault((reference.name, reference.line), reference)
    ordered = sorted(found.values(), key=lambda reference: (reference.line, reference.name))
    return tuple(ordered[: index.bounds.max_items])


def _loaded(index: Index) -> Iterator[ModelReference]:
    for site in index.sites:
        loader = _loader(site)
        if loader is None:
            continue
        node, scope = site.node, site.scope
        value = node.args[loader.position] if len(node.args) > loader.position else None
        value = value or _keyword(node, *loader.keywords)
        name = index.string(value, scope) or _default_of(index, value, scope)
        if not name or (loader.needs and index.constant(_keyword(node, loader.needs), scope) is not True):
            continue
        if not _is_remote(index, site, loader, name):
            continue
        if index.string(_keyword(node, "repo_type"), scope) in {"dataset", "space"}:
            continue
        yield ModelReference(
            provider=loader.provider,
            name=name[:300],
            line=node.lineno,
            revision=_revision(index, site, loader, name),
            loader=site.name or f"*.{_method(node)}",
            executes=_executes(index, site, loader),
            anchor=index.text.anchor(node.lineno),
        )


def _default_of(index: Index, value: ast.expr | None, scope: Scope) -> str:
    """The default of the parameter that a name stands for: what is loaded when the caller says nothing."""
    if not isinstance(value, ast.Name):
        return ""
    function = next((found for found in index.functions if found.scope is scope), None)
    given = function.parameters if function else []
    return next((index.string(default, scope) for argument, default in given if argument.arg == value.id), "")


def _loader(site: CallSite) -> Loader | None:
    name = site.name
    if name.startswith(LOCAL) or site.is_instance:
        return None
    if name in LOADERS:
        return LOADERS[name]
    last = last_part(name) or _method(site.node)
    if last == "pipeline":
        return LOADERS[last] if name.startswith("transformers") else None
    if last in LOADERS and (name or last == "from_pretrained"):
        return LOADERS[last]
    return None


def _is_remote(index: Index, site: CallSite, loader: Loader, name: str) -> bool:
    if loader.provider == "torchhub":
        return (
            index.constant(_keyword(site.node, "source"), site.scope) != "local"
            and "/" in name
            and not name.startswith(("/", "."))
        )
    if loader.provider == "tfhub":
        return name.startswith("https://")
    if loader.provider == "ultralytics":
        return "/" not in name and name.endswith(".pt")
    is_known = not site.name or site.name.startswith(_HUB_ROOTS)
    return is_hub_id(name) and (is_known or "/" in name)


def _revision(index: Index, site: CallSite, loader: Loader, name: str) -> str:
    given = index.string(_keyword(site.node, "revision", "code_revision"), site.scope)
    if loader.provider == "torchhub":
        given = name.partition(":")[2]
    return given if _COMMIT.search(given) else ""


def _executes(index: Index, site: CallSite, loader: Loader) -> bool:
    node, scope = site.node, site.scope
    trusts = index.constant(_keyword(node, "trust_remote_code"), scope) is True
    kwargs = _keyword(node, "model_kwargs")
    if isinstance(kwargs, ast.Name):
        kwargs = scope.value(kwargs.id)
    if isinstance(kwargs, ast.Dict):
        for key, value in zip(kwargs.keys, kwargs.values, strict=True):
            is_trust = isinstance(key, ast.Constant) and key.value == "trust_remote_code"
            trusts = trusts or (is_trust and index.constant(value, scope) is True)
    file = index.string(_keyword(node, "filename") or (node.args[1] if len(node.args) > 1 else None), scope)
    is_pickled = last_part(site.name) == "hf_hub_download" and bool(_PICKLED.search(file))
    return trusts or loader.executes or (is_pickled and not _takes_only_weights(index))


def _takes_only_weights(index: Index) -> bool:
    """Whether the module loads checkpoints, and says of each that only weights are to be taken from it."""
    loads = [site for site in index.sites if site.name in _CHECKPOINT_LOADERS]
    return bool(loads) and all(
        index.constant(_keyword(site.node, "weights_only"), site.scope) is True for site in loads
    )


def _called(index: Index) -> Iterator[ModelReference]:
    for site in index.sites:
        for keyword in site.node.keywords:
            if keyword.arg in MODEL_KEYWORDS:
                yield from _hosted(index, keyword.value, site, keyword.arg)
        takes_first = last_part(site.name) in {"init_chat_model", "GenerativeModel", "load_chat_model"}
        if takes_first and site.node.args:
            yield from _hosted(index, site.node.args[0], site, "model")
        if site.node.args and _MODEL_CLASS.search(last_part(site.name) or _method(site.node)):
            first = site.node.args[0]
            if isinstance(first, ast.Constant):
                yield from _shaped(index, first, site.scope, last_part(site.name) or _method(site.node))
        is_setting = site.name in _ENVIRONMENT and len(site.node.args) == 2
        if is_setting and _NAMES.search(index.string(site.node.args[0], site.scope)):
            yield from _shaped(index, site.node.args[1], site.scope, site.target or site.name)


def _hosted(index: Index, value: ast.expr, site: CallSite, keyword: str) -> Iterator[ModelReference]:
    name = index.string(value, site.scope)
    if not name or len(name) > 200 or " " in name or name.lower() in NO_MODELS:
        return
    client = client_of(site.name)
    provider = provider_of(name) or (client if keyword != "llm" else "")
    if client == "ollama":
        provider = "ollama"
    if not provider or provider == "litellm" or name.startswith((".", "/")):
        return
    yield _reference(
        index, provider, name, line=site.node.lineno, loader=site.name or f"*.{_method(site.node)}"
    )


def _assigned(index: Index) -> Iterator[ModelReference]:
    for assignment in index.assignments:
        if _NAMES.search(assignment.name):
            value: ast.expr | None = assignment.value
            if isinstance(value, ast.Call) and last_part(index.callee.get(value, "")) in {"Field", "field"}:
                value = _keyword(value, "default") or (value.args[0] if value.args else None)
            if isinstance(value, ast.Constant):
                yield from _shaped(index, value, assignment.scope, assignment.name)


def _defaults(index: Index) -> Iterator[ModelReference]:
    for function in index.functions:
        for argument, default in function.parameters:
            if isinstance(default, ast.Constant) and _NAMES.search(argument.arg):
                yield from _shaped(index, default, function.scope, f"{function.qualname}({argument.arg})")


def _shaped(index: Index, value: ast.expr, scope: Scope, loader: str) -> Iterator[ModelReference]:
    name = index.string(value, scope)
    if not name or len(name) > 200:
        return
    provider = "huggingface" if is_known_on_hub(name) else provider_of(name)
    if provider:
        yield _reference(index, provider, name, line=value.lineno, loader=loader)


def _reference(index: Index, provider: str, name: str, *, line: int, loader: str) -> ModelReference:
    return ModelReference(
        provider=provider,
        name=name,
        line=line,
        revision=pinned(name),
        loader=loader,
        anchor=index.text.anchor(line),
    )


def _keyword(node: ast.Call, *names: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg in names), None)


def _method(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""

"""Configurations whose loader imports and calls what they name: `_target_`, `target` with `params`, tags of Python.

Hydra, NeMo and the configurations of diffusion models import a dotted name and call it with the entries beside it.
PyYAML does the same for tags of Python when told to load without safety. Every project names its own classes there, so
only callables that are known to run code are named; the rest is the ordinary use of such files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import yaml_tree
from keelmark.formats.cursor import contains
from keelmark.formats.models.facts import gap_of
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.pickle.callables import Danger, judge
from keelmark.formats.models.pickle.values import Global
from keelmark.formats.yaml_tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from keelmark.formats.source import Source
    from keelmark.formats.yaml_tree import Node

__all__ = ["READER", "ConfigTargetsReader", "dangerous_target"]

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_PYTHON_TAG = "tag:yaml.org,2002:python/"
_CALLS = ("object/apply:", "object/new:", "object:", "name:", "module:")
# What configurations call of modules that are dangerous as a whole.
_HARMLESS = frozenset({
    "os.path.join", "os.path.expanduser", "os.path.abspath", "os.path.dirname", "os.path.basename",
    "os.path.realpath", "os.path.exists", "os.getcwd", "os.getenv", "os.environ.get", "os.cpu_count", "os.getpid",
    "multiprocessing.cpu_count", "os.path.splitext", "sys.maxsize", "tempfile.gettempdir", "tempfile.mkdtemp",
    "platform.node", "glob.glob", "torch.load", "torch.hub.load", "torch.hub.load_state_dict_from_url", "numpy.load",
    "joblib.load", "torch.jit.load", "os.environ", "posixpath.join", "pathlib.Path", "json.load", "requests.Session",
})  # fmt: skip
# Functions of Hydra that hand out what a path names.
_LOOK_UPS = frozenset(
    f"{module}.{name}"
    for module in ("hydra.utils", "hydra._internal.utils", "hydra_zen", "hydra_zen.structured_configs")
    for name in ("get_method", "get_class", "get_object", "get_static_method", "get_obj", "_locate")
)
# Resolvers that projects register under these names hand the text to `eval`.
_EVALUATED = re2.compile(r"(?s)\$\{\s*(?:eval|py|python|exec|calc|lambda|oc\.eval)\s*:(.*)\}")
_INNER = re2.compile(r"\$\{[^{}]*\}")
_REACHING = re2.compile(
    r"__\w+__|\b(?:os|sys|subprocess|shutil|socket|builtins|importlib|pty|ctypes|posix|nt)\s*\.\s*\w|\b(?:exec|eval|compile|open|getattr|globals|breakpoint|input)\s*\("
)
_MAX_ARGUMENTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one configuration."""

    max_bytes: int = 4 * 1024**2


_BOUNDS = Bounds()


def dangerous_target(dotted: str) -> str:
    """Why importing and calling a dotted name is dangerous; "" when it is not known to be."""
    module, _, name = dotted.strip().rpartition(".")
    if dotted in _HARMLESS or not name:
        return ""
    verdict = judge(Global(module or "builtins", name))
    return verdict.reason if verdict.danger is Danger.DANGEROUS else ""


class ConfigTargetsReader:
    """Reads such configurations."""

    name = "config-targets"
    version = 1

    def recognises(self, source: Source) -> bool:
        """A configuration by its name, in which something that names a callable stands."""
        if source.suffix not in _SUFFIXES and not source.path.endswith("MLmodel"):
            return False
        if source.size <= len(source.head):
            return _speaks(source.head)
        return source.size <= _BOUNDS.max_bytes and any(
            contains(source.data, word) for word in (b"target", b"python/", b"${")
        )

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge what is named; nothing when nothing dangerous is."""
        found = HazardList()
        try:
            for document in yaml_tree.parse_all(source.text, path=source.path):
                for node in document.walk():
                    _node(node, found)
        except KeelmarkError as error:
            # Templates of configurations are no YAML; only what names a callable for sure is worth a word.
            if b"_target_" in source.head and source.suffix != ".json":
                return (Reading(format="config-targets", gaps=(gap_of(source, error),)),)
            return ()
        return (Reading(format="config-targets", hazards=found.close()),) if found else ()


def _speaks(head: bytes) -> bool:
    """Whether a target or a tag may stand here, be it behind an escape."""
    return b"target" in head or b"${" in head or b"class_path" in head or b"python/" in head or b'"\\' in head


def _node(node: Node, found: HazardList) -> None:
    if node.tag.startswith(_PYTHON_TAG):
        _tag(node, found)
    if isinstance(node, Scalar):
        _evaluated(node, found)
    if not isinstance(node, Mapping):
        return
    _looked_up(node, found)
    for key in ("_target_", "target", "__target__", "class_path"):
        value = node.entries.get(key)
        if not isinstance(value, Scalar) or not isinstance(value.value, str):
            continue
        if key == "target" and not {"params", "args", "kwargs"} & set(node.entries):
            continue
        reason = dangerous_target(value.value)
        if reason:
            code = f"{value.value}({_arguments(node, key)})"
            detail = f"line {value.line}: the loader calls `{code[:150]}`, which {reason}"
            found.add(Technique.DANGEROUS_CLASS, detail, subject=value.value, code=code)


def _looked_up(node: Mapping, found: HazardList) -> None:
    """A path that a function of Hydra looks up, for somebody else to call."""
    target, path = node.entries.get("_target_"), node.entries.get("path")
    if not isinstance(target, Scalar) or not isinstance(path, Scalar) or target.value not in _LOOK_UPS:
        return
    name = path.value if isinstance(path.value, str) else ""
    if reason := dangerous_target(name):
        detail = f"line {path.line}: the loader looks up `{name[:150]}`, which {reason}"
        found.add(Technique.DANGEROUS_CLASS, detail, subject=name, code=f"{target.value}({name!r})")


def _evaluated(node: Scalar, found: HazardList) -> None:
    """Text of an interpolation whose resolver evaluates it: arithmetic in most configurations."""
    text = node.value if isinstance(node.value, str) else ""
    for match in _EVALUATED.finditer(text):
        inner = _INNER.sub("0", match.group(1))
        if _REACHING.search(inner) is not None:
            detail = f"line {node.line}: the resolver evaluates `{inner[:150]}` when the entry is read"
            found.add(Technique.DANGEROUS_SOURCE, detail, subject=inner[:200], code=inner)


def _tag(node: Node, found: HazardList) -> None:
    tag = node.tag.removeprefix(_PYTHON_TAG)
    for call in _CALLS:
        if tag.startswith(call):
            name = tag.removeprefix(call)
            reason = dangerous_target(name)
            if reason:
                code = f"{name}({_shown(node)})"
                detail = f"line {node.line}: loaders without safety call `{code[:150]}`, which {reason}"
                found.add(Technique.DANGEROUS_CLASS, detail, subject=name, code=code)
            return


def _arguments(node: Mapping, key: str) -> str:
    parts = [
        f"{name}={_shown(value)}" if name not in {"_args_", "args", "params"} else _shown(value)
        for name, value in node.entries.items()
        if name != key and not (name.startswith("_") and name != "_args_")
    ]
    return ", ".join(parts[:_MAX_ARGUMENTS])


def _shown(node: Node) -> str:
    if isinstance(node, Scalar):
        return repr(node.value)[:80]
    if isinstance(node, Sequence):
        return ", ".join(_shown(item) for item in node.items[:_MAX_ARGUMENTS] if isinstance(item, Scalar))
    return "..."


READER = ConfigTargetsReader()

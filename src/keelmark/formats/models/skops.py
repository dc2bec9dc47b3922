"""skops: an archive whose `schema.json` says which types its loader builds, attribute by attribute.

Types on the exact lists are those that the library trusts by itself, and the harmless callables of pickles. What its
user has to trust is named here, because a scanner cannot know whom the user trusts. Besides, five ways around the
question were found in the past, and each is named for what it is:

1. an operator that is none of the three that look things up, such as one that calls what it is given;
2. an operator or method whose stated class differs from what is built;
3. a method of an object that leads to the machinery of its class;
4. a loader that the library does not have;
5. a file called skops that is a pickle: helpers that fall back to another loader run it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import ModelFile, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.archives.zip_directory import ZipDirectory
from keelmark.formats.models.facts import gap_of, metadata, unique
from keelmark.formats.models.hazard_list import HazardList, way_out
from keelmark.formats.models.pickle.callables import Danger, judge
from keelmark.formats.models.pickle.values import Global
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from keelmark.core.facts import Gap
    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "SkopsReader"]

_SCHEMA = "schema.json"
_LOADERS = frozenset({
    "BytearrayNode", "BytesNode", "CachedNode", "ConstructorFromReduceNode", "DTypeNode", "DefaultDictNode",
    "DictNode", "FunctionNode", "JsonNode", "ListNode", "LossNode", "MaskedArrayNode", "MethodNode", "NdArrayNode",
    "ObjectNode", "OperatorFuncNode", "PartialNode", "QuantileForestNode", "RandomGeneratorNode",
    "RandomStateNode", "ReduceNode", "SGDNode", "SetNode", "SliceNode", "SparseMatrixNode", "TreeNode", "TupleNode",
    "TypeNode", "_DictWithDeprecatedKeysNode",
})  # fmt: skip
_LOOK_UPS = frozenset({"attrgetter", "itemgetter", "methodcaller"})
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x80\x01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the schema."""

    max_bytes: int = 64 * 1024**2
    max_nodes: int = 2_000_000


@cache
def _trusted() -> dict[str, frozenset[str]]:
    raw = resources.files("keelmark.formats.models").joinpath("skops_types.json").read_bytes()
    return {module: frozenset(names) for module, names in json.loads(raw).items()}


class SkopsReader:
    """Reads files of skops.

    Args:
        bounds: Bounds of the schema.
    """

    name = "skops"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """An archive with a schema at its end; or a file called so that is a pickle."""
        if source.head[:2] == b"PK":
            return _SCHEMA.encode() in source.tail(66_000)
        return source.suffix == ".skops" and source.head.startswith(_PICKLES)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the schema; nothing when the archive has one of another kind."""
        schema = _Schema(bounds=self._bounds)
        if source.head[:2] != b"PK":
            detail = (
                "the name says skops, the content is a pickle, which helpers that try several loaders run"
            )
            schema.found.add(Technique.DISGUISED_FORMAT, detail, subject="pickle")
            return (schema.reading(),)
        try:
            directory = ZipDirectory(source.data)
            if _SCHEMA not in directory.members:
                return ()
            raw = directory.read(_SCHEMA, max_bytes=self._bounds.max_bytes)
            document = strict_json.parse(raw, max_bytes=self._bounds.max_bytes)
            if "__loader__" not in as_mapping(document.value):
                return ()
            for key in document.duplicates:
                detail = f"the key `{key[:80]}` stands twice in one object, and readers differ in which value they take"
                schema.found.add(Technique.CONTRADICTORY_HEADER, detail, subject=key, member=_SCHEMA)
            schema.walk(document.value)
        except KeelmarkError as error:
            return (schema.reading(gap_of(source, error)),)
        return (schema.reading(),)


@dataclass(slots=True, kw_only=True)
class _Schema:
    """What is gathered while the nodes are walked."""

    bounds: Bounds
    found: HazardList = field(default_factory=HazardList)
    names: dict[str, None] = field(default_factory=dict)
    dangerous: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    first: str = ""
    version: str = ""
    raw_members: dict[str, None] = field(default_factory=dict)

    def walk(self, root: dict[str, Any]) -> None:
        """Judge every node; no recursion, so that depth costs nothing."""
        self.version = as_text(root.get("_skops_version"))
        self.first = _dotted(root)
        waiting: list[Any] = [root]
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if "__loader__" in value or "__class__" in value:
                    self._node(value)
                waiting.extend(item for item in value.values() if isinstance(item, dict | list))
            else:
                waiting.extend(item for item in value if isinstance(item, dict | list))

    def _node(self, node: dict[str, Any]) -> None:
        loader, name = as_text(node.get("__loader__")), as_text(node.get("__class__"))
        if loader not in _LOADERS:
            detail = f"the schema asks for the loader `{loader[:100]}`, which the library does not have"
            self._add(Technique.UNKNOWN_CLASS, detail, loader or "no loader")
        self._type(_dotted(node))
        content = as_mapping(node.get("content"))
        if loader == "OperatorFuncNode" and (name not in _LOOK_UPS or node.get("__module__") != "operator"):
            detail = f"the loader calls `operator.{name[:100]}` with arguments of the file"
            self._add(Technique.DANGEROUS_CALLABLE, detail, f"operator.{name}", code=f"operator.{name}(...)")
        elif loader == "MethodNode":
            self._method(node, content)
        elif loader in {"FunctionNode", "LossNode"} and "function" in content:
            self._type(f"{as_text(content.get('module_path'))}.{as_text(content.get('function'))}")
        place = as_text(node.get("file")) or (
            as_text(node.get("content")) if node.get("type") == "numpy" else ""
        )
        if place.endswith(".bin") and loader in {"BytesNode", "BytearrayNode"}:
            self.raw_members[place] = None
        if place and way_out(place):
            detail = f"a part is read from `{place[:150]}`, which {way_out(place)}"
            self._add(Technique.OUTSIDE_PATH, detail, place)

    def _method(self, node: dict[str, Any], content: dict[str, Any]) -> None:
        method, owner = as_text(content.get("func")), as_mapping(content.get("obj"))
        stated, built = _dotted(node), _dotted(owner)
        if owner and stated != built and _dotted(owner) != ".":
            detail = f"a method is stated to be one of `{stated[:100]}` and is taken from `{built[:100]}`"
            self._add(Technique.DANGEROUS_ARGUMENT, detail, f"{built}.{method}", code=f"{built}.{method}")
        if method.startswith("__"):
            detail = f"the method `{method[:100]}` of `{built[:100]}` leads to the machinery of its class"
            self._add(Technique.DANGEROUS_ARGUMENT, detail, f"{built}.{method}", code=f"{built}.{method}")

    def _type(self, dotted: str) -> None:
        module, _, name = dotted.rpartition(".")
        if dotted in self.names or dotted == "." or len(self.names) > self.bounds.max_nodes:
            return
        self.names[dotted] = None
        if name in _trusted().get(module, ()):
            return
        verdict = judge(Global(module, name))
        if verdict.danger is Danger.DANGEROUS:
            self.dangerous[f"{dotted}: {verdict.reason}"] = None
            detail = f"the schema names `{dotted[:150]}`, which {verdict.reason}"
            self._add(Technique.DANGEROUS_CLASS, detail, dotted, code=f"{dotted}(...)")
        elif verdict.danger is Danger.UNKNOWN:
            self.unknown[dotted] = None
            detail = f"the schema builds `{dotted[:150]}`, which is on no list"
            self._add(Technique.UNKNOWN_CLASS, detail, dotted, code=f"{dotted}(...)")

    def _add(self, technique: Technique, detail: str, subject: str, *, code: str = "") -> None:
        self.found.add(technique, detail, subject=subject, member=_SCHEMA, code=code)

    def reading(self, *gaps: Gap) -> Reading:
        """All of it as one reading."""
        model = ModelFile(
            format="skops",
            architecture=self.first[:200],
            metadata=metadata([("skops", self.version)]),
            can_execute=bool(self.found),
            globals=unique(self.names),
            dangerous=unique(self.dangerous),
            unknown=unique(self.unknown),
        )
        # Bytes that the schema refers to are handed on as bytes; nothing reads them as anything.
        covers = (_SCHEMA, *self.raw_members) if self.names else ()
        return Reading(format="skops", models=(model,), hazards=self.found.close(), covers=covers, gaps=gaps)


def _dotted(node: dict[str, Any]) -> str:
    return f"{as_text(node.get('__module__'))}.{as_text(node.get('__class__'))}"


READER = SkopsReader()

"""Whether a callable that a model file names is harmless, known to run code, or on no list.

Apart from walking, so that the lists can grow without touching a parser. Names are exact: a class is harmless because
somebody looked at it, not because its package is well known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import re2

from keelmark.formats.models.pickle.known import REACHING
from keelmark.formats.models.pickle.values import Global

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Danger", "Sorted", "Verdict", "is_kept_method", "is_pure_method", "judge", "sort"]


class Danger(Enum):
    """How far a callable can be trusted."""

    HARMLESS = auto()
    DANGEROUS = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of one callable.

    Attributes:
        reason: What a dangerous one does.
        is_only_created: Whether a harmless class is so only when its constructor is not run: an object of it may be
            created and given its state, which is what libraries write.
        is_only_named: Whether an unknown function is harmless as a value that an object keeps, as long as nothing calls it.
    """

    danger: Danger
    reason: str = ""
    is_only_created: bool = False
    is_only_named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Callables by verdict, as the facts of a model state them."""

    names: tuple[str, ...] = ()
    dangerous: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def runs_code(self) -> bool:
        """Whether loading reaches code that nobody has vetted."""
        return bool(self.dangerous or self.unknown)


_MAX_PARTS = 8
# Of the standard library: what makes the object, and methods that compute.
_PURE_METHODS = {
    "re._compile": frozenset({"findall", "finditer", "fullmatch", "match", "search", "split", "sub"}),
    "random.Random": frozenset(
        {"choice", "gauss", "randint", "random", "randrange", "sample", "shuffle", "uniform"}
    ),
}
# A method whose name holds one of these words may reach further than its object.
_REACHES = re2.compile(
    r"(?i)open|exec|eval|import|load|read|write|save|store|dump|fetch|download|install|spawn|process|thread|system|shell|"
    r"connect|request|url|retrieve|compile|file|dir|remove|delete|unlink|rename|copy|move|pickle|serial|pretrained|hub|"
    r"launch|global|local|break|formula|parse|expr|query|template|render|yaml|json|from_|to_(csv|sql|hdf|parquet|feather|excel|"
    r"stata|html|clipboard|disk|bytes|gbq|orc|xml|zarr|netcdf)|config|resolve|registry|signal|fork|server|client|session|"
    r"(^|_)run|call|start|submit|apply|map|pipe|hook|attr|module|plugin|print"
)
_HARMLESS = Verdict(danger=Danger.HARMLESS)
_CREATED = Verdict(danger=Danger.HARMLESS, is_only_created=True)
_NAMED = Verdict(danger=Danger.UNKNOWN, is_only_named=True)
_UNKNOWN = Verdict(danger=Danger.UNKNOWN)


class _Lists:
    """The lists, each read when it is asked for: most files name harmless callables only, and scans are short."""

    @cached_property
    def harmless(self) -> dict[str, frozenset[str]]:
        return {module: frozenset(names) for module, names in json.loads(_packaged("harmless.json")).items()}

    @cached_property
    def created(self) -> dict[str, frozenset[str]]:
        return {module: frozenset(names) for module, names in json.loads(_packaged("created.json")).items()}

    @cached_property
    def named(self) -> dict[str, frozenset[str]]:
        return {module: frozenset(names) for module, names in json.loads(_packaged("named.json")).items()}

    @cached_property
    def libraries(self) -> dict[str, dict[str, list[str]]]:
        return json.loads(_packaged("classes.json"))  # type: ignore[no-any-return]

    @property
    def modules(self) -> dict[str, str]:
        return self._dangerous["modules"]

    @property
    def names(self) -> dict[str, str]:
        return self._dangerous["names"]

    @cached_property
    def _dangerous(self) -> dict[str, dict[str, str]]:
        from keelmark.formats import yaml_tree  # noqa: PLC0415 - see above

        tree = yaml_tree.parse(_packaged("dangerous.yaml").decode())
        return tree.plain() if tree else {}  # type: ignore[return-value]


def _packaged(name: str) -> bytes:
    return resources.files("keelmark.formats.models.pickle").joinpath(name).read_bytes()


@cache
def _lists() -> _Lists:
    return _Lists()


@lru_cache(maxsize=4096)
def judge(wanted: Global) -> Verdict:
    """What is known of one callable.

    A harmless name is looked up first and exactly. The dangerous ones are also looked for behind dots, because
    loaders follow `name.attribute`: asking `harmless` for `os.system` asks for `os.system`.
    """
    lists = _lists()
    if wanted.name in lists.harmless.get(wanted.module, ()):
        return _HARMLESS
    if wanted.name in lists.created.get(wanted.module, ()):
        return _CREATED
    reason = _reason(f"{wanted.module}.{wanted.name}", lists)
    if not reason and (listed := _listed(wanted, lists)):
        return listed
    parts = wanted.name.split(".")
    for index in range(len(parts)):
        if reason or len(parts) == 1:
            break
        reason = _reason(".".join(parts[index:]), lists)
    if reason:
        return Verdict(danger=Danger.DANGEROUS, reason=reason)
    outer, _, method = wanted.name.rpartition(".")
    return _NAMED if outer and is_kept_method(Global(wanted.module, outer), method) else _UNKNOWN


def is_kept_method(owner: Global, name: str) -> bool:
    """Whether objects may keep a method: of a class of a library, and nothing in its name hints at files, programs or code."""
    if name.startswith("__") or name in REACHING or _REACHES.search(name):
        return False
    if is_pure_method(owner, name):
        return True
    lists = _lists()
    tables = lists.libraries
    return owner.name in lists.created.get(owner.module, ()) or any(
        owner.name in tables[kind].get(owner.module, ()) for kind in ("called", "created")
    )


def is_pure_method(owner: Global, name: str) -> bool:
    """Whether a method of the standard library only computes, so that anybody may call it."""
    return name in _PURE_METHODS.get(owner.dotted, ())


def _listed(wanted: Global, lists: _Lists) -> Verdict | None:
    """What the classes and functions of libraries say; a name that is known to do harm is looked up before."""
    if wanted.name in lists.named.get(wanted.module, ()):
        return _NAMED
    for kind, verdict in (("called", _HARMLESS), ("created", _CREATED), ("named", _NAMED)):
        if wanted.name in lists.libraries[kind].get(wanted.module, ()):
            return verdict
    return None


def _reason(dotted: str, lists: _Lists) -> str:
    parts = dotted.split(".")
    for count in range(1, min(len(parts), _MAX_PARTS) + 1):
        prefix = ".".join(parts[:count])
        # A module alone is no callable; an attribute of a dangerous callable is as dangerous.
        reason = lists.names.get(prefix) or (lists.modules.get(prefix) if count < len(parts) else "")
        if reason:
            return reason
    return ""


def sort(wanted: Iterable[Global]) -> Sorted:
    """Sort callables by verdict; order is kept, repeats are dropped.

    The lists of a fact are short, so dangerous and unknown ones are never crowded out: each has its own list.
    """
    names: dict[str, None] = {}
    dangerous: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for item in wanted:
        verdict = judge(item)
        names[item.dotted[:400]] = None
        if verdict.danger is Danger.DANGEROUS:
            dangerous[f"{item.dotted[:300]}: {verdict.reason}"] = None
        elif verdict.danger is Danger.UNKNOWN and not verdict.is_only_named:
            unknown[item.dotted[:400]] = None
    return Sorted(names=_first(names), dangerous=_first(dangerous), unknown=_first(unknown))


def _first(names: dict[str, None]) -> tuple[str, ...]:
    return tuple(names)[:200]

"""Whether a callable that a model file names is harmless, known to run code, or on no list.

Apart from walking, so that the lists can grow without touching a parser. Names are exact: a class is harmless because
somebody looked at it, not because its package is well known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from keelmark.formats import yaml_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.formats.pickle_values import Global

__all__ = ["Danger", "Sorted", "Verdict", "judge", "sort"]


class Danger(Enum):
    """How far a callable can be trusted."""

    HARMLESS = auto()
    DANGEROUS = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of one callable; `reason` says what a dangerous one does."""

    danger: Danger
    reason: str = ""


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
_HARMLESS = Verdict(danger=Danger.HARMLESS)
_UNKNOWN = Verdict(danger=Danger.UNKNOWN)


@dataclass(frozen=True, slots=True)
class _Lists:
    harmless: dict[str, frozenset[str]]
    modules: dict[str, str]
    names: dict[str, str]


@cache
def _lists() -> _Lists:
    folder = resources.files("keelmark.formats").joinpath("data")
    table = msgspec.json.decode(
        folder.joinpath("pickle_safe.json").read_bytes(), type=dict[str, frozenset[str]]
    )
    tree = yaml_tree.parse(folder.joinpath("pickle_dangerous.yaml").read_text(encoding="utf-8"))
    dangerous = msgspec.convert(tree.plain() if tree else {}, dict[str, dict[str, str]])
    return _Lists(table, dangerous["modules"], dangerous["names"])


def judge(wanted: Global) -> Verdict:
    """What is known of one callable.

    A harmless name is looked up first and exactly. The dangerous ones are also looked for behind dots, because
    loaders follow `name.attribute`: asking `harmless` for `os.system` asks for `os.system`.
    """
    lists = _lists()
    if wanted.name in lists.harmless.get(wanted.module, ()):
        return _HARMLESS
    reason = _reason(f"{wanted.module}.{wanted.name}", lists)
    parts = wanted.name.split(".")
    for index in range(len(parts)):
        if reason or len(parts) == 1:
            break
        reason = _reason(".".join(parts[index:]), lists)
    return Verdict(danger=Danger.DANGEROUS, reason=reason) if reason else _UNKNOWN


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
        elif verdict.danger is Danger.UNKNOWN:
            unknown[item.dotted[:400]] = None
    return Sorted(names=_first(names), dangerous=_first(dangerous), unknown=_first(unknown))


def _first(names: dict[str, None]) -> tuple[str, ...]:
    return tuple(names)[:200]

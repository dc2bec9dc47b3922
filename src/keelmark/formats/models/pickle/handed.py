"""Methods and functions that objects may keep, handed to what may call them out of sight: constructors, factories and hooks."""

from __future__ import annotations

from keelmark.formats.models.pickle import callables
from keelmark.formats.models.pickle.known import CALLED_BY_LOADERS, HONEST_METHODS, HOOKS, PARTIALS
from keelmark.formats.models.pickle.values import Bound, Global, Made

__all__ = ["handed_on", "hooks", "parts_of_partial"]

_KEEPERS = PARTIALS | {"builtins.getattr", "spacy.vocab.unpickle_vocab"}
_MAX_DEPTH = 6
_MAX_ITEMS = 64


def handed_on(callee: Global, arguments: tuple[object, ...], keywords: tuple[tuple[str, object], ...]) -> str:
    """The name of a method or function that is only harmless as a value and that a call is handed; else ""."""
    if callee.dotted in _KEEPERS:
        return ""
    return _first((*arguments, *(value for _, value in keywords)), 0)


def hooks(state: dict[object, object]) -> list[str]:
    """Names of a state that loaders call next, sorted."""
    called = {name for name in CALLED_BY_LOADERS & state.keys() if _is_callable(state[name])}
    return sorted(called | {name for name in HOOKS if name in state})


def parts_of_partial(made: Made) -> tuple[object, tuple[object, ...], tuple[tuple[str, object], ...]]:
    """What a partial call calls, with which arguments."""
    state = made.state
    if isinstance(state, tuple) and len(state) >= 3:
        named = (
            tuple((str(key), value) for key, value in state[2].items()) if isinstance(state[2], dict) else ()
        )
        return state[0], state[1] if isinstance(state[1], tuple) else (), named
    return (made.arguments[0] if made.arguments else None), made.arguments[1:], made.keywords


def _is_callable(value: object) -> bool:
    return isinstance(value, Global | Bound) or (isinstance(value, Made) and value.maker in PARTIALS)


def _first(items: tuple[object, ...] | list[object], depth: int) -> str:
    return next((name for item in items[:_MAX_ITEMS] if (name := _kept(item, depth))), "")


def _kept(value: object, depth: int) -> str:
    if depth > _MAX_DEPTH:
        return ""
    if isinstance(value, tuple | list):
        return _first(value, depth + 1)
    if isinstance(value, Global):
        return value.dotted if callables.judge(value).is_only_named else ""
    if isinstance(value, Made) and value.maker in PARTIALS:
        state = value.state if isinstance(value.state, tuple) else ()
        return _first((*value.arguments, *state), depth + 1)
    if isinstance(value, Bound) and isinstance(value.base, Made) and isinstance(value.base.callee, Global):
        owner = value.base.callee
        is_pure = value.name in HONEST_METHODS or callables.is_pure_method(owner, value.name)
        return "" if is_pure else f"{owner.dotted}.{value.name}"
    return ""

"""Callables that call what they are handed: reconstructors, `map` and its kin, partial functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.known import PARTIALS, REBUILDERS_FROM_TYPE
from keelmark.formats.models.pickle.values import Bound, Global, Made

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.rule import Calls, Rule

__all__ = ["CALLERS"]

_MAX_APPLIED = 16


def _iter(calls: Calls, made: Made) -> object:
    if len(made.arguments) != 1 or made.keywords:
        calls.bad(made, "to call something again and again")
    return made


def _partial_call(calls: Calls, made: Made) -> object:
    if not made.arguments:
        return made
    function = made.arguments[0]
    if not isinstance(function, Global | Bound | Made):
        calls.bad(made, "with a function that is worked out while loading")
    return made


def _instance(calls: Calls, made: Made) -> object:
    """`copyreg._reconstructor` and its kin make an object of the class they are handed."""
    if not made.arguments:
        return made
    kind, rest = made.arguments[0], made.arguments[1:]
    if made.maker == "copyreg._reconstructor":
        rest = rest[1:]
    elif made.maker == "copyreg.__newobj_ex__":
        rest = rest[0] if rest and isinstance(rest[0], tuple) else ()
    return calls.call(kind, rest, creates=True)


def _from_type(calls: Calls, made: Made) -> object:
    if len(made.arguments) > 1:
        given = made.arguments[2] if len(made.arguments) > 2 else ()
        result = calls.call(made.arguments[0], given if isinstance(given, tuple) else ())
        if len(made.arguments) > 3:
            calls.state_set(result, made.arguments[3])
    return made


def _add_extension(calls: Calls, made: Made) -> object:
    if len(made.arguments) == 3:
        module, name, code = (calls.plain(item) for item in made.arguments)
        if isinstance(code, int):
            calls.extensions[code] = calls.ask(module, name)
    return None


def _apply(calls: Calls, made: Made) -> object:
    """`map` and its kin call their first argument with each item of the second."""
    function, items = made.arguments[:2] if len(made.arguments) > 1 else (None, ())
    if not isinstance(function, Global | Bound | Made) or not isinstance(items, tuple | list):
        if not isinstance(function, Global):
            calls.bad(made, "with a function, or with things, that are worked out while loading")
        return made
    given = list(items[:_MAX_APPLIED])
    if made.maker.endswith("reduce"):
        value = made.arguments[2] if len(made.arguments) > 2 else (given.pop(0) if given else None)
        for item in given:
            value = calls.call(function, (value, item))
        return value
    starred = made.maker.endswith("starmap")
    for item in given:
        calls.call(function, item if starred and isinstance(item, tuple) else (item,))
    return made


def _operator_call(calls: Calls, made: Made) -> object:
    if not made.arguments:
        return made
    return calls.call(made.arguments[0], made.arguments[1:], made.keywords)


def _array_with_state(calls: Calls, made: Made) -> object:
    """`_create_array` of dill and `_reconstruct_array` of jax call what they are handed, and set the state of what that gives."""
    if len(made.arguments) < 2 or not isinstance(made.arguments[1], tuple):
        calls.bad(made, "with arguments that are worked out while loading")
        return made
    array = calls.call(made.arguments[0], made.arguments[1])
    if len(made.arguments) > 2:
        calls.state_set(array, made.arguments[2])
    return array


CALLERS: dict[str, Rule] = {
    "builtins.iter": _iter,
    "operator.call": _operator_call,
    "_operator.call": _operator_call,
    "dill._dill._create_array": _array_with_state,
    "jax._src.array._reconstruct_array": _array_with_state,
    "copyreg.__newobj__": _instance,
    "copyreg.__newobj_ex__": _instance,
    "copyreg._reconstructor": _instance,
    "matplotlib.colors._create_empty_object_of_class": _instance,
    "copyreg.add_extension": _add_extension,
    "builtins.map": _apply,
    "builtins.filter": _apply,
    "itertools.starmap": _apply,
    "functools.reduce": _apply,
    "_functools.reduce": _apply,
    **dict.fromkeys(PARTIALS, _partial_call),
    **dict.fromkeys(REBUILDERS_FROM_TYPE, _from_type),
}
"""Dotted name to what calling on gives."""

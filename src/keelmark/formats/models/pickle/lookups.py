"""Callables that look something up: attributes, items, modules, types by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.evaluate import Untold, item_of
from keelmark.formats.models.pickle.known import ATTRIBUTE_GETTERS, IMPORTERS, REACHING, TYPES_OF_CODE, UFUNCS
from keelmark.formats.models.pickle.values import COMPUTED, Bound, Global, Made, Module, Persistent

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.rule import Calls, Rule

__all__ = ["LOOKUPS"]

_PLAIN_TYPES = frozenset({
    "object", "bool", "int", "float", "complex", "str", "bytes", "bytearray", "list", "tuple", "dict", "set", "frozenset",
    "slice", "range", "NoneType", "EllipsisType", "NotImplementedType",
})  # fmt: skip


def _getattr(calls: Calls, made: Made) -> object:
    if len(made.arguments) < 2:
        return made
    base, name = made.arguments[0], calls.plain(made.arguments[1])
    if not isinstance(name, str):
        calls.bad(made, "with a name that is worked out while loading")
        return COMPUTED
    if name in REACHING:
        calls.bad(made, f"to reach `{name}`, from where every other object is reached")
    elif isinstance(base, Module):
        calls.bad(made, f"to take `{name[:100]}` out of a module")
    return calls.attribute(base, name)


def _getter(calls: Calls, made: Made) -> object:
    for path in made.arguments:
        name = calls.plain(path)
        if not isinstance(name, str):
            calls.bad(made, "with a name that is worked out while loading")
        elif not REACHING.isdisjoint(name.split(".")):
            calls.bad(made, f"to reach `{name[:100]}`, from where every other object is reached")
    return made


def _set_attribute(calls: Calls, made: Made) -> object:
    if made.arguments and isinstance(made.arguments[0], Global | Module):
        calls.changed(made.arguments[0])
    return None


def _type(calls: Calls, made: Made) -> object:
    if len(made.arguments) != 1 or made.keywords:
        calls.bad(made, "to build a class")
        return made
    value = made.arguments[0]
    # The class of an object that was made from it: whatever is set there is set for everybody.
    return value.callee if isinstance(value, Made) and isinstance(value.callee, Global) else made


def _item(calls: Calls, made: Made) -> object:
    """`base[key]`: of a constant, of an object that was made, of the namespaces that are followed, and of a form of `typing`."""
    if len(made.arguments) != 2:
        return made
    base, key = (calls.plain(item) for item in made.arguments)
    if base == Global("sys", "modules") and isinstance(key, str):
        return Module(key)
    if isinstance(base, Global) and isinstance(key, str) and base.name.endswith("__dict__"):
        owner = base.name.removesuffix("__dict__").rstrip(".")
        return calls.asked(Global(base.module, f"{owner}.{key}".lstrip(".")))
    if isinstance(base, Bound) and base.name == "__dict__":
        return calls.attribute(base.base, key)
    is_form = isinstance(base, Global) and base.module == "typing"
    if not is_form and isinstance(base, Global | Module | Bound | Persistent):
        calls.bad(made, "to look something up in what does not belong to the file")
    try:
        return item_of(base, key)
    except Untold:
        return made


def _import(calls: Calls, made: Made) -> object:
    name = calls.plain(made.arguments[0]) if made.arguments else None
    if not isinstance(name, str):
        return made
    has_list = len(made.arguments) > 3 or any(key == "fromlist" for key, _ in made.keywords)
    is_whole = made.maker != "builtins.__import__" or has_list
    return Module(name if is_whole else name.partition(".")[0])


def _variables(_: Calls, made: Made) -> object:
    base = made.arguments[0] if made.arguments else None
    if isinstance(base, Module):
        return Global(base.name, "__dict__")
    return Global(base.module, f"{base.name}.__dict__") if isinstance(base, Global) else made


def _ufunc(calls: Calls, made: Made) -> object:
    module, name = made.arguments if len(made.arguments) == 2 else (None, None)
    return calls.ask(module, name)


def _type_of_code(calls: Calls, made: Made) -> object:
    """Cloudpickle asks for the types of functions and code by their names."""
    name = calls.plain(made.arguments[0]) if made.arguments else None
    return calls.asked(Global("types", name)) if isinstance(name, str) else made


def _dill_type(calls: Calls, made: Made) -> object:
    """`dill._dill._load_type` gives a type of the interpreter by its name; some of them build code."""
    name = calls.plain(made.arguments[0]) if made.arguments else None
    if isinstance(name, str) and name in _PLAIN_TYPES:
        return Global("builtins", name)
    calls.bad(
        made,
        f"for the type `{name[:80]}`"
        if isinstance(name, str)
        else "for a type that is worked out while loading",
    )
    return COMPUTED


LOOKUPS: dict[str, Rule] = {
    "builtins.getattr": _getattr,
    "builtins.type": _type,
    "builtins.vars": _variables,
    "builtins.setattr": _set_attribute,
    "builtins.delattr": _set_attribute,
    "operator.getitem": _item,
    "_operator.getitem": _item,
    "dill._dill._load_type": _dill_type,
    **dict.fromkeys(ATTRIBUTE_GETTERS, _getter),
    **dict.fromkeys(IMPORTERS, _import),
    **dict.fromkeys(UFUNCS, _ufunc),
    **dict.fromkeys(TYPES_OF_CODE, _type_of_code),
}
"""Dotted name to what a lookup gives."""

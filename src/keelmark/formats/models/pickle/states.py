"""What classes do with the state that a pickle sets, where that can be more than to keep it.

Source of each rule: the `__setstate__` of the class in the library that is named. Only what such a library writes by itself is
left alone; every other state of these classes is stated.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Protocol

import re2

from keelmark.core.facts import Technique
from keelmark.formats.models.hazard_list import way_out
from keelmark.formats.models.pickle.known import PARTIALS
from keelmark.formats.models.pickle.values import Global, Made, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.models.pickle.inspection import Inspection

__all__ = ["look_at_state"]

_MAX_SOURCE = 4_000
_NAMES_OF_PARSERS = frozenset({"_parse_args", "_parse_args_rvs", "_parse_args_stats"})
_NODES_OF_PARSERS = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Tuple, ast.Name, ast.Load, ast.Constant, ast.Call,
    ast.Attribute, ast.keyword,
)  # fmt: skip
_NODES_OF_FORMULAS = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, ast.Constant, ast.Call, ast.Attribute, ast.keyword, ast.operator,
    ast.unaryop, ast.Compare, ast.cmpop, ast.List, ast.Tuple,
)  # fmt: skip
# Functions of patsy and formulaic, and of numpy, that people write in formulas; they compute with columns.
_FUNCTIONS_OF_FORMULAS = frozenset({
    "C", "I", "Q", "bs", "cc", "center", "contr", "cr", "cs", "hashed", "lag", "poly", "scale", "standardize", "te",
    "Diff", "Helmert", "Poly", "Sum", "Treatment",
    *(f"{module}.{name}" for module in ("np", "numpy")
      for name in ("absolute", "arctan", "ceil", "clip", "fmax", "fmin", "floor", "isnan", "log2", "logical_and",
                   "logical_not", "logical_or", "maximum", "mean", "median", "minimum", "round", "std", "tanh", "where",
                   "abs", "cbrt", "cos", "exp", "expm1", "log", "log10", "log1p", "log2", "power", "sign", "sin", "sqrt",
                   "square", "tan")),
})  # fmt: skip
_PROGRAM_OF_PROPHET = re2.compile(
    r"^(/[\w.@+ -]+)+/(site|dist)-packages/prophet/stan_model/prophet_model\.bin$"
    r"|^[A-Za-z]:(\\[\w.@+ -]+)+\\site-packages\\prophet\\stan_model\\prophet_model\.bin$"
)
_PLAIN_PART = re2.compile(r"^[\w.-]{0,64}$")


class _Calls(Protocol):
    result: Inspection
    offset: int

    def plain(self, value: object) -> object: ...


def look_at_state(calls: _Calls, target: Made, state: object) -> None:
    """State what the class of an object does with the state that is set, if that reaches further than the object."""
    makers = [target.maker]
    if target.maker not in PARTIALS:
        # Functions that make an object of the class that they are handed.
        makers += [item.dotted for item in target.arguments[:8] if isinstance(item, Global)]
    for prefix, rule in _RULES.items():
        if any(maker.startswith(prefix) for maker in makers):
            is_cut = isinstance(state, Table) and state.is_cut
            says = "that is larger than any that its library writes" if is_cut else rule(calls, target, state)
            if says:
                calls.result.add(
                    Technique.DANGEROUS_ARGUMENT,
                    target.maker,
                    f"loading it gives an object of `{target.maker[:160]}` a state {says}",
                    offset=calls.offset,
                )
    if target.maker.endswith("NDArrayWrapper") and isinstance(state, dict):
        _array_beside(calls, target, calls.plain(state.get("filename")))


def _distribution(calls: _Calls, _: Made, state: object) -> str:
    """`scipy.stats`: `rv_generic.__setstate__` runs the source in `_parse_arg_template`."""
    if _is_of_old_release(state):
        return ""
    if not isinstance(state, dict):
        return "that is no plain mapping, so that its parts may become source that runs"
    source = calls.plain(state.get("_parse_arg_template", ""))
    return "" if isinstance(source, str) and (not source or _is_parser(source)) else "with source that runs"


def _is_of_old_release(state: object) -> bool:
    """SciPy before 1.6 kept the parameters of the constructor, which checks them, and a generator of random numbers."""
    # Two keys would be taken for a name and its value.
    return isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict) and len(state[0]) > 2


def _is_parser(source: str) -> bool:
    """Whether source only takes arguments apart, as the library writes it."""
    tree = _parsed(source, mode="exec")
    if not isinstance(tree, ast.Module):
        return False
    if any(not isinstance(node, ast.FunctionDef) or node.name not in _NAMES_OF_PARSERS for node in tree.body):
        return False
    for node in ast.walk(tree):
        if not isinstance(node, _NODES_OF_PARSERS):
            return False
        if isinstance(node, ast.FunctionDef) and (node.decorator_list or node.returns or len(node.body) != 1):
            return False
        if isinstance(node, ast.arguments) and any(
            not isinstance(default, ast.Constant)
            for default in (*node.defaults, *filter(None, node.kw_defaults))
        ):
            return False
        if isinstance(node, ast.arg) and node.annotation:
            return False
        if isinstance(node, ast.Call) and ast.unparse(node.func) != "self._argcheck_rvs":
            return False
    return True


def _data_of_model(calls: _Calls, _: Made, state: object) -> str:
    """`statsmodels.base.data`: `ModelData.__setstate__` evaluates the formula again, with the names of its caller."""
    if not isinstance(state, dict):
        return "that is no plain mapping"
    if not {"restore_design_info", "restore_model_spec"} & state.keys():
        return ""
    formula = calls.plain(state.get("formula"))
    if isinstance(formula, str) and _is_formula(formula):
        return ""
    return (
        "with a formula that is evaluated as a program"
        if isinstance(formula, str)
        else "whose formula is no text"
    )


def _is_formula(text: str) -> bool:
    """Whether a formula only computes with columns: names, operators, numbers and functions that are known."""
    sides = text.split("~")
    # A colon stands for an interaction, which is no expression of Python.
    return len(sides) <= 2 and all(_is_side(side.strip().replace(":", "*")) for side in sides)


def _is_side(text: str) -> bool:
    if not text:
        return True
    tree = _parsed(text, mode="eval")
    if tree is None:
        return False
    for node in ast.walk(tree):
        if not isinstance(node, _NODES_OF_FORMULAS):
            return False
        if isinstance(node, ast.Call) and ast.unparse(node.func) not in _FUNCTIONS_OF_FORMULAS:
            return False
        if isinstance(node, ast.Attribute) and ast.unparse(node) not in _FUNCTIONS_OF_FORMULAS:
            return False
    return True


def _factor(calls: _Calls, _: Made, state: object) -> str:
    """`formulaic`: the text of a factor is evaluated as soon as the model that holds it is used."""
    slots = state[1] if isinstance(state, tuple) and len(state) == 2 else state
    text = calls.plain(slots.get("expr")) if isinstance(slots, dict) else None
    return (
        "" if isinstance(text, str) and _is_formula(text) else "with a formula that is evaluated as a program"
    )


def _store(calls: _Calls, _: Made, state: object) -> str:
    """`joblib`: a `Memory` with a place loads pickles from there, and writes them."""
    if isinstance(state, dict) and all(
        calls.plain(state.get(key)) is None for key in ("location", "cachedir", "store_backend")
    ):
        return ""
    return "that names where pickles are loaded from and written to"


def _compiled_model(calls: _Calls, _: Made, state: object) -> str:
    """`cmdstanpy`: a `CmdStanModel` runs the program that it names; prophet names its own, inside of its package."""
    program = calls.plain(state.get("_exe_file")) if isinstance(state, dict) else ""
    if program is None or (isinstance(program, str) and _PROGRAM_OF_PROPHET.match(program)):
        return ""
    return "that names a program to be run"


def _parsed(source: str, *, mode: str) -> ast.AST | None:
    if len(source) > _MAX_SOURCE:
        return None
    try:
        tree: ast.AST = ast.parse(source, mode=mode)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree


def _file_resource(calls: _Calls, _: Made, state: object) -> str:
    """`sklearn_crfsuite`: `FileResource` writes what it holds to a new temporary file, and removes the file that it names."""
    if not isinstance(state, dict):
        return "that is no plain mapping"
    if calls.plain(state.get("name")) is not None:
        return "that names a file to be written or removed"
    for key in ("prefix", "suffix"):
        part = calls.plain(state.get(key, ""))
        if not isinstance(part, str) or not _PLAIN_PART.match(part):
            return f"whose `{key}` leads out of the folder for temporary files"
    return ""


def _layout(calls: _Calls, _: Made, state: object) -> str:
    """`numpy.dtype`: fields beyond their item, and objects that are said to be none, make numpy read foreign memory."""
    if not isinstance(state, tuple) or len(state) < 6:
        return ""
    fields, size = state[4], state[5]
    flags = state[7] if len(state) > 7 else 0
    if not isinstance(fields, dict):
        return ""
    for field in fields.values():
        if not isinstance(field, tuple) or len(field) < 2:
            continue
        place = field[1]
        if isinstance(place, int) and isinstance(size, int) and size >= 0 and not 0 <= place <= size:
            return "whose fields lie outside of its items, so that foreign memory is read"
        if _is_of_objects(calls, field[0]) and flags == 0:
            return "that takes raw bytes for addresses of objects"
    return ""


def _is_of_objects(calls: _Calls, kind: object) -> bool:
    name = calls.plain(kind.arguments[0]) if isinstance(kind, Made) and kind.arguments else None
    return isinstance(name, str) and name.lstrip("|<>=").startswith("O")


def _array_beside(calls: _Calls, target: Made, path: object) -> None:
    """Old joblib keeps arrays in files beside the pickle, and loads what the pickle names."""
    leaves = way_out(path) if isinstance(path, str) else ""
    if isinstance(path, str) and leaves:
        calls.result.add(
            Technique.OUTSIDE_PATH,
            path[:200],
            f"`{target.maker}` loads an array from `{path[:200]}`, which {leaves}",
            offset=calls.offset,
        )


_RULES: dict[str, Callable[[_Calls, Made, object], str]] = {
    "numpy.dtype": _layout,
    "scipy.stats.": _distribution,
    "statsmodels.base.data.": _data_of_model,
    "sklearn_crfsuite._fileresource.": _file_resource,
    "formulaic.parser.types.factor.Factor": _factor,
    "joblib.memory.Memory": _store,
    "cmdstanpy.model.CmdStanModel": _compiled_model,
}

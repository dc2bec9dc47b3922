"""Follows a pickle with an abstract stack: which callables it asks for, and which it calls, without building anything.

The machine knows constants, callables, and what calls would return ("made by"). That is enough to resolve callables
that are named on the stack, to step over the array bytes of joblib, and to count the tensors of torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats import joblib_array
from keelmark.formats.model_facts import product
from keelmark.formats.pickle_stream import Bounds, PickleStream
from keelmark.formats.pickle_values import UNRESOLVED, Global, Made, Opaque, Persistent, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.pickle_stream import Operation

__all__ = ["Inspection", "inspect"]

_PYTHON_2_NAMES = {"__builtin__": "builtins", "copy_reg": "copyreg", "exceptions": "builtins"}
_MAX_ITEMS = 64
_MAX_GLOBALS = 10_000
_MAX_NESTED = 64
_MAX_DEPTH = 4
_REBUILDS: Final = frozenset({
    "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_device_tensor_from_numpy",
    "_rebuild_qtensor",
})  # fmt: skip
# A callable that imports what its arguments name; the arguments tell what it stands for.
_IMPORTERS: Final = frozenset({"numpy.core._ufunc_reconstruct", "numpy._core._ufunc_reconstruct"})
_LOADER: Final = "torch.storage._load_from_bytes"
# What these do depends on their arguments, so each use has to be seen as a call. One that is handed on instead (to
# `functools.partial`, say) is called where nobody looks.
_FOLLOWED: Final = _IMPORTERS | {_LOADER}


@dataclass(slots=True, kw_only=True)
class Inspection:
    """What one pickle asks for.

    Attributes:
        globals: Callables in order of the stream, without repeats.
        called: Those that are called (REDUCE, NEWOBJ, OBJ, INST) or whose state is set (BUILD).
        protocol: Highest protocol announced; -1 when none is.
        end: Place after the last byte read.
        is_complete: Whether STOP was reached.
        error: What ended the walk early.
        root: The value at STOP.
        tensors: (element type, count of elements) of each torch tensor rebuilt.
        arrays: Elements of arrays that lie between the opcodes.
        has_persistent: Whether objects outside of the stream are referred to.
        nested: Bytes handed to a callable that loads them in turn.
    """

    globals: dict[Global, None] = field(default_factory=dict)
    called: dict[Global, None] = field(default_factory=dict)
    protocol: int = -1
    end: int = 0
    operations: int = 0
    is_complete: bool = False
    error: KeelmarkError | None = None
    root: object = None
    tensors: list[tuple[str, int]] = field(default_factory=list)
    arrays: list[tuple[str, int]] = field(default_factory=list)
    has_persistent: bool = False
    nested: list[Span] = field(default_factory=list)


def inspect(
    data: memoryview, *, position: int = 0, bounds: Bounds | None = None, depth: int = 0
) -> Inspection:
    """Follow the pickle that starts at `position`; a fault ends the walk and stands in `error`."""
    result = Inspection(end=position)
    stream = PickleStream(data, position=position, bounds=bounds)
    machine = _Machine(stream, result, depth=depth)
    try:
        for operation in stream.walk():
            machine.step(operation)
    except KeelmarkError as error:
        # Without its trace, which would hold on to views of the file.
        result.error = error.with_traceback(None)
        result.error.__context__ = result.error.__cause__ = None
    if machine.is_handing_on:
        result.globals[UNRESOLVED] = None
    result.end = stream.position
    result.operations = stream.operations
    return result


class _Machine:
    """The stack, the marks and the memo."""

    def __init__(self, stream: PickleStream, result: Inspection, *, depth: int) -> None:
        self._stream = stream
        self._result = result
        self._depth = depth
        self._stack: list[object] = []
        self._marks: list[list[object]] = []
        self._memo: dict[int, object] = {}
        self._loose = 0

    @property
    def is_handing_on(self) -> bool:
        """Whether a callable that has to be followed was used otherwise than by calling it."""
        return self._loose > 0

    def _push(self, value: object) -> None:
        if isinstance(value, Global) and value.dotted in _FOLLOWED:
            self._loose += 1
        self._stack.append(value)

    def step(self, operation: Operation) -> None:
        """Carry out one operation."""
        handler = self._HANDLERS.get(operation.name)
        if handler is None:
            self._stack.append(operation.argument)
        else:
            handler(self, operation)

    # -- stack

    def _pop(self) -> object:
        if not self._stack:
            raise ParseError("pickle takes a value from an empty stack")
        return self._stack.pop()

    def _top(self) -> object:
        if not self._stack:
            raise ParseError("pickle reads an empty stack")
        return self._stack[-1]

    def _pop_mark(self) -> list[object]:
        if not self._marks:
            raise ParseError("pickle goes back to a mark that was never set")
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _mark(self, _: Operation) -> None:
        self._marks.append(self._stack)
        self._stack = []

    def _drop(self, _: Operation) -> None:
        if not self._stack and self._marks:
            self._pop_mark()
        else:
            self._pop()

    def _drop_mark(self, _: Operation) -> None:
        self._pop_mark()

    def _duplicate(self, _: Operation) -> None:
        self._push(self._top())

    def _stop(self, _: Operation) -> None:
        self._result.root = self._pop()
        self._result.is_complete = True

    # -- constants and containers

    def _constant(self, operation: Operation) -> None:
        self._stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[operation.name])

    def _opaque(self, _: Operation) -> None:
        self._stack.append(Opaque())

    def _nothing(self, operation: Operation) -> None:
        if operation.name == "PROTO" and isinstance(operation.argument, int):
            self._result.protocol = max(self._result.protocol, operation.argument)
            if operation.argument > 5:
                raise ParseError(f"pickle protocol {operation.argument} does not exist")

    def _empty(self, operation: Operation) -> None:
        self._stack.append(
            {"EMPTY_LIST": [], "EMPTY_DICT": {}, "EMPTY_TUPLE": (), "EMPTY_SET": Opaque()}[operation.name]
        )

    def _tuple(self, operation: Operation) -> None:
        if operation.name == "TUPLE":
            items = self._pop_mark()
            self._stack.append(tuple(items))
            return
        count = int(operation.name[-1])
        reverse = [self._pop() for _ in range(count)]
        self._stack.append(tuple(reversed(reverse)))

    def _list(self, _: Operation) -> None:
        items = self._pop_mark()
        self._stack.append(items[:_MAX_ITEMS])

    def _dict(self, _: Operation) -> None:
        built: dict[object, object] = {}
        _put(built, self._pop_mark())
        self._stack.append(built)

    def _append(self, operation: Operation) -> None:
        items = [self._pop()] if operation.name == "APPEND" else self._pop_mark()
        target = self._top()
        if isinstance(target, list):
            target.extend(items[: max(0, _MAX_ITEMS - len(target))])

    def _set_items(self, operation: Operation) -> None:
        items = [self._pop(), self._pop()][::-1] if operation.name == "SETITEM" else self._pop_mark()
        target = self._top()
        if isinstance(target, dict):
            _put(target, items)

    def _add_items(self, _: Operation) -> None:
        self._pop_mark()
        self._top()

    def _frozenset(self, _: Operation) -> None:
        self._pop_mark()
        self._stack.append(Opaque())

    # -- memo

    def _memoize(self, operation: Operation) -> None:
        key = len(self._memo) if operation.name == "MEMOIZE" else operation.argument
        if not isinstance(key, int):
            raise ParseError("memo place is no number")
        self._memo[key] = self._top()

    def _recall(self, operation: Operation) -> None:
        key = operation.argument
        if not isinstance(key, int) or key not in self._memo:
            raise ParseError(f"memo place {key} is empty")
        self._push(self._memo[key])

    # -- callables

    def _ask(self, module: object, name: object) -> Global:
        if isinstance(module, str) and isinstance(name, str):
            wanted = Global(_PYTHON_2_NAMES.get(module, module), name)
        else:
            wanted = UNRESOLVED
        self._result.globals[wanted] = None
        if len(self._result.globals) > _MAX_GLOBALS:
            raise LimitExceededError(f"pickle asks for more than {_MAX_GLOBALS} callables")
        return wanted

    def _global(self, operation: Operation) -> None:
        module, name = operation.argument if isinstance(operation.argument, tuple) else (None, None)
        self._push(self._ask(module, name))

    def _stack_global(self, _: Operation) -> None:
        name, module = self._pop(), self._pop()
        self._push(self._ask(module, name))

    def _extension(self, operation: Operation) -> None:
        self._stack.append(self._ask("copyreg.extension", f"code-{operation.argument}"))

    def _call(self, callee: object, arguments: object) -> Made:
        wanted = callee if isinstance(callee, Global) else None
        if wanted is not None:
            self._result.called[wanted] = None
        given = arguments if isinstance(arguments, tuple) else ()
        made = Made(wanted, given)
        if wanted is not None:
            self._follow(wanted, given)
        return made

    def _follow(self, wanted: Global, given: tuple[object, ...]) -> None:
        if wanted.dotted in _FOLLOWED:
            self._loose -= 1
        if wanted.module == "torch._utils" and wanted.name in _REBUILDS and len(given) > 2:
            storage = given[0]
            kind = storage.kind if isinstance(storage, Persistent) else ""
            shape = given[2]
            if isinstance(shape, tuple):
                self._result.tensors.append((kind, product(size for size in shape if isinstance(size, int))))
        elif wanted.dotted in _IMPORTERS:
            self._ask(*(given if len(given) == 2 else (None, None)))
        elif wanted.dotted == _LOADER:
            self._load(given)

    def _load(self, given: tuple[object, ...]) -> None:
        """Note the bytes that are loaded in turn; bytes that are computed first cannot be told."""
        if len(given) != 1 or not isinstance(given[0], Span):
            self._ask(None, None)
            return
        if len(self._result.nested) >= _MAX_NESTED:
            raise LimitExceededError(f"pickle carries more than {_MAX_NESTED} others")
        self._result.nested.append(given[0])

    def _reduce(self, _: Operation) -> None:
        arguments, callee = self._pop(), self._pop()
        self._stack.append(self._call(callee, arguments))

    def _new(self, operation: Operation) -> None:
        if operation.name == "NEWOBJ_EX":
            self._pop()
        arguments, callee = self._pop(), self._pop()
        self._stack.append(self._call(callee, arguments))

    def _inst(self, operation: Operation) -> None:
        module, name = operation.argument if isinstance(operation.argument, tuple) else (None, None)
        arguments = self._pop_mark()
        self._push(self._ask(module, name))
        self._stack.append(self._call(self._pop(), tuple(arguments)))

    def _obj(self, _: Operation) -> None:
        items = self._pop_mark()
        if not items:
            raise ParseError("pickle makes an object of nothing")
        self._stack.append(self._call(items[0], tuple(items[1:])))

    def _build(self, _: Operation) -> None:
        state = self._pop()
        target = self._top()
        if not isinstance(target, Made):
            return
        target.state = state
        if target.callee is not None and joblib_array.is_wrapper(target):
            self._stack[-1] = self._array(target)

    def _array(self, wrapper: Made) -> object:
        array = joblib_array.describe(wrapper)
        self._result.arrays.append((array.dtype, array.elements))
        if not array.has_objects:
            if array.is_aligned:
                self._stream.skip(self._stream.take(1)[0])
            self._stream.skip(array.size)
            return Opaque()
        if self._depth >= _MAX_DEPTH:
            raise LimitExceededError("pickles are nested too deeply")
        inner = inspect(
            self._stream.data,
            position=self._stream.position,
            bounds=self._stream.bounds,
            depth=self._depth + 1,
        )
        self._result.globals.update(inner.globals)
        self._result.called.update(inner.called)
        self._result.nested.extend(inner.nested)
        self._stream.operations += inner.operations
        if inner.error is not None:
            raise inner.error
        self._stream.position = inner.end
        return Opaque()

    def _persistent(self, operation: Operation) -> None:
        self._result.has_persistent = True
        key = self._pop() if operation.name == "BINPERSID" else operation.argument
        self._stack.append(Persistent.of(key))

    _HANDLERS: ClassVar[dict[str, Callable[[_Machine, Operation], None]]] = {
        "MARK": _mark, "STOP": _stop, "POP": _drop, "POP_MARK": _drop_mark, "DUP": _duplicate,
        "PROTO": _nothing, "FRAME": _nothing, "READONLY_BUFFER": _nothing,
        "NONE": _constant, "NEWTRUE": _constant, "NEWFALSE": _constant, "NEXT_BUFFER": _opaque,
        "EMPTY_LIST": _empty, "EMPTY_DICT": _empty, "EMPTY_TUPLE": _empty, "EMPTY_SET": _empty,
        "TUPLE": _tuple, "TUPLE1": _tuple, "TUPLE2": _tuple, "TUPLE3": _tuple,
        "LIST": _list, "DICT": _dict, "APPEND": _append, "APPENDS": _append, "SETITEM": _set_items,
        "SETITEMS": _set_items, "ADDITEMS": _add_items, "FROZENSET": _frozenset,
        "PUT": _memoize, "BINPUT": _memoize, "LONG_BINPUT": _memoize, "MEMOIZE": _memoize,
        "GET": _recall, "BINGET": _recall, "LONG_BINGET": _recall,
        "GLOBAL": _global, "STACK_GLOBAL": _stack_global, "EXT1": _extension, "EXT2": _extension,
        "EXT4": _extension, "REDUCE": _reduce, "NEWOBJ": _new, "NEWOBJ_EX": _new, "INST": _inst, "OBJ": _obj,
        "BUILD": _build, "PERSID": _persistent, "BINPERSID": _persistent,
    }  # fmt: skip


def _put(target: dict[object, object], items: list[object]) -> None:
    for key, value in zip(items[::2], items[1::2], strict=False):
        if len(target) >= _MAX_ITEMS:
            return
        if isinstance(key, str | int):
            target[key] = value

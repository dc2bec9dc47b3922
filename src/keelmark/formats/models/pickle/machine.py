"""Follows a pickle with an abstract stack: which callables it asks for, and which it calls, without building anything.

The stack, the marks and the memo behave as those of the unpickler of CPython; `calls` says what a call would do. That
is enough to resolve callables that are named on the stack, to step over the array bytes of joblib, and to count the
tensors of torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.archives.spool import let_go
from keelmark.formats.cursor import BreaksOffError
from keelmark.formats.models.pickle import joblib_array
from keelmark.formats.models.pickle.calls import Calls
from keelmark.formats.models.pickle.frames import NO_FRAME, frames_fit
from keelmark.formats.models.pickle.inspection import Inspection
from keelmark.formats.models.pickle.memo import Memo
from keelmark.formats.models.pickle.opcodes import OPCODES
from keelmark.formats.models.pickle.shortcuts import Shortcuts
from keelmark.formats.models.pickle.stack import DATA, MORE, Stack
from keelmark.formats.models.pickle.stream import ARGUMENTS, Bounds, PickleStream
from keelmark.formats.models.pickle.values import (
    Global,
    Made,
    Module,
    Opaque,
    Persistent,
)
from keelmark.formats.models.pickle.walk import IS_NATIVE
from keelmark.formats.models.pickle.walk_table import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.models.pickle.stream import Argument

__all__ = ["Inspection", "inspect"]

_MAX_DEPTH = 4
_LET_GO_EVERY = 2**18 - 1
_MIN_LARGE = 256 * 1024


def _follow_nothing(_: memoryview) -> list[Inspection]:
    return [Inspection(error=LimitExceededError("pickles are nested too deeply"))]


def inspect(  # noqa: PLR0913 - each of them is a dimension of its own
    data: memoryview,
    *,
    position: int = 0,
    bounds: Bounds | None = None,
    depth: int = 0,
    follow: Callable[[memoryview], list[Inspection]] = _follow_nothing,
    is_foreign: Callable[[Global], bool] = lambda _: True,
    skips_arrays: bool = True,
) -> Inspection:
    """Follow the pickle that starts at `position`; a fault ends the walk and stands in `error`.

    Args:
        data: The bytes.
        position: Where the pickle starts.
        bounds: Bounds of the walk.
        depth: How many pickles it lies in.
        follow: Follows bytes that are handed to a loader.
        is_foreign: Whether a callable is imported by the loader.
        skips_arrays: Whether the loader is that of joblib, which reads raw arrays between the opcodes.
    """
    result = Inspection(end=position, is_foreign=is_foreign)
    stream = PickleStream(data, position=position, bounds=bounds)
    calls = Calls(result, data, follow)
    machine = _Machine(stream, result, calls, depth=depth, skips_arrays=skips_arrays)
    try:
        machine.run()
        machine.finish()
    except KeelmarkError as error:
        # Without its trace, which would hold on to views of the file.
        result.error = error.with_traceback(None)
        result.error.__context__ = result.error.__cause__ = None
        machine.finish()
    finally:
        machine.close()
    result.end = stream.position
    result.operations = stream.operations
    return result


class _Machine(Stack):
    """Carries out the operations: the stack, the memo, and the calls."""

    def __init__(
        self, stream: PickleStream, result: Inspection, calls: Calls, *, depth: int, skips_arrays: bool
    ) -> None:
        super().__init__(result)
        self._stream = stream
        self._calls = calls
        self._depth = depth
        self._skips_arrays = skips_arrays
        self._memo = Memo()
        self._protocol = 0
        self._frame_end = NO_FRAME
        self._shortcuts: Shortcuts | None = None
        self._next_shortcut = NO_FRAME
        self.view: memoryview | None = None

    def run(self) -> None:
        """Carry out one operation after the other, up to and with STOP."""
        stream, steps, result = self._stream, _STEPS, self.result
        data, size = stream.data, len(stream.data)
        most = stream.bounds.max_operations
        self._open_shortcuts()
        while not result.is_complete:
            start = stream.position
            if start >= self._next_shortcut and self._leap(start):
                continue
            if start >= size:
                raise BreaksOffError(f"pickle breaks off at byte {start} without STOP")
            entry = steps.get(data[start])
            if entry is None:
                raise ParseError(f"byte {data[start]:#04x} at {start} is no pickle opcode")
            stream.operations += 1
            if stream.operations > most:
                raise LimitExceededError(f"pickle has more than {most} operations")
            if not stream.operations & _LET_GO_EVERY:
                let_go(data)
            self.start = start
            stream.position = start + 1
            reader, step = entry
            argument = reader(stream) if reader else None
            if stream.position > self._frame_end:
                self._leave_frame()
            step(self, argument)

    def _open_shortcuts(self) -> None:
        stream = self._stream
        if IS_NATIVE and len(stream.data) - stream.position >= _MIN_LARGE:
            # A view of its own, so that it can be given back whoever holds on to it.
            self.view = memoryview(stream.data)
            self._shortcuts = Shortcuts(self.view, position=stream.position)
            self._memo.shortcuts = self._shortcuts
            self._next_shortcut = self._shortcuts.next_start

    def _leap(self, start: int) -> bool:
        """Leave out a long stretch of plain values, where one starts here."""
        shortcuts, memo = self._shortcuts, self._memo
        if shortcuts is None:
            return False
        found = shortcuts.take(start, count=len(memo), top=memo.top, foreign=memo.foreign)
        self._next_shortcut = max(shortcuts.next_start, start + 1)
        if found is None:
            return False
        memo.leave_out(found.first, found.last)
        frame_end = frames_fit(self._stream.data, start, found.end, frame_end=self._frame_end)
        if frame_end is None:
            self.start = start
            self._disagree()
        self._frame_end = NO_FRAME if frame_end is None else frame_end
        self._stream.position = found.end
        if found.kind is Kind.REST:
            self.values.extend((MORE, MORE))
        elif found.kind is Kind.LIST:
            self.extend(self.top(), [DATA], 2**20)
        elif found.kind is Kind.DICT:
            self.fill(self.top(), [DATA, DATA])
        else:
            self.changes(self.top())
        return True

    def push(self, value: object) -> None:
        """Put a value on top; callables whose uses have to be seen are counted."""
        if type(value) is Global:
            self._calls.handed(value)
        self.values.append(value)

    def changes(self, target: object) -> None:
        """What is filled is no plain container: a method of it is called."""
        super().changes(target)
        if isinstance(target, Global | Module):
            self._calls.offset = self.start
            self._calls.changed(target)

    def close(self) -> None:
        """Give the views of the file back."""
        if self.view is not None:
            self.view.release()

    def _leave_frame(self) -> None:
        if self.start < self._frame_end:
            self._disagree()
        self._frame_end = NO_FRAME

    def _disagree(self) -> None:
        """An operation goes on behind its frame: loaders that read from files go on elsewhere than all others."""
        self.result.add(
            Technique.READERS_DISAGREE,
            "frame",
            "a frame ends in the middle of an operation, so that loaders run different programs",
            offset=self.start,
        )

    def _frame(self, length: Argument) -> None:
        position = self._stream.position
        if not isinstance(length, int) or length > len(self._stream.data) - position:
            return  # loaders stop here; what would follow is told all the same
        if position < self._frame_end < NO_FRAME:
            self._disagree()
        self._frame_end = position + length

    def finish(self) -> None:
        """Judge what can only be judged at the end."""
        self._calls.offset = self.start
        self._calls.finish()

    # -- protocol and memo

    def _proto(self, value: Argument) -> None:
        if not isinstance(value, int) or value > 5:
            raise ParseError(f"pickle protocol {value!r} does not exist")
        self._protocol = value
        self.result.protocol = max(self.result.protocol, value)

    def _put(self, key: Argument) -> None:
        value = self.top()
        is_text = value is self.text and isinstance(value, str)
        self._memo.put(key, value, place=self.text_start if is_text else -1)

    def _memoize(self, _: Argument) -> None:
        self._put(len(self._memo))

    def _recall(self, key: Argument) -> None:
        self.push(self._memo.get(key, self._read_text))

    def _read_text(self, place: int) -> object:
        stream = self._stream
        back = stream.position
        stream.position = place + 1
        reader = ARGUMENTS[stream.data[place]]
        value = reader(stream) if reader else None
        stream.position = back
        self.text, self.text_start = value, place
        return value

    # -- callables

    def _global(self, names: Argument) -> None:
        self._calls.offset = self.start
        module, name = names if isinstance(names, tuple) else (None, None)
        self.push(self._calls.ask(module, name, protocol=self._protocol))

    def _stack_global(self, _: Argument) -> None:
        name, module = self.pop(), self.pop()
        if any(isinstance(part, int | bytes | tuple | list | dict | None) for part in (module, name)):
            raise ParseError("pickle asks for a callable by what is no name")
        self._calls.offset = self.start
        self.push(self._calls.ask(module, name, protocol=self._protocol))

    def _extension(self, code: Argument) -> None:
        if isinstance(code, int) and not 0 < code < 2**31:
            raise ParseError("extension code is no positive number")
        self._calls.offset = self.start
        self.push(self._calls.extension(code))

    def _call(
        self,
        callee: object,
        arguments: object,
        keywords: tuple[tuple[str, object], ...] = (),
        *,
        creates: bool = False,
    ) -> None:
        self._calls.offset = self.start
        given = tuple(arguments) if isinstance(arguments, tuple | list) else (arguments,)
        self._calls.called(callee)
        self.push(self._calls.call(callee, given, keywords, creates=creates))

    def _reduce(self, _: Argument) -> None:
        arguments, callee = self.pop(), self.pop()
        self._call(callee, arguments)

    def _new(self, _: Argument) -> None:
        arguments, callee = self.pop(), self.pop()
        self._call(callee, arguments, creates=True)

    def _new_with_names(self, _: Argument) -> None:
        named, arguments, callee = self.pop(), self.pop(), self.pop()
        pairs = (
            tuple((str(key)[:100], value) for key, value in named.items()) if isinstance(named, dict) else ()
        )
        self._call(callee, arguments, pairs, creates=True)

    def _inst(self, names: Argument) -> None:
        module, name = names if isinstance(names, tuple) else (None, None)
        self._calls.offset = self.start
        wanted = self._calls.ask(module, name, protocol=self._protocol)
        self._calls.handed(wanted)
        given = tuple(self.pop_mark()[0])
        self._call(wanted, given, creates=not given)

    def _obj(self, _: Argument) -> None:
        items, _ = self.pop_mark()
        if not items:
            raise ParseError("pickle makes an object of nothing")
        # Without arguments loaders make the object by its `__new__` alone.
        self._call(items[0], tuple(items[1:]), creates=len(items) == 1)

    def _build(self, _: Argument) -> None:
        state = self.pop()
        target = self.top()
        self._calls.offset = self.start
        self._calls.state_set(target, state)
        if not isinstance(target, Made):
            return
        target.state = state
        if joblib_array.is_wrapper(target):
            self.result.has_wrapper = True
            if self._skips_arrays:
                self.values[-1] = self._array(target)

    def _array(self, wrapper: Made) -> object:
        array = joblib_array.describe(wrapper)
        self.result.arrays.append((array.dtype, array.elements))
        stream = self._stream
        self._frame_end = NO_FRAME
        if not array.has_objects:
            if array.is_aligned:
                stream.skip(stream.take(1)[0])
            stream.skip(array.size)
            self._go_on_behind()
            return Opaque("array")
        if self._depth >= _MAX_DEPTH:
            raise LimitExceededError("pickles are nested too deeply")
        inner = inspect(
            stream.data,
            position=stream.position,
            bounds=stream.bounds,
            depth=self._depth + 1,
            follow=self._calls.follow,
            is_foreign=self.result.is_foreign,
        )
        self.result.absorb(inner)
        stream.operations += inner.operations
        if inner.error is not None:
            raise inner.error
        stream.position = inner.end
        self._go_on_behind()
        return Opaque("array")

    def _go_on_behind(self) -> None:
        if self._shortcuts is not None:
            self._shortcuts.restart(self._stream.position, top=self._memo.top)
            self._next_shortcut = self._shortcuts.next_start

    # -- outside of the stream

    def _persistent(self, key: Argument) -> None:
        self._keep(key)

    def _persistent_on_stack(self, _: Argument) -> None:
        self._keep(self.pop())

    def _keep(self, key: object) -> None:
        self.result.has_persistent = True
        if isinstance(key, tuple) and len(key) > 1 and key[0] == "module" and isinstance(key[1], Global):
            self.push(
                key[1]
            )  # the loader of torch hands back the class that older versions wrapped like that
            return
        found = Persistent.of(key)
        if found.key:
            self.result.storages[found.key] = None
        self.values.append(found)


# ruff: noqa: SLF001 - the table below names the steps of the class above
_BY_NAME: dict[str, Callable[[_Machine, Argument], None]] = {
    "MARK": _Machine.mark, "STOP": _Machine.stop, "POP": _Machine.drop, "POP_MARK": _Machine.drop_mark,
    "DUP": _Machine.duplicate, "PROTO": _Machine._proto, "FRAME": _Machine._frame,
    "READONLY_BUFFER": _Machine.nothing, "NEXT_BUFFER": _Machine.buffer, "NONE": _Machine.none,
    "NEWTRUE": _Machine.true, "NEWFALSE": _Machine.false, "INT": _Machine.number,
    "LONG": _Machine.number, "LONG1": _Machine.number, "LONG4": _Machine.number,
    "BININT": _Machine.number, "BININT1": _Machine.number, "BININT2": _Machine.number,
    "FLOAT": _Machine.number, "BINFLOAT": _Machine.number, "STRING": _Machine.words,
    "BINSTRING": _Machine.words, "SHORT_BINSTRING": _Machine.words, "UNICODE": _Machine.words,
    "BINUNICODE": _Machine.words, "SHORT_BINUNICODE": _Machine.words, "BINUNICODE8": _Machine.words,
    "BINBYTES": _Machine.raw, "SHORT_BINBYTES": _Machine.raw, "BINBYTES8": _Machine.raw,
    "BYTEARRAY8": _Machine.byte_array, "EMPTY_LIST": _Machine.empty_list,
    "EMPTY_DICT": _Machine.empty_dict, "EMPTY_TUPLE": _Machine.empty_tuple,
    "EMPTY_SET": _Machine.empty_set, "TUPLE": _Machine.make_tuple, "TUPLE1": _Machine.tuple_1,
    "TUPLE2": _Machine.tuple_2, "TUPLE3": _Machine.tuple_3, "LIST": _Machine.make_list,
    "DICT": _Machine.make_dict, "APPEND": _Machine.append, "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item, "SETITEMS": _Machine.set_items, "ADDITEMS": _Machine.add_items,
    "FROZENSET": _Machine.frozenset, "PUT": _Machine._put, "BINPUT": _Machine._put,
    "LONG_BINPUT": _Machine._put, "MEMOIZE": _Machine._memoize, "GET": _Machine._recall,
    "BINGET": _Machine._recall, "LONG_BINGET": _Machine._recall, "GLOBAL": _Machine._global,
    "STACK_GLOBAL": _Machine._stack_global, "EXT1": _Machine._extension, "EXT2": _Machine._extension,
    "EXT4": _Machine._extension, "REDUCE": _Machine._reduce, "NEWOBJ": _Machine._new,
    "NEWOBJ_EX": _Machine._new_with_names, "INST": _Machine._inst, "OBJ": _Machine._obj,
    "BUILD": _Machine._build, "PERSID": _Machine._persistent, "BINPERSID": _Machine._persistent_on_stack,
}  # fmt: skip
_STEPS = {code: (ARGUMENTS[code], _BY_NAME[name]) for code, (name, _) in OPCODES.items()}

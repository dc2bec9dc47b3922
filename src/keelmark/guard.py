"""A seat belt for code that loads models: what a pickle asks for is held against the exact lists while it is loaded.

    with keelmark.guarded_loading():
        model = torch.load("model.pt")

The interpreter announces each callable that an unpickler looks up, before it is imported (`pickle.find_class`, raised
by the unpickler in C, the one in Python, and every subclass of them that asks its base class). Inside of the guard,

1. a callable that is on the list of harmless ones passes; every other one is refused with `UnsafeLoadError`, before
   anything of it is imported;
2. starting a program, connecting to a network, loading a native library through ctypes, and building code with marshal
   are refused too. The last two are allowed while a module is being imported: imports do both;
3. what was refused is remembered: a loader that swallows the error cannot hide it, the guard raises when it is left.

It holds in the context that entered it: its thread, the tasks that are started inside of it, and the threads of
`threading` that are started inside of it, as long as it is open. Other threads, and pools that were filled before, go
on undisturbed. Guards may be nested; each of them has to allow what is asked for.

What it cannot do. It is a seat belt, not a sandbox. It does not see loaders that look names up without the unpickler of
Python (an own `find_class` that imports by itself, formats that are no pickles, code in a model file that is run by
its framework). It sees names, not arguments: callables that are harmful with some arguments alone, such as `getattr`,
are refused unless they are allowed or the file was scanned. Code that has once been run can undo it. A file that
nobody trusts is first scanned (`scan=`), and loaded in a process of its own that may do little.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from keelmark.errors import KeelmarkError, UnsafeLoadError, UsageError
from keelmark.formats.models.pickle.callables import Danger, judge
from keelmark.formats.models.pickle.known import BY_ARGUMENT
from keelmark.formats.models.pickle.values import Global, modern

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextvars import Token
    from types import FrameType, TracebackType
    from typing import Self

__all__ = ["GuardedLoading"]

_FIND_CLASS: Final = "pickle.find_class"
# What no model file has a reason to do while it is loaded.
_REFUSED: Final = {
    "os.system": "runs a shell command", "subprocess.Popen": "starts a program", "os.exec": "becomes another program",
    "os.spawn": "starts a program", "os.posix_spawn": "starts a program", "pty.spawn": "starts a program",
    "os.startfile": "starts a program", "socket.connect": "connects to a network address",
}  # fmt: skip
# What imports do as well.
_REFUSED_UNLESS_IMPORTING: Final = {
    "ctypes.dlopen": "loads a native library", "marshal.loads": "builds code from bytes",
    "marshal.load": "builds code from a file",
}  # fmt: skip
_WATCHED: Final = frozenset({_FIND_CLASS, *_REFUSED, *_REFUSED_UNLESS_IMPORTING})
_IMPORT_SYSTEM: Final = "<frozen importlib._bootstrap>"
_MAX_FRAMES: Final = 2000
_MAX_REMEMBERED: Final = 100
_MAX_SHOWN: Final = 300


class GuardedLoading:
    """Holds what is loaded inside of it against the lists; see the module for what it does and what it cannot do.

    Args:
        allow: Callables (`module.name`) and other refused actions (`subprocess.Popen`) that are allowed all the same.
        scan: Files or folders that are scanned first; unless they are clean, nothing is loaded. What the scan found
            harmless with its arguments (`getattr`) is then allowed by name.

    Raises:
        UnsafeLoadError: On entering, a file is not clean. Inside, something was refused. On leaving, something was
            refused and the loader went on.
        UsageError: `allow` is no set of dotted names, or a path does not exist.
    """

    def __init__(
        self,
        *,
        allow: Iterable[str] = (),
        scan: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    ) -> None:
        self._allow = _dotted_names(allow)
        self._scan = scan
        self._token: Token[tuple[GuardedLoading, ...]] | None = None
        self.frame: FrameType | None = None
        self.is_open = False
        self.refused: list[UnsafeLoadError] = []

    def __enter__(self) -> Self:
        if self._token is not None:
            raise UsageError("a guard can be entered once", hint="make one for each load")
        if self._scan is not None:
            _expect_clean(self._scan)
            self._allow |= BY_ARGUMENT
        judge(Global("builtins", "dict"))  # reads the lists, before anything is watched
        _HOOK.install()
        self.frame = sys._getframe(1)  # noqa: SLF001 - there is no other way to look at the stack
        self.is_open = True
        self._token = _ACTIVE.set((*_ACTIVE.get(), self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open, self.frame = False, None
        if self._token is not None:
            with suppress(ValueError):  # left in another context than entered: closed all the same
                _ACTIVE.reset(self._token)
        if not self.refused or isinstance(error, UnsafeLoadError):
            return
        if error is None or isinstance(error, Exception):
            raise UnsafeLoadError(self.refused[0].message, hint=self.refused[0].hint) from error

    @property
    def has_scanned(self) -> bool:
        """Whether what is loaded was scanned, with the arguments of every call."""
        return self._scan is not None

    def allows(self, names: Iterable[str]) -> bool:
        """Whether one of these names was allowed."""
        return not self._allow.isdisjoint(names)

    def refuse(self, error: UnsafeLoadError) -> None:
        """Remember what was refused."""
        if len(self.refused) < _MAX_REMEMBERED:
            self.refused.append(error)


class _Hook:
    """The one audit hook of the process: it cannot be taken away again, and does nothing outside of guards.

    With it comes one wrapper around `threading.Thread.start`, which does nothing outside of guards either.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_installed = False
        self._inherited: WeakKeyDictionary[threading.Thread, tuple[GuardedLoading, ...]] = WeakKeyDictionary()

    def install(self) -> None:
        """Add the hook, once."""
        with self._lock:
            if not self._is_installed:
                sys.addaudithook(self._on_event)
                self._hand_on()
                self._is_installed = True

    def _hand_on(self) -> None:
        """Have threads take the guards of who starts them. No event of the interpreter tells that before Python 3.12."""
        start = threading.Thread.start

        @functools.wraps(start)
        def start_guarded(thread: threading.Thread) -> None:
            guards = self._guards()
            if guards:
                self._inherited[thread] = guards
            start(thread)

        threading.Thread.start = start_guarded  # type: ignore[method-assign, assignment]

    def _on_event(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in _WATCHED:
            return
        guards = self._guards()
        if not guards:
            return
        found = _asked(arguments, guards) if event == _FIND_CLASS else _done(event, arguments, guards)
        if found is None:
            return
        names, error = found
        closed = [guard for guard in guards if not guard.allows(names)]
        for guard in closed:
            guard.refuse(error)
        if closed:
            raise error

    def _guards(self) -> tuple[GuardedLoading, ...]:
        guards = _ACTIVE.get()
        if self._inherited and not guards:
            guards = self._inherited.get(threading.current_thread(), ())
        return tuple(guard for guard in guards if guard.is_open) if guards else ()


_ACTIVE: ContextVar[tuple[GuardedLoading, ...]] = ContextVar("keelmark_guards", default=())
_HOOK: Final = _Hook()


def _asked(
    arguments: tuple[object, ...], guards: tuple[GuardedLoading, ...]
) -> tuple[set[str], UnsafeLoadError] | None:
    """Names and error for a callable that is not harmless.

    Loaders translate names of Python 2 after they announced them, and only in old protocols, so that both are judged.
    """
    module, name = str(arguments[0]), str(arguments[1])
    asked, meant = Global(module, name), modern(module, name, protocol=2)
    verdict = judge(meant)
    if asked != meant and judge(asked).danger is Danger.DANGEROUS:
        verdict = judge(asked)
    names = {asked.dotted, meant.dotted}
    if verdict.danger is Danger.HARMLESS:
        # The event does not tell whether a class is called, or created and given its state.
        if not getattr(verdict, "is_only_created", False) or all(guard.has_scanned for guard in guards):
            return None
        return names, _error(
            f"the file asks for `{meant.dotted[:_MAX_SHOWN]}`", "its constructor may be harmful", meant.dotted
        )
    why = (
        f"it {verdict.reason}" if verdict.danger is Danger.DANGEROUS else "it is on no list of harmless ones"
    )
    return names, _error(f"the file asks for `{meant.dotted[:_MAX_SHOWN]}`", why, meant.dotted)


def _done(
    event: str, arguments: tuple[object, ...], guards: tuple[GuardedLoading, ...]
) -> tuple[set[str], UnsafeLoadError] | None:
    """Names and error for what no model file has a reason to do."""
    why = _REFUSED.get(event)
    if why is None:
        if _is_importing(sys._getframe(2), guards):  # noqa: SLF001 - as above
            return None
        why = _REFUSED_UNLESS_IMPORTING[event]
    shown = "" if event.startswith("marshal") else _shown(arguments)
    return {event}, _error(f"loading reaches `{event}`{shown}", f"it {why}", event)


def _error(what: str, why: str, name: str) -> UnsafeLoadError:
    return UnsafeLoadError(
        f"{what}: {why}; nothing of it was run",
        hint="do not load the file; look at it with `keelmark scan`. If you know what it is and trust the file, pass "
        f"allow={{{name[:_MAX_SHOWN]!r}}}",
    )


def _shown(arguments: tuple[object, ...]) -> str:
    """The text among the arguments: a command, a path, an address; nothing of foreign objects is called."""
    texts = [item for item in arguments if type(item) in {str, bytes, tuple, list}]
    with suppress(Exception):
        return f" with {repr(texts[0])[:_MAX_SHOWN]}" if texts else ""
    return ""


def _is_importing(frame: FrameType | None, guards: tuple[GuardedLoading, ...]) -> bool:
    """Whether a module is being imported, within the guards; only code that runs already could feign it."""
    outside = [guard.frame for guard in guards]
    for _ in range(_MAX_FRAMES):
        if frame is None or frame in outside:
            return False
        if frame.f_code.co_filename == _IMPORT_SYSTEM:
            return True
        frame = frame.f_back
    return False


def _dotted_names(allow: Iterable[str]) -> frozenset[str]:
    names = frozenset([allow] if isinstance(allow, str) else allow)
    for name in names:
        if "." not in str(name).strip("."):
            raise UsageError(
                f"`{str(name)[:_MAX_SHOWN]}` is no dotted name", hint='allow={"package.module.name"}'
            )
    return names


def _expect_clean(scan: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> None:
    from keelmark.workflows.scan import scan as look  # noqa: PLC0415 - it costs time, and few ask for it

    paths = [scan] if isinstance(scan, str | os.PathLike) else list(scan)
    if not paths:
        raise UsageError("nothing to scan", hint='name the file that is loaded: scan="model.pt"')
    try:
        report = look(paths)
    except OSError as error:
        raise KeelmarkError(f"cannot be scanned: {error.strerror or error}") from error
    if report.is_clean:
        return
    found = (
        f"{file.path}: {item.hazard.detail}"
        for file in report.files
        for item in file.findings
        if item.is_open
    )
    unseen = (f"{file.path}: {gap.detail}" for file in report.files for gap in file.gaps if gap.matters)
    said = next(found, "") or next(unseen, "not everything could be looked at")
    raise UnsafeLoadError(
        f"the scan is not clean: {said[:_MAX_SHOWN]}; nothing was loaded",
        hint="see `keelmark scan` for all of it",
    )

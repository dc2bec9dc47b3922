"""Which calls in serialised R reach the system, and what that means at the place where they stand.

1. A promise that was not forced runs its expression as soon as its name is touched. R writes promises only inside of
   the frames of functions, where default arguments wait; anywhere else somebody made one by hand.
2. A function runs when it is called, a stored call when a method evaluates it. Fitted models are full of both
   (formulas, `call` slots, links, splines), so only calls that start programs or open connections count there.
3. In a promise, calls that evaluate text, read code or change files count as well.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from keelmark.core.facts import Technique

if TYPE_CHECKING:
    from keelmark.formats.models.hazard_list import HazardList

__all__ = ["Kind", "Place", "Value", "code_of", "judge_call", "judge_promise"]


class Kind(Enum):
    """What a value is, as far as it matters to a call."""

    SYMBOL = auto()
    TEXT = auto()
    CALL = auto()
    OTHER = auto()


class Value(NamedTuple):
    """A value: the name of a symbol, a text, or the code of a call; each cut short."""

    kind: Kind
    text: str = ""


class Place(Enum):
    """Where code stands, which tells when it runs."""

    PROMISE = "when the name of the promise is touched"
    FUNCTION = "when the stored function is called"
    STORED = "when the stored expression is evaluated"
    SETTLED = "never"


_REACHES = {
    "system": "starts programs", "system2": "starts programs", "shell": "starts programs",
    "shell.exec": "starts programs", "socketConnection": "opens connections", "make.socket": "opens connections",
    "download.file": "fetches files", "dyn.load": "loads native code", "processx::run": "starts programs",
    "sys::exec_wait": "starts programs", "sys::exec_background": "starts programs", "curl_download": "fetches files",
}  # fmt: skip
_IN_PROMISE = {
    "pipe": "starts programs", "url": "opens connections", "source": "runs files as code",
    "sys.source": "runs files as code", "parse": "turns text into code", "str2lang": "turns text into code",
    "str2expression": "turns text into code", "unlink": "removes files", "file.remove": "removes files",
    "writeLines": "writes files", "writeBin": "writes files", "file.copy": "changes files",
    "file.rename": "changes files", "unserialize": "loads further objects", "readRDS": "loads further objects",
    "load": "loads further objects", "install.packages": "installs packages", "library.dynam": "loads native code",
    "Sys.setenv": "changes the process", "serverSocket": "opens connections", "fork": "starts programs",
}  # fmt: skip
_BY_NAME = frozenset({
    "do.call", "match.fun", "get", "get0", "mget", "getFunction", "getExportedValue", "lapply", "sapply", "vapply",
    "Map", "mapply", "Reduce", "Filter", "Vectorize", "Recall", "call", "as.name", "as.call", "eval", "rapply",
    "tryCatch", "try", "withCallingHandlers", "on.exit", "reg.finalizer", "delayedAssign", "makeActiveBinding",
})  # fmt: skip


def _reason(name: str, place: Place) -> str:
    short = name.rpartition("::")[2].lstrip(":")
    reason = _REACHES.get(name) or _REACHES.get(short, "")
    if not reason and place is Place.PROMISE:
        reason = _IN_PROMISE.get(short, "")
    return reason


def judge_call(name: str, arguments: tuple[Value, ...], place: Place, found: HazardList) -> None:
    """Say what one call does at its place, when it reaches the system."""
    if place is Place.SETTLED:
        return
    target, reason = name, _reason(name, place)
    if not reason and name.rpartition("::")[2] in _BY_NAME:
        for item in arguments:
            if item.kind in {Kind.TEXT, Kind.SYMBOL} and item.text in _REACHES:
                target, reason = item.text, _REACHES[item.text]
    if reason:
        code = code_of(name, arguments)
        detail = f"`{code[:150]}` {reason} {place.value}"
        found.add(Technique.SERIALISED_CODE, detail, subject=target, code=code)


def judge_promise(expression: Value, found: HazardList) -> None:
    """Name a promise that stands where R writes none."""
    code = expression.text or "..."
    detail = f"a promise to evaluate `{code[:150]}` stands outside of any function; it runs when its name is touched"
    found.add(Technique.SERIALISED_CODE, detail, subject="promise", code=code)


def code_of(name: str, arguments: tuple[Value, ...]) -> str:
    """A call as short code."""
    shown = [f'"{item.text}"' if item.kind is Kind.TEXT else item.text or "..." for item in arguments[:4]]
    return f"{name}({', '.join(shown)})"[:200]

"""The cells of notebooks without what only notebooks understand: shell lines, magics, questions, prints of older kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Argument, Call
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.python.text import parse

if TYPE_CHECKING:
    from keelmark.formats.python.bounds import Bounds

__all__ = ["is_python", "of_python_two", "without_magics"]

_SHELL = re2.compile(r"^(\s*)(?:[\w.\[\], ]+=\s*)?!{1,2}\s*(\S.*)$")
_MAGIC = re2.compile(
    r"^(\s*)(?:[\w.\[\], ]+=\s*)?(%[A-Za-z_]\w*.*|(?:pip3?|conda|mamba) (?:install|uninstall|list|show)\b.*)$"
)
_HELP = re2.compile(r"^\s*\??[\w.]+\?{1,2}\s*$|^\s*\?{1,2}[\w.]+\s*$")
_SHELL_CELLS = ("%%bash", "%%sh", "%%script", "%%!", "%%cmd", "%%system", "%%sx")
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%debug", "%%memray")
# Magics that run the Python behind them.
_TIMED = re2.compile(r"^(\s*)(?:[\w.\[\], ]+=\s*)?%(?:time|prun|debug|memit)\s+([^-\s].*)$")
_PRINTED = re2.compile(r"^(\s*|.*:\s+)print\s+([^(\s=].*)$")
_CAUGHT = re2.compile(r"^(\s*except\s+[\w.()]+),\s*(\w+)\s*:(.*)$")
_RAN = re2.compile(r"^(\s*)exec\s+([^(\s=].*)$")
_MAX_TEXT = 200


def without_magics(
    lines: list[str], places: list[int], bounds: Bounds
) -> tuple[list[str] | None, list[Call]]:
    """The cell without magics (None when it still is no Python), and the magics as calls."""
    # Hosted notebooks allow a title above the magic of the whole cell.
    first = next(
        (number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")),
        -1,
    )
    if first >= 0 and lines[first].lstrip().startswith("%%"):
        return _cell_magic(lines, places, first, bounds)
    if is_python(lines, bounds):
        return lines, []
    lines = _dedented(lines, first)
    kept: list[str] = []
    calls: list[Call] = []
    continues = False
    for line, place in zip(lines, places, strict=True):
        shell, magic = (None, None) if continues else (_SHELL.search(line), _MAGIC.search(line))
        match = shell or magic
        if match is not None:
            calls.append(_call("ipython.shell" if shell else "ipython.magic", str(match.group(2)), place))
            kept.append(_behind_magic(line, bounds) or f"{match.group(1)}pass")
        else:
            kept.append("" if continues or _HELP.search(line) else line)
        continues = (continues or match is not None) and line.rstrip().endswith("\\")
    return (kept if is_python(kept, bounds) else None), calls


def _dedented(lines: list[str], first: int) -> list[str]:
    """A cell that is indented as a whole, as it runs."""
    width = len(lines[first]) - len(lines[first].lstrip()) if first >= 0 else 0
    if not width or any(line[:width].strip() for line in lines):
        return lines
    return [line[width:] for line in lines]


def _behind_magic(line: str, bounds: Bounds) -> str:
    """The Python that a magic only times, with its indent; "" when it is none."""
    match = _TIMED.search(line)
    if match is None or not is_python([str(match.group(2))], bounds):
        return ""
    return f"{match.group(1)}{match.group(2)}"


def of_python_two(lines: list[str]) -> list[str]:
    """Statements of the older Python that are calls now, so that what they are given can be followed."""
    newer = []
    for line in lines:
        match = _PRINTED.search(line) or _RAN.search(line)
        caught = _CAUGHT.search(line)
        if match is not None:
            name = "exec" if line.lstrip().startswith("exec") else "print"
            newer.append(f"{match.group(1)}{name}({str(match.group(2)).rstrip(', ')})")
        elif caught is not None:
            newer.append(f"{caught.group(1)} as {caught.group(2)}:{caught.group(3)}")
        else:
            newer.append("" if _SHELL.search(line) or _MAGIC.search(line) or _HELP.search(line) else line)
    return newer


def _cell_magic(
    lines: list[str], places: list[int], first: int, bounds: Bounds
) -> tuple[list[str] | None, list[Call]]:
    head = lines[first].strip()
    if head.startswith(_PYTHON_CELLS):
        rest = [*lines]
        rest[first] = ""
        kept, calls = without_magics(rest, places, bounds)
        return kept, [_call("ipython.magic", head, places[first]), *calls]
    if head.startswith(_SHELL_CELLS):
        commands = [(line, place) for line, place in zip(lines, places, strict=True) if line.strip()]
        calls = [_call("ipython.shell", line.strip(), place) for line, place in commands[1:] or commands]
        return [""] * len(lines), calls
    return [""] * len(lines), [_call("ipython.magic", head, places[first])]


def is_python(lines: list[str], bounds: Bounds) -> bool:
    """Whether lines can be parsed as a program."""
    try:
        parse("\n".join(lines), bounds=bounds)
    except (LimitExceededError, ParseError):
        return False
    return True


def _call(name: str, text: str, line: int) -> Call:
    shown = " ".join(text.split())[:_MAX_TEXT]
    argument = Argument(position=0, is_literal=True, literal=shown, text=shown)
    return Call(name=name, line=line, arguments=(argument,), anchor=shown[:160])

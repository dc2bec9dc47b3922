r"""The one place that cleans foreign text before it reaches a terminal, a log, a page or another tool.

Foreign is everything that comes from the assessed folder: names, paths, messages that quote them, settings. After
`sentence` or `name` a text

1. is one line,
2. holds no control, format, bidirectional, private, unassigned or blank-looking character: each is shown as an
   escape such as `\x1b` or `\u202e`,
3. is valid Unicode: a lone surrogate is shown as an escape, too,
4. stacks at most a few combining marks on a letter,
5. is no longer than its bound.

The other functions add what one kind of output needs on top.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BOUNDS",
    "Bounds",
    "command_property",
    "command_value",
    "guard_lines",
    "markdown",
    "markdown_code",
    "name",
    "segments",
    "sentence",
    "shorten_middle",
    "terminal",
    "terminal_name",
    "uri",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How long foreign text may get in a report.

    Attributes:
        sentence: Characters of a message, a reason, a fix.
        name: Characters of a path, a name, a value.
        marks: Combining marks on one letter.
    """

    sentence: int = 1_000
    name: int = 300
    marks: int = 3


BOUNDS = Bounds()

_ELLIPSIS = "…"
_BREAKS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _blank_looking() -> frozenset[str]:
    # Unicode calls these printable, yet they show nothing: fillers, variation selectors, joiners.
    ranges = ((0x17B4, 0x17B5), (0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    singles = (0x034F, 0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0, 0x1D159)
    codes = [*singles, *(code for first, last in ranges for code in range(first, last + 1))]
    return frozenset(map(chr, codes))


_BLANK = _blank_looking()


def sentence(text: str, *, limit: int = BOUNDS.sentence) -> str:
    """A message on one line: line breaks folded to spaces, what cannot be seen made visible, cut at its end."""
    # Cut before the work is done, so that a huge text costs no more than a long one.
    lines = text[: 4 * limit].splitlines()
    folded = " ".join(line.strip() for line in lines if line.strip()) if len(lines) > 1 else "".join(lines)
    shown = _visible(folded.replace("\t", " "))
    cut = len(shown) > limit or len(text) > 4 * limit
    return f"{shown[: limit - 1].rstrip()}{_ELLIPSIS}" if cut else shown


def name(text: str, *, limit: int = BOUNDS.name) -> str:
    """A name or path on one line, exact but for what cannot be seen, shortened in its middle."""
    raw = text if len(text) <= 2 * limit else f"{text[:limit]}{_ELLIPSIS}{text[-limit:]}"
    return shorten_middle(_visible(raw), limit)


def shorten_middle(text: str, limit: int) -> str:
    """The text, its middle replaced by an ellipsis when it is longer than `limit`; the end keeps the larger part."""
    if len(text) <= limit:
        return text
    tail = max(1, (limit - 1) * 2 // 3)
    head = max(0, limit - 1 - tail)
    end = text[-tail:]
    while end and unicodedata.combining(end[0]):  # its letter was cut away
        end = end[1:]
    return f"{text[:head]}{_ELLIPSIS}{end}"


def terminal(text: str, *, limit: int = BOUNDS.sentence) -> str:
    """A message for a terminal or a CI log."""
    return _disarmed(sentence(text, limit=limit))


def terminal_name(text: str, *, limit: int = BOUNDS.name) -> str:
    """A name or path for a terminal or a CI log."""
    return _disarmed(name(text, limit=limit))


def guard_lines(text: str) -> str:
    """Finished text in which no line can be read as a workflow command, also after wrapping."""
    return "\n".join(
        f"\\{line}" if line.lstrip().startswith("::") else line for line in text.split("\n")
    ).replace("##[", "##\\[")


def command_value(text: str) -> str:
    """The message of a `::error::message` workflow command; percent signs keep their meaning."""
    return sentence(text).replace("%", "%25")


def command_property(text: str) -> str:
    """A property of a workflow command, such as the file of `::error file=...::`."""
    return name(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def segments(text: str) -> Iterator[tuple[str, bool]]:
    """The parts of a cleaned message: plain words, and what stands in backticks (true)."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an opening backtick that is never closed is a plain character
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    for index, part in enumerate(parts):
        if part:
            yield part, index % 2 == 1


def markdown(text: str, *, limit: int = BOUNDS.sentence) -> str:
    """A message for a pull request: quoted values as code, no other mark-up, no mention, no link of its own."""
    parts = [
        _code_span(part) if is_code else _plain_markdown(part)
        for part, is_code in segments(_disarmed(sentence(text, limit=limit)))
    ]
    joined = "".join(parts)
    return f"\\{joined}" if joined[:1] in tuple("-+=") else joined


def markdown_code(text: str, *, limit: int = BOUNDS.name) -> str:
    """A name or path as a code span."""
    return _code_span(_disarmed(name(text, limit=limit)))


def uri(path: str) -> str:
    """A relative URI for a path of the assessed folder, byte for byte; never absolute, never with a scheme."""
    raw = path.encode("utf-8", "surrogateescape" if _only_escaped_bytes(path) else "replace")
    return quote(raw.lstrip(b"/") or b".", safe="/")


def _only_escaped_bytes(path: str) -> bool:
    return all(not 0xD800 <= ord(char) <= 0xDFFF or 0xDC80 <= ord(char) <= 0xDCFF for char in path)


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for char in text:
        is_mark = unicodedata.combining(char) > 0 or unicodedata.category(char) in {"Mn", "Me"}
        marks = marks + 1 if is_mark else 0
        # A mark at the very start would sit on the text before it, which is ours.
        is_stray = is_mark and (marks > BOUNDS.marks or not shown)
        shown.append(_escape(char) if is_stray else _shown(char))
    return "".join(shown)


def _shown(char: str) -> str:
    if char.isprintable():
        return _escape(char) if char in _BLANK else char
    return " " if unicodedata.category(char) == "Zs" else _escape(char)


def _escape(char: str) -> str:
    code = ord(char)
    if char in _BREAKS:
        return _BREAKS[char]
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte of a file name that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _disarmed(text: str) -> str:
    # CI systems read `::command::` at the start of a line and `##[command]` anywhere in it.
    started = f"\\{text}" if text.startswith("::") else text
    return started.replace(" ::", " \\::").replace("##[", "##\\[")


def _code_span(text: str) -> str:
    if not text:
        return ""
    longest = max((len(run) for run in _runs(text, "`")), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _runs(text: str, char: str) -> Iterator[str]:
    run = ""
    for each in text:
        if each == char:
            run += each
        elif run:
            yield run
            run = ""
    if run:
        yield run


# An empty comment keeps a service from making a mention, an issue reference or a link out of the text.
_MARKDOWN = str.maketrans(
    {
        **{char: f"\\{char}" for char in "\\`*_{}[]()|~!$"},
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "@": "@<!-- -->",
        "#": "#<!-- -->",
    }
)


def _plain_markdown(text: str) -> str:
    escaped = text.translate(_MARKDOWN)
    for start, link in (("://", ":<!-- -->//"), ("www.", "www<!-- -->."), ("GH-", "GH<!-- -->-")):
        escaped = escaped.replace(start, link)
    head, dot, tail = escaped.partition(".")
    return f"{head}\\.{tail}" if dot and head.isdigit() else escaped

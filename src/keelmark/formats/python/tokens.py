"""How much work a source is for the parser, estimated from its text before the parser sees it.

A syntax tree takes a hundred times the memory of its source, so that its size must be known before it is built.
"""

from __future__ import annotations

from dataclasses import dataclass

import re2

from keelmark.errors import LimitExceededError
from keelmark.formats.python.bounds import Bounds

__all__ = ["check_size", "tokens_of"]

_STRING = (
    r"\"\"\"(?:[^\"\\]|\\[\s\S]|\"{1,2}(?:[^\"\\]|\\[\s\S]))*\"\"\"|'''(?:[^'\\]|\\[\s\S]|'{1,2}(?:[^'\\]|\\[\s\S]))*'''"
    r"|\"(?:[^\"\\\r\n]|\\[\s\S])*\"|'(?:[^'\\\r\n]|\\[\s\S])*'"
)
# Comments, f-strings, other strings, words, line ends with the blanks behind them, single marks.
_TOKEN = re2.compile(
    rf"(?P<comment>#[^\r\n]*)|(?P<filled>(?:[fF][rR]?|[rR][fF])(?:{_STRING}))|[bBrRuU]{{0,2}}(?:{_STRING})|\w+|[\r\n]\s*|[^\w\s]".encode()
)
# Source is UTF-8: a letter of any script is one mark, and not as many as it has bytes.
_INNER = re2.compile(rb"\w+|[^\w\s]", re2.Options())
_COMMENT, _FILLED = (_TOKEN.groupindex[name] for name in (b"comment", b"filled"))


@dataclass(slots=True)
class _Count:
    tokens: int = 0
    steps: int = 0


def tokens_of(code: str, *, most: int) -> int:
    """Tokens of a source, counted up to one more than `most`; what stands in f-strings counts as code."""
    return _counted(code, most=most, most_steps=0).tokens


def check_size(code: str, *, path: str = "", bounds: Bounds | None = None) -> None:
    """Refuse a source whose tree could not be held, or whose f-strings could not be parsed in time.

    Raises:
        LimitExceededError: Too many characters, tokens, or places in f-strings.
    """
    limits = bounds or Bounds()
    if len(code) > limits.max_characters:
        raise LimitExceededError(f"source of {len(code)} characters is too long", path=path)
    if len(code) <= min(limits.max_tokens, limits.max_uncounted):
        return  # A token has one character at least.
    found = _counted(code, most=limits.max_tokens, most_steps=limits.max_filled_steps)
    if found.tokens > limits.max_tokens:
        raise LimitExceededError(f"source has more than {limits.max_tokens} tokens", path=path)
    if found.steps > limits.max_filled_steps:
        raise LimitExceededError("f-strings of the source have too many places to fill", path=path)


def _counted(code: str, *, most: int, most_steps: int) -> _Count:
    count = _Count()
    for match in _TOKEN.finditer(code.encode("utf-8", "replace")):
        if match.lastindex == _COMMENT:
            continue
        count.tokens += 1
        if match.lastindex == _FILLED:
            _fill(match.group(), count, most=most)
        if count.tokens > most or count.steps > most_steps > 0:
            break
    return count


def _fill(text: bytes, count: _Count, *, most: int) -> None:
    # The parser looks through the rest of an f-string for each place that is filled in.
    count.steps += text.count(b"{") * len(text)
    for _ in _INNER.finditer(text) if b"{" in text else ():
        count.tokens += 1
        if count.tokens > most:
            break

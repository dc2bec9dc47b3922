"""What a text says once its disguises are off: look-alike letters, invisible characters, encodings, spelled-out words.

A model reads through all of them; a pattern does not. The views of a text are what is looked at instead of it alone:

1. The first view is always the text itself, unchanged.
2. Plain ASCII text without long encoded stretches has no other view.
3. Everything decoded is bounded: number of views, length of each, and two layers deep.
4. Any text has views; what cannot be decoded is left out.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import re2

from keelmark.detectors.invisible import visible
from keelmark.detectors.sieve import Sieve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["HINTS", "RUN_HINTS", "WORD_HINTS", "Bounds", "View", "plain", "views"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the views of one text.

    Attributes:
        max_views: Most views besides the text itself.
        max_stretches: Most encoded stretches that are tried, in each layer.
        max_stretch: Longest encoded stretch that is decoded, in characters; of a longer one, the beginning.
        max_depth: Layers of encoding.
    """

    max_views: int = 24
    max_stretches: int = 32
    max_stretch: int = 16_384
    max_depth: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One reading of a text.

    Attributes:
        kind: `original`, `normalised`, `base64`, `hex`, `percent`, `entities`, `escapes`, `rot13`, `reversed`, `spaced`, `leet`.
        text: What it reads.
    """

    kind: str
    text: str


# Words that attacks cannot do without; their disguised forms are the hint for ciphers that leave no mark of their own.
_TELLING = (
    "instruct", "prompt", "previous", "ignore", "guidelines", "message", "password", "reveal", "disregard", "forget",
    "developer", "override", "confidential", "conversation", "everything",
)  # fmt: skip
_SPELLED = r"\b[A-Za-z](?:[ ._*|~-][A-Za-z]\b){5}"

RUN_HINTS: Final = (
    ("view:base64", r"[A-Za-z0-9+/_-]{24}"),
    ("view:hex", r"(?:[0-9A-Fa-f]{2}[ :]?){14}"),
)
"""Those of `HINTS` that count letters, for a pass of their own."""

WORD_HINTS: Final = (
    ("view:percent", r"(?:%[0-9A-Fa-f]{2}[^%\s]{0,3}){5}"),
    ("view:entities", r"(?:&#x?[0-9A-Fa-f]{2,6};?[^&]{0,3}){4}"),
    ("view:escapes", r"(?:\\(?:x|u00)[0-9A-Fa-f]{2}[^\\]{0,3}){4}"),
    ("view:rot13", "(?i)" + "|".join(codecs.encode(word, "rot13") for word in _TELLING)),
    ("view:reversed", "(?i)" + "|".join(word[::-1] for word in _TELLING)),
    ("view:spaced", _SPELLED),
    ("view:leet", r"(?i)\b[a-z]{0,10}[013457@$]{1,2}[a-z]{1,8}[013457@$]{1,2}[a-z]{1,10}"),
)
"""The others of `HINTS`."""

HINTS: Final = (*RUN_HINTS, *WORD_HINTS)
"""Labels and patterns, for a `Sieve`, of texts that have a view besides themselves."""

_BASE64 = re2.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re2.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){14,}")
_ESCAPED = re2.compile(r"\\(?:x|u00)([0-9A-Fa-f]{2})")
_CONTROLS = frozenset({*range(9), *range(14, 32), 127})
_READABLE = 0.85
_LETTERS_OF_TEXT = frozenset(" \n\r\t.,:;!?'\"-()")
_LEET = str.maketrans("0134578@$", "oieastbas")
_MARKS: Final = dict.fromkeys(range(0x300, 0x370))
_QUOTES: Final = {
    0x2018: "'",
    0x2019: "'",
    0x201A: "'",
    0x201C: '"',
    0x201D: '"',
    0x201E: '"',
    0x2010: "-",
    0x2011: "-",
}


@cache
def _sieve() -> Sieve:
    return Sieve(RUN_HINTS, WORD_HINTS)


@cache
def _look_alikes() -> Mapping[int, str | None]:
    """Code points to the letter that they look like; combining marks to nothing."""
    table: dict[int, str | None] = {**_MARKS, **_QUOTES}
    packaged = resources.files("keelmark.detectors").joinpath("look_alikes.txt").read_text(encoding="utf-8")
    for line in packaged.splitlines():
        if not line.startswith("#"):
            letter, *others = line.split()
            table.update({int(other, 16): letter for other in others})
    return table


def plain(text: str) -> str:
    """The text in plain letters: invisible characters gone, tags spelled out, compatibility forms and look-alikes replaced."""
    if text.isascii():
        return text
    others = set(
        text.encode("utf-8", "surrogatepass").translate(None, _ASCII).decode("utf-8", "surrogatepass")
    )
    if len(others) > _MOST_REPLACED or any("\U000e0000" <= letter <= "\U000e007f" for letter in others):
        return unicodedata.normalize("NFKD", visible(text)).translate(_look_alikes())
    # A text has few letters that are not ASCII; to replace those one by one costs a tenth of looking at each letter.
    for letter in others:
        text = text.replace(letter, _plain_letter(letter))
    return text


_ASCII = bytes(range(128))
_MOST_REPLACED = 128


@lru_cache(maxsize=4096)
def _plain_letter(letter: str) -> str:
    return unicodedata.normalize("NFKD", visible(letter)).translate(_look_alikes())


def views(
    text: str, *, hints: frozenset[str] | None = None, bounds: Bounds | None = None
) -> tuple[View, ...]:
    """All readings of a text, itself first.

    Args:
        text: The text.
        hints: Labels of `HINTS` that occur in it, where a sieve has already told; looked for when not given.
        bounds: Bounds of the views.
    """
    bounds = bounds or Bounds()
    original = View(kind="original", text=text)
    if text.isascii():
        found = hints if hints is not None else _sieve().look(text.encode())
        if not found:
            return (original,)
        return (original, *islice(_unfolded(text, found, bounds, bounds.max_depth), bounds.max_views))
    shown = plain(text)
    more = islice(_of_plain(text, shown, bounds), bounds.max_views)
    return (original, *more)


def _of_plain(text: str, shown: str, bounds: Bounds) -> Iterator[View]:
    """Views of a text that is not plain."""
    if shown != text:
        yield View(kind="normalised", text=shown)
    yield from _unfolded(shown, _hints_of(shown), bounds, bounds.max_depth)


def _hints_of(text: str) -> frozenset[str]:
    return _sieve().look(text.encode("utf-8", "replace")) or frozenset()


def _unfolded(text: str, hints: frozenset[str], bounds: Bounds, depth: int) -> Iterator[View]:
    """What stands under one layer of disguise, and under the next."""
    for kind, decode in _DECODERS.items():
        if f"view:{kind}" not in hints:
            continue
        for piece in islice(decode(text, bounds), bounds.max_stretches):
            yield View(kind=kind, text=piece)
            if depth > 1:
                below = plain(piece)
                yield from _unfolded(
                    below, _hints_of(below) - {f"view:{kind}"} | _again(below), bounds, depth - 1
                )


def _again(text: str) -> frozenset[str]:
    """Base64 inside base64 is the one nesting of a kind in itself that changes anything."""
    return frozenset({"view:base64"}) if _BASE64.search(text) else frozenset()


def _readable(data: bytes) -> str:
    """The bytes as text, "" when they are not mostly letters and blanks."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    letters = sum(c.isalpha() or c in _LETTERS_OF_TEXT for c in text)
    return text if letters >= _READABLE * len(text) else ""


def _from_base64(text: str, bounds: Bounds) -> Iterator[str]:
    for match in islice(_BASE64.finditer(text), bounds.max_stretches):
        body = match.group()[: bounds.max_stretch].rstrip("=").replace("-", "+").replace("_", "/")
        body = body[: len(body) - 1] if len(body) % 4 == 1 else body
        try:
            # Most long stretches are paths and digests: the first bytes tell.
            if not _CONTROLS.isdisjoint(base64.b64decode(body[:16])):
                continue
            found = _readable(base64.b64decode(body + "=" * (-len(body) % 4)))
        except (binascii.Error, ValueError):
            continue
        if found:
            yield found


def _from_hex(text: str, bounds: Bounds) -> Iterator[str]:
    for match in islice(_HEX.finditer(text), bounds.max_stretches):
        body = match.group()[: bounds.max_stretch].replace(":", "").replace(" ", "")
        try:
            found = _readable(bytes.fromhex(body[: len(body) // 2 * 2]))
        except ValueError:
            continue
        if found:
            yield found


def _from_percent(text: str, bounds: Bounds) -> Iterator[str]:
    yield unquote(text[: bounds.max_stretch * 3])[: bounds.max_stretch]


def _from_entities(text: str, bounds: Bounds) -> Iterator[str]:
    yield html.unescape(text[: bounds.max_stretch * 3])[: bounds.max_stretch]


def _from_escapes(text: str, bounds: Bounds) -> Iterator[str]:
    yield _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text[: bounds.max_stretch])


def _from_rot13(text: str, bounds: Bounds) -> Iterator[str]:
    yield codecs.encode(text[: bounds.max_stretch], "rot13")


def _from_reversed(text: str, bounds: Bounds) -> Iterator[str]:
    # Line by line, so that what is written around a reversed stretch stays apart from it.
    yield "\n".join(line[::-1] for line in text[: bounds.max_stretch].split("\n"))


def _from_spaced(text: str, bounds: Bounds) -> Iterator[str]:
    for match in islice(_SPACED_OUT.finditer(text[: bounds.max_stretch]), bounds.max_stretches):
        stretch = match.group()
        mark = stretch[1]
        # Between words stands more of what stands between letters.
        words = _WIDE.split(stretch) if mark == " " else stretch.split(mark * 2)
        yield " ".join(word.replace(mark, "") for word in words if word)


_SPACED_OUT = re2.compile(r"\b[A-Za-z0-9](?:[ ._*|~-]{1,7}[A-Za-z0-9'\",;:!?.]\b?){5,}")
_WIDE = re2.compile(r" {2,}")


def _from_leet(text: str, bounds: Bounds) -> Iterator[str]:
    yield text[: bounds.max_stretch].translate(_LEET)


_DECODERS: Final[Mapping[str, Callable[[str, Bounds], Iterator[str]]]] = {
    "base64": _from_base64,
    "hex": _from_hex,
    "percent": _from_percent,
    "entities": _from_entities,
    "escapes": _from_escapes,
    "rot13": _from_rot13,
    "reversed": _from_reversed,
    "spaced": _from_spaced,
    "leet": _from_leet,
}

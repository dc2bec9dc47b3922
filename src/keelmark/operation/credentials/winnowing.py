"""Marks of a text: keyed hashes of some of its runs of words, chosen so that any longer run that is copied shares one.

Winnowing, as S. Schleimer, D. S. Wilkerson and A. Aiken describe it (Winnowing: Local Algorithms for Document Fingerprinting,
SIGMOD 2003): of each window of neighbouring runs the one with the smallest hash is chosen. The promises, each with a test:

1. Blanks, line breaks, punctuation, case, accents, invisible characters and look-alike letters change no mark.
2. Two texts that share `gram + window - 1` words in a row share a mark, unless one is longer than its bound allows.
3. Marks are HMAC-SHA256 under the key: without it, they do not tell a text, nor whether a guess at one is right.
4. The number of marks is bounded; of a longer text the smallest are kept, and the largest of those is told.
5. Any text has marks, maybe none.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from keelmark.core.fingerprint import EVERY_MARK
from keelmark.detectors.normalise import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keelmark.core.secret import Secret

__all__ = ["Asked", "MarkSettings", "Marker", "Marks", "words_of"]

# Scripts without blanks between words: Thai, Lao, Myanmar, Khmer, the kana, Han.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# One class and no alternatives that overlap: linear, whatever the text is.
_WORD = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
_UNSPACED_BEGIN = re.compile(rf"[{_UNSPACED}]")
# So many letters of such a script say about as much as a word of another.
_LETTERS = 4
_ABOUT = b"keelmark fingerprints v1"
_PIECE = 4096
_PLACE_BITS = 32
_LAST_PLACE = (1 << _PLACE_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSettings:
    """How marks are taken. Texts are found only by the same `gram`.

    Attributes:
        gram: Words in a run that has one hash.
        window: Neighbouring runs of which at least one is chosen.
        min_words: Shorter texts have no marks: too many others share their words.
        max_marks: Of one text.
        max_characters: Of one text; what follows has no marks.
    """

    gram: int = 5
    window: int = 4
    min_words: int = 24
    max_marks: int = 2048
    max_characters: int = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Marks of a text that was made.

    Attributes:
        words: How many words it has.
        values: Numbers below 2^63 in size, ascending.
        top: The largest that was kept where some were left out; else `EVERY_MARK`.
    """

    words: int
    values: tuple[int, ...]
    top: int = EVERY_MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Marks of a text that is asked about: of every run, since a change beside a run may have changed what is chosen.

    Attributes:
        words: How many words it has.
        values: The mark of the run that begins at each word.
        chosen: Places of the runs that winnowing chooses.
        gram: Words in a run.
    """

    words: int
    values: tuple[int, ...]
    chosen: tuple[int, ...]
    gram: int


class Marker:
    """Takes marks under a key.

    Args:
        key: Of the register.
        settings: How.
    """

    __slots__ = ("_keyed", "key_id", "settings")

    def __init__(self, key: Secret, settings: MarkSettings | None = None) -> None:
        self.settings = settings or MarkSettings()
        own = hmac.digest(key.reveal(), _ABOUT, "sha256")
        self._keyed = hmac.new(own, digestmod="sha256")
        self.key_id = hmac.digest(own, b"which key is this?", "sha256")[:8].hex()
        """Tells one key from another, and nothing else about it."""

    def made(self, text: str, *, pause: Callable[[], None] = lambda: None) -> Marks:
        """Marks to keep of a text.

        Args:
            text: Of any length.
            pause: Called between pieces of a long text, so that others get their turn.
        """
        settings, found = self.settings, set[int]()
        overlap = settings.gram + settings.window - 2
        tail: list[str] = []
        count = 0
        for piece in _pieces(text[: settings.max_characters]):
            words = words_of(piece)
            count += len(words)
            words = tail + words
            runs = _runs(words, settings.gram)
            found.update(self._mark(runs[at]) for at in _chosen(runs, settings.window))
            tail = words[-overlap:]
            pause()
        if count < settings.min_words:
            return Marks(words=count, values=())
        values = sorted(found)
        if len(values) <= settings.max_marks:
            return Marks(words=count, values=tuple(values))
        kept = values[: settings.max_marks]
        return Marks(words=count, values=tuple(kept), top=kept[-1])

    def asked(self, text: str) -> Asked:
        """Marks of every run of a text."""
        settings = self.settings
        words = [word for piece in _pieces(text) for word in words_of(piece)]
        runs = _runs(words, settings.gram)
        return Asked(
            words=len(words),
            values=tuple(map(self._mark, runs)),
            chosen=tuple(_chosen(runs, settings.window)),
            gram=settings.gram,
        )

    def _mark(self, run: bytes) -> int:
        keyed = self._keyed.copy()
        keyed.update(run)
        return int.from_bytes(keyed.digest()[:8], "big", signed=True)


def words_of(text: str) -> list[str]:
    """The words of a text, in one spelling; of scripts without blanks, overlapping runs of letters."""
    if not text.isascii():
        text = text.translate({ord(letter): _folded(letter) for letter in set(text)})
    words = _WORD.findall(text.lower())
    if text.isascii() or not _UNSPACED_BEGIN.search(text):
        return words
    found: list[str] = []
    for word in words:
        if _UNSPACED_BEGIN.match(word):
            found.extend(word[at : at + _LETTERS] for at in range(len(word)))
        else:
            found.append(word)
    return found


@lru_cache(maxsize=8192)
def _folded(letter: str) -> str:
    """A letter without marks and disguises; "" for what nobody sees."""
    shown = unicodedata.normalize("NFKD", plain(letter)).casefold()
    return "".join(each for each in shown if unicodedata.category(each)[0] != "M" and each.isprintable()) or (
        " " if letter.isspace() or unicodedata.category(letter) == "Cc" else ""
    )


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces that end between words, where there is such a place nearby."""
    at = 0
    while at < len(text):
        end = at + _PIECE
        if end < len(text):
            blank = max(text.rfind(" ", at, end), text.rfind("\n", at, end))
            end = blank if blank > at else end
        yield text[at:end]
        at = end


def _runs(words: list[str], gram: int) -> list[bytes]:
    joined = map(" ".join, zip(*(words[at:] for at in range(gram)), strict=False))
    return [run.encode("utf-8", "surrogatepass") for run in joined]


def _chosen(runs: list[bytes], window: int) -> list[int]:
    """Places of the runs with the smallest hash of some window, the last of equals.

    This hash is for choosing alone: it is not kept. Hash and place are one number, which is compared faster than a pair.
    """
    hashes = [zlib.crc32(run) << _PLACE_BITS | (_LAST_PLACE - at) for at, run in enumerate(runs)]
    if len(hashes) <= window:
        return [_LAST_PLACE - (min(hashes) & _LAST_PLACE)] if hashes else []
    least = set(map(min, zip(*(hashes[at:] for at in range(window)), strict=False)))
    return sorted(_LAST_PLACE - (each & _LAST_PLACE) for each in least)

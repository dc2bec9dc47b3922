"""Text that is hidden from people, or written to steer a model against its user.

Meant for what a model reads and its user does not write: tool descriptions, prompts, retrieved documents, data. A text
that explains, lists or quotes such attacks is let pass; ordinary orders ("use this tool when", "you must give a path") are
no finding. Right before many: an attack in plain, polite words is not visible in text alone.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import re2

from keelmark.core.outcome import Confidence
from keelmark.detectors.instruction_rules import ADDRESSED, DISCUSSED, RULES
from keelmark.detectors.invisible import unseen, visible
from keelmark.detectors.sieve import Sieve
from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.detectors.instruction_rules import InstructionRule

__all__ = ["Bounds", "Hidden", "find", "is_discussed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one text.

    Attributes:
        max_characters: Longest text.
        max_found: Most that are named of one text.
        max_blobs: Most encoded stretches that are decoded.
        max_blob: Longest encoded stretch that is decoded.
    """

    max_characters: int = 4 * 1024**2
    max_found: int = 100
    max_blobs: int = 200
    max_blob: int = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """One hidden or steering instruction.

    Attributes:
        kind: `invisible-characters`, `tag-characters`, `direction-override`, `override`, `addressed-to-model`, `fake-turn`,
            `concealment`, `reads-keys`, `exfiltration`, `tool-hijack`, `prompt-extraction`, `urgent-block`,
            `encoded-instruction`.
        line: Line in the text, counted from 1.
        excerpt: At most 120 characters of it, in plain letters.
        confidence: Medium when an honest text might say it too.
        is_concealed: Whether it stands in a comment or an encoding that people do not see.
    """

    kind: str
    line: int
    excerpt: str = ""
    confidence: Confidence = Confidence.HIGH
    is_concealed: bool = False


_MAX_EXCERPT = 120
_BEFORE = 90
_COMMENT = re2.compile(
    r"(?s)<!--.*?-->|\[//\]: # \([^\n]*\)|\[comment\]: <> \([^\n]*\)|(?i:style=[\"'][^\"']*(?:display:\s*none|font-size:\s*0|visibility:\s*hidden)[^>]*>[^<]*)"
)
_BLOCK = re2.compile(
    r"(?s)<(IMPORTANT|INFORMATION|CRITICAL|SECRET|HIDDEN|SYSTEM|ADMIN|URGENT|OVERRIDE)>(.*?)</?(IMPORTANT|INFORMATION|CRITICAL|SECRET|HIDDEN|SYSTEM|ADMIN|URGENT|OVERRIDE)>"
)
_BASE64 = re2.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_HEX = re2.compile(r"(?:[0-9a-fA-F]{2}[ :]?){24,}")
_BLOCKS, _RUNS = "blocks", "runs"
_LABELLED = {f"rule {number}": rule for number, rule in enumerate(RULES)}
_OPENING = "\"'`\u201c\u2018\u00ab\u201e"
_CLOSING = "\"'`\u201d\u2019\u00bb\u201c"


def find(text: str, *, bounds: Bounds | None = None) -> tuple[Hidden, ...]:
    """What is hidden in a text or written to steer a model, in order of place.

    Raises:
        LimitExceededError: The text is too long.
    """
    bounds = bounds or Bounds()
    if len(text) > bounds.max_characters:
        raise LimitExceededError(f"text of {len(text)} characters is longer than {bounds.max_characters}")
    found = [
        Hidden(
            kind=stretch.kind,
            line=text.count("\n", 0, stretch.start) + 1,
            excerpt=stretch.message[:_MAX_EXCERPT] or f"{stretch.count} characters",
        )
        for stretch in islice(unseen(text), bounds.max_found)
    ]
    plain = text if text.isascii() else unicodedata.normalize("NFKC", visible(text))
    labels = _occurring(plain)
    if labels:
        found += _phrases(plain, labels, bounds)
    if _BLOCKS in labels:
        found += islice(_blocks(plain), bounds.max_found)
    if _RUNS in labels:
        found += _encoded(plain, bounds)
    unique = {(hit.kind, hit.line): hit for hit in reversed(found)}
    return tuple(sorted(unique.values(), key=lambda hit: (hit.line, hit.kind))[: bounds.max_found])


@cache
def _sieve() -> Sieve:
    """Tells which rules a text must be looked through for: of most texts, none."""
    return Sieve(
        [(label, rule.pattern.pattern) for label, rule in _LABELLED.items()],
        [(_BLOCKS, _BLOCK.pattern)],
        [(_RUNS, _BASE64.pattern), (_RUNS, _HEX.pattern)],
        is_text=True,
    )


def _occurring(text: str) -> frozenset[str]:
    """Labels of all that may occur in a text; of everything where that cannot be told."""
    try:
        return _sieve().look(text.encode()) or frozenset()
    except (UnicodeEncodeError, LimitExceededError):
        return frozenset({*_LABELLED, _BLOCKS, _RUNS})


def _phrases(text: str, labels: frozenset[str], bounds: Bounds) -> Iterator[Hidden]:
    rules = [rule for label, rule in _LABELLED.items() if label in labels]
    comments = [edge for match in _COMMENT.finditer(text) for edge in match.span()] if rules else []
    for rule in rules:
        yield from islice(_of_rule(text, rule, comments), bounds.max_found)


def _of_rule(text: str, rule: InstructionRule, comments: Sequence[int]) -> Iterator[Hidden]:
    for match in rule.pattern.finditer(text):
        start, end = match.span()
        # The edges of comments alternate: after an odd number of them, the place is inside one.
        is_concealed = bool(bisect_right(comments, start) % 2)
        if not is_concealed and is_discussed(text, start, end):
            continue
        yield Hidden(
            kind=rule.kind,
            line=text.count("\n", 0, start + _blank(match.group())) + 1,
            excerpt=" ".join(match.group().split())[:_MAX_EXCERPT],
            confidence=Confidence.HIGH if is_concealed else rule.confidence,
            is_concealed=is_concealed,
        )


def _blank(matched: str) -> int:
    return len(matched) - len(matched.lstrip())


def is_discussed(text: str, start: int, end: int) -> bool:
    """Whether the words are spoken about: put in quotes as a whole, or led in by words that say so."""
    lead = text[max(0, start - _BEFORE) : start]
    # The lead ends where another sentence or paragraph begins.
    for stop in (". ", "! ", "\n\n", "\n"):
        lead = lead.rpartition(stop)[2]
    tail = text[end : end + 40].split("\n", maxsplit=1)[0]
    opened = lead.rstrip()[-1:] in _OPENING and bool(lead.rstrip())
    if opened and any(mark in tail for mark in _CLOSING):
        return True
    return bool(DISCUSSED.search(lead))


def _blocks(text: str) -> Iterator[Hidden]:
    for match in _BLOCK.finditer(text):
        body = match.group(2)
        if ADDRESSED.search(body[:4000]):
            yield Hidden(
                kind="urgent-block",
                line=text.count("\n", 0, match.start()) + 1,
                excerpt=" ".join(body.split())[:_MAX_EXCERPT],
            )


def _encoded(text: str, bounds: Bounds) -> Iterator[Hidden]:
    """Stretches that decode to text with such instructions."""
    seen = 0
    for pattern, decode in ((_BASE64, _from_base64), (_HEX, _from_hex)):
        for match in pattern.finditer(text):
            seen += 1
            if seen > bounds.max_blobs:
                return
            decoded = decode(match.group()[: bounds.max_blob])
            if decoded and next(_phrases(decoded, _occurring(decoded), bounds), None) is not None:
                yield Hidden(
                    kind="encoded-instruction",
                    line=text.count("\n", 0, match.start()) + 1,
                    excerpt=" ".join(decoded.split())[:_MAX_EXCERPT],
                    is_concealed=True,
                )


def _from_base64(blob: str) -> str:
    body = blob.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _readable(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return ""


def _from_hex(blob: str) -> str:
    try:
        return _readable(bytes.fromhex(blob.replace(":", "").replace(" ", "")))
    except ValueError:
        return ""


def _readable(data: bytes) -> str:
    """The bytes as text, "" when they are not mostly letters and blanks."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    letters = sum(c.isalpha() or c in " \n.,:;!?'-" for c in text)
    return text if letters >= 0.85 * len(text) else ""

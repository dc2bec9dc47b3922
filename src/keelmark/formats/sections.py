"""Headings and the words below them, in Markdown and reStructuredText."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Bounds", "sections_of", "words_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of the sections of one document."""

    max_sections: int = 500
    max_text_chars: int = 2_000
    max_title_chars: int = 200


_ATX = re2.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_FENCE = re2.compile(r"^ {0,3}(```+|~~~+)")
_SETEXT = re2.compile(r"^ {0,3}(=+|-{2,})[ \t]*$")
_RST_LINE = re2.compile(r"^([=\-`:'\"~^_*+#<>.])[=\-`:'\"~^_*+#<>.]{2,}[ \t]*$")
_INLINE = re2.compile(r"!\[[^\]]*\]\([^)]*\)|<[^>]{0,200}>|\{#[\w-]+\}")
_LINK = re2.compile(r"\[([^\]]*)\]\([^)]*\)")
_NO_WORD = "#*_-=+|>`~.,:;!?()[]{}<\"'/\\&$%^@\u2013\u2014\u2022\u2026"
_MARKS = ("#", "=", "-", "```", "~~~")
_LISTED = ("-", "*", "+", ">", "|", "#", "    ")


def sections_of(
    lines: Sequence[str], *, start: int = 0, is_rst: bool = False, bounds: Bounds | None = None
) -> tuple[Section, ...]:
    """The sections in order; text before the first heading belongs to none.

    Args:
        lines: Lines of the document.
        start: Index of the first line to look at, below the front matter.
        is_rst: Whether underlines of any ornament make headings.
    """
    limits = bounds or Bounds()
    headings = (
        _rst(lines, start, limits.max_sections) if is_rst else _markdown(lines, start, limits.max_sections)
    )
    found: list[Section] = []
    for number, (title, level, line, below) in enumerate(headings[: limits.max_sections]):
        end = headings[number + 1][2] - 1 if number + 1 < len(headings) else len(lines)
        text = "\n".join(lines[below:end]).strip()
        found.append(
            Section(
                title=_clean(title)[: limits.max_title_chars],
                level=level,
                line=line,
                words=words_of(text),
                text=text[: limits.max_text_chars],
            )
        )
    return tuple(found)


def words_of(text: str) -> int:
    """Count of words: what stands between spaces and is more than punctuation."""
    return sum(1 for part in text.split() if part.strip(_NO_WORD))


def _clean(title: str) -> str:
    plain = _LINK.sub(r"\1", _INLINE.sub("", title))
    return " ".join(plain.replace("*", "").replace("`", "").split()).strip("_ ")


Heading = tuple[str, int, int, int]  # title, level, line counted from 1, index of the first line below


def _visible(lines: Sequence[str], start: int) -> Iterator[tuple[int, str]]:
    """Lines that may be headings: outside of comments and code blocks, and beginning with a mark."""
    fence = ""
    is_comment = False
    for index in range(start, len(lines)):
        line = lines[index]
        if is_comment:
            is_comment = "-->" not in line
            continue
        if "<!--" in line and not fence:
            is_comment = "-->" not in line.rpartition("<!--")[2]
        if not line.lstrip(" ").startswith(_MARKS):
            continue
        mark = _FENCE.match(line)
        if mark and (not fence or mark.group(1).startswith(fence)):
            fence = "" if fence else mark.group(1)
        elif not fence:
            yield index, line


def _markdown(lines: Sequence[str], start: int, limit: int) -> list[Heading]:
    found: list[Heading] = []
    for index, line in _visible(lines, start):
        if len(found) > limit:
            break
        if match := _ATX.match(line):
            found.append((match.group(2) or "", len(match.group(1)), index + 1, index + 1))
        elif index > start and (under := _SETEXT.match(line)):
            above = lines[index - 1]
            is_alone = index - 1 == start or not lines[index - 2].strip()
            if above.strip() and is_alone and not above.startswith(_LISTED) and not _ATX.match(above):
                found.append((above.strip(), 1 if under.group(1)[0] == "=" else 2, index, index + 1))
    return found


def _rst(lines: Sequence[str], start: int, limit: int) -> list[Heading]:
    found: list[Heading] = []
    levels: list[str] = []
    for index in range(start + 1, len(lines)):
        if len(found) > limit:
            break
        match = _RST_LINE.match(lines[index])
        title = lines[index - 1]
        if not match or not title.strip() or title[0].isspace() or _RST_LINE.match(title):
            continue
        if len(set(lines[index].strip())) != 1 or len(lines[index].strip()) < len(title.strip()):
            continue
        ornament = match.group(1)
        if ornament not in levels:
            levels.append(ornament)
        found.append((title.strip(), levels.index(ornament) + 1, index, index + 1))
    return found

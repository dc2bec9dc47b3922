"""What the user notice says of risks: its text, and the statements in it that name a threat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import DocumentKind, FileRole
from keelmark.core.location import Location
from keelmark.formats.sections import Bounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Document, Section
    from keelmark.core.project import Project, Seen

__all__ = ["Notice", "Statement", "notice_of", "plain"]

_ITEM = re2.compile(r"^[ \t]*(?:[-*+\x{2022}]|[0-9]{1,3}[.)])[ \t]+(.*)$")
_ROW = re2.compile(r"^[ \t]*\|[ \t]*(.*)$")
# A name is what a statement begins with: as code, or with a colon, a dash or a cell's end behind it.
_NAME = re2.compile(
    r"^[*_]*(?:`([a-z0-9]+(?:-[a-z0-9]+)*)`|([a-z0-9]+(?:-[a-z0-9]+)*)[*_]*[ \t]*(?:[:|\x{2013}\x{2014}]|$))"
)
_ACCEPTED = re2.compile(
    r"\b(accepted|residual|remaining) risks?\b|\brisks? (that )?(we |is |are )?(accept|accepted|remain|remaining)\b"
)
# Notices of examples and of other projects tell users of this one nothing.
_OWN = frozenset({FileRole.PRODUCT, FileRole.DOCUMENTATION})
_MARKS = str.maketrans("", "", "`*_")
_MAX_TEXT = Bounds().max_text_chars


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement of the notice: a heading, an item of a list, a row of a table, or a declared limitation.

    Attributes:
        text: Its words, on one line.
        name: The name that it begins with; "" for none.
        is_of_accepted: Whether it is an item of a list under a heading such as *Accepted risks*.
    """

    text: str
    name: str
    at: Location
    is_of_accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What users are told.

    Attributes:
        places: Where the notice begins.
        text: All of it, plain.
        statements: What it states, in its order.
        declared: What the declaration states of it beside; no user reads that.
        is_whole: Whether every word of it was read.
        missing: Path of a declared notice that is not in the folder; "" for none.
    """

    places: tuple[Location, ...] = ()
    text: str = ""
    statements: tuple[Statement, ...] = ()
    declared: tuple[Statement, ...] = ()
    is_whole: bool = True
    missing: str = ""


def notice_of(project: Project) -> Notice:
    """The user notice: documents of that kind and the declared one; without any, the limitations that are declared."""
    declared = project.declaration.user_notice if project.declaration else None
    path = declared.path if declared else ""
    documents = tuple(
        seen
        for seen in project.documents()
        if seen.file.path == path or (seen.fact.kind is DocumentKind.USER_NOTICE and seen.file.role in _OWN)
    )
    limitations = tuple(_limitations(project))
    missing = path if path and all(seen.file.path != path for seen in documents) else ""
    if documents:
        return Notice(
            places=tuple(seen.at(0) for seen in documents),
            text=plain(
                "\n".join(f"{part.title}\n{part.text}" for seen in documents for part in seen.fact.sections)
            ),
            statements=tuple(each for seen in documents for each in _statements(seen)),
            declared=limitations,
            is_whole=all(_is_whole(seen.fact) for seen in documents),
            missing=missing,
        )
    # A notice that lies elsewhere is known by what is declared of it; one that should lie here and does not is none.
    if missing and (missing in project.by_path or any(gap.path == missing for gap in project.gaps)):
        return Notice(places=(Location(path=missing),), declared=limitations, is_whole=False)
    if missing:
        return Notice(declared=limitations, missing=missing)
    return Notice(
        places=tuple(each.at for each in limitations[:1]),
        text=plain("\n".join(each.text for each in limitations)),
        statements=limitations,
    )


def plain(text: str) -> str:
    """Text in small letters, without marks, on one line."""
    return _line(text).lower()


def _line(text: str) -> str:
    return " ".join(text.translate(_MARKS).split())


def _is_whole(document: Document) -> bool:
    return bool(document.sections) and all(len(part.text) < _MAX_TEXT for part in document.sections)


def _limitations(project: Project) -> Iterator[Statement]:
    declaration = project.declaration
    if declaration is None or declaration.user_notice is None:
        return
    for index, text in enumerate(declaration.user_notice.limitations):
        at = declaration.at(f"user_notice.limitations[{index}]", path=project.declaration_path)
        yield Statement(text=_line(text), name=_name(text), at=at)


def _statements(seen: Seen[Document]) -> Iterator[Statement]:
    for part in seen.fact.sections:
        at = seen.at(part.line)
        if name := _name(part.title):
            yield Statement(text=part.title, name=name, at=at)
        is_of_accepted = bool(_ACCEPTED.search(plain(part.title)))
        for text in _items(part):
            yield Statement(text=_line(text), name=_name(text), at=at, is_of_accepted=is_of_accepted)
        for row in filter(None, map(_ROW.match, part.text.splitlines())):
            if name := _name(row.group(1)):
                yield Statement(text=_line(row.group(1)), name=name, at=at)


def _items(part: Section) -> Iterator[str]:
    """The items of lists, each with the lines that go on with it."""
    item = ""
    for line in part.text.splitlines():
        begins = _ITEM.match(line)
        if begins or not line.strip():
            if item:
                yield item
            item = begins.group(1) if begins else ""
        elif item:
            item = f"{item} {line.strip()}"
    if item:
        yield item


def _name(text: str) -> str:
    found = _NAME.match(text.strip())
    return (found.group(1) or found.group(2)) if found else ""

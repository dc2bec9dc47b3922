"""What the page of a dossier shows, arranged: tables of cells, made of the shown facts and of nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keelmark.core.dossier import Level
from keelmark.report.words import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keelmark.core.dossier import Dossier, Section

__all__ = [
    "BOUNDS",
    "Bounds",
    "Cell",
    "Chapter",
    "Table",
    "code",
    "hidden_by_section",
    "mark",
    "prose",
    "redactions",
    "severity",
    "short",
    "table",
    "text",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much the page holds; beyond it, it counts and points to the list of facts.

    Attributes:
        rows: Of one table.
        items: Of one list inside of a cell, or of names on one line.
    """

    rows: int = 1_000
    items: int = 40


BOUNDS = Bounds()

_TONES = {
    "pass": "passed",
    "fail": "failed",
    "open": "failed",
    "mitigated": "passed",
    "avoided": "passed",
    "proven": "passed",
    "accepted": "waived",
    "transferred": "waived",
    "not-applicable": "not-applicable",
    "not applicable": "not-applicable",
}
_WORDS = {"pass": "passed", "fail": "failed", "not-applicable": "not applicable"}
_KNOWN_TONES = ("passed", "failed", "unknown", "waived", "attested", "not-applicable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell: its texts, and how to show them.

    Attributes:
        kind: `text`, `short`, `risk`, `found`, `prose` (with what stands in backticks as code), `code`, `mark` or `severity`.
        texts: Mostly one.
        tone: Of a mark.
    """

    kind: str
    texts: tuple[str, ...]
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table; `more` rows did not fit."""

    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_open: bool = False
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One part of the page.

    Attributes:
        id: Its anchor.
        short: Its title in the list of all chapters.
        intro: One sentence below the title.
        empty: What stands there when no table has a row.
        sections: Kinds of facts it is about, to tell which of them are hidden.
    """

    id: str
    title: str
    short: str
    intro: str = ""
    tables: tuple[Table, ...] = ()
    empty: str = ""
    sections: tuple[str, ...] = field(default=())


def text(*values: object) -> Cell:
    """Plain words, each on its own line."""
    return Cell(kind="text", texts=tuple(str(each) for each in values if each not in {None, ""}))


def short(value: object) -> Cell:
    """A few words that stay on one line, such as a day."""
    return Cell(kind="short", texts=(str(value),))


def prose(value: str) -> Cell:
    """A sentence."""
    return Cell(kind="prose", texts=(value,) if value else ())


def code(*values: object) -> Cell:
    """Names, paths and digests, the first of them."""
    texts = [str(each) for each in values if each not in {None, ""}]
    more = len(texts) - BOUNDS.items
    return Cell(kind="code", texts=(*texts[: BOUNDS.items], *((f"and {more} more",) if more > 0 else ())))


def mark(word: str) -> Cell:
    """A state, in words and with a sign."""
    tone = "waived" if word.startswith("waived") else _TONES.get(word, word)
    shown = _WORDS.get(word, word)
    return Cell(kind="mark", texts=(shown,), tone=tone if tone in _KNOWN_TONES else "unknown")


def severity(word: str) -> Cell:
    """How much harm it can do."""
    return Cell(kind="severity", texts=(word,))


def table(
    title: str,
    columns: tuple[str, ...],
    rows: Iterable[tuple[Cell, ...]],
    *,
    noun: str = "row",
    is_open: bool = False,
) -> Table:
    """A table with as many rows as the page holds, and without columns in which nothing stands."""
    found = tuple(rows)
    kept = [at for at in range(len(columns)) if any(row[at].texts for row in found)]
    return Table(
        title=title,
        words=count(len(found), noun),
        columns=tuple(columns[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in found[: BOUNDS.rows]),
        is_open=is_open,
        more=max(0, len(found) - BOUNDS.rows),
    )


def hidden_by_section(dossier: Dossier) -> Mapping[str, int]:
    """How many facts of each kind are not shown."""
    return Counter(each.section for each in dossier.hidden)


def redactions(dossier: Dossier, sections: Mapping[str, Section]) -> Table:
    """Every redaction: kind, how many, which, what it takes to see them, and why."""
    names: dict[str, list[str]] = {}
    for each in dossier.hidden:
        names.setdefault(each.section, []).append(each.name.partition("/")[2])
    columns = ("Hidden", "Facts", "Needs", "Why", "Names")
    ordered = sorted(names, key=lambda name: (_level(sections[name].needs), name))
    rows = (
        (
            Cell(kind="risk", texts=(sections[name].title, f"{name}/")),
            text(f"{len(names[name]):,}"),
            text(str(sections[name].needs)),
            prose(sections[name].why),
            text(*_lines(_ranges(names[name]))),
        )
        for name in ordered
    )
    return table("Redactions", columns, rows, noun="kind", is_open=True)


def plain_rows(
    facts: Mapping[str, Mapping[str, Any]], row: Callable[[str, Mapping[str, Any]], tuple[Cell, ...]]
) -> list[tuple[Cell, ...]]:
    """A row for each fact."""
    return [row(name, fact) for name, fact in facts.items()]


def _level(level: Level) -> int:
    return list(Level).index(level)


def _lines(names: Iterable[str]) -> Iterable[str]:
    """All of the names, so many to a line."""
    found = list(names)
    return (", ".join(found[at : at + BOUNDS.items]) for at in range(0, len(found), BOUNDS.items))


def _ranges(names: list[str]) -> Iterable[str]:
    """Names with runs of numbers joined: `00001 to 00063`."""
    start = last = ""
    for name in [*names, ""]:
        if last and name and _follows(last, name):
            last = name
            continue
        if last:
            yield start if start == last else f"{start} to {last.rpartition('-')[2]}"
        start = last = name


def _follows(last: str, name: str) -> bool:
    (head, _, number), (other, _, following) = last.rpartition("-"), name.rpartition("-")
    is_numbered = number.isdecimal() and following.isdecimal()
    return head == other and is_numbered and int(following) == int(number) + 1

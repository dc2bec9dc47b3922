"""Measures the fingerprint register: what it finds again of texts that were changed, and what it finds wrongly.

    python tools/eval_fingerprints.py                    # prose of Python's own help; the pages of docs/ are unrelated to it
    python tools/eval_fingerprints.py --texts FILE       # JSON lines with `text`; with `--others FILE` as the unrelated ones

Texts are cut to each length, registered in a register on the disk as the gateway keeps it, changed at random with a fixed seed,
and asked about. An edit replaces a word by another one of the corpus (3 of 5), drops it, or puts one in.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from pydoc_data.topics import topics

from keelmark.core.clock import FixedClock
from keelmark.core.fingerprint import MadeText
from keelmark.core.secret import Secret
from keelmark.operation.credentials.made_here import Verdict, judge
from keelmark.operation.credentials.winnowing import Marker
from keelmark.store.fingerprint_index import SqliteIndex
from keelmark.store.fingerprints import SqliteFingerprints
from keelmark.workflows.made_here import form_of

LENGTHS = (40, 100, 200)
MOST = 400
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[1]
Change = Callable[[list[str], random.Random], list[str]]


@dataclass(slots=True)
class Row:
    """What was said of texts that were changed in one way."""

    texts: int = 0
    yes: int = 0
    partly: int = 0
    right: int = 0
    share: float = 0.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--texts", type=Path, help="JSON lines with `text`, to be registered")
    parser.add_argument("--others", type=Path, help="JSON lines with `text`, which are not")
    chosen = parser.parse_args()
    texts = of_file(chosen.texts) if chosen.texts else list(topics.values())
    others = (
        of_file(chosen.others)
        if chosen.others
        else [file.read_text() for file in sorted(ROOT.glob("docs/**/*.md"))]
    )
    print("| words | change | texts | yes | partly | mean share | right request first |")
    print("|---|---|---|---|---|---|---|")
    for length in LENGTHS:
        measure(length, passages(texts, length), passages(others, length))
    print()
    cost(passages(texts, 170))
    return 0


def of_file(file: Path) -> list[str]:
    """The texts of a file."""
    return [str(json.loads(line)["text"]) for line in file.read_text(encoding="utf-8").splitlines()]


def passages(texts: list[str], length: int) -> list[str]:
    """Passages of one length, in an order of their own; each text twice counts once."""
    found: dict[str, None] = {}
    for text in texts:
        words = text.split()
        for at in range(0, len(words) - length + 1, length):
            found[" ".join(words[at : at + length])] = None
    chosen = list(found)
    random.Random(length).shuffle(chosen)  # noqa: S311 - the same order each time is what is wanted
    return chosen


def measure(length: int, texts: list[str], others: list[str]) -> None:
    """Register texts, and ask about them changed, and about others."""
    marker = Marker(Secret(b"measure fingerprints " * 2))
    vocabulary = [word for text in texts[:200] for word in text.split()]

    def half(words: list[str], chance: random.Random) -> list[str]:
        other = chance.choice(others).split()
        middle = len(words) // 4
        return [
            *other,
            *words[middle : middle + len(words) // 2],
            *chance.choice(others).split()[: len(words) // 2],
        ]

    with tempfile.TemporaryDirectory() as place:
        register(Path(place), marker, texts)
        index = SqliteIndex(Path(place), form=form_of(marker))
        # What stands in several passages was made by several requests: each of them is right.
        for name, change in (
            ("none", edits(0.0, vocabulary)),
            ("case, line breaks, punctuation", spelled),
            ("10 % of the words", edits(0.1, vocabulary)),
            ("30 % of the words", edits(0.3, vocabulary)),
            ("half of it inside of another text", half),
        ):
            row = Row()
            for number, text in enumerate(texts[:MOST]):
                chance = random.Random(number)  # noqa: S311 - as above
                ask(row, " ".join(change(text.split(), chance)), marker, index, wanted=f"r{number}")
            show(length, name, row)
        row = Row()
        for text in others[: 5 * MOST]:
            ask(row, text, marker, index, wanted="")
        show(length, "unrelated text", row)


def edits(share: float, vocabulary: list[str]) -> Change:
    """Changes that share of the words."""

    def change(words: list[str], chance: random.Random) -> list[str]:
        out: list[str] = []
        for word in words:
            if chance.random() >= share:
                out.append(word)
                continue
            kind = chance.random()
            if kind < 0.6:
                out.append(chance.choice(vocabulary))
            elif kind < 0.8:
                out += (word, chance.choice(vocabulary))
        return out

    return change


def spelled(words: list[str], chance: random.Random) -> list[str]:
    """Other case, other punctuation, other lines."""
    return [chance.choice((word.upper(), word.title(), f"{word},", f"\n> {word}")) for word in words]


def register(place: Path, marker: Marker, texts: list[str]) -> None:
    """Register texts as the gateway does."""
    store = SqliteFingerprints(place / "worker-0", form=form_of(marker), clock=FixedClock(NOON))
    made = []
    for number, text in enumerate(texts):
        marks = marker.made(text)
        made.append(
            MadeText(
                request=f"r{number}",
                time=NOON,
                part=0,
                model="m",
                release="",
                words=marks.words,
                marks=marks.values,
            )
        )
    store.keep(made)
    store.close()


def ask(row: Row, text: str, marker: Marker, index: SqliteIndex, *, wanted: str) -> None:
    """Ask about one text, and count what is said."""
    found = judge(text, marker=marker, index=index)
    if found.verdict is Verdict.UNKNOWN:
        return
    row.texts += 1
    row.yes += found.verdict is Verdict.YES
    row.partly += found.verdict is Verdict.PARTLY
    row.share += found.share if found.sources else 0.0
    if found.sources:
        best = found.sources[0].share
        row.right += any(each.request == wanted for each in found.sources if each.share >= best - 0.02)


def show(length: int, name: str, row: Row) -> None:
    """One line of the table."""
    count = max(row.texts, 1)
    right = "-" if name == "unrelated text" else f"{100 * row.right / count:.1f} %"
    print(
        f"| {length} | {name} | {row.texts} | {100 * row.yes / count:.1f} % | {100 * row.partly / count:.1f} % "
        f"| {100 * row.share / count:.0f} % | {right} |"
    )


def cost(texts: list[str]) -> None:
    """CPU time and room of one text of about 1 KB."""
    marker = Marker(Secret(b"measure fingerprints " * 2))
    size = sum(len(text) for text in texts) / len(texts)
    best = min(cpu(lambda: [marker.made(text) for text in texts]) for _ in range(3)) / len(texts)
    with tempfile.TemporaryDirectory() as place:
        kept = cpu(lambda: register(Path(place), marker, texts)) / len(texts)
        room = sum(file.stat().st_size for file in Path(place).rglob("*.db")) / len(texts)
    marks = sum(len(marker.made(text).values) for text in texts) / len(texts)
    print(
        f"A text of {size:.0f} characters has {marks:.0f} marks: {best * 1e6:.0f} us of CPU to take them, "
        f"{(kept - best) * 1e6:.0f} us to keep them, {room:.0f} bytes on the disk (mean of {len(texts)})."
    )


def cpu(run: Callable[[], object]) -> float:
    """Seconds of CPU that something takes."""
    begun = time.process_time()
    run()
    return time.process_time() - begun


if __name__ == "__main__":
    sys.exit(main())

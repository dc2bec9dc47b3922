"""Measure what docs/evaluation-report.md says: python tools/evaluate.py"""

import csv
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from helpdesk.screening import gives_orders  # noqa: E402
from helpdesk.store import Store  # noqa: E402


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def measure() -> dict[str, str]:
    """Counts, so that a reader can judge how much they weigh."""
    store = Store.load(ROOT)
    tickets = rows(ROOT / "data" / "tickets.csv")
    ranked = [([a["id"] for a in store.search(t["text"])], t["expected_article"]) for t in tickets]
    cases = rows(ROOT / "tests" / "attack_cases.csv")
    attacks = [case["text"] for case in cases if case["is_attack"] == "yes"]
    harmless = [case["text"] for case in cases if case["is_attack"] == "no"]
    return {
        "article found first": f"{sum(found[:1] == [wanted] for found, wanted in ranked)} of {len(ranked)}",
        "article among three": f"{sum(wanted in found for found, wanted in ranked)} of {len(ranked)}",
        "attacks noticed": f"{sum(map(gives_orders, attacks))} of {len(attacks)}",
        "harmless texts held back": f"{sum(map(gives_orders, harmless))} of {len(harmless)}",
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

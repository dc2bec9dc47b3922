"""Makes the pages that come from code: one per rule, one per area, the catalogue's JSON. With --check: says what is stale."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from build_catalogue import main as build_catalogue
from build_threat_library import main as build_threat_library

from keelmark.config.declaration import json_schema
from keelmark.core.outcome import Area
from keelmark.development.supplychain.techniques import cards as technique_cards
from keelmark.guidelines import load
from keelmark.guidelines.applicability import needs
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.catalogue import Catalogue, Recommendation
    from keelmark.engine.discovery import Found

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
AREA_FILES = {
    Area.DESIGN: "secure-design.md",
    Area.DEVELOPMENT: "secure-development.md",
    Area.DEPLOYMENT: "secure-deployment.md",
    Area.OPERATION: "secure-operation.md",
}
AREA_TITLES = {
    Area.DESIGN: "Secure design",
    Area.DEVELOPMENT: "Secure development",
    Area.DEPLOYMENT: "Secure deployment",
    Area.OPERATION: "Secure operation and maintenance",
}


def main() -> int:
    """Write the pages, or compare them."""
    catalogue = load()
    rules = rulebook(catalogue, with_plugins=False)
    pages = {
        "rules/index.md": "".join(_index(rules)),
        **{f"rules/{found.card.id}.md": "".join(_rule(found, catalogue)) for found in rules},
        **{f"areas/{name}": "".join(_area(area, catalogue, rules)) for area, name in AREA_FILES.items()},
        "reference/techniques.md": "".join(_techniques()),
        "areas/beyond.md": "".join(_beyond(catalogue, rules)),
        "reference/declaration.md": "".join(_declaration(json_schema())),
        "reference/declaration.schema.json": json.dumps(json_schema(), indent=2) + "\n",
    }
    if "--check" in sys.argv:
        return max(_check(pages), build_catalogue(), build_threat_library())
    for folder in ("rules", "areas", "reference"):
        (DOCS / folder).mkdir(parents=True, exist_ok=True)
        for old in (DOCS / folder).iterdir():
            if f"{folder}/{old.name}" not in pages:
                old.unlink()
    for name, text in pages.items():
        (DOCS / name).write_text(text, "utf-8")
    return max(build_catalogue(), build_threat_library())


def _check(pages: dict[str, str]) -> int:
    stale = [
        name
        for name, text in pages.items()
        if not (DOCS / name).is_file() or (DOCS / name).read_text("utf-8") != text
    ]
    known = {DOCS / name for name in pages}
    left = [
        str(file.relative_to(DOCS))
        for folder in ("rules", "areas", "reference")
        for file in (DOCS / folder).glob("*")
        if file not in known
    ]
    for name in [*stale, *left]:
        print(f"docs/{name} is not what the code says: run make docs", file=sys.stderr)
    return 1 if stale or left else 0


def _index(rules: Sequence[Found]) -> Iterator[str]:
    yield "# Rules\n\n"
    yield f"{len(rules)} rules. Each proves both sides in `tests/rules/<rule>/`: a faulty folder and its clean twin.\n\n"
    yield "| rule | severity | recommendations | what a failure means |\n| --- | --- | --- | --- |\n"
    for found in rules:
        card = found.card
        yield f"| [{card.id}]({card.id}.md) | {card.severity.value} | {', '.join(card.recommendations)} | {card.title} |\n"


def _rule(found: Found, catalogue: Catalogue) -> Iterator[str]:
    card = found.card
    title, _, rest = found.page.strip().partition("\n")
    yield f"# {card.id}\n\n{title.strip()}\n\n"
    yield f"| | |\n| --- | --- |\n| severity | {card.severity.value} |\n| confidence | {card.confidence.value} |\n"
    yield f"| for | {card.audience.value} |\n"
    yield f"| answers from single files | {'yes' if card.reads_single_files else 'no'} |\n"
    if card.tags:
        yield f"| tags | {', '.join(f'`{tag}`' for tag in card.tags)} |\n"
    yield f"\n{rest.strip()}\n\n## What it speaks to\n\n"
    for identifier in card.recommendations:
        row = catalogue.by_id[identifier]
        settles = " A pass settles it." if identifier in card.settles else ""
        yield f"- **{row.id}** {row.text} (gate: {row.gate.value}).{settles}\n"
    if card.references:
        yield "\n## References\n\n"
        yield from (f"- {reference}\n" for reference in card.references)


def _techniques() -> Iterator[str]:
    yield "# Techniques of artefacts\n\n"
    yield "What `keelmark scan` finds in model files. Critical, high and medium findings make a file unsafe (exit code 1); "
    yield "the others are notes. `keelmark explain TECHNIQUE` shows one of them offline.\n\n"
    yield "| technique | severity | what a finding means |\n| --- | --- | --- |\n"
    for card in technique_cards().values():
        yield f"| [{card.technique}](#{card.technique}) | {card.severity.value} | {card.title} |\n"
    for card in technique_cards().values():
        yield f"\n## {card.technique}\n\n{card.title}. Severity: {card.severity.value}. "
        yield f"Tags: {', '.join(f'`{tag}`' for tag in card.tags)}.\n\n"
        yield f"{card.what}\n\nWhy it matters: {card.why}\n\nWhat to do: {card.fix}\n"


def _area(area: Area, catalogue: Catalogue, rules: Sequence[Found]) -> Iterator[str]:
    yield f"# {AREA_TITLES[area]}\n\n"
    yield "What checks each recommendation, and what does not yet. A recommendation that nothing settles is unknown in "
    yield "every report until a named person attests it.\n"
    for item in catalogue.items:
        if item.area is area:
            yield f"\n## {item.id} {item.title}\n\n"
            yield from _table([catalogue.by_id[row] for row in item.recommendations], rules)


def _beyond(catalogue: Catalogue, rules: Sequence[Found]) -> Iterator[str]:
    yield "# Principles, gaps and extensions\n\nWhat stands beside the 17 items in the catalogue.\n"
    for title, rows in (
        ("Principles", catalogue.principles),
        ("The two gaps the guidelines leave open", catalogue.gaps),
        ("Extensions", catalogue.extensions),
    ):
        yield f"\n## {title}\n\n"
        yield from _table(rows, rules)


def _table(rows: Sequence[Recommendation], rules: Sequence[Found]) -> Iterator[str]:
    yield "| id | recommendation | gate | settled by | supported by |\n| --- | --- | --- | --- | --- |\n"
    for row in rows:
        settling = _links(found for found in rules if row.id in found.card.settles)
        supporting = _links(
            found
            for found in rules
            if row.id in found.card.recommendations and row.id not in found.card.settles
        )
        traits = needs().get(row.id)
        applies = f" Applies to: {', '.join(traits)}." if traits else ""
        nothing = "nothing yet: attest" if not supporting else "nothing alone: attest the rest"
        yield f"| {row.id} | {row.text}.{applies} | {row.gate.value} | {settling or nothing} | {supporting or '-'} |\n"


def _declaration(schema: dict[str, Any]) -> Iterator[str]:
    yield "# keelmark.yaml\n\n"
    yield "What only people can say. An unknown key is an error with the line and the nearest known key. What is left empty stays "
    yield "unknown and never counts as a pass. `keelmark init` writes a first one from what it found; "
    yield "`keelmark schema` prints the JSON Schema for editors.\n"
    parts = {"keelmark.yaml": schema, **schema["$defs"]}
    for name, part in parts.items():
        if "properties" not in part:
            continue
        yield f"\n## {name}\n\n{part['description']}\n\n| key | value | meaning |\n| --- | --- | --- |\n"
        for key, value in part["properties"].items():
            needed = " (required)" if key in part["required"] else ""
            yield f"| `{key}`{needed} | {_kind(value)} | {value.get('description', '')} |\n"


def _kind(value: dict[str, Any]) -> str:
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in value:
        return _kind(value["anyOf"][0])
    if "enum" in value:
        return ", ".join(f"`{entry}`" for entry in value["enum"])
    if value.get("type") == "array":
        return f"list of {_kind(value['items'])}"
    return "date" if value.get("format") == "date" else str(value["type"])


def _links(found: object) -> str:
    return ", ".join(f"[{entry.card.id}](../rules/{entry.card.id}.md)" for entry in found)  # type: ignore[attr-defined]


if __name__ == "__main__":
    raise SystemExit(main())

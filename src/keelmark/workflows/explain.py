"""Explains a rule, an item, a recommendation or a finding, offline, as Markdown."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from keelmark.core.catalogue import Automation, Catalogue, Item, Recommendation
from keelmark.development.supplychain.techniques import cards as technique_cards
from keelmark.errors import StoreError, UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.guidelines.applicability import needs
from keelmark.report.sanitise import markdown as clean
from keelmark.store.sqlite import SqliteEvidence
from keelmark.workflows.assess import EVIDENCE_FILE
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from keelmark.core.finding import Finding
    from keelmark.core.scan import TechniqueCard
    from keelmark.engine.discovery import Found

__all__ = ["explain"]

_AUTOMATION = {
    Automation.ENFORCE: "software makes it true (gate, gateway or default)",
    Automation.CHECK: "software verifies it",
    Automation.ATTEST: "only a named person can state it",
}


def explain(name: str, *, root: Path) -> str:
    """The page about a name, as Markdown; without a name, the list of items.

    Args:
        name: Slug of a rule or of a technique of artefacts, id of an item, recommendation, principle, gap or extension, or the beginning of a
            finding's fingerprint in the latest run.
        root: The assessed folder, for findings.

    Raises:
        UsageError: Nothing is called that.
    """
    catalogue = load_catalogue()
    rules = rulebook(catalogue)
    if not name:
        return "\n".join(_contents(catalogue))
    by_slug = {found.card.id: found for found in rules}
    if name in by_slug:
        return "\n".join(_rule(by_slug[name], catalogue))
    upper = name[:1].upper() + name[1:] if name[:1].islower() else name
    for candidate in (name, name.upper(), upper):
        if candidate in catalogue.item_by_id:
            return "\n".join(_item(catalogue.item_by_id[candidate], catalogue, rules))
    rows = {key.lower(): row for key, row in catalogue.by_id.items()}
    if name.lower() in rows:
        return "\n".join(_row(rows[name.lower()], catalogue, rules))
    group = [row for key, row in rows.items() if key.startswith((f"{name.lower()}.", f"{name.lower()}-"))]
    if group and group[0].item not in catalogue.item_by_id:
        return "\n".join(_group(name.upper(), group))
    techniques = {str(card.technique): card for card in technique_cards().values()}
    if name in techniques:
        return "\n".join(_technique(techniques[name]))
    finding = _finding(name, root)
    if finding is not None:
        return "\n".join(_about(finding, by_slug.get(finding.rule), catalogue))
    near = difflib.get_close_matches(
        name, [*by_slug, *techniques, *catalogue.by_id, *catalogue.item_by_id], n=3, cutoff=0.5
    )
    hint = (
        f"did you mean {' or '.join(f'`{entry}`' for entry in near)}?"
        if near
        else "keelmark rules lists the rules"
    )
    raise UsageError(f"nothing is called `{name}`", hint=hint)


def _contents(catalogue: Catalogue) -> Iterator[str]:
    yield "# The guidelines, item by item"
    yield ""
    for item in catalogue.items:
        yield f"- `{item.id}` {item.title} ({len(item.recommendations)} recommendations)"
    yield ""
    yield f"Also: principles P-1 to P-{len(catalogue.principles)}, gaps G1 and G2, extensions X1 to X7."
    yield "`keelmark explain ID` explains an item, a recommendation, a rule or a finding."


def _rule(found: Found, catalogue: Catalogue) -> Iterator[str]:
    card = found.card
    title, _, rest = found.page.strip().partition("\n")
    yield f"# {card.id}"
    yield ""
    yield f"**{title.rstrip('.')}** ({card.severity.value}, confidence {card.confidence.value})"
    yield ""
    yield rest.strip()
    yield ""
    yield "## What it speaks to"
    yield ""
    for identifier in card.recommendations:
        row = catalogue.by_id[identifier]
        settles = "; a pass settles it" if identifier in card.settles else ""
        yield f"- `{row.id}` {row.text} (gate: {row.gate.value}{settles})"
    if card.tags:
        yield ""
        yield "Tags: " + ", ".join(f"`{tag}`" for tag in card.tags)
    if card.references:
        yield ""
        yield "References: " + "; ".join(card.references)


def _technique(card: TechniqueCard) -> Iterator[str]:
    yield f"# {card.technique}"
    yield ""
    yield f"**{card.title}** ({card.severity.value}; a finding of `keelmark scan`)"
    for title, text in (("What it is", card.what), ("Why it matters", card.why), ("What to do", card.fix)):
        yield ""
        yield f"## {title}"
        yield ""
        yield text
    yield ""
    yield "Tags: " + ", ".join(f"`{tag}`" for tag in card.tags)


def _item(item: Item, catalogue: Catalogue, rules: Sequence[Found]) -> Iterator[str]:
    yield f"# {item.id} {item.title}"
    yield ""
    for identifier in item.recommendations:
        row = catalogue.by_id[identifier]
        names = ", ".join(f"`{found.card.id}`" for found in _answering(identifier, rules))
        yield f"- `{row.id}` {row.text} (gate: {row.gate.value}). {names or 'No rule yet: unknown unless attested.'}"
    yield ""
    yield "## The same in other frameworks"
    yield ""
    for framework, ids in item.crosswalk:
        if ids:
            yield f"- {framework}: {', '.join(ids)}"


def _group(name: str, rows: Sequence[Recommendation]) -> Iterator[str]:
    yield f"# {name}"
    yield ""
    for row in rows:
        yield f"- `{row.id}` {row.text} (gate: {row.gate.value})"


def _row(row: Recommendation, catalogue: Catalogue, rules: Sequence[Found]) -> Iterator[str]:
    yield f"# {row.id} {row.text}"
    yield ""
    if row.item in catalogue.item_by_id:
        yield f"Part of `{row.item}` {catalogue.item_by_id[row.item].title}."
    yield f"Gate: **{row.gate.value}**. How it is settled: {_AUTOMATION[row.automation]}."
    yield f"Where it shows: {', '.join(row.where)}. Evidence: {', '.join(row.evidence)}."
    yield ""
    yield f"**It fails when this is not so:** {row.check}."
    yield ""
    traits = needs().get(row.id)
    if traits:
        yield f"It applies to systems with one of: {', '.join(traits)}."
        yield ""
    answering = _answering(row.id, rules)
    if not answering:
        yield "No rule of this version answers it: it is unknown unless a named person attests it in keelmark.yaml:"
        yield ""
        yield "```yaml\nattestations:"
        yield f"  - recommendation: {row.id}\n    statement: what is so\n    by: role or person"
        yield "    on: 2026-01-31\n    expires: 2026-07-31\n    evidence: path or title\n```"
        return
    yield "## Rules that answer"
    yield ""
    for found in answering:
        settles = "a pass settles it" if row.id in found.card.settles else "a pass supports it"
        yield f"- `{found.card.id}` {found.card.title} ({settles})"


def _answering(identifier: str, rules: Sequence[Found]) -> list[Found]:
    return [found for found in rules if identifier in found.card.recommendations]


def _finding(name: str, root: Path) -> Finding | None:
    file = root / EVIDENCE_FILE
    if len(name) < 6 or not file.is_file():
        return None
    try:
        with SqliteEvidence(file) as store:
            latest = store.load("latest")
    except StoreError:
        return None
    return next((f for f in latest.findings if f.fingerprint.startswith(name)), None)


def _about(finding: Finding, found: Found | None, catalogue: Catalogue) -> Iterator[str]:
    yield f"# Finding {finding.fingerprint}"
    yield ""
    yield f"**{finding.outcome.value}** ({finding.severity.value}): {clean(finding.message)}"
    yield ""
    for location in finding.locations:
        yield f"- {clean(str(location))}"
    if finding.fix:
        yield ""
        yield f"**What to do:** {clean(finding.fix)}"
    for key, value in finding.evidence:
        yield f"- {clean(key)}: {clean(value)}"
    if finding.waiver is not None:
        waiver = finding.waiver
        yield ""
        yield f"Waived by {clean(waiver.owner)} until {waiver.expires.isoformat()}: {clean(waiver.reason)}"
    yield ""
    if found is not None:
        yield from _rule(found, catalogue)

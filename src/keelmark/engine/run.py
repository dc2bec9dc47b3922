"""Runs rules over frozen facts. A rule that crashes, or says nothing, is unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card, Finding, numbered
from keelmark.core.outcome import Outcome, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keelmark.core.finding import Rule
    from keelmark.core.project import Project

__all__ = ["answer", "run_rules"]

MAX_FINDINGS_PER_RULE = 1_000


def run_rules(rules: Iterable[Rule], project: Project) -> tuple[Finding, ...]:
    """The answers of all rules, with fingerprints, in the order of the rules."""
    return tuple(finding for rule in rules for finding in numbered(answer(rule, project)))


def answer(rule: Rule, project: Project) -> Sequence[Finding]:
    """The answers of one rule; at least one."""
    card = rule.CARD
    findings: list[Finding] = []
    try:
        for finding in rule.check(project):
            if len(findings) >= MAX_FINDINGS_PER_RULE:
                findings.append(
                    card.unknown(f"more than {MAX_FINDINGS_PER_RULE} findings; the rest was not counted")
                )
                break
            findings.append(_weighed(_of(card, finding), card, project))
    except Exception as error:  # noqa: BLE001 - an edge: a crash of a rule is unknown, never a pass
        reason = f"the rule failed ({type(error).__name__}: {error}); its answer is unknown"
        return [*findings, card.unknown(reason, fix="Report the failure; it is a defect of the rule.")]
    return findings or [card.unknown("the rule gave no answer")]


def _weighed(finding: Finding, card: Card, project: Project) -> Finding:
    # A fault in a test or an example is worth knowing and harms nobody who uses the product.
    if finding.outcome is not Outcome.FAIL or card.weighs_everywhere or not finding.locations:
        return finding
    files = [project.by_path.get(location.path) for location in finding.locations]
    if any(file is None or file.role is FileRole.PRODUCT for file in files):
        return finding
    return replace(finding, severity=min(finding.severity, Severity.LOW, key=lambda word: word.weight))


def _of(card: Card, finding: Finding) -> Finding:
    # INVARIANT: a rule answers in its own name and for its own recommendations only.
    if finding.rule == card.id and finding.recommendations == card.recommendations:
        return finding
    return replace(finding, rule=card.id, recommendations=card.recommendations, settles=card.settles)

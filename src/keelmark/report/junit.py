"""JUnit XML for CI systems that show test results: one test case per rule, one suite per area."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from markupsafe import escape

from keelmark.core.outcome import Area, Outcome
from keelmark.report.reasons import blocking_of, in_order, title_of
from keelmark.report.sanitise import guard_lines, name, sentence
from keelmark.report.summary import AREA_TITLES, OTHER_ROWS, area_of, headline, message_with_fix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card, Finding

__all__ = ["render"]

_MAX_PER_RULE = 100


def render(assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The XML document. A rule fails when one failure is open; it is an error when it could not be settled."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in in_order(assessment.findings, blocking_of(assessment)):
        by_rule[finding.rule].append(finding)
    by_area: dict[Area | None, list[str]] = defaultdict(list)
    for rule in sorted(by_rule):
        by_area[area_of(by_rule[rule][0], catalogue)].append(rule)
    head = headline(assessment)
    suites = [
        _suite(AREA_TITLES[area] if area else OTHER_ROWS, [by_rule[rule] for rule in by_area[area]], cards)
        for area in (*Area, None)
        if by_area[area]
    ]
    counts = _counts(list(by_rule.values()))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {_attributes(name=f'Keelmark: {head.words}', **counts, time=f'{assessment.duration_s:.3f}')}>",
        *suites,
        "</testsuites>",
    ]
    return guard_lines("\n".join(lines)) + "\n"


def _suite(title: str, rules: Sequence[Sequence[Finding]], cards: Mapping[str, Card]) -> str:
    cases = [_case(findings, cards) for findings in rules]
    return "\n".join([f"  <testsuite {_attributes(name=title, **_counts(rules))}>", *cases, "  </testsuite>"])


def _counts(rules: Sequence[Sequence[Finding]]) -> dict[str, str]:
    kinds = [_kind(findings) for findings in rules]
    return {
        "tests": str(len(kinds)),
        "failures": str(kinds.count("failure")),
        "errors": str(kinds.count("error")),
        "skipped": str(kinds.count("skipped")),
    }


def _kind(findings: Sequence[Finding]) -> str:
    if any(finding.is_open_failure for finding in findings):
        return "failure"
    outcomes = {finding.outcome for finding in findings}
    if Outcome.UNKNOWN in outcomes:
        return "error"
    is_skipped = Outcome.FAIL in outcomes or outcomes == {Outcome.NOT_APPLICABLE}
    return "skipped" if is_skipped else ""


def _case(findings: Sequence[Finding], cards: Mapping[str, Card]) -> str:
    rule = findings[0].rule
    first = findings[0].recommendations[:1]
    names = _attributes(
        name=name(rule), classname=f"keelmark.{first[0].partition('.')[0] if first else 'rule'}"
    )
    kind = _kind(findings)
    if not kind:
        return f"    <testcase {names}/>"
    told = [finding for finding in findings if _tells(finding, kind)]
    lines = [_line(finding) for finding in told[:_MAX_PER_RULE]]
    if len(told) > _MAX_PER_RULE:
        lines.append(f"and {len(told) - _MAX_PER_RULE:,} more")
    title = sentence(title_of(rule, cards))
    summary = _attributes(message=title if kind == "failure" else lines[0], type=str(told[0].severity))
    if kind == "skipped":
        summary = _attributes(message=lines[0])
    body = escape("\n".join(lines))
    return f"    <testcase {names}>\n      <{kind} {summary}>{body}</{kind}>\n    </testcase>"


def _tells(finding: Finding, kind: str) -> bool:
    if kind == "failure":
        return finding.is_open_failure
    return finding.outcome is Outcome.UNKNOWN if kind == "error" else True


def _line(finding: Finding) -> str:
    place = f"{name(str(finding.locations[0]))}: " if finding.locations else ""
    waiver = finding.waiver
    waived = f"waived by {waiver.owner} until {waiver.expires.isoformat()}: " if waiver else ""
    return sentence(f"{waived}{place}{message_with_fix(finding)}", limit=3_000)


def _attributes(**values: str) -> str:
    return " ".join(f'{key}="{escape(value)}"' for key, value in values.items())

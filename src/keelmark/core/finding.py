"""A rule's answer about the facts, and the card that says what the rule is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator  # noqa: TC003 - the protocol's types are read at run time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from keelmark.core.declaration import Waiver
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Confidence, Outcome, Severity

if TYPE_CHECKING:
    from keelmark.core.project import Project

__all__ = ["Card", "Finding", "Rule", "fingerprint", "numbered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer of one rule.

    Attributes:
        rule: Slug of the rule.
        message: What is so, in one sentence, naming the thing; foreign text may be inside.
        locations: Where; the first is the place to go to.
        fix: What to do, in one or two sentences; "" for outcomes that need nothing.
        subject: Name of the thing judged (asset, call, package); part of the fingerprint.
        evidence: What the answer rests on, as (key, value).
        recommendations: Ids of the catalogue; the first is the one it speaks to most.
        settles: Those of `recommendations` that a pass of this rule settles; the others it only informs.
        fingerprint: Stable id; survives moved lines.
        waiver: The waiver that covers a failure, if any.
    """

    rule: str
    outcome: Outcome
    severity: Severity
    confidence: Confidence
    message: str
    recommendations: tuple[str, ...]
    settles: tuple[str, ...] = ()
    locations: tuple[Location, ...] = ()
    fix: str = ""
    subject: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    fingerprint: str = ""
    waiver: Waiver | None = None

    @property
    def is_open_failure(self) -> bool:
        """Whether it is a failure that no waiver covers."""
        return self.outcome is Outcome.FAIL and self.waiver is None


def fingerprint(finding: Finding, *, ordinal: int = 0) -> str:
    """The stable id of a finding: 32 hexadecimal digits.

    It rests on the rule, the path, the subject and the text of the place with white space folded, never on line
    numbers, so it survives moved lines. Equal findings in one file are told apart by their ordinal.
    """
    first = finding.locations[0] if finding.locations else None
    parts = (
        finding.rule,
        first.path if first else "",
        first.part if first else "",
        " ".join(first.anchor.split()) if first else "",
        finding.subject,
        str(ordinal),
    )
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def numbered(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings with their fingerprints; equal ones are numbered in order of appearance."""
    seen: dict[str, int] = {}
    for finding in findings:
        plain = fingerprint(finding)
        ordinal = seen.get(plain, 0)
        seen[plain] = ordinal + 1
        yield replace(finding, fingerprint=fingerprint(finding, ordinal=ordinal) if ordinal else plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a rule is: the part of it that people and reports read.

    Attributes:
        id: Slug; names the defect and reads well after "allow ...".
        title: One line, what a failure means.
        severity: Of a failure, unless the rule says otherwise for one finding.
        recommendations: Ids of the catalogue it speaks to; the first one decides the gate.
        settles: Those that a pass of this rule settles on its own; leave out what a pass merely supports.
        tags: `cwe:502`, `owasp-llm:LLM03`, `owasp-agentic:ASI04`, `atlas:AML.T0010`, ...
        audience: Who can act on it.
        weighs_everywhere: Whether a failure keeps its severity outside product code; else it is low in tests, examples,
            documentation, vendored and generated files.
        reads_single_files: Whether it can answer from a few files alone (pre-commit); else it needs the project.
        reads_declaration_alone: Whether it speaks of keelmark.yaml and of nothing else, so that nothing unread can hide
            what it asks for.
        references: Titles of public sources.
    """

    id: str
    title: str
    severity: Severity
    recommendations: tuple[str, ...]
    settles: tuple[str, ...] = ()
    confidence: Confidence = Confidence.HIGH
    tags: tuple[str, ...] = ()
    audience: Audience = Audience.ML_ENGINEER
    weighs_everywhere: bool = False
    reads_single_files: bool = False
    reads_declaration_alone: bool = False
    references: tuple[str, ...] = field(default=())

    def failed(  # noqa: PLR0913 - every part of an answer is named
        self,
        message: str,
        *,
        at: Location | tuple[Location, ...] = (),
        fix: str,
        subject: str = "",
        severity: Severity | None = None,
        confidence: Confidence | None = None,
        evidence: Iterable[tuple[str, str]] = (),
    ) -> Finding:
        """A failure: what is wrong, where, and what to do."""
        return Finding(
            rule=self.id,
            outcome=Outcome.FAIL,
            severity=severity or self.severity,
            confidence=confidence or self.confidence,
            message=message,
            recommendations=self.recommendations,
            settles=self.settles,
            locations=at if isinstance(at, tuple) else (at,),
            fix=fix,
            subject=subject,
            evidence=tuple(evidence),
        )

    def passed(
        self,
        message: str,
        *,
        at: Location | tuple[Location, ...] = (),
        subject: str = "",
        evidence: Iterable[tuple[str, str]] = (),
    ) -> Finding:
        """A pass, with what was seen; never said of something that was not looked at."""
        return self._answer(Outcome.PASS, message, at=at, subject=subject, evidence=evidence)

    def not_applicable(self, reason: str) -> Finding:
        """Nothing in this project can have the defect, and why."""
        return self._answer(Outcome.NOT_APPLICABLE, reason)

    def unknown(
        self,
        reason: str,
        *,
        fix: str = "",
        at: Location | tuple[Location, ...] = (),
        subject: str = "",
    ) -> Finding:
        """It could not be settled, why, and what would settle it."""
        return self._answer(Outcome.UNKNOWN, reason, at=at, subject=subject, fix=fix)

    def _answer(
        self,
        outcome: Outcome,
        message: str,
        *,
        at: Location | tuple[Location, ...] = (),
        subject: str = "",
        fix: str = "",
        evidence: Iterable[tuple[str, str]] = (),
    ) -> Finding:
        return Finding(
            rule=self.id,
            outcome=outcome,
            severity=self.severity if outcome is Outcome.UNKNOWN else Severity.INFO,
            confidence=self.confidence,
            message=message,
            recommendations=self.recommendations,
            settles=self.settles,
            locations=at if isinstance(at, tuple) else (at,),
            fix=fix,
            subject=subject,
            evidence=tuple(evidence),
        )


@runtime_checkable
class Rule(Protocol):
    """A rule is a module (or object) with a card and a pure function of the facts.

    `check` opens nothing and calls no other rule. It gives at least one finding: a rule that says nothing is unknown.
    """

    CARD: Card

    def check(self, project: Project) -> Iterable[Finding]:
        """Answer about the facts of one project."""
        ...

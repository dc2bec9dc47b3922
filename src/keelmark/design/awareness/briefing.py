"""Writes the briefing of a role from the threats and findings of this very system, and a short check of what was read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from keelmark.core.awareness import Briefing, Question, Topic
from keelmark.core.declaration import FlowTrust
from keelmark.core.outcome import Audience, Outcome
from keelmark.core.system_model import DIMENSION_WORDS, GROWING
from keelmark.core.threats import ControlState, ThreatState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from keelmark.core.finding import Card, Finding
    from keelmark.core.threats import Analysis, ApplicableThreat

__all__ = ["brief", "digest_for"]

_MAX_THREATS, _MAX_SENTENCES, _MAX_CHOICES = 5, 8, 4
_NOT_ANSWERED = frozenset({ThreatState.OPEN, ThreatState.UNKNOWN})
_TRUST_WORDS = {
    FlowTrust.USER: "text of users",
    FlowTrust.THIRD_PARTY: "content of third parties",
    FlowTrust.MODEL_OUTPUT: "output of a model",
}


def brief(
    role: Audience,
    analysis: Analysis,
    *,
    findings: Sequence[Finding] = (),
    cards: dict[str, Card] | None = None,
) -> Briefing:
    """The briefing of a role.

    Args:
        role: For whom it is.
        analysis: Threats of the system.
        findings: Of the assessment; the failures that people of this role can mend are told.
        cards: Of the rules, by id; without them no finding is told.
    """
    digest = digest_for(role, analysis.digest)
    topics = (
        _system(analysis),
        _threats(role, analysis),
        _duties(role, analysis, findings, cards or {}),
        _growth(analysis),
    )
    return Briefing(
        role=role,
        system=analysis.model.name,
        digest=digest,
        topics=tuple(topic for topic in topics if topic.sentences),
        questions=tuple(_questions(role, analysis, digest)),
    )


def digest_for(role: Audience, threat_model: str) -> str:
    """SHA-256 of the briefing of a role, by the digest of the threat model that it speaks of."""
    return hashlib.sha256(f"{role}\0{threat_model}".encode()).hexdigest()


def _weightiest(analysis: Analysis) -> list[ApplicableThreat]:
    return sorted(
        analysis.threats,
        key=lambda each: (each.state not in _NOT_ANSWERED, -each.threat.severity.weight, each.threat.id),
    )


def _system(analysis: Analysis) -> Topic:
    """What comes in that nobody vouches for, and where it goes."""
    model = analysis.model
    sentences = [
        f"`{model.by_id[link.target].name}` gets {_TRUST_WORDS[link.trust]} from `{model.by_id[link.source].name}`"
        + (f" ({link.carries})" if link.carries else "")
        for link in model.links
        if link.trust in _TRUST_WORDS
    ]
    return Topic(title="What nobody vouches for", sentences=_first(sentences))


def _threats(role: Audience, analysis: Analysis) -> Topic:
    sentences = []
    for applicable in _weightiest(analysis)[:_MAX_THREATS]:
        way = " → ".join(element.name for element in applicable.paths[0].elements) if applicable.paths else ""
        told = f"{applicable.threat.title} ({applicable.threat.severity}, {applicable.state}"
        told += f"; by {way})" if way else ")"
        if role is Audience.RISK_OWNER and applicable.disposition is not None:
            decided = applicable.disposition
            told += f". Decided: {decided.treatment}, by {decided.owner}: {decided.reason}"
        sentences.append(told)
    return Topic(title="What can go wrong here", sentences=tuple(sentences))


def _duties(role: Audience, analysis: Analysis, findings: Sequence[Finding], cards: dict[str, Card]) -> Topic:
    """What people of this role do about it."""
    if role is Audience.RISK_OWNER:
        return Topic(title="What you decide", sentences=_first(_decisions(analysis)))
    fixes = [
        each.threat.fix for each in _weightiest(analysis) if each.state in _NOT_ANSWERED and each.threat.fix
    ]
    mended = [
        finding.fix
        for finding in findings
        if finding.outcome is Outcome.FAIL
        and finding.fix
        and (card := cards.get(finding.rule))
        and card.audience is role
    ]
    return Topic(title="What you do about it", sentences=_first(dict.fromkeys((*fixes, *mended))))


def _decisions(analysis: Analysis) -> Iterator[str]:
    for applicable in _weightiest(analysis):
        if applicable.state in _NOT_ANSWERED and applicable.disposition is None:
            yield f"{applicable.threat.title}: mitigate, accept, transfer or avoid; nobody has decided"
        elif applicable.disposition is not None and applicable.disposition.expires is not None:
            until = applicable.disposition.expires.isoformat()
            yield f"{applicable.threat.title}: look again before {until}, when what was decided no longer counts"


def _growth(analysis: Analysis) -> Topic:
    sentences = [
        f"beyond {each.limit:,.0f} {DIMENSION_WORDS[each.dimension]} the threats must be assessed again: {', '.join(each.threats)}"
        for each in analysis.envelope
        if each.limit is not None and each.threats and each.dimension in GROWING
    ]
    return Topic(title="How far it may grow", sentences=_first(sentences))


def _questions(role: Audience, analysis: Analysis, digest: str) -> Iterator[Question]:
    """Questions whose right answer stands in the briefing, and whose wrong ones are as likely at first sight."""
    drafts = [_about_sources(analysis), _about_path(analysis), _about_control(analysis)]
    drafts.append(_about_growth(analysis) if role is Audience.RISK_OWNER else _about_fix(analysis))
    for draft in drafts:
        if draft is None:
            continue
        text, right, wrong, because = draft
        others = [each for each in dict.fromkeys(wrong) if each != right]
        if not right or not others:
            continue
        others.sort(key=lambda each: _place(digest, text, each))
        choices = sorted(
            (right, *others[: _MAX_CHOICES - 1]),
            key=lambda each: _place(digest, text, each),
        )
        yield Question(text=text, choices=tuple(choices), right=choices.index(right), because=because)


def _place(digest: str, text: str, choice: str) -> bytes:
    """An order that says nothing of which choice is right, and is the same for the same briefing."""
    return hashlib.sha256(f"{digest}\0{text}\0{choice}".encode("utf-8", "backslashreplace")).digest()


_Draft = tuple[str, str, list[str], str]


def _about_sources(analysis: Analysis) -> _Draft | None:
    model = analysis.model
    untrusted = [link for link in model.links if link.trust in {FlowTrust.USER, FlowTrust.THIRD_PARTY}]
    if not untrusted:
        return None
    suspects = {link.source for link in untrusted}
    link = untrusted[0]
    wrong = [element.name for element in model.elements if element.id not in suspects]
    because = f"{_TRUST_WORDS[link.trust]} reaches `{model.by_id[link.target].name}` from there"
    return (
        "Which of these brings in text that nobody vouches for?",
        model.by_id[link.source].name,
        wrong,
        because,
    )


def _about_path(analysis: Analysis) -> _Draft | None:
    ordered = [each for each in _weightiest(analysis) if each.paths]
    if not ordered:
        return None
    worst = ordered[0]
    way = " → ".join(element.name for element in worst.paths[0].elements)
    # Threats that have the same path are no wrong answers.
    wrong = [each.threat.title for each in analysis.threats if worst.paths[0] not in each.paths]
    return f"What does this way through the system allow: {way}?", worst.threat.title, wrong, worst.because


def _about_control(analysis: Analysis) -> _Draft | None:
    controls = [each for applicable in _weightiest(analysis) for each in applicable.controls]
    missing = [each for each in controls if each.state in {ControlState.FAILED, ControlState.UNKNOWN}]
    if not missing:
        return None
    unshown = {each.control.title for each in controls if each.state is not ControlState.PROVEN}
    wrong = [each.control.title for each in controls if each.control.title not in unshown]
    return "Which of these is not shown to work?", missing[0].control.title, wrong, missing[0].because


def _about_fix(analysis: Analysis) -> _Draft | None:
    ordered = [each for each in _weightiest(analysis) if each.threat.fix]
    if not ordered:
        return None
    worst = ordered[0]
    wrong = [each.threat.fix for each in ordered[1:]]
    return f"What is done first against this: {worst.threat.title}?", worst.threat.fix, wrong, worst.because


def _about_growth(analysis: Analysis) -> _Draft | None:
    for each in analysis.envelope:
        if each.limit and each.threats and each.dimension in GROWING:
            text = (
                f"Beyond how many {DIMENSION_WORDS[each.dimension]} do the threats have to be assessed again?"
            )
            wrong = [f"{each.limit * factor:,.0f}" for factor in (0.5, 3, 10)]
            return text, f"{each.limit:,.0f}", wrong, f"beyond it: {', '.join(each.threats)}"
    return None


def _first(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))[:_MAX_SENTENCES]

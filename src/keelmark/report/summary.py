"""What every format says in the same words: headline, counts by area, what was not looked at, next steps."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.catalogue import Item
from keelmark.core.decision import Standing
from keelmark.core.facts import Gap, GapReason
from keelmark.core.outcome import Area, Outcome, Status, Verdict
from keelmark.report.reasons import open_failures
from keelmark.report.words import Tone, count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.asset import Asset, AssetKind
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card, Finding
    from keelmark.report.reasons import Reason

__all__ = [
    "AREA_TITLES",
    "OTHER_ROWS",
    "OUTCOME_WORDS",
    "STATUS_WORDS",
    "GapGroup",
    "Headline",
    "ItemSummary",
    "Tally",
    "Tone",
    "area_of",
    "assets_by_kind",
    "count",
    "gap_groups",
    "headline",
    "item_summaries",
    "message_with_fix",
    "next_steps",
    "outcome_word",
    "tally",
    "tally_of_area",
    "waived",
]

AREA_TITLES: dict[Area, str] = {
    Area.DESIGN: "Secure design",
    Area.DEVELOPMENT: "Secure development",
    Area.DEPLOYMENT: "Secure deployment",
    Area.OPERATION: "Secure operation and maintenance",
}
OTHER_ROWS = "Principles, open gaps and extensions"

STATUS_WORDS: dict[Status, str] = {
    Status.PASS: "passed",
    Status.FAIL: "failed",
    Status.WAIVED: "waived",
    Status.ATTESTED: "attested",
    Status.NOT_APPLICABLE: "not applicable",
    Status.UNKNOWN: "unknown",
}

OUTCOME_WORDS: dict[Outcome, str] = {
    Outcome.FAIL: "failed",
    Outcome.UNKNOWN: "unknown",
    Outcome.PASS: "passed",
    Outcome.NOT_APPLICABLE: "not applicable",
}

# What an item shows when its recommendations stand differently: the worst of them.
_WORST = (
    Status.FAIL,
    Status.UNKNOWN,
    Status.WAIVED,
    Status.ATTESTED,
    Status.PASS,
    Status.NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The answer of a run: a few words in capitals, a sentence that explains them, and its short form."""

    words: str
    sentence: str
    brief: str
    tone: Tone

    @property
    def full_sentence(self) -> str:
        """The sentence with its capital and its full stop."""
        return f"{self.sentence[:1].upper()}{self.sentence[1:]}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many recommendations stand where."""

    counts: tuple[tuple[Status, int], ...]

    def of(self, status: Status) -> int:
        """How many have this status."""
        return next(number for each, number in self.counts if each is status)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(number for _, number in self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSummary:
    """Where one of the 17 items stands.

    Attributes:
        status: The worst status among its recommendations; None when none of them was judged.
        is_blocking: Whether a failure that blocks speaks to it first.
    """

    item: Item
    status: Status | None
    is_blocking: bool
    tally: Tally
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapGroup:
    """Everything that was not looked at for one reason."""

    reason: GapReason
    gaps: tuple[Gap, ...]

    @property
    def matters(self) -> bool:
        """Whether one of them can hide a defect that blocks."""
        return any(gap.matters for gap in self.gaps)


def headline(assessment: Assessment) -> Headline:
    """The first line of every report."""
    if assessment.is_interrupted:
        seen = count(assessment.coverage.read, "file")
        words = f"stopped after {seen}; there is no release decision"
        return Headline(words="PARTIAL", sentence=words, brief=words, tone=Tone.OPEN)
    if assessment.is_partial:
        return _partial(assessment)
    if assessment.only_new:
        return _only_new(assessment)
    return _verdict(assessment)


def tally(standings: Iterable[Standing]) -> Tally:
    """Counts by status."""
    numbers = dict.fromkeys(Status, 0)
    for standing in standings:
        numbers[standing.status] += 1
    return Tally(counts=tuple(numbers.items()))


def tally_of_area(assessment: Assessment, catalogue: Catalogue, area: Area | None) -> Tally:
    """Counts of one area; None means principles, gaps and extensions."""
    rows = assessment.decision.standings
    return tally(row for row in rows if catalogue.area_of(row.recommendation) is area)


def item_summaries(assessment: Assessment, catalogue: Catalogue) -> tuple[ItemSummary, ...]:
    """The 17 items in their order."""
    by_id = {row.recommendation: row for row in assessment.decision.standings}
    blocked = {
        catalogue.by_id[first].item
        for finding in assessment.decision.blocking
        for first in finding.recommendations[:1]
        if first in catalogue.by_id
    }
    return tuple(_item(item, by_id, is_blocking=item.id in blocked) for item in catalogue.items)


def area_of(finding: Finding, catalogue: Catalogue) -> Area | None:
    """The area of the first recommendation of a finding that belongs to one."""
    areas = (catalogue.area_of(recommendation) for recommendation in finding.recommendations)
    return next((area for area in areas if area is not None), None)


def outcome_word(finding: Finding) -> str:
    """`failed`, `waived`, `unknown`, `passed` or `not applicable`."""
    return "waived" if finding.waiver is not None else OUTCOME_WORDS[finding.outcome]


def message_with_fix(finding: Finding) -> str:
    """Message and fix as two sentences, for outputs that have one field for both."""
    message = finding.message or finding.rule.replace("-", " ")
    return f"{message.rstrip('.')}. Fix: {finding.fix}" if finding.fix else message


def waived(assessment: Assessment) -> tuple[Finding, ...]:
    """Failures that a waiver covers, the one that expires first in front."""
    covered = [(finding.waiver.expires, finding) for finding in assessment.findings if finding.waiver]
    covered.sort(key=lambda pair: (pair[0], pair[1].rule, pair[1].locations))
    return tuple(finding for _, finding in covered)


def gap_groups(assessment: Assessment) -> tuple[GapGroup, ...]:
    """What was not looked at, by reason: what matters first, then the largest group."""
    by_reason: dict[GapReason, list[Gap]] = defaultdict(list)
    for gap in assessment.gaps:
        by_reason[gap.reason].append(gap)
    groups = [
        GapGroup(
            reason=reason, gaps=tuple(sorted(gaps, key=lambda gap: (not gap.matters, gap.path, gap.line)))
        )
        for reason, gaps in by_reason.items()
    ]
    return tuple(sorted(groups, key=lambda group: (not group.matters, -len(group.gaps), group.reason)))


def assets_by_kind(assessment: Assessment) -> tuple[tuple[AssetKind, tuple[Asset, ...]], ...]:
    """The inventory, grouped, in its own order."""
    by_kind: dict[AssetKind, list[Asset]] = defaultdict(list)
    for asset in assessment.inventory.assets:
        by_kind[asset.kind].append(asset)
    return tuple((kind, tuple(assets)) for kind, assets in by_kind.items())


def next_steps(assessment: Assessment, top: tuple[Reason, ...], cards: Mapping[str, Card]) -> tuple[str, ...]:
    """Commands worth typing now, most useful first."""
    steps = []
    explained = next((reason.id for reason in top if reason.severity is None or reason.id in cards), "")
    if explained or top:
        steps.append(f"keelmark explain {explained or top[0].id}")
    if assessment.is_partial or assessment.is_interrupted:
        return (*steps, "keelmark assess")
    if assessment.decision.verdict is Verdict.NOT_ENOUGH_EVIDENCE:
        steps.append("keelmark init")
    if not assessment.only_new and assessment.decision.verdict is Verdict.RELEASE:
        steps.append("keelmark assess --format html=report.html")
    return (*steps, "keelmark assess --verbose")


def _partial(assessment: Assessment) -> Headline:
    problems = len(open_failures(assessment))
    files = count(assessment.coverage.files, "file")
    noun = "problem" if assessment.comparison is None or not assessment.only_new else "new problem"
    said = f"{count(problems, noun).upper()} in {files}" if problems else f"NOTHING WRONG in {files}"
    unsettled = sum(1 for finding in assessment.findings if finding.outcome is Outcome.UNKNOWN)
    unseen = sum(1 for gap in assessment.gaps if gap.matters)
    doubts = [f"{count(unsettled, 'answer')} unknown"] if unsettled else []
    doubts += [f"{count(unseen, 'place')} not looked at"] if unseen else []
    sentence = "; ".join([*doubts, "only some files were looked at, so there is no release decision"])
    tone = Tone.BAD if problems else Tone.OPEN if doubts else Tone.GOOD
    brief = "; ".join(["no release decision", *doubts[:1]])
    return Headline(words=said, sentence=sentence, brief=brief, tone=tone)


def _only_new(assessment: Assessment) -> Headline:
    new = len(open_failures(assessment))
    said = f"{count(new, 'new problem').upper()}" if new else "NOTHING NEW"
    known = len(assessment.comparison.known) if assessment.comparison else 0
    gone = len(assessment.comparison.gone) if assessment.comparison else 0
    sentence = f"{known:,} known, {gone:,} gone; this is no release decision"
    return Headline(words=said, sentence=sentence, brief=sentence, tone=Tone.BAD if new else Tone.GOOD)


def _verdict(assessment: Assessment) -> Headline:
    blocking = len(assessment.decision.blocking)
    missing = len(assessment.decision.missing)
    missed = f"{count(missing, 'mandatory answer')} {'is' if missing == 1 else 'are'} missing"
    match assessment.decision.verdict:
        case Verdict.DO_NOT_RELEASE:
            parts = (
                [f"{count(blocking, 'failure')} {'blocks' if blocking == 1 else 'block'}"] if blocking else []
            )
            parts += [missed] if missing else []
            said = ", ".join(parts) or "the policy holds it back"
            return Headline(
                words="DO NOT RELEASE", sentence=said, brief=_brief(blocking, missing), tone=Tone.BAD
            )
        case Verdict.NOT_ENOUGH_EVIDENCE:
            said = f"{missed}; nothing that was found blocks" if missing else "too little could be judged"
            brief = _brief(blocking, missing)
            return Headline(words="NOT ENOUGH EVIDENCE", sentence=said, brief=brief, tone=Tone.OPEN)
        case Verdict.RELEASE:
            warnings = len(open_failures(assessment))
            rest = [count(warnings, "warning")] if warnings else []
            rest += [f"{len(waived(assessment)):,} waived"] if waived(assessment) else []
            said = ", ".join(["nothing blocks and no mandatory answer is missing", *rest])
            brief = ", ".join(["nothing blocks", *rest])
            return Headline(words="RELEASE", sentence=said, brief=brief, tone=Tone.GOOD)


def _brief(blocking: int, missing: int) -> str:
    parts = [f"{count(blocking, 'failure')} {'blocks' if blocking == 1 else 'block'}"] if blocking else []
    parts += [f"{count(missing, 'answer')} missing"] if missing else []
    return ", ".join(parts) or "too little could be judged"


def _item(item: Item, by_id: Mapping[str, Standing], *, is_blocking: bool) -> ItemSummary:
    standings = tuple(by_id[each] for each in item.recommendations if each in by_id)
    present = {standing.status for standing in standings}
    return ItemSummary(
        item=item,
        status=next((status for status in _WORST if status in present), None),
        is_blocking=is_blocking,
        tally=tally(standings),
        standings=standings,
    )

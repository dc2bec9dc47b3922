"""What the rules about single calls share: judge each call, group equal answers, credit what is done well."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome, Severity
from keelmark.core.project import Seen
from keelmark.design.checks._gaps import answer_code_gaps
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from keelmark.core.facts import Argument, Call
    from keelmark.core.finding import Card, Finding
    from keelmark.core.project import Project

__all__ = [
    "Judged",
    "all_calls",
    "answer_calls",
    "calls_in_scope",
    "fails",
    "is_false",
    "is_none",
    "is_true",
    "open_question",
    "passes",
]

MAX_PLACES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one call was found to be.

    Attributes:
        outcome: Pass, fail or unknown.
        message: What is so, without the place.
        fix: What to do, for what is not a pass.
        severity: Of a failure in product code; None for that of the card.
    """

    outcome: Outcome
    message: str
    fix: str = ""
    severity: Severity | None = None


def fails(message: str, *, fix: str, severity: Severity | None = None) -> Judged:
    """A call with the defect."""
    return Judged(outcome=Outcome.FAIL, message=message, fix=fix, severity=severity)


def passes(message: str) -> Judged:
    """A call that does it well."""
    return Judged(outcome=Outcome.PASS, message=message)


def open_question(message: str, *, fix: str) -> Judged:
    """A call whose source does not settle it."""
    return Judged(outcome=Outcome.UNKNOWN, message=message, fix=fix)


def is_true(argument: Argument | None) -> bool:
    """Whether the source states a literal True."""
    return argument is not None and argument.is_literal and argument.literal is True


def is_false(argument: Argument | None) -> bool:
    """Whether the source states a literal False."""
    return argument is not None and argument.is_literal and argument.literal is False


def is_none(argument: Argument | None) -> bool:
    """Whether the source states a literal None."""
    return argument is not None and argument.is_literal and argument.literal is None


def all_calls(project: Project) -> Iterator[Seen[Call]]:
    """Every call of the project, for rules that look at an argument whoever is called."""
    for seen in project.modules:
        for call in seen.fact.calls:
            yield Seen(seen.file, seen.reading, call)


def calls_in_scope(seen: Seen[Call]) -> tuple[Call, ...]:
    """The calls of the same function (or of the same module level)."""
    module = seen.reading.module
    if module is None:
        return ()
    return tuple(call for call in module.calls if call.scope == seen.fact.scope)


def answer_calls(
    card: Card,
    project: Project,
    calls: Iterable[Seen[Call]],
    judge: Callable[[Seen[Call]], Judged | None],
    *,
    what: str,
    extra: Iterable[Finding] = (),
) -> Iterator[Finding]:
    """Answer for every call that `judge` has a word for.

    Args:
        card: Of the rule that asks.
        project: The facts.
        calls: Candidates.
        judge: Says what a call is; None for a call that is none of the rule's business.
        what: What is looked for, in the plural: "calls that load pickles".
        extra: Findings about the same defect outside source code.
    """
    groups: dict[tuple[str, Severity], list[tuple[Seen[Call], Judged]]] = defaultdict(list)
    good: list[tuple[Seen[Call], Judged]] = []
    unsure: list[tuple[Seen[Call], Judged]] = []
    for seen in calls:
        judged = judge(seen)
        # Few calls are judged; looking around each call of a module would take a time that grows with its square.
        if judged is None or _calls_result(seen):
            continue
        if judged.outcome is Outcome.FAIL:
            severity = (judged.severity or card.severity) if seen.is_product else Severity.LOW
            groups[judged.message, severity].append((seen, judged))
        else:
            (good if judged.outcome is Outcome.PASS else unsure).append((seen, judged))
    outside = list(extra)
    yield from outside
    for (_, severity), members in groups.items():
        yield from _failures(card, members, severity)
    for seen, judged in unsure[:MAX_PLACES]:
        yield card.unknown(judged.message, fix=judged.fix, at=seen.at(), subject=_subject(seen))
    if groups or unsure or outside:
        return
    yield from _clean(card, project, good, what)


def _calls_result(seen: Seen[Call]) -> bool:
    """Whether what an earlier call gave back is called here: `model = load(path); model(x)` loads once."""
    call, module = seen.fact, seen.reading.module
    return module is not None and any(
        other.name == call.name
        and other.target
        and other.line < call.line
        and f"{other.target}(" in call.anchor
        for other in module.calls
    )


def _failures(card: Card, members: list[tuple[Seen[Call], Judged]], severity: Severity) -> Iterator[Finding]:
    if len(members) <= MAX_PLACES:
        for seen, judged in members:
            yield card.failed(
                judged.message, at=seen.at(), fix=judged.fix, subject=_subject(seen), severity=severity
            )
        return
    seen, judged = members[0]
    yield card.failed(
        f"{judged.message} ({len(members)} places)",
        at=tuple(member.at() for member, _ in members[:MAX_PLACES]),
        fix=judged.fix,
        subject=seen.fact.name,
        severity=severity,
    )


def _clean(
    card: Card, project: Project, good: list[tuple[Seen[Call], Judged]], what: str
) -> Iterator[Finding]:
    gaps = tuple(answer_code_gaps(card, project, what))
    if gaps:
        yield from gaps
    elif good:
        reasons = sorted({judged.message for _, judged in good})
        yield card.passed(
            "; ".join(reasons[:3]),
            at=tuple(seen.at() for seen, _ in good[:10]),
            evidence=[("places", str(len(good)))],
        )
    elif not project.modules:
        yield card.not_applicable("no source code was found")
    else:
        yield card.passed(f"no {what} in {counted(len(project.modules), 'module')}")


def _subject(seen: Seen[Call]) -> str:
    return f"{seen.fact.scope}:{seen.fact.name}"

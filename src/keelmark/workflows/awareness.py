"""Briefings of a project, and who has acknowledged them: each acknowledgement is an entry of its transparency log (SD-1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.awareness import Acknowledgement
from keelmark.design.awareness.briefing import brief
from keelmark.errors import UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.workflows.acknowledgements import entry_of
from keelmark.workflows.log import LOG_FOLDER, record
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from keelmark.core.awareness import Briefing
    from keelmark.core.clock import Clock
    from keelmark.core.outcome import Audience
    from keelmark.trust.keys import PrivateKey
    from keelmark.workflows.threats import ThreatRun

__all__ = ["acknowledge", "briefing_of"]

_MAX_NAME = 200


def briefing_of(run: ThreatRun, role: Audience) -> Briefing:
    """The briefing of a role for the project that was analysed."""
    cards = {found.card.id: found.card for found in rulebook(load_catalogue(), with_plugins=False)}
    return brief(role, run.analysis, findings=run.assessment.findings, cards=cards)


def acknowledge(
    root: Path,
    briefing: Briefing,
    answers: Sequence[int],
    *,
    by: str,
    clock: Clock,
    key: PrivateKey | None = None,
) -> Acknowledgement:
    """Check the answers, and record the acknowledgement when all are right.

    Args:
        root: The project.
        briefing: What was read.
        answers: Number of the choice for each question, counted from 1.
        by: The person.
        clock: Says which day it is.
        key: Signs the checkpoint of the log.

    Returns:
        The acknowledgement; it was recorded only when every answer is right.

    Raises:
        UsageError: Another number of answers than of questions, an answer that is no choice, or no name.
        StoreError: It could not be recorded.
        TrustError: The log was signed with another key.
    """
    questions = briefing.questions
    if len(answers) != len(questions):
        raise UsageError(
            f"there are {len(questions)} questions and {len(answers)} answers",
            hint="give the number of one choice for each question: --answers 2,1,3",
        )
    for number, (question, answer) in enumerate(zip(questions, answers, strict=True), start=1):
        if not 1 <= answer <= len(question.choices):
            raise UsageError(
                f"question {number} has no choice {answer}", hint=f"1 to {len(question.choices)}"
            )
    if not by.strip():
        raise UsageError("an acknowledgement needs the name of the person", hint="--by NAME")
    right = sum(answer - 1 == question.right for question, answer in zip(questions, answers, strict=True))
    given = Acknowledgement(
        role=briefing.role,
        by=by.strip()[:_MAX_NAME],
        on=clock.now().date(),
        digest=briefing.digest,
        asked=len(questions),
        right=right,
    )
    if given.is_current(briefing, today=given.on):
        record(root / LOG_FOLDER, [entry_of(given)], key=key, clock=clock)
    return given

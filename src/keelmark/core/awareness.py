"""Briefings: what people of one role must know of the threats to their own system, and who has acknowledged it (SD-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from keelmark.core.outcome import Audience

__all__ = ["Acknowledged", "Acknowledgement", "Briefing", "Question", "Topic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One part of a briefing: a heading and what is said under it, a sentence each."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of the short check.

    Attributes:
        choices: What can be answered, in the order in which it is shown.
        right: Index of the right choice.
        because: Why it is right, shown after the answer.
    """

    text: str
    choices: tuple[str, ...]
    right: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What people of one role must know.

    Attributes:
        digest: SHA-256 over the role and the threat model; another threat model gives another briefing.
    """

    role: Audience
    system: str
    digest: str
    topics: tuple[Topic, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """A person has read a briefing and answered its check.

    Attributes:
        role: Role for which the briefing was written.
        by: The person.
        on: Day of the acknowledgement.
        digest: Of the briefing.
        asked: Questions of the check.
        right: Questions answered rightly.
    """

    role: Audience
    by: str
    on: date
    digest: str
    asked: int
    right: int

    def is_current(self, briefing: Briefing, *, today: date, max_age_days: int = 365) -> bool:
        """Whether it speaks of this briefing, was passed, and is not older than a year."""
        # How many questions there are changes with findings; what was acknowledged changes with the threat model.
        is_checked = self.asked > 0 or not briefing.questions
        return (
            is_checked
            and self.role is briefing.role
            and self.counts_for(briefing.digest, today=today, max_age_days=max_age_days)
        )

    def counts_for(self, digest: str, *, today: date, max_age_days: int = 365) -> bool:
        """Whether it speaks of the briefing of that digest, every answer was right, and it is not older than a year."""
        age = (today - self.on).days
        return self.digest == digest and self.right == self.asked and 0 <= age <= max_age_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """What the transparency log of a project holds of acknowledgements.

    Attributes:
        given: Each of them, oldest first.
        unreadable: Why the log could not be read; "" when it was.
    """

    given: tuple[Acknowledgement, ...] = ()
    unreadable: str = ""

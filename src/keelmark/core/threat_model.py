"""What a project declares of its threats: boundaries, assets, attackers, estimates, dispositions, decisions.

These are words of `keelmark.yaml` (or of `threat-model.yaml` beside it). What follows from them is in `core.threats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

__all__ = [
    "Appetite",
    "Attacker",
    "Boundary",
    "DeclaredThreatModel",
    "DesignDecision",
    "Disposition",
    "ModelChoice",
    "ProtectedAsset",
    "Range",
    "RiskEstimate",
    "Sensitivity",
    "Skill",
    "Treatment",
]


class Sensitivity(StrEnum):
    """How much it hurts when an asset is lost, changed or told."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    SECRET = "secret"  # noqa: S105 - a grade, not a password


class Skill(StrEnum):
    """What an attacker can do without help, least first."""

    NOVICE = "novice"
    PRACTITIONER = "practitioner"
    EXPERT = "expert"
    STATE = "state"


class Treatment(StrEnum):
    """What is done about a threat."""

    MITIGATE = "mitigate"
    ACCEPT = "accept"
    TRANSFER = "transfer"
    AVOID = "avoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """A line across which nothing is believed unchecked.

    Attributes:
        id: Short name, unique; components name it as their `boundary`.
        title: What people call it.
        owner: Who answers for what lies inside; "" for the outside.
    """

    id: str
    title: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedAsset:
    """Something of value that the system holds or can reach.

    Attributes:
        id: Short name, unique.
        where: Ids of components that hold it.
        owner: Role or person.
        sensitivity: How much it hurts.
        value: Money, in the currency of the owner; None when not estimated.
    """

    id: str
    where: tuple[str, ...]
    owner: str
    sensitivity: Sensitivity
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacker:
    """Somebody who wants the assets.

    Attributes:
        id: Short name, unique.
        skill: What the attacker can do without help.
        budget: Money for each attempt at the system, in the currency of the owner; None when not estimated.
        automated: Whether the attacker is, or is helped by, a program that tries on by itself.
        reaches: Ids of components where the attacker can put something in; empty for every untrusted flow.
        wants: Ids of protected assets; empty for all.
    """

    id: str
    skill: Skill
    budget: float | None = None
    automated: bool = False
    reaches: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A 90 % interval: one estimate in twenty may lie below `low`, one in twenty above `high`."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskEstimate:
    """How often a threat comes true and what it costs, as the people of the system estimate it.

    Attributes:
        threat: Id of the threat.
        frequency: Loss events in a year at the present size.
        loss: Money lost in one event.
        basis: What the estimate rests on.
        element: Id of the component for which it holds; "" for the threat as a whole.
    """

    threat: str
    frequency: Range
    loss: Range
    basis: str
    element: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appetite:
    """How much loss in a year the owner bears.

    Attributes:
        annual_loss: Money, for all threats together.
        percentile: The share of simulated years, in percent, that must stay below it.
        owner: Role or person who says so.
        per_threat: Money for each threat alone; None for no limit of its own.
    """

    annual_loss: float
    owner: str
    percentile: int = 95
    per_threat: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """What is done about one threat, and who decided it.

    Attributes:
        threat: Id of the threat.
        treatment: `mitigate`, `accept`, `transfer` or `avoid`.
        reason: Why this treatment.
        owner: Role or person who decided.
        expires: First day on which it no longer counts; an acceptance must have one.
        controls: Recommendations that mitigate it. Whether they do is told by checks, not by this list.
        to: Whom it is transferred to.
        told: How the user notice names it, where it is accepted.
    """

    threat: str
    treatment: Treatment
    reason: str
    owner: str
    expires: date | None = None
    controls: tuple[str, ...] = ()
    to: str = ""
    told: str = ""

    def is_current(self, today: date) -> bool:
        """Whether it counts on that day."""
        return self.expires is None or today < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignDecision:
    """A choice of the design, and what it was weighed against (SD-2.d, SD-3).

    Attributes:
        id: Short name, unique.
        recommendations: Ids of the catalogue that it answers.
        question: What had to be decided.
        choice: What was chosen.
        alternatives: What was turned down.
        reason: Why, security and function both.
        owner: Role or person.
        on: Day of the decision.
        review: Day on which it is looked at again; None for none.
    """

    id: str
    question: str
    choice: str
    reason: str
    owner: str
    on: date
    recommendations: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    review: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Why this model and no other (SD-4).

    Attributes:
        model: Id of the component, or of the hosted or hub model.
        reason: Why it fits.
        owner: Role or person.
        on: Day of the choice.
        size: Parameters or dimensions, and why not less.
        origin: Where it comes from and how far that can be trusted.
        licence: SPDX expression or the name of the terms.
        hardening: What makes it harder to attack: adversarial training, filters, regularisation, privacy.
        alternatives: Models that were compared.
        cost_of_change: What replacing it would take.
    """

    model: str
    reason: str
    owner: str
    on: date
    size: str = ""
    origin: str = ""
    licence: str = ""
    hardening: str = ""
    alternatives: tuple[str, ...] = ()
    cost_of_change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredThreatModel:
    """The part of the threat model that only people can say; components and flows stand beside it.

    Attributes:
        reviewed_on: Day of the last look at the whole.
        currency: Of every amount.
        boundaries: Trust boundaries.
        assets: What is worth protecting.
        attackers: Who wants it.
        estimates: Frequencies and losses.
        appetite: How much loss is borne.
        dispositions: What is done about each threat.
        decisions: Choices of the design.
        model_choices: Why these models.
    """

    reviewed_on: date | None = None
    currency: str = "EUR"
    boundaries: tuple[Boundary, ...] = ()
    assets: tuple[ProtectedAsset, ...] = ()
    attackers: tuple[Attacker, ...] = ()
    estimates: tuple[RiskEstimate, ...] = ()
    appetite: Appetite | None = None
    dispositions: tuple[Disposition, ...] = ()
    decisions: tuple[DesignDecision, ...] = ()
    model_choices: tuple[ModelChoice, ...] = ()

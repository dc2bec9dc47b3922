"""Words of the evaluation dossier: facts, who may see them, and what proves that all levels tell of the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from keelmark.core.outcome import Outcome
from keelmark.core.signature import SignerIdentity

__all__ = [
    "Dossier",
    "DossierState",
    "DossierStatement",
    "DossierVerification",
    "Fact",
    "Leaf",
    "Level",
    "Section",
]


class Level(StrEnum):
    """Who reads a dossier, from the one that sees least to the one that sees all."""

    PUBLIC = "public"
    CUSTOMER = "customer"
    AUTHORITY = "authority"
    SEALED = "sealed"

    def sees(self, needs: Level) -> bool:
        """Whether this reader may see what needs that level."""
        return _RANKS[self] >= _RANKS[needs]


_RANKS = {level: rank for rank, level in enumerate(Level)}


class DossierState(StrEnum):
    """What a dossier is worth, what weighs most first."""

    DAMAGED = "damaged"
    UNTRUSTED = "not signed by a trusted key"
    OTHER_RELEASE = "of another release"
    OTHER_FACTS = "other facts"
    UNKNOWN = "cannot tell"
    VALID = "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One kind of fact.

    Attributes:
        name: First part of the names of its facts.
        title: For people.
        needs: The lowest level that shows it.
        why: Why lower levels do not; "" where all show it.
    """

    name: str
    title: str
    needs: Level
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact.

    Attributes:
        name: `section/number` or `section/id`. Names are shown at every level, so they never tell what is hidden.
        value: Texts, whole numbers, truth values, lists and objects of them.
    """

    name: str
    value: Mapping[str, Any]

    @property
    def section(self) -> str:
        """The kind of fact."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A fact as a dossier holds it: shown with its salt, or hidden behind its commitment.

    Attributes:
        name: Of the fact.
        needs: The lowest level that shows it.
        commitment: SHA-256 over salt and fact, hexadecimal.
        salt: Hexadecimal; "" when the fact is hidden.
        value: None when the fact is hidden.
    """

    name: str
    needs: Level
    commitment: str
    salt: str = ""
    value: Mapping[str, Any] | None = None

    @property
    def section(self) -> str:
        """The kind of fact."""
        return self.name.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Dossier:
    """What one reader sees of a release.

    Attributes:
        level: Of the reader.
        release: Id of the release.
        release_digest: SHA-256 of the release as a file, hexadecimal.
        root: Of the Merkle tree over all leaves, hexadecimal: the same at every level.
        keelmark: Version of the program that wrote the facts down.
        leaves: All of them in the order of their names, shown and hidden.
    """

    level: Level
    release: str
    release_digest: str
    root: str
    keelmark: str
    leaves: tuple[Leaf, ...]

    @cached_property
    def facts(self) -> Mapping[str, Mapping[str, Any]]:
        """What is shown, by name."""
        return {each.name: each.value for each in self.leaves if each.value is not None}

    @cached_property
    def hidden(self) -> tuple[Leaf, ...]:
        """What is not shown."""
        return tuple(each for each in self.leaves if each.value is None)

    def of(self, section: str) -> Mapping[str, Mapping[str, Any]]:
        """The shown facts of one kind, by the second part of their names."""
        start = f"{section}/"
        return {name.removeprefix(start): fact for name, fact in self.facts.items() if name.startswith(start)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierStatement:
    """What is signed of a dossier.

    Attributes:
        level: Of the reader.
        release: Id of the release.
        release_digest: SHA-256 of the release as a file.
        root: Of the Merkle tree over all leaves.
        leaves: How many there are.
        parts: SHA-256 of every other file of the archive, by name.
        keelmark: Version of the program that made it.
        made: When.
    """

    level: Level
    release: str
    release_digest: str
    root: str
    leaves: int
    parts: Mapping[str, str]
    keelmark: str
    made: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierVerification:
    """Whether a dossier is what somebody trusted has signed.

    Attributes:
        outcome: Pass: it is. Fail: it is not. Unknown: that cannot be told.
        state: What weighs most.
        reasons: Everything that keeps it from being a pass.
        signers: Whose signature holds.
        statement: What was signed; None unless a trusted key signed it.
        system: Name and version as the dossier tells them; "" when it was not accepted.
        shown: Facts that it shows.
        hidden: Facts that it hides, by the level that they need.
        against: Level of the other dossier that tells of the same facts; None when there is none.
        notes: What the reader should know though it changes nothing.
    """

    outcome: Outcome
    state: DossierState
    reasons: tuple[str, ...] = ()
    signers: tuple[SignerIdentity, ...] = ()
    statement: DossierStatement | None = None
    system: str = ""
    shown: int = 0
    hidden: Mapping[Level, int] | None = None
    against: Level | None = None
    notes: tuple[str, ...] = ()

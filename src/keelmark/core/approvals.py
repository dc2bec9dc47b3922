"""Single calls of tools that wait for a person, and approvals that wait to be used: what any place that keeps them promises.

1. An approval is for one caller, one tool and the very arguments, by their digest; whoever asks for anything else gets none.
2. It is used once: of any number that take it at the same time, in whichever process or machine, one gets it.
3. It ends, used or not. What waits for a decision is decided once, and is forgotten after a while.
4. What cannot be read or reached raises; nothing is approved by it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Approval", "ApprovalBounds", "ApprovalStore", "approval_key", "caller_key"]


class Approval(msgspec.Struct, frozen=True):
    """Something that a person has to decide. The arguments are shown as what was asked for: who approves must see them.

    Attributes:
        id: Random.
        asked: When, in UTC.
        principal: Who asks.
        subject: Tool, model or limit it is about.
        reason: Why a person is asked.
        digest: SHA-256 of the exact arguments that an approval is bound to.
        arguments: The same, as canonical JSON.
    """

    id: str
    asked: str
    principal: str
    subject: str
    reason: str
    digest: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalBounds:
    """How much is kept, and how long.

    Attributes:
        max_waiting: That wait for a person; the oldest are forgotten.
        max_of_each: That wait of one caller; its oldest are forgotten, so that one caller cannot push out what others asked for.
        max_granted: That wait to be used; those that end first are forgotten.
        waits_s: How long something waits for a person.
        valid_s: How long an approval waits to be used.
        max_bytes: Of one thing that waits.
    """

    max_waiting: int = 1_000
    max_of_each: int = 100
    max_granted: int = 10_000
    waits_s: float = 86_400.0
    valid_s: float = 900.0
    max_bytes: int = 128 * 1024


class ApprovalStore(Protocol):
    """Where both are kept. Called by several threads."""

    def put(self, asked: Approval) -> bool:
        """Let something wait for a person; False when the very same waits already.

        Raises:
            StoreError: It cannot be kept.
        """
        ...

    def waiting(self) -> Sequence[Approval]:
        """What was not decided yet, oldest first.

        Raises:
            StoreError: It cannot be read.
        """
        ...

    def decide(self, id: str, *, is_allowed: bool) -> bool:  # noqa: A002 - as the control plane calls it
        """Decide once; False when nothing of that id waits any more.

        Raises:
            StoreError: It cannot be told whether it was done.
        """
        ...

    def take(self, principal: str, digest: str) -> bool:
        """Use up an approval; False when there is none.

        Raises:
            StoreError: It cannot be told whether there was one; whatever it was, it is not used.
        """
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


def approval_key(principal: str, digest: str) -> str:
    """One name for a caller and what it asks for, hexadecimal."""
    return hashlib.sha256(json.dumps([principal, digest]).encode()).hexdigest()


def caller_key(principal: str) -> str:
    """One name for a caller, hexadecimal."""
    return hashlib.sha256(json.dumps(principal).encode()).hexdigest()

"""One request on its way through the gateway, and the contract of the stages that decide about it.

The rules of a stage, each with a test:

1. A stage answers with a `Decision`, or with something to await that gives one.
2. A stage that raises, takes longer than its time, or answers anything else denies.
3. Once a stage denies, no later one is asked, and nothing is sent upstream.
4. A stage that reserves something hands its release to `exchange.at_end`; that is called exactly once, also when the
   caller goes away.
5. Cancellation passes through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum
from operator import sub
from typing import Any, Protocol

from msgspec import Struct, field

from keelmark.core.call import Call, Usage
from keelmark.core.principal import Principal

__all__ = [
    "ALLOW",
    "Decision",
    "Exchange",
    "Ground",
    "Outcome",
    "Request",
    "Stage",
    "TextScreen",
    "deny",
]


class Outcome(StrEnum):
    """What a stage wants."""

    ALLOW = "allow"
    REDACT = "redact"
    ASK = "ask"
    DENY = "deny"


class Decision(Struct, frozen=True, kw_only=True):
    """What one stage says about one request.

    Attributes:
        outcome: Allow and redact go on; ask and deny stop here.
        reason: Id of the reason, as the table of refusals knows it; "" when it allows.
        detail: What the caller may read besides; never a secret, never text of others.
        retry_after_s: When trying again may help; 0 when it does not.
    """

    outcome: Outcome
    reason: str = ""
    detail: str = ""
    retry_after_s: float = 0.0


ALLOW = Decision(outcome=Outcome.ALLOW)
"""The one decision of every stage that has nothing to say."""


def deny(reason: str, detail: str = "", *, retry_after_s: float = 0.0) -> Decision:
    """A refusal."""
    return Decision(outcome=Outcome.DENY, reason=reason, detail=detail, retry_after_s=retry_after_s)


class Ground(Struct, frozen=True, kw_only=True):
    """Something noticed on the way that is worth recording, also where it changed nothing.

    Attributes:
        stage: Who noticed it.
        reason: Id of the rule or limit.
        outcome: What the rule asks for; in monitor mode it is recorded and not done.
        score: How sure, 0 to 1.
        is_enforced: Whether it was done.
        detail: Without foreign text.
    """

    stage: str
    reason: str
    outcome: Outcome
    score: float = 1.0
    is_enforced: bool = True
    detail: str = ""


class Request(Struct, frozen=True, kw_only=True):
    """One request as the server read it, inside its bounds.

    Attributes:
        method: In capitals.
        path: Decoded once, without query; no dot segments, no double slashes.
        query: Raw, without the question mark.
        headers: Lower-case names; a name that came twice is joined with commas, except those that may not.
        body: Whole.
        peer: Address of the other end of the connection.
        certificate: Subject of the verified client certificate; "" without one.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""
    certificate: str = ""


class TextScreen(Protocol):
    """Looks at a text that arrives in parts, and gives back what may leave."""

    def feed(self, text: str) -> str:
        """Take the next part; the text that may leave now, parts taken out where that is asked for.

        Raises:
            ScreenedError: The text must not go on; nothing of what was held back may leave.
        """
        ...

    def close(self) -> str:
        """The rest, when no more comes.

        Raises:
            ScreenedError: It must not leave.
        """
        ...


class Exchange(Struct, kw_only=True):
    """One request, and what is known about it so far. One task alone works on it.

    Attributes:
        id: Random, 128 bit, hexadecimal; callers get it as `x-request-id`.
        request: As read.
        started: Moment of the first byte, in UTC.
        started_ns: The same on the monotonic clock.
        call: What it asks; set by the first stage that parses it.
        principal: Who asks; None until proved.
        route: The route that the model leads to, as the gateway configures it.
        release: Id of the release under which it is served.
        grounds: What was noticed.
        steps: Names of the steps of its way, stages and what follows them; those that it came to are timed.
        marks: When the first step began and each one ended, on the monotonic clock, in nanoseconds.
        usage: Tokens as the upstream counts them, or as estimated.
        status: HTTP status of the answer; 0 until there is one.
        decision: The decision that ended it; `ALLOW` when it was served.
        decided_by: Name of the stage that ended it.
        at_end: What is released when it is over, last first.
        facts: What stages tell each other and policies: origin, data class, taint, approval.
    """

    id: str
    request: Request
    started: datetime
    started_ns: int
    call: Call | None = None
    principal: Principal | None = None
    route: Any = None
    release: str = ""
    grounds: list[Ground] = field(default_factory=list)
    steps: tuple[str, ...] = ()
    marks: list[int] = field(default_factory=list)
    usage: Usage | None = None
    status: int = 0
    decision: Decision = ALLOW
    decided_by: str = ""
    at_end: list[Callable[[Exchange], None]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    request_digest: str = ""
    answer_digest: str = ""

    @property
    def timings(self) -> tuple[tuple[str, int], ...]:
        """Names of the steps that it came to, with nanoseconds."""
        return tuple(zip(self.steps, map(sub, self.marks[1:], self.marks), strict=False))


class Stage(Protocol):
    """One step of the way in. Its rules stand at the top of this module."""

    @property
    def name(self) -> str:
        """One word, as records and refusals call it."""
        ...

    def __call__(self, exchange: Exchange) -> Decision | Awaitable[Decision]:
        """Decide about the exchange."""
        ...

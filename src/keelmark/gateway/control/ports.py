"""What the control plane steers and tells, as it sees it. Whoever puts the gateway together hands these in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from keelmark.core.approvals import Approval

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

__all__ = [
    "Approval",
    "Approvals",
    "Gateway",
    "GatewayState",
    "Keys",
    "Measure",
    "Record",
    "ReleaseInForce",
    "RevokedKey",
    "RouteState",
    "Standing",
    "WorkerState",
]


class ReleaseInForce(msgspec.Struct, frozen=True):
    """The release that is served.

    Attributes:
        id: Of the release; "" for none.
        reason: Why nothing is served under it; "" when it holds.
        begins: Seconds since 1970 from which it holds.
        ends: Seconds since 1970 from which it no longer does.
    """

    id: str = ""
    reason: str = "not-released"
    begins: float = 0.0
    ends: float = 0.0


class RouteState(msgspec.Struct, frozen=True):
    """What callers can name.

    Attributes:
        name: As callers name it.
        kind: Model or server.
        upstream: Name of what it is asked through.
        asset: Its name in the release.
        reason: Why it is not served; "" when it is.
    """

    name: str
    kind: str
    upstream: str
    asset: str
    reason: str = ""


class WorkerState(msgspec.Struct, frozen=True):
    """One process that serves.

    Attributes:
        process: Its number.
        started: In UTC.
        connections: Open now.
        in_flight: Requests under way.
    """

    process: int
    started: str = ""
    connections: int = 0
    in_flight: int = 0


class Measure(msgspec.Struct, frozen=True):
    """How much of a limit is used.

    Attributes:
        name: Of the limit, or of the dimension of the envelope.
        subject: Of whom: a key, team, model or tool; "" for the whole gateway.
        used: So far, in its window.
        limit: At most; -1 for none.
    """

    name: str
    used: float
    limit: float
    subject: str = ""


class GatewayState(msgspec.Struct, frozen=True):
    """How the gateway stands. Nothing in it is secret.

    Attributes:
        version: Digest or number of the configuration that is in force.
        release: What is served.
        stages: Names, in order.
        routes: What callers can name.
        workers: Processes that serve.
        envelope: What is measured against the release's limits of growth.
        limits: What is used of limits.
    """

    release: ReleaseInForce = ReleaseInForce()
    version: str = ""
    stages: tuple[str, ...] = ()
    routes: tuple[RouteState, ...] = ()
    workers: tuple[WorkerState, ...] = ()
    envelope: tuple[Measure, ...] = ()
    limits: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What readiness depends on, cheap enough to be asked every second. The defaults are not ready.

    Attributes:
        release: What is served.
        is_log_writable: Whether requests can be recorded.
        upstreams: How many there are to ask.
        is_draining: Whether the gateway is about to stop.
    """

    release: ReleaseInForce = field(default_factory=ReleaseInForce)
    is_log_writable: bool = False
    upstreams: int = 0
    is_draining: bool = False


class Gateway(Protocol):
    """What serves requests."""

    def standing(self) -> Standing:
        """What readiness depends on."""
        ...

    def state(self) -> Awaitable[GatewayState]:
        """How it stands."""
        ...

    def reload(self) -> Awaitable[str]:
        """Read the configuration again and put it in force as a whole; what is in force then.

        Raises:
            KeelmarkError: It is not sound; the old one is still in force.
        """
        ...

    def drain(self) -> Awaitable[None]:
        """Begin to stop: take no more requests, end those under way. Returns when it has begun."""
        ...


class RevokedKey(msgspec.Struct, frozen=True):
    """A key that no longer counts."""

    id: str
    revoked: str
    reason: str


class Keys(Protocol):
    """Who may call."""

    def revoked(self) -> Awaitable[Sequence[RevokedKey]]:
        """Keys that were revoked, newest first."""
        ...

    def revoke(self, id: str, reason: str) -> Awaitable[bool]:  # noqa: A002 - as the interface calls it
        """End a key within a second; whether there is such a key.

        Raises:
            KeelmarkError: It could not be ended.
        """
        ...


class Approvals(Protocol):
    """What waits for a person."""

    def waiting(self) -> Awaitable[Sequence[Approval]]:
        """What was not decided yet, oldest first."""
        ...

    def decide(
        self,
        id: str,  # noqa: A002 - as the interface calls it
        decision: Literal["allow", "deny"],
        *,
        owner: str,
        reason: str,
        by: str,
    ) -> Awaitable[bool]:
        """Decide once; whether there was something of that id that waited."""
        ...


class Record(Protocol):
    """Keeps what operators did."""

    def __call__(self, action: str, who: str, reason: str) -> Awaitable[None]:
        """Keep it; raises when it could not be kept."""
        ...

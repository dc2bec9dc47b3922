"""How one worker stands, as operators are told."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from keelmark.gateway.control.ports import GatewayState, Measure, ReleaseInForce, RouteState, WorkerState
from keelmark.version import __version__

if TYPE_CHECKING:
    from datetime import datetime

    from keelmark.deployment.release.stage_released import InForce
    from keelmark.workflows.serve_limits import ServedLimits
    from keelmark.workflows.serve_line import Built

__all__ = ["release_of", "state_of"]

_MAX_MEASURES = 1000


def release_of(page: InForce) -> ReleaseInForce:
    """The release that is in force."""
    return ReleaseInForce(id=page.release, reason=page.reason, begins=page.begins, ends=page.ends)


def state_of(
    page: InForce,
    built: Built,
    *,
    limits: ServedLimits,
    started: datetime,
    connections: int,
    in_flight: int,
) -> GatewayState:
    """All of it.

    Args:
        page: What is in force.
        built: What the settings made.
        limits: What was counted so far.
        started: When the worker was.
        connections: Open now.
        in_flight: Requests under way.
    """
    return GatewayState(
        release=release_of(page),
        version=__version__,
        stages=built.line.pipeline.names,
        routes=tuple(
            RouteState(name=each.name, kind=each.kind.value, upstream=each.upstream, asset=each.asset)
            for each in built.routes
        ),
        limits=tuple(
            Measure(
                name=f"{rule.measure.value} per {rule.subject.value}",
                subject=name,
                used=used,
                limit=rule.amount,
            )
            for rule, name, used in islice(limits.used(), _MAX_MEASURES)
        ),
        workers=(
            WorkerState(
                process=os.getpid(),
                started=started.isoformat(),
                connections=connections,
                in_flight=in_flight,
            ),
        ),
    )

"""The stages, in order, and what happens when one of them does not do as it should.

The order is said once, in `ORDER`; every request goes through all of it:

    disconnect   has somebody pulled the plug                    gateway/control/disconnect.py
    bound        read strictly, inside caps                      gateway/stage_bound.py
    identify     who asks                                        deployment/access
    authorise    may they, this model, these tools               deployment/access
    released     is what is asked for under a valid release      deployment/release
    envelope     does it stay inside what the release allows     operation/behaviour
    limits       reserve requests, tokens, money, places         deployment/protection
    screen-input what the texts carry                            operation/inputs
    admission    may it be recorded                              operation/behaviour
    -> upstream -> screen output -> settle -> record             gateway/answers.py

Stages of users stand where they say: before or behind one of these. The rules of a stage stand in `core/exchange`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING

from keelmark.core.exchange import ALLOW, Decision, Outcome, deny
from keelmark.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keelmark.core.exchange import Exchange, Stage

__all__ = ["BEYOND", "ORDER", "Pipeline", "close", "ordered"]

ORDER = (
    "disconnect",
    "bound",
    "identify",
    "authorise",
    "released",
    "envelope",
    "limits",
    "screen-input",
    "admission",
)
"""Names of the stages before the upstream, in order. Each must be there."""

BEYOND = ("upstream", "answer", "screen-output")
"""What is timed behind the stages: until the head of an answer is there, until it is read, until it is screened."""

_STOPS = frozenset({Outcome.DENY, Outcome.ASK})

_STAGE_TIMEOUT_S = 5.0


def ordered(
    stages: Iterable[Stage], *, extra: Mapping[str, Iterable[Stage]] | None = None
) -> tuple[Stage, ...]:
    """All stages in their order.

    Args:
        stages: One for each name in `ORDER`.
        extra: Further stages, by the name of the one that they follow.

    Raises:
        ConfigurationError: One is missing, comes twice, or follows none.
    """
    given = list(stages)
    names = [stage.name for stage in given]
    if sorted(names) != sorted(ORDER):
        raise ConfigurationError(
            f"stages are {', '.join(names)}; there must be exactly {', '.join(ORDER)}",
            hint="a stage that is not wanted is replaced by one that says why it allows, not left out",
        )
    more = {name: tuple(found) for name, found in (extra or {}).items()}
    if unknown := sorted(set(more) - set(ORDER)):
        raise ConfigurationError(
            f"`{unknown[0]}` is no stage to follow", hint=f"stages are {', '.join(ORDER)}"
        )
    by_name = dict(zip(names, given, strict=True))
    return tuple(stage for name in ORDER for stage in (by_name[name], *more.get(name, ())))


class Pipeline:
    """Asks one stage after the other.

    Args:
        stages: In order.
        timeout_s: What a stage that waits may take.
        now_ns: Nanoseconds that never go back.
    """

    __slots__ = ("_now_ns", "_stages", "_timeout_s", "names", "steps")

    def __init__(
        self,
        stages: Iterable[Stage],
        *,
        timeout_s: float = _STAGE_TIMEOUT_S,
        now_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._stages = tuple(stages)
        self._timeout_s = timeout_s
        self._now_ns = now_ns
        self.names = tuple(stage.name for stage in self._stages)
        """Names of all stages, in order."""
        self.steps = (*self.names, *BEYOND)
        """Names of all that is timed, in order."""

    async def decide(self, exchange: Exchange) -> Decision:
        """The first decision that stops the exchange, or `ALLOW`; it is noted in the exchange."""
        now_ns, mark, allow = self._now_ns, exchange.marks.append, ALLOW
        exchange.steps = self.steps
        mark(now_ns())
        for stage in self._stages:
            try:
                said: object = stage(exchange)
                if said is allow:
                    mark(now_ns())
                    continue
                decision = said if isinstance(said, Decision) else await self._waited(said)
            except TimeoutError:
                decision = deny("stage-timeout")
            except Exception:  # noqa: BLE001 - the edge: whatever fails denies
                decision = deny("stage-failed")
            mark(now_ns())
            if decision.outcome in _STOPS:
                exchange.decision, exchange.decided_by = decision, stage.name
                return decision
        return ALLOW

    async def _waited(self, said: object) -> Decision:
        """What a stage that waits says in the end; silence is a refusal."""
        if not inspect.isawaitable(said):
            return deny("stage-silent")
        async with asyncio.timeout(self._timeout_s):
            found: object = await said
        return found if isinstance(found, Decision) else deny("stage-silent")


def close(exchange: Exchange) -> None:
    """Give back everything that was reserved, last first, once; what fails there keeps none of the others."""
    while exchange.at_end:
        release = exchange.at_end.pop()
        try:
            release(exchange)
        except Exception as error:  # noqa: BLE001 - each reservation is on its own
            exchange.facts.setdefault("release_errors", []).append(type(error).__name__)

"""Detectors of others: what they must offer, how they are chosen, and what happens when they fail.

1. Only detectors that the settings name are loaded and asked.
2. A detector that raises or takes too long denies when it is enforced; while it is monitored, the failure is recorded.
3. A detector that is not installed, fails while it is loaded, or breaks the contract stops the start: a missing detector
   would be silence.
4. A score outside 0 to 1, or no number, is a failure.
5. A detector that hangs holds up no more than its own threads, and not the end of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import queue
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from keelmark.core.exchange import ALLOW, Decision, Ground, Outcome, deny
from keelmark.engine.installed import load_named
from keelmark.errors import ConfigurationError, RuleError
from keelmark.operation.inputs.settings import Action, DetectorSettings, GroupRule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from keelmark.core.call import Provenance, Span
    from keelmark.core.exchange import Exchange

__all__ = ["ENTRY_POINT_GROUP", "Detector", "Plugin", "Signal", "ask", "chosen"]

ENTRY_POINT_GROUP: Final = "keelmark.detectors"
_STAGE = "screen-input"
_THREADS = 2
_MAX_WAITING = 256
# All detectors together stay inside the time of the stage, or what is only monitored could deny.
_MAX_TOGETHER_S = 4.0
_STOPS = frozenset({Action.DENY, Action.ASK})
_ACTIONS = _STOPS | {Action.FLAG}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that a detector noticed.

    Attributes:
        kind: What it is, in small letters and hyphens.
        score: How sure, 0 to 1.
    """

    kind: str
    score: float


@runtime_checkable
class Detector(Protocol):
    """A detector of others. It is asked in a thread of its own, unless it answers with something to await."""

    @property
    def name(self) -> str:
        """In small letters and hyphens; the reason in records and refusals."""
        ...

    def look(self, text: str, provenance: Provenance) -> Iterable[Signal] | Awaitable[Iterable[Signal]]:
        """What is in a text."""
        ...


class _Hands:
    """Threads of one detector: what hangs in them holds up nobody else.

    Args:
        max_waiting: Texts that wait.
    """

    __slots__ = ("__weakref__", "_is_begun", "_max", "_queue")

    def __init__(self, max_waiting: int) -> None:
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._max, self._is_begun = max_waiting, False

    async def run(self, work: Callable[[], Any]) -> Any:
        """What the work gives.

        Raises:
            RuleError: Too much waits already.
        """
        if self._queue.qsize() >= self._max:
            raise RuleError("too many texts wait for the detector")
        if not self._is_begun:
            self._is_begun = True
            for _ in range(_THREADS):
                threading.Thread(
                    target=_work, args=(self._queue,), name="keelmark-detector", daemon=True
                ).start()
                # Threads know the queue alone, so that they end when nobody can ask any more.
                weakref.finalize(self, self._queue.put, None).atexit = False
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.put((loop, future, work))
        return await future


def _work(waiting: queue.SimpleQueue[Any]) -> None:
    while (asked := waiting.get()) is not None:
        loop, future, work = asked
        if future.cancelled():
            continue
        try:
            said, error = work(), None
        except BaseException as raised:  # noqa: BLE001 - handed to who asked
            said, error = None, RuleError(f"detector raised {type(raised).__name__}")
        with contextlib.suppress(RuntimeError):  # Nobody waits any more.
            loop.call_soon_threadsafe(_tell, future, said, error)


def _tell(future: asyncio.Future[Any], said: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(said)
    else:
        future.set_exception(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A detector, and how its scores are used.

    Attributes:
        detector: The detector.
        rule: Thresholds, action, and whether it is enforced.
        timeout_s: What it may take for all texts of one request.
        hands: Its threads.
    """

    detector: Detector
    rule: GroupRule = field(default_factory=GroupRule)
    timeout_s: float = 0.5
    hands: _Hands = field(default_factory=lambda: _Hands(_MAX_WAITING))


def chosen(named: Iterable[DetectorSettings]) -> tuple[Plugin, ...]:
    """The detectors that settings name, in that order.

    Raises:
        ConfigurationError: One is not installed, cannot be loaded, breaks the contract, or is used as it cannot be.
    """
    found: dict[str, Plugin] = {}
    for each in named:
        _check(each)
        if each.name in found:
            raise ConfigurationError(f"`screens.detectors` names `{each.name}` twice")
        detector = load_named(ENTRY_POINT_GROUP, each.name, what="detector")
        if not isinstance(detector, Detector) or detector.name != each.name or not callable(detector.look):
            raise ConfigurationError(
                f"`{each.name}` is no detector, or does not call itself so",
                hint="a detector has `name`, that of its entry point, and `look(text, provenance)`",
            )
        found[each.name] = Plugin(
            detector=detector, rule=each.rule, timeout_s=each.timeout_s, hands=_Hands(each.max_waiting)
        )
    if sum(plugin.timeout_s for plugin in found.values()) > _MAX_TOGETHER_S:
        raise ConfigurationError(f"detectors may take {_MAX_TOGETHER_S:g} s together, and no more")
    return tuple(found.values())


def _check(settings: DetectorSettings) -> None:
    rule = settings.rule
    if rule.action not in _ACTIONS or not 0 <= rule.flag_at <= rule.block_at <= 1:
        raise ConfigurationError(
            f"the rule of detector `{settings.name}` cannot be followed",
            hint="action: flag, ask or deny; 0 <= flag_at <= block_at <= 1",
        )
    if settings.timeout_s <= 0 or settings.max_waiting <= 0:
        raise ConfigurationError(f"detector `{settings.name}` needs time, and room to wait")


async def ask(plugins: Sequence[Plugin], spans: Iterable[Span], exchange: Exchange) -> Decision:
    """Ask each detector about each text; the first decision that stops, or `ALLOW`."""
    texts = tuple(spans)
    for plugin in plugins:
        decision = await _one(plugin, texts, exchange)
        if decision is not ALLOW:
            return decision
    return ALLOW


async def _one(plugin: Plugin, spans: Sequence[Span], exchange: Exchange) -> Decision:
    name, rule, score = plugin.detector.name, plugin.rule, 0.0
    try:
        async with asyncio.timeout(plugin.timeout_s):
            for span in spans:
                score = max(score, await _score(plugin, span))
    except TimeoutError:
        return _failed(name, "stage-timeout", rule, exchange)
    except Exception:  # noqa: BLE001 - the edge: whatever fails denies where it is enforced
        return _failed(name, "stage-failed", rule, exchange)
    if score < rule.flag_at:
        return ALLOW
    is_block = score >= rule.block_at and rule.action in _STOPS
    is_done = is_block and rule.is_enforced
    outcome = Outcome.ALLOW
    if is_block:
        outcome = Outcome.ASK if rule.action is Action.ASK else Outcome.DENY
    exchange.grounds.append(
        Ground(stage=_STAGE, reason=name, outcome=outcome, score=score, is_enforced=is_done, detail="plug-in")
    )
    return Decision(outcome=outcome, reason=name) if is_done else ALLOW


async def _score(plugin: Plugin, span: Span) -> float:
    detector = plugin.detector
    if inspect.iscoroutinefunction(detector.look):
        said = await detector.look(span.text, span.provenance)
    else:
        # Read in the thread as well: a generator works only when it is read.
        said = await plugin.hands.run(lambda: _read(detector.look(span.text, span.provenance)))
        if inspect.isawaitable(said):
            said = await said
    scores = [float(signal.score) for signal in said]
    if not all(0.0 <= score <= 1.0 for score in scores):
        raise RuleError(f"detector `{detector.name}` gave a score outside 0 to 1")
    return max(scores, default=0.0)


def _read(said: Any) -> Any:
    return said if inspect.isawaitable(said) else list(said)


def _failed(name: str, reason: str, rule: GroupRule, exchange: Exchange) -> Decision:
    exchange.grounds.append(
        Ground(stage=_STAGE, reason=reason, outcome=Outcome.DENY, is_enforced=rule.is_enforced, detail=name)
    )
    return deny(reason) if rule.is_enforced else ALLOW

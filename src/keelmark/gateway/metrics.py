"""What the gateway counts of the requests that went through it.

A finished exchange is counted by `observe`, once, in about a microsecond: all series of one way through the gateway are
looked up together. No label comes from a text that a caller wrote; a model counts under the name of its route.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import sub
from typing import TYPE_CHECKING, Any

from keelmark.core.call import Api
from keelmark.core.exchange import Outcome
from keelmark.gateway.exposition import Count, Family, FamilySnapshot, Histogram, Kind, Label, Merge, Sample
from keelmark.gateway.refusals import REFUSALS
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.exchange import Exchange, Ground

__all__ = ["Gauges", "Metrics", "MetricsBounds"]

_ABANDONED = "abandoned"
_NS = 1e-9
_MILLIONTH = 1e-6
_ADDED_UP = 256
_BUCKETS_NS = tuple(
    round(seconds * 1e9)
    for seconds in (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
)  # fmt: skip
_UPSTREAM = frozenset(reason for reason in REFUSALS if reason.startswith("upstream-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsBounds:
    """How much may be told apart.

    Attributes:
        max_models: Routes that are counted by name; further ones count as `other`.
        max_series: Of one family.
        max_ways: Combinations of interface, model and outcome that are remembered for speed.
    """

    max_models: int = 200
    max_series: int = 2000
    max_ways: int = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """Asked for when numbers are read, so that nothing has to be counted twice.

    Attributes:
        connections: Open connections of callers.
        in_flight: Requests under way.
        log_queue: Events that wait to be written.
        release: Id of the release in force; "" for none.
        release_ends: Seconds since 1970 at which it ends.
        is_disconnected: Whether everything is refused.
    """

    connections: Callable[[], float] = lambda: 0
    in_flight: Callable[[], float] = lambda: 0
    log_queue: Callable[[], float] = lambda: 0
    release: Callable[[], str] = lambda: ""
    release_ends: Callable[[], float] = lambda: 0
    is_disconnected: Callable[[], bool] = lambda: False


class _Model:
    """What is counted of one model, whatever the request."""

    __slots__ = ("input", "money", "output")

    def __init__(self, metrics: Metrics, name: str) -> None:
        self.input = metrics.tokens.child(name, "input")
        self.output = metrics.tokens.child(name, "output")
        self.money = metrics.money.child(name)


class _Way:
    """All series that one request adds to, apart from those of its stages."""

    __slots__ = ("duration", "error", "model", "requests")

    def __init__(self, metrics: Metrics, key: tuple[str, str, str, str]) -> None:
        api, model, outcome, reason = key
        self.requests = metrics.requests.child(api, model, outcome, reason)
        self.duration = metrics.duration.child(api, outcome)
        self.model = metrics.model(model)
        self.error = metrics.upstream_errors.child(model, reason) if reason in _UPSTREAM else None


class Metrics:
    """Counts what one worker does.

    Args:
        models: Names of routes; others are counted as `other`.
        stages: Names of the stages, those of users included.
        reasons: Reasons of plug-ins, beside those of the table of refusals.
        gauges: What is asked for when numbers are read.
        bounds: How much may be told apart.
        now_ns: The clock that `exchange.started_ns` was read from.
        now: Seconds since 1970.
    """

    def __init__(  # noqa: PLR0913 - all of it by name
        self,
        *,
        models: Iterable[str] = (),
        stages: Iterable[str] = (),
        reasons: Iterable[str] = (),
        gauges: Gauges | None = None,
        bounds: MetricsBounds | None = None,
        now_ns: Callable[[], int] = time.perf_counter_ns,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._bounds = bounds or MetricsBounds()
        self._gauges = gauges or Gauges()
        self._now_ns, self._now = now_ns, now
        self._ways: dict[tuple[str, str, str, str], _Way] = {}
        self._models: dict[str, _Model] = {}
        self._stages: dict[str, tuple[Count, Count]] = {}
        self._steps: tuple[str, ...] = ()
        # By how many marks they have: who came to the same step.
        self._untimed: dict[int, list[list[int]]] = {}
        series = self._bounds.max_series
        api = Label(name="api", known=frozenset({*map(str, Api), "none"}))
        known = frozenset({*sorted(models)[: self._bounds.max_models], "none"})
        model = Label(name="model", known=known)
        outcome = Label(name="outcome", known=frozenset({*map(str, Outcome), _ABANDONED}))
        reason = Label(name="reason", known=frozenset({*REFUSALS, *reasons, ""}))
        stage = Label(name="stage", known=frozenset(stages) if stages else None)
        self.requests = _counter(
            "keelmark_requests_total",
            "Requests that were answered or given up.",
            (api, model, outcome, reason),
            max_series=series,
        )
        self.duration: Family[Histogram] = Family(
            "keelmark_request_duration_seconds",
            Kind.HISTOGRAM,
            "From the first byte of a request to the end of its answer.",
            make=lambda: Histogram(_BUCKETS_NS),
            labels=(api, outcome),
            bounds=_BUCKETS_NS,
            scale=_NS,
        )
        self.stage_seconds = _counter(
            "keelmark_stage_seconds_total", "Time spent in a stage.", (stage,), scale=_NS, max_series=100
        )
        self.stage_calls = _counter(
            "keelmark_stage_calls_total", "Requests that a stage decided about.", (stage,), max_series=100
        )
        self.tokens = _counter(
            "keelmark_tokens_total", "Tokens, by direction.", (model, Label(name="direction"))
        )
        self.money = _counter(
            "keelmark_spend_total", "Money, in the currency of the settings.", (model,), scale=_MILLIONTH
        )
        self.upstream_errors = _counter(
            "keelmark_upstream_errors_total",
            "Requests that the model did not answer as it should.",
            (model, reason),
        )
        self.hits = _counter(
            "keelmark_screen_hits_total",
            "What was noticed on the way, also where it changed nothing.",
            (stage, Label(name="reason"), outcome, Label(name="enforced")),
            max_series=500,
        )

    def observe(self, exchange: Exchange, *, money: int = 0) -> None:
        """Count one finished exchange.

        Args:
            exchange: Which nothing happens to any more.
            money: What it cost, in millionths of the currency.
        """
        call, route, decision = exchange.call, exchange.route, exchange.decision
        key = (
            call.api if call is not None else "none",
            route.name if route is not None else "none",
            decision.outcome if exchange.status else _ABANDONED,
            decision.reason,
        )
        way = self._ways.get(key) or self._way(key)
        way.requests.value += 1
        way.duration.observe(self._now_ns() - exchange.started_ns)
        if way.error is not None:
            way.error.value += 1
        usage = exchange.usage
        if usage is not None:
            if usage.input_tokens > 0:
                way.model.input.value += usage.input_tokens
            if usage.output_tokens > 0:
                way.model.output.value += usage.output_tokens
        if money > 0:
            way.model.money.value += money
        marks = exchange.marks
        if exchange.steps is not self._steps:
            self._add_up()
            self._steps = exchange.steps
        alike = self._untimed.setdefault(len(marks), [])
        alike.append(marks)
        if len(alike) >= _ADDED_UP:
            self._add_up()
        if exchange.grounds:
            self._note(exchange.grounds)

    def model(self, name: str) -> _Model:
        """What is counted of one model."""
        found = self._models.get(name)
        if found is None:
            found = _Model(self, name)
            if len(self._models) < self._bounds.max_models:
                self._models[name] = found
        return found

    def snapshot(self) -> tuple[FamilySnapshot, ...]:
        """Everything that was counted so far, and how things stand now."""
        self._add_up()
        families: tuple[Family[Any], ...] = (
            self.requests, self.duration, self.stage_seconds, self.stage_calls, self.tokens, self.money,
            self.upstream_errors, self.hits,
        )  # fmt: skip
        return (*(family.snapshot() for family in families), *self._standing())

    def _way(self, key: tuple[str, str, str, str]) -> _Way:
        way = _Way(self, key)
        if len(self._ways) < self._bounds.max_ways:
            self._ways[key] = way
        return way

    def _stage(self, name: str) -> tuple[Count, Count]:
        found = (self.stage_seconds.child(name), self.stage_calls.child(name))
        if len(self._stages) < self._bounds.max_series:
            self._stages[name] = found
        return found

    def _add_up(self) -> None:
        """Add what steps took: of many requests at once, since one sum of a column costs less than as many additions."""
        for rows in self._untimed.values():
            sums = [sum(column) for column in zip(*rows, strict=True)]
            for name, took_ns in zip(self._steps, map(sub, sums[1:], sums), strict=False):
                seconds, calls = self._stages.get(name) or self._stage(name)
                seconds.value += took_ns
                calls.value += len(rows)
        self._untimed.clear()

    def _note(self, grounds: Iterable[Ground]) -> None:
        for ground in grounds:
            enforced = "true" if ground.is_enforced else "false"
            self.hits.child(ground.stage, ground.reason, ground.outcome, enforced).value += 1

    def _standing(self) -> Iterable[FamilySnapshot]:
        gauges = self._gauges
        release = gauges.release()
        yield _gauge("keelmark_connections", "Open connections of callers.", gauges.connections())
        yield _gauge("keelmark_requests_in_flight", "Requests under way.", gauges.in_flight())
        yield _gauge(
            "keelmark_log_queue_length", "Events that wait to be written to the log.", gauges.log_queue()
        )
        yield _gauge(
            "keelmark_disconnected",
            "1 when everything is refused.",
            int(gauges.is_disconnected()),
            merge=Merge.MIN,
        )
        yield _info("keelmark_release_info", "The release in force.", "release", release)
        if release:
            yield _gauge(
                "keelmark_release_expires_seconds",
                "Seconds until the release in force ends.",
                round(gauges.release_ends() - self._now(), 3),
                merge=Merge.MIN,
            )
        yield _info("keelmark_build_info", "The gateway itself.", "version", __version__)


def _counter(
    name: str,
    help: str,  # noqa: A002 - the word of the format
    labels: tuple[Label, ...],
    *,
    scale: float = 1,
    max_series: int = 2000,
) -> Family[Count]:
    return Family(name, Kind.COUNTER, help, make=Count, labels=labels, scale=scale, max_series=max_series)


def _gauge(name: str, help: str, value: float, *, merge: Merge = Merge.SUM) -> FamilySnapshot:  # noqa: A002 - as above
    return FamilySnapshot(name, Kind.GAUGE, help, merge=merge, samples=(Sample((), value),))


def _info(name: str, help: str, label: str, value: str) -> FamilySnapshot:  # noqa: A002 - as above
    samples = (Sample((value,), 1),) if value else ()
    return FamilySnapshot(name, Kind.GAUGE, help, (label,), Merge.MAX, samples=samples)

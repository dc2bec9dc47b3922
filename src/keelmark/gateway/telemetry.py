"""Spans and measurements for OpenTelemetry; its packages are loaded only where the settings name a receiver.

1. No text of a call stands on a span, and nothing that a caller wrote: only names of the table in `telemetry_names`, with
   what the gateway itself knows.
2. Telemetry never fails a request and never makes one wait: what does not fit into the queue is dropped and counted.
3. What the receiver does is the business of a thread of its own, and of no request.
4. Without TLS nothing is sent beyond loopback.

Trace ids that callers send are not followed: whoever calls must not be able to write into traces of others.
"""

from __future__ import annotations

import importlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from keelmark.core.exchange import Outcome
from keelmark.errors import ConfigurationError
from keelmark.gateway import telemetry_names as conventions
from keelmark.gateway.telemetry_names import Names
from keelmark.gateway.telemetry_settings import check
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    from keelmark.core.call import Call
    from keelmark.core.exchange import Exchange
    from keelmark.core.secret import Secret
    from keelmark.gateway.telemetry_settings import TelemetrySettings

__all__ = ["Export", "Telemetry", "export_to"]

_NS = 1_000_000_000
_BATCH = 512


class _Fact(NamedTuple):
    """What is told of one request; nothing of it leads back to its content."""

    name: str
    began_ns: int
    ended_ns: int
    is_error: bool
    attributes: dict[str, str | int]


class Export(Protocol):
    """Where facts go."""

    def span(
        self, name: str, *, began_ns: int, ended_ns: int, is_error: bool, attributes: Mapping[str, str | int]
    ) -> None:
        """Hand over one span; nanoseconds since 1970."""
        ...

    def measure(self, name: str, value: float, attributes: Mapping[str, str | int]) -> None:
        """Hand over one measurement."""
        ...

    def close(self) -> None:
        """Send what waits, within its time."""
        ...


class Telemetry:
    """Tells a receiver of finished exchanges.

    Args:
        export: Where facts go.
        servers: Host and port by name of an upstream.
        max_queue: Facts that wait.
        now_ns: The clock that `exchange.started_ns` was read from.
    """

    def __init__(
        self,
        export: Export,
        *,
        servers: Mapping[str, tuple[str, int]] | None = None,
        max_queue: int = 2048,
        now_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._export, self._now_ns = export, now_ns
        self.servers: Mapping[str, tuple[str, int]] = dict(servers or {})
        """Host and port by name of an upstream, as the settings in force say."""
        self._queue: queue.Queue[_Fact | None] = queue.Queue(max_queue)
        self.dropped = 0
        """Requests that were not told of, because too many waited or the receiver's part failed."""
        self._thread = threading.Thread(target=self._work, name="keelmark-telemetry", daemon=True)
        self._thread.start()

    def observe(self, exchange: Exchange) -> None:
        """Tell of one finished exchange, later."""
        try:
            self._queue.put_nowait(self._fact(exchange))
        except Exception:  # noqa: BLE001 - telemetry never fails a request
            self.dropped += 1

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what waits, and end."""
        try:
            self._queue.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (fact := self._queue.get()) is not None:
            try:
                self._hand_over(fact)
            except Exception:  # noqa: BLE001 - the next one may pass
                self.dropped += 1
        try:
            self._export.close()
        except Exception:  # noqa: BLE001 - nobody is left to be told
            self.dropped += 1

    def _fact(self, exchange: Exchange) -> _Fact:
        call, route, decision = exchange.call, exchange.route, exchange.decision
        found: dict[str, str | int] = {Names.REQUEST: exchange.id, Names.OUTCOME: str(decision.outcome)}
        operation = "request" if call is None else _called(call, found)
        if route is not None:
            # The name of the route, not what was asked for: that is a text of the caller until it leads somewhere.
            found[Names.REQUEST_MODEL] = route.name
            host, port = self.servers.get(route.upstream, ("", 0))
            if host:
                found[Names.ADDRESS], found[Names.PORT] = host, port
        is_error = decision.outcome in {Outcome.DENY, Outcome.ASK} or not exchange.status
        _ended(exchange, found, is_error=is_error)
        began_ns = round(exchange.started.timestamp() * _NS)
        return _Fact(
            operation if route is None else f"{operation} {route.name}",
            began_ns,
            began_ns + self._now_ns() - exchange.started_ns,
            is_error,
            found,
        )

    def _hand_over(self, fact: _Fact) -> None:
        export, attributes = self._export, fact.attributes
        export.span(
            fact.name,
            began_ns=fact.began_ns,
            ended_ns=fact.ended_ns,
            is_error=fact.is_error,
            attributes=attributes,
        )
        if Names.OPERATION not in attributes:
            return
        common = {name: attributes[name] for name in _MEASURED if name in attributes}
        export.measure(conventions.DURATION, (fact.ended_ns - fact.began_ns) / _NS, common)
        common.pop(Names.ERROR, None)
        for name, kind in ((Names.INPUT_TOKENS, "input"), (Names.OUTPUT_TOKENS, "output")):
            if name in attributes:
                export.measure(conventions.TOKENS, int(attributes[name]), {**common, Names.TOKEN_TYPE: kind})


def _called(call: Call, found: dict[str, str | int]) -> str:
    """Add what is asked for; the name of the operation."""
    names = conventions.OPERATIONS
    operation = names.get(call.api) or names.get((call.api, call.action), "request")
    found[Names.OPERATION], found[Names.API] = operation, str(call.api)
    if provider := conventions.PROVIDERS.get(call.api):
        found[Names.PROVIDER] = provider
    if call.max_output_tokens > 0:
        found[Names.MAX_TOKENS] = call.max_output_tokens
    if call.choices != 1:
        found[Names.CHOICES] = call.choices
    return operation


def _ended(exchange: Exchange, found: dict[str, str | int], *, is_error: bool) -> None:
    """Add what came of it."""
    if exchange.status:
        found[Names.STATUS] = exchange.status
    if exchange.release:
        found[Names.RELEASE] = exchange.release
    if is_error:
        found[Names.ERROR] = exchange.decision.reason or "abandoned"
        if exchange.decided_by:
            found[Names.STAGE] = exchange.decided_by
    usage = exchange.usage
    if usage is not None and usage.input_tokens >= 0:
        found[Names.INPUT_TOKENS] = usage.input_tokens
    if usage is not None and usage.output_tokens >= 0:
        found[Names.OUTPUT_TOKENS] = usage.output_tokens


_MEASURED = (
    Names.OPERATION, Names.PROVIDER, Names.REQUEST_MODEL, Names.ADDRESS, Names.PORT, Names.ERROR,
)  # fmt: skip


def export_to(
    settings: TelemetrySettings,
    *,
    headers: Mapping[str, Secret] | None = None,
    instance: str = "",
    load: Callable[[str], ModuleType] = importlib.import_module,
) -> Export:
    """Where the settings say that facts go; the packages for it are loaded here and nowhere else.

    Args:
        settings: With an endpoint.
        headers: What stands where the settings say, by name of the header.
        instance: Which of several workers this is; "" for none.
        load: Imports a module.

    Raises:
        ConfigurationError: The settings are not sound, a header cannot be sent, or the packages are not there.
    """
    check(settings)
    lines = {name: _line(name, value) for name, value in (headers or {}).items()}
    try:
        return _OtlpExport(settings, lines, instance, load)
    except ImportError as error:
        raise ConfigurationError(
            f"telemetry needs packages that are not installed ({error.name})",
            hint="pip install 'keelmark[otel]', or leave `telemetry` out",
        ) from error


def _line(name: str, value: Secret) -> str:
    """The text of a header; it is not shown, whatever is wrong with it."""
    text = value.reveal().decode("latin-1")
    if not text.isascii() or not text.isprintable():
        raise ConfigurationError(f"what stands where header `{name}` of telemetry says cannot be sent")
    return text


class _OtlpExport:
    """Hands over to the SDK of OpenTelemetry, which sends in batches from threads of its own."""

    def __init__(
        self,
        settings: TelemetrySettings,
        headers: Mapping[str, str],
        instance: str,
        load: Callable[[str], ModuleType],
    ) -> None:
        # The packages have no types here: they are optional, and only this class knows them.
        api: Any = load("opentelemetry.trace")
        trace: Any = load("opentelemetry.sdk.trace")
        resources: Any = load("opentelemetry.sdk.resources")
        self._kind, self._status = api.SpanKind.CLIENT, api.StatusCode.ERROR
        self._context = load("opentelemetry.context").Context
        # Not `Resource.create`: that would send what it finds about the machine and the environment.
        resource = resources.Resource(
            {
                **{each.name: each.value for each in settings.resource},
                "service.name": settings.service,
                "service.version": __version__,
                **({"service.instance.id": instance} if instance else {}),
            },
            conventions.SCHEMA_URL,
        )
        self._tracers = trace.TracerProvider(
            resource=resource,
            sampler=load("opentelemetry.sdk.trace.sampling").TraceIdRatioBased(settings.sample_ratio),
            shutdown_on_exit=False,
        )
        self._tracers.add_span_processor(self._processor(settings, headers, load))
        self._tracer = self._tracers.get_tracer("keelmark", __version__, schema_url=conventions.SCHEMA_URL)
        self._meters = self._provider(settings, headers, resource, load)
        meter = self._meters.get_meter("keelmark", __version__, schema_url=conventions.SCHEMA_URL)
        self._instruments = {
            name: meter.create_histogram(name, unit=unit, explicit_bucket_boundaries_advisory=list(buckets))
            for name, unit, buckets in (
                (conventions.TOKENS, "{token}", conventions.TOKEN_BUCKETS),
                (conventions.DURATION, "s", conventions.DURATION_BUCKETS),
            )
        }

    @staticmethod
    def _processor(
        settings: TelemetrySettings, headers: Mapping[str, str], load: Callable[[str], ModuleType]
    ) -> Any:
        otlp: Any = load("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        exporter = otlp.OTLPSpanExporter(
            endpoint=f"{settings.endpoint.rstrip('/')}/v1/traces",
            headers=dict(headers),
            timeout=settings.timeout_s,
        )
        export: Any = load("opentelemetry.sdk.trace.export")
        return export.BatchSpanProcessor(
            exporter,
            max_queue_size=settings.max_queue,
            max_export_batch_size=min(_BATCH, settings.max_queue),
        )

    @staticmethod
    def _provider(
        settings: TelemetrySettings,
        headers: Mapping[str, str],
        resource: object,
        load: Callable[[str], ModuleType],
    ) -> Any:
        otlp: Any = load("opentelemetry.exporter.otlp.proto.http.metric_exporter")
        exporter = otlp.OTLPMetricExporter(
            endpoint=f"{settings.endpoint.rstrip('/')}/v1/metrics",
            headers=dict(headers),
            timeout=settings.timeout_s,
        )
        export: Any = load("opentelemetry.sdk.metrics.export")
        reader = export.PeriodicExportingMetricReader(
            exporter, export_interval_millis=settings.interval_s * 1000
        )
        metrics: Any = load("opentelemetry.sdk.metrics")
        return metrics.MeterProvider([reader], resource=resource, shutdown_on_exit=False)

    def span(
        self, name: str, *, began_ns: int, ended_ns: int, is_error: bool, attributes: Mapping[str, str | int]
    ) -> None:
        """Hand over one span, which is the root of its trace."""
        span = self._tracer.start_span(
            name, context=self._context(), kind=self._kind, attributes=attributes, start_time=began_ns
        )
        if is_error:
            span.set_status(self._status)
        span.end(end_time=ended_ns)

    def measure(self, name: str, value: float, attributes: Mapping[str, str | int]) -> None:
        """Hand over one measurement."""
        self._instruments[name].record(value, attributes)

    def close(self) -> None:
        """Send what waits."""
        self._tracers.shutdown()
        self._meters.shutdown()

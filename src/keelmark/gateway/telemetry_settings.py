"""Where spans and measurements go, as `gateway.yaml` says it; without an endpoint nothing does."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from urllib.parse import urlsplit

import re2

from keelmark.errors import ConfigurationError

__all__ = ["ResourceAttribute", "TelemetryHeader", "TelemetrySettings", "check"]

_TOKEN = re2.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ATTRIBUTE = re2.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_MAX_ATTRIBUTES, _MAX_HEADERS, _MAX_VALUE = 32, 16, 256
_MAX_QUEUE, _MAX_INTERVAL_S, _MAX_TIMEOUT_S = 65_536, 3_600.0, 60.0
# What the gateway itself says of itself.
_OWN = frozenset({"service.name", "service.version", "service.instance.id"})
# What belongs to the transport.
_NO_HEADERS = frozenset(
    {"host", "content-type", "content-length", "content-encoding", "transfer-encoding", "connection"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryHeader:
    """One header that the receiver wants.

    Attributes:
        name: In small letters: `authorization`, `x-api-key`.
        value: Where its text stands: `env:NAME` or `file:PATH`.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceAttribute:
    """One thing that is told of this service as a whole.

    Attributes:
        name: As the conventions call it: `deployment.environment.name`.
        value: Its text.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySettings:
    """Where spans and measurements go.

    Attributes:
        endpoint: Of a receiver of OTLP over HTTP, without the path of a signal: `https://otel.example.org`. "" for none.
        headers: That it wants.
        service: Name of this service, as the receiver shows it.
        resource: What else is told of it.
        sample_ratio: Share of requests that become a span; measurements count all.
        max_queue: Requests that wait to be handed over; further ones are dropped.
        interval_s: Between two times that measurements are sent.
        timeout_s: What sending may take.
    """

    endpoint: str = ""
    headers: tuple[TelemetryHeader, ...] = ()
    service: str = "keelmark-gateway"
    resource: tuple[ResourceAttribute, ...] = ()
    sample_ratio: float = 1.0
    max_queue: int = 2048
    interval_s: float = 30.0
    timeout_s: float = 10.0


def check(settings: TelemetrySettings) -> None:
    """Check settings with an endpoint.

    Raises:
        ConfigurationError: They are not sound, or would send in the open what must not be.
    """
    _check_endpoint(settings.endpoint)
    _check_numbers(settings)
    names = [each.name for each in settings.headers]
    if len(set(names)) < len(names) or len(names) > _MAX_HEADERS:
        raise ConfigurationError(f"`telemetry.headers` are up to {_MAX_HEADERS}, each once")
    for name in names:
        if _TOKEN.fullmatch(name) is None or name in _NO_HEADERS:
            raise ConfigurationError(
                f"`telemetry.headers` cannot set `{name[:64]}`", hint="small letters: authorization"
            )
    found = [each.name for each in settings.resource]
    if len(set(found)) < len(found) or len(found) > _MAX_ATTRIBUTES:
        raise ConfigurationError(f"`telemetry.resource` are up to {_MAX_ATTRIBUTES}, each once")
    for each in settings.resource:
        if (
            _ATTRIBUTE.fullmatch(each.name) is None
            or each.name in _OWN
            or not 0 < len(each.value) <= _MAX_VALUE
        ):
            raise ConfigurationError(
                f"`telemetry.resource` cannot say `{each.name[:64]}`",
                hint="deployment.environment.name: production",
            )


def _check_numbers(settings: TelemetrySettings) -> None:
    if not 0 <= settings.sample_ratio <= 1 or not settings.service:
        raise ConfigurationError("`telemetry` needs a name of the service, and a share from 0 to 1")
    times = (settings.interval_s, _MAX_INTERVAL_S), (settings.timeout_s, _MAX_TIMEOUT_S)
    if not 1 <= settings.max_queue <= _MAX_QUEUE or any(
        not math.isfinite(value) or not 0.1 <= value <= most for value, most in times
    ):
        raise ConfigurationError(
            f"`telemetry` takes a queue of 1 to {_MAX_QUEUE}, an interval of 0.1 to {_MAX_INTERVAL_S:g} s, "
            f"and a timeout of 0.1 to {_MAX_TIMEOUT_S:g} s"
        )


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        is_plain = parts.port != 0 and not (parts.username or parts.query or parts.fragment)
    except ValueError:
        host, is_plain = "", False
    if not host or not is_plain or parts.scheme not in {"http", "https"}:
        # Not shown: it may carry a password.
        raise ConfigurationError(
            "the endpoint of telemetry is no plain address",
            hint="https://otel.example.org, or http://127.0.0.1:4318; credentials stand under `headers`",
        )
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(f"telemetry is not sent to `{host}` without TLS", hint=f"https://{host}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

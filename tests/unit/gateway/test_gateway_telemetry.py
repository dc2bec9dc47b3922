"""Telemetry tells who, what and how long, never what was said; and no request notices it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import ModuleType

import pytest

from keelmark.core.call import Action, Api, Call, Provenance, Span, ToolUse, Usage
from keelmark.core.exchange import ALLOW, Decision, Exchange, Request, deny
from keelmark.core.route import Route, RouteKind
from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError
from keelmark.gateway import telemetry, telemetry_names
from keelmark.gateway.telemetry import Telemetry, export_to
from keelmark.gateway.telemetry_names import ATTRIBUTES, DURATION, TOKENS, Names
from keelmark.gateway.telemetry_settings import ResourceAttribute, TelemetryHeader, TelemetrySettings

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOON_NS = round(NOON.timestamp()) * 10**9
TEXT = "what the caller wrote"


class Receiver:
    """Remembers what it was told; may be made to fail or to hang."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, dict]] = []
        self.measures: list[tuple[str, float, dict]] = []
        self.times: list[tuple[int, int, bool]] = []
        self.is_closed = False
        self.fails = False
        self.go_on = threading.Event()
        self.go_on.set()
        self.reached = threading.Event()

    def span(self, name, *, began_ns, ended_ns, is_error, attributes) -> None:
        self.reached.set()
        self.go_on.wait(5)
        if self.fails:
            raise OSError
        self.spans.append((name, dict(attributes)))
        self.times.append((began_ns, ended_ns, is_error))

    def measure(self, name, value, attributes) -> None:
        self.measures.append((name, value, dict(attributes)))

    def close(self) -> None:
        self.is_closed = True
        if self.fails:
            raise OSError


def exchange(
    *, api=Api.CHAT, action=Action.INFER, decision=ALLOW, status=200, route="small", **more
) -> Exchange:
    found = Exchange(
        id="0123",
        request=Request(
            method="POST", path="/", headers={"authorization": TEXT, "traceparent": TEXT}, body=TEXT.encode()
        ),
        started=NOON,
        started_ns=1_000,
        call=Call(
            api=api,
            action=action,
            model=TEXT,
            body={"messages": TEXT},
            spans=(Span(text=TEXT, provenance=Provenance.USER),),
            tool_uses=(ToolUse(name=TEXT, arguments=TEXT),),
            max_output_tokens=100,
        ),
        route=route and Route(name=route, kind=RouteKind.MODEL, upstream="u", asset="a"),
        status=status,
        **more,
    )
    found.decision = decision
    return found


def told(*exchanges: Exchange, **more) -> Receiver:
    receiver = Receiver()
    telemetry_ = Telemetry(
        receiver, servers={"u": ("models.example.org", 443)}, now_ns=lambda: 2_001_000, **more
    )
    for each in exchanges:
        telemetry_.observe(each)
    telemetry_.close()
    return receiver


def test_an_answered_request_is_a_span_in_the_words_of_the_conventions() -> None:
    receiver = told(exchange(usage=Usage(input_tokens=7, output_tokens=5), release="r1"))
    assert receiver.spans == [
        (
            "chat small",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "small",
                "gen_ai.request.max_tokens": 100,
                "gen_ai.usage.input_tokens": 7,
                "gen_ai.usage.output_tokens": 5,
                "server.address": "models.example.org",
                "server.port": 443,
                "http.response.status_code": 200,
                "keelmark.request.id": "0123",
                "keelmark.api": "openai-chat",
                "keelmark.outcome": "allow",
                "keelmark.release.id": "r1",
            },
        )
    ]
    assert receiver.times == [(NOON_NS, NOON_NS + 2_000_000, False)]
    assert receiver.is_closed


def test_measurements_go_beside_it() -> None:
    receiver = told(exchange(usage=Usage(input_tokens=7, output_tokens=-1)))
    common = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "small",
        "server.address": "models.example.org",
        "server.port": 443,
    }
    assert receiver.measures == [
        (DURATION, 0.002, common),
        (TOKENS, 7, {**common, "gen_ai.token.type": "input"}),
    ]


def test_no_text_of_a_caller_is_told() -> None:
    requests = [
        exchange(api=api, action=action, route=route)
        for api in Api
        for action in Action
        for route in (None, "small")
    ]
    requests.append(exchange(route=None, decision=deny("no-such-model", TEXT), status=404))
    unread = exchange(route=None, decision=deny("bad-json", TEXT), status=400)
    unread.call = None
    receiver = told(*requests, unread)
    assert len(receiver.spans) == len(requests) + 1
    assert TEXT not in repr((receiver.spans, receiver.measures))
    for _, attributes in receiver.spans:
        assert set(attributes) <= ATTRIBUTES


def test_a_refusal_is_an_error_with_its_reason_and_stage() -> None:
    receiver = told(exchange(decision=deny("rate-limited"), status=429, decided_by="limits"))
    ((_, attributes),) = receiver.spans
    assert attributes[Names.ERROR] == "rate-limited"
    assert attributes[Names.STAGE] == "limits"
    assert receiver.times[0][2] is True
    assert receiver.measures[0][2][Names.ERROR] == "rate-limited"


def test_a_request_that_was_given_up_is_an_error() -> None:
    ((_, attributes),) = told(exchange(status=0)).spans
    assert attributes[Names.ERROR] == "abandoned"
    assert Names.STATUS not in attributes


def test_a_request_that_could_not_be_read_is_a_span_without_a_measurement() -> None:
    unread = exchange(route=None, decision=deny("bad-json"), status=400)
    unread.call = None
    receiver = told(unread)
    assert receiver.spans[0][0] == "request"
    assert receiver.measures == []


@pytest.mark.parametrize(
    ("api", "action", "name"),
    [
        (Api.RESPONSES, Action.INFER, "chat"),
        (Api.MESSAGES, Action.INFER, "chat"),
        (Api.COMPLETIONS, Action.INFER, "text_completion"),
        (Api.EMBEDDINGS, Action.EMBED, "embeddings"),
        (Api.MCP, Action.CALL_TOOL, "execute_tool"),
        (Api.MCP, Action.LIST_TOOLS, "list_tools"),
        (Api.MCP, Action.INFER, "request"),
    ],
)
def test_operations_have_the_names_of_the_conventions(api, action, name) -> None:
    ((found, attributes),) = told(exchange(api=api, action=action)).spans
    assert found == f"{name} small"
    assert attributes[Names.OPERATION] == name


def test_what_nobody_said_is_not_told() -> None:
    silent = exchange(usage=Usage(), decision=deny("draining"), status=503)
    silent.call.max_output_tokens = 0
    attributes = told(silent).spans[0][1]
    assert not {Names.INPUT_TOKENS, Names.OUTPUT_TOKENS, Names.MAX_TOKENS, Names.STAGE} & set(attributes)


def test_several_answers_are_counted() -> None:
    several = exchange()
    several.call.choices = 3
    assert told(several).spans[0][1][Names.CHOICES] == 3


def test_what_does_not_fit_is_dropped_and_nobody_waits() -> None:
    receiver = Receiver()
    receiver.go_on.clear()
    telemetry_ = Telemetry(receiver, max_queue=2, now_ns=lambda: 0)
    telemetry_.observe(exchange())
    receiver.reached.wait(5)  # One is with the receiver, which hangs; two wait; the others are dropped.
    for _ in range(5):
        telemetry_.observe(exchange())
    assert telemetry_.dropped == 3
    telemetry_.close(timeout_s=0.01)
    assert not receiver.is_closed
    receiver.go_on.set()
    telemetry_.close()
    assert len(receiver.spans) == 3
    assert receiver.is_closed


def test_a_receiver_that_fails_is_survived_and_counted() -> None:
    receiver = Receiver()
    receiver.fails = True
    telemetry_ = Telemetry(receiver)
    telemetry_.observe(exchange())
    telemetry_.observe(exchange())
    telemetry_.close()
    assert telemetry_.dropped == 3  # two requests, and the end


def test_an_exchange_that_cannot_be_told_of_fails_no_request() -> None:
    telemetry_ = Telemetry(Receiver())
    telemetry_.observe(None)
    telemetry_.observe(exchange(decision=Decision(outcome=None)))
    telemetry_.close()
    assert telemetry_.dropped == 1


# The packages


class Modules:
    """Stands for the packages of OpenTelemetry; everything that is called is remembered."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple, dict]] = []

    def __call__(self, name: str) -> ModuleType:
        return _Anything(self.calls, name)


class _Anything:
    def __init__(self, calls: list, name: str) -> None:
        self._calls, self._name = calls, name

    def __getattr__(self, name: str) -> _Anything:
        return _Anything(self._calls, f"{self._name}.{name}")

    def __call__(self, *args, **more) -> _Anything:
        self._calls.append((self._name.rpartition("opentelemetry.")[2], args, more))
        return _Anything(self._calls, f"{self._name}()")


def test_the_packages_are_given_what_the_settings_say() -> None:
    modules = Modules()
    settings = TelemetrySettings(
        endpoint="https://otel.example.org/", service="s", sample_ratio=0.5, max_queue=7
    )
    export = export_to(settings, headers={"authorization": Secret(b"Bearer x")}, load=modules)
    telemetry_ = Telemetry(export, now_ns=lambda: 0)
    telemetry_.observe(exchange(decision=deny("rate-limited"), status=429))
    telemetry_.observe(exchange())
    telemetry_.close()
    calls = {name: (args, more) for name, args, more in modules.calls}
    spans = calls["exporter.otlp.proto.http.trace_exporter.OTLPSpanExporter"][1]
    assert spans == {
        "endpoint": "https://otel.example.org/v1/traces",
        "headers": {"authorization": "Bearer x"},
        "timeout": 10.0,
    }
    numbers = calls["exporter.otlp.proto.http.metric_exporter.OTLPMetricExporter"][1]
    assert numbers["endpoint"] == "https://otel.example.org/v1/metrics"
    assert calls["sdk.trace.sampling.TraceIdRatioBased"][0] == (0.5,)
    assert calls["sdk.resources.Resource"][0][1] == telemetry_names.SCHEMA_URL
    names = [name for name, _, _ in modules.calls]
    for end in ("start_span", "set_status", "end", "record", "shutdown"):
        assert any(name.endswith(f".{end}") for name in names), end
    assert telemetry_.dropped == 0
    assert sum(name.endswith(".set_status") for name in names) == 1


def test_without_the_packages_it_says_what_to_install() -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(name, name=name)

    with pytest.raises(ConfigurationError, match="packages that are not installed") as caught:
        export_to(TelemetrySettings(endpoint="https://otel.example.org"), load=missing)
    assert "keelmark[otel]" in caught.value.hint


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "otel.example.org",
        "ftp://a",
        "https://",
        "https://user:hunter2@a",
        "https://a?b",
        "https://a#b",
        "https://a:99999",
        "https://a:0",
        "https://[::1",
    ],
)
def test_what_is_no_plain_address_is_refused_and_not_shown(endpoint) -> None:
    with pytest.raises(ConfigurationError, match="no plain address") as caught:
        export_to(TelemetrySettings(endpoint=endpoint))
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sample_ratio": 1.1}, "share from 0 to 1"),
        ({"service": ""}, "name of the service"),
        ({"max_queue": 0}, "a queue of 1"),
        ({"interval_s": float("nan")}, "an interval"),
        ({"timeout_s": 0.0}, "a timeout"),
        ({"headers": (TelemetryHeader(name="a", value="env:A"),) * 2}, "each once"),
        ({"headers": (TelemetryHeader(name="Host", value="env:A"),)}, "cannot set"),
        ({"headers": (TelemetryHeader(name="host", value="env:A"),)}, "cannot set"),
        ({"headers": (TelemetryHeader(name="a\r\nb", value="env:A"),)}, "cannot set"),
        ({"resource": (ResourceAttribute(name="service.name", value="b"),)}, "cannot say"),
        ({"resource": (ResourceAttribute(name="a", value=""),)}, "cannot say"),
        ({"resource": (ResourceAttribute(name="a", value="b"),) * 2}, "each once"),
    ],
)
def test_settings_that_are_not_sound_are_refused(more, words) -> None:
    with pytest.raises(ConfigurationError, match=words):
        export_to(TelemetrySettings(endpoint="https://otel.example.org", **more), load=Modules())


def test_a_header_that_cannot_be_sent_is_refused_and_not_shown() -> None:
    settings = TelemetrySettings(endpoint="https://otel.example.org")
    with pytest.raises(ConfigurationError, match="header `a`") as caught:
        export_to(settings, headers={"a": Secret(b"hunter2\r\nb: c")}, load=Modules())
    assert "hunter2" not in str(caught.value)


def test_without_tls_nothing_leaves_the_machine() -> None:
    for endpoint in ("http://otel.example.org", "http://192.0.2.1:4318"):
        with pytest.raises(ConfigurationError, match="without TLS"):
            export_to(TelemetrySettings(endpoint=endpoint))
    for endpoint in ("http://127.0.0.1:4318", "http://localhost:4318", "http://[::1]:4318"):
        export_to(TelemetrySettings(endpoint=endpoint), load=Modules())


def test_nothing_is_loaded_before_it_is_asked_for() -> None:
    import subprocess
    import sys

    words = "import sys, keelmark.gateway.telemetry; print([m for m in sys.modules if m.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_of_the_conventions_are_written_in_one_place() -> None:
    from pathlib import Path

    folder = Path(telemetry.__file__).parent
    spelled = [file.name for file in folder.rglob("*.py") if "gen_ai." in file.read_text("utf-8")]
    assert spelled == ["telemetry_names.py"]
    assert telemetry_names.SCHEMA_URL.endswith(telemetry_names.VERSION)

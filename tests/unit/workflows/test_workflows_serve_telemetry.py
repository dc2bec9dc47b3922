"""Telemetry is off unless the settings name a receiver, and is given what they say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from keelmark.config.gateway import parse
from keelmark.errors import ConfigurationError
from keelmark.workflows import serve_telemetry
from keelmark.workflows.serve_telemetry import servers_of, telemetry_of

SMALL = """\
version: 1
release: {keys: [release.pub]}
upstreams:
  - {name: local, url: "http://127.0.0.1:8081/v1"}
  - {name: hosted, url: "https://api.example.org/v1"}
"""
ON = (
    SMALL
    + """\
telemetry:
  endpoint: "https://otel.example.org"
  headers: [{name: authorization, value: "env:OTEL"}]
  max_queue: 7
"""
)


class Nowhere:
    def close(self) -> None:
        pass


def settings(text: str):
    return parse(text, today=date(2026, 1, 1))


def test_it_is_off_unless_a_receiver_is_named(monkeypatch) -> None:
    monkeypatch.setattr(serve_telemetry, "export_to", lambda *_, **__: pytest.fail("nothing is loaded"))
    assert telemetry_of(settings(SMALL), worker="worker-0", root=Path()) is None


def test_it_is_given_what_the_settings_say(monkeypatch) -> None:
    given = {}

    def export_to(wanted, **more):
        given.update(more, wanted=wanted)
        return Nowhere()

    monkeypatch.setattr(serve_telemetry, "export_to", export_to)
    telemetry = telemetry_of(settings(ON), worker="worker-3", root=Path(), environment={"OTEL": "Bearer x"})
    assert telemetry is not None
    telemetry.close()
    assert given["headers"]["authorization"].reveal() == b"Bearer x"
    assert (given["instance"], given["wanted"].max_queue) == ("worker-3", 7)
    assert (
        telemetry.servers
        == servers_of(settings(ON))
        == {
            "local": ("127.0.0.1", 8081),
            "hosted": ("api.example.org", 443),
        }
    )


def test_a_header_that_is_not_there_refuses_the_start() -> None:
    with pytest.raises(ConfigurationError, match="OTEL"):
        telemetry_of(settings(ON), worker="worker-0", root=Path(), environment={})

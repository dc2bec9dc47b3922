"""`gateway.yaml`: closed, and nothing weaker than the default without a reason that ends."""

from __future__ import annotations

from datetime import date

import jsonschema
import pytest

from keelmark.config.gateway import json_schema, parse
from keelmark.core.call import Api
from keelmark.errors import ConfigurationError
from keelmark.formats import yaml_tree

TODAY = date(2026, 1, 31)
SMALL = """\
version: 1
release: {keys: [release.pub]}
upstreams:
  - {name: local, url: "http://127.0.0.1:8081/v1"}
models:
  - {name: small, upstream: local}
"""


def test_the_smallest_file_is_careful() -> None:
    settings = parse(SMALL, today=TODAY)
    assert settings.listen.host == "127.0.0.1"
    assert settings.control.host == ""
    assert settings.release.off is None
    assert settings.models[0].apis == (Api.CHAT,)
    assert settings.access.policies == "policies"


OFF = "{reason: behind a proxy, owner: Platform, expires: 2026-03-01}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("version: 1", "version: 2"), "this Keelmark reads version 1"),
        (("release: {keys: [release.pub]}", "release: {}"), "names no key"),
        (("release: {keys: [release.pub]}", "release: {off: {reason: '', owner: a, expires: 2026-03-01}}"), "needs a reason"),
        (("release: {keys: [release.pub]}", "release: {off: {reason: a, owner: b, expires: 2026-01-31}}"), "ended on"),
        (("upstream: local", "upstream: other"), "which there is not"),
        (("upstream: local", "upstream: local, apis: [mcp]"), "no interface of models"),
        (("upstream: local", "upstream: local, apis: []"), "no interface of models"),
        (("upstream: local", "upstream: local, apis: [predict]"), "is for the predict interface"),
        (("upstream: local", "upstream: local, path: /x"), "is for the predict interface"),
        (("upstream: local", "upstream: local, aset: x"), "unknown key"),
        (("url:", "credential: sk-123, url:"), "not told by where it stands"),
        (("url:", "credential: 'env:', url:"), "not told by where it stands"),
        (("version: 1", "version: 1\ntelemetry: {endpoint: 'http://otel.example.org'}"), "without TLS"),
        (("version: 1", "version: 1\ntelemetry: {sample_ratio: 0.5}"), "no plain address"),
        (("version: 1", "version: 1\ntelemetry: {endpoint: 'https://a', headers: [{name: authorization, value: secret}]}"), "not told by where it stands"),
        (("upstream: local}", "upstream: local, fingerprint: a, apis: [openai-chat, openai-responses]}"), "chat and completions only"),
        (("version: 1", "version: 1\nlisten: {host: 0.0.0.0}"), "in the open"),
        (("version: 1", "version: 1\nlisten: {host: example.org}"), "in the open"),
        (("version: 1", "version: 1\nlisten: {workers: 0}"), "1 to 64 workers"),
        (("version: 1", "version: 1\nlisten: {port: 70000}"), "up to 65535"),
        (("version: 1", "version: 1\ncontrol: {host: 0.0.0.0, token: 'env:A'}"), "stays on this machine"),
        (("version: 1", "version: 1\ncontrol: {host: 127.0.0.1}"), "not told by where it stands"),
        (("version: 1", "version: 1\naccess: {certificates: [{subject: CN=a, id: a}]}"), "client_ca"),
        (("models:", "servers: [{name: a, upstream: local}, {name: a, upstream: local}]\nmodels:"), "twice"),
        (("name: local", "name: ''"), "has no name"),
        (("version: 1", "version: 1\nlimits: {rules: [{subject: key, measure: requests, amount: -1}]}"), "need an amount"),
        (("version: 1", "version: 1\nlimits: {rules: [{subject: key, measure: tokens, amount: 1, window_s: 0}]}"), "need an amount"),
        (("version: 1", "version: 1\nlimits: {rules: [{subject: all, measure: money, amount: 1}]}"), "has no price"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(change: tuple[str, str], words: str) -> None:
    text = SMALL.replace(*change)
    assert text != SMALL
    with pytest.raises(ConfigurationError, match=words) as caught:
        parse(text, today=TODAY)
    assert caught.value.path == "gateway.yaml"


@pytest.mark.parametrize(
    "listen",
    [
        "{host: '::1'}",
        "{host: localhost}",
        f"{{host: 0.0.0.0, plain: {OFF}}}",
        "{host: 0.0.0.0, tls: {certificate: a, key: b}}",
    ],
)
def test_beyond_loopback_only_with_tls_or_a_reason(listen: str) -> None:
    assert parse(f"listen: {listen}\n{SMALL}", today=TODAY).listen.port == 8787


def test_an_empty_file_is_told() -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        parse("", today=TODAY)


def test_the_schema_takes_what_is_taken() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    plain = {
        "version": 1,
        "release": {"keys": ["a"]},
        "upstreams": [{"name": "local", "url": "http://127.0.0.1"}],
        "models": [{"name": "small", "upstream": "local"}],
    }
    jsonschema.validate(plain, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**plain, "extra": 1}, schema)
    assert yaml_tree.parse(SMALL, path="x") is not None

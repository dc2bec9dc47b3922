"""Settings of the gateway: any text is settings or an error with a place, and what is let in is not weaker than it may be."""

from __future__ import annotations

import ipaddress
from datetime import date

from tools.fuzz.core import promise

from keelmark.config.gateway import GatewaySettings, parse
from keelmark.deployment.protection.limits import Measure
from keelmark.errors import ConfigurationError

__all__ = ["SEEDS", "WORDS", "one"]

_TODAY = date(2026, 1, 1)

_WHOLE = b"""\
version: 1
listen: {host: 127.0.0.1, port: 8787, workers: 2}
control: {socket: c.sock}
release: {keys: [release.pem.pub]}
access:
  policies: policies
  tokens:
    - key_set: file:keys.json
      rules: {issuer: "https://i.example", audience: [gateway]}
upstreams:
  - {name: local, url: "http://127.0.0.1:8081/v1", credential: "env:KEY"}
models:
  - {name: small, upstream: local, apis: [openai-chat], input_price: 5, output_price: 5}
  - {name: tab, upstream: local, apis: [predict], path: /predict}
servers:
  - {name: tickets, upstream: local, path: /mcp}
limits:
  rules:
    - {subject: key, measure: requests, amount: 600}
    - {subject: all, measure: money, amount: 5, window_s: 86400}
envelope: {users: ask, tools: warn}
requests: {max_choices: 2, hosted_tools: [web_search]}
record: {audit: group}
log_key: "file:log.pem"
"""
SEEDS = (
    _WHOLE,
    _WHOLE.replace(b"host: 127.0.0.1", b"host: 0.0.0.0, plain: {reason: r, owner: o, expires: 2027-01-01}"),
    _WHOLE.replace(b"host: 127.0.0.1", b"host: example.org, tls: {certificate: c, key: k}"),
    _WHOLE.replace(b"release: {keys: [release.pem.pub]}", b"release: {off: {reason: r, owner: o, expires: 2026-06-01}}"),
    _WHOLE.replace(b"audit: group", b"audit: off-with-reason, off_reason: r, off_owner: o, off_expires: 2026-06-01"),
    _WHOLE.replace(b"socket: c.sock", b"socket: '', host: 127.0.0.1, port: 1, token: 'env:T'"),
    b"version: 1\nupstreams: []\nrelease: {keys: [k]}\n",
    b"version: 2\n", b"", b"[]", b"x", b"version: 1\nversion: 1\n",
)  # fmt: skip
WORDS = (
    b"\n", b": ", b"- ", b"  ", b"{", b"}", b"[", b"]", b"'", b'"', b"#", b"&a ", b"*a", b"<<: ", b"!!python/object:x ", b"|\n", b"null", b"~", b"true", b"yes",
    b"0x10", b"1e9", b"-1", b".inf", b"2025-01-01", b"99999999999999999999", b"host: 0.0.0.0\n", b"host: ::\n", b"expires: 2026-01-01", b"\t", b"\0", b"\xff",
    b"\xef\xbb\xbf", b"...\n", b"---\n", b"env:", b"file:", b"version: 1\n", b"off: ", b"plain: ",
)  # fmt: skip


def one(data: bytes) -> None:
    """One file."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    try:
        settings = parse(text, today=_TODAY)
    except ConfigurationError as error:
        promise(error.message, "an error says nothing", data)
        promise(error.path, "an error without a place", data, error.message)
        return
    _check(settings, data)


def _check(settings: GatewaySettings, data: bytes) -> None:
    listen, control, release = settings.listen, settings.control, settings.release
    try:
        is_loopback = listen.host == "localhost" or ipaddress.ip_address(listen.host).is_loopback
    except ValueError:
        is_loopback = False
    promise(
        is_loopback or listen.tls is not None or listen.plain is not None,
        "credentials cross in the open",
        data,
    )
    promise(release.keys or release.off is not None, "nothing says what may be served", data)
    for off in (listen.plain, release.off):
        promise(
            off is None or (off.reason.strip() and off.owner.strip() and off.expires > _TODAY),
            "off for no reason",
            data,
        )
    promise(not control.host or control.token, "the control plane is open", data)
    names = {each.name for each in settings.upstreams}
    for each in (*settings.models, *settings.servers):
        promise(each.name and each.upstream in names, "a name leads nowhere", data, each.name)
    for each in settings.upstreams:
        promise(
            not each.credential or each.credential.startswith(("env:", "file:")),
            "a credential is written down",
            data,
        )
    for rule in settings.limits.rules:
        promise(rule.amount >= 0 and rule.window_s > 0, "a limit that limits nothing", data)
        if rule.measure is Measure.MONEY:
            promise(
                all(min(each.input_price, each.output_price) >= 0 for each in settings.models),
                "no price",
                data,
            )

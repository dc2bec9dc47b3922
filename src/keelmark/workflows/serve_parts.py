"""What the gateway is put together from, as its settings say: upstreams with credentials, routes, certificates, keys."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urlsplit

from keelmark.config.environment import secret_of
from keelmark.core.route import Route, RouteKind
from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError, LimitExceededError, UsageError
from keelmark.gateway.answers import UpstreamEnd
from keelmark.gateway.http.bounds import UpstreamBounds
from keelmark.gateway.http.upstream import Upstream, UpstreamError, header_lines
from keelmark.gateway.settings import Wire
from keelmark.operation.behaviour.content import ContentForm, Redacted
from keelmark.operation.inputs.settings import Action
from keelmark.operation.inputs.text_screen import OutputScreens
from keelmark.store.durable import read_bounded
from keelmark.workflows.request_content import sealer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from keelmark.config.gateway import GatewaySettings
    from keelmark.deployment.access.token_keys import Fetch
    from keelmark.gateway.settings import TlsSettings, UpstreamSettings
    from keelmark.operation.behaviour.content import ContentKeeper

__all__ = [
    "bound_socket",
    "cluster_for",
    "content_keeper",
    "ended",
    "key_set_source",
    "listener_tls",
    "routes_of",
    "secret_from",
    "upstream_ends",
]

_MAX_SECRET_BYTES = 64 * 1024
_MAX_KEY_SET_BYTES = 256 * 1024
_AGENT = "keelmark"
_OK = 200
_ASKED_AGAIN_S = 1.0


def secret_from(source: str, *, root: Path, environment: Mapping[str, str] | None = None) -> Secret:
    """The secret that `env:NAME` or `file:PATH` stands for; a path starts from the folder of the settings.

    Raises:
        ConfigurationError: It is not there.
    """
    kind, _, rest = source.partition(":")
    if kind == "env":
        found = secret_of(rest, environment)
        if found is None:
            raise ConfigurationError(f"the variable `{rest}` is not set", hint="it holds a credential")
        return found
    try:
        value = read_bounded(root / rest, _MAX_SECRET_BYTES).strip()
    except (OSError, LimitExceededError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"the credential in `{rest}` cannot be read: {reason}") from error
    if not value:
        raise ConfigurationError(f"`{rest}` holds no credential")
    return Secret(value)


async def ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended: a library that one of them waits in may let a cancellation get lost."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_ASKED_AGAIN_S)


@contextlib.contextmanager
def cluster_for(what: str) -> Iterator[None]:
    """Around imports of what the extra `cluster` brings.

    Args:
        what: What needs it.

    Raises:
        UsageError: It is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"{what} need the extra `cluster`", hint="pip install 'keelmark[cluster]'"
        ) from error


def key_set_source(source: str, *, root: Path) -> Fetch:
    """What brings the key set of an issuer: a file, or an address of https.

    Raises:
        ConfigurationError: It is neither.
    """
    if source.startswith("file:"):
        file = root / source.removeprefix("file:")

        async def read() -> bytes:
            return await asyncio.to_thread(read_bounded, file, _MAX_KEY_SET_BYTES)

        return read
    parts = urlsplit(source)
    if parts.scheme != "https" or not parts.hostname:
        raise ConfigurationError(f"`{source}` brings no key set", hint="file:PATH, or an address of https")
    bounds = UpstreamBounds(
        max_connections=2, max_body_bytes=_MAX_KEY_SET_BYTES, answer_timeout_s=5, total_timeout_s=5
    )
    upstream = Upstream(f"https://{parts.netloc}", bounds=bounds, tls=_tls(None))
    lines = header_lines([("accept", "application/json"), ("user-agent", _AGENT)])

    async def fetch() -> bytes:
        answer = await upstream.send("GET", parts.path or "/", lines, b"")
        if answer.status != _OK:
            answer.close()
            raise UpstreamError("upstream-failed", f"key set: status {answer.status}")
        return await answer.body()

    return fetch


def upstream_ends(
    settings: GatewaySettings, *, root: Path, environment: Mapping[str, str] | None = None
) -> dict[str, UpstreamEnd]:
    """Connections to all upstreams, by name.

    Raises:
        ConfigurationError: An address, a credential or a certificate is not what it should be.
    """
    return {each.name: _end(each, root, environment) for each in settings.upstreams}


def _end(settings: UpstreamSettings, root: Path, environment: Mapping[str, str] | None) -> UpstreamEnd:
    bounds = UpstreamBounds(
        max_connections=settings.max_connections,
        answer_timeout_s=settings.answer_timeout_s,
        total_timeout_s=settings.total_timeout_s,
    )
    tls = _tls(root / settings.ca if settings.ca else None) if settings.url.startswith("https:") else None
    lines = [("content-type", "application/json"), ("user-agent", _AGENT)]
    if settings.credential and settings.wire is not Wire.NONE:
        value = (
            secret_from(settings.credential, root=root, environment=environment).reveal().decode("latin-1")
        )
        if settings.wire is Wire.BEARER:
            lines.append(("authorization", f"Bearer {value}"))
        else:
            lines.append(("x-api-key", value))
    return UpstreamEnd(upstream=Upstream(settings.url, bounds=bounds, tls=tls), headers=header_lines(lines))


def _tls(roots: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=roots)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"roots of an upstream cannot be read: {error}", path=str(roots)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def routes_of(settings: GatewaySettings) -> tuple[Route, ...]:
    """Routes to all models and servers."""
    models = (
        Route(
            name=each.name,
            kind=RouteKind.MODEL,
            upstream=each.upstream,
            asset=each.asset or each.name,
            revision=each.revision,
            fingerprint=each.fingerprint,
            upstream_name=each.upstream_name or each.name,
            apis=frozenset(each.apis),
            data_class=each.data_class,
            path=each.path,
            tenant=each.tenant,
        )
        for each in settings.models
    )
    servers = (
        Route(
            name=each.name,
            kind=RouteKind.SERVER,
            upstream=each.upstream,
            asset=each.asset or each.name,
            upstream_name=each.name,
            path=each.path,
            tenant=each.tenant,
        )
        for each in settings.servers
    )
    return (*models, *servers)


def content_keeper(settings: GatewaySettings, root: Path) -> ContentKeeper | None:
    """What makes of content what may be kept; None where nothing of it is.

    Raises:
        ConfigurationError: The key that content is sealed to is not named or cannot be read.
    """
    record = settings.record
    match record.content:
        case ContentForm.NONE:
            return None
        case ContentForm.REDACTED:
            screens = OutputScreens(
                replace(settings.screens.output, secrets=Action.REDACT, canary=Action.REDACT)
            )
            return Redacted(lambda text: screens.whole(text, lambda _: None))
        case ContentForm.SEALED:
            if not record.content_key:
                raise ConfigurationError("content is to be sealed, and `record.content_key` names no key")
            return sealer(root / record.content_key)
        case unreachable:
            assert_never(unreachable)


def listener_tls(settings: TlsSettings | None, *, root: Path) -> ssl.SSLContext | None:
    """How callers are spoken to; None for plain HTTP.

    Raises:
        ConfigurationError: A certificate or key cannot be used.
    """
    if settings is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(root / settings.certificate, root / settings.key)
        if settings.client_ca:
            context.load_verify_locations(root / settings.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"certificate or key of the listener cannot be used: {error}", path=settings.certificate
        ) from error
    return context


def bound_socket(host: str, port: int, *, is_shared: bool) -> socket.socket:
    """A bound socket for callers.

    Args:
        host: Address or name.
        port: 0 for any free one.
        is_shared: Whether other processes listen on the same port.

    Raises:
        ConfigurationError: It cannot be bound.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"`{host}:{port}` cannot be listened on: {error.strerror or error}",
            hint="another program may listen there; choose `listen.port`",
        ) from error
    return sock

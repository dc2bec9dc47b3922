"""The sockets of the control plane, and who may come in through each.

1. The Unix socket has mode 0600 and lies in a folder of mode 0700; a peer of another user than ours or root is let go before
   a byte of it is read.
2. On a port every request needs the bearer token, compared in constant time; `/healthz` alone is open, and says ok.
3. A token is at least 32 characters long. Without TLS a port is only opened on loopback.
4. A socket that another process listens on is not taken away; one that nobody listens on is.
5. A socket can lie in any folder, however deep.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import ipaddress
import os
import socket
import stat
import struct
from typing import TYPE_CHECKING, Final

from keelmark.errors import ConfigurationError
from keelmark.gateway.control.peers import peer_user, short_name
from keelmark.gateway.control.routes import MAX_BODY_BYTES
from keelmark.gateway.http.bounds import ServerBounds
from keelmark.gateway.http.server import Connection, Server
from keelmark.gateway.worker_metrics import private_folder

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path
    from typing import Self

    from keelmark.core.exchange import Request
    from keelmark.core.secret import Secret
    from keelmark.gateway.control.api import ControlApi
    from keelmark.gateway.http.reply import Reply
    from keelmark.gateway.settings import ControlSettings

__all__ = [
    "CONTROL_BOUNDS",
    "MIN_TOKEN",
    "ControlHandler",
    "PeerServer",
    "bearer_of",
    "listen",
    "peer_of",
    "port_socket",
    "unix_socket",
]

MIN_TOKEN = 32
"""Characters of a token at least."""

CONTROL_BOUNDS = ServerBounds(
    max_target_bytes=1024, max_header_bytes=16 * 1024, max_body_bytes=MAX_BODY_BYTES, max_connections=64,
    max_pipelined=4, max_requests=10_000, body_timeout_s=10.0, idle_timeout_s=60.0, drain_timeout_s=5.0,
)  # fmt: skip
"""What one operator may ask of the server."""

_BACKLOG = 16
_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class ControlHandler:
    """Answers the requests of one listener.

    Args:
        api: What can be asked.
        proof: Who asks, as far as it is proved; None when it is not.
    """

    __slots__ = ("_api", "_proof")

    def __init__(self, api: ControlApi, *, proof: Callable[[Request], str | None]) -> None:
        self._api, self._proof = api, proof

    async def __call__(self, request: Request, reply: Reply) -> None:
        """Answer one."""
        answer = await self._api.answer(request, who=self._proof(request))
        headers = [(b"content-type", answer.form.encode()), *_HEADERS]
        if answer.allow:
            headers.append((b"allow", answer.allow.encode()))
        if answer.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        reply.send(answer.status, answer.body, headers)


def peer_of(request: Request) -> str | None:
    """Who asks over the Unix socket: the server let nobody else in, and says who it was."""
    return request.peer or None


def bearer_of(token: Secret) -> Callable[[Request], str | None]:
    """Who asks on a port: whoever knows the token.

    Raises:
        ConfigurationError: The token is short, or cannot stand in a header.
    """
    expected = token.reveal()
    if (
        len(expected) < MIN_TOKEN
        or not expected.isascii()
        or any(byte <= 32 or byte == 127 for byte in expected)
    ):
        raise ConfigurationError(
            f"a token has at least {MIN_TOKEN} characters, plain ones without blanks",
            hint="python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    digest = hashlib.sha256(expected).digest()

    def proof(request: Request) -> str | None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Digests are compared, so that not even the length of the token can be measured.
        found = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
        is_right = hmac.compare_digest(found, digest)
        return f"token from {request.peer}" if is_right and scheme.lower() == "bearer" else None

    return proof


class PeerServer(Server):
    """A server on a Unix socket that lets in its own user and root alone."""

    async def listen(self, *, sock: socket.socket, tls: object = None) -> Self:
        """Take connections of a bound Unix socket from now on."""
        del tls
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_unix_server(
            lambda: _PeerConnection(self), sock=sock, backlog=_BACKLOG
        )
        self._sweep()
        return self


class _PeerConnection(Connection):
    """A connection whose other end the system names."""

    __slots__ = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        user = _user_of(transport)
        if user not in {os.geteuid(), 0}:
            self.is_lost = True
            assert isinstance(transport, asyncio.WriteTransport)
            transport.abort()
            return
        super().connection_made(transport)
        self._peer = f"uid {user}"


def _user_of(transport: asyncio.BaseTransport) -> int:
    """The user at the other end; -1 when it is not known."""
    sock = transport.get_extra_info("socket")
    try:
        # Event loops hand out something that is only like a socket, so the descriptor is asked.
        with socket.fromfd(sock.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as own:
            return peer_user(own)
    except (AttributeError, OSError, struct.error):
        return -1


async def listen(
    api: ControlApi,
    settings: ControlSettings,
    *,
    root: Path,
    token: Secret | None = None,
    tls: ssl.SSLContext | None = None,
) -> tuple[Server, ...]:
    """Open every way in that the settings name; each is closed with its `close`.

    Args:
        api: What can be asked.
        settings: Where.
        root: The folder of the gateway.
        token: For the port.
        tls: For the port.

    Raises:
        ConfigurationError: One of them cannot be opened, or is not safe; none is open then.
    """
    opened: list[tuple[Server, socket.socket, ssl.SSLContext | None]] = []
    try:
        if settings.host:
            on_port = Server(ControlHandler(api, proof=_token_proof(token)), bounds=CONTROL_BOUNDS)
            sock = port_socket(settings.host, settings.port, has_tls=tls is not None)
            opened.append((on_port, sock, tls))
        if settings.socket:
            on_socket = PeerServer(ControlHandler(api, proof=peer_of), bounds=CONTROL_BOUNDS)
            opened.append((on_socket, unix_socket(root / settings.socket), None))
    except ConfigurationError:
        for _, sock, _ in opened:
            sock.close()
        raise
    return tuple([await server.listen(sock=sock, tls=context) for server, sock, context in opened])


def _token_proof(token: Secret | None) -> Callable[[Request], str | None]:
    if token is None:
        raise ConfigurationError(
            "a port of the control plane needs a token", hint="control: {token: env:NAME}"
        )
    return bearer_of(token)


def unix_socket(path: Path) -> socket.socket:
    """A bound socket at a path that only this user can reach. Its folder is made when it is not there.

    Raises:
        ConfigurationError: Others can reach the folder, the name is too long, or somebody listens there.
    """
    private_folder(path.parent)
    _clear(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # What bind makes has no more rights than this, from the first moment.
        os.fchmod(sock.fileno(), 0o600)
        with short_name(path) as name:
            sock.bind(name)
        path.chmod(0o600)
        sock.listen(_BACKLOG)  # From here on nobody takes it for one that was left.
    except OSError as error:
        sock.close()
        raise ConfigurationError(f"`{path}` cannot be listened on: {error.strerror}") from error
    return sock


def _clear(path: Path) -> None:
    """Remove a socket that was left by a process that is no more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"`{path}` cannot be used: {error.strerror}") from error
    if not stat.S_ISSOCK(mode):
        raise ConfigurationError(f"`{path}` is no socket", hint="remove it, or name another place")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            with short_name(path) as name:
                probe.connect(name)
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        except OSError as error:
            raise ConfigurationError(
                f"`{path}` cannot be asked: {error}", hint="is a gateway running?"
            ) from error
    raise ConfigurationError(f"somebody listens on `{path}`", hint="is a gateway running in this folder?")


def port_socket(host: str, port: int, *, has_tls: bool) -> socket.socket:
    """A bound socket on a port of the control plane.

    Raises:
        ConfigurationError: The address is no number, is not loopback and has no TLS, or is taken.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise ConfigurationError(f"`{host}` is no address", hint="127.0.0.1, or ::1") from error
    if not address.is_loopback and not has_tls:
        raise ConfigurationError(
            f"the control plane is not opened on `{host}` without TLS",
            hint="127.0.0.1, or name a certificate",
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((str(address), port))
    except OSError as error:
        sock.close()
        raise ConfigurationError(f"`{host}:{port}` cannot be listened on: {error.strerror}") from error
    return sock

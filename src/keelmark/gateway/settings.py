"""Settings of the gateway, as its file states them. Every default is the most careful one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from keelmark.core.call import Api

__all__ = [
    "ControlSettings",
    "ListenSettings",
    "ModelSettings",
    "Off",
    "ReleaseSettings",
    "ServerSettings",
    "StageSettings",
    "TlsSettings",
    "UpstreamSettings",
    "Wire",
]


class Wire(StrEnum):
    """How an upstream wants its credential."""

    BEARER = "bearer"
    X_API_KEY = "x-api-key"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Off:
    """Why something that protects is switched off, who answers for it, and until when. It shows in every report.

    Attributes:
        reason: Why.
        owner: Role or person.
        expires: First day on which it no longer counts: from then on what was off is on again.
    """

    reason: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """Certificates of the listener.

    Attributes:
        certificate: PEM file with the certificate and those between it and the root.
        key: PEM file with its private key.
        client_ca: PEM file with the roots of client certificates; callers must then have one. "" for none.
    """

    certificate: str
    key: str
    client_ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenSettings:
    """Where callers come in.

    Attributes:
        host: Address; anything but loopback is said at the start.
        port: Port; 0 for any free one, which is printed.
        workers: Processes that serve; each has its own connections.
        tls: Certificates; None for plain HTTP, which only loopback takes unless `plain` says why.
        plain: Why plain HTTP is served beyond loopback.
    """

    host: str = "127.0.0.1"
    port: int = 8787
    workers: int = 1
    tls: TlsSettings | None = None
    plain: Off | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlSettings:
    """Where the operator comes in: on a socket of its own.

    Attributes:
        socket: Unix socket, which only the user of the gateway can open; "" for none.
        host: Address of a port for it; "" for none.
        port: That port.
        token: Where the token for the port stands: `env:NAME` or `file:PATH`.
    """

    socket: str = ".keelmark/control/gateway.sock"
    host: str = ""
    port: int = 0
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    """Which release is served.

    Attributes:
        keys: PEM files of public keys, one of which must have signed.
        also_keys: PEM files of public keys that all must have signed besides.
        folder: The folder that was released.
        file: The release; "" for the newest of the folder.
        revocations: Further files or folders with records.
        off: Why models are served without a release.
    """

    keys: tuple[str, ...] = ()
    also_keys: tuple[str, ...] = ()
    folder: str = "."
    file: str = ""
    revocations: tuple[str, ...] = ()
    off: Off | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    """One stage of the user's own.

    Attributes:
        name: Of its entry point in the group `keelmark.stages`.
        after: The stage that it follows.
    """

    name: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """One system behind the gateway.

    Attributes:
        name: As models and servers name it.
        url: With the path that stands before all others, as clients of it would write it: `https://api.example.org/v1`.
        credential: Where its credential stands: `env:NAME` or `file:PATH`; "" for none.
        wire: How it wants the credential.
        ca: PEM file of roots to trust instead of those of the system; "" for those.
        max_connections: At the same time, of one worker.
        answer_timeout_s: Until an answer begins.
        total_timeout_s: Until it is whole.
    """

    name: str
    url: str
    credential: str = ""
    wire: Wire = Wire.BEARER
    ca: str = ""
    max_connections: int = 256
    answer_timeout_s: float = 120.0
    total_timeout_s: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """One model that callers can name.

    Attributes:
        name: As callers name it.
        upstream: Through which it is asked.
        asset: Its name in the inventory of the release; "" for the same name.
        revision: That the upstream serves.
        fingerprint: What its answers say of the system that made them; "" when that is not compared.
        upstream_name: As the upstream calls it; "" for the same name.
        apis: Interfaces it is reached by.
        data_class: Class of data that may be sent to it.
        tenant: Whose it is, for policies; "" where it is nobody's in particular.
        path: Path at the upstream, for predict interfaces.
        input_price: Of a million input tokens, in millionths of the currency; -1 when it is not known.
        output_price: Of a million output tokens, likewise.
    """

    name: str
    upstream: str
    asset: str = ""
    revision: str = ""
    fingerprint: str = ""
    upstream_name: str = ""
    apis: tuple[Api, ...] = (Api.CHAT,)
    data_class: str = ""
    tenant: str = ""
    path: str = ""
    input_price: int = -1
    output_price: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """One MCP server that callers can name.

    Attributes:
        name: As callers name it: `/mcp/NAME`.
        upstream: Through which it is asked.
        asset: Its name in the inventory of the release; "" for the same name.
        path: Path at the upstream.
        tenant: Whose it is, for policies; "" where it is nobody's in particular.
    """

    name: str
    upstream: str
    asset: str = ""
    path: str = "/mcp"
    tenant: str = ""

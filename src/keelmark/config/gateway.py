"""Reads `gateway.yaml`: what the gateway serves, to whom, and within which limits.

Unknown keys are errors, with the line and the nearest known key. Nothing is weaker than the default without a reason, an
owner and a day on which it ends.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from keelmark.config.shape import convert, describe
from keelmark.core.call import Api
from keelmark.deployment.access.certificates import CertificateSettings
from keelmark.deployment.access.tokens import TokenSettings
from keelmark.deployment.protection.limits import LimitSettings, Measure
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError
from keelmark.formats import yaml_tree
from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds
from keelmark.gateway.settings import (
    ControlSettings,
    ListenSettings,
    ModelSettings,
    Off,
    ReleaseSettings,
    ServerSettings,
    StageSettings,
    UpstreamSettings,
)
from keelmark.gateway.telemetry_settings import TelemetrySettings
from keelmark.gateway.telemetry_settings import check as check_telemetry
from keelmark.operation.behaviour.stage_envelope import EnvelopeSettings
from keelmark.operation.behaviour.stage_record import RecordSettings
from keelmark.operation.credentials.disclosure import DisclosureSettings
from keelmark.operation.credentials.images import ImageSettings
from keelmark.operation.credentials.registrar import FingerprintSettings
from keelmark.operation.inputs.settings import DetectorSettings, InputSettings, OutputSettings, ToolSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

__all__ = [
    "SCHEMA_VERSION",
    "AccessSettings",
    "CredentialSettings",
    "GatewaySettings",
    "ScreenSettings",
    "TokenSource",
    "json_schema",
    "parse",
]

SCHEMA_VERSION = 1
_MAX_KEEP_DAYS, _LEAST_REGISTER = 3660, 1024**2
_BOUNDS = yaml_tree.Bounds(max_bytes=1024 * 1024, max_nodes=50_000, max_depth=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Tokens of one issuer.

    Attributes:
        key_set: Where its public keys (JWKS) stand: `file:PATH` or an address of https.
        rules: What is believed.
    """

    key_set: str
    rules: TokenSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Who may call, and what.

    Attributes:
        keys: File of API keys, or `env:NAME` for the PostgreSQL database that several machines share; "" for none.
        pepper: File with the pepper that their digests were made with; KEELMARK_PEPPER when it is not there.
        tokens: Issuers whose tokens are believed.
        certificates: Client certificates, when the listener asks for them.
        policies: Folder or file of Cedar policies; without any, nothing is allowed.
    """

    keys: str = ".keelmark/access/keys.json"
    pepper: str = ".keelmark/access/pepper"
    tokens: tuple[TokenSource, ...] = ()
    certificates: tuple[CertificateSettings, ...] = ()
    policies: str = "policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSettings:
    """What texts are looked through for.

    Attributes:
        input: On the way in.
        output: On the way out.
        detectors: Detectors of others, which look at texts on the way in.
    """

    input: InputSettings = field(default_factory=InputSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    detectors: tuple[DetectorSettings, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSettings:
    """What says that a model made an answer.

    Attributes:
        disclosure: What each answer says.
        off: Why no answer says so.
        fingerprints: How texts that models made are registered; None for not at all.
        images: What images that models made are signed with (C2PA); None for not at all.
    """

    disclosure: DisclosureSettings = field(default_factory=DisclosureSettings)
    off: Off | None = None
    fingerprints: FingerprintSettings | None = None
    images: ImageSettings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """All of `gateway.yaml`.

    Attributes:
        version: Of the file.
        listen: Where callers come in.
        control: Where the operator comes in.
        release: Which release is served.
        access: Who may call, and what.
        upstreams: Systems behind the gateway.
        models: Models that callers can name.
        servers: MCP servers that callers can name.
        stages: Stages of the user's own.
        requests: What one request may ask for.
        answers: What one answer may hold.
        envelope: What happens beyond the lines of the growth envelope.
        limits: How much is admitted.
        screens: What texts are looked through for.
        tools: Which tools may be offered and called.
        record: How requests are recorded.
        credentials: What says that a model made an answer.
        telemetry: Where spans and measurements go; nowhere unless it names a receiver.
        log_key: Where the private key of the transparency log stands, into which heads of the request log go; "" for none.
    """

    version: int
    upstreams: tuple[UpstreamSettings, ...]
    listen: ListenSettings = field(default_factory=ListenSettings)
    control: ControlSettings = field(default_factory=ControlSettings)
    release: ReleaseSettings = field(default_factory=ReleaseSettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    models: tuple[ModelSettings, ...] = ()
    servers: tuple[ServerSettings, ...] = ()
    stages: tuple[StageSettings, ...] = ()
    requests: ApiBounds = field(default_factory=ApiBounds)
    answers: AnswerBounds = field(default_factory=AnswerBounds)
    envelope: EnvelopeSettings = field(default_factory=EnvelopeSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    screens: ScreenSettings = field(default_factory=ScreenSettings)
    tools: ToolSettings = field(default_factory=ToolSettings)
    record: RecordSettings = field(default_factory=RecordSettings)
    credentials: CredentialSettings = field(default_factory=CredentialSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
    log_key: str = ""


def parse(text: str, *, path: str = "gateway.yaml", today: date) -> GatewaySettings:
    """The settings that a text states.

    Args:
        text: YAML.
        path: For messages.
        today: What is off beyond its day is refused.

    Raises:
        ConfigurationError: They do not fit; with the line where that can be told.
    """
    try:
        node = yaml_tree.parse(text, path=path, bounds=_BOUNDS)
    except (ParseError, LimitExceededError) as error:
        raise ConfigurationError(error.message, path=path, line=error.line) from error
    if node is None:
        raise ConfigurationError("the file is empty", path=path, hint="docs/gateway.md shows a full example")
    settings = convert(node, GatewaySettings, path=path)
    try:
        _check(settings, today)
    except ConfigurationError as error:
        error.path = error.path or path
        raise
    return settings


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `gateway.yaml`, for editors."""
    schema = describe(GatewaySettings)
    schema["properties"]["version"]["const"] = SCHEMA_VERSION
    return {**schema, "title": "gateway.yaml", "$id": "keelmark-gateway-1"}


def _check(settings: GatewaySettings, today: date) -> None:
    if settings.version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"`version` is {settings.version}; this Keelmark reads version {SCHEMA_VERSION}"
        )
    upstreams = _unique("upstreams", (each.name for each in settings.upstreams))
    _unique("models", (each.name for each in settings.models))
    _unique("servers", (each.name for each in settings.servers))
    for kind, name, upstream in (
        *(("model", each.name, each.upstream) for each in settings.models),
        *(("server", each.name, each.upstream) for each in settings.servers),
    ):
        if upstream not in upstreams:
            raise ConfigurationError(
                f"{kind} `{name}` goes through upstream `{upstream}`, which there is not",
                hint=f"upstreams are: {', '.join(sorted(upstreams)) or 'none'}",
            )
    for model in settings.models:
        _check_model(model)
    _check_limits(settings)
    for each in settings.upstreams:
        _check_source(f"credential of upstream `{each.name}`", each.credential, is_optional=True)
    _check_source("`log_key`", settings.log_key, is_optional=True)
    _check_telemetry(settings.telemetry)
    _check_release(settings.release, today)
    _check_credentials(settings.credentials, today)
    _check_listener(settings, today)


def _check_telemetry(telemetry: TelemetrySettings) -> None:
    if telemetry != TelemetrySettings():
        check_telemetry(telemetry)
    for each in telemetry.headers:
        _check_source(f"header `{each.name}` of telemetry", each.value, is_optional=False)


def _check_limits(settings: GatewaySettings) -> None:
    for rule in settings.limits.rules:
        if rule.amount < 0 or rule.window_s <= 0 or not rule.name:
            raise ConfigurationError("`limits.rules` need an amount, a window above zero and a name")
    if any(rule.measure is Measure.MONEY for rule in settings.limits.rules):
        for model in settings.models:
            if min(model.input_price, model.output_price) < 0:
                raise ConfigurationError(
                    f"money is limited, and model `{model.name}` has no price",
                    hint="input_price and output_price, of a million tokens, in millionths of the currency",
                )


def _check_model(model: ModelSettings) -> None:
    if not model.apis or {Api.MODELS, Api.MCP} & set(model.apis):
        raise ConfigurationError(
            f"model `{model.name}` is reached by no interface of models",
            hint="apis: [openai-chat], or others of docs/gateway.md",
        )
    if model.fingerprint and not {Api.CHAT, Api.COMPLETIONS}.issuperset(model.apis):
        raise ConfigurationError(
            f"model `{model.name}`: `fingerprint` is told by answers of chat and completions only",
            hint="apis: [openai-chat], or leave `fingerprint` out and pin `revision`",
        )
    if (Api.PREDICT in model.apis) != bool(model.path):
        raise ConfigurationError(
            f"model `{model.name}`: `path` is for the predict interface, which needs it",
            hint="path: /predict with apis: [predict]",
        )


def _check_release(release: ReleaseSettings, today: date) -> None:
    if release.off is not None:
        _check_off("release.off", release.off, today)
    elif not release.keys:
        raise ConfigurationError(
            "`release.keys` names no key, so that no release can be trusted",
            hint="name the public key of who releases: keys: [release.pem.pub]",
        )


def _check_credentials(credentials: CredentialSettings, today: date) -> None:
    if credentials.off is not None:
        _check_off("credentials.off", credentials.off, today)
    if credentials.images is not None:
        _check_source("`credentials.images.key`", credentials.images.key, is_optional=False)
    fingerprints = credentials.fingerprints
    if fingerprints is not None and (
        not fingerprints.key
        or not 1 <= fingerprints.keep_days <= _MAX_KEEP_DAYS
        or fingerprints.max_bytes < _LEAST_REGISTER
    ):
        raise ConfigurationError(
            f"`credentials.fingerprints` needs a key, 1 to {_MAX_KEEP_DAYS} days and at least {_LEAST_REGISTER} bytes"
        )


def _check_listener(settings: GatewaySettings, today: date) -> None:
    listen, control = settings.listen, settings.control
    if not 0 <= listen.port <= 65_535 or not 1 <= listen.workers <= 64:
        raise ConfigurationError("`listen` needs a port up to 65535 and 1 to 64 workers")
    if listen.plain is not None:
        _check_off("listen.plain", listen.plain, today)
    if listen.tls is None and listen.plain is None and not _is_loopback(listen.host):
        raise ConfigurationError(
            f"`listen.host` is `{listen.host}`: credentials would cross the network in the open",
            hint="add `tls:` with a certificate, or `plain:` with reason, owner and expires where a proxy ends TLS",
        )
    if settings.access.certificates and (listen.tls is None or not listen.tls.client_ca):
        raise ConfigurationError("`access.certificates` need `listen.tls.client_ca`")
    if control.host:
        if not _is_loopback(control.host):
            raise ConfigurationError(
                f"`control.host` is `{control.host}`; the control plane stays on this machine",
                hint="control: {host: 127.0.0.1, port: 8788, token: env:NAME}, or a socket",
            )
        _check_source("`control.token`", control.token, is_optional=False)


def _check_off(where: str, off: Off, today: date) -> None:
    if not off.reason.strip() or not off.owner.strip():
        raise ConfigurationError(f"`{where}` needs a reason and an owner")
    if off.expires <= today:
        raise ConfigurationError(
            f"`{where}` ended on {off.expires.isoformat()}", hint="what it switched off is on again: mend it"
        )


def _check_source(what: str, source: str, *, is_optional: bool) -> None:
    kind, mark, rest = source.partition(":")
    if (is_optional and not source) or (mark and rest and kind in {"env", "file"}):
        return
    raise ConfigurationError(
        f"{what} is not told by where it stands", hint="env:NAME or file:PATH; never the secret itself"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unique(where: str, names: Iterable[str]) -> frozenset[str]:
    seen: set[str] = set()
    for name in names:
        if not name or name in seen:
            raise ConfigurationError(f"`{where}` names `{name}` twice" if name else f"`{where}` has no name")
        seen.add(name)
    return frozenset(seen)

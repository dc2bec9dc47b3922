"""Puts the stages together, as one configuration says; what outlives a configuration is handed in."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.config.environment import secret_of
from keelmark.core.call import Action
from keelmark.core.exchange import Stage
from keelmark.core.route import Route
from keelmark.deployment.access.authoriser import AssetSettings, Authoriser
from keelmark.deployment.access.certificates import certificate_principals
from keelmark.deployment.access.issuers import Issuers
from keelmark.deployment.access.key_ring import KeyRing
from keelmark.deployment.access.questions import Kind
from keelmark.deployment.access.stage_authorise import Authorise
from keelmark.deployment.access.stage_identify import Identify
from keelmark.deployment.access.tokens import TokenVerifier
from keelmark.deployment.protection.limits import Measure
from keelmark.deployment.protection.stage_limit import LimitStage
from keelmark.deployment.release.stage_released import ReleaseBook, ReleasedStage, UnreleasedStage
from keelmark.errors import ConfigurationError
from keelmark.gateway.answers import Line
from keelmark.gateway.apis.routes import find
from keelmark.gateway.pipeline import Pipeline, ordered
from keelmark.gateway.stage_bound import BoundStage, RouteTable
from keelmark.operation.behaviour.envelope import Measures
from keelmark.operation.behaviour.stage_envelope import EnvelopeStage
from keelmark.operation.behaviour.stage_record import Admission, Recorder
from keelmark.operation.credentials.noted import NotedScreens
from keelmark.operation.inputs.plugins import chosen
from keelmark.operation.inputs.stage_screen import ScreenInput
from keelmark.operation.inputs.taint import EarlierAnswers, TaintMemory
from keelmark.operation.inputs.text_screen import AnswerScreens, OutputScreens
from keelmark.operation.inputs.tool_arguments import Approvals, ToolGuard
from keelmark.workflows.access_keys import find_pepper, key_place, open_ring
from keelmark.workflows.policies import read_policies
from keelmark.workflows.serve_credentials import credential_notes, disclosure_of, images_of
from keelmark.workflows.serve_growth import prices_of
from keelmark.workflows.serve_limits import ServedLimits
from keelmark.workflows.serve_parts import key_set_source, routes_of, upstream_ends
from keelmark.workflows.serve_plugins import own_stages
from keelmark.workflows.serve_tools import definitions_of

if TYPE_CHECKING:
    from keelmark.config.gateway import GatewaySettings
    from keelmark.core.exchange import Exchange
    from keelmark.gateway.apis.interface import Screens

__all__ = ["Built", "Lasting", "build"]

_PEPPER = "KEELMARK_PEPPER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What outlives a configuration.

    Attributes:
        root: The folder of the gateway; paths of the settings are relative to it.
        book: What is in force.
        recorder: Records requests.
        first: The stage that stands before all others.
        approvals: Approvals of single calls of tools.
        limits: What was counted so far.
        measures: What was measured so far.
        taint: Which earlier answers came out of clean conversations.
        noted_characters: Most of one answer that is noted to be registered; 0 for nothing.
        environment: Variables that name credentials.
    """

    root: Path
    book: ReleaseBook
    recorder: Recorder
    first: Stage
    approvals: Approvals
    limits: ServedLimits
    measures: Measures
    taint: TaintMemory = field(default_factory=TaintMemory)
    noted_characters: int = 0
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What one configuration makes.

    Attributes:
        line: Answers requests.
        ring: API keys; None when there are none.
        tokens: Verifies tokens; None when none are believed.
        routes: What callers can name.
        notes: What the operator should know at the start.
        pinned: Names of tools that the settings pin.
    """

    line: Line
    ring: KeyRing | None
    tokens: Issuers | None
    routes: tuple[Route, ...]
    notes: tuple[str, ...]
    pinned: frozenset[str] = frozenset()

    async def close(self) -> None:
        """Close what it opened; nothing is answered by it any more."""
        if self.ring is not None:
            self.ring.close()
        for end in self.line.upstreams.values():
            await end.upstream.close()


def build(settings: GatewaySettings, lasting: Lasting) -> Built:
    """Everything that answers requests.

    Raises:
        ConfigurationError: Something that the settings name is not there or not sound.
        StoreError: Keys cannot be read.
    """
    ring = _keys(settings, lasting)
    try:
        return _built(settings, lasting, ring)
    except BaseException:
        if ring is not None:
            ring.close()
        raise


def _built(settings: GatewaySettings, lasting: Lasting, ring: KeyRing | None) -> Built:
    routes = routes_of(settings)
    table = RouteTable(routes)
    tokens = _tokens(settings, lasting)
    if ring is None and tokens is None and not settings.access.certificates:
        raise ConfigurationError(
            "nobody can call: there is no file of keys, no issuer of tokens, no certificate",
            hint="keelmark access key add --owner NAME --scope infer:MODEL",
        )
    book = read_policies(lasting.root / settings.access.policies)
    guard = ToolGuard(
        settings.tools,
        definitions=definitions_of(settings, lasting.root),
        released=lambda: lasting.book.page.tools,
        approvals=lasting.approvals,
    )
    output = OutputScreens(settings.screens.output)
    earlier = EarlierAnswers(lasting.taint) if settings.requests.stored else None
    stages: list[Stage] = [
        lasting.first,
        BoundStage(find, table, settings.requests),
        Identify(keys=ring, tokens=tokens, certificates=certificate_principals(settings.access.certificates)),
        Authorise(Authoriser(book, assets=_assets(routes)), models=lambda: table.models),
        _released(settings, lasting, guard),
        EnvelopeStage(
            settings.envelope,
            limits=lambda: lasting.book.page.envelope,
            measures=lasting.measures,
            now=time.time,
            prices=prices_of(settings),
        ),
        _limits(settings, lasting),
        ScreenInput(settings.screens.input, tools=guard, plugins=chosen(settings.screens.detectors)),
        Admission(lasting.recorder),
    ]
    line = Line(
        pipeline=Pipeline(ordered(stages, extra=_extra(settings, earlier))),
        upstreams=upstream_ends(settings, root=lasting.root, environment=lasting.environment),
        screens=_screens(output, guard, lasting.noted_characters),
        bounds=settings.answers,
        answered=earlier.note if earlier is not None else None,
        disclosure=disclosure_of(settings.credentials, system=lambda: lasting.book.page.system),
        images=images_of(
            settings.credentials,
            lasting.root,
            system=lambda: lasting.book.page.system,
            environment=lasting.environment,
        ),
    )
    notes = (
        *book.notes,
        *book.strangers(Kind.MODEL, table.models),
        *book.strangers(Kind.SERVER, table.servers),
        *credential_notes(settings.credentials),
    )
    return Built(line=line, ring=ring, tokens=tokens, routes=routes, notes=notes, pinned=guard.pinned)


def _extra(settings: GatewaySettings, earlier: EarlierAnswers | None) -> Mapping[str, tuple[Stage, ...]]:
    """Stages besides those that always stand: ours before those of the user."""
    own = own_stages(settings.stages)
    return own if earlier is None else {**own, "identify": (earlier, *own.get("identify", ()))}


def _screens(output: OutputScreens, guard: ToolGuard, most: int) -> Callable[[Exchange], Screens]:
    """What opens the screens of one answer; around those of what a model makes, a note of it where it is registered."""

    def opened(exchange: Exchange) -> AnswerScreens:
        return AnswerScreens(output, exchange, guard)

    def noted(exchange: Exchange) -> Screens:
        screens, call = opened(exchange), exchange.call
        if call is None or call.action is not Action.INFER:
            return screens
        return NotedScreens(screens, exchange, max_characters=most)

    return noted if most else opened


def _released(settings: GatewaySettings, lasting: Lasting, guard: ToolGuard) -> Stage:
    off = settings.release.off
    if off is None:
        return ReleasedStage(lasting.book, now=time.time, pinned=guard.pinned)
    return UnreleasedStage(
        until=datetime.combine(off.expires, time_of_day.min, tzinfo=UTC).timestamp(), now=time.time
    )


def _limits(settings: GatewaySettings, lasting: Lasting) -> Stage:
    counts_money = any(rule.measure is Measure.MONEY for rule in settings.limits.rules)
    return LimitStage(
        lasting.limits.of(settings.limits), prices=prices_of(settings), counts_money=counts_money
    )


def _keys(settings: GatewaySettings, lasting: Lasting) -> KeyRing | None:
    if not settings.access.keys:
        return None
    place = key_place(settings.access.keys, root=lasting.root, environment=lasting.environment)
    if not place.exists:
        return None
    pepper = find_pepper(lasting.root / settings.access.pepper, secret_of(_PEPPER, lasting.environment))
    if pepper is None:
        raise ConfigurationError(
            "there are API keys and no pepper",
            path=str(place.path),
            hint=f"set {_PEPPER}, or restore the file",
        )
    return open_ring(place, pepper)


def _tokens(settings: GatewaySettings, lasting: Lasting) -> Issuers | None:
    found = [
        TokenVerifier(each.rules, key_set_source(each.key_set, root=lasting.root))
        for each in settings.access.tokens
    ]
    return Issuers(found) if found else None


def _assets(routes: tuple[Route, ...]) -> list[AssetSettings]:
    return [
        AssetSettings(
            kind=Kind.SERVER if each.kind.value == "server" else Kind.MODEL,
            name=each.name,
            data_class=each.data_class,
            tenant=each.tenant,
        )
        for each in routes
    ]

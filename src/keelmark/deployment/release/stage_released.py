"""Lets through only what is under a valid release.

The rules, each with a test:

1. Without a release that holds here and now, nothing is served; the reason says why not.
2. A release that is over at the time of the request counts no more, whenever it was looked at last.
3. A route is served when the release names its asset, and when the revision that the operator states for it is the one in
   the release.
4. A tool whose definition is in the release must be defined as it was then: a changed description or schema is refused. Where
   the operator pins a tool in the settings, which the release covers as well, that pin counts instead.
5. What leads to no route is refused; a listing of models needs none.
6. What is in force is swapped as a whole: one request sees one release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.call import Action
from keelmark.core.exchange import ALLOW, Ground, Outcome, deny
from keelmark.core.facts import FileRole
from keelmark.core.release import GrowthLimits, ReleaseState
from keelmark.core.route import RouteKind
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from keelmark.core.exchange import Decision, Exchange
    from keelmark.core.release import ReleasedAsset, ReleaseVerification
    from keelmark.core.route import Route

__all__ = ["InForce", "ReleaseBook", "ReleasedStage", "UnreleasedStage", "in_force", "tools_of"]

_MODELS = frozenset({
    AssetKind.MODEL.value, AssetKind.ADAPTER.value, AssetKind.HOSTED_MODEL.value, AssetKind.HUB_MODEL.value,
})  # fmt: skip
_SERVERS = frozenset({AssetKind.MCP_SERVER.value})
_TOOLS = AssetKind.TOOL.value
_SCHEME = "sha256:"
# A test of an attack may hold the very definition that must never be served.
_NOT_SERVED = frozenset({FileRole.TEST, FileRole.EXAMPLE, FileRole.DOCUMENTATION})
_REASONS = {
    ReleaseState.VALID: "",
    ReleaseState.REVOKED: "release-revoked",
    ReleaseState.SUPERSEDED: "release-revoked",
    ReleaseState.CHANGED: "release-changed",
    ReleaseState.DAMAGED: "release-changed",
    ReleaseState.EXPIRED: "release-expired",
    ReleaseState.NOT_YET_VALID: "release-expired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What may be served now.

    Attributes:
        reason: Why nothing may be; "" when something may.
        release: Id.
        begins: Seconds since 1970 from which it holds.
        ends: Seconds since 1970 from which it no longer holds.
        models: Revision by name of each model.
        servers: Names of servers.
        tools: SHA-256 of the definitions by name of each tool that the release states in full. There may be several of one name.
        unpinned: Names of tools in the release whose definition is made when a program runs, so that no digest is known.
        envelope: Limits of growth inside which the release holds; None where there is no release.
        system: Name of the system that was released, as declared.
    """

    reason: str = "not-released"
    release: str = ""
    begins: float = 0.0
    ends: float = 0.0
    models: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    servers: frozenset[str] = frozenset()
    tools: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    unpinned: tuple[str, ...] = ()
    envelope: GrowthLimits | None = None
    system: str = ""


def in_force(verification: ReleaseVerification) -> InForce:
    """What a verification leaves to be served.

    Args:
        verification: Of the release and the files it speaks of.
    """
    release = verification.release
    if release is None:
        return InForce()
    reason = _REASONS.get(verification.state, "not-released")
    models: dict[str, str] = {}
    servers: set[str] = set()
    for asset in release.assets:
        if asset.kind in _MODELS:
            models[asset.name] = asset.revision
            if asset.path:
                models.setdefault(asset.path, asset.revision)
        elif asset.kind in _SERVERS:
            servers.add(asset.name)
    tools, unpinned = tools_of(release.assets)
    return InForce(
        reason=reason,
        release=release.id,
        begins=release.not_before.timestamp(),
        ends=release.expires.timestamp(),
        models=MappingProxyType(models),
        servers=frozenset(servers),
        tools=MappingProxyType(tools),
        unpinned=unpinned,
        envelope=release.envelope,
        system=release.system,
    )


@dataclass(slots=True)
class ReleaseBook:
    """Where what is in force stands; whoever watches the files replaces it as a whole."""

    page: InForce = field(default_factory=InForce)


class ReleasedStage:
    """Asks whether what is asked for is under a valid release.

    Args:
        book: What is in force.
        now: Seconds since 1970.
        pinned: Names of tools that the settings pin; another stage holds them to that.
    """

    name = "released"

    __slots__ = ("_book", "_now", "_pinned")

    def __init__(self, book: ReleaseBook, *, now: Callable[[], float], pinned: Iterable[str] = ()) -> None:
        self._book, self._now, self._pinned = book, now, frozenset(pinned)

    def __call__(self, exchange: Exchange) -> Decision:
        """Decide about the exchange."""
        page = self._book.page
        exchange.release = page.release
        if page.reason:
            return deny(page.reason)
        if not page.begins <= self._now() < page.ends:
            return deny("release-expired")
        call = exchange.call
        if call is None:
            return deny("stage-failed")
        route: Route | None = exchange.route
        if route is None:
            if call.action is not Action.LIST_MODELS:
                return deny("no-such-model")
        elif reason := _reason(route, page):
            return deny(reason)
        for tool in call.tools:
            known = page.tools.get(tool.name)
            if known is not None and tool.digest not in known and tool.name not in self._pinned:
                return deny("tool-changed")
        return ALLOW


class UnreleasedStage:
    """Stands where releases are switched off, with a reason, an owner and an end; each request says so.

    Args:
        until: Seconds since 1970 from which nothing is served without a release any more.
        now: Seconds since 1970.
    """

    name = "released"

    __slots__ = ("_now", "_until")

    def __init__(self, *, until: float, now: Callable[[], float]) -> None:
        self._until, self._now = until, now

    def __call__(self, exchange: Exchange) -> Decision:
        """Decide about the exchange."""
        if self._now() >= self._until:
            return deny("not-released")
        call = exchange.call
        if call is None:
            return deny("stage-failed")
        if exchange.route is None and call.action is not Action.LIST_MODELS:
            return deny("no-such-model")
        exchange.grounds.append(_UNRELEASED)
        return ALLOW


_UNRELEASED = Ground(stage="released", reason="not-released", outcome=Outcome.DENY, is_enforced=False)


def tools_of(assets: Iterable[ReleasedAsset]) -> tuple[dict[str, frozenset[str]], tuple[str, ...]]:
    """Digests of definitions by name, and names of those that have none; what tests and examples define counts for neither."""
    found: dict[str, frozenset[str]] = {}
    unknown: set[str] = set()
    for asset in assets:
        if asset.kind == _TOOLS and role_of(asset.path) in _NOT_SERVED:
            continue
        if asset.kind == _TOOLS and asset.digest.startswith(_SCHEME):
            found[asset.name] = found.get(asset.name, frozenset()) | {asset.digest.removeprefix(_SCHEME)}
        elif asset.kind == _TOOLS:
            unknown.add(asset.name)
    return found, tuple(sorted(unknown - found.keys()))


def _reason(route: Route, page: InForce) -> str:
    if route.kind is RouteKind.SERVER:
        return "" if route.asset in page.servers else "not-released"
    revision = page.models.get(route.asset)
    if revision is None:
        return "not-released"
    return "release-changed" if revision != route.revision and (revision or route.revision) else ""

"""The stage that decides whether the caller may do what it asks.

1. A model is asked about for the action of the call; a call of tools for each tool with its arguments; a listing for each model.
2. Each collection that an earlier stage named (`facts["collections"]`) is asked about with the action of the call.
3. One that is denied denies all. A refusal does not tell whether something exists, unless the caller may list it.
4. Without a caller or a call, and for anything it cannot tell apart, it denies.

It reads from `facts`: `origin`, `data_class`, `tainted`, `approved`, `collections`. It writes `visible_models`, those that a
listing may name.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from keelmark.core.call import Action
from keelmark.core.exchange import ALLOW, Decision, Outcome
from keelmark.deployment.access.authoriser import MISSING_SCOPE, NO_SUCH, NOT_ALLOWED
from keelmark.deployment.access.questions import Kind
from keelmark.deployment.access.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keelmark.core.call import Call, ToolUse
    from keelmark.core.exchange import Exchange
    from keelmark.core.principal import Principal
    from keelmark.deployment.access.authoriser import Authoriser

    Reader = Callable[[Exchange, Call], Any]
    Readers = Mapping[Action, tuple[Reader, ...]]

__all__ = ["Authorise"]

_MAX_PEERS = 4_096
_MAX_TOOL_USES = 64
_MAX_COLLECTIONS = 64
_MAX_LISTED = 10_000
_SEE = {Kind.MODEL: Action.LIST_MODELS, Kind.SERVER: Action.LIST_TOOLS}
_ON_SERVERS = frozenset({Action.LIST_TOOLS, Action.READ_RESOURCE})


class Authorise:
    """Decides whether the caller of an exchange may do what it asks.

    Args:
        authoriser: Decides by scopes and policies.
        models: Names of the models that there are, for listings.
    """

    __slots__ = ("_models", "_now", "_peers")

    name: Final = "authorise"

    def __init__(self, authoriser: Authoriser, *, models: Callable[[], tuple[str, ...]] = tuple) -> None:
        self._models = models
        self._peers: Recent[str, tuple[str, str]] = Recent(_MAX_PEERS)
        self.use(authoriser)

    def use(self, authoriser: Authoriser) -> None:
        """Decide by other policies from now on."""
        readers = self._readers()
        chosen: Readers = {
            action: tuple(readers[name] for name in names)
            for action, names in authoriser.book.mentioned.items()
        }
        self._now = (authoriser, chosen)  # in one step, so that no exchange meets half of each

    def __call__(self, exchange: Exchange) -> Decision:
        """Decide."""
        call, principal = exchange.call, exchange.principal
        if call is None or principal is None:
            return NOT_ALLOWED
        asking = _Asking(self._now, exchange, call, principal)
        action = call.action
        if action is Action.CALL_TOOL:
            decision = _tools(asking, call)
        elif action is Action.LIST_MODELS and not call.model:
            decision = self._listing(asking, exchange, principal)
        else:
            kind = Kind.SERVER if action in _ON_SERVERS else Kind.MODEL
            decision = asking.about(action, kind, call.model)
            if decision is ALLOW and action is Action.LIST_MODELS and call.model in self._models():
                exchange.facts["visible_models"] = (call.model,)
        if decision is not ALLOW or "collections" not in exchange.facts:
            return decision
        return _collections(asking, action, exchange.facts["collections"])

    def _listing(self, asking: _Asking, exchange: Exchange, principal: Principal) -> Decision:
        start = f"{Action.LIST_MODELS}:"
        if not any(scope.startswith(start) for scope in principal.scopes):
            return MISSING_SCOPE
        names = self._models()[:_MAX_LISTED]
        exchange.facts["visible_models"] = tuple(
            name for name in names if asking.about(Action.LIST_MODELS, Kind.MODEL, name) is ALLOW
        )
        return ALLOW

    def _readers(self) -> dict[str, Reader]:
        """How each circumstance is read from an exchange."""
        return {
            "hour": lambda exchange, _: exchange.started.hour,
            "weekday": lambda exchange, _: exchange.started.isoweekday(),
            "origin": lambda exchange, _: (
                _words(exchange.facts.get("origin")) or self._peer(exchange.request.peer)[0]
            ),
            "address": lambda exchange, _: self._peer(exchange.request.peer)[1],
            "dataClass": lambda exchange, _: _words(exchange.facts.get("data_class")) or "unknown",
            # Whatever is not plainly clean is tainted; only what is plainly approved is approved.
            "tainted": lambda exchange, call: (
                call.is_tainted or exchange.facts.get("tainted", False) is not False
            ),
            "approved": lambda exchange, _: exchange.facts.get("approved") is True,
            "stream": lambda _, call: call.stream,
            "tools": lambda _, call: tuple(sorted({tool.name for tool in call.tools})),
            "maxOutputTokens": lambda _, call: max(0, call.max_output_tokens),
            "uri": lambda _, call: _uri(call),
            "arguments": _no_arguments,
            "argumentsJson": _no_arguments,
        }

    def _peer(self, peer: str) -> tuple[str, str]:
        """Class and text of an address."""
        found = self._peers.get(peer)
        if found is None:
            found = _classified(peer)
            self._peers.put(peer, found)
        return found


class _Asking:
    """Asks about one exchange; the circumstances of an action are read once."""

    __slots__ = ("_authoriser", "_call", "_exchange", "_principal", "_readers")

    def __init__(
        self, now: tuple[Authoriser, Readers], exchange: Exchange, call: Call, principal: Principal
    ) -> None:
        self._authoriser, self._readers = now
        self._exchange = exchange
        self._call = call
        self._principal = principal

    def about(self, action: Action, kind: Kind, name: str) -> Decision:
        """The decision about a model, collection or server."""
        readers = self._readers[action]
        values = tuple([read(self._exchange, self._call) for read in readers]) if readers else ()
        decision = self._authoriser.decide(self._principal, action, (kind, name), values)
        if decision is not NOT_ALLOWED:
            return decision
        return NOT_ALLOWED if self.is_seen(action, kind, name) else NO_SUCH

    def about_tool(self, server: str, use: ToolUse) -> Decision:
        """The decision about one use of a tool."""
        text = _json(use.arguments)
        if text is None or not use.name:
            return NOT_ALLOWED
        values = tuple(
            [
                text if read is _no_arguments else read(self._exchange, self._call)
                for read in self._readers[Action.CALL_TOOL]
            ]
        )
        resource = (Kind.TOOL, f"{server}/{use.name}")
        decision = self._authoriser.decide(self._principal, Action.CALL_TOOL, resource, values)
        if decision is not NOT_ALLOWED:
            return decision
        return NOT_ALLOWED if self.is_seen(Action.CALL_TOOL, Kind.SERVER, server) else NO_SUCH

    def is_seen(self, action: Action, kind: Kind, name: str) -> bool:
        """Whether the caller may know that something exists."""
        see = _SEE.get(kind)
        return see is not None and see is not action and self.about(see, kind, name) is ALLOW


def _tools(asking: _Asking, call: Call) -> Decision:
    # A slash in the name of a server would let one tool bear the name of another.
    if not call.model or "/" in call.model:
        return NO_SUCH
    if not 0 < len(call.tool_uses) <= _MAX_TOOL_USES:
        return NOT_ALLOWED
    asked = ALLOW
    for use in call.tool_uses:
        decision = asking.about_tool(call.model, use)
        if decision.outcome is Outcome.ASK:
            asked = decision
        elif decision is not ALLOW:
            return decision
    return asked


def _collections(asking: _Asking, action: Action, names: object) -> Decision:
    if not isinstance(names, tuple | list | frozenset | set) or len(names) > _MAX_COLLECTIONS:
        return NOT_ALLOWED
    if action not in {Action.INFER, Action.EMBED, Action.PREDICT}:
        return NOT_ALLOWED if names else ALLOW
    for name in names:
        decision = asking.about(action, Kind.COLLECTION, str(name))
        if decision is not ALLOW:
            return NOT_ALLOWED if decision is NO_SUCH else decision
    return ALLOW


def _no_arguments(exchange: Exchange, call: Call) -> str:
    """Stands for the arguments of a tool, which are read for each use."""
    del exchange, call
    return "{}"


def _json(arguments: object) -> str | None:
    """Arguments as JSON in one spelling; None when they have none."""
    try:
        return msgspec.json.encode({} if arguments is None else arguments, order="sorted").decode()
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return None


def _uri(call: Call) -> str:
    body = call.body if isinstance(call.body, dict) else {}
    parameters = body.get("params")
    return _words(parameters.get("uri")) if isinstance(parameters, dict) else ""


def _words(value: object) -> str:
    return str(value) if isinstance(value, str) else ""


def _classified(peer: str) -> tuple[str, str]:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return "unknown", ""
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or ipaddress.IPv6Address(int(address))  # without a zone
    if address.is_loopback:
        return "loopback", str(address)
    return "public" if address.is_global else "private", str(address)

"""Which tools may be offered and called, and with what: the guard before everything that has effects.

1. A tool whose definition is not the pinned one is refused (`tool-changed`); so is one that nobody pinned (`tool-not-allowed`).
   What the settings pin counts before what the release states.
2. A tool that no scope of the caller allows is refused (`tool-not-allowed`); nothing allows by default.
3. Arguments that could not be decoded, or that do not fit the schema, are refused (`tool-arguments`).
4. More calls than the budget are refused (`tool-not-allowed`).
5. After untrusted text, a tool that is not known to only read is refused (`tainted`), unless the settings say otherwise.
6. Where a person must approve, the approval is for this caller, this tool and these very arguments, and is used up by one
   call; without it the answer is `needs-approval`.
7. A schema that cannot be checked refuses.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from keelmark.core.exchange import ALLOW, Decision, Ground, Outcome, deny
from keelmark.core.tools import SCHEMAS, stated_digest
from keelmark.errors import LimitExceededError, ParseError
from keelmark.operation.inputs.argument_schema import fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from keelmark.core.call import ToolDefinition, ToolUse
    from keelmark.core.exchange import Exchange
    from keelmark.operation.inputs.settings import ToolSettings

__all__ = ["Approvals", "ToolGuard", "arguments_digest", "schema_of"]

_STAGE = "screen-input"
_EVERY = "*"
_CALLS = "tool_calls"
_ENCODER = msgspec.json.Encoder(order="sorted")


class Approvals(Protocol):
    """Approvals by people, each for one call."""

    def take(self, principal: str, digest: str) -> bool:
        """Use up the approval of a caller for a tool with arguments; False when there is none. Two takers never both get it."""
        ...


def arguments_digest(tool: str, arguments: Any) -> str:
    """SHA-256 over tool and arguments in one spelling, hexadecimal: what a person approves."""
    return hashlib.sha256(_ENCODER.encode([tool, arguments])).hexdigest()


def schema_of(definition: Any) -> Any:
    """The schema in the definition of a tool, in the forms of all interfaces; None when it has none."""
    if not isinstance(definition, dict):
        return None
    inner = definition.get("function")
    if isinstance(inner, dict):
        definition = inner
    return next((definition[key] for key in SCHEMAS if key in definition), None)


class ToolGuard:
    """Judges definitions and calls of tools.

    Args:
        settings: What is allowed.
        definitions: Definitions that files of the settings state, by name: their digests are pins, and their schemas hold for
            calls that bring no definition of their own.
        released: Digests of definitions by name, as the release in force states them.
        approvals: Approvals by people; None where nobody can give any.
    """

    __slots__ = (
        "_allowed",
        "_approvals",
        "_approved_only",
        "_definitions",
        "_pinned",
        "_readers",
        "_released",
        "_settings",
    )

    def __init__(
        self,
        settings: ToolSettings,
        *,
        definitions: Mapping[str, Any] | None = None,
        released: Callable[[], Mapping[str, frozenset[str]]] = dict,
        approvals: Approvals | None = None,
    ) -> None:
        self._settings = settings
        self._definitions = dict(definitions or {})
        self._pinned = {name: stated_digest(each) for name, each in self._definitions.items()}
        self._pinned.update(settings.pinned)
        self._released = released
        allowed: dict[str, set[str]] = {}
        for scope, tool in settings.allowed:
            allowed.setdefault(tool, set()).add(scope)
        self._allowed = {tool: frozenset(scopes) for tool, scopes in allowed.items()}
        # A tool that is listed as both counts as the more dangerous.
        self._readers = frozenset(settings.readers) - frozenset(settings.effects)
        self._approved_only = frozenset(settings.approved_only)
        self._approvals = approvals

    @property
    def pinned(self) -> frozenset[str]:
        """Names of tools that the settings pin."""
        return frozenset(self._pinned)

    def judge(self, exchange: Exchange) -> Decision:
        """Decide about everything that a call offers and uses."""
        call = exchange.call
        if call is None:
            return deny("stage-failed")
        decision = self.offered(exchange, call.tools)
        return self.used(exchange, call.tool_uses) if decision is ALLOW else decision

    def offered(self, exchange: Exchange, tools: Iterable[ToolDefinition]) -> Decision:
        """Decide about tools that are offered to a model."""
        for tool in tools:
            decision = self.definition(exchange, tool)
            if decision is not ALLOW:
                return decision
        return ALLOW

    def definition(self, exchange: Exchange, tool: ToolDefinition) -> Decision:
        """Decide about one definition, wherever it comes from."""
        pinned = self._pinned.get(tool.name)
        known = self._released().get(tool.name) if pinned is None else (pinned,)
        if known is None:
            if self._settings.is_pinning_enforced:
                return _noted(exchange, deny("tool-not-allowed"), "no pinned definition")
        elif tool.digest not in known:
            return _noted(exchange, deny("tool-changed"), "definition")
        if not self._is_allowed(exchange, tool.name):
            return _noted(exchange, deny("tool-not-allowed"), "scope")
        return ALLOW

    def used(self, exchange: Exchange, uses: Iterable[ToolUse]) -> Decision:
        """Decide about calls of tools: of a caller, or asked for by a model in its answer."""
        for use in uses:
            decision = self._use(exchange, use)
            if decision is not ALLOW:
                return decision
        return ALLOW

    def _use(self, exchange: Exchange, use: ToolUse) -> Decision:
        made = exchange.facts.get(_CALLS, 0) + 1
        exchange.facts[_CALLS] = made
        if made > self._settings.max_calls:
            return _noted(exchange, deny("tool-not-allowed", "too many calls"), "budget")
        if not self._is_allowed(exchange, use.name):
            return _noted(exchange, deny("tool-not-allowed"), "scope")
        if said := self._arguments_fault(exchange, use):
            return _noted(exchange, deny("tool-arguments", said), "arguments")
        if (
            use.name not in self._readers
            and self._is_tainted(exchange)
            and not self._settings.allows_tainted_effects
        ):
            return _noted(exchange, deny("tainted"), "effect after untrusted text")
        # INVARIANT: last, so that an approval is used up only by a call that is let through.
        if use.name in self._approved_only:
            return self._approved(exchange, use)
        return ALLOW

    def _is_allowed(self, exchange: Exchange, tool: str) -> bool:
        principal = exchange.principal
        if principal is None:
            return False
        scopes = self._allowed.get(tool, frozenset()) | self._allowed.get(_EVERY, frozenset())
        return not scopes.isdisjoint(principal.scopes)

    def _is_tainted(self, exchange: Exchange) -> bool:
        return exchange.facts.get("tainted") is not False

    def _arguments_fault(self, exchange: Exchange, use: ToolUse) -> str:
        """Why the arguments are refused; "" when they are not."""
        if not isinstance(use.arguments, dict):
            return "they could not be read"
        definition = self._definitions.get(use.name)
        if definition is None and exchange.call is not None:
            definition = next(
                (tool.definition for tool in exchange.call.tools if tool.name == use.name), None
            )
        schema = schema_of(definition)
        if schema is None:
            return "the tool states no schema"
        try:
            return fault(schema, use.arguments)
        except (ParseError, LimitExceededError, TypeError, AttributeError, ValueError):
            # Whatever is wrong with a schema, no argument passes by it.
            return "the schema of the tool cannot be checked"

    def _approved(self, exchange: Exchange, use: ToolUse) -> Decision:
        digest = arguments_digest(use.name, use.arguments)
        principal = exchange.principal
        if (
            self._approvals is not None
            and principal is not None
            and self._approvals.take(principal.id, digest)
        ):
            exchange.facts["approved"] = digest
            return ALLOW
        exchange.facts["to_approve"], exchange.facts["use_to_approve"] = digest, use
        return _noted(
            exchange, Decision(outcome=Outcome.ASK, reason="needs-approval", detail=digest), "approval"
        )


def _noted(exchange: Exchange, decision: Decision, detail: str) -> Decision:
    exchange.grounds.append(
        Ground(stage=_STAGE, reason=decision.reason, outcome=decision.outcome, detail=f"tool: {detail}")
    )
    return decision

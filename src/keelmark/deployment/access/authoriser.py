"""Decides what a caller may do: scopes first, then policies; each decision is remembered for as long as the policies are the same.

1. A decision is remembered under all that it depends on: the caller with all its attributes, the action, the resource, and the
   circumstances that policies read. So what is remembered is what would be decided again.
2. Who has not the scope is told so; who may not even list a model or the tools of a server is told that there is none.
3. What would be permitted if a person approved it is `needs-approval`; everything else that is not permitted is `not-allowed`.
4. What is remembered is bounded, in number and in the length of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keelmark.core.exchange import ALLOW, Decision, Outcome, deny
from keelmark.deployment.access.questions import Kind, Question, Resource
from keelmark.deployment.access.recent import Recent
from keelmark.deployment.access.scopes import allows
from keelmark.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.call import Action
    from keelmark.core.principal import Principal
    from keelmark.deployment.access.policies import PolicyBook

__all__ = [
    "MISSING_SCOPE",
    "NEEDS_APPROVAL",
    "NOT_ALLOWED",
    "NO_SUCH",
    "AssetSettings",
    "Authoriser",
    "Bounds",
]

NOT_ALLOWED: Final = deny("not-allowed")
"""No policy permits it, or one forbids it."""
MISSING_SCOPE: Final = deny("missing-scope")
"""The credential does not have the scope."""
NO_SUCH: Final = deny("no-such-model")
"""There is none, as far as this caller is concerned."""
NEEDS_APPROVAL: Final = Decision(outcome=Outcome.ASK, reason="needs-approval")
"""It would be permitted if a person approved it."""

_MAX_NAME = 512
_APPROVED = "approved"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSettings:
    """What policies may know of one model, collection or server.

    Attributes:
        kind: What it is.
        name: As callers know it.
        tenant: Whose it is.
        data_class: Class of the data in it.
    """

    kind: Kind
    name: str
    tenant: str = ""
    data_class: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of what is remembered.

    Attributes:
        max_decisions: How many.
        max_characters: In the circumstances of one; longer ones are decided each time.
    """

    max_decisions: int = 8_192
    max_characters: int = 1_024


class Authoriser:
    """Decides, by one set of policies.

    Args:
        book: The policies.
        assets: What is known of models, collections and servers.
        bounds: Of what is remembered.

    Raises:
        ConfigurationError: Something is described twice.
    """

    __slots__ = ("_assets", "_bounds", "_remembered", "book")

    def __init__(
        self, book: PolicyBook, *, assets: Iterable[AssetSettings] = (), bounds: Bounds | None = None
    ) -> None:
        self.book = book
        self._bounds = bounds or Bounds()
        self._remembered: Recent[tuple[Any, ...], Decision] = Recent(self._bounds.max_decisions)
        self._assets: dict[tuple[Kind, str], Resource] = {}
        for each in assets:
            if (each.kind, each.name) in self._assets or each.kind is Kind.TOOL:
                raise ConfigurationError(f"`{each.name}` is described twice, or is a tool")
            self._assets[each.kind, each.name] = Resource(
                kind=each.kind, name=each.name, tenant=each.tenant, data_class=each.data_class
            )

    def decide(
        self, principal: Principal, action: Action, resource: tuple[Kind, str], values: tuple[Any, ...]
    ) -> Decision:
        """Whether the caller may do it.

        Args:
            principal: Who calls.
            action: What it wants to do.
            resource: With what: kind and name.
            values: The circumstances that policies read, in the order of `book.mentioned[action]`.
        """
        key = (principal, action, resource, values)
        found = self._remembered.get(key)
        if found is None:
            found = self._judge(principal, action, resource, values)
            if _length(values) <= self._bounds.max_characters:
                self._remembered.put(key, found)
        return found

    def _judge(
        self, principal: Principal, action: Action, resource: tuple[Kind, str], values: tuple[Any, ...]
    ) -> Decision:
        kind, name = resource
        if not name or len(name) > _MAX_NAME:
            return NO_SUCH
        # Collections are reached through a model, for which there is a scope; whose they are is for policies.
        if kind is not Kind.COLLECTION and not allows(principal.scopes, action, name):
            return MISSING_SCOPE
        context = dict(zip(self.book.mentioned[action], values, strict=True))
        asset = self._assets.get(resource) or Resource(kind=kind, name=name)
        question = Question(principal=principal, action=action, resource=asset, context=context)
        if self.book.ask(question).is_allowed:
            return ALLOW
        if context.get(_APPROVED) is False:
            approved = Question(
                principal=principal, action=action, resource=asset, context={**context, _APPROVED: True}
            )
            if self.book.ask(approved).is_allowed:
                return NEEDS_APPROVAL
        return NOT_ALLOWED


def _length(values: tuple[Any, ...]) -> int:
    total = 0
    for value in values:
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, tuple):
            total += sum(map(len, value)) + len(value)
    return total

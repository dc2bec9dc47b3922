"""What a credential allows at most: `action:name`, one by one. Policies decide inside of that.

1. `infer:small` allows the action on the model of that name and nothing else.
2. `infer:*` allows it on all models; it has to be written, nothing implies it.
3. `callTool:files/read` allows one tool of one server, `callTool:files/*` all tools of that server.
4. There is no wildcard for actions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.call import Action
from keelmark.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_SCOPES", "allows", "check_scopes"]

MAX_SCOPES = 256
"""Scopes of one credential."""

_MAX_LENGTH = 256
_ACTIONS = frozenset(action.value for action in Action)


def allows(scopes: frozenset[str], action: Action, name: str) -> bool:
    """Whether the scopes allow an action on what bears a name."""
    start = action + ":"
    if start + name in scopes or start + "*" in scopes:
        return True
    if action is not Action.CALL_TOOL:
        return False
    server, slash, _ = name.partition("/")
    return bool(slash) and f"{start}{server}/*" in scopes


def check_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes as a set.

    Raises:
        ConfigurationError: One is no scope, or there are too many.
    """
    found = tuple(scopes)
    if len(found) > MAX_SCOPES:
        raise ConfigurationError(f"{len(found)} scopes are more than {MAX_SCOPES}")
    for scope in found:
        action, colon, name = scope.partition(":")
        if action not in _ACTIONS or not colon:
            raise ConfigurationError(
                f"`{scope}` is no scope: it begins with no action",
                hint=f"write it like infer:MODEL; actions: {', '.join(sorted(_ACTIONS))}",
            )
        is_plain = name == "*" or "*" not in (name[:-2] if _is_server_wide(action, name) else name)
        if not name or len(scope) > _MAX_LENGTH or not name.isprintable() or " " in name or not is_plain:
            raise ConfigurationError(
                f"`{scope}` is no scope: it names nothing in particular",
                hint=f"write it like {action}:NAME, or {action}:* for all",
            )
    return frozenset(found)


def _is_server_wide(action: str, name: str) -> bool:
    return action == Action.CALL_TOOL and name.endswith("/*")

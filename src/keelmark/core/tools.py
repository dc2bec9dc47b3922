"""One digest of the definition of a tool, for all who speak of it: the inventory, the release, and the gateway.

The digest is SHA-256 over JSON in one spelling: an object with `description`, `name` and `schema`, keys sorted at every
depth, nothing between, UTF-8. So the same tool has the same digest by whichever interface it comes.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

__all__ = ["SCHEMAS", "stated_digest", "tool_digest"]

SCHEMAS: Final = ("parameters", "input_schema", "inputSchema")
"""What the interfaces call the schema of arguments."""

_SPELLING = msgspec.json.Encoder(order="deterministic")


def tool_digest(name: str, description: str, schema: Any) -> str:
    """The digest of a tool, hexadecimal.

    Args:
        name: As calls name it.
        description: As the model reads it; "" for none.
        schema: Of its arguments, decoded; None for none.
    """
    spelled = _SPELLING.encode({"name": name, "description": description, "schema": schema})
    return hashlib.sha256(spelled).hexdigest()


def stated_digest(definition: Any) -> str:
    """The digest of a definition in the form of any interface, as a file states it; "" where it is none.

    Args:
        definition: An object with `name`, `description`, and `parameters`, `input_schema` or `inputSchema`; or one that
            holds such an object as `function`.
    """
    if isinstance(definition, dict) and isinstance(definition.get("function"), dict):
        definition = definition["function"]
    if not isinstance(definition, dict):
        return ""
    name, description = definition.get("name"), definition.get("description")
    if not isinstance(name, str) or not name or not isinstance(description, str | None):
        return ""
    schemas = [definition[key] for key in SCHEMAS if definition.get(key) is not None]
    if len(schemas) > 1:
        return ""
    try:
        return tool_digest(name, description or "", schemas[0] if schemas else None)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
        return ""

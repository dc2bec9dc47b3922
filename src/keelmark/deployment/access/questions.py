"""What policies are asked: who wants to do what, with what, under which circumstances; and how Cedar is told.

1. Circumstances that no policy reads are handed over as constants, so that they cannot change the answer.
2. Arguments of tools are told as tags by their path. Where two arguments would get one tag, or there are too many, the question
   cannot be told, and so is denied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from keelmark.core.call import Action
from keelmark.core.principal import Principal, Proof
from keelmark.errors import LimitExceededError

__all__ = [
    "CONTEXT",
    "NAMESPACE",
    "NEUTRAL",
    "Kind",
    "Question",
    "Resource",
    "context_json",
    "entities_json",
    "flatten",
    "uid_of",
]

NAMESPACE = "Keelmark"
"""Namespace of the schema."""

_MAX_TAGS = 256
_MAX_DEPTH = 16
_MAX_LONG = 2**63 - 1
_ARGUMENTS = {"type": f"{NAMESPACE}::Arguments", "id": "call"}

_COMMON = ("hour", "weekday", "origin", "address", "dataClass", "tainted", "approved", "stream")

CONTEXT: Mapping[Action, tuple[str, ...]] = MappingProxyType(
    {
        Action.INFER: (*_COMMON, "tools", "maxOutputTokens"),
        Action.EMBED: _COMMON,
        Action.PREDICT: _COMMON,
        Action.LIST_MODELS: _COMMON,
        Action.LIST_TOOLS: _COMMON,
        Action.CALL_TOOL: (*_COMMON, "arguments", "argumentsJson"),
        Action.READ_RESOURCE: (*_COMMON, "uri"),
    }
)
"""The circumstances of each action, as the schema has them."""

NEUTRAL: Mapping[str, Any] = MappingProxyType(
    {
        "hour": 12,
        "weekday": 1,
        "origin": "unknown",
        "address": "",
        "dataClass": "unknown",
        "tainted": False,
        "approved": False,
        "stream": False,
        "tools": (),
        "maxOutputTokens": 0,
        "arguments": "{}",
        "argumentsJson": "{}",
        "uri": "",
    }
)
"""What stands for circumstances that nobody named. `arguments` are JSON text here too."""

_TYPES = {Proof.API_KEY: "Key", Proof.TOKEN: "User", Proof.CERTIFICATE: "Service"}


class Kind(StrEnum):
    """What something is that is acted on."""

    MODEL = "Model"
    COLLECTION = "Collection"
    SERVER = "Server"
    TOOL = "Tool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What is acted on.

    Attributes:
        kind: What it is.
        name: As callers know it; a tool is `server/tool`.
        tenant: Whose it is.
        data_class: Class of the data in it.
    """

    kind: Kind
    name: str
    tenant: str = ""
    data_class: str = ""

    @property
    def uid(self) -> dict[str, str]:
        """How Cedar names it."""
        return {"type": f"{NAMESPACE}::{self.kind.value}", "id": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What policies are asked. `context` holds circumstances by name; those left out are neutral."""

    principal: Principal
    action: Action
    resource: Resource
    context: Mapping[str, Any] = field(default_factory=dict)


def uid_of(principal: Principal) -> dict[str, str]:
    """How Cedar names a caller."""
    return {"type": f"{NAMESPACE}::{_TYPES[principal.proof]}", "id": principal.id}


def context_json(question: Question, read: tuple[str, ...]) -> dict[str, Any]:
    """The circumstances as Cedar reads them; those that are not in `read` as constants."""
    told: dict[str, Any] = {}
    for name in CONTEXT[question.action]:
        value = question.context.get(name, NEUTRAL[name]) if name in read else NEUTRAL[name]
        match name:
            case "address":
                if value:
                    told[name] = {"__extn": {"fn": "ip", "arg": value}}
            case "arguments":
                told[name] = {"__entity": _ARGUMENTS}
            case "tools":
                told[name] = list(value)
            case "maxOutputTokens":
                told[name] = min(value, _MAX_LONG)
            case _:
                told[name] = value
    return told


def entities_json(question: Question, read: tuple[str, ...]) -> list[dict[str, Any]]:
    """The caller, the resource, and the arguments, as Cedar reads them.

    Raises:
        LimitExceededError: The arguments cannot be told.
        ValueError: They are no JSON.
    """
    found = [_caller(question.principal), _asset(question.resource)]
    if question.action is Action.CALL_TOOL:
        tags: dict[str, str] = {}
        if "arguments" in read:
            tags = flatten(json.loads(question.context.get("arguments", NEUTRAL["arguments"])))
        found.append({"uid": _ARGUMENTS, "attrs": {}, "parents": [], "tags": tags})
    return found


def flatten(arguments: object) -> dict[str, str]:
    """Arguments of a tool as text by path: `a`, `a.b`, `a.0`. Null is left out.

    Raises:
        LimitExceededError: There are too many, they are nested too deeply, or two of them have one path.
    """
    tags: dict[str, str] = {}
    seen: set[str] = set()
    if not isinstance(arguments, dict):
        if arguments is None:
            return tags
        raise LimitExceededError("arguments of a tool are not named")
    stack: list[tuple[str, object, int]] = [(str(key), value, 1) for key, value in arguments.items()]
    while stack:
        path, value, depth = stack.pop()
        if depth > _MAX_DEPTH or len(tags) + len(stack) > _MAX_TAGS:
            raise LimitExceededError("arguments of a tool are too many, or nested too deeply")
        if isinstance(value, dict):
            stack.extend((f"{path}.{key}", below, depth + 1) for key, below in value.items())
            continue
        if isinstance(value, list):
            stack.extend((f"{path}.{index}", below, depth + 1) for index, below in enumerate(value))
            continue
        if path in seen:
            raise LimitExceededError(f"two arguments of a tool have the path `{path}`")
        seen.add(path)
        if value is not None:
            tags[path] = value if isinstance(value, str) else json.dumps(value)
    return tags


def _caller(principal: Principal) -> dict[str, Any]:
    parents = [("Team", principal.team), ("Tenant", principal.tenant)]
    return {
        "uid": uid_of(principal),
        "attrs": {
            "proof": principal.proof.value,
            "team": principal.team,
            "tenant": principal.tenant,
            "scopes": sorted(principal.scopes),
        },
        "parents": [{"type": f"{NAMESPACE}::{kind}", "id": name} for kind, name in parents if name],
        "tags": dict(principal.attributes),
    }


def _asset(resource: Resource) -> dict[str, Any]:
    if resource.kind is Kind.TOOL:
        server, _, name = resource.name.partition("/")
        return {
            "uid": resource.uid,
            "attrs": {"server": server, "name": name},
            "parents": [{"type": f"{NAMESPACE}::Server", "id": server}],
        }
    parents = [{"type": f"{NAMESPACE}::Tenant", "id": resource.tenant}] if resource.tenant else []
    attributes = {"tenant": resource.tenant, "dataClass": resource.data_class}
    return {"uid": resource.uid, "attrs": attributes, "parents": parents}

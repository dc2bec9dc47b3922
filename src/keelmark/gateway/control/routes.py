"""The table of the control plane: what can be asked, with what, and what comes back. Routing and OpenAPI both read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from keelmark.gateway.control.ports import Approval, GatewayState, RevokedKey

__all__ = [
    "OPERATIONS",
    "ApprovalList",
    "Deed",
    "Done",
    "Failure",
    "Life",
    "Nothing",
    "Operation",
    "Problem",
    "Readiness",
    "Revocation",
    "RevokedKeys",
    "Verdict",
    "match",
]

MAX_BODY_BYTES = 16 * 1024
"""Of any body. Reasons and names are short."""

_Reason = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S", description="Why.")]
_Owner = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=r"\S", description="Who answers for it: a role or person."),
]
_Id = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that are not known are refused."""


class Nothing(_Body, frozen=True):
    """Nothing is asked for beside the action itself."""


class Deed(_Body, frozen=True):
    """Why, and who answers for it."""

    reason: _Reason
    owner: _Owner


class Revocation(_Body, frozen=True):
    """Which key, and why it ends."""

    id: _Id
    reason: _Reason


class Verdict(_Body, frozen=True):
    """What a person decides, and why."""

    decision: Literal["allow", "deny"]
    owner: _Owner
    reason: _Reason


class Life(msgspec.Struct, frozen=True):
    """The process lives."""

    status: Literal["ok"] = "ok"


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests are served, and what is missing."""

    ready: bool
    missing: tuple[str, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """What was done. When `recorded` is false, the log could not be written and nothing else keeps it."""

    action: str
    recorded: bool
    detail: str = ""


class RevokedKeys(msgspec.Struct, frozen=True):
    """Keys that no longer count."""

    keys: tuple[RevokedKey, ...]


class ApprovalList(msgspec.Struct, frozen=True):
    """What waits for a person."""

    approvals: tuple[Approval, ...]


class Problem(msgspec.Struct, frozen=True):
    """What is wrong, and what to do about it."""

    code: str
    message: str
    hint: str = ""


class Failure(msgspec.Struct, frozen=True):
    """The body of every answer but 200 and that of readiness."""

    error: Problem


_TEXT = "text/plain"
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked.

    Attributes:
        name: By which the code and OpenAPI know it.
        method: Of HTTP.
        path: With `{id}` where a part varies.
        summary: What it does.
        body: What must be sent; None for nothing.
        result: What comes back.
        form: Media type of what comes back.
        is_open: Whether it is answered without a token.
        failures: Statuses beside those that every operation knows, with what they mean.
    """

    name: str
    method: str
    path: str
    summary: str
    body: type[msgspec.Struct] | None = None
    result: Any = None
    form: str = _JSON
    is_open: bool = False
    failures: dict[int, str] = field(default_factory=dict)


_KEPT = {503: "It could not be recorded, so it was not done."}
_UNKNOWN = {404: "There is nothing of that id."}

OPERATIONS = (
    Operation(
        name="healthz",
        method="GET",
        path="/healthz",
        summary="The process lives; nothing else is said.",
        result=Life,
        is_open=True,
    ),
    Operation(
        name="readyz",
        method="GET",
        path="/readyz",
        summary="Whether requests are served, and what is missing if not.",
        result=Readiness,
        failures={503: "Not ready; the body names what is missing."},
    ),
    Operation(
        name="metrics",
        method="GET",
        path="/metrics",
        summary="Numbers of all workers, for Prometheus.",
        result=str,
        form=_TEXT,
    ),
    Operation(
        name="openapi", method="GET", path="/openapi.json", summary="This description.", result=dict[str, Any]
    ),
    Operation(
        name="state",
        method="GET",
        path="/v1/state",
        summary="Release, stages, routes, workers, envelope and limits.",
        result=GatewayState,
    ),
    Operation(
        name="reload",
        method="POST",
        path="/v1/reload",
        summary="Read the configuration again and put it in force as a whole.",
        body=Nothing,
        result=Done,
        failures={409: "The configuration is not sound; the old one is still in force.", **_KEPT},
    ),
    Operation(
        name="drain",
        method="POST",
        path="/v1/drain",
        summary="Begin to stop: no more requests, those under way are answered.",
        body=Nothing,
        result=Done,
    ),
    Operation(
        name="disconnect",
        method="POST",
        path="/v1/disconnect",
        summary="Refuse everything from now on, across restarts.",
        body=Deed,
        result=Done,
        failures={503: "Other workers could not be told; this one refuses everything."},
    ),
    Operation(
        name="reconnect",
        method="POST",
        path="/v1/reconnect",
        summary="Let requests through again.",
        body=Deed,
        result=Done,
        failures={409: "Nothing is disconnected.", **_KEPT},
    ),
    Operation(
        name="revoked",
        method="GET",
        path="/v1/keys/revoke",
        summary="Keys that were revoked.",
        result=RevokedKeys,
    ),
    Operation(
        name="revoke",
        method="POST",
        path="/v1/keys/revoke",
        summary="End a key within a second.",
        body=Revocation,
        result=Done,
        failures=_UNKNOWN,
    ),
    Operation(
        name="approvals",
        method="GET",
        path="/v1/approvals",
        summary="What waits for a person.",
        result=ApprovalList,
    ),
    Operation(
        name="decide",
        method="POST",
        path="/v1/approvals/{id}",
        summary="Allow or deny what waits, once.",
        body=Verdict,
        result=Done,
        failures={**_UNKNOWN, **_KEPT},
    ),
)
"""Everything that can be asked."""

_ID_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
_MAX_ID = 64
_BY_PATH: dict[str, dict[str, Operation]] = {}
for _operation in OPERATIONS:
    _BY_PATH.setdefault(_operation.path, {})[_operation.method] = _operation
_VARYING = tuple(
    (path.removesuffix("{id}"), methods) for path, methods in _BY_PATH.items() if path.endswith("{id}")
)


def match(path: str) -> tuple[dict[str, Operation], str] | None:
    """Operations of a path by method, with the id that stands in it; None when there is nothing at it."""
    methods = _BY_PATH.get(path)
    if methods is not None and "{" not in path:
        return methods, ""
    for prefix, found in _VARYING:
        if path.startswith(prefix):
            id_ = path[len(prefix) :]
            if 0 < len(id_) <= _MAX_ID and _ID_CHARACTERS.issuperset(id_):
                return found, id_
    return None

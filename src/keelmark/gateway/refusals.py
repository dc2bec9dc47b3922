"""Every reason for which the gateway refuses, with the status and the sentence that callers get.

The sentences tell a caller what to do, and nothing about others, the configuration, or what a rule looks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.call import Api

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.exchange import Decision

__all__ = ["REFUSALS", "Refusal", "body_of", "refusal_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How one reason is told.

    Attributes:
        status: HTTP status.
        message: What the caller reads.
    """

    status: int
    message: str


_TABLE = {
    # bound: the request itself
    "bad-request": (400, "the request is not well formed"),
    "ambiguous-request": (400, "the request can be read in more than one way"),
    "bad-json": (400, "the body is not strict JSON: UTF-8, each key once, no NaN, no lone surrogates"),
    "unknown-field": (400, "the body has a field that this interface does not know"),
    "bad-field": (400, "a field of the body has a wrong type or value"),
    "too-large": (413, "the body is larger than allowed"),
    "too-deep": (400, "the body is nested more deeply than allowed"),
    "too-many-tokens": (400, "more tokens are asked for than allowed"),
    "too-many-choices": (400, "more answers are asked for than allowed"),
    "headers-too-large": (431, "the headers are larger than allowed"),
    "timeout": (408, "the request did not arrive in time"),
    "no-such-path": (404, "there is nothing here"),
    "bad-method": (405, "this path does not take that method"),
    "bad-media-type": (415, "the body must be application/json"),
    # identify
    "no-credential": (401, "no credential was given"),
    "bad-credential": (401, "the credential is not valid"),
    # authorise
    "not-allowed": (403, "no policy allows this"),
    "no-such-model": (404, "there is no such model for this caller"),
    "missing-scope": (403, "the credential does not have the scope for this"),
    # released
    "not-released": (403, "what was asked for is not under a valid release"),
    "release-expired": (403, "the release of what was asked for has expired"),
    "release-revoked": (403, "the release of what was asked for was revoked"),
    "release-changed": (403, "what was asked for is not what was released"),
    "tool-changed": (403, "a tool is not defined as it was released"),
    # envelope
    "outside-envelope": (403, "this would leave the limits inside which the release holds"),
    "needs-approval": (403, "a person has to approve this first"),
    # limits
    "rate-limited": (429, "too many requests"),
    "tokens-exhausted": (429, "the budget of tokens is used up"),
    "money-exhausted": (429, "the budget is used up"),
    "limits-unavailable": (503, "limits cannot be counted now"),
    "too-many-at-once": (429, "too many requests at the same time"),
    # screens
    "injection": (403, "the input was taken for an attack"),
    "prompt-extraction": (403, "the input asks for hidden instructions"),
    "secret": (403, "the text carries a credential"),
    "personal-data": (403, "the text carries personal data"),
    "hidden-text": (403, "the text carries hidden characters"),
    "repetition": (403, "the text repeats itself beyond use"),
    "many-shot": (403, "the text carries more examples of dialogue than allowed"),
    "tool-arguments": (403, "the arguments of a tool are not allowed"),
    "tool-not-allowed": (403, "this tool may not be called here"),
    "tainted": (403, "untrusted text came before, and this would have effects"),
    "output-stopped": (403, "the answer was stopped"),
    "image-not-signed": (502, "an image of the answer could not be signed"),
    # the gateway itself
    "disconnected": (503, "the service was disconnected"),
    "draining": (503, "the service is about to stop"),
    "log-unavailable": (503, "the request could not be recorded"),
    "stage-failed": (503, "a check failed; closed by default"),
    "stage-timeout": (503, "a check took too long; closed by default"),
    "stage-silent": (503, "a check gave no answer; closed by default"),
    "overloaded": (503, "too many connections"),
    # upstream
    "upstream-failed": (502, "the model could not be reached"),
    "upstream-busy": (429, "the model is asked too much now"),
    "upstream-refused": (400, "the model does not take this request"),
    "upstream-timeout": (504, "the model did not answer in time"),
    "upstream-invalid": (502, "the model gave an answer that cannot be checked"),
    "upstream-too-large": (502, "the model gave an answer larger than allowed"),
}

REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {reason: Refusal(status=status, message=message) for reason, (status, message) in _TABLE.items()}
)
"""Reason id to how it is told."""

# Words of the interfaces for statuses; clients of both read them.
_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
_SERVER_ERROR = 500
_RPC_DENIED = -32_001
_RPC_INVALID = -32_600


def refusal_of(decision: Decision) -> Refusal:
    """How a decision is told. A reason of a plug-in that stands in no table is a plain refusal."""
    return REFUSALS.get(decision.reason) or Refusal(status=403, message="the request was refused")


def body_of(decision: Decision, *, api: Api | None, id: str | int | None = None) -> bytes:  # noqa: A002 - as JSON-RPC calls it
    """The body of a refusal, in the form that clients of the interface expect.

    Args:
        decision: What was decided.
        api: The interface; None when it is not known yet, which gives the form of OpenAI.
        id: Of a JSON-RPC call.
    """
    refusal = refusal_of(decision)
    message = f"{refusal.message} ({decision.reason})"
    if decision.detail:
        message = f"{message}: {decision.detail}"
    if api is Api.MCP:
        code = _RPC_INVALID if refusal.status == 400 else _RPC_DENIED
        error = {"code": code, "message": message, "data": {"reason": decision.reason}}
        return msgspec.json.encode({"jsonrpc": "2.0", "id": id, "error": error})
    if api is Api.MESSAGES:
        kind = _ANTHROPIC_TYPES.get(refusal.status) or _fallback(refusal.status, "api_error")
        error = {"type": kind, "message": message, "reason": decision.reason}
        return msgspec.json.encode({"type": "error", "error": error})
    kind = _OPENAI_TYPES.get(refusal.status) or _fallback(refusal.status, "server_error")
    return msgspec.json.encode(
        {"error": {"message": message, "type": kind, "param": None, "code": decision.reason}}
    )


def _fallback(status: int, server: str) -> str:
    return server if status >= _SERVER_ERROR else "invalid_request_error"

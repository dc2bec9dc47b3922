"""Approval of actions with an effect.

1. A model can ask for an approval; it cannot give one.
2. A person with the operator key grants it and gets a token, shown once and kept as a digest.
3. The token is good for exactly the action and parameters that were asked for; a changed parameter voids it.
4. It is good once, for ten minutes.
"""

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LIFETIME_S = 600
MAX_PENDING = 100


class ApprovalRefusedError(PermissionError):
    """The action was not approved as it stands."""


@dataclass(slots=True, kw_only=True)
class _Request:
    action: str
    parameters: dict
    token_sha256: str = ""
    expires: float = 0.0


@dataclass(slots=True, kw_only=True)
class Approvals:
    """Pending and granted approvals."""

    clock: Callable[[], float] = time.monotonic
    _requests: dict[str, _Request] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, action: str, parameters: dict) -> str:
        """Remember an action that waits for a person. Returns its number."""
        with self._lock:
            if len(self._requests) >= MAX_PENDING:
                raise ApprovalRefusedError("too many actions wait for approval")
            number = secrets.token_hex(8)
            self._requests[number] = _Request(action=action, parameters=dict(parameters))
            return number

    def pending(self) -> list[dict]:
        """What waits, for the operator to read."""
        with self._lock:
            return [
                {"id": number, "action": request.action, "parameters": request.parameters}
                for number, request in self._requests.items()
                if not request.token_sha256
            ]

    def grant(self, number: str) -> str:
        """Approve one action; the token is not stored and cannot be shown again."""
        with self._lock:
            request = self._requests.get(number)
            if request is None or request.token_sha256:
                raise ApprovalRefusedError("no such action waits for approval")
            token = secrets.token_urlsafe(32)
            request.token_sha256 = hashlib.sha256(token.encode()).hexdigest()
            request.expires = self.clock() + LIFETIME_S
            return token

    def consume(self, token: str, action: str, parameters: dict) -> None:
        """Use up an approval.

        Raises:
            ApprovalRefusedError: Unknown, used, expired, or given for something else.
        """
        measured = hashlib.sha256(token.encode()).hexdigest()
        with self._lock:
            for number, request in list(self._requests.items()):
                if request.token_sha256 and hmac.compare_digest(request.token_sha256, measured):
                    del self._requests[number]
                    break
            else:
                raise ApprovalRefusedError("the approval is unknown or was used")
        if self.clock() >= request.expires:
            raise ApprovalRefusedError("the approval has expired")
        if request.action != action or _canonical(request.parameters) != _canonical(parameters):
            raise ApprovalRefusedError("the approval was given for something else")


def _canonical(parameters: dict) -> str:
    return json.dumps(parameters, sort_keys=True)

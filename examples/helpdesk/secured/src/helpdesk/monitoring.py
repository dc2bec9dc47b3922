"""What is measured and recorded: metrics, the token budget of the day, one audit event for each request."""

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram

from helpdesk.screening import mask

audit_log = logging.getLogger("helpdesk.audit")


class Metrics:
    """Metrics of one service instance."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("helpdesk_requests_total", "Requests", ["decision", "model"], registry=self.registry)
        self.tools = Counter("helpdesk_tool_calls_total", "Tool calls", ["tool", "result"], registry=self.registry)
        self.tokens = Counter("helpdesk_tokens_total", "Tokens used", registry=self.registry)
        self.suspicious = Counter("helpdesk_suspicious_total", "Texts that give orders", registry=self.registry)
        self.seconds = Histogram("helpdesk_answer_seconds", "Time to answer", registry=self.registry)


class Budget:
    """Tokens that may be used in a day; when they are used up, nothing more is sent."""

    def __init__(self, limit: int, *, today: Callable[[], date] = lambda: datetime.now(UTC).date()) -> None:
        self._limit = limit
        self._today = today
        self._day = today()
        self._used = 0
        self._lock = threading.Lock()

    def is_left(self) -> bool:
        """Whether another call may be made."""
        with self._lock:
            if self._today() != self._day:
                self._day, self._used = self._today(), 0
            return self._used < self._limit

    def use(self, tokens: int) -> None:
        """Count tokens of a call."""
        with self._lock:
            self._used += tokens


def audit(*, request_id: str, role: str, action: str, decision: str, text: str = "", **details: str) -> None:
    """Record one event: the text as digest, and its first 80 characters with personal data masked."""
    event = {
        "request": request_id,
        "role": role,
        "action": action,
        "decision": decision,
        "text_sha256": hashlib.sha256(text.encode()).hexdigest() if text else "",
        "text_start": mask(text)[:80],
        **details,
    }
    audit_log.info(json.dumps(event, sort_keys=True))

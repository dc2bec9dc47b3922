"""What is measured and recorded: metrics, input drift, and one audit event for each request without its content."""

import hashlib
import json
import logging
from collections import deque
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

audit_log = logging.getLogger("digits.audit")

# Mean ink of a training image (sum of 64 pixels) and its standard deviation; see docs/data-card.md.
TRAINING_INK_MEAN = 312.75
TRAINING_INK_DEVIATION = 34.70
DRIFT_WINDOW = 200


class Metrics:
    """Metrics of one service instance."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.predictions = Counter(
            "digits_predictions_total", "Answers by digit", ["digit", "model"], registry=self.registry
        )
        self.refusals = Counter("digits_refusals_total", "Refused requests", ["reason"], registry=self.registry)
        self.confidence = Histogram(
            "digits_confidence", "Highest probability", buckets=(0.5, 0.6, 0.7, 0.8, 0.9, 0.99), registry=self.registry
        )
        self.drift = Gauge(
            "digits_input_drift", "Distance of recent ink from training, in deviations", registry=self.registry
        )
        self._ink: deque[int] = deque(maxlen=DRIFT_WINDOW)

    def observe(self, pixels: Sequence[int], digit: int, confidence: float, model: str) -> None:
        """Count one answer and move the drift window."""
        self.predictions.labels(digit=str(digit), model=model).inc()
        self.confidence.observe(confidence)
        self._ink.append(sum(pixels))
        if len(self._ink) == DRIFT_WINDOW:
            mean = sum(self._ink) / DRIFT_WINDOW
            error = TRAINING_INK_DEVIATION / DRIFT_WINDOW**0.5
            self.drift.set(abs(mean - TRAINING_INK_MEAN) / error)


def audit(*, request_id: str, role: str, action: str, decision: str, model: str = "", pixels: Sequence[int] = ()) -> None:
    """Record one event. The image itself is not kept, only its digest."""
    event = {
        "request": request_id,
        "role": role,
        "action": action,
        "decision": decision,
        "model": model,
        "input_sha256": hashlib.sha256(bytes(pixels)).hexdigest() if pixels else "",
    }
    audit_log.info(json.dumps(event, sort_keys=True))

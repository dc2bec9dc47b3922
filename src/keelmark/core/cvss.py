"""Severity in words from a CVSS vector: version 3 by its published formula."""

from __future__ import annotations

import math

__all__ = ["base_score", "severity"]

_ATTACK_VECTOR = {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}
_COMPLEXITY = {"L": 0.77, "H": 0.44}
_PRIVILEGES = {"N": 0.85, "L": 0.62, "H": 0.27}
_PRIVILEGES_CHANGED = {"N": 0.85, "L": 0.68, "H": 0.5}
_INTERACTION = {"N": 0.85, "R": 0.62}
_IMPACT = {"H": 0.56, "L": 0.22, "N": 0.0}
_LEVELS = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))


def severity(vector: str) -> str:
    """`critical`, `high`, `medium` or `low`; "" when the vector is of another version or broken, or scores zero."""
    score = base_score(vector)
    if score is None:
        return ""
    return next((word for least, word in _LEVELS if score >= least), "")


def base_score(vector: str) -> float | None:
    """The base score of a CVSS 3.0 or 3.1 vector; None when it cannot be read."""
    if not vector.startswith(("CVSS:3.0/", "CVSS:3.1/")) or len(vector) > 200:
        return None
    metrics = dict(part.split(":", 1) for part in vector.split("/") if ":" in part)
    try:
        is_changed = {"C": True, "U": False}[metrics["S"]]
        privileges = (_PRIVILEGES_CHANGED if is_changed else _PRIVILEGES)[metrics["PR"]]
        exploitability = (
            8.22
            * _ATTACK_VECTOR[metrics["AV"]]
            * _COMPLEXITY[metrics["AC"]]
            * privileges
            * _INTERACTION[metrics["UI"]]
        )
        kept = math.prod(1 - _IMPACT[metrics[key]] for key in ("C", "I", "A"))
    except KeyError:
        return None
    base = 1 - kept
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if is_changed else 6.42 * base
    if impact <= 0:
        return 0.0
    return _rounded_up(min((1.08 if is_changed else 1.0) * (impact + exploitability), 10.0))


def _rounded_up(value: float) -> float:
    # The standard rounds up over integers, so that float noise cannot lift a score.
    scaled = round(value * 100_000)
    return scaled / 100_000 if scaled % 10_000 == 0 else (scaled // 10_000 + 1) / 10

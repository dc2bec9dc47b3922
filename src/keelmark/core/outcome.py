"""The small closed vocabularies: outcome, severity, confidence, gate, verdict, area."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Area", "Audience", "Confidence", "Gate", "Outcome", "Severity", "Status", "Verdict"]


class Outcome(StrEnum):
    """What a rule says. Unknown is never pass."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How much harm the defect can do, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def weight(self) -> int:
        """4 for critical down to 0 for info; higher weighs more."""
        return _WEIGHTS[self]


_WEIGHTS = {
    Severity.CRITICAL: 4,
    Severity.HIGH: 3,
    Severity.MEDIUM: 2,
    Severity.LOW: 1,
    Severity.INFO: 0,
}


class Confidence(StrEnum):
    """How sure the rule is that what it says is so."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Audience(StrEnum):
    """Who can act on the finding."""

    ML_ENGINEER = "ml-engineer"
    SECURITY_ENGINEER = "security-engineer"
    RISK_OWNER = "risk-owner"


class Gate(StrEnum):
    """What a failure of a recommendation does to the release, as the catalogue says."""

    BLOCK = "block"
    WARN = "warn"
    INFO = "info"


class Status(StrEnum):
    """Where a recommendation of the catalogue stands after a run."""

    PASS = "pass"  # noqa: S105 - a status, not a password
    FAIL = "fail"
    WAIVED = "waived"
    ATTESTED = "attested"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """The release decision."""

    RELEASE = "release"
    DO_NOT_RELEASE = "do-not-release"
    NOT_ENOUGH_EVIDENCE = "not-enough-evidence"


class Area(StrEnum):
    """The four areas of the guidelines, in their order."""

    DESIGN = "secure_design"
    DEVELOPMENT = "secure_development"
    DEPLOYMENT = "secure_deployment"
    OPERATION = "secure_operation"

"""How parts of an interface stop: a request that is refused, an answer that cannot be checked."""

from __future__ import annotations

from keelmark.errors import KeelmarkError

__all__ = ["AnswerError", "RefusedError"]


class RefusedError(KeelmarkError):
    """A request cannot go on; each interface turns it into a decision.

    Args:
        reason: Id of the reason, as the table of refusals knows it.
        detail: What the caller may read besides.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"request was refused: {reason}")
        self.reason = reason
        self.detail = detail


class AnswerError(KeelmarkError):
    """An answer of an upstream is not what its interface promises, or says that it failed.

    Args:
        reason: Id of the reason, as the table of refusals knows it.
        message: What is wrong with it; for records, not for callers.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

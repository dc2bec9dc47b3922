"""Everything that Keelmark raises on purpose.

    KeelmarkError                   base; carries a message, a hint and a place
    ├── UsageError                  the command line asks for something that cannot be
    ├── ConfigurationError          keelmark.yaml or a setting is wrong; names file and line
    ├── CatalogueError              the packaged guidelines data is damaged
    ├── ParseError                  bytes are not what their format promises
    ├── LimitExceededError          a named bound was reached; the answer is unknown
    ├── RuleError                   a rule breaks its contract (a defect of the rule)
    ├── StoreError                  evidence could not be read or written
    ├── TrustError                  a key, signature or envelope cannot be relied on
    ├── UnsafeLoadError             a guarded load asked for what is not known to be harmless
    ├── ScreenedError               a text on its way through the gateway must not go on
    └── InterruptedRunError         the run was stopped; what was found so far is kept

People see message and hint; the traceback comes with `--verbose`.
"""

from __future__ import annotations

__all__ = [
    "CatalogueError",
    "ConfigurationError",
    "InterruptedRunError",
    "KeelmarkError",
    "LimitExceededError",
    "ParseError",
    "RuleError",
    "ScreenedError",
    "StoreError",
    "TrustError",
    "UnsafeLoadError",
    "UsageError",
]


class KeelmarkError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: What is wrong, in lower case, the user's value in backticks.
        hint: What to do about it.
        path: The file it is about, if any.
        line: The line in that file, counted from 1.
    """

    def __init__(
        self, message: str, *, hint: str = "", path: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path
        self.line = line

    @property
    def place(self) -> str:
        """`path:line`, as far as known."""
        if self.path is None:
            return ""
        return self.path if self.line is None else f"{self.path}:{self.line}"


class UsageError(KeelmarkError):
    """The command line asks for something that cannot be."""


class ConfigurationError(KeelmarkError):
    """`keelmark.yaml` or a setting is wrong."""


class CatalogueError(KeelmarkError):
    """The packaged guidelines data is damaged."""


class ParseError(KeelmarkError):
    """Bytes are not what their format promises."""


class LimitExceededError(KeelmarkError):
    """A named bound was reached, so the answer is unknown."""


class RuleError(KeelmarkError):
    """A rule breaks its contract."""


class StoreError(KeelmarkError):
    """Evidence could not be read or written."""


class TrustError(KeelmarkError):
    """A key, signature or envelope cannot be relied on."""


class UnsafeLoadError(KeelmarkError):
    """What is loaded inside of a guard asked for something that is not known to be harmless."""


class ScreenedError(KeelmarkError):
    """A text on its way through the gateway must not go on.

    Args:
        reason: Id of the reason, as the table of refusals knows it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"text was stopped: {reason}")
        self.reason = reason


class InterruptedRunError(KeelmarkError):
    """The run was stopped by its user."""

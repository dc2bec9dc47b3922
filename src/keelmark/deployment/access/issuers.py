"""Tokens of several issuers: each is judged by the rules of the one that it names, and by no others.

1. The claim `iss` chooses the rules before anything is verified; the rules then verify the token, that claim included.
2. Two issuers cannot name the same caller: with several, each has a prefix of its own that stands before its subjects, and no
   prefix is the beginning of another.
3. A token of none of them is not believed, and costs no more than reading it.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from keelmark.core.principal import Principal
from keelmark.deployment.access.recent import Recent
from keelmark.deployment.access.tokens import issuer_of
from keelmark.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import datetime

    from keelmark.deployment.access.tokens import TokenVerifier

__all__ = ["MAX_ISSUERS", "Issuers"]

MAX_ISSUERS: Final = 16
"""Issuers that are believed at the same time."""

_MAX_REMEMBERED = 4_096


class Issuers:
    """Believes the tokens of several issuers.

    Args:
        verifiers: One for each issuer.

    Raises:
        ConfigurationError: Two are the same, or could name the same caller.
    """

    __slots__ = ("_by_issuer", "_max_bytes", "_only", "_remembered")

    def __init__(self, verifiers: Sequence[TokenVerifier]) -> None:
        _check(verifiers)
        self._by_issuer = {each.settings.issuer: each for each in verifiers}
        self._only = verifiers[0] if len(verifiers) == 1 else None
        self._max_bytes = max((each.settings.max_token_bytes for each in verifiers), default=0)
        # Only of tokens that were right, so that nobody can push others out with wrong ones.
        self._remembered: Recent[bytes, TokenVerifier] = Recent(_MAX_REMEMBERED)

    def start(self, now_ns: int) -> None:
        """Begin to fetch the keys of all issuers."""
        for each in self._by_issuer.values():
            each.keys.start(now_ns)

    def verify(
        self, token: str, *, now: datetime, now_ns: int
    ) -> Principal | Awaitable[Principal | None] | None:
        """Who calls with a token; as `TokenVerifier.verify`."""
        if self._only is not None:
            return self._only.verify(token, now=now, now_ns=now_ns)
        if len(token) > self._max_bytes or not token.isascii():
            return None
        digest = sha256(token.encode()).digest()
        verifier = self._remembered.get(digest)
        if verifier is None:
            named = issuer_of(token)
            verifier = None if named is None else self._by_issuer.get(named)
            if verifier is None:
                return None
        found = verifier.verify(token, now=now, now_ns=now_ns)
        if isinstance(found, Principal):
            self._remembered.put(digest, verifier)
        return found


def _check(verifiers: Sequence[TokenVerifier]) -> None:
    if len(verifiers) > MAX_ISSUERS:
        raise ConfigurationError(f"more than {MAX_ISSUERS} issuers of tokens")
    if len({each.settings.issuer for each in verifiers}) < len(verifiers):
        raise ConfigurationError(
            "one issuer of tokens is named twice", hint="one entry, with all its audiences"
        )
    if len(verifiers) < 2:
        return
    prefixes = sorted(each.settings.subject_prefix for each in verifiers)
    # Sorted, the beginning of another stands right before something that begins with it.
    if not prefixes[0] or any(after.startswith(before) for before, after in pairwise(prefixes)):
        raise ConfigurationError(
            "several issuers of tokens could name the same caller",
            hint="give each a `subject_prefix` of its own, such as `staff:`, none of which begins with another",
        )

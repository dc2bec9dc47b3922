"""Approvals that several machines share, in Redis or Valkey. It keeps the promises of `core/approvals`.

One script does each act at one moment, by the clock of the server. A question is asked once: an approval whose taking
cannot be told counts as taken, and lets nothing through.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.approvals import Approval, ApprovalBounds, approval_key, caller_key
from keelmark.errors import StoreError
from keelmark.store.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.secret import Secret

__all__ = ["RedisApprovals"]

_SCRIPT = "approvals.lua.txt"
_WHAT = "shared approvals"
_DECODER = msgspec.json.Decoder(Approval)


class RedisApprovals:
    """An `ApprovalStore` on one server.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with the password where there is one.
        name: Gateways that name the same share their approvals.
        timeout_s: What one question may take.
        bounds: How much is kept, and how long.

    Raises:
        ConfigurationError: It is no such address.
    """

    __slots__ = ("_bounds", "_keys", "_place", "_script", "_server")

    def __init__(
        self, url: Secret, *, name: str, timeout_s: float, bounds: ApprovalBounds | None = None
    ) -> None:
        self._server = RedisServer(url, what=_WHAT, timeout_s=timeout_s)
        self._bounds = bounds or ApprovalBounds()
        # One tag: servers that are spread over machines keep them together.
        self._place = f"keelmark:{{{name}}}:approvals"
        self._keys = [f"{self._place}:{each}" for each in ("documents", "order", "index", "granted")]
        self._script = files(__package__).joinpath(_SCRIPT).read_text("utf-8")

    def put(self, asked: Approval) -> bool:
        """Let something wait for a person; see `ApprovalStore`."""
        document = msgspec.json.encode(asked)
        if len(document) > self._bounds.max_bytes:
            raise StoreError("what waits for an approval is too long to be kept")
        key = approval_key(asked.principal, asked.digest)
        keys = [*self._keys, f"{self._place}:of:{caller_key(asked.principal)}"]
        most, of_each = self._bounds.max_waiting, self._bounds.max_of_each
        return self._told("put", self._waits_ms, asked.id, key, document, most, of_each, keys=keys)

    def waiting(self) -> Sequence[Approval]:
        """What was not decided yet, oldest first; see `ApprovalStore`."""
        found = self._server.run(self._script, self._keys, "waiting", self._waits_ms)
        try:
            return [_DECODER.decode(each) for each in msgspec.convert(found, list[bytes])]
        except (msgspec.MsgspecError, RecursionError):
            raise StoreError(f"{_WHAT}: the server gave an answer that cannot be read") from None

    def decide(self, id: str, *, is_allowed: bool) -> bool:  # noqa: A002 - as the control plane calls it
        """Decide once; see `ApprovalStore`."""
        valid_ms = round(self._bounds.valid_s * 1000)
        return self._told(
            "decide", self._waits_ms, id, "1" if is_allowed else "0", valid_ms, self._bounds.max_granted
        )

    def take(self, principal: str, digest: str) -> bool:
        """Use up an approval; see `ApprovalStore`."""
        return self._told("take", approval_key(principal, digest))

    def close(self) -> None:
        """Release the connections."""
        self._server.close()

    @property
    def _waits_ms(self) -> int:
        return round(self._bounds.waits_s * 1000)

    def _told(self, act: str, *arguments: str | bytes | int, keys: Sequence[str] = ()) -> bool:
        found = self._server.run(self._script, keys or self._keys, act, *arguments)
        if type(found) is not int or found not in {0, 1}:
            raise StoreError(f"{_WHAT}: the server gave an answer that cannot be read")
        return found == 1

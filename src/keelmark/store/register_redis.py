"""A register in Redis or Valkey: one key that does not end, changed by one script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.register import MAX_REGISTER_BYTES
from keelmark.errors import StoreError
from keelmark.store.redis_server import RedisServer

if TYPE_CHECKING:
    from keelmark.core.secret import Secret

__all__ = ["RedisRegister"]

_LOOK = "return redis.call('GET', KEYS[1])"
_SWAP = """
local found = redis.call('GET', KEYS[1])
if ARGV[1] == '0' and found or ARGV[1] == '1' and found ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3])
return 1
"""
_PAUSE_S = 0.25


class RedisRegister:
    """A `Register` on one server.

    Args:
        url: `redis://`, `rediss://` or `unix://`, with the password where there is one.
        gateway: Gateways that name the same share it.
        name: Of the register.
        timeout_s: What one question may take.

    Raises:
        ConfigurationError: It is no such address.
    """

    __slots__ = ("_key", "_server", "_what")

    def __init__(self, url: Secret, *, gateway: str, name: str, timeout_s: float) -> None:
        self._what = f"shared {name}"
        self._server = RedisServer(url, what=self._what, timeout_s=timeout_s, pause_s=_PAUSE_S)
        self._key = f"keelmark:{{{gateway}}}:{name}"

    def look(self) -> bytes | None:
        """What is there; see `Register`."""
        found = self._server.run(_LOOK, [self._key])
        if found is not None and (type(found) is not bytes or len(found) > MAX_REGISTER_BYTES):
            raise StoreError(f"{self._what}: the server gave an answer that cannot be read")
        return found

    def swap(self, seen: bytes | None, new: bytes) -> bool:
        """Put something else there; see `Register`."""
        found = self._server.run(_SWAP, [self._key], "0" if seen is None else "1", seen or b"", new)
        if type(found) is not int or found not in {0, 1}:
            raise StoreError(f"{self._what}: the server gave an answer that cannot be read")
        return found == 1

    def close(self) -> None:
        """Release the connections."""
        self._server.close()
